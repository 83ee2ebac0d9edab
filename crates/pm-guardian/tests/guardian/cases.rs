//! One function per promise.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::process::Child;
use std::time::Instant;

use rustix::process::Signal;

use crate::losses::{
    a_home_that_another_guardian_took_is_left_alone, output_is_redirected_without_losing_its_pipe,
    the_end_of_a_zombie_nobody_reaps_is_told_soon,
};
use crate::puppet::pid;
use crate::world::{World, is_alive, kill, read_ready};

macro_rules! cases {
    ($($name:ident)*) => { pub(crate) const ALL: &[(&str, fn())] = &[$((stringify!($name), $name)),*]; };
}

cases! {
    descriptors_come_back_to_every_daemon
    dropped_items_do_not_come_back
    exits_are_told_until_acknowledged
    an_end_between_birth_and_store_is_kept
    a_run_is_heard_of_before_its_end_is_judged
    an_orphan_is_not_taken_for_its_leader
    a_leader_that_lost_its_tag_is_known_by_its_pidfd
    of_unknown_leaders_the_oldest_counts
    idle_costs_nothing
    ends_of_runs_without_items_are_nobodys_business
    no_exit_is_told_before_the_daemon_asks
    last_messages_of_a_dead_daemon_count
    output_of_the_gap_is_exact_to_the_byte
    no_byte_is_moved_while_a_daemon_lives
    output_waits_while_the_file_refuses_it
    the_next_daemon_waits_longer_after_each_short_life
    twenty_guardians_settle_to_one
    a_stale_socket_is_replaced
    a_removed_socket_comes_back
    long_paths_and_spaces_are_no_obstacle
    an_unusable_home_is_told_to_the_launcher
    the_end_signal_goes_to_the_daemon
    leaving_is_graceful
    an_update_replaces_both_in_place
    a_bad_update_is_rolled_back
    a_failing_exec_changes_nothing
    an_orphaned_daemon_hands_over
    the_end_of_a_zombie_nobody_reaps_is_told_soon
    output_is_redirected_without_losing_its_pipe
    a_home_that_another_guardian_took_is_left_alone
    apps_survive_many_kills
}

fn descriptors_come_back_to_every_daemon() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 1 First");
    let sink = world.path("out.log");
    daemon.tell(&format!("stream 71 1 {}", sink.display()));
    let app = daemon.tell("spawn 71 exec sleep 1000");
    let app = world.own(&app);
    daemon.tell("leader 71");
    for number in 2..5 {
        daemon = world.next(daemon);
        assert_eq!(daemon.settle(), format!("incarnation {number} Ended(Wait(9))"));
        let list = daemon.tell("list");
        assert_eq!(
            list,
            format!("item 71 0 pidfd({app}) 1 \"\", item 71 1 stream 2 \"stream 71\"")
        );
        daemon.tell("adopted");
    }
    assert!(is_alive(app), "the app has noticed nothing");
}

fn dropped_items_do_not_come_back() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    for tag in [5, 6] {
        daemon.tell(&format!("stream {tag} 1 {}", sink.display()));
        daemon.tell(&format!("stream {tag} 255 {}", sink.display()));
    }
    daemon.tell("drop 5; drop 6 1");
    daemon = world.next(daemon);
    daemon.settle();
    assert_eq!(daemon.tell("list"), "item 6 255 stream 2 \"stream 6\"");
}

fn exits_are_told_until_acknowledged() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; stream 9 1 /dev/null");
    let app = daemon.tell("spawn 9 exit 42");
    daemon.tell("leader 9");
    let exit = format!("exit 9 {app} {}", 42 << 8);
    assert_eq!(daemon.tell("hear"), exit);
    for _ in 0..3 {
        daemon = world.next(daemon);
        daemon.settle();
        let list = daemon.tell("list");
        assert!(list.starts_with(&format!("{exit}, item 9 0 ")), "{list}");
    }
    daemon.tell(&format!("ack 9 {app}"));
    daemon = world.next(daemon);
    daemon.settle();
    let list = daemon.tell("list");
    assert!(list.starts_with("item 9 0 "), "{list}");
    // A signal is told apart from a code, and nobody ends because of another's acknowledgement.
    daemon.tell("adopted; stream 10 1 /dev/null");
    let app = daemon.tell("spawn 10 kill -KILL $$");
    daemon.tell("leader 10; ack 10 1");
    assert_eq!(daemon.tell("hear"), format!("exit 10 {app} 9"));
}

