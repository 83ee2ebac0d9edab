//! Called as `pm2`: its exit codes, its options anywhere, its order of selectors, its home.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use pm_testkit::{Home, Invocation, fixture, pm};

use crate::apps::up;

/// A home, and the program under another name.
pub(crate) fn named(name: &str) -> Home {
    let home = Home::new();
    let link = home.work().join("bin").join(name);
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(pm(), &link).unwrap();
    home.with_program(link)
}

/// In a home that PM2's variable names.
pub(crate) fn in_pm2_home(home: &Home, words: &[&str]) -> Invocation {
    home.pm(words).env("PM_HOME", "").env("PM2_HOME", home.home().root())
}

#[test]
fn pm2_knows_success_and_one_only() {
    let home = named("pm2");
    home.run(["stop", "nope"]).ends(1);
    home.run(["nosuch"]).ends(1).complains("Command not found");
    home.run(["stop"]).ends(1);
    home.run(["list", "--nonsense"]).ends(1);
    home.run(["start", "nofile.js"]).ends(1);
    home.run(["stop", "all"]).ends(1).complains("No process found");
    home.run(["delete", "all"]).ends(1);
    home.run(["ping"]).ok();
    home.run(["delete", "all"]).ends(1).complains("No process found");
    home.run(["describe", "nope"]).ends(1);
    home.run(["reset", "nope"]).ends(1);
    home.run(["scale", "nope", "2"]).ends(1);
    home.run(["flush", "nope"]).ok();
    assert_eq!(home.run(["id", "nope"]).ok().out(), "[]\n");
    assert_eq!(home.run(["pid", "nope"]).ok().out(), "\n");
}

/// Nothing is begun beside a PM2 that lives in the home, and who only looks is told.
fn beside_a_rival(home: &Home, pid: u32) {
    let names_it = format!("PM2 itself runs there, pid {pid}");
    for words in
        [&["start", "/bin/true"][..], &["resurrect"], &["ping"], &["stop", "web"], &["save"]]
    {
        let run = in_pm2_home(home, words).run().ends(1);
        run.complains(&format!("error: could not use {}", home.home().root().display()))
            .complains(&names_it)
            .complains("end it with PM2's own `pm2 kill` after `pm2 save`");
    }
    for words in [&["list"][..], &["jlist"], &["pid"], &["kill"], &["flush", "all"], &["update"]] {
        in_pm2_home(home, words).run().ok().complains("warning: could not").complains(&names_it);
    }
    in_pm2_home(home, &["stop", "all"]).run().ends(1).complains(&names_it);
    in_pm2_home(home, &["guardian", "--foreground"]).run().ends(1).complains(&names_it);
    assert!(!home.home().socket().exists(), "a guardian was begun beside PM2");
}

#[test]
fn a_living_pm2_keeps_its_home_to_itself() {
    let home = named("pm2");
    let root = home.home().root();
    std::fs::create_dir(root).unwrap();
    let listener = UnixListener::bind(root.join("rpc.sock")).unwrap();
    beside_a_rival(&home, std::process::id());
    drop(listener);
    // One whose socket is elsewhere, or lost.
    let mut rival =
        Command::new("sleep").arg0("PM2 v7.0.4: God Daemon (/h)").arg("1000").spawn().unwrap();
    std::fs::write(root.join("pm2.pid"), rival.id().to_string()).unwrap();
    beside_a_rival(&home, rival.id());
    rival.kill().unwrap();
    rival.wait().unwrap();
    // Its files stay behind when it is killed.
    in_pm2_home(&home, &["ping"]).run().ok();
    in_pm2_home(&home, &["kill"]).run().ok();
}

#[test]
fn p79_pm_takes_nothing_to_do_for_done() {
    let home = Home::new();
    home.run(["stop", "all"]).ok();
    home.run(["ping"]).ok();
    home.run(["delete", "all"]).ok();
}

