//! What an app may use: apps that try to have more.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use pm_testkit::{Home, fixture, is_alive};

use crate::homes::as_nobody;

/// What an app has said, once it says that it is done.
fn said(home: &Home, name: &str) -> String {
    let file = home.home().logs().join(format!("{name}-out.log"));
    let bytes = home.wait_file(file, |bytes| {
        bytes
            .strip_suffix(b"done\n")
            .is_some_and(|before| before.is_empty() || before.ends_with(b"\n"))
    });
    String::from_utf8(bytes).unwrap().strip_suffix("done\n").unwrap().to_owned()
}

#[test]
fn its_processes_have_the_limits_it_says_and_no_others() {
    let home = Home::new();
    let tell = "sh -c 'ulimit -Sn; ulimit -Hn; ulimit -c'; ionice; cat /proc/self/oom_score_adj; echo done";
    home.script("app", &format!("{tell}; exec sleep 1000"));
    home.file(
        "app.json5",
        "{ name: 'app', script: './app', rlimits: { nofile: { soft: 99, hard: 199 }, core: 0 }, \
         ioprio: 'idle', oom_score_adj: 321 }",
    );
    home.run(["start", "app.json5"]).ok();
    assert_eq!(said(&home, "app"), "99\n199\n0\nidle\n321\n");
    home.run(["describe", "app"]).ok().says("core=0 nofile=99:199").says("idle").says("321");
    let rlimits = home.run(["jlist"]).ok().json()[0]["pm2_env"]["rlimits"].clone();
    assert_eq!(rlimits, serde_json::json!(["core=0", "nofile=99:199"]));
    // Of several flags each counts, and only what they say is changed.
    home.run(["flush"]).ok();
    let flags = ["--rlimit", "nofile=55:66", "--rlimit", "core=1K"];
    home.run([&["restart", "app"][..], &flags].concat()).ok();
    assert_eq!(said(&home, "app"), "55\n66\n2\nidle\n321\n", "dash counts blocks of 512 bytes");
    let bad = ["restart", "app", "--rlimit", "nofiles=1"];
    home.run(bad).ends(2).complains("no limit `nofiles`").complains("did you mean `nofile`?");
}

#[test]
fn its_processes_run_on_the_cpus_it_says_and_on_no_others() {
    let home = Home::new();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let mut ours = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu));
    let (first, last) = (ours.next().unwrap().to_string(), ours.next_back());
    let last = last.map_or(first.clone(), |last| last.to_string());
    home.script(
        "app",
        "sh -c 'grep Cpus_allowed_list /proc/self/status'; echo done; exec sleep 1000",
    );
    let file = |cpuset: &str| {
        home.file(
            "app.json5",
            format!("{{\n  name: 'app', script: './app',\n  cpuset: '{cpuset}' }}"),
        );
    };
    let on = |cpus: &str| format!("Cpus_allowed_list:\t{cpus}\n");
    file(&first);
    home.run(["start", "app.json5"]).ok();
    assert_eq!(said(&home, "app"), on(&first));
    home.run(["describe", "app"]).ok().says("cpuset");
    assert_eq!(home.run(["jlist"]).ok().json()[0]["pm2_env"]["cpuset"], first.as_str());
    // Another list is another run.
    home.run(["flush"]).ok();
    home.run(["restart", "app", "--cpuset", &last]).ok();
    assert_eq!(said(&home, "app"), on(&last));
    home.run(["apply", "app.json5", "--dry-run"]).ok().says("cpuset");

    let before = (home.row("app").pid, home.row("app").restarts);
    file("0-");
    let what = "`cpuset` must be CPUs by number such as \"0-2,4\"";
    home.run(["restart", "app.json5"]).ends(2).complains("app.json5:3:11").complains(what);
    home.run(["restart", "app", "--cpuset", "2-1"]).ends(2).complains(what);
    let lacking = format!("{first},1023");
    let told =
        format!("run it on the CPUs {lacking}: invalid argument; this machine has no CPU 1023");
    let restart = home.run(["restart", "app", "--cpuset", &lacking]).ends(1);
    restart.complains(&told).complains("it runs on as it was");
    assert_eq!((home.row("app").pid, home.row("app").restarts), before);
    home.run(["delete", "app"]).ok();
    file(&lacking);
    home.run(["start", "app.json5"]).ends(1).says(&told);
    assert_eq!(home.row("app").status.as_str(), "errored");
}

