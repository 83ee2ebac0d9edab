//! What a machine that boots starts and stops (pains 2, 6, 29, 45), as far as it needs no machine that boots; that is in
//! `tests/boot`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pm_testkit::{Home, Running, is_alive, signal, wait_gone};

use crate::apps::{answering, start, up};

const KILL: i32 = 9;
const TERM: i32 = 15;

/// What a service manager hears.
struct Notes {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Notes {
    fn new(home: &Home) -> Self {
        let path = home.work().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(pm_testkit::PATIENCE)).unwrap();
        Self { socket, path }
    }

    fn next(&self) -> String {
        let mut bytes = [0; 1000];
        let length = self.socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }
}

/// What the service manager runs.
fn foreground(home: &Home, notes: &Notes) -> Running {
    let words = ["guardian", "--foreground", "--resurrect"];
    home.pm(words).env("NOTIFY_SOCKET", &notes.path).background()
}

#[test]
fn p02_p29_the_service_starts_the_saved_list_and_a_shutdown_leaves_the_list_alone() {
    let home = Home::new();
    let gone = home.script("gone.sh", "exec sleep 1000");
    up(&home, "web");
    home.run(["start", gone.to_str().unwrap(), "--name", "gone", "--no-wait"]).ok();
    up(&home, "resting");
    home.run(["stop", "resting"]).ok();
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    fs::remove_file(gone).unwrap();
    let list = fs::read(home.home().saved()).unwrap();

    let notes = Notes::new(&home);
    let mut service = foreground(&home, &notes);
    // One app that can't be started keeps neither the machine nor the others from starting.
    assert!(notes.next().starts_with("READY=1"));
    home.wait_status("web", "online");
    home.wait_status("gone", "errored");
    home.wait_status("resting", "stopped");
    let (web, hello) = (home.row("web").pid, home.hello());
    assert_eq!(hello.guardian, service.pid(), "the service's main process is the guardian itself");

    // A machine that shuts down.
    home.run(["delete", "resting"]).ok();
    service.signal(TERM);
    assert_eq!(notes.next(), "STOPPING=1");
    assert_eq!(service.wait(), 0);
    assert!(!is_alive(web) && !is_alive(hello.pid));
    assert_eq!(fs::read(home.home().saved()).unwrap(), list, "the list is the user's");

    let mut service = foreground(&home, &notes);
    assert!(notes.next().starts_with("READY=1"));
    home.wait_status("web", "online");
    home.wait_status("resting", "stopped");
    // What the user has deleted by now does not come back with a new daemon.
    home.run(["delete", "all"]).ok();
    let daemon = home.hello().pid;
    signal(daemon, KILL);
    home.wait_until("a new daemon", || answering(&home).is_some_and(|now| now.pid != daemon));
    assert!(home.rows().is_empty());
    home.run(["kill"]).ok();
    assert_eq!(service.wait(), 0, "the service manager must see that it was meant");
}

#[test]
fn p06_a_service_whose_guardian_is_killed_keeps_its_apps() {
    let home = Home::new();
    let notes = Notes::new(&home);
    let mut service = foreground(&home, &notes);
    assert!(notes.next().starts_with("READY=1"));
    let app = up(&home, "app");
    let hello = home.hello();
    service.signal(KILL);
    wait_gone(hello.guardian);
    assert_ne!(service.wait(), 0);
    // The orphaned daemon makes a guardian; what the service manager starts meanwhile stands by.
    let second = foreground(&home, &notes);
    let note = notes.next();
    assert!(note.starts_with("READY=1"), "{note}");
    home.wait_until("somebody who answers", || {
        answering(&home).is_some_and(|now| now.guardian != hello.guardian)
    });
    assert_eq!(home.row("app").pid, app);
    assert_eq!(home.row("app").restarts, 0);
    end_of_service(&home, second, app);
}

/// Stopping the service stops the apps, whoever looks after them.
fn end_of_service(home: &Home, mut service: Running, app: u32) {
    let guardian = home.hello().guardian;
    service.signal(TERM);
    assert_eq!(service.wait(), 0);
    assert!(!is_alive(app));
    wait_gone_if_there(guardian);
}