#[test]
fn options_of_pm2_are_taken_anywhere_and_by_every_command() {
    let home = named("pm2");
    let program = fixture();
    let program = program.to_str().unwrap();
    let words =
        ["--name", "app", "-i", "2", "start", program, "--no-pmx", "--", "--live", "forever"];
    home.run(words).ok();
    assert_eq!(home.run(["-m", "id", "app", "--sort", "cpu"]).ok().out(), "[ 0, 1 ]\n");
    let run = home.run(["--watch-delay", "3", "-k", "3000", "stop", "app"]).ok();
    run.complains("warning: --watch-delay has no effect on this command").complains("-k has no");
    assert_eq!(home.run(["list", "-v"]).ok().out().trim(), env!("CARGO_PKG_VERSION"));
    let home = Home::new();
    home.run(["list", "--name", "x"]).ends(2).complains("error: --name has no effect");
}

#[test]
fn an_expression_selects_by_name() {
    let home = Home::new();
    for name in ["web-1", "web-2", "api"] {
        up(&home, name);
    }
    home.run(["stop", "/^web/"]).ok();
    let status = |name: &str| {
        let rows = home.run(["list", name, "--json"]).ok().json();
        rows[0]["status"].as_str().unwrap().to_owned()
    };
    let all = ["web-1", "web-2", "api"].map(status);
    assert_eq!(all, ["stopped", "stopped", "online"]);
    home.run(["stop", "/^nope/"]).ends(1).complains("no app matches /^nope/");
    home.run(["stop", "/(/"]).ends(2);
}

#[test]
fn a_script_selects_every_app_that_runs_it() {
    let home = Home::new();
    let script = home.script("run", "exec sleep 1000");
    for name in ["one", "two"] {
        home.run(["start", script.to_str().unwrap(), "--name", name]).ok();
    }
    home.pm(["stop", "run"]).dir(script.parent().unwrap()).run().ok().says("two");
    let rows = home.run(["list", "--json"]).ok().json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "stopped"), "{rows}");
}

#[test]
fn p52_pm2_takes_the_first_kind_of_word_and_pm_asks() {
    let home = named("pm2");
    let program = fixture();
    let begin = |name: &str, namespace: &str| {
        let words = ["start", program.to_str().unwrap(), "--name", name, "--namespace", namespace];
        home.run(words.into_iter().chain(["--", "--live", "forever"])).ok();
    };
    begin("both", "x");
    begin("other", "both");
    home.run(["stop", "both"]).ok();
    let rows = home.run(["list", "--json"]).ok().json();
    assert_eq!(rows[0]["status"], "stopped", "the name");
    assert_eq!(rows[1]["status"], "online", "not the namespace");
    let pm = home.with_program(pm());
    pm.run(["stop", "both"]).ends(1).complains("ns:both");
}

#[test]
fn prettylist_can_be_counted_and_jlist_read() {
    let home = named("pm2");
    let program = fixture();
    let words =
        ["start", program.to_str().unwrap(), "--name", "counted", "--", "--live", "forever"];
    home.pm(words).env("COLOUR", "red").run().ok();
    let pretty = home.run(["prettylist"]).ok().out();
    let count = |text: &str| pretty.matches(text).count();
    assert!(pretty.starts_with("[\n  {\n"), "{pretty}");
    for (text, times) in [
        ("name: 'counted'", 2),
        ("restart_time: ", 1),
        ("status: 'online'", 1),
        ("exec_mode: 'fork_mode'", 1),
        ("COLOUR: 'red'", 2),
        // Once more for a Node app, whose metrics have a name.
        ("counted", 6),
    ] {
        assert_eq!(count(text), times, "{text}\n{pretty}");
    }
    assert_eq!(
        home.run(["jlist"]).ok().json()[0]["pm2_env"]["env"]["counted"],
        serde_json::json!({})
    );
    home.run(["slist"]).ok().says("'RAM Usage': {");
    home.run(["sysinfos", "-t"]).ok().says("├─ RAM Usage\n│  ├─ value: ");
}

#[test]
fn a_pm2_home_has_pm2s_files() {
    let home = named("pm2");
    let program = fixture();
    let moved = home.work().join("elsewhere");
    let words = ["start", program.to_str().unwrap(), "--name", "a b", "--", "--live", "forever"];
    let run = in_pm2_home(&home, &words).env("PM2_DEFAULT_PID_PATH", &moved).run().ok();
    assert_eq!(run.code, 0);
    let root = home.home().root();
    for file in ["pm2.log", "pm2.pid", "logs/a-b-out.log", "logs/a-b-error.log"] {
        assert!(root.join(file).exists(), "{file}");
    }
    assert!(moved.join("a-b-0.pid").exists());
    assert!(!root.join("pm.log").exists());
    let pid: u32 = std::fs::read_to_string(root.join("pm2.pid")).unwrap().trim().parse().unwrap();
    assert_eq!(in_pm2_home(&home, &["ping", "--json"]).run().ok().json()["pid"], pid);
    in_pm2_home(&home, &["kill"]).run().ok();
    assert!(!root.join("pm2.pid").exists());
}

