//! Apps as files of others: what is told of each key, and that those who read such files take them.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use pm_export::{ExportKey, ExportTarget, without_counterpart};
use pm_spec::options;
use pm_testkit::Home;
use serde_json::{Value, json};

use crate::made::{current, root};
use crate::registry;
use crate::supervisor;

const MARK: &str = "<!-- made from what pm-export says of each key -->\n";

#[test]
fn the_tables_of_keys_are_current() {
    let page = fs::read_to_string(root().join("docs/export.md")).unwrap();
    let mut made = page.split(MARK).next().unwrap().to_owned() + MARK;
    for target in ExportTarget::ALL.iter().copied() {
        write!(made, "\n## pm export {}\n\n| key | | there |\n|---|---|---|\n", target.name())
            .unwrap();
        for key in ExportKey::ALL {
            let fate = target.fate(*key);
            writeln!(made, "| `{}` | {} | {} |", key.name(), fate.word(), fate.why()).unwrap();
        }
    }
    made += "\n## Nowhere\n\n| key | why, and what instead |\n|---|---|\n";
    for key in options::keys() {
        if let Some(why) = without_counterpart(key.name) {
            writeln!(made, "| `{}` | {why} |", key.name).unwrap();
        }
    }
    current("docs/export.md", &made);
}

/// Apps with most of what can be said, and values that hurt.
const FILE: &str = r##"{
  apps: [
    { name: "db", script: "/bin/sh", args: ["-c", "exec sleep 1000"], ready: { exec: ["true"] }, namespace: "back" },
    {
      name: "web app", script: "/bin/sh", args: ["-c", "echo $HOME 50% \"q\" 'x' ; exec sleep 1000", ";", "#", "", "a\\b\nc"],
      instances: 2, depends_on: ["db"], env: { GREETING: "it's 100% \"$HOME\"", DB_PASSWORD: "hunter2" },
      max_memory_restart: "200M", rlimits: { nofile: "1024:2048" }, nice: 5, umask: "027", mem_limit: "300M", cpus: 1.5,
      isolate: "strict", private_tmp: true, write_paths: ["/var/tmp"], stop_exit_codes: [0, 3], restart_delay: "3s",
      healthcheck: { http: "http://127.0.0.1:8000/health", headers: { Authorization: "hunter2" } }, reload_signal: "SIGHUP", watchdog: "30s", out_file: "/tmp/an o.log",
    },
    { name: "report", script: "/bin/true", schedule: "*/10 3 * * 1-5", cron_timezone: "Europe/Berlin", catch_up: true, time_limit: "1h", retries: 2 },
    { name: "sock", script: "/bin/sh", args: ["-c", "exec sleep 1000"], listen: ["tcp://127.0.0.1:8001?name=web"], cron_restart: "0 4 13 * 5" },
  ],
}"##;

#[test]
fn a_file_is_printed_or_written_and_told_of_key_by_key() {
    let home = Home::new();
    home.file("ecosystem.json5", FILE);
    let told =
        home.run(["export", "supervisor"]).ok().says("[program:web-app]").says("numprocs = 2");
    assert!(!format!("{}{}", told.out(), told.err).contains("hunter2"));
    let told = told.complains("it is called web-app there").complains("env DB_PASSWORD");
    told.complains("no counterpart  superlance's `httpok`").complains(" with no counterpart\n");
    home.run(["export", "compose", "ecosystem.json5", "-o", "out"])
        .ok()
        .complains("wrote 1 file: out/compose.yaml");
    home.run(["check", "out/compose.yaml"]).ends(2).says("`DB_PASSWORD` is not set");
    home.pm(["check", "out/compose.yaml"]).env("DB_PASSWORD", "x").run().ok();
    home.run(["export", "compose", "-o", "out"])
        .ends(1)
        .complains("it is there already")
        .complains("--force");
    home.run(["export", "compose", "-o", "out", "-f"]).ok();
    home.run(["export", "swarm"]).ends(2).complains("systemd, ");
    // What runs, by its name.
    home.run(["start", "ecosystem.json5", "--only", "db"]).ok();
    home.run(["export", "supervisor", "db"]).ok().says("[group:back]");
    home.run(["export", "supervisor", "nosuch"]).ends(1);
    home.run(["delete", "all"]).ok();
}