fn wait_gone_if_there(pid: u32) {
    if is_alive(pid) {
        wait_gone(pid);
    }
}

#[test]
fn the_service_stands_by_where_a_shell_was_first_and_takes_over_when_all_die() {
    let home = Home::new();
    let app = up(&home, "app");
    let hello = home.hello();
    let notes = Notes::new(&home);
    let service = foreground(&home, &notes);
    assert!(notes.next().contains("standing by"));
    assert_eq!(home.hello().guardian, hello.guardian);
    // Daemon first, so that it can't make a new guardian.
    signal(hello.guardian, 19);
    signal(hello.pid, KILL);
    signal(hello.guardian, KILL);
    assert!(notes.next().starts_with("READY=1"));
    home.wait_until("our guardian", || {
        answering(&home).is_some_and(|now| now.guardian == service.pid())
    });
    assert_eq!(home.row("app").pid, app);
    end_of_service(&home, service, app);
}

#[test]
fn a_kill_ends_the_service_that_stands_by() {
    let home = Home::new();
    let app = up(&home, "app");
    home.run(["save"]).ok();
    let notes = Notes::new(&home);
    let mut service = foreground(&home, &notes);
    assert!(notes.next().contains("standing by"));
    home.run(["kill"]).ok();
    assert_eq!(service.wait(), 0);
    assert!(!is_alive(app));
    assert!(home.rows().is_empty(), "and brings nothing back");
}

#[test]
fn a_script_starts_and_asks_for_a_guardian_without_waiting_for_apps() {
    let home = Home::new();
    start(&home, "slow", &["--no-wait"], &["--ready-after", "60000", "--live", "forever"]).ok();
    home.run(["save"]).ok();
    home.run(["guardian", "--status"]).ok();
    home.run(["kill"]).ok();
    home.run(["guardian", "--status"]).ends(3);
    home.run(["guardian", "--launch", "--resurrect"]).ok();
    home.wait_status("slow", "online");
    let guardian = home.hello().guardian;
    home.run(["guardian", "--launch", "--resurrect"]).ok();
    assert_eq!(home.hello().guardian, guardian);
}

/// A copy of `pm` that everybody can execute, called as somebody without rights.
fn as_nobody(home: &Home, name: &str, words: &[&str], variables: &[(&str, &str)]) -> Output {
    let folder = tempfile::Builder::new().prefix("pm-test-").tempdir().unwrap();
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), open.clone()).unwrap();
    let program = folder.path().join(name);
    pm_testkit::copy_pm(&program);
    fs::set_permissions(&program, open).unwrap();
    let mut command = Command::new(&program);
    command.args(words).env_clear().envs(variables.iter().copied()).env("HOME", home.work());
    command.env("PATH", std::env::var_os("PATH").unwrap()).current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    command.output().unwrap()
}

#[test]
fn without_root_startup_prints_the_line_for_sudo_and_nothing_else() {
    let home = Home::new();
    for (verb, rest) in [("startup", " --hp "), ("unstartup", " --hp ")] {
        let output = as_nobody(&home, "pm", &[verb, "systemd", "--service-name", "x"], &[]);
        assert_eq!(output.status.code(), Some(1));
        let line = String::from_utf8(output.stdout).unwrap();
        assert!(line.starts_with("sudo /") && line.lines().count() == 1, "{line}");
        assert!(line.contains(&format!("/pm {verb} systemd -u ")) && line.contains(rest), "{line}");
        assert!(line.contains(" --service-name x"), "{line}");
    }
    let odd = "/home/it's mine";
    let variables = [("PM2_HOME", odd)];
    let output = as_nobody(&home, "pm2", &["startup", "systemd"], &variables);
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(line.contains("'PM2_HOME=/home/it'\\''s mine'"), "{line}");
    // What a shell makes of it is what was meant.
    let shell = line.replacen("sudo env ", "printf '%s\\n' ", 1);
    let words = Command::new("sh").args(["-c", &shell]).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    assert_eq!(words.lines().next().unwrap(), format!("PM2_HOME={odd}"));
    assert!(words.lines().any(|word| word.starts_with("pm2-")), "{words}");
}

