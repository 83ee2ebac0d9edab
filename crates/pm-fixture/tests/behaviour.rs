//! The test child itself, tested from outside. Its being here also makes `cargo test` build it.
#![expect(clippy::unwrap_used, reason = "a test may fail at any of these")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

fn fixture(steps: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pm-fixture"));
    command.args(steps);
    command
}

fn output(steps: &[&str]) -> Output {
    fixture(steps).output().unwrap()
}

fn stdout(steps: &[&str]) -> String {
    String::from_utf8(output(steps).stdout).unwrap()
}

/// Starts it and waits for its ready line.
fn ready(steps: &[&str]) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = fixture(steps)
        .args(["--ready-after", "0", "--live", "forever"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    (child, out)
}

fn knock(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn it_exits_as_told() {
    assert_eq!(output(&[]).status.code(), Some(0));
    assert_eq!(output(&["--exit", "42"]).status.code(), Some(42));
    assert_eq!(output(&["--segv"]).status.signal(), Some(11));
    assert_eq!(output(&["--live", "20", "--exit", "3"]).status.code(), Some(3));
}

#[test]
fn nonsense_is_refused_with_its_name() {
    for (steps, text) in [(["--exit", "x"], "--exit: x"), (["--nonsense", "1"], "--nonsense")] {
        let output = output(&steps);
        assert_eq!(output.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&output.stderr).contains(text), "{output:?}");
    }
    assert_eq!(output(&["--exit"]).status.code(), Some(64));
}

#[test]
fn lines_are_numbered_and_exact() {
    assert_eq!(stdout(&["--lines", "2:12"]), "00000000 ..\n00000001 ..\n");
    assert_eq!(stdout(&["--lines", "3"]).len(), 300);
    assert_eq!(stdout(&["--line", "20K"]).len(), 20 << 10);
    assert_eq!(stdout(&["--line", "3", "--nl", "--bytes", "61ff"].as_slice()[..3]), "xxx\n");
    assert_eq!(output(&["--bytes", "61ff00"]).stdout, [0x61, 0xff, 0]);
}

#[test]
fn output_goes_where_it_is_sent() {
    let output = output(&["--stderr", "--lines", "1:10", "--stdout", "--line", "2"]);
    assert_eq!(output.stderr, b"00000000 \n");
    assert_eq!(output.stdout, b"xx");
}

#[test]
fn it_tells_about_itself() {
    let run = fixture(&["--print-env", "X", "--print-env", "Y", "--print-cwd"])
        .env("X", "a b")
        .env_remove("Y")
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(run.stdout, b"a b\n<unset>\n/\n");
    assert_eq!(stdout(&["--print-args", "--exit", "0"]), "--print-args\n--exit\n0\n");
}

#[test]
fn signals_do_what_was_ordered() {
    let (mut child, _out) = ready(&["--on-term", "exit:7"]);
    knock(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(7));

    let (mut child, _out) = ready(&["--on-int", "delay:20"]);
    knock(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let (mut child, _out) = ready(&["--on-term", "ignore"]);
    knock(&child, Signal::TERM);
    knock(&child, Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(2), "the ignored one did nothing");
}

#[test]
fn it_lets_go_of_stdout() {
    let mut child = fixture(&["--line", "1", "--close-stdout", "--live", "forever"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut all = String::new();
    child.stdout.take().unwrap().read_to_string(&mut all).unwrap();
    assert_eq!(all, "x");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn it_answers_http() {
    let mut child =
        fixture(&["--listen", "0", "--live", "forever"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port: u16 = line.trim().strip_prefix("listening ").unwrap().parse().unwrap();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with("\r\n\r\nok"), "{reply}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn it_counts_its_starts() {
    let folder = std::env::temp_dir().join(format!("pm-fixture-{}", std::process::id()));
    let path = folder.to_str().unwrap();
    assert!(output(&["--write-file", path]).status.success());
    assert!(output(&["--write-file", path]).status.success());
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("start ")).count(), 2);
}

#[test]
fn memory_and_cpu_are_really_used() {
    let (mut child, _out) = ready(&["--eat", "20MiB", "--burn", "50"]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kilobytes: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes > 20 << 10, "{kilobytes} kB");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Reads until nobody holds the pipe any more: so every relative has gone.
#[test]
fn relatives_keep_the_output_until_they_are_gone() {
    for steps in
        [["--fork", "2"].as_slice(), &["--fork-setsid"], &["--double-fork"], &["--clean-env"]]
    {
        let (mut child, mut out) = ready(steps);
        child.kill().unwrap();
        child.wait().unwrap();
        let held = holders(&out);
        assert!(!held.is_empty(), "{steps:?} left nobody");
        for pid in held {
            kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        }
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

/// The processes that hold the write end of a pipe of ours.
fn holders(pipe: &BufReader<std::process::ChildStdout>) -> Vec<i32> {
    use std::os::fd::AsRawFd as _;
    let ours = std::fs::read_link(format!("/proc/self/fd/{}", pipe.get_ref().as_raw_fd())).unwrap();
    let me = i32::try_from(std::process::id()).unwrap();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok())
        .filter(|&pid| pid != me)
        .filter(|pid| std::fs::read_link(format!("/proc/{pid}/fd/1")).is_ok_and(|at| at == ours))
        .collect()
}
