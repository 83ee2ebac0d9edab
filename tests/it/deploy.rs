//! `pm deploy`: on this machine, and through an `ssh` that writes down what it is called with and runs it here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_testkit::{Home, Run, pm};

use crate::apps::up;

/// A project with a remote repository, as a developer has it.
struct Project {
    home: Home,
}

impl Project {
    fn new() -> Self {
        let project = Self { home: Home::new() };
        let work = project.home.work();
        project.git(&work, "init -q --bare -b main remote.git");
        project.git(&work, "clone -q remote.git here");
        project.commit("one");
        project
    }

    fn here(&self) -> PathBuf {
        self.home.work().join("here")
    }

    fn git(&self, folder: &Path, words: &str) -> String {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]);
        let output = command
            .args(words.split(' '))
            .current_dir(folder)
            .env("HOME", self.home.work())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {words}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits and pushes a file of this content; gives the commit.
    fn commit(&self, content: &str) -> String {
        self.home.file("here/app.txt", content);
        self.git(&self.here(), "add -A");
        self.git(&self.here(), &format!("commit -q -m {content}"));
        self.git(&self.here(), "push -q -u origin HEAD:main");
        self.git(&self.here(), "rev-parse HEAD")
    }

    /// The config, committed and pushed.
    fn config(&self, inside: &str) {
        self.config_as("ecosystem.json5", "", inside);
    }

    fn config_as(&self, name: &str, before: &str, inside: &str) {
        let repo = self.home.work().join("remote.git").display().to_string();
        let path = self.target().display().to_string();
        let text = format!(
            "{before}{{ apps: [], deploy: {{ production: {{ repo: '{repo}', ref: 'origin/main', \
             path: {path:?}, {inside} }} }} }}"
        );
        self.home.file(Path::new("here").join(name), text);
        self.git(&self.here(), "add -A");
        self.git(&self.here(), "commit -q --allow-empty -m config");
        self.git(&self.here(), "push -q -u origin HEAD:main");
    }

    fn target(&self) -> PathBuf {
        self.home.work().join("far away/it's")
    }

    fn deploy(&self, words: &str) -> Run {
        let words = ["deploy"].into_iter().chain(words.split(' '));
        self.home.pm(words).dir(self.here()).run()
    }

    fn deployed(&self) -> String {
        fs::read_to_string(self.target().join("current/app.txt")).unwrap_or_default()
    }
}

/// All hooks write down that they ran, where, and what they know.
fn hooks() -> String {
    let line = |name: &str| {
        format!(
            "'{name}': 'echo {name} $(basename \"$PWD\") $MODE ${{SHARED##*/}} >> $HOME/hooks',"
        )
    };
    ["pre-setup", "post-setup", "pre-deploy-local", "pre-deploy", "post-deploy"].map(line).concat()
}

#[test]
fn a_project_is_set_up_deployed_and_taken_back_on_this_machine() {
    let project = Project::new();
    project.config(&format!("host: 'localhost', env: {{mode: 'a b; exit 3'}}, {}", hooks()));
    let told = |name: &str| {
        let path = project.home.work().parent().unwrap().join("hooks");
        let text = fs::read_to_string(&path).unwrap_or_default();
        fs::remove_file(path).ok();
        assert!(text.contains(name), "{name} is not in {text:?}");
        text
    };
    project.deploy("production").ends(1).complains("setup comes first");
    told("pre-deploy-local here");
    project.deploy("production setup").ok().complains("success");
    assert_eq!(told("setup"), "pre-setup here\npost-setup current shared\n");
    for folder in ["shared/logs", "shared/pids", "source/.git"] {
        assert!(project.target().join(folder).is_dir(), "{folder}");
    }
    assert_eq!(
        fs::read_link(project.target().join("current")).unwrap(),
        project.target().join("source")
    );
    assert_eq!(project.deployed(), "one");

    let two = project.commit("two");
    project.deploy("ecosystem.json5 production update").ok();
    assert_eq!(
        told("deploy"),
        "pre-deploy-local here\npre-deploy current shared\npost-deploy current a b; exit 3 shared\n"
    );
    assert_eq!(project.deployed(), "two");
    let three = project.commit("three");
    project.deploy("production").ok();
    assert_eq!(project.deploy("production curr").ok().out().trim(), three[..7].to_owned());
    assert_eq!(project.deploy("production previous").ok().out().trim(), two);
    assert_eq!(
        project.deploy("production list").ok().out(),
        format!("0\t{three}\n1\t{two}\n"),
        "the last one first"
    );
    project.deploy("production revert").ok();
    assert_eq!(project.deployed(), "two");
    project.deploy("production revert 7").ends(1).complains("3 deployments");
    project.git(&project.here(), "tag v1");
    project.git(&project.here(), "push -q origin v1");
    project.deploy("production ref v1").ok();
    assert_eq!(project.deployed(), "three");
    project.deploy("production ref nosuch").ends(1).complains("could not check nosuch out");
    let run = project.deploy("production exec cat app.txt && basename \"$PWD\"").ok();
    assert_eq!(run.out(), "threecurrent\n");
    project.deploy("production setup").ends(1).complains("hint: if it was set up before");
}

#[test]
fn what_is_not_in_the_repository_is_not_forgotten() {
    let project = Project::new();
    project.config("host: 'localhost', 'post-deploy': 'true'");
    project.deploy("production setup").ok();
    project.home.file("here/app.txt", "changed");
    project.deploy("production").ends(1).complains("not committed");
    project.git(&project.here(), "add -A");
    project.deploy("production").ends(1).complains("staged");
    project.git(&project.here(), "commit -q -m changed");
    project.deploy("production").ends(1).complains("not pushed").complains("--force");
    assert_eq!(project.deployed(), "one");
    project.deploy("production --force").ok();
    project.git(&project.here(), "push -q origin HEAD:main");
    project.deploy("production").ok();
    assert_eq!(project.deployed(), "changed");
}

