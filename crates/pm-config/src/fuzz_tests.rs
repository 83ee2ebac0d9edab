//! Configs of all formats under hostile input: no panic, no memory beyond measure, and each error has its place in the text.

use std::fs;
use std::path::PathBuf;

use pm_fuzz::FuzzTarget;
use pm_spec::{ByteString, Environment};

use crate::dotenv::{self, Dialect};
use crate::interpolate::{self, Dollars};
use crate::{
    Caller, ComposeProject, ConfigFormat, ConfigPlace, Diagnosis, Overrides, Severity, import, read,
};

const KEYS: &str = "apps name script args env env_production cwd instances max_memory_restart cron_restart watch ignore_watch \
    exec_mode kill_timeout depends_on schedule listen healthcheck ready interpolate include defaults limits hooks namespace uid \
    true false null 100M 10s ${HOME:-x} /bin/sh";

/// A folder of its own for each target, in which nothing else lies.
struct FuzzDesk {
    folder: tempfile::TempDir,
    caller: Caller,
}

impl FuzzDesk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut env = Environment::new();
        env.set("PATH", "/nowhere");
        env.set("HOME", "/home/you");
        let mut caller = Caller::new(root.clone(), env, root.join("home"));
        caller.cpus = Some(4);
        caller.passwd = root.join("passwd");
        caller.group = root.join("group");
        fs::write(&caller.passwd, "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:\n")
            .unwrap();
        fs::write(&caller.group, "root:x:0:\n").unwrap();
        Self { folder, caller }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// An error says where: within the text, in words without control characters.
fn is_placed(bytes: &[u8], diagnosis: &Diagnosis) {
    let text = String::from_utf8_lossy(bytes).replace('\r', "\n");
    let lines = text.lines().count().max(1);
    assert!(diagnosis.diagnostics.iter().any(|it| it.severity == Severity::Error));
    for diagnostic in &diagnosis.diagnostics {
        let told = diagnostic.to_string();
        // A tab of the text is shown as it is.
        let is_plain = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
        assert!(told.chars().all(is_plain), "{told:?}");
        if let ConfigPlace::Line { line, column } = diagnostic.place {
            assert!(line > 0 && line <= lines + 1 && column > 0, "{told} of {lines} lines");
        }
    }
}

fn fuzz(format: ConfigFormat, target: FuzzTarget) {
    let desk = FuzzDesk::new();
    let overrides = Overrides::default();
    let target = target.words(KEYS).runs(500).longest(2048).memory(4096, 16 << 20);
    target.run(|bytes| match read::parse(bytes, format, "x", &desk.caller, &overrides) {
        Ok(ecosystem) => drop(ecosystem),
        Err(diagnosis) => is_placed(bytes, &diagnosis),
    });
}

#[test]
fn fuzz_config_json5() {
    let target = FuzzTarget::new("config_json5").sample(
        "// apps\n{apps: [{name: 'web', script: \"server.js\", instances: +2, env: {A: 0x1f,},},]}",
    );
    fuzz(ConfigFormat::Json5, target.words("// /* */ 0x Infinity NaN \\u{1f600} \\u0041"));
}

