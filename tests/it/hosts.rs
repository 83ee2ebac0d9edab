//! `pm -H`: the same command on many machines. Here they are sshds on ports of this one, each with a home of its own.

use std::fmt::Write;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::comparisons::names_tests_that_are_there;
use pm_testkit::{Home, Invocation, Run, free_port, pm};

/// Machines, and who gets to them.
struct Fleet {
    /// From where they are told what to do.
    home: Home,
    homes: Vec<Home>,
    sshd: Child,
}

fn ssh_keygen(path: &Path) {
    let mut command = Command::new("ssh-keygen");
    let made = command.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.unwrap().success());
}

impl Fleet {
    /// `web1`, `web2` ... one for each of these lines of `sshd_config(5)`, which hold there only.
    fn new(own: &[&str]) -> Self {
        let home = Home::new();
        let work = home.work();
        let path = |name: &str| work.join(name).display().to_string();
        for key in ["host", "user"] {
            ssh_keygen(&work.join(key));
        }
        let homes: Vec<_> = own.iter().map(|_| Home::new()).collect();
        let ports: Vec<_> = own.iter().map(|_| free_port()).collect();
        let programs = pm().parent().unwrap().display().to_string();
        let mut sshd = format!(
            "ListenAddress 127.0.0.1\nHostKey {}\nStrictModes no\nUsePAM no\nPidFile none\nMaxStartups 100\n",
            path("host")
        );
        let mut ssh = String::new();
        for port in &ports {
            writeln!(sshd, "Port {port}").unwrap();
        }
        for (index, (port, there)) in ports.iter().zip(&homes).enumerate() {
            writeln!(sshd, "Match LocalPort {port}\n{}", own[index]).unwrap();
            let there = there.home().root().display();
            writeln!(sshd, " SetEnv PM_HOME={there} PATH={programs}:/usr/bin:/bin").unwrap();
            writeln!(sshd, " AuthorizedKeysFile {}", path("user.pub")).unwrap();
            let name = index + 1;
            writeln!(ssh, "Host web{name}\n HostName 127.0.0.1\n Port {port}").unwrap();
        }
        let dead = free_port();
        writeln!(ssh, "Host dead\n HostName 127.0.0.1\n Port {dead}").unwrap();
        writeln!(ssh, "Host slow\n ProxyCommand sleep 1000").unwrap();
        // The way to the first of them, which is open once a file is there; and a key that nobody can read without its password.
        let (go, own) = (path("go"), path("ssh_config"));
        let way =
            format!("while ! test -e {go}; do sleep 0.05; done; exec ssh -F {own} -W $1:$2 web1");
        let way = home.script("way", &way).display().to_string();
        writeln!(ssh, "Host late\n HostName 127.0.0.1\n Port {}", ports[0]).unwrap();
        writeln!(ssh, " ProxyCommand {way} %h %p").unwrap();
        let locked = work.join("locked");
        let (port, key) = (ports[0], locked.display());
        writeln!(ssh, "Host locked\n HostName 127.0.0.1\n Port {port}\n IdentityFile {key}")
            .unwrap();
        writeln!(ssh, "Host *\n IdentityFile {}\n IdentitiesOnly yes", path("user")).unwrap();
        ssh += " StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n";
        home.file("ssh_config", ssh);
        let config = home.file("sshd_config", sshd);
        // As root it wants a folder that only a boot makes.
        fs::create_dir_all("/run/sshd").ok();
        let mut command = Command::new(sshd_program());
        let log = fs::File::create(work.join("sshd.log")).unwrap();
        let sshd = command.args(["-D", "-e", "-f"]).arg(&config).stdin(Stdio::null()).stderr(log);
        let fleet = Self { sshd: sshd.spawn().unwrap(), home, homes };
        fleet.home.wait_until("all machines are there", || {
            ports.iter().all(|port| TcpStream::connect(("127.0.0.1", *port)).is_ok())
        });
        fleet
    }

    fn pm(&self, words: &[&str]) -> Invocation {
        let config = self.home.work().join("ssh_config");
        self.home.pm(words).env("PM_SSH", format!("ssh -F {}", config.display()))
    }

    fn run(&self, words: &[&str]) -> Run {
        self.pm(words).run()
    }

    /// An app of its own on each machine: `app1` on `web1`.
    fn with_apps(self) -> Self {
        for (index, there) in self.homes.iter().enumerate() {
            let name = format!("app{}", index + 1);
            let words = ["start", "sleep", "--interpreter", "none", "--name", &name, "--", "1000"];
            there.run(words).ok();
        }
        self
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Connections that are shared outlive the command.
        for index in 1..=self.homes.len() {
            let config = self.home.work().join("ssh_config");
            let socket = format!("ControlPath={}/ssh-%C", self.home.home().root().display());
            let mut ssh = Command::new("ssh");
            ssh.arg("-F").arg(config).args(["-o", &socket, "-O", "exit", &format!("web{index}")]);
            ssh.stderr(Stdio::null()).status().ok();
        }
        self.sshd.kill().and_then(|()| self.sshd.wait()).ok();
    }
}

