//! Apps as files of others: what is told of each key, and that those who read such files take them.

use std::fs;
use std::process::Command;

use pm_export::{ExportKey, ExportTarget, without_counterpart};
use pm_spec::options;
use pm_testkit::Home;

use crate::made::{current, root};

const MARK: &str = "<!-- made from what pm-export says of each key -->\n";

#[test]
fn the_tables_of_keys_are_current() {
    let page = fs::read_to_string(root().join("docs/export.md")).unwrap();
    let mut made = page.split(MARK).next().unwrap().to_owned() + MARK;
    for target in ExportTarget::ALL.iter().copied() {
        made += &format!("\n## pm export {}\n\n| key | | there |\n|---|---|---|\n", target.name());
        for key in ExportKey::ALL {
            let fate = target.fate(*key);
            made += &format!("| `{}` | {} | {} |\n", key.name(), fate.word(), fate.why());
        }
    }
    made += "\n## Nowhere\n\n| key | why, and what instead |\n|---|---|\n";
    for key in options::keys() {
        if let Some(why) = without_counterpart(key.name) {
            made += &format!("| `{}` | {why} |\n", key.name);
        }
    }
    current("docs/export.md", &made);
}

/// Apps with most of what can be said, and values that hurt.
const FILE: &str = r##"{
  apps: [
    { name: "db", script: "/bin/sh", args: ["-c", "exec sleep 1000"], ready: { command: ["true"] }, namespace: "back" },
    {
      name: "web app", script: "/bin/sh", args: ["-c", "echo $HOME 50% \"q\" 'x' ; exec sleep 1000", ";", "#", "", "a\\b\nc"],
      instances: 2, depends_on: ["db"], env: { GREETING: "it's 100% \"$HOME\"", DB_PASSWORD: "hunter2" },
      max_memory_restart: "200M", rlimits: { nofile: "1024:2048" }, nice: 5, umask: "027", mem_limit: "300M", cpus: 1.5,
      isolate: "strict", private_tmp: true, write_paths: ["/var/tmp"], stop_exit_codes: [0, 3], restart_delay: "3s",
      healthcheck: { test: "http://127.0.0.1:8000/health" }, reload_signal: "SIGHUP", watchdog: "30s", out_file: "/tmp/100% o.log",
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
    home.run(["check", "out/compose.yaml"]).ok();
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
