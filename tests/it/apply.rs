//! Changes of config files: told per app, applied faithfully by restart, reload and start, and by `apply` with no more
//! effort than it takes.

use pm_client::Deadline;
use pm_protocol::Describe;
use pm_testkit::Home;
use serde_json::Value;

const FILE: &str = "ecosystem.json5";

/// A config of these apps, each a sleeping shell that has printed its environment.
fn write(home: &Home, apps: &[(&str, &str)]) {
    home.script("app.sh", "echo \"A=$A B=$B API_KEY=$API_KEY in $(pwd)\"; exec sleep 1000");
    let apps: Vec<_> = apps
        .iter()
        .map(|(name, rest)| format!("{{ name: '{name}', script: './app.sh', {rest} }}"))
        .collect();
    home.file(FILE, format!("{{ apps: [\n{}\n] }}", apps.join(",\n")));
}

fn pid(home: &Home, name: &str) -> u32 {
    home.row(name).pid
}

fn spec(home: &Home, name: &str) -> Value {
    home.run(["describe", name, "--json"]).ok().json()[0]["spec"].clone()
}

/// The steps of a plan, as `name step`.
fn steps(plan: &Value) -> Vec<String> {
    let all = plan.as_array().unwrap().iter();
    all.map(|one| format!("{} {}", one["name"], one["step"]).replace('"', "")).collect()
}

#[test]
fn whoever_takes_over_an_app_of_another_file_is_told() {
    let home = Home::new();
    write(&home, &[("web", ""), ("own", "")]);
    home.run(["start", FILE]).ok();
    let other = home.file("two/other.json5", "{ name: 'web', script: '../app.sh', args: 'x' }");
    let first = home.work().join(FILE);
    let warning =
        format!("warning: app `web` was started from {}, which is still there", first.display());
    for words in [&["apply", "--dry-run", "two/other.json5"][..], &["restart", "two/other.json5"]] {
        let run = home.run(words).ok().complains(&warning);
        let run = run.complains(&format!("it becomes that of {}", other.display()));
        let run = run.complains("rename one or give it a namespace");
        assert!(!run.err.contains("`own`"), "{}", run.err);
    }
    // It belongs to the second file now; by another path it is the same one.
    assert!(!home.run(["restart", "./two/../two/other.json5"]).ok().err.contains("started from"));
    for verb in ["start", "reload", "apply"] {
        home.run([verb, FILE]).ok().complains("app `web` was started from");
        home.run(["restart", "two/other.json5"]).ok();
    }
    // One whose file is gone has been moved.
    std::fs::remove_file(other).unwrap();
    assert!(!home.run(["start", FILE]).ok().err.contains("started from"));
}

#[test]
fn p12_a_restart_of_a_file_takes_over_everything_and_says_what() {
    let home = Home::new();
    home.file("other/here", "");
    write(&home, &[("web", "env: { A: '1', B: '2', API_KEY: 'hunter2' }"), ("old", "")]);
    home.run(["start", FILE]).ok();
    for verb in ["restart", "reload", "start"] {
        write(&home, &[("web", "env: { A: '1', B: '2', API_KEY: 'hunter2' }"), ("old", "")]);
        home.run(["start", FILE]).ok();
        let before = pid(&home, "web");
        write(
            &home,
            &[(
                "web",
                "cwd: 'other', args: 'x y', env: { A: '3', API_KEY: 'sesame' }, script: '../app.sh'",
            )],
        );
        let run = home.run([verb, FILE]).ok();
        run.says("~ web: args added: x y, cwd ")
            .says("env.A 1 -> 3, env.API_KEY *** -> ***, env.B removed")
            .says("! old: it is known but not in its file any more");
        assert_ne!(pid(&home, "web"), before, "{verb}");
        let env = home.run(["env", "web", "--json"]).ok().json();
        assert_eq!(
            (&env["A"], &env["API_KEY"], &env["B"]),
            (&"3".into(), &"sesame".into(), &Value::Null)
        );
        let out = home.home().logs().join("web-out.log");
        home.wait_file(out, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            text.lines().last().is_some_and(|line| {
                line.starts_with("A=3 B= API_KEY=sesame in ") && line.ends_with("/other")
            })
        });
    }
}

