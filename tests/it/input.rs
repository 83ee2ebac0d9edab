//! Standard input of apps: `send` and `attach` (pain 82).

use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use pm_testkit::{Home, Invocation, pm, signal};

use crate::apps::log;

/// Says what it hears, line by line, and when it hears no more.
const ECHO: &str = "while read -r line; do echo \"heard $line\"; done; echo ended; exec sleep 1000";

fn echo(home: &Home) -> u32 {
    let script = home.script("echo.sh", ECHO);
    home.run(["start", script.to_str().unwrap(), "--name", "echo"]).ok();
    home.row("echo").pid
}

/// Waits until the app has heard exactly this.
fn hears(home: &Home, text: &str) {
    home.wait_file(home.home().logs().join("echo-out.log"), |seen| seen == text.as_bytes());
}

#[test]
fn p82_a_line_reaches_the_app_and_its_input_never_ends() {
    let home = Home::new();
    let pid = echo(&home);
    let script = home.script("deaf.sh", "exec sleep 1000 </dev/null");
    home.run(["start", script.to_str().unwrap(), "--name", "deaf"]).ok();
    home.run(["send", "echo", "one"]).ok().says("echo (0) was told");
    home.run(["send", "0", "two", "words", "--and", "more"]).ok();
    home.run([b"send".as_slice(), b"id:0", b"\xff"].map(std::ffi::OsStr::from_bytes)).ok();
    let mut heard = b"heard one\nheard two words --and more\nheard \xff\n".to_vec();
    home.wait_file(home.home().logs().join("echo-out.log"), |seen| seen == heard);
    // Neither the daemon nor its guardian has anything to do with it.
    for both in [false, true] {
        let before = home.hello();
        for pid in [before.guardian].into_iter().filter(|_| both).chain([before.pid]) {
            signal(pid, 9);
        }
        home.wait_until("another daemon", || {
            home.run(["ping"]).code == 0 && home.hello().pid != before.pid
        });
        home.run(["send", "echo", "more"]).ok();
    }
    heard.extend(b"heard more\nheard more\n");
    home.wait_file(home.home().logs().join("echo-out.log"), |seen| seen == heard);
    assert_eq!((home.row("echo").pid, home.row("echo").restarts), (pid, 0));
    home.run(["send", "deaf", "x"]).ends(1).says("its standard input is not the one it was given");
    home.run(["send", "nobody", "x"]).ends(1).complains("no app matches `nobody`");
    home.run(["stop", "echo"]).ok();
    home.run(["send", "echo", "x"]).ends(1).says("it does not run");
    assert!(!log(&home, "echo-out.log").ends_with(b"ended\n"));
}

#[test]
fn an_app_that_does_not_read_holds_up_nobody() {
    let home = Home::new();
    let script = home.script("deaf.sh", "exec sleep 1000");
    home.run(["start", script.to_str().unwrap(), "--name", "deaf", "-i", "2"]).ok();
    let line = "x".repeat(12 << 10);
    home.run(["send", "deaf", &line]).ok();
    let full = home.pm(["send", "deaf", &line]).background();
    home.run(["ping"]).ok();
    drop(full);
    let full = home.run(["send", "deaf", &line]).ends(1);
    full.says("deaf (0) failed").says("deaf (1) failed").says("reads no more");
}

#[test]
fn attach_shows_what_an_app_writes_and_passes_on_what_is_typed() {
    let home = Home::new();
    echo(&home);
    home.run(["send", "echo", "before"]).ok();
    hears(&home, "heard before\n");
    let mut attached = home.pm(["attach", "0"]).typed().background();
    attached.type_in("typed\n");
    assert_eq!(attached.wait_for("heard typed\n"), "heard typed\n", "what was before is not shown");
    home.run(["restart", "echo"]).ok();
    attached.type_in("again\nwithout an end");
    attached.wait_for("heard again\n");
    attached.end_input();
    assert_eq!(attached.wait(), 0);
    hears(&home, "heard before\nheard typed\nheard again\nheard without an end\n");
    let other = home.pm(["attach", "echo", ";"]).input("a\n;b").run().ok();
    assert_eq!(other.code, 0);
    home.run(["send", "echo", "."]).ok();
    home.wait_file(home.home().logs().join("echo-out.log"), |seen| {
        seen.ends_with(b"heard a\nheard ;b;.\n")
    });
}

/// Runs a program on a terminal.
const ON_A_TERMINAL: &str = "import pty, sys; pty.spawn(sys.argv[1:])";

#[test]
fn what_an_app_writes_does_not_steer_the_terminal_of_who_is_attached() {
    let home = Home::new();
    home.script(
        "loud.sh",
        r"while read -r line; do printf '\033[2Jred\033]0;title\007 %s!\n' $line; done",
    );
    home.run(["start", "./loud.sh", "--name", "loud"]).ok();
    let mut python = Command::new("python3");
    python.args(["-c", ON_A_TERMINAL]).arg(pm()).args(["attach", "loud"]);
    python.env("PM_HOME", home.home().root());
    let mut attached = Invocation::new(python, home.home().root()).typed().background();
    attached.type_in("typed\n");
    let seen = attached.wait_for(" typed!");
    assert!(seen.contains("red"), "{seen:?}");
    assert!(!seen.contains("\x1b[2J") && !seen.contains("\x1b]0;"), "{seen:?}");
    attached.type_in("\x04");
    attached.wait();
}

#[test]
fn attach_says_what_it_can_not_pass_on_and_to_whom() {
    let home = Home::new();
    echo(&home);
    home.run(["scale", "echo", "2"]).ok();
    home.run(["attach", "echo"]).ends(2).complains("is not one instance: ids 0, 1");
    home.run(["attach", "9"]).ends(1).complains("no app matches `9`");
    home.run(["stop", "1"]).ok();
    let late = home.pm(["attach", "1"]).input("x\n").run().ends(1);
    late.complains("error: echo (1): it does not run");
    // Nobody listens: there is no reason to stay, whatever may still be typed.
    let mut attached = home.pm(["attach", "0"]).typed().background();
    attached.type_in("x\n");
    attached.wait_for("heard x\n");
    attached.close_out();
    assert_eq!(attached.wait(), 0);
}

#[test]
fn start_attached_shows_the_output_until_nobody_listens() {
    let home = Home::new();
    let script = home.script("talk.sh", "while :; do echo tick; sleep 0.05; done");
    let words = ["start", script.to_str().unwrap(), "--name", "talk", "--attach"];
    let mut attached = home.pm(words).background();
    attached.wait_for("tick\n");
    let pid = home.row("talk").pid;
    attached.close_out();
    assert_eq!(attached.wait(), 0);
    assert_eq!((home.row("talk").pid, home.row("talk").restarts), (pid, 0));
}

#[test]
fn an_app_of_another_user_may_open_its_input_again() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    home.file("who.json5", "{ name: 'echo', script: '/bin/sh', interpreter: 'none', cwd: '/', uid: 65534, gid: 65534,\n\
        args: ['-c', 'head -n 1 /dev/stdin; exec sleep 1000'] }");
    home.run(["start", "who.json5"]).ok();
    home.run(["send", "echo", "hello"]).ok();
    hears(&home, "hello\n");
}
