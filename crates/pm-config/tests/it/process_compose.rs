//! Files of process-compose as they stand: every key acts or is told, and what is wrong has its place.

use std::path::Path;

use pm_config::{Diagnosis, Ecosystem, import, read};
use pm_spec::{
    AppSpec, Condition, Delay, Door, HookStage, LogTarget, Probe, Readiness, Signal, Span,
};

use crate::desk::{Desk, text, texts};

fn loaded(desk: &Desk, file: &str) -> Ecosystem {
    desk.write("pc.yaml", file);
    desk.load("pc.yaml").unwrap_or_else(|diagnosis| panic!("{diagnosis}"))
}

fn named<'a>(read: &'a Ecosystem, name: &str) -> &'a AppSpec {
    read.apps.iter().find(|app| app.name.as_str() == name).unwrap()
}

fn told(desk: &Desk, file: &str) -> String {
    desk.write("pc.yaml", file);
    let diagnostics = match desk.load("pc.yaml") {
        Ok(read) => read.warnings,
        Err(Diagnosis { diagnostics, .. }) => diagnostics,
    };
    let all: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    desk.plain(&all.join("\n"))
}

const ALL: &str = r#"
version: "0.5"
name: shop
environment: ["ABC=222", "FROM=all", "FILED=all"]
env_cmds: { DATE: "echo today" }
vars: { PORT: 8080, WORD: "all" }
shell: { shell_command: sh, shell_argument: "-ec" }
processes:
  web:
    command: "exec app --port {{.PORT}} $HOME_OF $$LATER $(x)"
    working_dir: "sub"
    env_file: own.env
    environment: ["ABC=1", "WORD={{.WORD}}"]
    vars: { WORD: own }
    namespace: front
    availability: { restart: on_failure, backoff_seconds: "${PAUSE}", max_restarts: 3 }
    success_exit_codes: [130]
    shutdown: { command: "bye", signal: 2, timeout_seconds: 4, parent_only: yes }
    readiness_probe:
      http_get: { port: "{{.PORT}}", path: /up, headers: { X-A: b } }
      initial_delay_seconds: 5
      period_seconds: 2
      timeout_seconds: 3
      failure_threshold: 4
    log_location: "./web.log"
    log_configuration: { rotation: { max_size_mb: 2, max_backups: 5, compress: true }, add_timestamp: true, disable_json: true }
    watch: { paths: [{ path: src, include: ["*.py"], exclude: ["gen/**"] }, { path: conf }], debounce: 1s }
    depends_on:
      db: { condition: process_log_ready }
      init: { condition: process_completed_successfully }
      try: { condition: process_completed }
      both: { condition: process_healthy }
      pool: { condition: process_healthy }
      pool-1:
  db: { command: "app db", ready_log_line: "ready to accept", availability: { restart: always } }
  init: { entrypoint: ["app", "a b"] }
  try: { command: "app", availability: { restart: "no" } }
  both:
    command: app
    readiness_probe: { exec: { command: true, working_dir: /tmp }, initial_delay_seconds: 1 }
    liveness_probe: { http_get: { host: shop.example, scheme: https } }
  pool:
    command: "app {{.PC_REPLICA_NUM}}"
    replicas: 2
    log_location: "p.{PC_REPLICA_NUM}.log"
    readiness_probe: { exec: { command: "test {{.PC_REPLICA_NUM}}" } }
  left: { command: app, disabled: true, is_disabled: "false" }
  off: { command: app, disabled: true }
  later: { command: app, is_foreground: true }
  old: { command: "app -d", is_daemon: true, availability: { restart: always, max_restarts: 2 } }
  job: { command: app, schedule: { interval: 30m } }
  nightly: { command: app, schedule: { cron: "0 2 * * *", timezone: UTC } }
  heir: { extends: db, command: "app heir" }
"#;

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.caller.env.set("HOME_OF", "it");
    desk.write(".env", "PAUSE=7\nTOKEN=s3cret\n");
    desk.write("sub/own.env", "FILED=own\nHIDDEN=1\n");
    desk
}