#[test]
fn what_needs_pm2s_cloud_or_npm_says_what_there_is_instead() {
    let home = Home::new();
    for verb in ["link", "unlink", "plus", "register", "login", "logout", "open"] {
        home.run([verb, "a", "--b"]).ends(1).complains("nothing leaves this machine");
    }
    home.run(["install", "pm2-logrotate"]).ok().says("built in");
    home.run(["module:install", "left-pad"]).ends(1).complains("npm modules");
    home.run(["uninstall", "pm2-logrotate"]).ok();
    for verb in ["package", "publish", "module:generate", "profile:cpu", "profile:mem"] {
        home.run([verb]).ends(1);
    }
    home.run(["install-otel"]).ends(1).complains("OpenTelemetry");
}

#[test]
fn cleardump_empties_what_is_saved_and_nothing_else() {
    let home = Home::new();
    up(&home, "app");
    home.run(["save"]).ok();
    home.run(["cleardump"]).ok();
    let saved: PathBuf = home.home().saved();
    let saved: serde_json::Value = serde_json::from_slice(&std::fs::read(saved).unwrap()).unwrap();
    assert_eq!(saved["apps"], serde_json::json!([]));
    home.run(["list"]).ok().says("online");
}

#[test]
fn pm2s_saved_list_is_read_where_pm2_wrote_it_last_and_written_for_it() {
    let home = named("pm2");
    let script = home.script("run", "echo $MINE $HOME; exec sleep 1000");
    let record = |name: &str, status: &str, number: u32| {
        serde_json::json!({
            "name": name, "namespace": "old", "pm_exec_path": script, "pm_cwd": home.work(),
            "exec_interpreter": "none", "exec_mode": "fork_mode", "args": ["a b"], "status": status,
            "env": { "MINE": "theirs", "PATH": "/usr/bin:/bin", "unique_id": "x", name: {} },
            "pm_out_log_path": home.work().join(format!("{name}-out-{number}.log")),
            "pm_err_log_path": home.work().join(format!("{name}-error-{number}.log")),
            "pm_pid_path": home.work().join(format!("{name}-{number}.pid")),
            "kill_timeout": 2500, "restart_time": 9,
        })
    };
    let list =
        [record("two", "online", 0), record("two", "online", 1), record("down", "stopped", 2)];
    let root = home.home().root();
    let dump = root.join("dump.pm2");
    in_pm2_home(&home, &["ping"]).run().ok();
    std::fs::write(&dump, serde_json::to_vec(&list).unwrap()).unwrap();
    in_pm2_home(&home, &["resurrect"]).run().ok().says("two");
    let all = in_pm2_home(&home, &["jlist"]).run().ok().json();
    let all = all.as_array().unwrap();
    let what = |one: &serde_json::Value| {
        let env = &one["pm2_env"];
        (one["name"].clone(), env["status"].clone(), env["kill_timeout"].clone())
    };
    let told: Vec<_> = all.iter().map(what).collect();
    let up = ("two".into(), "online".into(), 2500.into());
    assert_eq!(told, [up.clone(), up, ("down".into(), "stopped".into(), 2500.into())]);
    home.wait_file(home.work().join("two-out-1.log"), |bytes| bytes == b"theirs\n");

    // Ours, as PM2 would read it; and then it is ours that counts.
    in_pm2_home(&home, &["delete", "down"]).run().ok();
    in_pm2_home(&home, &["save"]).run().ok();
    let written: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&dump).unwrap()).unwrap();
    assert_eq!(written.as_array().unwrap().len(), 2);
    assert_eq!(written[0]["pm_exec_path"], script.to_str().unwrap());
    assert_eq!(written[1]["env"]["MINE"], "theirs");
    for key in ["pm_id", "instances", "prev_restart_delay"] {
        assert!(written[0].get(key).is_none(), "{key}");
    }
    assert_eq!(
        std::fs::read(root.join("dump.pm2.bak")).unwrap(),
        serde_json::to_vec(&list).unwrap()
    );
    in_pm2_home(&home, &["delete", "all"]).run().ok();
    let run = in_pm2_home(&home, &["resurrect"]).run().ok();
    assert!(!run.err.contains("which PM2 wrote"), "{}", run.err);
    assert_eq!(in_pm2_home(&home, &["jlist"]).run().ok().json().as_array().unwrap().len(), 2);

    // PM2 was here again, and its disk was full.
    std::fs::write(&dump, b"[{").unwrap();
    in_pm2_home(&home, &["delete", "all"]).run().ok();
    in_pm2_home(&home, &["resurrect"]).run().ok().complains("used the one before");
    assert_eq!(std::fs::read(root.join("dump.pm2.damaged")).unwrap(), b"[{");
    assert!(!dump.exists(), "the next reader would be fooled");
    in_pm2_home(&home, &["id", "down"]).run().ok().says("[ ");
}

