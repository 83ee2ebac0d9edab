//! Compose's file as it stands: its model is compose-go's, every key of a service acts or is told, and what is wrong has its place.

use std::path::{Path, PathBuf};

use pm_config::{ComposeProject, Diagnosis, compose_override, import};
use pm_spec::{AppSpec, Condition, HookStage, Signal, Span};
use serde_json::Value;

use crate::desk::{Desk, text, texts};

fn desk() -> Desk {
    let desk = Desk::new();
    for name in ["bin/web", "bin/app"] {
        desk.program(name, "\x7fELF");
    }
    desk
}

/// Apps and warnings of `compose.yaml`.
fn read(desk: &Desk, file: &str) -> (Vec<AppSpec>, String) {
    desk.write("compose.yaml", file);
    let read = desk.load("compose.yaml").unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    let warnings: Vec<_> = read.warnings.iter().map(ToString::to_string).collect();
    (read.apps, desk.plain(&warnings.join("\n")))
}

fn problems(desk: &Desk, file: &str) -> String {
    desk.write("compose.yaml", file);
    let Err(Diagnosis { diagnostics, .. }) = desk.load("compose.yaml") else {
        panic!("no problem")
    };
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let told: Vec<_> = diagnostics.iter().map(|one| first(one.to_string())).collect();
    desk.plain(&told.join("\n"))
}

/// The files and profiles a case is called with.
fn asked(case: &Path) -> (Vec<PathBuf>, Vec<String>) {
    let args = std::fs::read_to_string(case.join("args")).unwrap_or_default();
    let words: Vec<_> = args.split_whitespace().collect();
    let of = |flag| words.chunks(2).filter(move |pair| pair[0] == flag).map(|pair| pair[1]);
    let mut files: Vec<_> = of("-f").map(|file| case.join(file)).collect();
    if files.is_empty() {
        files.push(case.join("compose.yaml"));
        files.extend(compose_override(&files[0]));
    }
    (files, of("--profile").map(str::to_owned).collect())
}