#[test]
fn the_service_file_can_be_seen_before_anything_is_written() {
    let home = Home::new();
    for (platform, line) in [
        ("systemd", "Type=notify"),
        ("systemd-user", "WantedBy=default.target"),
        ("openrc", "#!/sbin/openrc-run"),
        ("systemv", "### BEGIN INIT INFO"),
    ] {
        let text = home.run(["startup", platform, "--print"]).ok().says(line).out();
        assert!(text.contains(home.home().root().to_str().unwrap()), "{text}");
    }
    for other in ["freebsd", "launchd"] {
        let refused = home.run(["startup", other, "--print"]).ends(2);
        refused
            .complains("pm does not run on it")
            .complains("systemd, systemd-user, openrc or systemv");
    }
    home.run(["startup", "beos", "--print"]).ends(2).complains("it is not known");
    home.run(["startup", "systemd", "--service-name", "../x", "--print"]).ends(2);
    let user = ["startup", "systemd", "-u", "deploy", "--hp", "/srv/deploy", "--print"];
    home.run(user).ok().says("User=deploy");
    assert!(!Path::new("/etc/systemd/system/pm-deploy.service").exists());
}

#[test]
fn what_undoing_a_startup_does_can_be_seen_before() {
    let home = Home::new();
    let config = home.work().join("config");
    let unit = home.file("config/systemd/user/pm-dry.service", "[Unit]\n");
    let words = ["unstartup", "systemd-user", "--service-name", "pm-dry", "--dry-run"];
    let run = |home: &Home| home.pm(words).env("XDG_CONFIG_HOME", &config).run();
    run(&home)
        .ok()
        .says("would run systemctl --user disable pm-dry")
        .says(&format!("would remove {}", unit.display()));
    assert!(unit.exists());
    fs::remove_file(&unit).unwrap();
    run(&home).ends(1).complains("nothing to remove");
}

#[test]
fn options_of_startup_are_in_the_service_file() {
    let home = Home::new();
    let usual = ["startup", "systemd", "--print"];
    let print = |words: &[&str]| {
        let words = usual.iter().chain(words);
        home.pm(words).env("PM_HOME", "").run().ok().out()
    };
    assert!(!print(&[]).contains("network-online.target"));
    assert!(print(&["--wait-ip"]).contains("After=network-online.target"));
    let other = print(&["-u", "deploy", "--hp", "/srv/deploy"]);
    assert!(
        other.contains("User=deploy\n") && other.contains("PM_HOME=/srv/deploy/.pm"),
        "{other}"
    );
    let script = home.run(["startup", "systemv", "--service-name", "mine", "--print"]).ok();
    assert!(
        script.out().lines().any(|line| line.ends_with("Provides:          mine")),
        "{}",
        script.out()
    );
}

#[test]
fn p45_a_rehearsal_says_what_a_boot_would_miss() {
    let home = Home::new();
    home.run(["startup", "systemd", "--verify"]).ends(1).complains("pm save");
    let gone = home.script("gone.sh", "exec sleep 1000");
    let kept = home.script("kept.sh", "exec sleep 1000");
    for (name, script) in [("gone", &gone), ("kept", &kept)] {
        let words = ["start", script.to_str().unwrap(), "--name", name, "--no-wait"];
        home.pm(words).env("COLOUR", "blue").env("SSH_AUTH_SOCK", "/run/user/1/x").run().ok();
    }
    home.run(["save"]).ok();
    up(&home, "unsaved");
    fs::remove_file(gone).unwrap();
    let verify = ["startup", "systemd", "--service-name", "pm-none", "--verify"];
    let run = home.pm(verify).env("NEWER", "1").run().ends(1);
    for text in [
        "error: no service starts the saved list at boot: `pm startup`",
        "warning: unsaved is not on the saved list: `pm save`",
        "gone would not start",
        "gone.sh does not exist",
        "kept would start",
        "kept.sh may be gone after a boot",
        "note: other values than in this shell: ",
        "SSH_AUTH_SOCK: of a session, which is over at boot",
    ] {
        assert!(run.out().contains(text), "{text}\n{}", run.out());
    }
    assert_eq!(run.out().matches("may be gone after a boot").count(), 1, "{}", run.out());
    let note = run.out();
    let note = note.lines().find(|line| line.contains("other values")).unwrap();
    assert!(note.contains("COLOUR") && note.contains("NEWER") && !note.contains("blue"), "{note}");
    let told = home.run(verify.into_iter().chain(["--json"])).ends(1).json();
    assert_eq!(told["apps"][0]["name"].as_str().or(told["apps"]["name"].as_str()), Some("gone"));
}

