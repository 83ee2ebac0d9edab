//! Files of further managers as people live with them, and the page about them.

use std::fs;

use pm_protocol::Status;
use pm_testkit::{Home, signal};

use crate::comparisons::names_tests_that_are_there;

#[test]
fn a_procfile_comes_up_with_ports_and_variables_and_scales() {
    let home = Home::new();
    let seen = "echo $TOKEN > seen.$PORT; exec sleep 1000";
    home.file("Procfile", format!("web: {seen}\nworker: {seen}\nrelease: touch released\n"));
    home.file(".env", "PORT=4000\nTOKEN=s3cret\n");
    home.run(["check", "Procfile"]).ok();
    let report = home.run(["import", "Procfile", "--dry-run"]).ok();
    assert!(!report.out().contains("s3cret"), "{}", report.out());
    home.run(["up"]).ok();
    let file = |name: &str| fs::read_to_string(home.work().join(name)).unwrap_or_default();
    for port in ["4000", "4100"] {
        home.wait_until(port, || file(&format!("seen.{port}")) == "s3cret\n");
    }
    home.run(["scale", "web", "2"]).ok();
    home.wait_until("the second web", || file("seen.4001") == "s3cret\n");
    assert!(!home.work().join("released").exists(), "it is only made known");
    let text = home.run(["describe", "web"]).ok().out();
    assert!(!text.contains("s3cret"), "{text}");
    home.run(["delete", "Procfile"]).ok();
    assert!(home.rows().is_empty());
}

#[test]
fn units_of_systemd_come_up_in_order_and_by_the_clock() {
    let home = Home::new();
    let work = home.work().display().to_string();
    let service = format!("[Service]\nWorkingDirectory={work}\n");
    home.file("vars", "TOKEN='s3cret'\n");
    home.file(
        "init.service",
        format!("{service}Type=oneshot\nExecStart=/bin/sh -c 'echo init >> order'\n"),
    );
    home.file(
        "web.service",
        format!(
            "[Unit]\nRequires=init.service\nAfter=init.service\n{service}Restart=always\n\
             EnvironmentFile={work}/vars\nExecStartPre=/bin/sh -c 'echo pre >> order'\n\
             ExecStart=/bin/sh -c 'echo $$0 $$TOKEN >> order; exec sleep 1000' ${{TOKEN}}\n"
        ),
    );
    home.run(["start", "web.service", "init.service"]).ok();
    let order = home.work().join("order");
    let once = "init\npre\ns3cret s3cret\n";
    home.wait_file(&order, |bytes| bytes == once.as_bytes());
    let text = home.run(["describe", "web"]).ok().out();
    assert!(!text.contains("s3cret"), "{text}");
    let pid = home.row("web").pid;
    signal(pid, 9);
    home.wait_new_pid("web", pid);
    home.wait_file(&order, |bytes| bytes == format!("{once}pre\ns3cret s3cret\n").as_bytes());
    home.file("job.service", format!("{service}Type=oneshot\nExecStart=/bin/sh -c 'touch done'\n"));
    home.file("job.timer", "[Timer]\nOnCalendar=*-01-01 00:00\nPersistent=true\n");
    home.run(["start", "job.timer"]).ok();
    assert!(!home.work().join("done").exists(), "its time has not come");
    home.run(["run", "job"]).ok();
    home.wait_until("the job is done", || home.work().join("done").exists());
    home.run(["delete", "web.service", "init.service", "job.service"]).ok();
    assert!(home.rows().is_empty());
}

#[test]
fn what_goes_with_a_unit_goes_with_each_of_its_runs() {
    let home = Home::new();
    let work = home.work().display().to_string();
    home.file("token", "s3cret");
    home.script("web", "trap 'echo told >>order; exit 0' TERM\ncat \"$CREDENTIALS_DIRECTORY/token\" >got\nwhile :; do sleep 0.02; done");
    home.script("leave", "[ \"$1\" = \"$(cat pid)\" ] && echo leaves >>order");
    home.file(
        "web.service",
        format!(
            "[Service]\nWorkingDirectory={work}\nLoadCredential=token:{work}/token\nExecStart={work}/web\n\
             ExecStartPost=/bin/sh -c 'echo $$MAINPID >pid'\nExecStop={work}/leave $MAINPID\n\
             ExecStopPost=/bin/sh -c 'echo over $$PM_EXIT_CODE >>order'\n"
        ),
    );
    home.run(["start", "web.service"]).ok();
    let pid = format!("{}\n", home.row("web").pid);
    home.wait_file(home.work().join("pid"), |bytes| bytes == pid.as_bytes());
    home.wait_file(home.work().join("got"), |bytes| bytes == b"s3cret");
    home.run(["stop", "web"]).ok();
    let order = fs::read_to_string(home.work().join("order")).unwrap();
    assert_eq!(order, "leaves\ntold\nover 0\n");
}