/// What Compose itself made of each case is written down beside it (`fixtures/compose/compare`).
#[test]
fn the_model_of_every_case_is_composes() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/compose/cases");
    let cases = cases.canonicalize().unwrap();
    let mut all: Vec<_> = cases.read_dir().unwrap().map(|it| it.unwrap().path()).collect();
    all.sort();
    let (mut refused, mut wrong) = (0, Vec::new());
    for case in &all {
        let mut caller = Desk::new().caller;
        caller.cwd.clone_from(case);
        for (name, value) in
            [("HOME", "/home/nobody"), ("FROM_SHELL", "shell"), ("EMPTY", ""), ("KEY", "never")]
        {
            caller.env.set(name, value);
        }
        let (files, profiles) = asked(case);
        let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
        let model = match ComposeProject::load(&files, &caller, &profiles, None) {
            Ok((project, _)) => {
                let json = project.json().replace(case.to_str().unwrap(), "CASE");
                serde_json::from_str(&json.replace(cases.to_str().unwrap(), "CASES")).unwrap()
            }
            Err(_) => Value::Null,
        };
        let expected = std::fs::read_to_string(case.join("expect.json")).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        refused += usize::from(expected.is_null());
        if model != expected {
            wrong.push(format!("{}\n{expected:#}\n{model:#}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() >= 60 && refused > 15, "{} cases, {refused} refused", all.len());
}

const ALL: &str = r#"
name: Shop
services:
  web:
    command: web --name "a b" $$HOME ${SHELL_ONLY}
    entrypoint: [app, -x]
    working_dir: srv
    environment: {MODE: fast, FROM: "${FROM_DOTENV}", SHELL_ONLY: , NOT_SET: }
    env_file: [more.env, {path: none.env, required: false}]
    user: "alice:staff"
    group_add: [staff]
    depends_on:
      db: {condition: service_healthy, restart: true}
      job: {condition: service_completed_successfully, required: false}
    healthcheck: {test: [CMD, app], interval: 1m30s, timeout: 2s, retries: 5, start_period: 1s}
    restart: on-failure:3
    stop_signal: SIGUSR1
    stop_grace_period: 1m
    scale: 2
    mem_limit: 64m
    ulimits: {nofile: {soft: 100, hard: 200}, core: 0}
    oom_score_adj: 300
    cpuset: 0-2,4
    network_mode: none
    logging: {driver: json-file, options: {max-size: 1m, max-file: "3"}}
    deploy:
      update_config: {order: start-first, parallelism: 2, monitor: 5s}
  db: {command: app, healthcheck: {test: exit 0}, restart: always}
  job:
    command: [app]
    deploy: {restart_policy: {condition: none}, replicas: 1}
  quiet: {command: app, logging: {driver: none}, x-pm: {kill_timeout: 3s}}
  off: {command: app, profiles: [debug]}
  mine: {image: ignored, command: app, x-pm: {host: true}}
"#;

#[test]
fn every_key_of_a_host_service_acts() {
    let desk = desk();
    desk.write("srv/x", "");
    desk.write(".env", "FROM_DOTENV=secret\n");
    desk.write("more.env", "MODE=slow\nMORE=1\n");
    let (apps, warnings) = read(&desk, ALL);
    assert!(warnings.contains("`NOT_SET`") || warnings.is_empty(), "{warnings}");
    let names: Vec<_> = apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["web", "db", "job", "quiet", "mine"]);
    let web = &apps[0];
    assert_eq!(text(&web.script), desk.path("bin/app").to_str().unwrap());
    assert_eq!(texts(&web.args), ["-x", "web", "--name", "a b", "$HOME", "yes"]);
    assert_eq!((web.namespace.as_str(), web.instances), ("shop", 2));
    assert_eq!(web.project.as_ref().map(text).as_deref(), Some("shop"));
    assert_eq!(text(&web.cwd), desk.path("srv").to_str().unwrap());
    for (name, value) in [
        ("MODE", Some("fast")),
        ("MORE", Some("1")),
        ("FROM", Some("secret")),
        ("SHELL_ONLY", Some("yes")),
        ("NOT_SET", None),
    ] {
        assert_eq!(web.env.get(name).map(text).as_deref(), value, "{name}");
    }
}

#[test]
fn every_rule_of_a_host_service_acts() {
    let desk = desk();
    desk.write("srv/x", "");
    desk.write(".env", "FROM_DOTENV=secret\n");
    desk.write("more.env", "");
    let (apps, _) = read(&desk, ALL);
    let web = &apps[0];
    let user = web.user.as_ref().unwrap();
    assert!(user.to_string().contains("alice") && user.groups.len() == 1, "{user:?}");
    let needs: Vec<_> = web
        .depends_on
        .iter()
        .map(|need| (need.app.as_str(), need.condition, need.restart, need.required))
        .collect();
    assert_eq!(
        needs,
        [("db", Condition::Healthy, true, true), ("job", Condition::Completed, false, false)]
    );
    let health = web.checks.health.as_ref().unwrap();
    assert_eq!((health.interval, health.retries), (Span::from_secs(90), 5));
    assert_eq!(web.stop.signal, Signal::parse("USR1").unwrap());
    assert_eq!((web.stop.timeout, web.stop.tree), (Span::from_secs(60), false));
    assert_eq!(web.limits.memory.map(pm_spec::Bytes::get), Some(64 << 20));
    assert_eq!(web.kernel.rlimits.len(), 2);
    assert_eq!(web.kernel.cpuset.to_string(), "0-2,4");
    assert_eq!(
        (web.logs.rotation.max_size.map(pm_spec::Bytes::get), web.logs.rotation.keep),
        (Some(1 << 20), 2)
    );
    assert!(apps[1].restart.autorestart && !apps[2].restart.autorestart);
    assert_eq!(apps[3].stop.timeout, Span::from_secs(3));
    assert_eq!(text(&apps[4].script), desk.path("bin/app").to_str().unwrap());
}

/// A key of which a table says that it is taken over, and which nothing reads, is found here.
#[test]
fn each_key_of_a_host_service_makes_a_difference() {
    let desk = desk();
    desk.write("srv/x", "");
    desk.write(".env", "FROM_DOTENV=secret\n");
    desk.write("more.env", "MORE=1\n");
    let (whole, _) = read(&desk, ALL);
    let web = ALL.split("  web:").nth(1).unwrap().split("\n  db:").next().unwrap();
    let mut keys: Vec<String> = Vec::new();
    for line in web.lines().skip(1) {
        match keys.last_mut() {
            Some(key) if line.starts_with("     ") => key.extend(["\n", line]),
            _ => keys.push(line.to_owned()),
        }
    }
    let without = |key: &String| read(&desk, &ALL.replace(&format!("{key}\n"), "")).0;
    let idle: Vec<_> = keys.iter().filter(|key| without(key)[0] == whole[0]).collect();
    assert!(
        keys.len() > 15 && idle.is_empty(),
        "of {} keys these do nothing: {idle:#?}",
        keys.len()
    );
}

#[test]
fn what_is_not_said_is_as_compose_has_it() {
    let desk = desk();
    let (apps, _) = read(&desk, "services: {a: {command: app}}");
    let app = &apps[0];
    assert!(!app.restart.autorestart && app.checks.health.is_none());
    assert_eq!((app.stop.signal, app.stop.timeout), (Signal::TERM, Span::from_secs(10)));
    assert_eq!(
        app.source.as_ref().map(text),
        Some(desk.path("compose.yaml").display().to_string())
    );
}

#[test]
fn nothing_is_dropped_silently() {
    let desk = desk();
    let file = "services:\n  a:\n    command: app\n    cpus: 1\n    volumes: [./x:/x]\n    ports: [\"80:80\"]\n    privileged: false\n    secrets: [s, v]\n    post_start: [{command: x, user: root}]\n    logging: {driver: syslog}\n    deploy: {mode: global, placement: {}}\nsecrets: {s: {file: ./s}, v: {environment: V}}\n";
    let (apps, warnings) = read(&desk, file);
    for (line, told) in [
        (4, "`cpus` has no effect: a process of this machine is held to `x-pm: {"),
        (5, "`volumes` has no effect: only a container"),
        (8, "`v` is not mounted: it is no file"),
        (9, "`user` of a command of `post_start` has no effect: it is run as the service is"),
        (10, "`logging` has no effect: the output goes to a file"),
        (11, "`deploy.mode` has no effect"),
    ] {
        assert!(warnings.contains(&format!("compose.yaml:{line}:")), "{line}\n{warnings}");
        assert!(warnings.contains(told), "{told}\n{warnings}");
    }
    let held: Vec<_> = apps[0].secrets.iter().map(|(name, from)| (name.as_str(), from)).collect();
    let file = desk.path("s").display().to_string();
    assert_eq!(held, [("s", &pm_spec::SecretSource::File(file.as_str().into()))]);
    assert!(!warnings.contains("privileged") && !warnings.contains("`ports`"), "{warnings}");
    let read = import(Path::new("compose.yaml"), &desk.caller).unwrap();
    let notes: Vec<_> = read
        .notes
        .iter()
        .map(|note| format!("{} {}: {}", note.place, note.key, note.fate.word()))
        .collect();
    for note in [
        "compose.yaml:3 a command: same",
        "compose.yaml:6 a ports: no effect",
        "compose.yaml:4 a cpus: unsupported",
        "compose.yaml:11 a deploy.placement: no effect",
    ] {
        assert!(notes.contains(&note.to_owned()), "{note}\n{notes:#?}");
    }
    assert_eq!(read.notes.len(), 10, "{notes:#?}");
}

#[test]
fn commands_of_a_service_are_run_beside_it_or_in_its_container() {
    let desk = desk();
    desk.program("bin/podman", "\x7fELF");
    let file = "name: shop\nservices:\n  a:\n    command: app\n    post_start:\n      - {command: ./init a 'b c', environment: [A=1 2], working_dir: /x y}\n      - {command: [ok]}\n    pre_stop: [{command: [./leave]}]\n  b:\n    image: img\n    pre_stop: [{command: ./leave it, user: root, privileged: true, environment: [A=1], working_dir: /x}]\n  c: {image: img, container_name: the-c, post_start: [{command: ok}]}\n";
    let (apps, warnings) = read(&desk, file);
    assert_eq!(warnings, "");
    let hook = |app: usize, stage: HookStage| {
        let command = &apps[app].staged[&stage];
        (texts(&command.command)[2].clone(), command.timeout)
    };
    let exec = format!("{} exec", desk.path("bin/podman").display());
    let usual = Span::from_secs(30);
    for (of, stage, line, timeout) in [
        (
            0,
            HookStage::PostStart,
            "(cd '/x y' && env 'A=1 2' ./init a 'b c') && ok".to_owned(),
            Span::from_secs(86_400),
        ),
        (0, HookStage::PreStop, "./leave".into(), usual),
        (
            1,
            HookStage::PreStop,
            format!(
                "{exec} --user root --workdir /x --privileged --env A=1 shop-b-$((${{NODE_APP_INSTANCE:-0}} + 1)) ./leave it"
            ),
            usual,
        ),
        (2, HookStage::PostStart, format!("{exec} the-c ok"), Span::from_secs(86_400)),
    ] {
        assert_eq!(hook(of, stage), (line, timeout));
    }
    assert!(
        apps.iter().all(|app| app.staged.len() == if app.name.as_str() == "a" { 2 } else { 1 })
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place_all_at_once() {
    let desk = desk();
    for (file, told) in [
        (
            "services:\n  a: {command: app, imag: x}\n  b: {command: app, ports: 80, scale: lots}\n",
            "compose.yaml:2:21: error: unknown key `imag` in `a`\ncompose.yaml:3:28: error: `ports` must be a list, not a number\ncompose.yaml:3:39: error: `scale` must be a whole number, not `lots`",
        ),
        (
            "services:\n  a: {command: app}\n  a: {}\n",
            "compose.yaml:3:3: error: the key `a` is set already, in line 2",
        ),
        (
            "services: {a: {}}\n",
            "compose.yaml:1:12: error: the service `a` has neither an `image` nor a `build`, and no `command` to run on this machine",
        ),
        (
            "services: {a: {image: x}}\n",
            "compose.yaml:1:23: error: the service `a` runs in a container, and neither podman nor docker is in PATH",
        ),
        (
            "services: {a: {command: \"app ${NO:?is needed}\"}}\n",
            "compose.yaml:1:25: error: the variable `NO` is not set or is empty: is needed",
        ),
        (
            "services: {a: {command: app, depends_on: [b]}}\n",
            "compose.yaml:1:43: error: `a` depends on `b`, and there is no such service",
        ),
        (
            "services: {a: {command: app, depends_on: [b]}, b: {command: app, depends_on: [a]}}\n",
            "compose.yaml:1:43: error: `a` depends on `b`, which depends on `a`: none of them can be the first",
        ),
        ("services: {a: {command: nothere}}\n", "compose.yaml:1:25: error: "),
        (
            "include: [sub.yaml]\nservices: {a: {command: app}}\n",
            "sub.yaml:2:4: error: unknown key `x` in `b`",
        ),
        (
            "services: {a: {extends: {file: sub.yaml, service: c}}}\n",
            "sub.yaml:2:4: error: unknown key `x` in `b`\ncompose.yaml:1:25: error: `a` extends `c`, and there is no such service",
        ),
        (
            "include: [compose.yaml]\nservices: {a: {command: app}}\n",
            "compose.yaml:1:11: error: files include each other in a circle: ",
        ),
        (
            "services:\n  a: {command: app, extends: {service: b}}\n  b: {extends: {service: a}}\n",
            "compose.yaml:2:30: error: services extend each other in a circle: a -> b -> a",
        ),
        ("services: [\n", "compose.yaml:1:11: error: unclosed bracket"),
        (
            "services:\n  a:\n    command: app\n   tty: true\n",
            "compose.yaml:4:4: error: line 4 is indented by 3 blanks, as no line above it is",
        ),
    ] {
        desk.write("sub.yaml", "services: {b: {\n   x: y}}\n");
        let found = problems(&desk, file);
        let lines: Vec<_> = found.lines().collect();
        for line in told.lines() {
            assert!(lines.iter().any(|it| it.starts_with(line)), "{line}\n{found}");
        }
        assert!(found.matches("in a circle").count() < 2, "told once\n{found}");
    }
}

#[test]
fn a_file_of_aliases_is_read_and_a_bomb_is_refused() {
    let desk = desk();
    let line = format!("  - {{<<: *a, labels: {{x: \"{}\"}}}}\n", "y".repeat(190));
    let many = line.repeat(10_000);
    let file = format!("x-a: &a {{command: app}}\nx-many:\n{many}services:\n  a: *a\n");
    assert!(file.len() > 2_000_000, "{}", file.len());
    assert_eq!(read(&desk, &file).0.len(), 1);
    let mut bomb = String::from("x-a0: &a0 [a, a, a, a, a, a, a, a, a, a]\n");
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.extend([format!("x-a{level}: &a{level} [{below}]\n")]);
    }
    let told = problems(&desk, &format!("{bomb}services: {{a: {{command: app}}}}\n"));
    assert!(told.contains("aliases make more than 100000 values"), "{told}");
}

/// Each waits for the one before: whoever looks from each of them for a circle, or for each name among all, is here for minutes.
#[test]
fn two_thousand_services_in_a_row_are_read_in_one_go() {
    let desk = desk();
    let mut file = String::from("services:\n  s0: {command: app}\n");
    for number in 1..2_000 {
        let before = number - 1;
        file.extend([format!("  s{number}: {{command: app, depends_on: [s{before}]}}\n")]);
    }
    let (apps, warnings) = read(&desk, &file);
    assert_eq!((apps.len(), warnings.as_str()), (2_000, ""));
    assert_eq!(apps[1_999].depends_on[0].app.as_str(), "s1998");
    let round = file.replace("s0: {command: app}", "s0: {command: app, depends_on: [s1999]}");
    let told = problems(&desk, &round);
    let begins = "compose.yaml:2:35: error: `s0` depends on `s1999`, which depends on `s1998`, ";
    assert!(told.starts_with(begins), "{}", told.chars().take(200).collect::<String>());
    assert_eq!(told.lines().count(), 1);
    assert!(told.ends_with("`s1`, which depends on `s0`: none of them can be the first"));
}

#[test]
fn profiles_are_composes_and_ours() {
    let mut desk = desk();
    let file = "services: {a: {command: app}, b: {command: app, profiles: [p, q]}}\n";
    let count = |desk: &Desk| read(desk, file).0.len();
    assert_eq!(count(&desk), 1);
    desk.overrides.profiles = vec!["q".into()];
    assert_eq!(count(&desk), 2);
    desk.overrides.profiles.clear();
    desk.write(".env", "COMPOSE_PROFILES=x,p\n");
    assert_eq!(count(&desk), 2);
}

#[test]
fn a_file_is_composes_by_what_is_in_it() {
    let desk = desk();
    for (file, is_composes) in [
        ("services: {web: {command: app}}\n", true),
        ("{\"services\": {\"web\": {\"command\": \"app\"}}}\n", true),
        ("apps: [{name: web, script: app, env: {services: a}}]\nx: {services: b}\n", false),
    ] {
        desk.write("any.yaml", file);
        let read = desk.load("any.yaml").unwrap();
        let is_read_so = !read.apps[0].restart.autorestart;
        assert_eq!(is_read_so, is_composes, "{file}");
    }
}

const CONTAINED: &str = r#"
name: shop
services:
  web:
    build: {context: ./ctx, args: {A: 1}, target: dev}
    command: [serve, "--on", "a b"]
    entrypoint: [/app, x]
    environment: {MODE: fast, PATH: /in, NONE: }
    env_file: web.env
    ports: ["127.0.0.1:8080:80", "53:53/udp"]
    volumes: ["data:/data:ro", "./src:/src", /anon, {type: tmpfs, target: /t, tmpfs: {size: 1k}}]
    depends_on: {db: {condition: service_healthy}}
    healthcheck: {test: [CMD, /app, "is it"], interval: 1s}
    restart: always
    stop_grace_period: 1500ms
    stop_signal: SIGINT
    cap_add: [NET_ADMIN]
    init: true
    read_only: true
    ulimits: {nofile: {soft: 1, hard: 2}}
    deploy: {replicas: 2, resources: {limits: {memory: 64m}}}
    develop: {watch: [{path: ., action: rebuild}]}
    labels: {l: v}
  db:
    image: db:1
    container_name: the-db
    network_mode: host
    healthcheck: {test: "ok && ok"}
    x-pm: {namespace: mine}
  here: {command: app, depends_on: [web]}
volumes: {data: {driver: local}}
"#;

#[test]
fn what_is_to_be_watched_is_restarted_and_built_when_somebody_watches() {
    let mut desk = desk();
    desk.program("bin/podman", "\x7fELF");
    desk.write("ctx/Dockerfile", "FROM scratch\n");
    let file = "services:\n  host:\n    command: app\n    develop:\n      watch:\n        - {path: ./src, action: sync+restart, target: /src, ignore: [tmp/, '*.log']}\n        - {path: ./conf, action: restart}\n        - {path: ./page, action: sync, target: /page}\n  box:\n    build: ctx\n    develop:\n      watch:\n        - {path: ctx, action: rebuild}\n        - {path: page, action: sync, target: /page}\n        - {path: conf, action: restart, include: ['*.toml']}\n";
    let (apps, warnings) = read(&desk, file);
    assert!(warnings.is_empty() && apps.iter().all(|app| app.watch.is_none()), "{warnings}");
    desk.overrides.develop = true;
    let (apps, warnings) = read(&desk, file);
    let app = |name: &str| apps.iter().find(|app| app.name.as_str() == name).unwrap();
    let watch = |name: &str| app(name).watch.clone().unwrap();
    let paths = |name: &str| {
        let watch = watch(name);
        watch.paths.iter().map(|path| desk.plain(&text(path))).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        (paths("host"), paths("box")),
        ("/desk/src /desk/conf".into(), "/desk/ctx /desk/conf".into())
    );
    let ignored = format!("{:?}", watch("host").ignore);
    let ignored = desk.plain(&ignored);
    assert!(
        ignored.contains("/desk/src/tmp/**") && ignored.contains("/desk/src/*.log"),
        "{ignored}"
    );
    assert_eq!(watch("host").delay, Span::from_millis(500));
    assert!(app("host").pre_start.is_none());
    let build = format!("{:?}", app("box").pre_start);
    assert!(build.contains("build --tag"), "{build}");
    for line in [
        "compose.yaml:8:11: warning: `action: sync` has no effect\n",
        "compose.yaml:14:11: warning: `action: sync` has no effect\n",
        "compose.yaml:15:50: warning: `include` has no effect: all files below `",
    ] {
        assert!(format!("{warnings}\n").contains(line), "{line}\n{warnings}");
    }
}

#[test]
fn a_service_with_an_image_is_the_engines_command_line() {
    let desk = desk();
    desk.program("bin/podman", "\x7fELF");
    desk.write("web.env", "TOKEN=hunter2\n");
    desk.write("ctx/Dockerfile", "FROM scratch\n");
    let (apps, warnings) = read(&desk, CONTAINED);
    assert_eq!(warnings, "", "`develop` is for `pm watch`");
    let names: Vec<_> = apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["web-build", "web", "db", "here"]);
    let podman = desk.path("bin/podman").display().to_string();
    let build = &apps[0];
    assert_eq!(text(&build.script), podman);
    let plain = |words: &[String]| desk.plain(&words.join(" "));
    assert_eq!(
        plain(&texts(&build.args)),
        "build --tag shop-web --target dev --file /desk/ctx/Dockerfile --build-arg A=1 /desk/ctx"
    );
    assert!(!build.restart.autorestart);
}

#[test]
fn what_the_engine_does_not_get_is_told() {
    let desk = desk();
    desk.program("bin/podman", "\x7fELF");
    desk.write("s", "");
    let file = "services:\n  web:\n    build:\n      context: .\n      ssh: [default]\n      no_cache: true\n    secrets:\n      - s\n      - v\n    configs: [c]\nsecrets: {s: {file: ./s}, v: {environment: V}}\nconfigs: {c: {content: hello}}\n";
    let (_, warnings) = read(&desk, file);
    for told in [
        "compose.yaml:5:7: warning: `build.ssh` has no effect: it is not handed to the engine",
        "compose.yaml:9:9: warning: `v` is not mounted: it is no file",
        "compose.yaml:10:15: warning: `c` is not mounted: it is no file",
    ] {
        assert!(warnings.contains(told), "{told}\n{warnings}");
    }
    assert!(!warnings.contains("no_cache") && !warnings.contains("`s`"), "{warnings}");
}

#[test]
fn what_a_service_says_is_handed_to_the_engine() {
    let desk = desk();
    desk.program("bin/podman", "\x7fELF");
    desk.write("web.env", "TOKEN=hunter2\n");
    let (apps, _) = read(&desk, CONTAINED);
    let podman = desk.path("bin/podman").display().to_string();
    let plain = |words: &[String]| desk.plain(&words.join(" "));
    let web = &apps[1];
    let args = texts(&web.args);
    assert_eq!(text(&web.script), "/bin/sh");
    assert_eq!(
        (args[0].as_str(), args[2].as_str(), args[3].as_str(), args[4].as_str()),
        ("-c", podman.as_str(), "shop-web-", "2")
    );
    for line in [
        "\"$e\" network inspect shop_default >/dev/null 2>&1 || said=$(\"$e\" network create",
        "\"$e\" volume create --label com.docker.compose.project=shop --label com.docker.compose.volume=data --driver local shop_data",
    ] {
        assert!(args[5].contains(line), "{line}\n{}", args[5]);
    }
    let run = plain(&args[6..]);
    for part in [
        "--rm --restart=no --log-driver=passthrough",
        "--stop-signal SIGINT",
        "--cap-add NET_ADMIN",
        "--read-only --init",
        "--memory 67108864",
        "--ulimit nofile=1:2",
        "--env MODE",
        "--env PATH=/in",
        "--env TOKEN",
        "--publish 127.0.0.1:8080:80/tcp --publish 53:53/udp",
        "--volume shop_data:/data:ro --volume /desk/src:/src --volume /anon --tmpfs /t:size=1024",
        "--network shop_default --network-alias web",
        "--label com.docker.compose.service=web",
    ] {
        assert!(run.contains(part), "{part}\n{run}");
    }
    assert!(run.ends_with("--entrypoint=/app shop-web x serve --on a b"), "{run}");
    assert!(!run.contains("hunter2") && !run.contains("NONE"), "{run}");
}

#[test]
fn pm_does_for_a_container_what_it_does_for_an_app() {
    let desk = desk();
    desk.program("bin/podman", "\x7fELF");
    desk.write("web.env", "TOKEN=hunter2\n");
    let (apps, _) = read(&desk, CONTAINED);
    let web = &apps[1];
    assert_eq!(web.env.get("TOKEN").map(text).as_deref(), Some("hunter2"));
    assert_ne!(web.env.get("PATH").map(text).as_deref(), Some("/in"), "that is the client's own");
    assert_eq!(web.instances, 2);
    assert_eq!(
        (web.stop.signal, web.stop.timeout, web.stop.tree),
        (Signal::INT, Span::from_secs(7), false)
    );
    let needs: Vec<_> =
        web.depends_on.iter().map(|need| (need.app.as_str(), need.condition)).collect();
    assert_eq!(needs, [("db", Condition::Healthy), ("web-build", Condition::Completed)]);
    let health = format!("{:?}", web.checks.health);
    assert!(
        health.contains("exec shop-web-$((${NODE_APP_INSTANCE:-0} + 1)) /app 'is it'"),
        "{health}"
    );
    let db = &apps[2];
    let run = texts(&db.args)[3..].join(" ");
    assert!(
        run.starts_with("the-db 10  --rm")
            && run.contains("--network host")
            && run.ends_with(" db:1"),
        "{run}"
    );
    assert!(format!("{:?}", db.checks.health).contains("exec the-db /bin/sh -c 'ok && ok'"));
    assert_eq!(db.namespace.as_str(), "mine");
}

#[test]
fn without_an_engine_it_is_said_what_to_install_and_what_could_run_here() {
    let desk = desk();
    desk.write("compose.yaml", CONTAINED);
    let told = desk.load("compose.yaml").unwrap_err().to_string();
    assert!(
        told.contains(
            "the service `web` runs in a container, and neither podman nor docker is in PATH"
        ),
        "{told}"
    );
    assert!(told.contains("install podman (`apt install podman`"), "{told}");
    assert!(told.contains("could run: web, here"), "{told}");
}
