//! Homes on bad days: races, leftovers, odd paths, strangers, torn files (pains 1 to 3, 10, 15, 23, 35, 37, 61, 63, 78).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use rustix::event::{Timespec, poll};

use pm_testkit::{Home, fixture, is_alive, signal, wait_gone};

use crate::apps::{start, up};

#[test]
fn p15_twenty_first_commands_at_once_find_one_daemon() {
    let home = Home::new();
    let program = fixture();
    let mut calls: Vec<_> = (0..20)
        .map(|number| {
            let name = format!("app{number}");
            let words =
                ["start", program.to_str().unwrap(), "--name", &name, "--", "--live", "forever"];
            home.pm(words).background()
        })
        .collect();
    let codes: Vec<_> = calls.iter_mut().map(pm_testkit::Running::wait).collect();
    assert!(codes.iter().all(|code| *code == 0), "{codes:?}");
    let rows = home.rows();
    assert_eq!(rows.len(), 20);
    assert!(rows.iter().all(|row| row.status.as_str() == "online"), "{rows:?}");
    // One guardian has the lock, and it is the one that answers; no other pair was started and left.
    let hello = home.hello();
    assert_eq!(hello.incarnation, 1);
    let others: Vec<_> = managers(&home)
        .into_iter()
        .filter(|pid| *pid != hello.pid && *pid != hello.guardian)
        .collect();
    assert!(others.is_empty(), "other managers of this home: {others:?}");
}

/// Guardians and daemons that were started for this home.
fn managers(home: &Home) -> Vec<u32> {
    let cookie = format!("PM_HOME={}", home.home().root().display());
    let processes = fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let read = |file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let words = read("cmdline");
            let mut words = words.split(|byte| *byte == 0).skip(1);
            let is_manager =
                words.next().is_some_and(|word| word == b"guardian" || word == b"daemon");
            is_manager
                && read("environ").split(|byte| *byte == 0).any(|entry| entry == cookie.as_bytes())
        })
        .filter(|pid| is_alive(*pid))
        .collect()
}

#[test]
fn p78_homes_with_blanks_and_odd_letters_work() {
    for name in ["my home", " ", "a\nb", "h\u{f6}me 'x' \"y\" $HOME", "-rf"] {
        let home = Home::named(name);
        let pid = up(&home, "app");
        home.run(["save"]).ok();
        home.run(["kill"]).ok();
        assert!(!is_alive(pid), "{name:?}");
        home.run(["resurrect"]).ok();
        assert_eq!(home.row("app").status.as_str(), "online", "{name:?}");
    }
}

#[test]
fn p78_a_home_longer_than_a_socket_path_works() {
    let home = Home::named(&"long/".repeat(40));
    up(&home, "app");
    assert!(home.home().root().as_os_str().len() > 200);
    assert!(home.home().socket().as_os_str().len() <= 107);
    home.run(["list"]).ok().says("app");
    signal(home.hello().pid, 9);
    home.run(["stop", "app"]).ok();
}

