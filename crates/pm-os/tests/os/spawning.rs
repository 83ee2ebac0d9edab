//! Starting programs: their parent, tag, folder, environment, limits and signals.

use std::process::{Command, Stdio};

use pm_os::identity;
use pm_os::limits;
use pm_os::spawn::{
    Birth, Credentials, IoTurn, Isolation, IsolationPlan, KernelOrders, SpawnError,
};
use pm_os::tag;
use pm_os::wait::{self, Termination};
use pm_os::{clock, user};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit};
use rustix::thread::CpuSet;

use crate::support::{Order, PATIENCE, assert_passes_in_namespace, is_root, readable, stranger};

#[test]
fn arguments_environment_and_folder_arrive() {
    let mut order = Order::shell("printf '%s|' \"$@\"; pwd; env | sort");
    order.args.extend(["sh", "a b", "", "\u{e9}"].map(String::from));
    order.env = vec!["X=1".into(), "PM_TAG=0000000000000bad".into(), "PATH=/usr/bin:/bin".into()];
    order.cwd = "/usr".into();
    let mut app = order.start().unwrap();
    let lines: Vec<String> = app.read_all().lines().map(String::from).collect();
    assert_eq!(lines[0], "a b||\u{e9}|/usr");
    let cookie = app.tag.cookie();
    assert!(lines.contains(&cookie));
    let ours: Vec<&str> = lines[1..]
        .iter()
        .map(String::as_str)
        .filter(|line| !["PWD=", "OLDPWD=", "_=", "SHLVL="].iter().any(|own| line.starts_with(own)))
        .collect();
    assert_eq!(ours, ["PATH=/usr/bin:/bin", cookie.as_str(), "X=1"], "nothing of ours leaks");
    assert_eq!(app.ending(), Termination::Exited(0));
}

#[test]
fn it_is_born_marked_in_its_own_session_and_known() {
    let mut app = Order::shell("echo up; read x; exit 5").start().unwrap();
    assert_eq!(app.line(), "up");
    let pid = app.born.pid;
    assert!(app.born.marked);
    assert_eq!(tag::of(pid), Some(app.tag));
    assert_eq!(identity::of(pid).unwrap(), app.born.identity);
    let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let cookie = app.tag.cookie();
    assert!(environ.split(|&byte| byte == 0).any(|entry| entry == cookie.as_bytes()));
    let number = rustix::process::Pid::from_raw(pid);
    assert_eq!(rustix::process::getsid(number).ok(), number);
    assert_eq!(rustix::process::getpgid(number).ok(), number);
    app.tap = None;
    assert_eq!(app.ending(), Termination::Exited(5));
}

#[test]
fn signals_mean_what_they_do_by_default() {
    let status = Order::of("/bin/cat", &["/proc/self/status"]).output();
    for name in ["SigBlk", "SigIgn", "SigCgt"] {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.ends_with("\t0000000000000000"), "{line}");
    }
}