#[test]
fn fuzz_config_json() {
    let target = FuzzTarget::new("config_json")
        .sample(r#"{"apps": [{"name": "web", "script": "a", "env": {"A": 1e3}}]}"#);
    fuzz(ConfigFormat::Json, target);
}

#[test]
fn fuzz_config_yaml() {
    let target = FuzzTarget::new("config_yaml")
        .sample("apps:\n  - &one\n    name: web\n    script: 'a'\n    args: [x, \"y\"]\n  - <<: *one\n    name: b\n    env: {A: |\n x}\n");
    fuzz(ConfigFormat::Yaml, target.words("&a *a <<: !!str !!binary | > --- ... ? %YAML - :"));
}

#[test]
fn fuzz_config_toml() {
    let target = FuzzTarget::new("config_toml")
        .sample("[[apps]]\nname = \"web\"\nscript = 'a'\nenv = { A = 1, B = 1979-05-27T07:32:00Z }\n[apps.limits]\n");
    fuzz(
        ConfigFormat::Toml,
        target.words("[[apps]] [a.b] = ''' \"\"\" 0b1 inf nan 07:32:00 \\U0001F600"),
    );
}

#[test]
fn fuzz_config_supervisor() {
    let desk = FuzzDesk::new();
    let target = FuzzTarget::new("config_supervisor")
        .sample("[program:web]\ncommand=/bin/cat -n \"%(here)s\"\nnumprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\nenvironment=A=\"1\",B='%(ENV_HOME)s'\nexitcodes=0,2\nstdout_logfile_maxbytes=50MB ; x\n[group:all]\nprograms=web\n[unix_http_server]\nfile=/tmp/s.sock\n")
        .sample("[eventlistener:l]\ncommand=/bin/cat\nevents=PROCESS_STATE,TICK_60\n[fcgi-program:f]\nsocket=unix:///s\ncommand=x\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=x\n[include]\nfiles=*.ini\n")
        .words("[program: [group: [include] command= numprocs= %(ENV_HOME)s %(process_num)02d %(here)s %% ; autorestart=unexpected user=alice directory=/ umask=022 stopsignal=TERM AUTO NONE syslog");
    target.runs(400).longest(2048).memory(4096, 16 << 20).run(|bytes| {
        let path = desk.write("supervisord.conf", bytes);
        if let Err(diagnosis) = import(&path, &desk.caller) {
            is_placed(bytes, &diagnosis);
        }
    });
}

#[test]
fn fuzz_config_compose() {
    let desk = FuzzDesk::new();
    let target = FuzzTarget::new("config_compose")
        .sample("name: shop\nservices:\n  web:\n    command: [a, b]\n    ports: ['80:80/tcp', \"127.0.0.1:3-5:3-5\"]\n    environment: [A=1]\n    depends_on: {db: {condition: service_healthy}}\n    deploy: {resources: {limits: {cpus: '0.5', memory: 50M}}}\n  db: &db\n    image: x\n    volumes: ['v:/d:ro']\n    healthcheck: {test: curl x, interval: 1m30s}\n  c: {<<: *db, profiles: [p], extends: {service: db}}\nvolumes: {v: }\nnetworks: {n: {driver: bridge}}\n")
        .words("services: image: build: command: ports: volumes: networks: secrets: configs: depends_on: extends: include: !reset !override ${A:-b} ${A:?x} $$ service_healthy 1h2m3s 4gb x-a:");
    target.runs(250).longest(2048).memory(8192, 16 << 20).run(|bytes| {
        let path = desk.write("compose.yaml", bytes);
        match ComposeProject::load(&[&path], &desk.caller, &[], None) {
            Ok(_) => {}
            Err(diagnosis) => is_placed(bytes, &diagnosis),
        }
        match read::load(&path, &desk.caller, &Overrides::default()) {
            Ok(_) => {}
            Err(diagnosis) => is_placed(bytes, &diagnosis),
        }
    });
}

#[test]
fn fuzz_config_process_compose() {
    let desk = FuzzDesk::new();
    let target = FuzzTarget::new("config_process_compose")
        .sample("environment: ['A=1']\nvars: {P: 1}\nprocesses:\n  web:\n    command: \"x {{.P}} ${A:-b} $$C\"\n    replicas: 2\n    depends_on: {db: {condition: process_healthy}}\n    availability: {restart: on_failure, max_restarts: 2}\n    shutdown: {signal: 2, timeout_seconds: 3, command: y}\n  db: &db\n    command: z\n    readiness_probe: {http_get: {host: 127.0.0.1, port: \"80\"}, period_seconds: 1}\n  c: {<<: *db, extends: web, schedule: {interval: 30m}, watch: {paths: [{path: a, include: ['*.b']}]}}\n")
        .words("processes: command: entrypoint: replicas: depends_on: process_completed process_log_ready extends: availability: {{ }} {{.P}} {{\"x\"}} ${A:-b} $$ exec: http_get: is_daemon: schedule: watch: env_cmds: namespace:");
    target.runs(250).longest(2048).memory(8192, 16 << 20).run(|bytes| {
        let path = desk.write("pc.yaml", bytes);
        if let Err(diagnosis) = import(&path, &desk.caller) {
            is_placed(bytes, &diagnosis);
        }
    });
}

#[test]
fn fuzz_env_files() {
    let before = FuzzDesk::new().caller.env;
    let target = FuzzTarget::new("env_files")
        .sample("# all\nexport A='a b'\nB=\"x\\n${A:-y}\"\nC = d # e\nD\nE=${F?no}\n")
        .words("export = ${ } :- ?x \\n \\\" # ' \" $$");
    target.run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.replace('\r', "\n").lines().count().max(1);
        for dialect in [Dialect::Compose, Dialect::Raw] {
            let (variables, findings) = dotenv::parse(&text, dialect, &before);
            assert!(variables.len() + findings.len() <= text.len());
            for finding in findings {
                let ConfigPlace::Line { line, .. } = finding.at else { panic!("no place") };
                assert!(line <= lines + 1, "line {line} of {lines}");
            }
        }
    });
}

#[test]
fn fuzz_variables_in_text() {
    let target = FuzzTarget::new("variables_in_text").sample("${A:-${B:?no}}/$C$$${D+x}");
    target.words("${ } :- :? :+ $$ A LONG").memory(2048, 1 << 20).run(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let look = |name: &str| (name != "B").then(|| ByteString::from("value"));
        for dollars in [Dollars::Braced, Dollars::All] {
            if let Err(why) = interpolate::fill(&text, dollars, &look) {
                assert!(text.get(why.at..).is_some_and(|rest| rest.starts_with('$')), "{why:?}");
            }
        }
    });
}