#[test]
fn p35_stale_socket_lock_and_pid_files_are_no_obstacle_and_no_order_to_kill() {
    let home = Home::new();
    let root = home.home().root();
    let mut stranger = Command::new("sleep").arg("1000").spawn().unwrap();
    for folder in [root.to_path_buf(), home.home().pids(), home.home().logs()] {
        fs::create_dir_all(folder).unwrap();
    }
    // A socket nobody listens on, a lock nobody holds that names a living stranger, pid files that name them, too.
    drop(UnixListener::bind(home.home().socket()).unwrap());
    fs::write(home.home().lock(), format!("{} 0.0.1\n", stranger.id())).unwrap();
    fs::write(home.home().pids().join("app.pid"), stranger.id().to_string()).unwrap();
    fs::write(home.home().pids().join("app-0.pid"), stranger.id().to_string()).unwrap();
    home.run(["list"]).ok();
    up(&home, "app");
    home.run(["restart", "app"]).ok();
    home.run(["kill"]).ok();
    assert!(is_alive(stranger.id()), "a stranger was killed");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn p63_a_socket_that_vanished_comes_back() {
    let home = Home::new();
    let pid = up(&home, "app");
    fs::remove_file(home.home().socket()).unwrap();
    home.wait_until("the socket", || home.home().socket().exists());
    assert_eq!(home.row("app").pid, pid);
}

#[test]
fn p23_a_client_killed_in_the_middle_hurts_nobody() {
    let home = Home::new();
    start(&home, "slow", &["--kill-timeout", "1500"], &["--on-int", "ignore", "--live", "forever"])
        .ok();
    up(&home, "other");
    let stop = home.pm(["stop", "slow"]).background();
    home.wait_status("slow", "stopping");
    stop.signal(9);
    // Others are answered meanwhile (pain 16), and what was asked for still happens.
    home.run(["restart", "other"]).ok();
    home.wait_status("slow", "stopped");
    let mut start = home.pm(["start", "slow"]).background();
    home.wait_rows("a start", |rows| rows.iter().any(|row| row.name == "slow" && row.pid != 0));
    start.signal(9);
    start.wait();
    home.wait_status("slow", "online");
    assert_eq!(home.hello().incarnation, 1);
}

#[test]
fn p02_p61_what_was_saved_comes_back_as_it_was_and_once() {
    let home = Home::new();
    up(&home, "up");
    up(&home, "down");
    start(
        &home,
        "two words",
        &["--namespace", "ns"],
        &["--print-args", "a b", "", "--live", "forever"],
    )
    .ends(1);
    home.run(["delete", "two words"]).ok();
    home.run(["stop", "down"]).ok();
    home.run(["save"]).ok();
    let saved = fs::read(home.home().saved()).unwrap();
    // Neither `kill` nor a signal, such as at the end of a session, rewrites the list.
    home.run(["kill"]).ok();
    assert_eq!(fs::read(home.home().saved()).unwrap(), saved);
    home.run(["resurrect"]).ok();
    let hello = home.hello();
    signal(hello.pid, 15);
    wait_gone(hello.guardian);
    assert_eq!(fs::read(home.home().saved()).unwrap(), saved);
    home.run(["resurrect"]).ok();
    let rows = home.rows();
    let shown: Vec<_> =
        rows.iter().map(|row| (row.id, row.name.as_str(), row.status.as_str())).collect();
    assert_eq!(shown, [(0, "up", "online"), (1, "down", "stopped")]);
    let pid = home.row("up").pid;
    home.run(["resurrect"]).ok();
    assert_eq!(home.rows().len(), 2, "twice brought duplicates");
    assert_eq!(home.row("up").pid, pid, "twice restarted what ran");
}

#[test]
fn p03_a_saved_list_cut_short_falls_back_to_the_one_before() {
    let home = Home::new();
    up(&home, "app");
    home.run(["save"]).ok();
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    let whole = fs::read(home.home().saved()).unwrap();
    let older = fs::read(home.home().saved().with_extension("json.bak")).unwrap();
    for cut in [0, 1, whole.len() / 2, whole.len() - 2] {
        fs::write(home.home().saved(), &whole[..cut]).unwrap();
        fs::write(home.home().saved().with_extension("json.bak"), &older).unwrap();
        home.run(["resurrect"]).ok().complains("used the one before");
        assert_eq!(home.row("app").status.as_str(), "online", "cut at {cut}");
        let kept = fs::read(home.home().saved().with_extension("json.damaged")).unwrap();
        assert_eq!(kept, &whole[..cut], "the bad file was not kept");
        let diary = fs::read_to_string(home.home().diary()).unwrap();
        assert!(diary.contains("the saved list was unreadable"), "nobody was warned:\n{diary}");
        home.run(["kill"]).ok();
    }
    // Neither can be read: said, and nothing is made of it.
    fs::write(home.home().saved(), "{").unwrap();
    fs::write(home.home().saved().with_extension("json.bak"), "").unwrap();
    home.run(["resurrect"]).ends(1).complains("could not read a saved list");
    assert!(home.home().saved().exists());
}

#[test]
fn p01_the_daemon_may_die_and_a_client_does_not_notice() {
    let home = Home::new();
    let pid = up(&home, "app");
    for _ in 0..3 {
        let hello = home.hello();
        signal(hello.pid, 9);
        let row: Vec<pm_protocol::Row> =
            serde_json::from_value(home.run(["list", "--json"]).ok().json()).unwrap();
        assert_eq!((row[0].pid, row[0].restarts), (pid, 0));
        assert_eq!(home.hello().guardian, hello.guardian);
    }
}

/// `pm` as another user, from a folder everybody may enter.
pub(crate) fn as_nobody(home: &Home, words: &[&str]) -> Output {
    let mut command = nobodys(home, "pm-of-all");
    command.args(words).env("PM_HOME", home.home().root()).env("HOME", "/").output().unwrap()
}

/// `pm` under some name as another user, without any variable.
fn nobodys(home: &Home, name: &str) -> Command {
    let program = home.work().join(name);
    if !program.exists() {
        pm_testkit::copy_pm(&program);
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        home.open_to_others();
    }
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).current_dir("/").uid(65534).gid(65534);
    command
}