#[test]
fn a_rehearsal_has_no_word_for_the_venv_that_we_enter() {
    let home = Home::new();
    home.file(".venv/pyvenv.cfg", "home = /usr/bin\n");
    home.script(".venv/bin/python", "exec sleep 1000");
    let app = home.file("app.py", "");
    home.run(["start", app.to_str().unwrap(), "--no-wait"]).ok();
    home.run(["save"]).ok();
    let run = home.run(["startup", "systemd", "--service-name", "pm-none", "--verify"]).ends(1);
    let notes: Vec<_> =
        run.out().lines().filter(|it| it.contains("note:")).map(String::from).collect();
    let is_ours = |note: &&String| {
        note.contains("VIRTUAL_ENV")
            || note.contains("PYTHONUNBUFFERED")
            || note.contains(".venv/bin")
    };
    assert!(run.out().contains("app would start"), "{}", run.out());
    assert!(!notes.iter().any(|note| is_ours(&note)), "{notes:?}");
}

#[test]
fn a_rehearsal_says_of_each_what_a_boot_makes_of_it() {
    let home = Home::new();
    home.script("app", "exec sleep 1000");
    home.script("work", "exit 0");
    home.file(
        "all.json5",
        "[{ name: 'nightly', script: './work', schedule: '0 0 1 1 *' }, { name: 'once', script: './work', autorestart: false }, \
         { name: 'halted', script: './app' }, { name: 'up', script: './app' }]",
    );
    home.run(["start", "all.json5"]).ok();
    home.wait_status("once", "stopped");
    home.run(["stop", "halted"]).ok();
    home.run(["save"]).ok();
    let verify = ["startup", "systemd", "--service-name", "pm-none", "--verify"];
    home.run(verify)
        .ends(1)
        .says("nightly would wait for its next time\n")
        .says("once had run to its end, and stays down\n")
        .says("halted is saved as stopped\n")
        .says("up would start\n");
    // What the job needs at its time is looked for all the same.
    fs::remove_file(home.work().join("work")).unwrap();
    home.run(verify).ends(1).says("nightly would not start\n");
}

#[test]
fn startup_names_its_file_first_and_a_dry_run_writes_nothing() {
    let home = Home::new();
    let dry = ["startup", "systemd", "--service-name", "pm-never", "--dry-run"];
    let said = home.run(dry).ok().out();
    assert!(
        said.starts_with("would write /etc/systemd/system/pm-never.service\nwould run systemctl ")
    );
    assert!(said.contains("\n[Service]\n"), "{said}");
    assert!(!Path::new("/etc/systemd/system/pm-never.service").exists());
    // A unit of one's own, in a folder of this test, enabled by nobody.
    for program in ["systemctl", "loginctl"] {
        home.script(format!("bin/{program}"), "exit 0");
    }
    let own = home.work().join("config");
    let unit = own.join("systemd/user/pm.service");
    let run = home
        .pm(["startup", "systemd-user"])
        .env("XDG_CONFIG_HOME", &own)
        .env("PATH", home.work().join("bin"))
        .run();
    let first = run.err.lines().find(|line| line.starts_with("write "));
    assert_eq!(first, Some(&*format!("write {}", unit.display())), "{}", run.err);
    assert!(unit.exists());
}
