//! Apps that depend on what is no app: a server elsewhere, a file, whatever a command finds out.

use std::fs;
use std::net::TcpListener;

use pm_protocol::Status;
use pm_testkit::{Home, free_port, signal};

const FILE: &str = "ecosystem.json5";

fn write(home: &Home, apps: &[(&str, &str)]) {
    home.script("member", "while :; do sleep 0.05; done");
    let one = |(name, rest): &(&str, &str)| {
        format!("{{ name: '{name}', script: './member', interpreter: 'none', {rest} }}")
    };
    let apps: Vec<_> = apps.iter().map(one).collect();
    home.file(FILE, format!("{{ apps: [\n{}\n] }}", apps.join(",\n")));
}

fn waits(home: &Home, name: &str, on: &str) {
    home.wait_rows(&format!("{name} waits for {on}"), |rows| {
        rows.iter().any(|row| row.name == name && row.waits_for.as_deref() == Some(on))
    });
}

#[test]
fn who_needs_a_server_elsewhere_waits_until_it_takes_connections() {
    let home = Home::new();
    let port = free_port();
    let place = format!("tcp://127.0.0.1:{port}");
    let needs = format!(
        "depends_on: ['db', '{place}', 'file://./there', {{ command: ['test', '-e', 'done'] }}]"
    );
    write(&home, &[("web", &needs), ("db", "")]);
    let mut start = home.pm(["start", FILE]).background();
    waits(&home, "web", &place);
    home.run(["list"]).ok().says(&format!("waiting for {place}"));
    let told = format!("waits for {place}: connection refused; and for file://");
    home.wait_until("why says what was seen", || {
        let why = home.run(["why", "web"]).ok().out();
        let flat = why.split_whitespace().collect::<Vec<_>>().join(" ");
        flat.contains(&told)
            && flat.contains("/there: no such file or directory")
            && flat.contains("and for test -e done: the command exited with code 1")
    });
    home.run(["describe", "web"]).ok().says(&place).says("test -e done");
    // The next daemon asks on.
    let daemon = home.hello().pid;
    signal(daemon, 9);
    home.wait_until("another daemon", || home.hello().pid != daemon);
    waits(&home, "web", &place);
    assert_eq!(home.row("web").pid, 0);
    home.file("there", "");
    home.file("done", "");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    home.wait_status("web", "online");
    start.wait();
    // The next run waits as well; `--no-deps` does not.
    drop(listener);
    let mut restart = home.pm(["restart", "web"]).background();
    waits(&home, "web", &place);
    home.run(["restart", "web", "--no-deps"]).ok();
    restart.wait();
    assert_eq!(home.row("web").status, Status::Online);
    assert_eq!(fs::read_dir(home.work()).unwrap().filter_map(Result::ok).count(), 4);
}

#[test]
fn what_does_not_come_is_told_when_its_time_is_over_and_waited_for_all_the_same() {
    let home = Home::new();
    write(
        &home,
        &[
            ("web", "depends_on: { './there': { timeout: '100ms' } }"),
            ("cache", "depends_on: { './nowhere': { timeout: '100ms', required: false } }"),
            ("late", "depends_on: [{ command: 'echo no such table >&2; false', timeout: 100 }]"),
        ],
    );
    let start = home.run(["start", FILE]).ends(1);
    let start = start.says("waited 100ms for file://").says("no such file or directory");
    start.says("no such table");
    // Nothing is done without for ever.
    assert_eq!(home.row("cache").status, Status::Online);
    let row = home.row("web");
    assert_eq!((row.status, row.pid, row.waits_for), (Status::Errored, 0, None));
    home.run(["why", "web"]).ok().says("it begins as soon as that is there");
    home.file("there", "");
    home.wait_status("web", "online");
    // Nobody is asked for what nobody waits for.
    home.run(["stop", "late"]).ok();
    assert_eq!(home.row("late").status, Status::Stopped);
}

#[test]
fn what_can_not_be_asked_for_is_refused_with_its_place() {
    let home = Home::new();
    for (needs, place, why) in [
        ("['redis://localhost:6379']", "2:68", "`tcp://localhost:6379` waits until somebody"),
        ("['tcp://localhost']", "2:68", "with a port"),
        ("{ 'tcp://db:0': {} }", "2:69", "with a port"),
        ("['https://localhost/']", "2:68", "{ command: \"curl -fsk https://localhost/\" }"),
        ("[{ file: 'x' }]", "2:68", "an object in the list needs a `command`"),
        ("[{ command: [] }]", "2:79", "a program and its arguments"),
        ("{ '/run/db': 'ready' }", "2:80", "{ timeout: \"1m\", required: false }"),
        ("{ '/run/db': { condition: 'ready' } }", "2:82", "`condition` is for apps"),
        ("{ '/run/db': { timeout: 'soon' } }", "2:91", "`timeout` must be a duration"),
        ("{ '/run/db': { timeout: 0 } }", "2:91", "`timeout` must be more than 0"),
    ] {
        write(&home, &[("a", &format!("depends_on: {needs}"))]);
        let run = home.run(["check", FILE]).ends(2);
        run.says(&format!("{FILE}:{place}: error: ")).says(why);
    }
}