#[test]
fn pm2_is_not_told_off_for_saving_nothing() {
    let home = named("pm2");
    home.run(["save"]).ok();
    home.run(["save"]).ok().complains("warning: ");
    Home::new().run(["save"]).ends(3);
}

#[test]
fn what_runs_to_its_end_at_once_is_well_for_pm2_and_told_by_pm() {
    let home = named("pm2");
    home.run(["start", "true"]).ok().says("ran to its end");
    home.run(["delete", "all"]).ok();
    home.run(["start", "false"]).ends(1).says("failed: exited with code 1");
    let home = Home::new();
    let run = home.run(["start", "true"]).ends(1).says("ran to its end (exit code 0)");
    run.complains("hint: ").complains("autorestart: false");
    home.run(["start", "true", "--name", "job", "--no-autorestart"]).ok().says("ran to its end");
}

#[test]
fn the_reason_of_a_failure_stands_last() {
    let home = Home::new();
    let out = home.run(["start", "false"]).ends(1).out();
    let (table, reason) = (out.find("namespace"), out.find("failed: exited with code 1"));
    assert!(table.is_some() && table < reason, "{out}");
}

#[test]
fn one_bad_app_of_a_file_does_not_stop_the_others_of_pm2() {
    let home = named("pm2");
    let good = home.script("good", "exec sleep 1000");
    let file = home.file(
        "apps.json5",
        format!("{{ apps: [{{ name: 'bad', script: './nowhere.js' }}, {{ name: 'good', script: {good:?} }}] }}"),
    );
    let words = ["start", file.to_str().unwrap()];
    home.run(words).ends(1).says("good").complains("nowhere.js");
    let status = |home: &Home| home.rows().iter().map(|row| row.name.clone()).collect::<Vec<_>>();
    assert_eq!(status(&home), ["good"]);
    // Nothing of a file that can't be read as a whole.
    let file = home.file("broken.json5", "{ apps: [{ name: 'x', script: './run'");
    home.run(["start", file.to_str().unwrap()]).ends(1);
    // As pm, all or nothing.
    let own = Home::new();
    own.run(words).ends(2).complains("nothing was done");
    assert_eq!(own.run(["list", "--json"]).ok().out().trim(), "[]");
}

#[test]
fn null_takes_a_parameter_away() {
    let home = named("pm2");
    let program = fixture();
    let words =
        ["start", program.to_str().unwrap(), "--name", "app", "--max-memory-restart", "90M"];
    home.run(words.into_iter().chain(["--kill-timeout", "900", "--", "--live", "forever"])).ok();
    home.run(["restart", "app", "--max-memory-restart=null", "--kill-timeout", "null"]).ok();
    let env = &home.run(["jlist"]).ok().json()[0]["pm2_env"];
    for key in ["max_memory_restart", "kill_timeout"] {
        assert_eq!(env[key], serde_json::Value::Null, "{key} is as usual and not listed\n{env}");
    }
    assert_eq!(env["args"], serde_json::json!(["--live", "forever"]));
}