#[test]
fn p65_apply_restarts_only_what_differs() {
    let home = Home::new();
    write(
        &home,
        &[("same", ""), ("env", "env: { A: '1' }, instances: 1"), ("rules", ""), ("gone", "")],
    );
    home.run(["apply", FILE]).ok();
    let before = home.rows();
    write(
        &home,
        &[
            ("same", ""),
            ("env", "env: { A: '2' }, instances: 1"),
            ("rules", "kill_timeout: '5s', autorestart: false, log_max_size: '1M'"),
            ("new", ""),
        ],
    );
    // From another shell, which is no difference.
    let plan =
        home.pm(["apply", FILE, "--dry-run", "--json"]).env("OLDPWD", "/x").run().ok().json();
    assert_eq!(
        steps(&plan),
        ["same keep", "env restart", "rules change", "new start", "gone gone"]
    );
    assert_eq!(plan[1]["changes"][0], "env.A 1 -> 2");
    assert_eq!(home.rows().len(), 4, "a dry run changes nothing");
    assert_eq!(spec(&home, "rules")["restart"]["autorestart"], true);

    home.pm(["apply", FILE]).env("OLDPWD", "/x").run().ok()
        .says("~ env: env.A 1 -> 2")
        .says("~ rules: autorestart true -> false, kill_timeout 1600ms -> 5s, log_max_size 10.0mb -> 1.0mb")
        .says("! gone: it is known")
        .says("= same (0) unchanged")
        .says("rules (2) changed, runs on");
    let old = |name: &str| before.iter().find(|row| row.name == name).unwrap().pid;
    assert_eq!((pid(&home, "same"), pid(&home, "rules")), (old("same"), old("rules")));
    assert_ne!(pid(&home, "env"), old("env"));
    assert_eq!(pid(&home, "gone"), old("gone"));
    assert_eq!(spec(&home, "rules")["stop"]["timeout"], 5000);

    let plan = home.run(["apply", FILE, "--dry-run", "--prune", "--json"]).ok().json();
    assert_eq!(steps(&plan)[4], "gone remove");
    home.run(["apply", FILE, "--prune"]).ok();
    assert!(home.rows().iter().all(|row| row.name != "gone"));
    home.run(["apply", FILE, "--prune", "--dry-run"]).ok().says("= new: unchanged");

    // What people stopped comes back, and more instances come beside the others.
    home.run(["stop", "same"]).ok();
    write(
        &home,
        &[("same", ""), ("env", "env: { A: '2' }, instances: 2"), ("new", ""), ("rules", "")],
    );
    let before = pid(&home, "env");
    home.run(["apply"]).ok().says("~ env: instances 1 -> 2");
    assert_ne!(pid(&home, "same"), 0);
    let mut pids = home.rows().into_iter().filter(|row| row.name == "env").map(|row| row.pid);
    assert!(pids.any(|pid| pid == before));
}

#[test]
fn rules_of_running_apps_hold_at_once() {
    let home = Home::new();
    let lines = "i=0; while [ $i -lt 300 ]; do echo \"$i 0123456789012345678901234567890123456789\"; i=$((i+1)); done";
    home.script("talk.sh", &format!("while read go; do {lines}; done < fifo"));
    let fifo = home.work().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let config = |rest: &str| {
        home.file(
            FILE,
            format!(
                "{{ apps: [{{ name: 'talk', script: './talk.sh', log_compress: false, {rest} }}] }}"
            ),
        );
    };
    config("");
    home.run(["start", FILE, "--no-wait"]).ok();
    let mut go = std::fs::OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
    let say = |go: &mut std::fs::File| std::io::Write::write_all(go, b"go\n").unwrap();
    let log = home.home().logs().join("talk-out.log");
    say(&mut go);
    home.wait_file(&log, |bytes| {
        bytes.ends_with(b"299 0123456789012345678901234567890123456789\n")
    });
    let before = pid(&home, "talk");
    config("log_max_size: 4096, log_keep: 2");
    home.run(["apply", FILE]).ok();
    say(&mut go);
    home.wait_until("rotated logs, of which there were none before", || {
        let names = std::fs::read_dir(home.home().logs()).unwrap();
        let parts = names.filter(|entry| {
            let name = entry.as_ref().unwrap().file_name().to_string_lossy().into_owned();
            name.starts_with("talk-out") && name != "talk-out.log"
        });
        parts.count() >= 2
    });
    assert_eq!(pid(&home, "talk"), before);
}

