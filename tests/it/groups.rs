//! What all processes of a run together may use: apps that try to have more. Where no cgroup can be made, which a shell finds
//! out by itself, the promise is that a start says so.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use pm_testkit::{Home, signal};

/// Makes a group with limits wherever a program could, and takes it away again.
const PROBE: &str = r#"
try() { { echo "+memory +cpu +pids" >"$1/cgroup.subtree_control" && mkdir "$1/probe-$$" && rmdir "$1/probe-$$"; } 2>/dev/null; }
two=
for name in memory cpu pids; do
    line=$(grep -E ":([^:]*,)?$name(,[^:]*)?:" /proc/self/cgroup) || { two=yes; continue; }
    probe="/sys/fs/cgroup/$name${line#*:*:}/probe-$$"
    { mkdir "$probe" && rmdir "$probe"; } 2>/dev/null || exit 1
done
[ "$two" ] || exit 0
own="/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)"
[ -e "$own/cgroup.type" ] || { try "$own"; exit; }
while own=${own%/*} && [ "$own" != /sys/fs ]; do try "$own" && exit 0; done
exit 1
"#;

/// Whether cgroups can be made here.
pub(crate) fn can_be_made() -> bool {
    let probe = Command::new("sh").args(["-c", PROBE]).stdin(Stdio::null()).status();
    probe.unwrap().success()
}

/// Starts a file of apps; whether they run. Where they can't, that is told.
fn starts(home: &Home, file: &str) -> bool {
    if can_be_made() {
        home.run(["start", file]).ok();
        return true;
    }
    home.run(["start", file]).ends(1).says("make it a cgroup: ");
    false
}

/// The groups of a process that `pm` made.
fn groups_of(pid: u32) -> Vec<PathBuf> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let ours = groups.lines().filter(|line| line.contains("/pm-"));
    let folder = |line: &str| {
        let (names, path) = line.split_once(':').unwrap().1.split_once(':').unwrap();
        PathBuf::from(format!("/sys/fs/cgroup/{names}{path}"))
    };
    let folders: Vec<_> = ours.map(folder).collect();
    assert!(!folders.is_empty(), "{groups}");
    for folder in &folders {
        let inside = fs::read_to_string(folder.join("cgroup.procs")).unwrap();
        assert!(
            inside.lines().any(|line| line == pid.to_string()),
            "{}: {inside}",
            folder.display()
        );
    }
    folders
}

/// Waits until it is told, then takes all the memory there is.
const EATS: &str = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.02)\nhad = []\n\
                    while True: had.append(bytearray(1 << 20))\n";

#[test]
fn who_takes_more_memory_than_it_may_is_killed_and_that_is_told_whoever_dies_meanwhile() {
    let home = Home::new();
    home.file("main.py", EATS);
    home.script("child", "python3 main.py; exit 3");
    home.file(
        "apps.json5",
        "[{ name: 'main', script: 'main.py', mem_limit: '64M', restart_delay: '1h' }, \
          { name: 'child', script: './child', memory_max: '50M', restart_delay: '1h' }]",
    );
    if !starts(&home, "apps.json5") {
        return;
    }
    let groups = [groups_of(home.row("main").pid), groups_of(home.row("child").pid)].concat();
    let (daemon, pid) = (home.hello().pid, home.row("main").pid);
    signal(daemon, 9);
    home.wait_until("there is another daemon", || home.hello().pid != daemon);
    assert_eq!(home.row("main").pid, pid, "nothing has happened to it");
    home.file("go", "");
    for name in ["main", "child"] {
        home.wait_status(name, "waiting restart");
    }
    let killed =
        "killed by the kernel: its processes together took more than its mem_limit of 64.0mb";
    let after = "exited with code 3 after the kernel had killed one of its processes: together they took more than its mem_limit \
                 of 50.0mb";
    for (name, code, by, why) in
        [("main", None, Some("SIGKILL"), killed), ("child", Some(3), None, after)]
    {
        let end = home.run(["describe", name, "--json"]).ok().json()[0]["ends"][0].clone();
        assert_eq!((end["code"].as_u64(), end["signal"].as_str()), (code, by), "{end}");
        assert_eq!(end["why"], why);
        assert_eq!(home.run(["why", name, "--json"]).ok().json()[0]["cause_class"], "memory limit");
        home.run(["why", name]).ok().says(why).says("`mem_limit` says what");
        home.run(["history", name]).ok().says(why.trim_start_matches("exited "));
    }
    home.wait_until("their groups are gone", || groups.iter().all(|group| !group.exists()));

    // Who was to see to a group died.
    fs::remove_file(home.work().join("go")).unwrap();
    home.run(["restart", "main"]).ok();
    let (pid, daemon) = (home.row("main").pid, home.hello().pid);
    let groups = groups_of(pid);
    let left: Vec<_> = groups.iter().map(|group| group.with_file_name("4000000000")).collect();
    for group in &left {
        fs::create_dir(group).unwrap();
    }
    signal(daemon, 9);
    home.wait_until("what is left goes", || left.iter().all(|group| !group.exists()));
    home.run(["update"]).ok();
    assert_eq!((home.row("main").pid, groups_of(pid)), (pid, groups.clone()));
    home.run(["delete", "all"]).ok();
    let parents = || groups.iter().map(|group| group.parent().unwrap());
    home.wait_until("nothing is left", || parents().all(|folder| !folder.exists()));
}

#[test]
fn who_forks_or_computes_without_end_is_held() {
    let home = Home::new();
    home.file(
        "bomb.py",
        "import os, signal\ntry:\n  for made in range(999):\n    if os.fork() == 0: signal.pause()\n\
         except OSError as error: print(made, 'made:', error.strerror, flush=True)\nsignal.pause()\n",
    );
    home.file(
        "burns.py",
        "import signal\ngroups = [line.strip().split(':', 2) for line in open('/proc/self/cgroup')]\n\
         one = ['/sys/fs/cgroup/cpu' + path for _, names, path in groups if 'cpu' in names.split(',')]\n\
         two = ['/sys/fs/cgroup' + path for _, names, path in groups if not names]\nfolder = (one + two)[0]\n\
         def held(): return int(dict(line.split() for line in open(folder + '/cpu.stat'))['nr_throttled'])\n\
         while not held(): pass\nprint('was held', flush=True)\nsignal.pause()\n",
    );
    home.file(
        "apps.json5",
        "[{ name: 'bomb', script: 'bomb.py', pids_limit: 20 }, { name: 'burns', script: 'burns.py', cpus: 0.05 }]",
    );
    if !starts(&home, "apps.json5") {
        return;
    }
    for (name, said) in
        [("bomb", "19 made: Resource temporarily unavailable\n"), ("burns", "was held\n")]
    {
        let file = home.home().logs().join(format!("{name}-out.log"));
        assert_eq!(home.wait_file(file, |bytes| bytes.ends_with(b"\n")), said.as_bytes());
    }
    home.run(["describe", "burns"]).ok().says("0.05");
    home.run(["delete", "all"]).ok();
}

#[test]
fn who_says_nothing_of_it_is_in_no_group_of_its_own() {
    let home = Home::new();
    home.script("app", "exec sleep 1000");
    home.run(["start", "./app"]).ok();
    let of = |pid| fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    assert_eq!(of(home.row("app").pid), of(home.hello().guardian));
}