fn an_end_between_birth_and_store_is_kept() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    // The daemon dies before it can say who the leader is; the app ends by itself.
    daemon.order("stream 3 1 /dev/null; spawn 3 exit 7; die");
    daemon = world.daemon();
    daemon.settle();
    world.until("the exit", || daemon.tell("list").starts_with("exit 3 "));
    daemon = world.next(daemon);
    daemon.settle();
    let list = daemon.tell("list");
    assert!(list.starts_with("exit 3 ") && list.contains(" 1792, "), "{list}");
}

/// The app ends while the guardian still has hundreds of messages to read, of which the one about
/// this app is the last.
fn a_run_is_heard_of_before_its_end_is_judged() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted");
    kill(world.guardian_pid(), Signal::STOP);
    let answer = daemon.tell("burst 600; stream 1000 1 /dev/null; spawn 1000 exit 7");
    let app = answer.rsplit(' ').next().unwrap();
    let status = format!("/proc/{app}/status");
    world.until("the end", || fs::read_to_string(&status).unwrap().contains("State:\tZ"));
    kill(world.guardian_pid(), Signal::CONT);
    assert_eq!(daemon.tell("hear"), format!("exit 1000 {app} {}", 7 << 8));
}

fn a_leader_that_lost_its_tag_is_known_by_its_pidfd() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; stream 6 1 /dev/null");
    let fifo = world.fifo("fifo");
    let script = format!("read x < {}; prlimit --locks=unlimited --pid $$; exit 9", fifo.display());
    let app = daemon.tell(&format!("spawn 6 {}", script.replace("; ", ";")));
    world.own(&app);
    daemon.tell("leader 6");
    fs::write(&fifo, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 6 {app} {}", 9 << 8));
}

/// The orphan and the leader of [`an_orphan_is_not_taken_for_its_leader`], with no leader stored.
fn of_unknown_leaders_the_oldest_counts() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; stream 4 1 /dev/null; stream 5 1 /dev/null");
    let (first, second) = (world.fifo("first"), world.fifo("second"));
    for (tag, orphan_waits, leader_waits) in [(4, &first, &second), (5, &second, &first)] {
        let script = format!(
            "(sh -c 'read x < {0}; exit 5' &); read x < {1}; exit 6",
            orphan_waits.display(),
            leader_waits.display()
        );
        let app = daemon.tell(&format!("spawn {tag} {}", script.replace("; ", ";")));
        world.own(&app);
    }
    // Open for both readers each, so that no order of opening matters.
    let open = |path| fs::File::options().read(true).write(true).open(path).unwrap();
    let (mut first, mut second) = (open(&first), open(&second));
    std::io::Write::write_all(&mut first, b"\n\n").unwrap();
    let mut told = [daemon.tell("hear"), daemon.tell("hear")];
    told.sort();
    assert!(told[0].starts_with("exit 4 ") && told[0].ends_with(" 1280"), "{told:?}");
    assert!(told[1].starts_with("exit 5 ") && told[1].ends_with(" 1536"), "{told:?}");
    std::io::Write::write_all(&mut second, b"\n\n").unwrap();
    // Of the first run the leader is news, of the second the orphan is not.
    let told = daemon.tell("hear");
    assert!(told.starts_with("exit 4 ") && told.ends_with(" 1536"), "{told}");
    daemon.tell("leader 4; leader 5");
    let list = daemon.tell("list");
    assert!(!list.contains("exit"), "{list}");
    daemon = world.next(daemon);
    daemon.settle();
    let list = daemon.tell("list");
    assert!(list.starts_with("exit 4 ") && list.matches(" 1536").count() == 2, "{list}");
}