fn sshd_program() -> PathBuf {
    // Where users who are not root don't look. It runs only if it is named by its whole path.
    let places = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"].map(PathBuf::from);
    let place = places.into_iter().find(|place| place.exists());
    place.unwrap_or_else(|| panic!("OpenSSH's server is not installed"))
}

#[test]
fn five_machines_are_one_list_and_a_dead_one_is_told() {
    let fleet = Fleet::new(&[""; 5]).with_apps();
    let all = "web1,web2,web3,web4,web5";
    let told = fleet.run(&["-H", all, "list"]).ok().out();
    for at in 1..=5 {
        let row = told.lines().find(|line| line.starts_with(&format!("web{at} ")));
        assert!(row.is_some_and(|row| row.contains(&format!(" app{at} "))), "{told}");
    }
    let is_shared = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("ssh-");
    let entries = || fs::read_dir(fleet.home.home().root()).unwrap().map(Result::unwrap);
    assert_eq!(entries().filter(is_shared).count(), 5, "one connection each");
    let rows = fleet.run(&["list", "--json", "--sort", "name:desc", "--hosts", all]).ok().json();
    let told: Vec<_> = rows.as_array().unwrap().iter().collect();
    assert_eq!((&told[0]["host"], &told[0]["name"]), (&"web5".into(), &"app5".into()));
    assert_eq!(fleet.run(&["-H", all, "jlist"]).ok().json()[1]["host"], "web2");
    let told = fleet.run(&["-H", "web1,dead,web2", "list"]).ends(1);
    assert!(told.out().contains("app1") && told.out().contains("app2"), "{}", told.out());
    told.complains("1 of 3 hosts failed").complains("dead: could not get there");
    // One machine answers as if one were there.
    let told = fleet.run(&["-H", "web3", "list"]).ok().out();
    assert!(told.starts_with("id ") && told.contains("app3"), "{told}");
    fleet.run(&["-H", "web3", "why", "nothing"]).ends(1).complains("nothing");
}

#[test]
fn who_is_slow_keeps_nobody_waiting() {
    let fleet = Fleet::new(&[""; 2]).with_apps();
    let mut running = fleet.pm(&["-H", "slow,web1,web2", "restart", "all"]).background();
    running.wait_until("both are done", |told| {
        ["web1 | ✓ app1", "web2 | ✓ app2"].iter().all(|line| told.contains(line))
    });
    running.signal(15);
    running.wait();
    assert_eq!((fleet.homes[0].row("app1").restarts, fleet.homes[1].row("app2").restarts), (1, 1));
    let told = fleet.run(&["-H", "slow,web1", "list"]).ends(1);
    assert!(told.out().contains("app1"));
    told.complains("slow: ");
}

/// Half a minute or half an hour: it has been asked, and does it when it can.
#[test]
fn who_answers_late_is_waited_for() {
    let fleet = Fleet::new(&[""; 2]).with_apps();
    let mut running = fleet.pm(&["-H", "late,web2", "restart", "all"]).background();
    running.wait_until("the other is done", |told| told.contains("web2 | ✓ app2"));
    assert_eq!(fleet.homes[0].row("app1").restarts, 0);
    fleet.home.file("go", "");
    running.wait_until("both are done", |told| told.contains("late | ✓ app1"));
    assert_eq!(running.wait(), 0);
    assert_eq!(fleet.homes[0].row("app1").restarts, 1);
}

#[test]
fn a_key_with_a_password_is_refused_with_the_cure() {
    let fleet = Fleet::new(&[""; 2]).with_apps();
    let locked = fleet.home.work().join("locked");
    let mut command = Command::new("ssh-keygen");
    let made =
        command.args(["-q", "-t", "ed25519", "-N", "a password", "-f"]).arg(&locked).status();
    assert!(made.unwrap().success());
    // Only this key would do; nobody can be asked, and nobody waits for a question.
    let own = fs::read_to_string(fleet.home.work().join("ssh_config")).unwrap();
    let own = own.replace("Host *\n", "Host web*\n")
        + "Host *\n IdentitiesOnly yes\n StrictHostKeyChecking no\n UserKnownHostsFile /dev/null\n LogLevel ERROR\n";
    fleet.home.file("ssh_config", own);
    fs::write(
        fleet.home.work().join("user.pub"),
        [
            fs::read(fleet.home.work().join("user.pub")).unwrap(),
            fs::read(locked.with_extension("pub")).unwrap(),
        ]
        .concat(),
    )
    .unwrap();
    let told = fleet.run(&["-H", "locked,web2", "restart", "all"]).ends(1);
    told.says("web2   | ✓ app2").complains("locked: could not get there").complains("ssh-add");
    assert_eq!(fleet.homes[0].row("app1").restarts, 0, "nothing half done");
}