/// Each of these is stopped by its limit, in a process the app began.
#[test]
fn who_takes_more_than_it_may_is_stopped_by_the_kernel() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    for (name, limits, program) in [
        ("files", "nofile: 64", "import os\nwhile True: os.open('/dev/null', 0)"),
        ("memory", "as: '300M'", "b = bytearray(1 << 30)"),
        ("disk", "fsize: '64K'", "f = open('big', 'wb', 0)\nwhile True: f.write(b'x' * 4096)"),
        (
            "forks",
            "nproc: 20",
            "import os, signal\nfor _ in range(99):\n  if os.fork() == 0: os.closerange(0, 3), signal.pause()",
        ),
    ] {
        let body =
            format!("import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n{program}\n");
        home.file(format!("{name}.py"), body);
        // The number of a user nobody else has, for the kernel counts the processes of all of a user.
        let user = if name == "forks" { "uid: 61234," } else { "" };
        home.script(
            name,
            &format!("python3 {name}.py 2>&1 | tail -n 1; echo done; exec sleep 1000"),
        );
        home.file(
            format!("{name}.json5"),
            format!("{{ name: '{name}', script: './{name}', {user} rlimits: {{ {limits} }} }}"),
        );
    }
    home.open_to_others();
    for (name, stopped) in [
        ("files", "OSError: [Errno 24] Too many open files: '/dev/null'\n"),
        ("memory", "MemoryError\n"),
        ("disk", "OSError: [Errno 27] File too large\n"),
        ("forks", "BlockingIOError: [Errno 11] Resource temporarily unavailable\n"),
    ] {
        home.run(["start", &format!("{name}.json5")]).ok();
        assert_eq!(said(&home, name), stopped, "{name}");
    }
}

#[test]
fn an_app_is_in_the_groups_it_says_besides_those_of_its_user() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    home.file("id.json5", "{ name: 'id', script: 'id -u; id -G; echo done; sleep 1000', uid: 65534, groups: ['daemon', 61235] }");
    home.run(["start", "id.json5"]).ok();
    assert_eq!(said(&home, "id"), "65534\n65534 1 61235\n");
    home.run(["flush"]).ok();
    home.run(["restart", "id", "--groups", "61236"]).ok();
    assert_eq!(said(&home, "id"), "65534\n65534 61236\n", "its user stays");
    // Also without a user of its own.
    home.file(
        "own.json5",
        "{ name: 'own', script: 'id -u; id -G; echo done; sleep 1000', groups: [61235] }",
    );
    home.run(["start", "own.json5"]).ok();
    let said = said(&home, "own");
    assert!(said.starts_with("0\n0 ") && said.contains("61235"), "{said}");
}

/// Tries to be again what it was before it was made less.
const REGRETS: &str = r#"
import ctypes, os, resource, signal
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *words):
    if libc.syscall(number, *words) < 0:
        raise OSError(ctypes.get_errno(), "")
def trial(name, work):
    try:
        work()
        print(name, "done")
    except (OSError, ValueError) as error:
        print(name, "refused")
ioprio = 251 if os.uname().machine == "x86_64" else 30
trial("user", lambda: os.setuid(0))
trial("saved-user", lambda: os.setresuid(-1, 0, -1))
trial("group", lambda: os.setgid(0))
trial("groups", lambda: os.setgroups([0, 61235]))
trial("files", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
trial("core", lambda: resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20)))
trial("nice", lambda: os.setpriority(os.PRIO_PROCESS, 0, 0))
trial("disk", lambda: call(ioprio, 1, 0, 1 << 13))
trial("oom", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"0"))
print("done", flush=True)
signal.pause()
"#;