fn an_orphan_is_not_taken_for_its_leader() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (hold, orphan, fifo) = (world.fifo("hold"), world.path("orphan"), world.fifo("fifo"));
    daemon.tell("list; adopted; stream 4 1 /dev/null");
    // The inner shell is orphaned at once; it ends when the fifo is opened, the leader later.
    let script = format!(
        "(sh -c 'echo $$ > {1}; read x < {2}; exit 5' &) ; read x < {0}; exit 6",
        hold.display(),
        orphan.display(),
        fifo.display()
    )
    .replace("; ", ";");
    let app = daemon.tell(&format!("spawn 4 {script}"));
    world.own(&app);
    daemon.tell("leader 4");
    world
        .until("the orphan", || fs::read_to_string(&orphan).is_ok_and(|text| text.ends_with('\n')));
    let orphan = world.own(fs::read_to_string(&orphan).unwrap().trim());
    fs::write(&fifo, "\n").unwrap();
    world.until("the orphan is reaped", || !is_alive(orphan));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    fs::write(&hold, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 4 {app} {}", 6 << 8));
}

fn ends_of_runs_without_items_are_nobodys_business() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted");
    let stranger = daemon.tell("spawn 8 exit 1");
    let stranger = world.own(&stranger);
    world.until("it is reaped", || !is_alive(stranger));
    assert_eq!(daemon.tell("hear-now"), "nothing");
}

fn no_exit_is_told_before_the_daemon_asks() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("stream 2 1 /dev/null");
    let app = daemon.tell("spawn 2 exit 0");
    let number = world.own(&app);
    world.until("it is reaped", || !is_alive(number));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    assert!(daemon.tell("list").starts_with(&format!("exit 2 {app} 0, ")));
    // Between the list and the adoption silence again.
    let app = daemon.tell("stream 1 1 /dev/null; spawn 1 exit 0").split_off("ok; ".len());
    let number = world.own(&app);
    world.until("it is reaped", || !is_alive(number));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    daemon.tell("adopted");
    assert_eq!(daemon.tell("hear"), format!("exit 1 {app} 0"));
}

fn last_messages_of_a_dead_daemon_count() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let count = 700;
    daemon.order(&format!("burst {count}; die"));
    daemon = world.daemon();
    daemon.settle();
    let list = daemon.tell("list");
    let items: Vec<&str> = list.split(", ").collect();
    assert_eq!(items.len(), count, "{list}");
    for (tag, item) in items.iter().enumerate() {
        assert_eq!(*item, format!("item {tag} 7 other 1 \"{tag}\""));
    }
}

/// Numbered lines as a shell writes them, and what they are.
fn lines(count: usize) -> (String, String) {
    let script = format!("i=0; while [ $i -lt {count} ]; do echo line $i; i=$((i+1)); done")
        .replace("; ", ";");
    let text = (0..count).fold(String::new(), |text, line| text + &format!("line {line}\n"));
    (script, text)
}

/// Lets daemons fail young until the next one is a quarter of a second away. (One that is killed
/// is replaced sooner.)
fn widen_gap(world: &mut World) {
    for _ in 0..3 {
        let mut daemon = world.daemon();
        daemon.order("exit 1");
    }
}

fn output_of_the_gap_is_exact_to_the_byte() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    fs::write(&sink, "before\n").unwrap();
    // Far more than a pipe holds, so it only ends if somebody takes it.
    let (script, text) = lines(30_000);
    daemon.order(&format!("stream 1 1 {}; spawn 1 {script}; close 1; die", sink.display()));
    widen_gap(&mut world);
    let expected = format!("before\n{text}");
    let is_there = || fs::metadata(&sink).is_ok_and(|meta| meta.len() >= expected.len() as u64);
    let mut daemon = world.daemon();
    // Daemons that take nothing: only the guardian moves.
    while !is_there() {
        daemon = world.next(daemon);
    }
    assert!(fs::read(&sink).unwrap() == expected.as_bytes(), "the log isn't exact");
    daemon.settle();
    daemon.tell("list");
    assert_eq!(daemon.tell("drain 1 1"), "", "nothing is left in the pipe");
}