#[test]
fn only_what_somebody_wrote_is_told_of() {
    let home = Home::new();
    home.file("app.py", "import signal\nsignal.pause()\n");
    home.file("app.js", "");
    home.script("work", "exit 0");
    home.file(
        "eco.json5",
        "[{ name: 'web', script: 'app.py', args: '--port 80' }, { name: 'node', script: 'app.js', instances: 2 }, \
         { name: 'nightly', script: './work', schedule: '0 3 * * *' }]",
    );
    let keys = |words: &[&str]| -> Vec<String> {
        let notes = home.run(words.iter().copied().chain(["--json"])).ok().json()["keys"].clone();
        let note =
            |it: &Value| format!("{} {}", it["app"].as_str().unwrap(), it["key"].as_str().unwrap());
        notes.as_array().unwrap().iter().map(note).collect()
    };
    assert_eq!(
        keys(&["export", "systemd", "eco.json5"]),
        [
            "web name",
            "web script",
            "web args",
            "node name",
            "node script",
            "node instances",
            "nightly name",
            "nightly script",
            "nightly schedule",
        ]
    );
    // Of what runs only what is not as it would be.
    home.run(["start", "eco.json5", "--only", "web"]).ok();
    let told = keys(&["export", "compose", "web"]);
    assert_eq!(told, ["web name", "web script", "web args", "web interpreter"]);
}

#[test]
fn systemd_takes_its_units() {
    let home = Home::new();
    home.file("ecosystem.json5", FILE);
    home.run(["export", "systemd", "-o", "units"]).ok();
    let folder = home.work().join("units");
    let mut units: Vec<_> = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    units.sort();
    assert_eq!(units.len(), 9, "{units:?}");
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "--generators=no"]).args(&units);
    // Theirs besides ours: targets that all units stand on.
    let verify = verify.env("SYSTEMD_UNIT_PATH", format!("{}:", folder.display()));
    let output = verify.output().expect("this test needs systemd-analyze, of the package systemd");
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<_> =
        said.lines().filter(|line| line.contains("units/") || line.contains("web-app")).collect();
    assert!(output.status.success() && ours.is_empty(), "{said}");
}

/// Judges manifests by the schemas of Kubernetes, unknown fields refused, and jobs by ours.
const JUDGE: &str = r#"
import json, pathlib, sys, yaml, kubernetes_validate
from jsonschema import Draft202012Validator as Validator
folder = pathlib.Path(sys.argv[1])
kinds = []
for file in sorted(folder.glob("*.yaml")):
    for document in yaml.safe_load_all(file.read_text()):
        kinds.append(document["kind"])
        kubernetes_validate.validate(document, "1.34", strict=True)
judge = Validator(json.load(open(sys.argv[2])))
for file in sorted(folder.glob("*.nomad.json")):
    kinds.append(file.name.split(".")[0])
    for error in judge.iter_errors(json.loads(file.read_text())):
        print(file.name, error.json_path, error.message)
print(" ".join(kinds))
"#;

#[test]
fn engines_take_their_manifests_and_jobs() {
    let home = Home::new();
    home.file("ecosystem.json5", FILE);
    for target in ["kubernetes", "nomad"] {
        home.run(["export", target, "-o", "out"]).ok();
    }
    let mut python = Command::new(registry::venv().join("bin/python"));
    python.args(["-c", JUDGE]).arg(home.work().join("out"));
    let output = python.arg(root().join("fixtures/export/nomad-job.schema.json")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let kinds = "Deployment CronJob Deployment ConfigMap Deployment PodDisruptionBudget db report sock web-app\n";
    assert_eq!(said, kinds);
}

/// What Supervisor makes of its file, a program a line.
const PROGRAMS: &str = r#"
import json, shlex, sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(["-n", "-c", sys.argv[1]])
for group in options.process_group_configs:
    for one in group.process_configs:
        env = {name: value for name, value in one.environment.items() if not name.startswith("SUPERVISOR")}
        print(json.dumps([group.name + ":" + one.name, shlex.split(one.command), env]))
"#;

#[test]
fn supervisor_itself_reads_what_was_meant() {
    let home = Home::new();
    home.file("ecosystem.json5", FILE);
    home.run(["export", "supervisor", "-o", "."]).ok();
    let mut python = Command::new(supervisor::venv().join("bin/python"));
    python.args(["-W", "ignore", "-c", PROGRAMS]).arg(home.work().join("supervisord.conf"));
    let output = python.env("DB_PASSWORD", "hunter2").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let programs: Vec<Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words = json!([
        "/bin/sh",
        "-c",
        "echo $HOME 50% \"q\" 'x' ; exec sleep 1000",
        ";",
        "#",
        "",
        "a\\b\nc"
    ]);
    let web = |slot: u8| {
        let env = json!({ "DB_PASSWORD": "hunter2", "NODE_APP_INSTANCE": slot.to_string() });
        json!([format!("web-app:web-app_{slot:02}"), words, env])
    };
    for expected in [web(0), web(1)] {
        assert!(programs.contains(&expected), "{expected:#}\n{programs:#?}");
    }
    let names: Vec<_> = programs.iter().filter_map(|it| it[0].as_str()).collect();
    assert!(names.contains(&"back:db") && names.contains(&"report:report"), "{names:?}");
}
