//! Every verb: what it does, that `--json` is JSON, that piped output is plain (pains 42, 50, 52, 72).

use std::collections::BTreeSet;

use pm_testkit::{Home, fixture, free_port, is_alive};

use crate::apps::{start, tree, up};

/// Calls of every verb that ends by itself, in an order that works from an empty home.
fn calls() -> Vec<Vec<String>> {
    let program = fixture().to_str().unwrap().to_owned();
    let port = free_port().to_string();
    let line = |words: &str| -> Vec<String> {
        let filled = words.replace("FIXTURE", &program).replace("PORT", &port);
        filled.split(' ').map(str::to_owned).collect()
    };
    [
        "list",
        "start FIXTURE --name app -i 2 --listen tcp://127.0.0.1:PORT -- --bytes 68690a --live forever",
        "list",
        "ls app",
        "status",
        "jlist",
        "describe app",
        "why app",
        "events app",
        "history app",
        "show 0",
        "env 0",
        "pid",
        "pid app",
        "id app",
        "port app",
        "top",
        "top app",
        "ping",
        "logs --nostream",
        "stop app",
        "start app",
        "restart app",
        "reload app",
        "scale app 3",
        "start jobs.json5",
        "run job",
        "wait job",
        "ps",
        "delete job",
        "reset app",
        "sendSignal 18 app",
        "flush",
        "reloadLogs",
        "save",
        "update",
        "delete app",
        "resurrect",
        "up apps.json5",
        "add shop --dry-run",
        "down apps.json5",
        "check apps.json5",
        "import supervisord.conf --dry-run",
        "takeover --undo",
        "export supervisor apps.json5",
        "completion bash",
        "domain list",
        "kill",
        "kill",
        "stop all",
    ]
    .map(line)
    .to_vec()
}

#[test]
fn p42_every_verb_speaks_json_and_nothing_else_on_stdout() {
    let home = Home::new();
    home.file("apps.json5", "{ name: 'a', script: '/bin/sh' }");
    home.file("shop/index.html", "");
    home.file("jobs.json5", "{ name: 'job', script: '/bin/true', schedule: '@yearly' }");
    home.file("supervisord.conf", "[program:a]\ncommand=/bin/sh\n");
    for words in calls() {
        let run = home.run(
            words
                .iter()
                .map(String::as_str)
                .chain(["--json"].into_iter().filter(|_| !words.contains(&"--".into()))),
        );
        let run = if words.contains(&"--".into()) {
            assert_eq!(run.code, 0, "{words:?}: {}", run.err);
            home.run(["delete", "app", "--json"]).ok().json();
            home.run(["--json"].into_iter().chain(words.iter().map(String::as_str)))
        } else {
            run
        };
        let run = run.ok();
        if words[0] == "logs" || words[0] == "events" {
            for line in run.out().lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
            continue;
        }
        run.json();
        assert_eq!(run.err, "", "{words:?} complains");
    }
}

