//! `pm takeover` of a live Supervisor from pip's index, and what is said where there is none. That of a live PM2 is in
//! `pm2/takeover.rs`.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use pm_protocol::Status;
use pm_testkit::{Home, Run};

use crate::homes::as_nobody;
use crate::supervisor::venv;

const SERVER: &str = "
[unix_http_server]
file=%(here)s/s.sock
[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
";

/// A supervisord, with the home its programs move to.
struct Old {
    home: Home,
}

impl Old {
    /// With these programs; its own variables are none of the shell that calls `pm`.
    fn start(programs: &str) -> Self {
        let home = Home::new();
        home.file("supervisord.conf", format!("{SERVER}{programs}"));
        let old = Self { home };
        assert!(old.command("supervisord").env("FLAVOUR", "old").status().unwrap().success());
        old
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(venv().join("bin").join(name));
        command.args(["-c", "supervisord.conf"]).current_dir(self.home.work());
        command.env_remove("PM_HOME").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// How all stand there: state and pid by name, in one call, for each takes a Python.
    fn there(&self) -> BTreeMap<String, (String, String)> {
        let mut output = self.command("supervisorctl");
        let output = output.arg("status").stdout(Stdio::piped()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let line = |line: &str| {
            let mut words = line.split_whitespace().map(|it| it.trim_matches(',').to_owned());
            let (name, state) = (words.next()?, words.next()?);
            Some((name, (state, words.nth(1).unwrap_or_default())))
        };
        said.lines().filter_map(line).collect()
    }

    fn until(&self, names: &[&str], state: &str) -> BTreeMap<String, (String, String)> {
        let mut there = BTreeMap::new();
        self.home.wait_until(&format!("{names:?} are {state} there"), || {
            there = self.there();
            names.iter().all(|name| there.get(*name).is_some_and(|it| it.0 == state))
        });
        there
    }

    fn takeover(&self, words: &str) -> Run {
        let own = ["takeover", "supervisor", "-c", "supervisord.conf"];
        self.home.run(own.into_iter().chain(words.split_whitespace()))
    }

    fn undo(&self) {
        self.home.run(["takeover", "--undo", "--yes"]).ok();
        assert!(self.home.rows().is_empty() && !self.record().exists());
    }

    fn record(&self) -> std::path::PathBuf {
        self.home.home().root().join("takeover.json")
    }

    /// Names and how they stand here.
    fn here(&self) -> Vec<(String, Status)> {
        let mut rows: Vec<_> =
            self.home.rows().into_iter().map(|row| (row.name, row.status)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        fs::write(self.home.work().join("release"), "").ok();
        self.command("supervisorctl").arg("shutdown").status().ok();
        let pid = self.home.work().join("supervisord.pid");
        // The folder is to be gone, and nobody in it.
        for _ in 0..500 {
            if !pid.exists() {
                return;
            }
            pm_client::pause(
                std::time::Duration::from_millis(20),
                pm_client::Deadline::after(std::time::Duration::from_secs(1)),
            );
        }
    }
}

/// Five that run and one that does not, and two of one section.
const FIVE: &str = "
[program:web]
command=/bin/sleep 1000
numprocs=2
process_name=%(program_name)s_%(process_num)02d
startsecs=0
[program:env]
command=/bin/sh -c 'echo $FLAVOUR ${PM_HOME:+here} > flavour; exec sleep 1000'
directory=%(here)s
startsecs=0
[program:manual]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:last]
command=/bin/sleep 1000
priority=1000
[program:idle]
command=/bin/sleep 1000
autostart=false
";

const RAN: [&str; 5] = ["env", "last", "manual", "web:web_00", "web:web_01"];

#[test]
fn a_live_supervisor_moves_here_and_back() {
    let old = Old::start(FIVE);
    assert!(old.command("supervisorctl").args(["start", "manual"]).status().unwrap().success());
    let before = old.until(&RAN, "RUNNING");
    old.takeover("--dry-run")
        .ok()
        .says("web:web_00  RUNNING   online")
        .says("idle        STOPPED   stopped");
    old.takeover("").ends(2).complains("nobody could be asked");
    old.takeover("nothing --yes").ends(2).complains("no program is called so");
    assert!(old.here().is_empty() && old.there() == before, "nothing was done");
    let flavour = |is: &str| {
        old.home.wait_until("it has supervisord's variables", || {
            fs::read_to_string(old.home.work().join("flavour")).is_ok_and(|it| it.trim() == is)
        });
    };
    for how in ["--yes", "--all --yes"] {
        let told = old.takeover(how).ok().says("6 of 6 programs moved here");
        let told = told.says("supervisorctl -c ").says("systemctl disable supervisor");
        assert!(told.out().contains("pm startup"), "{}", told.out());
        let here = old.here();
        let is_up = |name: &str| here.contains(&(name.to_owned(), Status::Online));
        assert!(RAN.iter().all(|name| is_up(name)) && here.len() == 6, "{here:?}");
        assert!(here.contains(&("idle".to_owned(), Status::Stopped)), "{here:?}");
        assert!(old.there().values().all(|it| it.0 == "STOPPED"));
        flavour("old here");
        old.takeover("--yes").ok().says("nothing is left");
        old.undo();
        assert_eq!(old.until(&RAN, "RUNNING")["idle"].0, "STOPPED");
        flavour("old");
    }
    // One alone, and only where its name is free.
    let taken = ["start", "/bin/sleep", "--name", "last", "--interpreter", "none", "--", "1000"];
    old.home.run(taken).ok();
    old.takeover("last --yes").ends(1).complains("there are apps of that name here");
    let before = old.there();
    old.takeover("env --yes")
        .ok()
        .says("1 of 1 program moved here: env")
        .says("Supervisor keeps idle, manual, web:web_00, web:web_01, last");
    assert_eq!(old.there()["web:web_00"], before["web:web_00"], "it was not touched");
    old.home.run(["takeover", "--undo", "--yes"]).ok().says("gave back 1 program: env");
    assert_eq!(old.here(), [("last".to_owned(), Status::Online)]);
}

/// Two processes that share a socket there are two instances of one app here, and two processes again.
#[test]
fn a_pool_with_a_socket_moves_here_and_back() {
    let old = Old::start(
        "[fcgi-program:pool]\ncommand=/bin/sleep 1000\nsocket=unix://%(here)s/pool.sock\nnumprocs=2\n\
         process_name=%(program_name)s_%(process_num)02d\nstartsecs=0\n\
         [fcgi-program:more]\ncommand=/bin/sleep 1000\nsocket=unix://%(here)s/more.sock\nnumprocs=2\n\
         process_name=%(program_name)s_%(process_num)02d\nstartsecs=0\n[group:site]\nprograms=more\n",
    );
    let all = ["pool:pool_00", "pool:pool_01", "site:more_00", "site:more_01"];
    let socket = old.home.work().join("pool.sock");
    old.until(&all, "RUNNING");
    old.takeover("--yes").ok().says("2 of 2 programs moved here: pool, site:more");
    let here = old.here();
    assert!(here.len() == 4 && here.iter().all(|it| it.1 == Status::Online), "{here:?}");
    assert!(old.there().values().all(|it| it.0 == "STOPPED"));
    UnixStream::connect(&socket).unwrap();
    old.undo();
    old.until(&all, "RUNNING");
    UnixStream::connect(&socket).unwrap();
}

/// `slow` ends when it may; `picky` can't run here.
const FOUR: &str = "
[program:a]
command=/bin/sleep 1000
priority=1
startsecs=0
[program:slow]
command=/bin/sh -c 'trap \"while ! test -e release; do sleep 0.05; done; exit 0\" TERM; while :; do sleep 0.05; done'
directory=%(here)s
priority=2
startsecs=0
stopwaitsecs=60
[program:picky]
command=/bin/sh -c 'test -z \"$PM_HOME\" || { echo not in here >&2; exit 3; }; exec sleep 1000'
priority=3
startretries=0
[program:d]
command=/bin/sleep 1000
priority=4
startsecs=0
";

#[test]
fn a_takeover_that_is_killed_or_fails_in_the_middle_can_be_undone_and_goes_on() {
    let old = Old::start(FOUR);
    let all = ["a", "slow", "picky", "d"];
    let release = old.home.work().join("release");
    old.until(&all, "RUNNING");
    let killed = || {
        fs::remove_file(&release).ok();
        let own = ["takeover", "supervisor", "-c", "supervisord.conf", "--yes"];
        let mut moving = old.home.pm(own).background();
        old.until(&["slow"], "STOPPING");
        moving.signal(9);
        moving.wait();
        assert_eq!(old.here(), [("a".to_owned(), Status::Online)]);
        fs::write(&release, "").unwrap();
    };
    killed();
    old.undo();
    old.until(&all, "RUNNING");
    killed();
    let before = old.there();
    old.takeover("--yes")
        .ends(1)
        .says("picky did not come up here: ")
        .says("not in here")
        .says("it is in Supervisor again as it was")
        .says("1 of 3 programs moved here: slow")
        .says("`pm takeover supervisor` goes on");
    let up = |name: &str| (name.to_owned(), Status::Online);
    assert_eq!(old.here(), [up("a"), up("slow")]);
    let there = old.there();
    let states = all.map(|name| there[name].0.as_str());
    assert_eq!(states, ["STOPPED", "STOPPED", "RUNNING", "RUNNING"]);
    assert_eq!(there["d"], before["d"], "it was not touched");
    // All at once: what comes after the one that fails is given back as well.
    old.takeover("--all --yes").ends(1).says("d did not come up here: it was not its turn");
    assert_eq!(old.here(), [up("a"), up("slow")]);
    let there = old.there();
    assert_eq!((there["picky"].0.as_str(), there["d"].0.as_str()), ("RUNNING", "RUNNING"));
    old.undo();
    old.until(&all, "RUNNING");
}

#[test]
fn managers_that_do_not_answer_are_told() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    let takeover = |words: &str| home.run(words.split(' '));
    takeover("takeover").ends(2).complains("whose programs");
    takeover("takeover supervisor -c nowhere.conf").ends(2).complains("nowhere.conf");
    home.file("Procfile", "web: sleep 1000\n");
    takeover("takeover honcho").ends(1).complains("nobody runs it").complains("pm start");
    takeover("takeover runit").ends(2).complains("supervisor, pm2, systemd or procfile");
    takeover("takeover systemd web -c x").ends(2).complains("-c is not for systemd");
    home.file("none.conf", "[program:a]\ncommand=/bin/cat\n");
    takeover("takeover supervisor -c none.conf").ends(2).complains("has no [unix_http_server]");
    home.file("supervisord.conf", format!("{SERVER}[program:a]\ncommand=/bin/cat\n"));
    let gone = takeover("takeover supervisor -c supervisord.conf --yes").ends(1);
    gone.complains("s.sock: could not connect").complains("does supervisord run");
    let no_pm2 = home.pm(["takeover", "pm2"]).env("PM2_HOME", home.work()).run().ends(1);
    no_pm2.complains("rpc.sock: could not connect").complains("does PM2 run");
    let same = home.pm(["takeover", "pm2"]).env("PM2_HOME", home.home().root()).run().ends(2);
    same.complains("it is our own home as well");
    takeover("takeover --undo").ok().says("nothing was taken over");
    let sockets = ["s.sock", "rpc.sock"].map(|name| home.work().join(name));
    // They take connections and say nothing.
    let _listeners = sockets.each_ref().map(|path| UnixListener::bind(path).unwrap());
    let own = ["takeover", "supervisor", "-c", "supervisord.conf", "--yes"];
    let mut hanging = Command::new(env!("CARGO_BIN_EXE_pm"));
    let hanging = hanging.args(own).current_dir(home.work()).env("PM_HOME", home.home().root());
    let hanging = hanging.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let no_pm2 = home.pm(["takeover", "pm2", "--yes"]).env("PM2_HOME", home.work()).run().ends(1);
    no_pm2.complains("could not get an answer within 5 s").complains("it hangs");
    let hanging = hanging.wait_with_output().unwrap();
    let told = String::from_utf8(hanging.stderr).unwrap();
    assert!(hanging.status.code() == Some(1) && told.contains("within 5 s"), "{told}");
    for path in &sockets {
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }
    let file = home.work().join("supervisord.conf");
    let denied = as_nobody(&home, &["takeover", "supervisor", "-c", file.to_str().unwrap()]);
    let told = String::from_utf8(denied.stderr).unwrap();
    assert!(told.contains("Permission denied") && told.contains("sudo pm takeover"), "{told}");
}

/// A systemd that is none (`takeover/systemctl.py`), for none runs here; its units, and the home to which they move.
struct Units {
    home: Home,
}

const WEB: &str = "[Unit]\nRequires=db.service\nAfter=db.service\n[Service]\nRestart=always\n\
                   ExecStart=/bin/sleep 1000\nProtectSystem=full\n";

impl Units {
    fn new() -> Self {
        let home = Home::new();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/takeover/systemctl.py");
        let script = fs::read_to_string(script).unwrap();
        let work = home.work().display().to_string();
        home.file("systemctl.py", script.replace("@FOLDER@", &work));
        home.script("bin/systemctl", &format!("exec /usr/bin/python3 {work}/systemctl.py \"$@\""));
        home.file("lib/db.service", "[Service]\nExecStart=/bin/sleep 1000\n");
        home.file("lib/web.service", WEB);
        home.file(
            "etc/web.service.d/more.conf",
            format!(
                "[Service]\nExecStart=\nExecStart=/bin/sh -c 'echo $$FLAVOUR $${{HIDDEN:-none}} > {work}/flavour; sleep 1000'\n"
            ),
        );
        home.file("lib/job.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n");
        home.file("lib/job.timer", "[Timer]\nOnCalendar=*-01-01 00:00\n");
        home.file("lib/idle.service", "[Service]\nExecStart=/bin/sleep 1000\n");
        home.file("lib/old.service", "[Service]\nType=forking\nExecStart=/bin/sleep 1000\n");
        home.file("lib/talk.service", "[Service]\nExecStart=/bin/sleep 1000\n");
        home.file("lib/talk.socket", "[Socket]\nListenStream=/nowhere\n");
        home.file("lib/q@.service", "[Service]\nExecStart=/bin/sh -c 'exec sleep 100%i'\n");
        std::os::unix::fs::symlink("../lib/q@.service", home.work().join("etc/q@1.service"))
            .unwrap();
        let there = Self { home };
        assert!(
            there.systemctl(&["start", "web.service", "job.timer", "q@1.service"]).status.success()
        );
        there
    }

    fn systemctl(&self, words: &[&str]) -> std::process::Output {
        Command::new(self.home.work().join("bin/systemctl")).args(words).output().unwrap()
    }

    /// What runs there, by name.
    fn runs(&self, names: &[&str]) -> Vec<bool> {
        let mut words = vec!["show", "--property=ActiveState"];
        words.extend(names);
        let said = String::from_utf8(self.systemctl(&words).stdout).unwrap();
        said.lines().filter(|line| !line.is_empty()).map(|line| line.ends_with("=active")).collect()
    }

    fn pm(&self, words: &str) -> pm_testkit::Invocation {
        let work = self.home.work();
        let path = format!("{}:/usr/bin:/bin", work.join("bin").display());
        let places = format!("{}:{}", work.join("etc").display(), work.join("lib").display());
        let words = ["takeover"].into_iter().chain(words.split_whitespace());
        let pm = self.home.pm(words).env("PATH", path).env("SYSTEMD_UNIT_PATH", places);
        pm.env("HIDDEN", "of the shell")
    }

    fn here(&self) -> Vec<(String, Status)> {
        let mut rows: Vec<_> =
            self.home.rows().into_iter().map(|it| (it.name, it.status)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }
}

impl Drop for Units {
    fn drop(&mut self) {
        self.systemctl(&["stop", "db.service", "q@1.service", "idle.service", "talk.service"]);
    }
}

#[test]
fn units_of_systemd_move_here_and_back() {
    let there = Units::new();
    let all = ["web.service", "db.service", "job.timer", "q@1.service", "idle.service"];
    let before = [true, true, true, true, false];
    assert_eq!(there.runs(&all), before);
    there.pm("systemd").run().ends(2).complains("take over which units?");
    there.pm("systemd nobody").run().ends(2).complains("systemd knows no unit of that name");
    // What would be stopped with it, what a socket starts again, what can't be run here: each says why it stays.
    let plan = there.pm("systemd db talk old --dry-run").run().ok();
    plan.says("web.service would be stopped with it: name that as well")
        .says("talk.socket would start it again")
        .says("it leaves its first process");
    let named = "systemd db web.service job.timer q@1 idle";
    there
        .pm(&format!("{named} --dry-run"))
        .run()
        .ok()
        .says("active (running)")
        .says("ProtectSystem");
    assert!(there.here().is_empty() && there.runs(&all) == before, "nothing was done");
    let flavour = |is: &str| {
        there.home.wait_until("it has systemd's variables", || {
            fs::read_to_string(there.home.work().join("flavour")).is_ok_and(|it| it == is)
        });
    };
    flavour("systemd's own none\n");
    for how in ["--yes", "--all --yes"] {
        fs::remove_file(there.home.work().join("flavour")).unwrap();
        let told = there.pm(&format!("{named} {how}")).run().ok();
        told.says("5 of 5 programs moved here: web, db, job, q@1, idle").says("systemctl disable");
        let is = |name: &str, status| (name.to_owned(), status);
        let stopped = ["idle", "job"].map(|name| is(name, Status::Stopped));
        let online = ["db", "q@1", "web"].map(|name| is(name, Status::Online));
        let mut wanted: Vec<_> = stopped.into_iter().chain(online).collect();
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(there.here(), wanted);
        assert_eq!(there.runs(&all), [false; 5]);
        flavour("systemd's own none\n");
        there.pm(&format!("{named} --yes")).run().ok().says("nothing is left");
        there.pm("--undo --yes").run().ok().says("gave back 5 programs");
        assert!(there.here().is_empty());
        assert_eq!(there.runs(&all), before);
    }
}

#[test]
fn a_takeover_of_units_that_is_killed_is_undone_and_what_systemd_refuses_is_told() {
    let there = Units::new();
    let all = ["web.service", "db.service"];
    let hangs = there.home.file("hangs", "");
    let mut moving = there.pm("systemd web db --yes").background();
    there.home.wait_until("it stops one", || there.home.work().join("stopping").exists());
    moving.signal(9);
    moving.wait();
    fs::remove_file(hangs).unwrap();
    there.home.wait_until("it is down there", || there.runs(&all) == [false, true]);
    there.pm("systemd web.service --undo --yes").run().ok().says("gave back 1 program: web");
    assert_eq!(there.runs(&all), [true, true]);
    there.home.file("denied", "");
    let refused = there.pm("systemd web db --yes").run().ends(1);
    refused.says("Access denied");
    assert!(there.here().is_empty());
    assert_eq!(there.runs(&all), [true, true]);
    there.home.file("offline", "");
    there.pm("systemd web").run().ends(1).complains("has not been booted with systemd");
    let nowhere = there.pm("systemd web").env("PATH", "/nowhere").run().ends(1);
    nowhere.complains("could not run systemctl").complains("is this machine run by systemd?");
    for one in ["denied", "offline"] {
        fs::remove_file(there.home.work().join(one)).unwrap();
    }
}

/// Honcho, from pip's index, and its Procfile.
struct Honcho {
    home: Home,
}

impl Honcho {
    fn start(procfile: &str) -> Self {
        let home = Home::new();
        home.file("Procfile", procfile);
        let honcho = Self { home };
        // It is to be nobody's child, so that nobody has to wait for its end.
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "\"$@\" &", "sh"]).arg(venv().join("bin/honcho"));
        shell.args(["start", "-p", "6000", "-c", "web=2,off=0"]);
        shell.current_dir(honcho.home.work()).env_remove("PM_HOME").env("FLAVOUR", "old");
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        assert!(shell.status().unwrap().success());
        honcho
    }

    /// Who runs it, its own children included.
    fn runners(&self) -> Vec<u32> {
        let is_one = |pid: &u32| {
            let own = Path::new("/proc").join(pid.to_string());
            let cwd = fs::read_link(own.join("cwd")).unwrap_or_default();
            let line = fs::read(own.join("cmdline")).unwrap_or_default();
            cwd == self.home.work() && String::from_utf8_lossy(&line).contains("honcho\0start")
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|it| it.file_name().to_str()?.parse().ok());
        all.filter(is_one).collect()
    }

    fn run(&self, words: &str) -> Run {
        let words = ["takeover"].into_iter().chain(words.split_whitespace());
        self.home.pm(words).env("HIDDEN", "of the shell").run()
    }

    fn wrote(&self, name: &str, text: &str) {
        self.home.wait_file(self.home.work().join(name), |bytes| bytes == text.as_bytes());
    }

    fn here(&self) -> Vec<(String, Status)> {
        let mut rows: Vec<_> =
            self.home.rows().into_iter().map(|it| (it.name, it.status)).collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        rows
    }
}

impl Drop for Honcho {
    fn drop(&mut self) {
        for pid in self.runners() {
            pm_testkit::signal(pid, 15);
        }
    }
}

const PROCFILE: &str = "web: echo $FLAVOUR ${HIDDEN:-none} ${PM_HOME:+here} > web.$PORT; exec sleep 1000\n\
                        slow: trap 'touch stopping; while ! test -e release; do sleep 0.05; done; exit 0' TERM; echo up > slow; while :; do sleep 0.05; done\n\
                        off: exec sleep 1000\n";

#[test]
fn a_procfile_that_runs_moves_here_whole_and_back() {
    let old = Honcho::start(PROCFILE);
    old.home.file("release", "");
    for name in ["web.6000", "web.6001"] {
        old.wrote(name, "old none\n");
    }
    old.wrote("slow", "up\n");
    old.run("procfile --dry-run").ok().says("honcho (pid ").says("All are stopped").says("not run");
    old.run("procfile web --yes").ends(2).complains("they begin and end together");
    old.run("procfile --yes").ok().says("3 of 3 programs moved here: web, slow, off");
    assert!(old.runners().is_empty());
    let is = |name: &str, status| (name.to_owned(), status);
    let here = [
        ("off", Status::Stopped),
        ("slow", Status::Online),
        ("web", Status::Online),
        ("web", Status::Online),
    ];
    assert_eq!(old.here(), here.map(|(name, status)| is(name, status)));
    for name in ["web.6000", "web.6001"] {
        old.wrote(name, "old none here\n");
    }
    old.run("procfile --yes").ok().says("nothing is left");
    old.run("--undo --yes").ok().says("gave back 3 programs: off, slow, web");
    assert!(old.here().is_empty() && !old.runners().is_empty());
    for name in ["web.6000", "web.6001"] {
        old.wrote(name, "old none\n");
    }
    let log = fs::read_to_string(old.home.home().root().join("takeover-procfile.log")).unwrap();
    assert!(log.contains("web.1"), "{log}");

    // Killed while they end there: the same command goes on, with what honcho had told them.
    fs::remove_file(old.home.work().join("release")).unwrap();
    fs::remove_file(old.home.work().join("stopping")).ok();
    old.wrote("slow", "up\n");
    let mut moving = old.home.pm(["takeover", "procfile", "--yes"]).background();
    old.home.wait_until("it ends there", || old.home.work().join("stopping").exists());
    moving.signal(9);
    moving.wait();
    old.home.file("release", "");
    old.home.wait_until("honcho is gone", || old.runners().is_empty());
    assert!(old.here().is_empty());
    old.run("procfile --yes").ok().says("3 of 3 programs moved here");
    old.wrote("web.6001", "old none here\n");
    old.run("--undo --yes").ok();
}

#[test]
fn a_procfile_of_which_one_fails_here_is_given_back_whole() {
    let picky = "picky: test -z \"$PM_HOME\" || { echo not in here >&2; exit 3; }; echo up > picky; exec sleep 1000\n";
    let old =
        Honcho::start(&format!("web: echo ${{PM_HOME:+here}} > web; exec sleep 1000\n{picky}"));
    old.wrote("web", "\n");
    old.wrote("picky", "up\n");
    fs::remove_file(old.home.work().join("picky")).unwrap();
    old.run("procfile --yes")
        .ends(1)
        .says("picky did not come up here: ")
        .says("not in here")
        .says("it is in the Procfile's runner again as it was")
        .says("none of 2 programs moved");
    assert!(old.here().is_empty() && !old.runners().is_empty());
    old.wrote("picky", "up\n");
    old.wrote("web", "\n");
    old.run("procfile --undo --yes").ok().says("nothing was taken over");
}
