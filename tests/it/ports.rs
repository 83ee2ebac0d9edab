//! Where apps listen, and who has the port that an app can't have.

use std::net::TcpListener;

use pm_testkit::{Home, free_port};

use crate::apps::start;

#[test]
fn where_an_app_listens_is_shown() {
    let home = Home::new();
    let port = free_port().to_string();
    start(&home, "web", &[], &["--listen", &port, "--live", "forever"]).ok();
    let address = format!("127.0.0.1:{port}");
    home.wait_until("the address is shown", || {
        home.run(["describe", "web"]).ok().out().contains(&address)
    });
    home.run(["list"]).ok().says(&port);
    let listed = home.run(["list", "--json"]).ok().json();
    assert_eq!(listed[0]["usage"]["listens"][0], address.as_str(), "{listed}");
}

#[test]
fn port_prints_where_an_app_listens_now() {
    let home = Home::new();
    let (one, other) = (free_port().to_string(), free_port().to_string());
    let args = ["--listen", &one, "--listen", &other, "--live", "forever"];
    start(
        &home,
        "web",
        &["-i", "2", "--listen", &format!("tcp://[::1]:{one}")],
        &["--live", "forever"],
    )
    .ok();
    assert_eq!(home.run(["port", "web"]).ok().out(), format!("[::1]:{one}\n"), "each address once");
    start(&home, "both", &[], &args).ok();
    let [first, second] = [&one, &other].map(|port| format!("127.0.0.1:{port}"));
    home.wait_until("both are open", || home.pm(["port", "both", &other]).run().code == 0);
    let all = home.run(["port", "both"]).ok().out();
    let mut lines: Vec<_> = all.lines().collect();
    lines.sort_unstable_by_key(|line| *line != first);
    assert_eq!(lines, [first.as_str(), second.as_str()]);
    assert_eq!(home.run(["port", "both", &other]).ok().out(), format!("{second}\n"));
    let told = home.run(["port", "both", &one, "--json"]).ok().json();
    assert_eq!(told, serde_json::json!([first]));

    let wrong = home.run(["port", "both", "1"]).ends(1);
    assert_eq!(wrong.out(), "");
    wrong.complains("both does not listen on port 1, but on ").complains(&second);
    home.run(["port", "both", "0"]).ends(2);
    start(&home, "quiet", &[], &["--live", "forever"]).ok();
    home.run(["port", "quiet"]).ends(1).complains("quiet listens nowhere");
    home.run(["port", "quiet", "80"]).ends(1).complains("quiet listens nowhere");
    home.run(["stop", "quiet"]).ok();
    home.run(["port", "quiet"]).ends(1).complains("quiet does not run").complains("pm start quiet");
}

#[test]
fn who_has_the_port_is_named_where_an_app_fails_for_want_of_it() {
    let home = Home::new();
    let port = free_port().to_string();
    start(&home, "web", &[], &["--listen", &port, "--live", "forever"]).ok();
    home.wait_until("it listens", || home.run(["describe", "web"]).ok().out().contains(&port));
    let pid = home.rows()[0].pid;
    let late = |name: &str, line: &str| {
        home.script(name, &format!("echo \"{line}\" >&2; exit 1"));
        home.run(["start", &format!("./{name}"), "--restart-delay", "1h"]).ends(1)
    };

    let told = format!(
        "port {port} is taken by web (id 0, pid {pid}): give one of them another, or `pm stop 0`"
    );
    let node = format!("Error: listen EADDRINUSE: address already in use :::{port}");
    late("node", &node).complains(&told);
    home.run(["why", "node"]).ok().says(&node).says(&told);
    home.run(["describe", "node"]).ok().says(&told);

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let gunicorn = format!("[ERROR] Connection in use: ('127.0.0.1', {port})");
    late("gunicorn", &gunicorn)
        .complains(&format!("port {port} is taken by "))
        .complains(&format!("(pid {}), which is no app of pm", std::process::id()));
    drop(other);
    let told = home.run(["why", "gunicorn"]).ok().says(&gunicorn).out();
    assert!(!told.contains("is taken by"), "nobody has it any more:\n{told}");
}

#[test]
fn why_names_our_own_app_that_has_the_port_of_a_listen() {
    let home = Home::new();
    let port = free_port().to_string();
    start(&home, "web", &[], &["--listen", &port, "--live", "forever"]).ok();
    home.wait_until("it listens", || home.run(["describe", "web"]).ok().out().contains(&port));
    home.script("late", "exec sleep 1000");
    let listen = format!("tcp://127.0.0.1:{port}");
    home.run(["start", "./late", "--listen", &listen]).ends(1);
    let pid = home.row("web").pid;
    let told = format!("port {port} is taken by web (id 0, pid {pid}): give one of them another");
    home.run(["why", "late"]).ok().says(&told);
    home.run(["describe", "late"]).ok().says(&told);
}

#[test]
fn a_start_is_over_as_soon_as_the_app_listens() {
    let home = Home::new();
    let port = free_port().to_string();
    let listens = format!(", listens on 127.0.0.1:{port}");
    let args = ["--live", "100", "--listen", &port, "--live", "forever"];
    start(&home, "web", &[], &args).ok();
    // It waits for the first of both, that the app listens or has lived for a second: on a busy machine the second.
    home.wait_until("a restart tells where it listens", || {
        home.run(["restart", "web"]).ok().out().contains(&listens)
    });
    home.run(["stop", "web"]).ok();
    home.wait_until("a start tells where it listens", || {
        let told = home.run(["start", "web"]).ok().out();
        home.run(["stop", "web"]).ok();
        told.contains(&listens)
    });
    // Who ends afterwards has not been up for nothing: that it ended is told.
    let port = free_port().to_string();
    start(
        &home,
        "brief",
        &["--no-autorestart"],
        &["--listen", &port, "--live", "50", "--exit", "7"],
    );
    home.wait_rows("it has ended", |rows| {
        rows.iter().any(|row| row.name == "brief" && row.pid == 0)
    });
    home.run(["why", "brief"]).ok().says("exited with code 7");
}

#[test]
fn two_apps_of_a_file_that_want_one_port_are_told_before_anything_starts() {
    let home = Home::new();
    home.script("app", "exec sleep 1000");
    let port = free_port();
    let file = format!(
        "[\n{{ name: 'web', script: './app', env: {{ PORT: {port} }} }},\n{{ name: 'api', script: './app', args: '--port {port}' }}]\n"
    );
    home.file("apps.json5", file);
    let told = format!("warning: `api` wants port {port}, and so does `web` (line 2, column 46)");
    home.run(["check", "apps.json5"]).ok().says("apps.json5:3:39: ").says(&told);
    home.run(["start", "apps.json5"]).ok().complains(&told);
    home.run(["apply", "apps.json5"]).ok().complains(&told);
}
