//! Deployments: to this machine, and through an `ssh` that writes down whom it is to reach and runs the line here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

fn git(tool: &Tool, folder: &str, words: &str) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(words.split(' '));
    command.current_dir(tool.work().join(folder)).env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.env("HOME", tool.folder()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {words}: {told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn commit(tool: &Tool, content: &str) -> String {
    tool.file("here/app.txt", content);
    git(tool, "here", "add -A");
    git(tool, "here", &format!("commit -q -m {content}"));
    git(tool, "here", "push -q -u origin HEAD:main");
    git(tool, "here", "rev-parse HEAD")
}

/// `pm2 deploy`, where the project lies.
fn deploy(tool: &Tool, words: &[&str]) -> pm_testkit::Run {
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", tool.work().join("stubs").display());
    let words = [&["deploy", "ecosystem.json", "production"], words].concat();
    tool.words(&words).dir(tool.work().join("here")).env("PATH", path).run()
}

fn project(tool: &Tool, host: &str) {
    for folder in ["here", "target", "remote.git"] {
        fs::remove_dir_all(tool.work().join(folder)).ok();
    }
    git(tool, "", "init -q --bare -b main remote.git");
    git(tool, "", "clone -q remote.git here");
    let hooks = tool.work().join("hooks");
    fs::remove_file(&hooks).ok();
    let line = |name: &str| format!("echo {name} >> {}", hooks.display());
    let production = json!({
        "user": "deployer", "host": host, "ref": "origin/main", "port": "2222",
        "repo": tool.work().join("remote.git"), "path": tool.work().join("target"),
        "pre-setup": line("pre-setup"), "post-setup": line("post-setup"),
        "pre-deploy-local": line("pre-deploy-local"), "pre-deploy": line("pre-deploy"),
        "post-deploy": format!("{} && echo mode=$MODE >> {}", line("post-deploy"), hooks.display()),
        "env": { "MODE": "blue" },
    });
    let config = json!({ "apps": [], "deploy": { "production": production } });
    tool.file("here/ecosystem.json", &config.to_string());
    let stub = tool.file(
        "stubs/ssh",
        "#!/bin/sh\noptions=\nwhile :; do case $1 in\n\
         -[pio]) options=\"$options $1 $2\"; shift 2;;\n--) shift; break;;\n\
         -*) options=\"$options $1\"; shift;;\n*) break;;\nesac; done\n\
         echo \"$options $1\" >> \"$HOME/reached\"\nshift\n\
         # As ssh does: the words, with blanks in between, for a shell over there.\n\
         exec bash -c \"$*\"\n",
    );
    fs::set_permissions(stub, PermissionsExt::from_mode(0o755)).unwrap();
}

/// All of a deployment's life, and what there is after each step.
fn life(tool: &Tool, notes: &mut Notes, host: &str) {
    project(tool, host);
    let one = commit(tool, "one");
    let target = tool.work().join("target");
    let deployed = || fs::read_to_string(target.join("current/app.txt")).unwrap_or_default();
    let hooks = || {
        let path = tool.work().join("hooks");
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::remove_file(path).ok();
        json!(text.lines().collect::<Vec<_>>())
    };
    let mut note =
        |key: &str, value: serde_json::Value| notes.put(&format!("{host}: {key}"), value);
    note("before setup", (deploy(tool, &[]).code != 0).into());
    hooks();
    note("setup", deploy(tool, &["setup"]).code.into());
    note("setup: hooks", hooks());
    let folders = ["current", "source/.git", "shared/logs", "shared/pids"];
    note("folders", json!(folders.map(|name| target.join(name).exists())));
    let two = commit(tool, "two");
    note("first", deploy(tool, &[]).code.into());
    note("first: hooks", hooks());
    note("first: deployed", deployed().into());
    let three = commit(tool, "three");
    note("second", deploy(tool, &["update"]).code.into());
    note("second: deployed", deployed().into());
    let said = |words: &[&str], wanted: &str| {
        let run = deploy(tool, words);
        json!([run.code, super::lists::plain(&run.out()).contains(wanted)])
    };
    note("current", said(&["curr"], &three[..7]));
    note("previous", said(&["prev"], &two[..7]));
    note("list", said(&["list"], &three[..7]));
    note("exec", said(&["exec", "cat app.txt"], "three"));
    note("revert", deploy(tool, &["revert", "1"]).code.into());
    note("reverted", deployed().into());
    note("a ref", deploy(tool, &["ref", &one]).code.into());
    note("a ref: deployed", deployed().into());
    tool.file("here/app.txt", "changed");
    note("not committed", deploy(tool, &[]).code.into());
    note("by force", deploy(tool, &["--force"]).code.into());
    note("by force: deployed", deployed().into());
    note("unknown environment", {
        let words = ["deploy", "ecosystem.json", "nosuch"];
        tool.words(&words).dir(tool.work().join("here")).run().code.into()
    });
}

fn deployed_here(tool: &Tool, notes: &mut Notes) {
    life(tool, notes, "localhost");
}

fn deployed_by_ssh(tool: &Tool, notes: &mut Notes) {
    life(tool, notes, "far.example");
    let reached = fs::read_to_string(tool.folder().join("reached")).unwrap();
    notes.put("reached", reached.lines().all(|line| line.contains("deployer@far.example")));
    let has_port = |line: &str| line.contains("-p 2222");
    notes.put("port", reached.lines().all(has_port));
}

#[test]
fn deployments_side_by_side() {
    compare("deployments", &scenarios![deployed_here, deployed_by_ssh]);
}