#[test]
fn piped_output_has_no_escape_sequence_and_no_box() {
    let home = Home::new();
    home.file("apps.json5", "{ name: 'a', script: '/bin/sh' }");
    home.file("shop/index.html", "");
    home.file("jobs.json5", "{ name: 'job', script: '/bin/true', schedule: '@yearly' }");
    home.file("supervisord.conf", "[program:a]\ncommand=/bin/sh\n");
    for words in calls() {
        for (name, value) in [("NO_COLOR", ""), ("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
            // Once is enough for what changes something.
            let is_question = ["list", "describe", "jlist", "env"].contains(&words[0].as_str());
            if name == "TERM" || is_question {
                let run = home.pm(&words).env(name, value).run().ok();
                let text = run.out() + &run.err;
                assert!(
                    !text.contains('\u{1b}') && !text.contains('\u{2502}'),
                    "{words:?}: {text}"
                );
            }
        }
    }
}

#[test]
fn silence_is_silent_and_errors_are_not() {
    let home = Home::new();
    let program = fixture();
    let words =
        ["-s", "start", program.to_str().unwrap(), "--name", "app", "--", "--live", "forever"];
    let run = home.run(words).ok();
    assert_eq!((run.out(), run.err.as_str()), (String::new(), ""));
    let run = home.run(["stop", "app", "--silent"]).ok();
    assert_eq!((run.out(), run.err.as_str()), (String::new(), ""));
    home.run(["-s", "stop", "nosuch"]).ends(1).complains("error: no app matches");
    home.run(["-s", "list"]).ok().says("app");
}

#[test]
fn help_and_version_are_data() {
    let home = Home::new();
    let version = format!("{}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(home.run(["--version"]).ok().out(), version);
    assert_eq!(home.run(["-v"]).ok().out(), version);
    let help = home.run(["--help"]).ok().out();
    for verb in calls().iter().map(|words| words[0].as_str()).collect::<BTreeSet<_>>() {
        assert!(help.contains(verb), "{verb} is not in the help");
        home.run([verb, "--help"]).ok().says("Usage: pm ");
    }
    let run = home.run([""; 0]).ends(1);
    assert!(run.out().is_empty() && run.err.contains("pm start"), "{}", run.err);
    assert!(!home.home().root().exists(), "help made a home");
}

#[test]
fn p52_selectors_by_name_id_namespace_and_prefix() {
    let home = Home::new();
    for (name, namespace) in [("web", "front"), ("front", "back"), ("7", "back")] {
        start(&home, name, &["--namespace", namespace], &["--live", "forever"]).ok();
    }
    // A word that could mean two things is refused with both, and nothing is done.
    home.run(["stop", "front"])
        .ends(1)
        .complains("name:front (ids 1)")
        .complains("ns:front (ids 0)");
    home.run(["stop", "web", "front"]).ends(1);
    assert!(home.rows().iter().all(|row| row.status.as_str() == "online"), "something was stopped");
    let down = |words: &[&str], ids: &[u32]| {
        home.run(["restart", "all"]).ok();
        home.run(["stop"].iter().chain(words)).ok();
        let rows = home.rows();
        let stopped: Vec<_> =
            rows.iter().filter(|row| row.status.as_str() == "stopped").map(|row| row.id).collect();
        assert_eq!(stopped, ids, "{words:?}");
    };
    down(&["name:front"], &[1]);
    down(&["ns:front"], &[0]);
    down(&["ns:back"], &[1, 2]);
    down(&["back"], &[1, 2]);
    down(&["id:2"], &[2]);
    down(&["7"], &[2]);
    down(&["web", "2"], &[0, 2]);
    down(&["all"], &[0, 1, 2]);
}

#[test]
fn dash_reads_a_config_from_standard_input() {
    let home = Home::new();
    let text = format!("{{ name: 'piped', script: {:?}, args: '--live forever' }}", fixture());
    home.pm(["start", "-"]).input(text.clone()).run().ok();
    assert_eq!(home.row("piped").status.as_str(), "online");
    home.pm(["restart", "-"]).input(text.clone()).run().ok();
    home.pm(["stop", "-"]).input(text.clone()).run().ok();
    assert_eq!(home.row("piped").status.as_str(), "stopped");
    home.pm(["delete", "-"]).input(text).run().ok();
    assert!(home.rows().is_empty());
    home.pm(["start", "-"]).input("{ name: ").run().ends(2).complains("stdin:1:");
}

#[test]
fn scale_goes_up_and_down_and_takes_the_newest() {
    let home = Home::new();
    up(&home, "app");
    let ids = || home.rows().iter().map(|row| row.id).collect::<Vec<_>>();
    home.run(["scale", "app", "4"]).ok();
    assert_eq!(ids(), [0, 1, 2, 3]);
    home.run(["scale", "app", "-2"]).ok();
    assert_eq!(ids(), [0, 1]);
    home.run(["scale", "app", "+1"]).ok();
    assert_eq!(ids().len(), 3);
    home.run(["scale", "app", "3"]).ok();
    home.run(["scale", "app", "0"]).ends(2);
    home.run(["scale", "app", "-3"]).ends(2);
    assert_eq!(tree(&home, "app").len(), 3);
}

#[test]
fn reset_makes_counters_zero() {
    let home = Home::new();
    up(&home, "app");
    home.run(["restart", "app"]).ok();
    assert_eq!(home.row("app").restarts, 1);
    home.run(["reset", "app"]).ok();
    assert_eq!(home.row("app").restarts, 0);
}

#[test]
fn signals_reach_the_main_process_by_name_and_number() {
    let home = Home::new();
    let script = home
        .script("app", "trap 'echo one' USR1; trap 'echo two' USR2; while :; do sleep 0.02; done");
    home.run(["start", script.to_str().unwrap()]).ok();
    let file = home.home().logs().join("app-out.log");
    home.run(["sendSignal", "SIGUSR1", "app"]).ok();
    home.wait_file(&file, |bytes| bytes == b"one\n");
    home.run(["sendSignal", "12", "app"]).ok();
    home.wait_file(&file, |bytes| bytes == b"one\ntwo\n");
    home.run(["sendSignal", "usr1", "0"]).ok();
    home.wait_file(&file, |bytes| bytes == b"one\ntwo\none\n");
    assert_eq!(home.row("app").restarts, 0);
}

#[test]
fn pid_and_id_are_for_scripts() {
    let home = Home::new();
    start(&home, "app", &["-i", "2"], &["--live", "forever"]).ok();
    let pids: Vec<_> = home.rows().iter().map(|row| row.pid.to_string()).collect();
    assert_eq!(home.run(["pid", "app"]).ok().out().lines().collect::<Vec<_>>(), pids);
    assert_eq!(home.run(["pid", "1"]).ok().out(), format!("{}\n", pids[1]));
    assert_eq!(home.run(["id", "app"]).ok().out(), "[ 0, 1 ]\n");
    home.run(["stop", "app"]).ok();
    assert_eq!(home.run(["pid", "1"]).ok().out(), "0\n");
}

#[test]
fn top_shows_each_process_of_an_app() {
    let home = Home::new();
    home.script("app", "sleep 1001 & sleep 1002; wait");
    home.run(["start", "./app"]).ok();
    up(&home, "other");
    home.wait_until("its tree is there", || tree(&home, "app").len() == 3);
    let pids = tree(&home, "app");
    let told = home.run(["top", "app", "--json"]).ok().json();
    let told = told.as_array().unwrap();
    let number =
        |one: &serde_json::Value, key: &str| u32::try_from(one[key].as_u64().unwrap()).unwrap();
    assert_eq!(told.iter().map(|one| number(one, "pid")).collect::<Vec<_>>(), pids);
    for one in told {
        assert_eq!((&one["name"], number(one, "id")), (&"app".into(), 0), "{one}");
        assert!(number(one, "memory") > 0 && one["cpu"].as_f64().unwrap() >= 0.0, "{one}");
        assert!(one["user"].as_str().is_some_and(|user| !user.is_empty()), "{one}");
    }
    assert!(told[1..].iter().all(|one| number(one, "ppid") == pids[0]), "{told:?}");
    let text =
        home.run(["top", "app"]).ok().says("command").says("sleep 1001").says("sleep 1002").out();
    assert_eq!(text.lines().count(), 4, "{text}");
    home.run(["top"]).ok().says("sleep 1001").says("--live forever");
    home.run(["stop", "app"]).ok();
    assert_eq!(home.run(["top", "app"]).ok().out().lines().count(), 1);
}

#[test]
fn why_says_what_an_app_waits_for_and_how_it_ended() {
    let home = Home::new();
    up(&home, "web");
    home.run(["why", "web"])
        .ok()
        .says("web (id 0): online")
        .says("runs since")
        .says("`pm logs web`")
        .says("`pm describe web`");
    home.run(["stop", "web"]).ok();
    home.run(["why", "web"]).ok().says("web (id 0): stopped").says("once: stopped by ");
    home.script("app", "exit 3");
    home.run(["start", "./app", "--restart-delay", "1h", "--no-wait"]).ok();
    home.wait_status("app", "waiting restart");
    home.run(["why", "app"])
        .ok()
        .says("app (id 1): waiting restart")
        .says("next start")
        .says("once: exited with code 3");
    let told = home.run(["why", "1", "--json"]).ok().json();
    assert_eq!((&told[0]["name"], &told[0]["status"]), (&"app".into(), &"waiting restart".into()));
    assert_eq!(told[0]["ends"][0]["times"], 1);
    assert!(told[0]["next_start"].is_u64() && told[0]["since"].is_u64(), "{told}");
    assert_eq!(told[0]["commands"], serde_json::json!(["pm logs 1", "pm describe 1"]));
}

#[test]
fn reload_replaces_one_after_the_other() {
    let home = Home::new();
    start(&home, "app", &["-i", "3"], &["--live", "forever"]).ok();
    let before: Vec<_> = home.rows().iter().map(|row| row.pid).collect();
    let mut reload = home.pm(["reload", "app"]).background();
    // While it goes on, never more than one is away.
    let mut least = 3;
    home.wait_rows("three new ones", |rows| {
        let present = rows.iter().filter(|row| row.pid != 0).count();
        least = least.min(present);
        rows.iter().all(|row| row.pid != 0 && !before.contains(&row.pid))
    });
    assert_eq!(reload.wait(), 0);
    assert!(least >= 2, "{} were away at once", 3 - least);
    assert!(before.iter().all(|pid| !is_alive(*pid)));
    up(&home, "alone");
    let note = "note: alone stopped before the new one began";
    home.run(["reload", "alone"]).ok().says(note);
    assert!(!home.run(["restart", "alone"]).ok().out().contains("note:"));
}

#[test]
fn p72_start_says_for_each_app_what_it_did() {
    let home = Home::new();
    let text = format!(
        "[{{ name: 'a', script: {0:?}, args: '--live forever' }}, {{ name: 'b', script: {0:?}, args: '--live forever' }}]",
        fixture()
    );
    home.file("two.json5", text);
    home.run(["start", "two.json5", "--only", "a"]).ok().says("a (0) started");
    home.run(["start", "two.json5", "--no-restart"])
        .ok()
        .says("a (0) unchanged")
        .says("b (1) started");
    home.run(["start", "two.json5"]).ok().says("a (0) restarted").says("b (1) restarted");
    // A script that is up already is refused, unless a second one is wanted.
    let program = fixture();
    let words = ["start", program.to_str().unwrap(), "--name", "a"];
    home.run(words).ends(1).complains("up already");
    home.run(words.iter().chain(&["-f", "--", "--live", "forever"])).ok();
    assert_eq!(home.rows().len(), 3);
}

#[test]
fn autostart_false_makes_an_app_known_and_start_starts_it() {
    let home = Home::new();
    let text = format!(
        "{{ name: 'a', script: {:?}, args: '--live forever', autostart: false }}",
        fixture()
    );
    home.file("a.json5", text);
    home.run(["start", "a.json5"]).ok();
    assert_eq!((home.row("a").status.as_str(), home.row("a").pid), ("stopped", 0));
    home.run(["start", "a"]).ok();
    assert_eq!(home.row("a").status.as_str(), "online");
}

#[test]
fn list_sorts_as_told_and_counts_cpu_of_the_tree() {
    let home = Home::new();
    start(&home, "busy", &[], &["--burn", "20000", "--live", "forever"]).ok();
    start(&home, "idle", &[], &["--live", "forever"]).ok();
    home.wait_until("cpu time", || home.row("busy").usage.cpu > 20.0);
    let order = |sort: &str| {
        let out = home.run(["list", "--sort", sort]).ok().out();
        let at = |name| out.find(name).unwrap();
        at("busy") < at("idle")
    };
    assert!(
        order("name") && !order("name:desc") && !order("cpu") && order("cpu:desc") && order("id")
    );
    assert!(home.row("idle").usage.memory > 0);
    assert!(home.row("idle").usage.cpu < 20.0);
}

#[test]
fn list_and_describe_say_which_memory_they_show() {
    let home = Home::new();
    start(&home, "app", &[], &["--live", "forever"]).ok();
    home.run(["describe", "app"]).ok().says(" resident, 1 process");
    let help = home.run(["list", "--help"]).ok().out();
    let words: Vec<_> = help.split_whitespace().collect();
    assert!(words.join(" ").contains("resident memory of all its processes, RSS"), "{help}");
}

#[test]
fn completions_are_scripts_for_their_shells() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(["completion", shell]).ok().out();
        // Only where the shell is there; bash is on every machine that builds this.
        let file = home.file(format!("completion.{shell}"), &script);
        let checked = std::process::Command::new(shell).arg("-n").arg(file).output();
        assert!(shell != "bash" || checked.is_ok(), "bash is missing");
        if let Ok(checked) = checked {
            assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        }
    }
}