#[test]
fn it_has_exactly_the_descriptors_it_was_given() {
    // One that would leak if nothing were done about it.
    let (leak, _other) = pipe_with(PipeFlags::empty()).unwrap();
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let (_input, second) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    // Shells keep files of their own in high numbers; `ls` has one for the folder.
    let mut app = Order::shell("echo handed >&3; ls -x /proc/self/fd")
        .start_with(vec![writer, second])
        .unwrap();
    let listed = app.read_all();
    assert_eq!(listed.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3", "4", "5"]);
    let mut handed = [0; 20];
    let length = rustix::io::read(&reader, &mut handed).unwrap();
    assert_eq!(&handed[..length], b"handed\n");
    drop(leak);
}

#[test]
fn many_descriptors_arrive_in_their_order() {
    let pipes = (0..20).map(|_| pipe_with(PipeFlags::CLOEXEC).unwrap());
    let (readers, writers): (Vec<_>, Vec<_>) = pipes.unzip();
    let text = "for n in 3 7 9; do eval \"echo $n >&$n\"; done; ls /proc/self/fd | wc -l";
    // `sh` knows one digit; the others are only counted.
    let mut app = Order::shell(text).start_with(writers).unwrap();
    assert_eq!(app.read_all(), "24\n");
    for number in [3, 7, 9] {
        let mut bytes = [0; 20];
        let length = rustix::io::read(&readers[number - 3], &mut bytes).unwrap();
        assert_eq!(bytes[..length], *format!("{number}\n").as_bytes());
    }
    assert_eq!(rustix::io::read(&readers[0], &mut [0; 1]), Ok(0), "we keep no end of it");
}

#[test]
fn who_finds_sockets_is_told_its_own_number() {
    // With the memory it is born in, and with a copy of its own.
    let other = Credentials { uid: 4321, gid: 4321, groups: vec![4321] };
    for user in [None].into_iter().chain(is_root().then_some(Some(other))) {
        let mut order = Order::shell("echo $$ $LISTEN_PID");
        (order.names_its_pid, order.user) = (true, user);
        let told = order.output();
        let (pid, said) = told.trim().split_once(' ').unwrap();
        assert_eq!(pid, said);
    }
}

#[test]
fn limits_mask_and_score_are_given_back() {
    let found = limits::raise_nofile().unwrap();
    assert_eq!(rustix::process::getrlimit(Resource::Nofile).current, found.maximum);
    let mut order = Order::shell("ulimit -Sn; ulimit -Hn; umask; cat /proc/self/oom_score_adj");
    order.nofile = Some(limits::Nofile { current: Some(123), maximum: Some(456) });
    order.umask = Some(0o027);
    order.oom_score_adj = Some(321);
    assert_eq!(order.output(), "123\n456\n0027\n321\n");
}

#[test]
fn it_is_as_nice_as_it_shall_be_or_is_not_started() {
    let mut order = Order::shell("nice; sh -c nice");
    order.kernel.nice = Some(19);
    assert_eq!(order.clone().output(), "19\n19\n");
    order.kernel.nice = Some(-20);
    // CAP_SYS_NICE, which root may lack in a container.
    let has_right = std::fs::read_to_string("/proc/self/status").unwrap().lines().any(|line| {
        let all = line.strip_prefix("CapEff:\t").map(|all| u64::from_str_radix(all, 16).unwrap());
        all.is_some_and(|all| all & (1 << 23) != 0)
    });
    if !has_right {
        let refused = order.start();
        assert!(matches!(refused, Err(SpawnError::Denied(_))), "{refused:?}");
        return;
    }
    if is_root() {
        order.user = Some(Credentials { uid: 65534, gid: 65534, groups: vec![65534] });
    }
    assert_eq!(order.output(), "-20\n-20\n", "set while we are still who has the right");
}

#[test]
fn what_it_may_use_is_limited_from_its_birth_on() {
    let mut order = Order::shell(
        "ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -Ss; ionice; cat /proc/self/oom_score_adj",
    );
    // What it gets back comes first.
    order.nofile = Some(limits::Nofile { current: Some(100), maximum: Some(200) });
    order.oom_score_adj = Some(5);
    let limit = |soft, hard| Rlimit { current: Some(soft), maximum: Some(hard) };
    order.kernel = KernelOrders {
        rlimits: vec![
            ("nofile", Resource::Nofile, limit(64, 128)),
            ("core", Resource::Core, limit(0, 0)),
            ("stack", Resource::Stack, limit(1 << 20, 2 << 20)),
        ],
        io: Some(IoTurn::BestEffort(6)),
        oom_score_adj: Some(777),
        ..KernelOrders::default()
    };
    assert_eq!(order.output(), "64\n128\n0\n1024\nbest-effort: prio 6\n777\n");
}

#[test]
fn it_runs_where_it_shall_or_is_not_started() {
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
    let mut cpus = CpuSet::new();
    cpus.set(first);
    let mut order = Order::shell("grep Cpus_allowed_list /proc/self/status");
    order.kernel.cpus = Some(cpus);
    assert_eq!(order.clone().output(), format!("Cpus_allowed_list:\t{first}\n"));
    // The kernel would forget in silence what the machine lacks.
    cpus.set(1023);
    order.kernel.cpus = Some(cpus);
    let denied = order.kernel.denied().unwrap();
    assert!(denied.to_string().contains("this machine has no CPU 1023"), "{denied}");
    assert_eq!(order.start().unwrap_err(), SpawnError::Denied(denied));
}

#[test]
fn what_nobody_may_have_is_told_before_and_stops_the_start() {
    let limit = |soft, hard| ("nofile", Resource::Nofile, Rlimit { current: soft, maximum: hard });
    for (wanted, told) in [
        (limit(Some(9), Some(8)), "limit nofile to 9:8: invalid argument; the soft limit is above"),
        (limit(Some(8), None), "limit nofile to 8:unlimited: operation not permitted; "),
    ] {
        let mut order = Order::shell("echo it runs");
        order.kernel.rlimits = vec![wanted];
        let denied = order.kernel.denied().unwrap();
        assert!(denied.to_string().starts_with(told), "{denied}");
        assert_eq!(order.start().unwrap_err(), SpawnError::Denied(denied));
    }
    assert_eq!(KernelOrders::default().denied(), None);
}

#[test]
fn what_isolates_it_takes_no_descriptor_and_no_right_to_run() {
    let isolation = IsolationPlan {
        write: Some(Vec::new()),
        strict: true,
        offline: true,
        ..IsolationPlan::default()
    };
    // One, and so many that there is no room for them among the low numbers.
    for count in [1, 61] {
        let pipes = (0..count).map(|_| pipe_with(PipeFlags::CLOEXEC).unwrap());
        let (_readers, writers): (Vec<_>, Vec<_>) = pipes.unzip();
        let mut order = Order::shell("ls /proc/self/fd | wc -l; grep NoNewPrivs /proc/self/status");
        order.isolation = isolation.clone();
        if is_root() {
            order.user =
                (count > 1).then(|| Credentials { uid: 65534, gid: 65534, groups: vec![] });
        }
        // `ls` has one for the folder.
        let mut app = order.start_with(writers).unwrap();
        assert_eq!(app.read_all(), format!("{}\nNoNewPrivs:\t1\n", count + 4));
    }
    let mut order = Order::shell("echo x > /etc/pm-test-isolation || echo refused");
    order.isolation = isolation;
    assert!(order.output().ends_with("refused\n"));
    let missing =
        IsolationPlan { write: Some(vec!["/no/such".into()]), ..IsolationPlan::default() };
    let told = Isolation::new(&missing).unwrap_err().to_string();
    assert!(
        told.starts_with("isolate it: let it write /no/such: no such file or directory; "),
        "{told}"
    );
    assert!(Isolation::new(&IsolationPlan::default()).unwrap().is_none(), "nothing to do");
}

#[test]
fn a_score_the_system_refuses_stops_nobody() {
    let mut order = Order::shell("cat /proc/self/oom_score_adj");
    // Refused to everybody; to the unprivileged even a lower one than theirs.
    order.oom_score_adj = Some(5_000);
    assert_eq!(order.output(), std::fs::read_to_string("/proc/self/oom_score_adj").unwrap());
}

#[test]
fn it_becomes_the_user_or_says_why_not() {
    let nobody = Credentials { uid: 65534, gid: 65534, groups: vec![65534, 7, 9] };
    let mut order = Order::shell(
        "id -u; id -g; id -G; echo reopened > /dev/stdout; cat /proc/self/status | grep CapEff",
    );
    order.user = Some(nobody);
    let started = order.start();
    if !is_root() {
        assert!(matches!(started, Err(SpawnError::User { uid: 65534, .. })), "{started:?}");
        return;
    }
    let mut app = started.unwrap();
    let lines = app.read_all();
    assert_eq!(lines, "65534\n65534\n65534 7 9\nreopened\nCapEff:\t0000000000000000\n");
    let root = user::find("root").unwrap().credentials(Some(3));
    assert_eq!((root.uid, root.gid, root.groups[0]), (0, 3, 3));
}

/// Run by the test below as a program of its own: makes a sibling and ends.
#[test]
#[ignore = "the helper of another test"]
fn helper_that_makes_a_sibling() {
    let mut order = Order::shell("read x; exit 42");
    order.birth = Birth::Sibling;
    let app = order.start().unwrap();
    assert_eq!(app.born.birth, Birth::Sibling);
    assert_eq!(wait::reap(&app.born.pidfd), Err(wait::WaitError::NotOurChild));
    let mut bad = Order::of("/no/such/program", &[]);
    bad.birth = Birth::Sibling;
    assert!(matches!(bad.start(), Err(SpawnError::Exec { .. })));
    println!("\nsibling {} ", app.born.pid);
    // It must outlive us, as apps outlive the daemon.
    app.let_go();
}

#[test]
fn a_sibling_is_the_child_of_our_parent_and_survives_us() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "spawning::helper_that_makes_a_sibling", "--ignored", "--nocapture"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let helper = stranger(command).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&helper.stdout).into_owned();
    assert!(helper.status.success(), "{said}");
    let pid = said.lines().find_map(|line| line.strip_prefix("sibling ")).unwrap().trim();
    let sibling = identity::of(pid.parse().unwrap()).unwrap();
    let pidfd = sibling.open().unwrap();
    // The helper held the other end of its stdin, so it ends now, and its parent are we.
    assert!(readable(&pidfd, PATIENCE));
    assert_eq!(wait::reap(&pidfd), Ok(Some(Termination::Exited(42))));
    assert_eq!(wait::reap(&pidfd), Err(wait::WaitError::NotOurChild));
}

/// Run by the test below as the first process of a namespace, which can't have siblings.
#[test]
#[ignore = "the helper of another test"]
fn helper_that_is_process_one() {
    assert_eq!(std::process::id(), 1);
    let mut order = Order::shell("exit 6");
    order.birth = Birth::Sibling;
    let app = order.start().unwrap();
    assert_eq!(app.born.birth, Birth::Child);
    assert_eq!(app.ending(), Termination::Exited(6));
}

#[test]
fn process_one_gets_a_child_instead_of_a_sibling() {
    assert_passes_in_namespace("spawning::helper_that_is_process_one");
}

#[test]
fn two_hundred_one_after_the_other() {
    let before = clock::monotonic();
    let count = 200;
    for _ in 0..count {
        let app = Order::of("/bin/true", &[]).start().unwrap();
        assert_eq!(app.ending(), Termination::Exited(0));
        // The sweep of a test's end is not what is measured.
        app.let_go();
    }
    let each = clock::monotonic().saturating_sub(before) / count;
    println!("start, end and reaping of /bin/true: {each:?} each");
}