#[test]
fn without_variables_the_users_own_folder_is_home() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let mut users = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let nobody = users.find(|fields| fields[2] == "65534").expect("a line for nobody in passwd");
    let folder = nobody[5];
    assert!(folder.len() > 1, "nobody has no folder on this machine: {nobody:?}");
    let home = Home::new();
    for (name, its) in [("pm", ".pm"), ("pm2", ".pm2")] {
        let output = nobodys(&home, name).args(["stop", "nosuch"]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains(&format!("none runs in {folder}/{its}\n")), "{name}: {told}");
    }
}

#[test]
fn p10_p37_another_user_can_not_command_the_daemon() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test becomes another user: run it as root, or in `unshare --map-root-user --map-auto`"
    );
    let home = Home::new();
    let pid = up(&home, "app");
    let refused = |what: &str| {
        for words in [&["list"][..], &["stop", "app"], &["start", "/bin/true"], &["kill"]] {
            let output = as_nobody(&home, words);
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{what}: {words:?}: {told}");
            assert!(output.stdout.is_empty(), "{what}: {words:?} was answered");
            assert!(told.contains("error: could not"), "{what}: {words:?}: {told}");
        }
        assert_eq!((home.row("app").pid, home.rows().len()), (pid, 1), "{what}: it was obeyed");
    };
    refused("a closed home");
    // Even where careless modes open the way, the daemon looks who asks.
    fs::set_permissions(home.home().root(), Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(home.home().socket(), Permissions::from_mode(0o777)).unwrap();
    refused("an open home");
}

#[test]
fn p37_a_home_of_another_user_is_named_with_its_owner() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    up(&home, "app");
    let told = String::from_utf8(as_nobody(&home, &["list"]).stderr).unwrap();
    for part in [home.home().root().to_str().unwrap(), "uid 0", "65534"] {
        assert!(told.contains(part), "{part:?} is missing in {told}");
    }
}

#[test]
fn p37_a_home_behind_a_closed_folder_is_told_with_that_folder() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    fs::create_dir_all(home.home().root().join("closed/inside")).unwrap();
    let mut command = nobodys(&home, "pm");
    let closed = home.home().root().join("closed");
    fs::set_permissions(home.home().root(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let output = command.arg("list").env("PM_HOME", closed.join("inside/home")).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let line = format!("uid 65534 may not enter {}\n", closed.display());
    assert!(told.contains(&line) && !told.contains("belongs to"), "{told}");
}

#[test]
fn only_root_can_run_apps_as_another_user_and_who_is_not_is_told_at_once() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    fs::create_dir(home.home().root()).unwrap();
    chown(home.home().root(), Some(65534), Some(65534)).unwrap();
    let output = as_nobody(&home, &["start", "/bin/sleep", "--uid", "root", "--", "1000"]);
    let told = [output.stdout, output.stderr].concat();
    let told = String::from_utf8(told).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("only root can run apps as another user"), "{told}");
    let row = home.row("sleep");
    assert_eq!(
        (row.status.as_str(), row.restarts, row.pid),
        ("errored", 0, 0),
        "it is tried again"
    );
    // As oneself it is nothing but a start, and whose app it is can be seen, also by root.
    let output =
        as_nobody(&home, &["start", "/bin/sleep", "--name", "own", "--uid", "65534", "--", "1000"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    as_nobody(&home, &["start", "/bin/sleep", "--name", "plain", "--", "1000"]);
    for name in ["own", "plain"] {
        let rows = home.run(["list", name, "--json"]).ok().json();
        assert_eq!(rows[0]["user"], "nobody", "{name}");
        let line = home.run(["list", name]).ok().out();
        assert!(line.contains(" nobody "), "{name}: {line}");
    }
}

#[test]
fn who_may_not_be_less_nice_is_told_at_the_start() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    fs::create_dir(home.home().root()).unwrap();
    chown(home.home().root(), Some(65534), Some(65534)).unwrap();
    let output = as_nobody(&home, &["start", "/bin/sleep", "--nice", "-5", "--", "1000"]);
    let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("set its niceness to -5: permission denied"), "{told}");
    let row = home.row("sleep");
    assert_eq!(
        (row.status.as_str(), row.restarts, row.pid),
        ("errored", 0, 0),
        "it is tried again"
    );
}

