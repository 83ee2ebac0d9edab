//! What can't be started, and how exactly that is told.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use pm_os::spawn::{Credentials, ExecCause, SpawnError};
use pm_os::tree::{Depth, ProcScan};
use pm_os::wait::Termination;
use rustix::io::Errno;

use crate::support::{Order, is_root, wait_until};

fn file(folder: &Path, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

fn refused(order: Order) -> SpawnError {
    order.start().unwrap_err()
}

fn cause(order: Order) -> ExecCause {
    let error = refused(order);
    let SpawnError::Exec { cause, .. } = error else { panic!("{error:?}") };
    cause
}

#[test]
fn a_missing_folder_is_named() {
    let mut order = Order::of("/bin/true", &[]);
    order.cwd = "/no/such/folder".into();
    let error = refused(order);
    assert_eq!(error.to_string(), "enter the folder /no/such/folder: no such file or directory");
    assert_eq!(error.errno(), Some(Errno::NOENT));
}

#[test]
fn a_folder_the_user_may_not_enter_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut order = Order::of("/bin/true", &[]);
    order.cwd = folder.path().into();
    order.user = Some(Credentials { uid: 65534, gid: 65534, groups: vec![] });
    let error = refused(order);
    if is_root() {
        let text = format!("enter the folder {}: permission denied", folder.path().display());
        assert_eq!(error.to_string(), text);
    } else {
        assert!(matches!(error, SpawnError::User { .. }), "{error:?}");
    }
}

#[test]
fn every_reason_not_to_execute_has_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let text = |order| cause(order).to_string();
    assert_eq!(text(Order::of("/no/such", &[])), "no such file");
    assert_eq!(text(Order::of(here, &[])), "it is a folder");
    let plain = file(here, "plain", b"#!/bin/sh\n", 0o644);
    assert_eq!(text(Order::of(plain, &[])), "permission denied: the file is not executable");
    let script = file(here, "script", b"#! /no/interpreter -x\n", 0o755);
    assert_eq!(text(Order::of(script, &[])), "bad interpreter: /no/interpreter");
    let windows = file(here, "windows", b"#!/bin/sh\r\nexit\r\n", 0o755);
    assert_eq!(text(Order::of(windows, &[])), "bad interpreter: /bin/sh\\r");
    let garbage = file(here, "garbage", b"\x01\x00\x02\x00", 0o755);
    assert_eq!(cause(Order::of(garbage, &[])), ExecCause::NotAProgram);
    let mut long = Order::of("/bin/true", &[]);
    long.args = vec!["x".repeat(200_000)];
    assert_eq!(cause(long), ExecCause::TooLong);
    let error = refused(Order::of("/no/such", &[]));
    assert_eq!(error.to_string(), "run /no/such: no such file");
}

#[test]
fn a_program_without_its_loader_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = fs::read("/bin/true").unwrap();
    let loader = b"/lib64/ld-linux";
    let Some(at) = program.windows(loader.len()).position(|part| part == loader) else {
        // Statically linked or another architecture: then nothing can be missing.
        assert!(!program.windows(4).any(|part| part == b"/ld-"), "an unknown loader");
        return;
    };
    program[at + 1] = b'L';
    let path = file(folder.path(), "orphaned", &program, 0o755);
    assert_eq!(cause(Order::of(path, &[])), ExecCause::NoLoader);
}

#[test]
fn a_relative_program_is_looked_up_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "app", b"#!/bin/sh\necho here\n", 0o755);
    let mut order = Order::of("./app", &[]);
    order.cwd = folder.path().into();
    assert_eq!(order.output(), "here\n");
}

#[test]
fn a_text_without_interpreter_runs_as_a_shell_would_run_it() {
    let folder = tempfile::tempdir().unwrap();
    let script = file(folder.path(), "app", b"echo \"$0 $1\"\nexit 9\n", 0o755);
    let mut app = Order::of(&script, &["arg"]).start().unwrap();
    assert_eq!(app.read_all(), format!("{} arg\n", script.display()));
    assert_eq!(app.ending(), Termination::Exited(9));
    assert!(app.born.marked, "the second try is marked as well");
}

#[test]
fn too_many_descriptors_are_refused_before_anything_happens() {
    let handed = (0..62).map(|_| pm_os::stdio::null().unwrap()).collect();
    let error = Order::of("/bin/true", &[]).start_with(handed).unwrap_err();
    assert_eq!(error, SpawnError::TooManyHanded { count: 62 });
}

#[test]
fn a_failure_leaves_nobody_behind() {
    for _ in 0..20 {
        assert_eq!(cause(Order::of("/no/such", &[])), ExecCause::NoSuchFile);
    }
    // Such a zombie would be ours, unmarked, and still bear the name of this program. Those of
    // tests that run beside this one are gone in a moment.
    let name = fs::read_to_string("/proc/self/comm").unwrap();
    wait_until("all failures are buried", || {
        let scan = ProcScan::take(Depth::Tags, &[]).unwrap();
        let tasks = fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
        let lists = tasks.map(|task| fs::read_to_string(task.join("children")).unwrap_or_default());
        let lists: Vec<_> = lists.collect();
        let pids = lists.iter().flat_map(|list| list.split_whitespace());
        let dead = pids.filter_map(|pid| scan.find(pid.parse().unwrap())).filter(|it| !it.alive);
        let comm = |pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        !dead.filter(|seen| seen.tag.is_none()).any(|seen| comm(seen.pid) == name)
    });
}

#[test]
fn a_program_that_becomes_a_pipe_while_we_look_why_it_does_not_run_holds_up_nobody() {
    use rustix::fs::{CWD, Mode, OFlags, RenameFlags, mkfifoat, open, renameat_with};
    let folder = tempfile::tempdir().unwrap();
    let program = file(folder.path(), "program", b"#!/no/such/interpreter\n", 0o755);
    let pipe = folder.path().join("pipe");
    mkfifoat(CWD, &pipe, Mode::RWXU).unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let caught = std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut caught = 0;
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                renameat_with(CWD, &program, CWD, &pipe, RenameFlags::EXCHANGE).unwrap();
                // There is somebody to write to only while somebody waits for that, who is let go by it.
                let write = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
                let writes = |path: &Path| {
                    path.metadata().is_ok_and(|it| !it.is_file())
                        && open(path, write, Mode::empty()).is_ok()
                };
                caught += u32::from(writes(&program)) + u32::from(writes(&pipe));
            }
            caught
        });
        for _ in 0..300 {
            refused(Order::of(program.to_str().unwrap(), &[]));
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        swapper.join().unwrap()
    });
    assert_eq!(caught, 0, "times we waited for a stranger's pipe");
}