#[test]
fn jlist_says_what_a_file_said() {
    let home = named("pm2");
    let script = home.script("run", "exec sleep 1000");
    for folder in ["src", "lib"] {
        home.file(format!("{folder}/x"), "");
    }
    let file = home.file(
        "apps.json5",
        format!(
            "{{ name: 'app', script: {script:?}, watch: ['src', 'lib'], ignore_watch: ['src/tmp'], restart_delay: 4000, \
             listen_timeout: 3000, time: true, watch_options: {{ usePolling: true, interval: 700 }} }}"
        ),
    );
    home.run(["start", file.to_str().unwrap()]).ok();
    let env = home.run(["jlist"]).ok().json()[0]["pm2_env"].clone();
    let is_so = |key: &str, value: serde_json::Value| assert_eq!(env[key], value, "{key}");
    is_so("watch", serde_json::json!(["src", "lib"]));
    is_so("ignore_watch", serde_json::json!(["src/tmp"]));
    is_so("restart_delay", 4000.into());
    is_so("listen_timeout", 3000.into());
    is_so("time", true.into());
    is_so("watch_options", serde_json::json!({ "usePolling": true, "interval": 700 }));
    home.run(["stop", "app"]).ok();
    let watch = || home.run(["jlist"]).ok().json()[0]["pm2_env"]["watch"].clone();
    assert_eq!(watch(), false);
    home.run(["start", "app"]).ok();
    assert_eq!(watch(), false, "a stop takes the watch away for good");
    home.run(["restart", "app", "--watch"]).ok();
    assert_eq!(watch(), true);
}

#[test]
fn pm2_scales_down_from_the_oldest() {
    let home = named("pm2");
    let program = fixture();
    let words =
        ["start", program.to_str().unwrap(), "--name", "app", "-i", "4", "--", "--live", "forever"];
    home.run(words).ok();
    home.run(["scale", "app", "2"]).ok();
    let slots = || home.rows().iter().map(|row| row.slot).collect::<Vec<_>>();
    assert_eq!(slots(), [2, 3]);
    home.run(["scale", "app", "4"]).ok();
    let mut again = slots();
    again.sort_unstable();
    assert_eq!(again, [0, 1, 2, 3], "free slots are taken first");
}

#[test]
fn pm2_init_takes_any_word() {
    let home = named("pm2");
    home.pm(["init", "whatever"]).dir(home.work()).run().ok();
    assert!(home.work().join("ecosystem.config.js").exists());
    let home = Home::new();
    home.pm(["init", "whatever"]).dir(home.work()).run().ends(2).complains("no kind `whatever`");
}

#[test]
fn a_home_given_to_pm2_dev_is_its_home() {
    let dev = named("pm2-dev");
    let script = dev.script("app/app.sh", "echo up; exec sleep 1000");
    let mut run = dev.pm([script.to_str().unwrap(), "--raw"]).background();
    let home = dev.with_program(pm());
    run.wait_for("up\n");
    let names: Vec<_> = home.rows().into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["app"], "it is seen in the home that was given");
    run.signal(2);
    assert_eq!(run.wait(), 0);
}

#[test]
fn mini_lists_are_blocks_of_lines() {
    let home = Home::new();
    up(&home, "app");
    let blocks = home.run(["-m", "list"]).ok();
    for line in ["+--- app\n", "pm2 id : 0\n", "mode : fork\n", "error log : /", "PID file : /"] {
        assert!(blocks.out().contains(line), "{line}\n{}", blocks.out());
    }
}

#[test]
fn pm2s_knobs_are_defaults() {
    let home = Home::new();
    let program = fixture();
    let words = ["start", program.to_str().unwrap(), "--name", "app", "--", "--live", "forever"];
    let call = home.pm(words).env("PM2_KILL_SIGNAL", "SIGTERM").env("PM2_KILL_TIMEOUT", "700");
    let call = call.env("PM2_PROCESS_INSTANCE_VAR", "SLOT");
    call.env("PM2_GRACEFUL_LISTEN_TIMEOUT", "900").run().ok();
    let described = home.run(["describe", "app", "--json"]).ok().json();
    assert_eq!(described[0]["spec"]["serving"]["listen_timeout"], 900);
    let env = &home.run(["jlist"]).ok().json()[0]["pm2_env"];
    assert_eq!((&env["kill_signal"], &env["kill_timeout"]), (&"SIGTERM".into(), &700.into()));
    assert_eq!((&env["instance_var"], &env["SLOT"]), (&"SLOT".into(), &0.into()));
}