/// How often the threads of a process went to sleep, by `proc_pid_status(5)`: each wake-up ends in one more.
pub(crate) fn rests(pid: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let count = |thread: fs::DirEntry| -> u64 {
        let status = fs::read_to_string(thread.path().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    };
    threads.map(|thread| count(thread.unwrap())).sum()
}

#[test]
fn law4_p24_with_nothing_to_do_nobody_wakes_up() {
    let home = Home::new();
    start(&home, "app", &["-i", "20"], &["--live", "forever"]).ok();
    let hello = home.hello();
    // What was asked for settles first: freshly started apps are judged, log files looked at, a second after the last
    // call memory is given back.
    let pause = Timespec { tv_sec: 2, tv_nsec: 0 };
    home.wait_until("rest", || {
        let before = rests(hello.pid) + rests(hello.guardian);
        poll(&mut [], Some(&pause)).unwrap();
        rests(hello.pid) + rests(hello.guardian) == before
    });
    let before = rests(hello.pid) + rests(hello.guardian);
    poll(&mut [], Some(&Timespec { tv_sec: 3, tv_nsec: 0 })).unwrap();
    assert_eq!(rests(hello.pid) + rests(hello.guardian), before, "something woke up for nothing");
}

#[test]
fn kill_during_an_end_waits_for_it() {
    let home = Home::new();
    let steps = ["--on-int", "ignore", "--live", "forever"];
    start(&home, "slow", &["--kill-timeout", "1500"], &steps).ok();
    let pid = home.row("slow").pid;
    signal(home.hello().pid, 15);
    home.wait_status("slow", "stopping");
    home.run(["kill"]).ok();
    assert!(!is_alive(pid), "`kill` returned too early");
}

#[test]
fn p15_start_right_after_kill_finds_a_new_daemon() {
    let home = Home::new();
    for _ in 0..15 {
        up(&home, "app");
        home.run(["kill"]).ok();
    }
}

#[test]
fn kill_ends_everything_and_a_new_start_is_fresh() {
    let home = Home::new();
    let pid = up(&home, "app");
    let hello = home.hello();
    home.run(["kill"]).ok();
    for pid in [pid, hello.pid, hello.guardian] {
        wait_gone(pid);
    }
    home.run(["ping"]).ok();
    assert!(home.rows().is_empty(), "killed apps are gone from the list, as in PM2");
    assert_eq!(up(&home, "app"), home.row("app").pid);
    assert_eq!(home.row("app").id, 0);
}

#[test]
fn autosave_follows_every_change_and_no_shutdown() {
    let home = Home::new();
    let saved = || {
        let bytes = fs::read(home.home().saved()).unwrap_or_else(|_| b"{\"apps\": []}".to_vec());
        let saved: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        saved["apps"].as_array().unwrap().len()
    };
    up(&home, "before");
    assert_eq!(saved(), 0, "nobody has asked for it");
    home.run(["set", "pm2:autodump", "true"]).ok();
    up(&home, "app");
    assert_eq!(saved(), 2);
    home.run(["delete", "before"]).ok();
    assert_eq!(saved(), 1);
    home.run(["stop", "app"]).ok();
    home.run(["kill"]).ok();
    assert_eq!(saved(), 1, "an end of everything changes nothing");
    home.run(["resurrect"]).ok();
    assert_eq!(home.row("app").status.as_str(), "stopped", "as it was when it was saved");
    home.run(["delete", "app"]).ok();
    assert_eq!(saved(), 0, "nothing is what there is");
    home.run(["set", "pm2:autodump", "false"]).ok();
    up(&home, "app");
    assert_eq!(saved(), 0);
}

#[test]
fn p28_update_replaces_the_daemon_and_no_app_notices() {
    let home = Home::new();
    let pid = up(&home, "app");
    let before = home.hello();
    home.run(["update"]).ok();
    let after = home.hello();
    assert_ne!(after.pid, before.pid, "the daemon is the same");
    assert_eq!(after.guardian, before.guardian, "the guardian is replaced in place");
    assert_eq!((home.row("app").pid, home.row("app").restarts), (pid, 0));
}

#[test]
fn p37_a_relative_home_is_refused_and_pm2_home_counts_only_for_pm2() {
    let home = Home::new();
    home.pm(["list"]).env("PM_HOME", "relative").run().ends(2).complains("must be absolute");
    let other = home.work().join("pm2 home");
    home.pm(["ping"]).env("PM2_HOME", &other).run().ok();
    assert!(!other.exists());
}

/// Calls `pm` where no process may have more open files than this.
fn with_files(home: &Home, files: u32, words: &[&str]) -> Output {
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={files}")).arg(pm_testkit::pm()).args(words);
    command.env("PM_HOME", home.home().root()).current_dir(home.work()).output().unwrap()
}

#[test]
fn too_many_for_the_limit_of_open_files_are_refused_before_the_first_and_silent_ones_need_one_each()
{
    let home = Home::new();
    let app = |number: u32, more: &str| {
        format!(
            "{{ name: 'a{number}', script: 'sleep', args: '1000', interpreter: 'none'{more} }},"
        )
    };
    let silent = ", out_file: '/dev/null', error_file: '/dev/null'";
    let list = |more: &str| (0..60).map(|number| app(number, more)).collect::<String>();
    home.file("loud.json5", format!("[{}]", list("")));
    home.file("silent.json5", format!("[{}]", list(silent)));
    let refused = with_files(&home, 160, &["start", "loud.json5"]);
    let told = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("the limit is 160") && told.contains("ulimit -Hn"), "{told}");
    assert!(home.rows().is_empty());
    let done = with_files(&home, 160, &["start", "silent.json5"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    assert!(home.rows().iter().all(|row| row.status.as_str() == "online"));
    assert_eq!(home.rows().len(), 60);
}

#[test]
fn three_hundred_apps_that_log_run_where_a_process_may_have_1024_open_files() {
    const COUNT: u32 = 300;
    let home = Home::new();
    let app = |number| {
        format!("{{ name: 'a{number}', script: 'sh', args: ['-c', 'echo one; exec cat'] }},")
    };
    let apps: String = (0..COUNT).map(app).collect();
    home.file("many.json5", format!("[{apps}]"));
    let done = with_files(&home, 1024, &["start", "many.json5"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    let holds = |number: u32, text: &str| {
        let log = home.home().logs().join(format!("a{number}-out.log"));
        fs::read_to_string(log).is_ok_and(|log| log == text)
    };
    let say = |number: u32| {
        home.run(["send", &format!("a{number}"), "two"]).ok();
    };
    home.wait_until("a line of each", || (0..COUNT).all(|number| holds(number, "one\n")));
    say(COUNT - 1);
    home.wait_until("another line", || holds(COUNT - 1, "one\ntwo\n"));
    // So it is for the next daemon, and the next guardian.
    let pids = || home.rows().iter().map(|row| row.pid).collect::<Vec<_>>();
    let (running, mut before) = (pids(), home.hello());
    for victim in [before.pid, before.guardian] {
        signal(victim, 9);
        home.wait_until("the next daemon", || {
            home.run(["ping"]).code == 0 && home.hello().pid != before.pid
        });
        before = home.hello();
    }
    assert_eq!(pids(), running);
    assert!(home.rows().iter().all(|row| row.status.as_str() == "online"));
    say(0);
    home.wait_until("a later line", || holds(0, "one\ntwo\n"));
}