fn no_byte_is_moved_while_a_daemon_lives() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (sink, fifo) = (world.path("out.log"), world.fifo("fifo"));
    let script = format!("read x < {} && echo late", fifo.display());
    daemon.order(&format!("stream 1 1 {}; spawn 1 {script}; leader 1; die", sink.display()));
    // The guardian has watched the pipe between two of these.
    widen_gap(&mut world);
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted");
    fs::write(&fifo, "\n").unwrap();
    assert!(daemon.tell("hear").starts_with("exit 1 "));
    // The answer comes from the same loop that would have moved the bytes.
    daemon.tell("list");
    assert_eq!(fs::read(&sink).unwrap(), b"");
    assert_eq!(daemon.tell("drain 1 1"), "late|");
}

fn output_waits_while_the_file_refuses_it() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    fs::write(&sink, "0123456789").unwrap();
    // The guardian may write no file beyond ten bytes, as on a full disk.
    let guardian = pid(world.guardian_pid());
    let limit = |current| rustix::process::Rlimit { current, maximum: None };
    let resource = rustix::process::Resource::Fsize;
    rustix::process::prlimit(Some(guardian), resource, limit(Some(10))).unwrap();
    let order = format!("stream 1 1 {}; spawn 1 echo one; echo two; close 1; die", sink.display());
    daemon.order(&order.replace("one; ", "one && "));
    for _ in 0..4 {
        world.daemon().order("exit 1");
    }
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list");
    assert_eq!(daemon.tell("drain 1 1"), "one|two|");
    assert_eq!(fs::read(&sink).unwrap(), b"0123456789");
    // And goes on when there is room again, without anybody's help.
    let order = format!("stream 2 1 {}; spawn 2 echo three; close 2; exit 1", sink.display());
    daemon.order(&order);
    world.until("the gap", || !is_alive(daemon.pid));
    rustix::process::prlimit(Some(guardian), resource, limit(None)).unwrap();
    world.until("the rest", || fs::read(&sink).unwrap() == b"0123456789three\n");
}

fn the_next_daemon_waits_longer_after_each_short_life() {
    let mut world = World::new();
    let mut pauses = Vec::new();
    for _ in 0..5 {
        let mut daemon = world.daemon();
        let start = Instant::now();
        daemon.order("exit 1");
        drop(daemon);
        daemon = world.daemon();
        pauses.push(start.elapsed().as_millis());
        daemon.order("exit 1");
    }
    // Deaths 1, 3, 5, 7, 9: the pauses after them are 0, 50, 1000, 5000, 5000 ms; the test stops
    // where waiting becomes tedious.
    assert!(pauses[0] < 1_000 && pauses[1] >= 50 && pauses[2] >= 1_000, "{pauses:?}");
}

fn twenty_guardians_settle_to_one() {
    let mut world = World::new();
    let daemon = world.daemon();
    kill(world.guardian_pid(), Signal::KILL);
    world.guardian.wait().unwrap();
    kill(daemon.pid, Signal::KILL);
    world.until("the daemon is gone", || !is_alive(daemon.pid));
    drop(daemon);
    let mut rivals: Vec<Child> = (0..20).map(|_| world.rival()).collect();
    let words: Vec<Vec<u8>> = rivals.iter_mut().map(read_ready).collect();
    let winners: Vec<usize> =
        (0..20).filter(|rival| words[*rival] == pm_guardian::READY_NEW).collect();
    assert_eq!(winners.len(), 1, "{words:?}");
    assert!(words.iter().all(|word| word[0] == 0), "{words:?}");
    world.guardian = rivals.swap_remove(winners[0]);
    let winner = world.guardian_pid().to_string();
    world.own(&winner);
    assert!(rivals.iter_mut().all(|rival| rival.wait().unwrap().success()));
    let lock = fs::read_to_string(world.path("home/pm.lock")).unwrap();
    assert_eq!(lock, format!("{winner} {}\n", env!("CARGO_PKG_VERSION")));
    // The one daemon there is answers, and no second one comes.
    let mut daemon = world.daemon();
    daemon.settle();
    let pid = daemon.pid;
    let mut connections = std::os::unix::net::UnixStream::connect(world.socket()).unwrap();
    let mut heard = String::new();
    world.until("an answer", || {
        daemon.tell("greet");
        connections.set_nonblocking(true).unwrap();
        std::io::Read::read_to_string(&mut connections, &mut heard).is_ok()
    });
    assert_eq!(heard, format!("hello from {pid}"));
}