#[test]
fn a_completion_knows_the_apps_and_starts_no_daemon() {
    let home = Home::new();
    home.run(["completion", "bash"]).ok();
    let asked = |line: &str| {
        home.run(["completion", "--candidates", "--"].into_iter().chain(line.split(' ')))
    };
    assert_eq!(asked("stop ").ok().out(), "");
    assert!(!home.home().lock().exists(), "nothing was started");
    up(&home, "app");
    up(&home, "my app");
    assert_eq!(asked("stop ").ok().out(), "app\t\nmy app\t\n0\t\n1\t\nall\t\n");
    // As bash asks when somebody presses the key.
    home.file("pm.bash", home.run(["completion", "bash"]).ok().out());
    home.file("app.js", "");
    let press = |words: &str| {
        let line = format!(
            ". ./pm.bash; COMP_WORDS=({pm} {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _pm; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            pm = pm_testkit::pm().display()
        );
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", &line]).current_dir(home.work()).env("PM_HOME", home.home().root());
        bash.env("XDG_RUNTIME_DIR", home.home().root().parent().unwrap().join("run"));
        String::from_utf8(bash.output().unwrap().stdout).unwrap()
    };
    assert_eq!(press("restart a"), "app\nall\n");
    assert_eq!(press("describe m"), "my\\ app\n");
    assert_eq!(press("start app"), "app\napp.js\n");
    assert_eq!(press("resu"), "resurrect\n");
    assert_eq!(press("daem"), "\n");
}

#[test]
fn monit_wants_a_terminal() {
    let home = Home::new();
    home.run(["monit"]).ends(1).complains("needs a terminal");
}

#[test]
fn jlist_has_pm2s_shape() {
    let home = Home::new();
    up(&home, "app");
    let list = home.run(["jlist"]).ok().json();
    let app = &list[0];
    assert_eq!(app["name"], "app");
    assert_eq!(app["pm_id"], 0);
    assert_eq!(app["pid"], home.row("app").pid);
    assert!(app["monit"]["memory"].as_u64().unwrap() > 0 && app["monit"]["cpu"].is_number());
    let env = &app["pm2_env"];
    for key in [
        "status",
        "restart_time",
        "pm_uptime",
        "created_at",
        "pm_exec_path",
        "pm_cwd",
        "exec_mode",
        "pm_out_log_path",
        "pm_err_log_path",
        "unstable_restarts",
        "namespace",
        "args",
        "env",
    ] {
        assert!(!env[key].is_null(), "{key} is missing");
    }
    assert_eq!(env["status"], "online");
}