/// An `ssh` first on PATH that writes its arguments down and runs the last one as a login shell would.
fn fake_ssh(project: &Project) -> String {
    project.home.script(
        "bin/ssh",
        "for word in \"$@\"; do last=$word; printf '<%s>' \"${word%%sh -c*}\" >> \"$HOME/ssh\"; done\n\
         echo >> \"$HOME/ssh\"\ncd \"$HOME\" && exec sh -c \"$last\"",
    );
    let path = std::env::var("PATH").unwrap();
    format!("{}:{path}", project.home.work().join("bin").display())
}

#[test]
fn hosts_are_reached_by_ssh_one_after_the_other() {
    let project = Project::new();
    project.config(
        "user: 'ann', host: ['web1', 'web2'], port: 2222, key: '~/.ssh/k y', needs_tty: true, \
         'forward-agent': 'yes', ssh_options: ['StrictHostKeyChecking=no', 'A=b c'], fetch: 'fast', \
         'post-deploy': 'touch deployed'",
    );
    let path = fake_ssh(&project);
    let deploy = |words: &str| {
        let words = ["deploy"].into_iter().chain(words.split(' '));
        project.home.pm(words).dir(project.here()).env("PATH", &path).run()
    };
    // Both are this machine, so the second finds the first one's clone.
    deploy("production setup").ends(1).complains("on host web2").complains("on web2");
    deploy("production").ok();
    assert_eq!(project.deployed(), "one");
    assert!(project.target().join("current/deployed").exists());
    let home = project.home.work().parent().unwrap().to_owned();
    let calls = fs::read_to_string(home.join("ssh")).unwrap();
    let options = format!(
        "<-o><StrictHostKeyChecking=no><-o><A=b c><-o><ConnectTimeout=10><-o><ServerAliveInterval=15><-t><-A><-p><2222><-i><{}/.ssh/k y>",
        home.display()
    );
    for host in ["web1", "web2"] {
        let line = format!("{options}<ann@{host}><exec >");
        assert!(calls.lines().any(|call| call == line), "{line} is not in\n{calls}");
    }
    let first = calls.find("ann@web2").unwrap();
    assert!(calls.find("ann@web1").unwrap() < first);
    assert_eq!(deploy("production exec echo $((1+2))").ok().out(), "3\n3\n");
}

#[test]
fn a_host_that_is_not_reached_is_named() {
    let project = Project::new();
    project.config("host: 'web1'");
    let ssh = project.home.script("bin/ssh", "echo 'no route' >&2; exit 255");
    fs::set_permissions(ssh, fs::Permissions::from_mode(0o755)).unwrap();
    let path =
        format!("{}:{}", project.home.work().join("bin").display(), std::env::var("PATH").unwrap());
    let words = ["deploy", "production", "setup"];
    let run = project.home.pm(words).dir(project.here()).env("PATH", &path).run().ends(1);
    run.complains("on web1: ssh failed").complains("hint: try `ssh web1` by itself");
    let words = ["deploy", "production", "setup"];
    let run = project.home.pm(words).dir(project.here()).env("PATH", "/nosuch").run();
    run.ends(1).complains("could not run ssh");
}

#[test]
fn without_post_deploy_the_apps_of_the_file_are_started() {
    let project = Project::new();
    project.config_as("ecosystem.config.js", "const host = 'localhost'; module.exports = ", "host");
    project.deploy("production setup").ok();
    project.home.script("bin/pm", "echo \"$@\" > \"$HOME/called\"");
    let path =
        format!("{}:{}", project.home.work().join("bin").display(), std::env::var("PATH").unwrap());
    let words = ["deploy", "production"];
    project.home.pm(words).dir(project.here()).env("PATH", path).run().ok();
    let called = project.home.work().parent().unwrap().join("called");
    assert_eq!(
        fs::read_to_string(called).unwrap(),
        "startOrRestart ecosystem.config.js --env production\n"
    );
}

#[test]
fn a_config_that_would_change_a_command_is_refused() {
    let project = Project::new();
    project.config("host: '-oProxyCommand=touch$IFS/tmp/x'");
    let run = project.deploy("production setup").ends(2);
    run.complains("ecosystem.json5:1:").complains("it would be read as an option");
    project.config("host: 'localhost', hosst: 1");
    project.deploy("prodution setup").ends(2).complains("did you mean `production`?");
    project.deploy("production setup").ok().complains("did you mean `host`?");
    project.deploy("production ref --exec=x").ends(2);
    project.deploy("help").ok().says("setup").says("revert");
    project.home.run(["deploy", "production"]).ends(2).complains("could not find a config");
}

/// A deploy takes away the folder in which a shell stands, and perhaps puts another one in its place.
#[test]
fn a_removed_current_folder_is_no_hindrance() {
    let home = Home::new();
    up(&home, "web");
    let from = |folder: &str, words: &str| {
        let line = format!(
            "mkdir {folder} && cd {folder} && rmdir ../{folder} && {{ {words}; }}",
            words = words.replace("pm ", &format!("{} ", pm().display()))
        );
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(home.work()).env("PM_HOME", home.home().root());
        shell.output().unwrap()
    };
    for verb in ["restart", "reload"] {
        let pid = home.row("web").pid;
        let run = from(verb, &format!("pm {verb} web"));
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        home.wait_new_pid("web", pid);
    }
    let run = from("lost", "pm start ./app.sh");
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.code() == Some(2) && told.contains("there is no"), "{told}");
    let put = "mkdir ../back && echo 'exec sleep 1000' > ../back/app.sh";
    let run = from("back", &format!("{put} && pm start ./app.sh"));
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}