#[test]
fn what_was_taken_from_an_app_it_does_not_get_back() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    home.open_to_others();
    home.file("regrets.py", REGRETS);
    home.script("regrets", "python3 regrets.py");
    home.file(
        "regrets.json5",
        "{ name: 'regrets', script: './regrets', uid: 61234, gid: 61234, rlimits: { nofile: 128, core: 0 }, nice: 5, ioprio: 'idle', \
         oom_score_adj: 500 }",
    );
    home.run(["start", "regrets.json5"]).ok();
    let said = said(&home, "regrets");
    let done: Vec<_> = said.lines().filter(|line| !line.ends_with(" refused")).collect();
    // Whose root has not the right to hold limits high has that one by its user's word only.
    let holds = fs::read_to_string("/proc/self/status").unwrap();
    let holds = holds.lines().find_map(|line| line.strip_prefix("CapEff:\t")).unwrap();
    let holds = u64::from_str_radix(holds, 16).unwrap() >> 24 & 1 == 1;
    let expected: &[&str] = if holds { &[] } else { &["oom done"] };
    assert_eq!((&done[..], said.lines().count()), (expected, 9), "{said}");
}

/// A program that becomes root whoever starts it, as su and sudo do.
#[test]
fn who_is_isolated_gets_no_rights_of_a_program_that_is_roots() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    home.open_to_others();
    assert!(
        Command::new("cp")
            .args(["/usr/bin/id", "whoami"])
            .current_dir(home.work())
            .status()
            .unwrap()
            .success()
    );
    fs::set_permissions(home.work().join("whoami"), PermissionsExt::from_mode(0o4755)).unwrap();
    for (name, user) in [("none", "0"), ("basic", "61234"), ("strict", "61234")] {
        home.file(
            format!("{name}.json5"),
            format!("{{ name: '{name}', script: './whoami -u; echo done; sleep 1000', uid: 61234, isolate: '{name}' }}"),
        );
        home.run(["start", &format!("{name}.json5")]).ok();
        assert_eq!(said(&home, name), format!("{user}\n"), "isolate: {name}");
    }
}

/// Tries what it is told, a line each, and says how it went.
const TRIES: &str = r#"
import ctypes, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
outside, other = sys.argv[1], int(sys.argv[2])
def call(number, *words):
    if libc.syscall(number, *words) < 0:
        raise OSError(ctypes.get_errno(), "")
def trial(name, work):
    try:
        work()
        print(name, "done")
    except OSError as error:
        print(name, os.strerror(error.errno))
