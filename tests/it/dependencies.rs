//! Apps that depend on others: they begin in order, wait for what does not come, and go in the reverse order.

use std::fs;

use pm_client::Deadline;
use pm_protocol::{Existing, Patience, Row, Start, Status};
use pm_spec::{AppName, AppSpec, Dependency};
use pm_testkit::{Home, signal};

const FILE: &str = "ecosystem.json5";

/// Each member of a stack writes to `gone` when it is told to go; a job waits for the file `go`, in which its exit code is.
fn write(home: &Home, apps: &[(&str, &str)]) {
    let goes = "trap 'echo \"$1\" >> gone; exit 0' INT TERM";
    home.script("member", &format!("{goes}; while :; do sleep 0.05; done"));
    home.script("job", "until [ -s go ]; do sleep 0.05; done; exit \"$(cat go)\"");
    let script = |rest: &str| if rest.contains("autorestart") { "./job" } else { "./member" };
    let one = |(name, rest): &(&str, &str)| {
        format!("{{ name: '{name}', script: '{}', args: '{name}', {rest} }}", script(rest))
    };
    let apps: Vec<_> = apps.iter().map(one).collect();
    home.file(FILE, format!("{{ apps: [\n{}\n] }}", apps.join(",\n")));
}

/// A web server that needs a migration, which needs a database; the last of them first.
const STACK: [(&str, &str); 3] = [
    ("web", "depends_on: { db: { condition: 'started' }, migrate: 'completed_successfully' }"),
    ("migrate", "autorestart: false, depends_on: ['db']"),
    ("db", ""),
];

/// Who was begun, in the order in which the daemon did it.
fn begun(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.home().diary()).unwrap_or_default();
    let lines = text.lines().filter(|line| line.contains("] starting in"));
    let name = |line: &str| Some(line.split_once("App [")?.1.split_once(':')?.0.to_owned());
    lines.filter_map(name).collect()
}