const PROCESSES: &str = r#"
version: "0.5"
vars: { SEEN: order }
processes:
  db:
    command: "echo db >> {{.SEEN}}; sleep 0.1; echo ready to accept; exec sleep 1000"
    ready_log_line: "ready to accept"
  migrate:
    command: "echo migrate >> {{.SEEN}}"
    depends_on: { db: { condition: process_log_ready } }
  fails:
    command: "echo fails >> {{.SEEN}}; exit 3"
    depends_on: { migrate: { condition: process_completed_successfully } }
  web:
    command: "echo web {{.PC_REPLICA_NUM}} $$PC_REPLICA_NUM $$TOKEN >> {{.SEEN}}.{{.PC_REPLICA_NUM}}; exec sleep 1000"
    replicas: 2
    depends_on: { fails: { condition: process_completed } }
    availability: { restart: always }
    shutdown: { command: "echo bye $$PC_REPLICA_NUM >> {{.SEEN}}.left", timeout_seconds: 5 }
  skipped:
    command: "touch skipped"
    depends_on: { fails: { condition: process_completed_successfully } }
  old:
    command: "sleep 1000 & echo $! > old.pid"
    is_daemon: true
  off: { command: "touch off", disabled: true }
"#;

#[test]
fn processes_of_process_compose_come_up_in_order_and_go() {
    let home = Home::new();
    let shutdown = PROCESSES.replace(">> {{.SEEN}}.left", ">> order.left");
    home.file("process-compose.yaml", &shutdown);
    home.file(".env", "TOKEN=s3cret\n");
    home.run(["check", "process-compose.yaml"]).ok();
    let report = home.run(["import", "process-compose.yaml", "--dry-run"]).ok();
    let report = report.says("process-compose.yaml:6   db command");
    assert!(!report.out().contains("s3cret"), "{}", report.out());
    // One of them has to be missed.
    home.run(["up"]).ends(1);
    let file = |name: &str| fs::read_to_string(home.work().join(name)).unwrap_or_default();
    for number in ["0", "1"] {
        let name = format!("order.{number}");
        let line = format!("web {number} {number} s3cret\n");
        home.wait_until(&name, || file(&name) == line);
    }
    assert_eq!(file("order"), "db\nmigrate\nfails\n");
    let gone = home.work().join("skipped").exists() || home.work().join("off").exists();
    assert!(!gone, "what waits for a success that does not come is not run, nor what is disabled");
    let left: u32 = file("old.pid").trim().parse().unwrap();
    let pid = home.row("web-1").pid;
    signal(pid, 9);
    home.wait_new_pid("web-1", pid);
    home.run(["stop", "web-0", "web-1", "old"]).ok();
    let mut said: Vec<_> = file("order.left").lines().map(str::to_owned).collect();
    said.sort();
    assert_eq!(said, ["bye 0", "bye 1"]);
    home.wait_until("nothing of it is left behind", || {
        !std::path::Path::new(&format!("/proc/{left}/exe")).exists()
    });
    home.run(["delete", "process-compose.yaml"]).ok();
    assert!(home.rows().is_empty());
}

/// The examples of process-compose's documentation, by what each is about: what is written, and which processes write their name, in this
/// order.
const EXAMPLES: [(&str, &str, &str); 9] = [
    (
        "a chain",
        "one: {command: echo one >> order, depends_on: {two: {condition: process_completed_successfully}}}\n  two: {command: echo two >> order, availability: {restart: on_failure}, depends_on: {three: {condition: process_completed_successfully}}}\n  three: {command: echo three >> order, availability: {restart: on_failure, backoff_seconds: 2}}",
        "three two one",
    ),
    (
        "a rhombus",
        "end: {command: echo end >> order, depends_on: {left: {condition: process_completed_successfully}, right: {condition: process_completed_successfully}}}\n  left: {command: echo side >> order, depends_on: {begin: {condition: process_completed_successfully}}}\n  right: {command: echo side >> order, depends_on: {begin: {condition: process_completed_successfully}}}\n  begin: {command: echo begin >> order}",
        "begin side side end",
    ),
    (
        "a chain that breaks: whoever needs its success is skipped, and so is who needs that one",
        "a: {command: echo a >> order; exit 1}\n  b: {command: echo b >> order, depends_on: {a: {condition: process_completed_successfully}}}\n  c: {command: echo c >> order, depends_on: {b: {condition: process_completed_successfully}}}\n  d: {command: echo d >> order, depends_on: {a: {condition: process_completed}}}",
        "a d",
    ),
    (
        "a failure is tried again, so often and no more",
        "a: {command: echo a >> order; exit 1, availability: {restart: on_failure, backoff_seconds: 1, max_restarts: 1}}\n  b: {command: echo b >> order, depends_on: {a: {condition: process_completed}}}",
        "a a b",
    ),
    (
        "codes that are successes",
        "a: {command: echo a >> order; exit 130, success_exit_codes: [130], availability: {restart: on_failure, max_restarts: 3}}\n  b: {command: echo b >> order, depends_on: {a: {condition: process_completed}}}",
        "a b",
    ),
    (
        "a line that is never written",
        "a: {command: echo a >> order; exit 1, ready_log_line: ready to accept}\n  b: {command: echo b >> order, depends_on: {a: {condition: process_log_ready}}}",
        "a",
    ),
    (
        "a health check that never passes",
        "a: {command: echo a >> order; exit 1, readiness_probe: {exec: {command: 'true'}, initial_delay_seconds: 1, period_seconds: 1}}\n  b: {command: echo b >> order, depends_on: {a: {condition: process_healthy}}}",
        "a",
    ),
    (
        "replicas all wait",
        "a: {command: echo a >> order, replicas: 2, depends_on: {b: {condition: process_completed_successfully}}}\n  b: {command: echo b >> order}",
        "b a a",
    ),
    (
        "needs reach over namespaces",
        "foo: {command: echo foo >> order, namespace: foo, depends_on: {bar: {condition: process_completed_successfully}}}\n  bar: {command: echo bar >> order, namespace: bar}",
        "bar foo",
    ),
];