#[test]
fn every_key_of_a_process_acts() {
    let desk = desk();
    let read = loaded(&desk, ALL);
    let warnings: Vec<_> = read.warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.is_empty(), "{warnings:#?}");
    let web = named(&read, "web");
    assert_eq!(text(&web.script), desk.path("sys/sh").to_str().unwrap());
    assert_eq!(texts(&web.args), ["-ec", "exec app --port 8080 it $LATER $(x)"]);
    assert_eq!(text(&web.cwd), desk.path("sub").to_str().unwrap());
    let env = |name: &str| web.env.get(name).map(text).unwrap_or_default();
    assert_eq!((env("ABC"), env("FROM"), env("FILED")), ("1".into(), "all".into(), "own".into()));
    assert_eq!((env("WORD"), env("TOKEN")), ("own".into(), "s3cret".into()));
    assert_eq!((env("PC_PROC_NAME"), env("PC_REPLICA_NUM")), ("web".into(), "0".into()));
    for name in ["TOKEN", "HIDDEN"] {
        assert!(web.hidden_env.iter().any(|it| text(it) == name), "{name} is nobody's business");
    }
    let date = &web.secret_commands["DATE"];
    assert_eq!(texts(&date.command)[1..], ["-ec", "echo today"]);
    assert_eq!(
        (web.namespace.as_str(), web.project.as_ref().map(text).as_deref()),
        ("front", Some("shop"))
    );
}

#[test]
fn every_rule_of_a_process_acts() {
    let desk = desk();
    let read = loaded(&desk, ALL);
    let web = named(&read, "web");
    let restart = &web.restart;
    assert!(restart.autorestart);
    assert_eq!(restart.gives_up_after(), Some(4));
    assert_eq!(restart.stop_exit_codes.iter().copied().collect::<Vec<_>>(), [0, 130]);
    assert_eq!(restart.delay, Delay::Fixed(Span::from_secs(7)));
    assert_eq!(
        (web.stop.signal, web.stop.timeout, web.stop.tree),
        (Signal::INT, Span::from_secs(4), false)
    );
    let bye = &web.staged[&HookStage::PreStop];
    assert_eq!(
        (texts(&bye.command)[1..].join(" "), bye.timeout),
        ("-ec bye".into(), Span::from_secs(4))
    );
    let old = named(&read, "old");
    assert_eq!(text(&old.args[1]), "\"$@\" || exit; exec sleep infinity");
    assert_eq!(old.restart.gives_up_after(), Some(3));
    let begun = |name: &str| named(&read, name).autostart;
    assert_eq!((begun("left"), begun("off"), begun("later")), (true, false, false));
    let times = |name: &str| named(&read, name).schedule.clone().unwrap();
    assert_eq!((times("job").pattern, times("job").job), ("*/30 * * * *".into(), true));
    assert_eq!(times("nightly").zone.as_deref(), Some("UTC"));
    let heir = named(&read, "heir");
    assert_eq!(texts(&heir.args)[1..], ["app heir"]);
    assert!(heir.checks.ready.is_some() && heir.restart.autorestart);
}

#[test]
fn every_probe_and_log_of_a_process_acts() {
    let desk = desk();
    let read = loaded(&desk, ALL);
    let web = named(&read, "web");
    let check = web.checks.health.as_ref().unwrap();
    let Probe::Http(get) = &check.question.probe else { panic!("{check:?}") };
    assert_eq!((&get.door, get.path.as_str()), (&Door::Tcp("127.0.0.1:8080".into()), "/up"));
    assert_eq!((get.status, get.headers[0].1.as_str()), (Some(200), "b"));
    assert_eq!((check.interval, check.question.timeout), (Span::from_secs(2), Span::from_secs(3)));
    assert_eq!((check.retries, check.start_period), (4, Span::from_secs(13)));
    assert_eq!(web.logs.out, LogTarget::File(desk.path("web.log").to_str().unwrap().into()));
    assert_eq!(web.logs.out, web.logs.error);
    let watch = web.watch.as_ref().unwrap();
    let sub = desk.path("sub");
    assert_eq!(
        texts(&watch.paths),
        [sub.join("src/**/*.py").to_str().unwrap(), sub.join("conf").to_str().unwrap()]
    );
    assert_eq!((watch.ignore.len(), watch.delay), (1, Span::from_secs(1)));
}