ptrace, mount, unshare, bpf, ring, keyctl = (101, 165, 272, 321, 425, 250) if os.uname().machine == "x86_64" else (117, 40, 97, 280, 425, 219)
trial("own", lambda: open("own", "w").close())
trial("tmp", lambda: open("/tmp/" + os.path.basename(os.getcwd()), "w").close() or os.remove("/tmp/" + os.path.basename(os.getcwd())))
trial("null", lambda: open("/dev/null", "w").close())
trial("read", lambda: open(outside + "/kept").read())
trial("write", lambda: open(outside + "/kept", "a").close())
trial("truncate", lambda: os.truncate(outside + "/kept", 0))
trial("make", lambda: open(outside + "/new", "w").close())
trial("folder", lambda: os.mkdir(outside + "/folder"))
trial("remove", lambda: os.remove(outside + "/kept"))
trial("move", lambda: os.rename("own", outside + "/moved"))
trial("allowed", lambda: open(outside + "/allowed/x", "w").close())
trial("trace", lambda: call(ptrace, 0x4206, other, 0, 0))
trial("signal", lambda: os.kill(other, 0))
trial("mount", lambda: call(mount, b"none", b".", b"no such thing", 0, 0))
trial("unshare", lambda: call(unshare, 0))
trial("bpf", lambda: call(bpf, 0, 0, 0))
trial("keys", lambda: call(keyctl, 0, -3, 0))
trial("ring", lambda: call(ring, 0, 0))
trial("inet", lambda: socket.socket(socket.AF_INET).close())
trial("inet6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close())
trial("local", lambda: socket.socketpair())
trial("child", lambda: sys.stdout.flush() or os.system("(: > " + outside + "/kept) 2>/dev/null && echo child wrote") and None)
print("rights", [line.split()[1] for line in open("/proc/self/status") if line.startswith("NoNewPrivs")][0])
print("done", flush=True)
signal.pause()
"#;

#[test]
fn an_isolated_app_reaches_what_it_may_and_nothing_else() {
    let home = Home::new();
    // The homes of tests lie in /tmp, which every app may change.
    let outside = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let outside = outside.path();
    fs::create_dir(outside.join("allowed")).unwrap();
    fs::write(outside.join("kept"), "kept").unwrap();
    crate::apps::start(&home, "other", &[], &["--live", "forever"]).ok();
    let other = home.row("other").pid;
    home.file("tries.py", TRIES);
    let tries = |name: &str, rules: &str| {
        home.file(
            format!("{name}.json5"),
            format!(
                "{{ name: '{name}', script: 'tries.py', args: ['{}', {other}], {rules} }}",
                outside.display()
            ),
        );
        home.run(["start", &format!("{name}.json5")]).ok();
        let said = said(&home, name);
        let line = |what: &str| -> String {
            let line = said.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("{what}: {said}")).to_owned()
        };
        let all = |what: &[&str]| -> Vec<String> { what.iter().map(|what| line(what)).collect() };
        let own = all(&["own", "tmp", "null", "read", "local"]);
        assert_eq!(own, ["done"; 5], "{name}: {said}");
        let outside = all(&["write", "truncate", "make", "folder", "remove"]);
        let machine = all(&["trace", "signal", "mount", "unshare", "bpf", "keys", "ring"]);
        assert!(!said.contains("child wrote") || name == "offline", "{said}");
        (outside, line("move"), line("allowed"), machine, all(&["inet", "inet6"]), line("rights"))
    };
    let denied = ["Permission denied"; 5];
    let basic = tries(
        "basic",
        &format!("isolate: 'basic', write_paths: ['{}/allowed']", outside.display()),
    );
    assert_eq!(basic.0, denied);
    assert!(basic.1 != "done" && basic.2 == "done", "{basic:?}");
    assert_eq!(basic.3[0], "Operation not permitted", "nobody outside is traced");
    assert_eq!(basic.3[1], "done", "{basic:?}");
    assert_eq!((&basic.4[..], basic.5.as_str()), (&["done", "done"].map(String::from)[..], "1"));
    assert_eq!(fs::read(outside.join("kept")).unwrap(), b"kept");

    let strict = tries("strict", "isolate: 'strict', network: false");
    assert_eq!(strict.0, denied);
    assert_eq!(strict.2, "Permission denied");
    assert_eq!(strict.3, ["Operation not permitted"; 7]);
    assert_eq!(strict.4, ["Operation not permitted"; 2]);
    assert_eq!(fs::read(outside.join("kept")).unwrap(), b"kept");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 2, "nothing was made");

    let offline = tries("offline", "network: false");
    assert_eq!(offline.4, ["Operation not permitted"; 2]);
    assert_eq!(offline.0[2], "done", "only sockets are kept from it");
}

/// Whether this user can have a view of its own of what is mounted, as a shell finds out.
fn can_hide(user: u32, group: u32) -> bool {
    let tries = |flags: &str| {
        let mut command = Command::new("unshare");
        command.args([flags, "mount", "-t", "tmpfs", "none", "/tmp"]).uid(user).gid(group);
        command.stderr(Stdio::null()).status().unwrap().success()
    };
    tries("-m") || tries("-Urm")
}

#[test]
fn a_private_tmp_is_seen_by_nobody_else_and_begins_empty() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    for (user, isolate) in [(0, "strict"), (65534, "none")] {
        let home = Home::new();
        fs::create_dir(home.home().root()).unwrap();
        chown(home.home().root(), Some(user), Some(user)).unwrap();
        let call = |words: &[&str]| {
            if user == 0 {
                let run = home.pm(words).dir(home.work()).run();
                return (run.code, run.out() + &run.err);
            }
            let output = as_nobody(&home, words);
            let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            (output.status.code().unwrap(), told)
        };
        let name =
            home.work().parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let file = home.file(
            "apps.json5",
            format!(
                "[{{ name: 'app', cwd: '/usr', isolate: '{isolate}', private_tmp: true, script: 'id -u; ls -A /tmp; ls -A /var/tmp; \
                 echo x >/tmp/{name} && cat /tmp/{name}; echo y >/var/tmp/{name} && cat /var/tmp/{name}; echo done; sleep 1000' }}]"
            ),
        );
        let start = ["start", file.to_str().unwrap()];
        if can_hide(user, user) {
            for again in 0..2 {
                let (code, told) = call(&start);
                assert_eq!(code, 0, "{told}");
                assert_eq!(said(&home, "app"), format!("{user}\nx\ny\n"), "{again}");
                assert!(!fs::exists(format!("/tmp/{name}/x")).unwrap());
                assert!(!fs::exists(format!("/var/tmp/{name}")).unwrap());
                home.run(["flush"]).ok();
            }
        } else {
            let (code, told) = call(&start);
            assert!(code == 1 && told.contains("give it a /tmp of its own"), "{told}");
        }
        let file = home.file("in.json5", "{ name: 'in', script: 'sleep 1000', private_tmp: true }");
        let (code, told) = call(&["start", file.to_str().unwrap()]);
        let work = home.work();
        let hidden = format!("{} lies in the one it would not see any more", work.display());
        let is_told = told.contains(&hidden) || !can_hide(user, user);
        assert!(code == 1 && (is_told || !work.starts_with("/tmp")), "{told}");
    }
}