#[test]
fn the_examples_of_process_compose_behave_as_documented() {
    let home = Home::new();
    for (about, processes, wanted) in EXAMPLES {
        fs::remove_file(home.work().join("order")).ok();
        home.file("process-compose.yaml", format!("version: '0.5'\nprocesses:\n  {processes}\n"));
        home.run(["up"]);
        let order = || fs::read_to_string(home.work().join("order")).unwrap_or_default();
        let wanted = wanted.replace(' ', "\n") + "\n";
        home.wait_until(about, || order().len() >= wanted.len());
        home.wait_rows("nothing is under way", |rows| {
            rows.iter().all(|row| {
                !matches!(row.status, Status::Launching | Status::WaitingRestart | Status::Online)
            })
        });
        assert_eq!(order(), wanted, "{about}");
        home.run(["down"]).ok();
    }
    // Whoever ends is there last that began first, and a circle is refused.
    let trap = |name: &str| {
        format!("trap 'echo {name} >> order; exit 0' TERM; while :; do sleep 0.02; done")
    };
    let chain = format!(
        "a: {{command: \"{}\", depends_on: {{b: {{condition: process_started}}}}}}\n  b: {{command: \"{}\"}}",
        trap("a"),
        trap("b")
    );
    fs::remove_file(home.work().join("order")).ok();
    home.file("process-compose.yaml", format!("processes:\n  {chain}\n"));
    home.run(["up"]).ok();
    home.run(["down"]).ok();
    assert_eq!(fs::read_to_string(home.work().join("order")).unwrap(), "a\nb\n");
    let circle = "processes:\n  a: {command: x, depends_on: {b: {condition: process_started}}}\n  b: {command: x, depends_on: {a: {condition: process_started}}}\n";
    home.file("process-compose.yaml", circle);
    home.run(["up"])
        .ends(2)
        .complains("process-compose.yaml:2:32: error: `a` depends on `b`, which depends on `a`");
    // There it would wait without end.
    home.file("process-compose.yaml", "processes:\n  a: {command: x, availability: {restart: always}}\n  b: {command: x, depends_on: {a: {condition: process_completed}}}\n");
    home.run(["up"])
        .ends(2)
        .complains("`b` waits for the end of `a`, which begins again when it ends");
}

#[test]
fn a_saved_list_of_pm2_comes_up() {
    let home = Home::new();
    let script = home.script("web", "env > seen; exec sleep 1000");
    let work = home.work().display().to_string();
    let record = serde_json::json!({
        "name": "web", "namespace": "default", "pm_exec_path": script, "pm_cwd": work, "exec_interpreter": "none",
        "exec_mode": "fork_mode", "pm_out_log_path": format!("{work}/web-out-0.log"),
        "pm_err_log_path": format!("{work}/web-error-0.log"), "pm_pid_path": format!("{work}/web-0.pid"),
        "status": "online", "env": { "PATH": "/usr/bin:/bin", "API_TOKEN": "s3cret", "unique_id": "x" },
        "restart_time": 3, "version": "N/A",
    });
    home.file("saved/dump.pm2", serde_json::json!([record]).to_string());
    home.run(["check", "saved/dump.pm2"]).ok();
    let report = home.run(["import", "saved/dump.pm2", "--dry-run"]).ok().says("web env");
    assert!(!report.out().contains("s3cret"), "{}", report.out());
    home.run(["start", "saved/dump.pm2"]).ok();
    home.wait_until("its variables", || {
        let seen = fs::read_to_string(home.work().join("seen")).unwrap_or_default();
        seen.lines().any(|line| line == "API_TOKEN=s3cret")
            && !seen.lines().any(|line| line.starts_with("HOME="))
    });
    home.run(["apply", "saved/dump.pm2", "--dry-run"]).ok().says("= web: unchanged");
    home.run(["delete", "saved/dump.pm2"]).ok();
}

#[test]
fn the_page_of_other_files_names_tests_that_are_there() {
    names_tests_that_are_there("other-files.md");
}