#[test]
fn flags_on_a_known_app_change_it_and_nothing_else() {
    let home = named("pm2");
    let program = fixture();
    let words = ["start", program.to_str().unwrap(), "--name", "app", "--max-restarts", "3"];
    home.pm(words.into_iter().chain(["--", "--live", "forever"])).env("MINE", "1").run().ok();
    home.run(["restart", "app", "--kill-timeout", "900", "--max-memory-restart", "90M"]).ok();
    let env = |home: &Home| home.run(["jlist"]).ok().json()[0]["pm2_env"].clone();
    let now = env(&home);
    for (key, value) in
        [("kill_timeout", 900), ("max_memory_restart", 90 << 20), ("max_restarts", 3)]
    {
        assert_eq!(now[key], value, "{key}");
    }
    assert_eq!((&now["MINE"], &now["restart_time"]), (&"1".into(), &1.into()));
    assert_eq!(now["args"], serde_json::json!(["--live", "forever"]));
    home.run(["restart", "app", "--", "--print-env", "a b", "--live", "forever"]).ok();
    assert_eq!(env(&home)["args"][1], "a b");
    home.run(["start", "app", "--name", "site"]).ok();
    let now = env(&home);
    assert_eq!((&now["name"], &now["status"]), (&"site".into(), &"online".into()));
    assert_eq!((&now["kill_timeout"], &now["MINE"]), (&900.into(), &"1".into()));
    assert_eq!((&now["pm_id"], &now["restart_time"]), (&0.into(), &3.into()), "it is the same app");
    home.run(["start", program.to_str().unwrap(), "--name", "taken", "--", "--live", "forever"])
        .ok();
    home.run(["restart", "site", "--name", "taken"]).ends(1).complains("has an app already");
    home.run(["delete", "taken"]).ok();
    assert_eq!(home.run(["jlist"]).ok().json().as_array().unwrap().len(), 1);
    home.run(["restart", "site", "--kill-timeout", "soon"]).ends(1);
    assert_eq!(home.run(["-s", "list"]).ok().out(), "", "as PM2");
    home.run(["-s", "jlist"]).ok().says("site");
}

/// Words of a text that name the program; what stands in a path or is part of another word does not.
fn names<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let is_name = |line: &&str| {
        let words = line.split(|c: char| c.is_whitespace() || "`(,;:".contains(c));
        let mut words = words.skip_while(|word| *word != name).skip(1);
        // A verb or an option follows; prose has the name, too.
        words.next().is_some_and(|next| next.starts_with(|c: char| c.is_lowercase() || c == '-'))
    };
    text.lines().filter(is_name).collect()
}

#[test]
fn what_to_type_is_said_with_the_name_it_was_called_by() {
    let home = named("pm2");
    let said = |words: &[&str], is_known: bool| {
        let run = in_pm2_home(&home, words).run();
        let told = run.out() + &run.err;
        assert!(names(&told, "pm").is_empty(), "{words:?}: {:?}", names(&told, "pm"));
        assert!(!is_known || !names(&told, "pm2").is_empty(), "{words:?}: no name in {told}");
    };
    for words in [
        &[][..],
        &["nosuch"],
        &["list", "--nonsense"],
        &["stop", "web"],
        &["set", "web"],
        &["set"],
        &["reset"],
        &["apply"],
        &["start"],
        &["deploy"],
        &["deploy", "--help"],
        &["deploy", "a.json5"],
        &["deploy", "production", "nosuch"],
        &["examples"],
        &["install", "pm2-web"],
        &["uninstall", "left-pad"],
        &["link"],
        &["startup", "systemd", "--verify"],
    ] {
        said(words, true);
    }
    in_pm2_home(&home, &["set", "a", "b"]).run().ok();
    in_pm2_home(&home, &["get"]).run().ok().says("pm2 set a b\n");
    assert!(
        in_pm2_home(&home, &["completion", "bash"]).run().ok().out().contains("complete -F _pm2")
    );
    // What the daemon answers.
    in_pm2_home(&home, &["ping"]).run().ok();
    said(&["stop", "web"], true);
    said(&["stop", "/web/"], true);
    said(&["resurrect"], true);
    in_pm2_home(&home, &["kill"]).run().ok();
}