fn a_stale_socket_is_replaced() {
    let mut world = World::new();
    let daemon = world.daemon();
    kill(world.guardian_pid(), Signal::KILL);
    world.guardian.wait().unwrap();
    kill(daemon.pid, Signal::KILL);
    world.until("the daemon is gone", || !is_alive(daemon.pid));
    assert!(world.socket().exists(), "left over");
    world.guardian = world.rival();
    let winner = world.guardian_pid().to_string();
    world.own(&winner);
    assert_eq!(read_ready(&mut world.guardian), pm_guardian::READY_NEW);
    let mut daemon = world.daemon();
    daemon.settle();
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
}

fn a_removed_socket_comes_back() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let meta = fs::metadata(world.socket()).unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.mode() & 0o777, 0o600);
    fs::remove_file(world.socket()).unwrap();
    fs::remove_file(world.path("home/pm.lock")).unwrap();
    assert_eq!(daemon.tell("hear"), "listener", "a new one is given to the daemon");
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    // The lock is ours again as well: a rival finds us.
    world.until("the lock file", || world.path("home/pm.lock").exists());
    let mut rival = world.rival();
    assert_eq!(read_ready(&mut rival), pm_guardian::READY_EXISTING);
    assert!(rival.wait().unwrap().success());
    fs::remove_dir_all(world.path("home")).unwrap();
    assert_eq!(daemon.tell("hear"), "listener", "the whole folder");
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    assert_eq!(fs::metadata(world.path("home")).unwrap().mode() & 0o777, 0o700);
}

fn long_paths_and_spaces_are_no_obstacle() {
    let home = format!("a home with spaces {}", "x".repeat(150));
    let mut world = World::at(&home);
    let mut daemon = world.daemon();
    daemon.settle();
    assert!(fs::metadata(world.path(&home).join("pm.sock")).unwrap().file_type().is_socket());
}