#[test]
fn who_is_not_isolated_is_as_free_as_ever() {
    let home = Home::new();
    home.script(
        "app",
        "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; echo done; exec sleep 1000",
    );
    home.run(["start", "./app"]).ok();
    let ours = fs::read_to_string("/proc/self/status").unwrap();
    let is_ours = |line: &&str| line.starts_with("NoNewPrivs:") || line.starts_with("Seccomp:");
    let ours: Vec<&str> = ours.lines().filter(is_ours).collect();
    assert_eq!(said(&home, "app").lines().collect::<Vec<_>>(), ours);
}

#[test]
fn an_app_that_can_not_be_isolated_is_not_started_and_what_runs_is_not_stopped() {
    let home = Home::new();
    let started = crate::apps::start(&home, "app", &["--isolate", "basic"], &["--live", "forever"]);
    started.ok();
    let pid = home.row("app").pid;
    let text = format!(
        "{{ name: 'app', script: {:?}, args: '--live forever', isolate: 'strict', write_paths: ['nowhere'] }}",
        fixture()
    );
    home.file("app.json5", text);
    let told = "nowhere: no such file or directory; make it first";
    home.run(["restart", "app.json5"]).ends(1).complains(told).complains("it runs on as it was");
    assert_eq!((home.row("app").pid, home.row("app").restarts), (pid, 0));
    home.run(["delete", "app"]).ok();
    home.run(["start", "app.json5"]).ends(1).says(told);
    assert_eq!(home.row("app").status.as_str(), "errored");
}

#[test]
fn what_runs_is_not_stopped_for_a_right_that_is_missing() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    fs::create_dir(home.home().root()).unwrap();
    chown(home.home().root(), Some(65534), Some(65534)).unwrap();
    let call = |words: &[&str]| {
        let output = as_nobody(&home, words);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), told)
    };
    let (code, told) = call(&["start", "/bin/sleep", "--rlimit", "nofile=64:128", "--", "1000"]);
    assert_eq!(code, Some(0), "less is nobody's business: {told}");
    let pid = home.row("sleep").pid;
    for (flag, value, told) in [
        ("--nice", "-5", "set its niceness to -5: permission denied; lower than now needs root"),
        (
            "--rlimit",
            "nofile=1000000000",
            "limit nofile to 1000000000:1000000000: operation not permitted",
        ),
        ("--ioprio", "realtime:0", "realtime needs root"),
        (
            "--oom-score-adj",
            "-999",
            "set its oom_score_adj to -999: permission denied; lower than now",
        ),
        ("--mem-limit", "64M", "make it a cgroup: "),
        ("--groups", "daemon", "only root can add groups to an app"),
        ("--uid", "root", "only root can run apps as another user"),
    ] {
        let (code, all) = call(&["restart", "sleep", flag, value]);
        assert_eq!(code, Some(1), "{flag}: {all}");
        assert!(all.contains(told) && all.contains("it runs on as it was"), "{flag}: {all}");
    }
    let row = home.row("sleep");
    assert_eq!((row.pid, row.restarts, row.status.as_str()), (pid, 0, "online"));
    assert!(is_alive(pid));
    let (code, told) = call(&["restart", "sleep", "--ioprio", "idle", "--oom-score-adj", "900"]);
    assert_eq!(code, Some(0), "{told}");
}