/// Who was told to go, in order.
fn gone(home: &Home) -> Vec<String> {
    let text = fs::read_to_string(home.work().join("gone")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn is_waiting(rows: &[Row], name: &str, on: &str) -> bool {
    rows.iter().any(|row| row.name == name && row.waits_for.as_deref() == Some(on))
}

#[test]
fn a_stack_comes_up_in_order_and_goes_down_in_reverse() {
    let home = Home::new();
    write(&home, &STACK);
    home.file("go", "0");
    home.run(["start", FILE]).ok().says("web").says("migrate");
    // What is done is not done again.
    home.run(["apply", FILE]).ok();
    assert_eq!(begun(&home), ["db", "migrate", "web"]);
    home.run(["stop", "all"]).ok();
    assert_eq!(gone(&home), ["web", "db"]);
    // What it needs and is not done comes with it.
    home.run(["start", "web"]).ok().says("db");
    assert_eq!(begun(&home)[3..], ["db", "web"]);
    home.run(["kill"]).ok();
    assert_eq!(gone(&home)[2..], ["web", "db"]);
}

#[test]
fn who_waits_says_for_what_and_goes_on_under_the_next_daemon() {
    let home = Home::new();
    write(&home, &STACK);
    let mut start = home.pm(["start", FILE]).background();
    home.wait_rows("web waits", |rows| {
        is_waiting(rows, "web", "migrate")
            && rows.iter().any(|row| row.name == "migrate" && row.pid != 0)
    });
    home.run(["list"]).ok().says("waiting for migrate");
    home.run(["why", "web"])
        .ok()
        .says("web (id 0): waiting for migrate")
        .says("waits until migrate has ended well: it is online");
    home.run(["describe", "web"]).ok().says("waiting for migrate");
    let daemon = home.hello().pid;
    signal(daemon, 9);
    home.wait_until("another daemon", || home.hello().pid != daemon);
    home.wait_rows("web waits still", |rows| is_waiting(rows, "web", "migrate"));
    assert_eq!(begun(&home), ["db", "migrate"]);
    home.file("go", "0");
    home.wait_status("web", "online");
    start.wait();
    assert_eq!(begun(&home), ["db", "migrate", "web"]);
}

#[test]
fn what_fails_fails_those_that_need_it_and_takes_them_along_when_it_is_mended() {
    let home = Home::new();
    write(&home, &STACK);
    home.file("go", "3");
    home.run(["start", FILE]).ends(1).says("it depends on migrate: exited with code 3");
    let row = home.wait_status("web", "errored");
    assert_eq!((row.pid, row.waits_for), (0, None));
    home.run(["why", "web"]).ok().says("it depends on migrate: exited with code 3");
    assert_eq!(begun(&home), ["db", "migrate"]);
    home.file("go", "0");
    home.run(["restart", "migrate"]).ok();
    home.wait_status("web", "online");
    // An app that is stopped is waited for, and whoever asks is told.
    home.run(["stop", "all"]).ok();
    home.run(["start", "web", "--no-deps"]).ok();
    assert_eq!(home.row("db").status, Status::Stopped);
    home.run(["stop", "web"]).ok();
}

#[test]
fn who_needs_a_healthy_app_waits_for_its_check() {
    let home = Home::new();
    let check = "healthcheck: { test: 'test -e well', interval: '50ms', retries: 100000 }";
    write(&home, &[("web", "depends_on: { db: 'healthy' }"), ("db", check)]);
    let mut start = home.pm(["start", FILE]).background();
    home.wait_rows("web waits", |rows| {
        is_waiting(rows, "web", "db") && rows.iter().any(|row| row.name == "db" && row.pid != 0)
    });
    home.run(["why", "web"]).ok().says("waits until db is healthy: it is online");
    home.file("well", "");
    assert_eq!(start.wait(), 0);
    assert_eq!(begun(&home), ["db", "web"]);
}

#[test]
fn a_restart_goes_on_to_those_that_ask_for_it() {
    let home = Home::new();
    write(
        &home,
        &[
            ("web", "depends_on: { db: { restart: true } }"),
            ("worker", "depends_on: ['db']"),
            ("cache", "depends_on: { nobody: { required: false } }"),
            ("db", ""),
        ],
    );
    home.run(["start", FILE]).ok();
    let (web, worker) = (home.row("web").pid, home.row("worker").pid);
    home.run(["restart", "db"]).ok().says("web");
    assert_ne!(home.row("web").pid, web);
    assert_eq!(home.row("worker").pid, worker);
    assert_eq!(
        (gone(&home), &begun(&home)[4..]),
        (vec!["web".into(), "db".into()], &["db".into(), "web".into()][..])
    );
    let web = home.row("web").pid;
    home.run(["restart", "db", "--no-deps"]).ok();
    // That it ends is nobody else's end.
    home.run(["stop", "db"]).ok();
    assert_eq!((home.row("web").pid, home.row("worker").pid), (web, worker));
}

#[test]
fn what_can_never_be_is_refused_before_anything_starts() {
    let home = Home::new();
    let refused = |apps: &[(&str, &str)], place: &str, why: &str, hint: &str| {
        write(&home, apps);
        let at = format!("{FILE}:{place}: error: ");
        let run = home.run(["start", FILE]).ends(2).complains(&at);
        run.complains(why).complains(hint);
        home.run(["check", FILE]).ends(2).says(&at).says(why).says(hint);
    };
    refused(
        &[("web", "depends_on: ['bd']"), ("db", "")],
        "2:62",
        "`web` depends on `bd`, and there is no such app",
        "did you mean `db`?",
    );
    // Beside whatever else is wrong, in that app or in another.
    write(&home, &[("web", "depends_on: ['bd'], instances: 'x'"), ("db", "max_restarts: []")]);
    let all = [
        "`web` depends on `bd`",
        "did you mean `db`?",
        "`instances` must be",
        "`max_restarts` must",
    ];
    let started = home.run(["start", FILE]).ends(2).complains("3 problems, nothing was done");
    let checked = home.run(["check", FILE]).ends(2);
    for told in all {
        assert!(started.err.contains(told) && checked.out().contains(told), "{told}");
    }
    refused(
        &[("a", "depends_on: ['b']"), ("b", "depends_on: { c: {} }"), ("c", "depends_on: 'a'")],
        "2:58",
        "`a` depends on `b`, which depends on `c`, which depends on `a`",
        "none of them can be the first",
    );
    refused(&[("a", "depends_on: ['a']")], "2:58", "`a` depends on itself", "");
    refused(
        &[("a", "depends_on: { b: 'completed_successfully' }"), ("b", "")],
        "2:59",
        "`a` waits for the end of `b`, which begins again when it ends",
        "give `b` `autorestart: false`",
    );
    refused(
        &[("a", "depends_on: { b: { condition: 'service_healthy' } }"), ("b", "")],
        "2:59",
        "`a` waits until `b` is healthy, and `b` has no `healthcheck`",
        "wait until it is `ready`",
    );
    // Who is known already is known here too.
    write(&home, &[("db", "")]);
    home.run(["start", FILE]).ok();
    assert_eq!(begun(&home), ["db"]);
    write(&home, &[("web", "depends_on: ['db']")]);
    home.run(["start", FILE]).ok();
    // The daemon takes nobody's word for it.
    let mut app = AppSpec::new(AppName::parse("lost").unwrap(), "/bin/sh", "/");
    app.depends_on = vec![Dependency::on(app.name.clone())];
    let (existing, wait) = (Existing::Keep, Patience::Spawned);
    let call = Start { apps: vec![app], existing, wait, no_deps: false };
    let error = home.client().call(&call, Deadline::NEVER).unwrap_err().to_string();
    assert!(error.contains("`lost` depends on `lost`"), "{error}");
    assert_eq!(home.rows().len(), 2);
}