fn an_unusable_home_is_told_to_the_launcher() {
    let world = World::new();
    fs::write(world.path("file"), "").unwrap();
    let mut guardian = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("guardian")
        .env(crate::world::HOME, world.path("file/home"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let text = String::from_utf8(read_ready(&mut guardian)).unwrap();
    assert!(text.starts_with("lock ") && text.contains("file/home/pm.lock: "), "{text}");
    assert!(!guardian.wait().unwrap().success());
}

fn the_end_signal_goes_to_the_daemon() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    // Nothing else reaches anybody.
    for signal in [Signal::HUP, Signal::PIPE, Signal::QUIT, Signal::USR1, Signal::ALARM] {
        kill(world.guardian_pid(), signal);
    }
    // A daemon that isn't ready is spared until it is.
    kill(world.guardian_pid(), Signal::TERM);
    world.until("the note", || world.diary().contains("told to end by signal 15"));
    assert_eq!(daemon.tell("hear-now"), "nothing");
    daemon.order("ready");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 2 Ended(Wait(15))");
    daemon.tell("ready");
    // The first one has been heeded.
    assert_eq!(daemon.tell("hear-now"), "nothing");
    kill(world.guardian_pid(), Signal::INT);
    assert_eq!(world.daemon().settle(), "incarnation 3 Ended(Wait(15))");
}

fn idle_costs_nothing() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("list; adopted; ready; stream 1 1 /dev/null; spawn 1 exec sleep 1000");
    daemon.tell("leader 1");
    let status = format!("/proc/{}/status", world.guardian_pid());
    let switches = || {
        let text = fs::read_to_string(&status).unwrap();
        let lines = text.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    // The answer to a list means that everything before it is done; then it goes to sleep.
    daemon.tell("list");
    world.until("sleep", || fs::read_to_string(&status).unwrap().contains("State:\tS"));
    let before = switches();
    assert!(!crate::world::is_readable(&world.control, std::time::Duration::from_secs(2)));
    assert_eq!(switches(), before);
    assert!(world.notified().starts_with("READY=1"), "systemd has been told");
}

fn leaving_is_graceful() {
    let mut world = World::new();
    // Leave and fail: it didn't get to the end of its work.
    world.daemon().order("leave; exit 3");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 2 Ended(Wait(768))");
    // A code of 0 alone isn't a goodbye.
    daemon.order("exit 0");
    world.daemon().order("leave; exit 0");
    assert_eq!(world.guardian.wait().unwrap().code(), Some(0));
    assert!(!world.socket().exists());
}

fn exe_of(pid: i32) -> std::path::PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).unwrap()
}

fn an_update_replaces_both_in_place() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let sink = world.path("out.log");
    let fifo = world.fifo("fifo");
    daemon.tell(&format!("list; adopted; stream 1 1 {}; stream 2 1 /dev/null", sink.display()));
    let app = daemon.tell(
        &format!("spawn 1 echo a; read x < {}; echo b; exit 11", fifo.display())
            .replace("; ", " && "),
    );
    world.own(&app);
    let done = daemon.tell("spawn 2 exit 12");
    daemon.tell("close 1; leader 1; leader 2");
    assert_eq!(daemon.tell("hear"), format!("exit 2 {done} {}", 12 << 8));

    let new = world.path("new-binary");
    fs::copy(std::env::current_exe().unwrap(), &new).unwrap();
    daemon.order(&format!("update {}; exit 0", new.display()));
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 2 Updated");
    assert_eq!(exe_of(daemon.pid), new);
    let before = daemon.tell("list");
    daemon.tell("adopted; ready");
    let guardian = world.guardian_pid();
    world.until("the guardian's new image", || exe_of(guardian) == new);
    // The new image repeats what isn't acknowledged, then goes on.
    assert_eq!(daemon.tell("hear"), format!("exit 2 {done} {}", 12 << 8));
    assert_eq!(daemon.tell("list"), before.split_once(", ").unwrap().1);
    daemon.tell(&format!("ack 2 {done}"));
    fs::write(&fifo, "\n").unwrap();
    assert_eq!(daemon.tell("hear"), format!("exit 1 {app} {}", 11 << 8));
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    let mut daemon = world.next(daemon);
    assert_eq!(daemon.settle(), "incarnation 3 Ended(Wait(9))");
    let list = daemon.tell("list");
    assert!(list.starts_with(&format!("exit 1 {app} 2816, item 1 0 ")), "{list}");
    let rest = daemon.tell("drain 1 1");
    assert_eq!(format!("{}{rest}", fs::read_to_string(&sink).unwrap()).replace('\n', "|"), "a|b|");
}

fn a_bad_update_is_rolled_back() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    daemon.tell("ready");
    daemon.order("stream 1 1 /dev/null; update /bin/false; exit 0");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 5 RolledBack");
    assert_eq!(exe_of(daemon.pid), std::env::current_exe().unwrap());
    assert_eq!(daemon.tell("list"), "item 1 1 stream 2 \"stream 1\"");
    daemon.order("update /no/such/program; exit 0");
    assert_eq!(world.daemon().settle(), "incarnation 9 RolledBack");
}

