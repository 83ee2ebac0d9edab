//! Apps that are up once they have printed a line.

use std::fs;

use pm_protocol::Status;
use pm_testkit::{Home, signal};

/// Prints that it is up as soon as there is a file `go`.
fn write(home: &Home, rest: &str) {
    home.script(
        "server",
        "echo booting; until [ -e go ]; do sleep 0.02; done; echo Listening on :80 $1\n\
         while :; do sleep 0.05; done",
    );
    let app = "name: 'web', script: './server', interpreter: 'none'";
    home.file("ecosystem.json5", format!("{{ apps: [\n{{ {app}, {rest} }}\n] }}"));
}

fn waits(home: &Home, not: u32) -> u32 {
    let rows = home.wait_rows("it waits for its line", |rows| {
        rows.first().is_some_and(|row| {
            let note = row.note.as_deref().unwrap_or_default();
            row.pid != 0
                && row.pid != not
                && row.status == Status::Launching
                && note.contains("no line with `Listening on`")
        })
    });
    rows[0].pid
}

#[test]
fn it_is_up_once_it_has_printed_its_line_in_this_very_run() {
    let home = Home::new();
    write(&home, "ready: { log: 'Listening on' }");
    let mut start = home.pm(["start", "ecosystem.json5"]).background();
    let pid = waits(&home, 0);
    home.run(["why", "web"]).ok().says("no line with `Listening on` yet");
    home.run(["describe", "web"]).ok().says("a line with `Listening on`");
    home.file("go", "");
    assert_eq!(start.wait(), 0);
    assert_eq!(home.row("web").status, Status::Online);
    // What the run before has printed is not said by this one.
    fs::remove_file(home.work().join("go")).unwrap();
    let mut restart = home.pm(["restart", "web"]).background();
    let pid = waits(&home, pid);
    home.file("go", "");
    assert_eq!(restart.wait(), 0);
    // What is printed while there is no daemon is not lost on the next one.
    fs::remove_file(home.work().join("go")).unwrap();
    let mut restart = home.pm(["restart", "web"]).background();
    let pid = waits(&home, pid);
    signal(home.hello().pid, 9);
    home.file("go", "");
    assert_eq!(home.wait_status("web", "online").pid, pid);
    restart.wait();
}

#[test]
fn a_line_may_be_an_expression_on_either_stream_and_has_its_time() {
    let home = Home::new();
    let rest = "args: '>&2', ready: { log: '/Listening on :[0-9]+$/' }, ready_timeout: '100ms'";
    write(
        &home,
        &format!(
            "{rest}, log_date_format: 'YYYY-MM-DD HH:mm:ss.SSS', error_file: './both.log', out_file: './both.log'"
        ),
    );
    home.run(["start", "ecosystem.json5"])
        .ends(1)
        .says("not ready within 100ms: no line with /Listening on :[0-9]+$/ yet");
    home.script("server", "printf 'Listening on :80\\n' >&2; while :; do sleep 0.05; done");
    home.run(["restart", "web", "--ready-timeout", "30s"]).ok();
    assert_eq!(home.row("web").status, Status::Online);
}