#[test]
fn apply_says_what_it_cannot_do() {
    let home = Home::new();
    home.run(["apply"]).ends(2).complains("there is no ecosystem file in");
    home.file(FILE, "{ apps: [{ name: 'web', script: './gone.sh' }] }");
    home.run(["apply", FILE]).ends(2).complains("there is no script");
    home.script("bad.sh", "exit 7");
    home.file(FILE, "{ apps: [{ name: 'web', script: './bad.sh' }] }");
    home.run(["apply", FILE]).ends(1);
    home.run(["apply", FILE, "--only", "web", "--prune"]).ends(2);
    let plan = home
        .pm(["apply", "-", "--dry-run", "--json"])
        .input("[{name: 'x', script: '/bin/sleep', args: '9'}]")
        .run()
        .ok()
        .json();
    assert_eq!(steps(&plan), ["x start"]);
}

#[test]
fn p11_a_name_keeps_its_environment_until_told_otherwise() {
    let home = Home::new();
    home.script("app.sh", "exec sleep 1000");
    home.file(FILE, "{ apps: [{ name: 'web', script: './app.sh', env: { MINE: '1' } }] }");
    home.pm(["start", FILE]).env("GOES", "1").env("STAYS", "1").run().ok();
    let env = |home: &Home| home.run(["env", "web", "--json"]).ok().json();
    home.pm(["restart", "web"]).env("STAYS", "2").env("COMES", "1").run().ok();
    let now = env(&home);
    assert_eq!(
        (&now["STAYS"], &now["GOES"], &now["COMES"]),
        (&"1".into(), &"1".into(), &Value::Null)
    );
    home.pm(["restart", "web", "--update-env"]).env("STAYS", "2").env("COMES", "1").run().ok();
    let now = env(&home);
    assert_eq!(
        (&now["STAYS"], &now["GOES"], &now["COMES"]),
        (&"2".into(), &Value::Null, &"1".into())
    );
    assert_eq!(now["MINE"], "1");
}

#[test]
fn what_is_compared_with_a_file_is_asked_for_without_a_look_at_all_processes() {
    let home = Home::new();
    write(&home, &[("web", "")]);
    home.run(["start", FILE]).ok();
    let describe = |known| {
        let call = Describe { select: Vec::new(), known };
        let mut answer = home.client().call(&call, Deadline::NEVER).unwrap();
        answer.descriptions.remove(0)
    };
    let (known, whole) = (describe(true), describe(false));
    assert_eq!(known.spec, whole.spec);
    assert_eq!((known.row.id, &known.out), (whole.row.id, &whole.out));
    assert_eq!((known.pids, whole.pids.contains(&whole.row.pid)), (Vec::new(), true));
}

#[test]
fn a_dry_run_shows_all_of_a_new_app() {
    let home = Home::new();
    let file = home.file(
        "new.json5",
        "{ name: 'new', script: 'sleep 1000', env: { API_KEY: 'x', PORT: 80 } }",
    );
    let plan = home.run(["apply", "--dry-run", "--json", file.to_str().unwrap()]).ok().json();
    let spec = &plan[0]["spec"];
    assert_eq!((&plan[0]["step"], &spec["name"]), (&"start".into(), &"new".into()), "{plan}");
    assert_eq!(spec["cwd"], home.work().to_str().unwrap());
    assert_eq!((&spec["env"]["PORT"], &spec["env"]["API_KEY"]), (&"80".into(), &"********".into()));
}

