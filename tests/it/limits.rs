//! What an app may use: apps that try to have more.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use pm_testkit::{Home, is_alive};

use crate::homes::as_nobody;

/// What an app has said, once it says that it is done.
fn said(home: &Home, name: &str) -> String {
    let file = home.home().logs().join(format!("{name}-out.log"));
    let bytes = home.wait_file(file, |bytes| bytes.ends_with(b"done\n"));
    String::from_utf8(bytes).unwrap().trim_end_matches("done\n").to_owned()
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
    for folder in [home.work(), home.work().parent().unwrap().to_path_buf()] {
        fs::set_permissions(folder, PermissionsExt::from_mode(0o755)).unwrap();
    }
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