#[test]
fn what_a_process_needs_and_its_replicas_act() {
    let desk = desk();
    let read = loaded(&desk, ALL);
    let web = named(&read, "web");
    let needs: Vec<_> = web
        .depends_on
        .iter()
        .map(|need| (need.app.as_str(), need.condition, need.required))
        .collect();
    assert_eq!(
        needs,
        [
            ("db", Condition::Ready, true),
            ("init", Condition::Completed, true),
            ("try", Condition::Completed, false),
            ("both", Condition::Ready, true),
            ("pool-0", Condition::Healthy, true),
            ("pool-1", Condition::Started, true),
        ]
    );
    let Some(Readiness::Prints(line)) = named(&read, "db").checks.ready.as_deref() else {
        panic!()
    };
    assert_eq!(line.to_string(), "`ready to accept`");
    assert_eq!(texts(&named(&read, "init").args), ["a b"]);
    let both = named(&read, "both");
    assert!(matches!(both.checks.ready.as_deref(), Some(Readiness::Answers(_))));
    let Probe::Exec(words) = &both.checks.health.as_ref().unwrap().question.probe else { panic!() };
    assert_eq!(
        text(&words[2]),
        "test \"$(curl -s -o /dev/null -w '%{http_code}' -m 1 https://shop.example/)\" = 200"
    );
    let second = named(&read, "pool-1");
    assert_eq!(texts(&second.args)[1..], ["app 1"]);
    assert_eq!(second.env.get("PC_REPLICA_NUM").map(text).as_deref(), Some("1"));
    assert_eq!(second.logs.out, LogTarget::File(desk.path("p.1.log").to_str().unwrap().into()));
}

#[test]
fn what_a_process_does_not_say_is_as_process_compose_has_it() {
    let desk = Desk::new();
    let read = loaded(&desk, "processes:\n  web:\n    command: app\n");
    let web = named(&read, "web");
    assert_eq!(text(&web.script), desk.path("sys/bash").to_str().unwrap());
    assert_eq!(texts(&web.args), ["-c", "app"]);
    assert_eq!(text(&web.cwd), desk.path("").to_str().unwrap().trim_end_matches('/'));
    assert!(web.autostart && !web.restart.autorestart);
    assert_eq!(
        (web.stop.signal, web.stop.timeout, web.stop.tree),
        (Signal::TERM, Span::from_secs(10), true)
    );
    assert_eq!((web.instances, web.namespace.as_str()), (1, "default"));
}

#[test]
fn files_of_process_compose_are_laid_over_each_other() {
    let desk = Desk::new();
    desk.write(
        "base/pc.yaml",
        "processes:\n  web: { command: app, environment: [\"A=1\", \"B=1\"], namespace: [a, b] }\n  old: { command: app }\n",
    );
    desk.write(
        "mine.yaml",
        "extends: base/pc.yaml\nprocesses:\n  web: { environment: [\"A=2\"], namespace: c }\n",
    );
    desk.write("over.yaml", "processes:\n  web: { command: app over }\n");
    let over = [Path::new("over.yaml")];
    let read = read::load_all(Path::new("mine.yaml"), &over, &desk.caller, &desk.overrides);
    let read = read.unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    let web = named(&read, "web");
    assert_eq!(texts(&web.args)[1..], ["app over"]);
    let env = |name: &str| web.env.get(name).map(text).unwrap();
    assert_eq!((env("A"), env("B")), ("2".into(), "1".into()));
    assert_eq!(web.namespace.as_str(), "c");
    assert_eq!(text(&web.cwd), desk.path("base").to_str().unwrap(), "where its own file lies");
    assert_eq!(read.apps.len(), 2);
}