fn a_failing_exec_changes_nothing() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    let count_of = |pid| fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
    let count = count_of(daemon.pid);
    daemon.settle();
    let new = world.path("new-binary");
    fs::copy(std::env::current_exe().unwrap(), &new).unwrap();
    daemon.order(&format!("stream 1 1 /dev/null; update {}; exit 0", new.display()));
    let mut daemon = world.daemon();
    daemon.settle();
    fs::remove_file(&new).unwrap();
    daemon.tell("ready");
    world.until("the note", || world.diary().contains("could not go on as the new binary"));
    assert_eq!(exe_of(world.guardian_pid()), std::env::current_exe().unwrap());
    assert_eq!(daemon.tell("list"), "item 1 1 stream 2 \"stream 1\"");
    // Its descriptors don't leak into the next daemon.
    fs::copy(std::env::current_exe().unwrap(), &new).unwrap();
    let daemon = world.next(daemon);
    assert_eq!(count_of(daemon.pid), count);
}

fn an_orphaned_daemon_hands_over() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let fifo = world.fifo("fifo");
    daemon.tell("stream 1 1 /dev/null");
    let app = daemon.tell(&format!("spawn 1 read x < {} && exit 13", fifo.display()));
    world.own(&app);
    daemon.tell("leader 1; close 1; list; adopted");
    kill(world.guardian_pid(), Signal::KILL);
    world.guardian.wait().unwrap();
    assert_eq!(daemon.tell("hear"), "gone");
    daemon.order("bequeath; exit 0");
    let mut daemon = world.daemon();
    assert_eq!(daemon.settle(), "incarnation 1 Inherited");
    let lock = fs::read_to_string(world.path("home/pm.lock")).unwrap();
    world.own(lock.split(' ').next().unwrap());
    assert_eq!(daemon.tell("list").matches("item 1 ").count(), 2);
    daemon.tell("adopted; ready");
    assert_eq!(world.call(&mut daemon), format!("hello from {}", daemon.pid));
    fs::write(&fifo, "\n").unwrap();
    // Not our child: the kernel tells the code since 6.15, before it nobody knows.
    let told = daemon.tell("hear");
    let expected = [format!("exit 1 {app} {}", 13 << 8), format!("exit 1 {app} unknown")];
    assert!(told == expected[usize::from(!knows_endings())], "{told}");
}

fn knows_endings() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

/// Twenty apps, and daemons that are killed at any moment: each app ends once, with its code, and
/// no byte of its output is lost or doubled.
fn apps_survive_many_kills() {
    let mut world = World::new();
    let mut daemon = world.daemon();
    daemon.settle();
    let (script, text) = lines(2_000);
    let mut apps = Vec::new();
    for tag in 1..=20 {
        let sink = world.path(&format!("{tag}.log"));
        daemon.tell(&format!("stream {tag} 1 {}", sink.display()));
        apps.push(daemon.tell(&format!("spawn {tag} {script}; exit {tag}").replace("; ", ";")));
        daemon.tell(&format!("leader {tag}; close {tag}"));
    }
    let mut seen = std::collections::BTreeMap::new();
    while seen.len() < 20 {
        daemon = world.next(daemon);
        daemon.settle();
        for line in daemon.tell("list").split(", ").filter(|line| line.starts_with("exit ")) {
            let words: Vec<u64> =
                line.split(' ').skip(1).map(|word| word.parse().unwrap()).collect();
            assert_eq!(
                (words[1].to_string(), words[2]),
                (apps[usize::try_from(words[0]).unwrap() - 1].clone(), words[0] << 8)
            );
            assert!(seen.insert(words[0], words[1]).is_none(), "told after its acknowledgement");
            daemon.tell(&format!("ack {} {}", words[0], words[1]));
        }
    }
    for tag in 1..=20 {
        let rest = daemon.tell(&format!("drain {tag} 1")).replace('|', "\n");
        let log = fs::read_to_string(world.path(&format!("{tag}.log"))).unwrap();
        assert!(format!("{log}{rest}") == text, "the log of {tag} isn't exact");
    }
}