#[test]
fn a_job_that_waits_for_its_schedule_is_not_run_by_its_file() {
    let home = Home::new();
    let config = r#"{ apps: [{ name: "job", script: "./job", autorestart: false, cron_restart: "0 3 1 1 *" }] }"#;
    home.script("job", "echo run >> runs");
    let file = home.file("jobs.json5", config);
    let file = file.to_str().unwrap();
    home.run(["apply", file]).ok();
    home.wait_status("job", "stopped");
    let plan = home.run(["apply", "--dry-run", "--json", file]).ok().json();
    assert_eq!(plan[0]["step"], "keep", "{plan}");
    home.run(["apply", file]).ok();
    home.run(["start", file]).ok();
    let runs = std::fs::read_to_string(home.work().join("runs")).unwrap();
    assert_eq!(runs, "run\n");
    assert_eq!(home.row("job").note, None);
    // One that was to run once has done so; whoever starts its file wants it again.
    let once = r#"[{ name: "once", script: "./job", autorestart: false }, { name: "code", script: "./job", stop_exit_codes: [0] }]"#;
    home.file("once.json5", once);
    home.run(["apply", "once.json5"]).ok();
    let plan = home.run(["apply", "--dry-run", "--json", "once.json5"]).ok().json();
    assert_eq!(steps(&plan), ["once keep", "code keep"], "{plan}");
    home.run(["apply", "once.json5"]).ok().says("= once").says("= code");
    let runs = || std::fs::read_to_string(home.work().join("runs")).unwrap().lines().count();
    assert_eq!(runs(), 3);
    home.run(["start", "once.json5"]).ok();
    assert_eq!(runs(), 5);
    // What a person stopped, or what failed, is not done.
    home.run(["stop", "once"]).ok();
    home.script("job", "exit 3");
    home.run(["restart", "code", "--no-autorestart"]).ends(1);
    let plan = home.run(["apply", "--dry-run", "--json", "once.json5"]).ok().json();
    assert_eq!(steps(&plan), ["once start", "code start"], "{plan}");
    home.script("job", "exit 3");
    home.run(["restart", "job"]).ends(1);
    let note = home.wait_status("job", "stopped").note;
    assert_eq!(note.as_deref(), Some("its last run failed: exited with code 3"));
}

#[test]
fn more_instances_leave_the_first_one_and_its_logs_alone() {
    let home = Home::new();
    write(&home, &[("web", "")]);
    home.run(["apply", FILE]).ok();
    let before = (pid(&home, "web"), spec(&home, "web")["logs"].clone());
    write(&home, &[("web", "instances: 3")]);
    let plan = home.run(["apply", FILE, "--dry-run"]).ok();
    assert_eq!(plan.out(), "~ web: change while it runs: instances 1 -> 3\n");
    home.run(["apply", FILE]).ok();
    assert_eq!((pid(&home, "web"), spec(&home, "web")["logs"].clone()), before);
    assert_eq!(home.rows().len(), 3);
    home.run(["apply", FILE, "--dry-run"]).ok().says("= web: unchanged");
    // Who gets new runs anyway writes where the file has it written.
    home.run(["restart", FILE]).ok();
    assert_eq!(spec(&home, "web")["logs"]["merge"], false);
    // What was renamed keeps its logs, which nobody asked to change.
    home.run(["restart", "web", "--name", "site"]).ok();
    write(&home, &[("site", "instances: 3")]);
    home.run(["apply", FILE, "--dry-run"]).ok().says("= site: unchanged");
    write(&home, &[("site", "instances: 3, out_file: 'mine.log'")]);
    let plan = home.run(["apply", FILE, "--dry-run", "--json"]).ok().json();
    assert!(plan[0]["changes"][0].as_str().unwrap().starts_with("out_file "), "{plan}");
    assert_eq!(plan[0]["changes"][1], Value::Null, "{plan}");
}