/// Files, and what is told of each.
const WRONG: &[(&str, &str)] = &[
    ("processes:\n  web:\n    comand: app\n", "pc.yaml:3:5: warning: unknown key `web comand`"),
    (
        "processes:\n  web:\n    comand: app\n",
        "pc.yaml:2:3: error: the process `web` has no `command`",
    ),
    (
        "is_strict: true\nprocesses:\n  web:\n    command: app\n    x: 1\n",
        "pc.yaml:5:5: error: unknown key `web x`",
    ),
    ("processes: {}\n", "pc.yaml:1:12: error: there are no `processes`"),
    ("processes: []\n", "error: `processes` must be an object"),
    ("processes:\n  web: app\n", "pc.yaml:2:3: error: the process `web` must be an object"),
    (
        "processes:\n  web:\n    command: \"app {{.NO}}\"\n",
        "pc.yaml:3:14: error: there is no variable `NO`",
    ),
    (
        "processes:\n  web:\n    command: \"app ${A^^}\"\n",
        "pc.yaml:3:14: error: `${A` goes on neither",
    ),
    (
        "processes:\n  web:\n    command: \"app ${NONE}\"\n",
        "pc.yaml:3:14: warning: the variable `NONE` is not set",
    ),
    (
        "processes:\n  a: { extends: b, command: app }\n  b: { extends: a }\n",
        "pc.yaml:3:17: error: the process `a` extends itself",
    ),
    ("processes:\n  a: { extends: x }\n", "pc.yaml:2:17: error: there is no process `x` to extend"),
    ("extends: pc.yaml\nprocesses: {}\n", "pc.yaml:1:10: error: `/desk/pc.yaml` extends itself"),
    (
        "extends: none.yaml\nprocesses: {}\n",
        "pc.yaml:1:10: error: could not read none.yaml: no such file",
    ),
    (
        "processes:\n  web: { command: app, depends_on: { x: { condition: process_healty } } }\n",
        "did you mean `process_healthy`",
    ),
    ("processes:\n  web: { command: app, depends_on: { web: {} } }\n", "error"),
    (
        "processes:\n  a: { command: app }\n  web: { command: app, depends_on: { a: { condition: process_healthy } } }\n",
        "error",
    ),
    (
        "processes:\n  web: { command: app, availability: { restart: allways } }\n",
        "pc.yaml:2:49: error: `availability.restart` can't be `allways`",
    ),
    (
        "processes:\n  web: { command: app, shutdown: { signal: 99 } }\n",
        "pc.yaml:2:44: error: `shutdown.signal` must be",
    ),
    (
        "processes:\n  web: { command: app, replicas: x }\n",
        "pc.yaml:2:34: error: `replicas` must be a number",
    ),
    (
        "processes:\n  web: { command: app, replicas: 99999999 }\n",
        "error: `replicas` must be a number, at most",
    ),
    (
        "processes:\n  web: { command: app, environment: [none] }\n",
        "error: `environment` is a list of NAME=value",
    ),
    (
        "processes:\n  web: { command: app, readiness_probe: { period_seconds: 1 } }\n",
        "error: `readiness_probe` needs `exec` or `http_get`",
    ),
    (
        "processes:\n  web: { command: app, readiness_probe: { http_get: { port: 70000 } } }\n",
        "must be a number, 1 to 65535",
    ),
    (
        "processes:\n  web: { command: app, schedule: { interval: 7m } }\n",
        "warning: `web` is only made known",
    ),
    ("processes:\n  web: { command: app, env_file: none.env }\n", "error: `env_file`"),
    ("processes:\n  web: [\n", "pc.yaml:"),
    ("processes:\n  web: { command: ${A} }\n", "quotes around `${A}`"),
];

#[test]
fn what_is_wrong_with_processes_is_told_with_its_place() {
    let desk = Desk::new();
    for (file, line) in WRONG {
        let told = told(&desk, file);
        assert!(told.contains(line), "{file}\n{line}\n{told}");
        assert!(!told.contains("there are no apps"), "{told}");
    }
    let aliases = "processes:\n  p: &p { command: app }\n  a: *p\n  b: *p\n";
    assert_eq!(told(&desk, aliases), "");
}

#[test]
fn nothing_of_process_compose_is_dropped_silently() {
    let desk = Desk::new();
    let file = "log_location: all.log\nlog_level: info\nmcp_server: { port: 1 }\nprocesses:\n  web:\n    command: app\n    \
        is_tty: true\n    is_elevated: true\n    truncate_log: true\n    namespace: [a, b]\n    description: it\n    \
        availability: { restart: exit_on_failure, exit_on_end: true, exit_on_skipped: true }\n    \
        shutdown: { send_keys: q }\n    mcp: { type: tool }\n    x-own: 1\n    \
        log_configuration: { rotation: { max_age_days: 3 }, timestamp_format: x }\n";
    let told = told(&desk, file);
    for key in [
        "log_location",
        "mcp_server",
        "web is_tty",
        "web is_elevated",
        "web truncate_log",
        "web namespace",
        "web availability.restart",
        "web availability.exit_on_end",
        "web availability.exit_on_skipped",
        "web shutdown.send_keys",
        "web mcp",
        "web log_configuration.rotation.max_age_days",
        "web log_configuration.timestamp_format",
    ] {
        assert!(told.contains(&format!("`{key}` has no effect: ")), "{key}\n{told}");
    }
    assert!(!told.contains("error"), "{told}");
    let read = import(Path::new("pc.yaml"), &desk.caller).unwrap();
    let fates: Vec<_> = read.notes.iter().map(|it| (it.key.as_str(), it.fate.word())).collect();
    for note in [
        ("log_level", "no effect"),
        ("web command", "same"),
        ("web description", "no effect"),
        ("web is_tty", "unsupported"),
    ] {
        assert!(fates.contains(&note), "{note:?} {fates:?}");
    }
    assert!(read.notes.iter().all(|it| it.place.starts_with("pc.yaml:")), "{:?}", read.notes);
    let keys: Vec<_> = read.apps[0].iter().map(|(key, _)| *key).collect();
    assert!(keys.contains(&"restart") && keys.contains(&"kill_timeout"), "{keys:?}");
}