#[test]
fn a_wave_that_fails_is_the_last() {
    let fleet = Fleet::new(&[""; 3]);
    let file = |script: &str| {
        format!("{{ apps: [{{ name: 'web', script: '{script}', interpreter: 'none' }}] }}")
    };
    let apply = |words: &[&str], config: String| {
        fleet.pm(&[&["-H", "@all", "apply", "-"], words].concat()).input(config).run()
    };
    fleet.home.file("ecosystem.json5", "{ hosts: { all: ['web1', 'web2', 'web3'] }, apps: [] }");
    apply(&[], file("/bin/cat")).ok();
    let pids: Vec<_> = fleet.homes.iter().map(|there| there.row("web").pid).collect();
    let told = apply(&["--batch", "1"], file("/bin/false")).ends(1);
    told.complains("1 of 3 hosts failed")
        .complains("web1: exit code 1")
        .complains("not begun: web2, web3");
    let now: Vec<_> = fleet.homes.iter().map(|there| there.row("web").pid).collect();
    assert_ne!(now[0], pids[0]);
    assert_eq!(now[1..], pids[1..]);
    let told = apply(&["--batch", "1", "--max-fail", "1"], file("/bin/false")).ends(1);
    told.complains("2 of 3 hosts failed").complains("not begun: web3");
    apply(&["--batch", "2"], file("/bin/cat")).ok();
    fleet.run(&["-H", "@al", "list"]).ends(2).complains("did you mean `all`?");
    fleet.run(&["-H", "-oProxyCommand=id", "list"]).ends(2).complains("is no host");
}

#[test]
fn logs_of_many_come_line_by_line() {
    let fleet = Fleet::new(&[""; 2]);
    for there in &fleet.homes {
        let script = there.script("talk", "#!/bin/sh\necho \"$1 é\"; exec cat\n");
        let words = ["start", script.to_str().unwrap(), "--name", "talk", "--", "first"];
        there.run(words).ok();
    }
    let mut running = fleet.pm(&["-H", "web1,web2", "logs", "talk"]).background();
    let has = |told: &str, host: &str, text: &str| {
        told.lines().any(|line| line.starts_with(&format!("{host} | ")) && line.contains(text))
    };
    running.wait_until("both first lines", |told| {
        has(told, "web1", "first é") && has(told, "web2", "first é")
    });
    fleet.run(&["-H", "web2", "send", "talk", "$(id); 'x'"]).ok();
    running.wait_until("what was sent to one", |told| has(told, "web2", "$(id); 'x'"));
    assert!(!has(&running.seen_so_far(), "web1", "id"));
    running.signal(15);
    running.wait();
    let line = fleet.run(&["-H", "web1,web2", "logs", "talk", "--nostream", "--json"]).ok().out();
    let line: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert!(line["host"].as_str().unwrap().starts_with("web"), "{line}");
}

#[test]
fn a_machine_that_lets_nobody_in_or_has_no_pm_says_what_to_do() {
    let elsewhere = Home::new();
    let without = elsewhere.work().display().to_string();
    let root = elsewhere.home().root().display().to_string();
    let without = format!("SetEnv PATH=/usr/bin:/bin HOME={without} PM_HOME={root}");
    let fleet = Fleet::new(&["AuthorizedKeysFile none", &without]);
    fleet.run(&["-H", "web1", "list"]).ends(1).complains("ssh-add");
    let told = fleet.run(&["-H", "web1,web2", "list"]).ends(1);
    told.complains("web2: there is no pm").complains("`pm bootstrap web2` brings it there");
    let there = fleet.home.work().join("there it's");
    let place = there.display().to_string();
    let words = ["bootstrap", "web2", "--to", &place, "--no-startup"];
    fleet.run(&words).ok().says(&format!("web2: {place}/pm"));
    assert_eq!(fs::read(there.join("pm")).unwrap(), fs::read(pm()).unwrap());
    let told = fleet.pm(&["-H", "web2", "ping"]).env("PM_REMOTE", format!("\"{place}/pm\"")).run();
    told.ok();
}

#[test]
fn one_screen_shows_one_machine() {
    let home = Home::new();
    home.run(["-H", "web1,web2", "monit"]).ends(2).complains("one screen shows one host");
    home.run(["-H", ",", "list"]).ends(2).complains("names no host");
}

#[test]
fn the_page_names_tests_that_are_there() {
    names_tests_that_are_there("many-machines.md");
}
