//! What happens, as it happens: what each tab is told, over the death of a daemon, for many tabs at once, and of logs that
//! were written to do harm.

use std::fs::{self, OpenOptions};
use std::io::Write;

use pm_testkit::{Home, signal};

use super::desk::{ask, desk, desk_of, key, state, value};
use super::stream::{EventReader, listen};
use crate::apps::{kib, up};

/// An app that writes what is put into a file.
fn echo(home: &Home, name: &str) -> impl Fn(&[u8]) + use<> {
    let feed = home.file(format!("{name}.feed"), "");
    let words = ["start", "tail", "--name", name, "--interpreter", "none", "--", "-n", "+1", "-f"];
    home.run(words.into_iter().chain([feed.to_str().unwrap()])).ok();
    move |bytes| OpenOptions::new().append(true).open(&feed).unwrap().write_all(bytes).unwrap()
}

/// Connections to the daemon of a home that are open.
fn connections(home: &Home) -> usize {
    let socket = home.home().socket().display().to_string();
    let all = fs::read_to_string("/proc/net/unix").unwrap();
    // Num RefCount Protocol Flags Type St Inode Path; a connected one has the state 3.
    // It was bound under another name, which begins as that one.
    let is_one = |line: &&str| line.contains(&socket) && line.split(' ').nth(5) == Some("03");
    all.lines().filter(is_one).count()
}

fn full(stream: &mut EventReader) -> super::stream::Told {
    stream.until("the whole list", |told| told.name == "apps" && told.data["full"] == true)
}

#[test]
fn a_tab_is_told_what_changed_and_after_the_death_of_a_daemon_everything() {
    let home = Home::new();
    up(&home, "web");
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    let guest = key(&home, desk.port, &["--role", "viewer", "--apps", "web*"]);
    let mut stream = listen(desk.port, &admin, "topics=apps,usage,host", "");
    let mut small = listen(desk.port, &guest, "topics=apps", "");
    let first = full(&mut stream);
    assert_eq!(first.names("apps"), ["web"]);
    assert_eq!(full(&mut small).names("apps"), ["web"]);
    if first.data["apps"][0]["memory"].is_null() {
        stream.until("figures", |told| told.data["rows"][0][2].as_u64() > Some(0));
    }
    stream.until("the machine", |told| {
        told.name == "host" && told.data["memory_total"].as_u64() > told.data["memory"].as_u64()
    });
    up(&home, "db");
    let news = stream.until("db", |told| told.names("rows").contains(&"db"));
    assert!(news.data["full"].is_null() && !news.names("rows").contains(&"web"), "{news:?}");
    signal(home.hello().pid, 9);
    stream.until("that the daemon is away", |told| told.name == "reconnecting");
    let mut names = full(&mut stream).data["apps"].as_array().unwrap().len();
    assert_eq!(names, 2);
    home.run(["scale", "web", "2"]).ok();
    let news = stream.until("siblings", |told| {
        told.data["rows"].as_array().is_some_and(|rows| rows.iter().any(|it| it["instances"] == 2))
    });
    let heard = news.id;
    home.run(["delete", "db"]).ok();
    stream.until("that db is gone", |told| told.data["gone"] == serde_json::json!([1]));
    // Who may not see db never heard of it.
    loop {
        let told = small.next().unwrap();
        assert!(!told.data.to_string().contains("\"db\""), "{told:?}");
        names = told.data["rows"].as_array().map_or(0, Vec::len).max(names);
        if told.data.to_string().contains("\"instances\":2") {
            break;
        }
    }
    stream.close();
    // Who comes back is told what it missed, and nothing else.
    let resumed = format!("Last-Event-ID: {heard}\r\n");
    let back = listen(desk.port, &admin, "topics=apps", &resumed)
        .until("the rest", |it| it.name == "apps");
    assert!(back.data["full"].is_null() && back.data["gone"].to_string().contains('1'), "{back:?}");
    for strange in ["0-0", "x", "ffffffffffffffff-1"] {
        let resumed = format!("Last-Event-ID: {strange}\r\n");
        full(&mut listen(desk.port, &admin, "topics=apps", &resumed));
    }
}

#[test]
fn fifty_tabs_cost_the_daemon_as_one_and_none_cost_nothing() {
    let home = Home::new();
    up(&home, "web");
    let desk = desk(&home);
    let keys: Vec<_> = (0..7).map(|_| key(&home, desk.port, &[])).collect();
    home.wait_until("nobody asks the daemon", || connections(&home) == 0);
    let mut tabs: Vec<_> = (0..50)
        .map(|tab| listen(desk.port, &keys[tab % 7], "topics=apps,usage,host,logs:web", ""))
        .collect();
    for tab in &mut tabs {
        assert_eq!(full(tab).names("apps"), ["web"]);
    }
    home.wait_until("one subscription for all", || connections(&home) == 1);
    home.run(["stop", "web"]).ok();
    for tab in &mut tabs {
        tab.until("the stop", |told| told.data["rows"][0]["status"] == "stopped");
    }
    home.wait_until("still one, once `pm stop` has gone", || connections(&home) == 1);
    tabs.into_iter().for_each(EventReader::close);
    home.wait_until("nobody asks any more", || connections(&home) == 0);
    let mut one = listen(desk.port, &keys[0], "topics=apps", "");
    assert_eq!(full(&mut one).data["apps"][0]["status"], "stopped");
}

#[test]
fn history_and_alerts_and_tabs_hear_the_daemon_over_one_connection() {
    let home = Home::new();
    up(&home, "web");
    let channel = ["web", "alert", "add", "hook", "--kind", "webhook"];
    home.pm(channel).input("http://127.0.0.1:9/\n\n".to_owned()).run().ok();
    home.run(["web", "alert", "set", "memory", "1K for 1s"]).ok();
    let words = ["web", "--foreground", "--listen", "127.0.0.1:0", "--history", "8M"];
    let desk = desk_of(home.pm(words));
    let admin = key(&home, desk.port, &[]);
    let seen = |what: &str| {
        let path = state(&home).join("alerts-seen.jsonl");
        home.wait_until(what, || fs::read_to_string(&path).is_ok_and(|it| it.contains(what)));
    };
    let mut tab = listen(desk.port, &admin, "topics=apps,usage", "");
    assert_eq!(full(&mut tab).names("apps"), ["web"]);
    seen("\"memory\"");
    let history = || {
        let told = value(&ask(desk.port, "GET", "/api/history", &admin, ""));
        told["rows"][0][2].as_array().is_some_and(|it| it.iter().any(|it| !it.is_null()))
    };
    home.wait_until("figures are written down", history);
    home.wait_until("one subscription for all of them", || connections(&home) == 1);
    tab.close();
    let fails = |name: &str| {
        let words = ["--max-restarts", "1", "--no-wait", "--name", name];
        home.run([&["start", "false"][..], &words].concat());
    };
    fails("bad");
    seen("\"bad\"");
    home.wait_until("one for the two that go on", || connections(&home) == 1);
    // They hear the next daemon, too.
    signal(home.hello().pid, 9);
    home.run(["ping"]).ok();
    fails("worse");
    seen("\"worse\"");
    home.wait_until("one again", || connections(&home) == 1);
    // Nobody wants to be told, and what is written down needs no more than one.
    home.run(["web", "alert", "remove", "hook"]).ok();
    home.wait_until("the one of history", || connections(&home) == 1);
}

#[test]
fn s07_lines_come_as_they_are_written_and_none_of_them_does_harm() {
    let home = Home::new();
    let write = echo(&home, "web");
    write(b"before\n");
    home.wait_until("it has written", || !crate::apps::log(&home, "web-out.log").is_empty());
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    let mut stream = listen(desk.port, &admin, "topics=logs:web,logs:later&past=5", "");
    let first = stream.next().unwrap();
    assert_eq!((first.name.as_str(), first.texts()), ("log", vec!["before"]));
    write(b"<img src=x onerror=alert(1)>\x1b]0;title\x07\x1b[2J\x1b[31mred\r\nevent: apps\ndata: {}\n\xff\xe2\x80\xae\x00\n");
    let mut texts = Vec::new();
    while texts.len() < 4 {
        texts.extend(stream.next().unwrap().texts().into_iter().map(str::to_owned));
    }
    let expected = [
        "<img src=x onerror=alert(1)>\u{1b}[31mred\u{1b}[0m",
        "event: apps",
        "data: {}",
        "\u{fffd}\u{fffd}\u{2400}",
    ];
    assert_eq!(texts, expected);
    // A line of 10 MB: its beginning is told, and how much is not.
    write(&[&b"<b>"[..], &vec![b'x'; 10 << 20], b"\nend\n"].concat());
    let (mut told, mut left_out, mut ended) = (0, 0, false);
    while !ended {
        let news = stream.until("the end", |told| told.name == "log");
        for line in news.data["lines"].as_array().unwrap() {
            told += line["text"].as_str().unwrap().len();
            left_out += line["left_out"].as_u64().unwrap_or(0);
            ended |= line["text"] == "end";
        }
        left_out += news.data["skipped"].as_u64().unwrap_or(0);
    }
    assert!(told < 1 << 20 && left_out > 9 << 20, "{told} of it, without {left_out}");
    assert!(kib(desk.running.pid(), "VmHWM") < 64 << 10, "it is never held as a whole");
    // An app that comes later, from its first line on.
    let later = echo(&home, "later");
    later(b"hello\n");
    let news = stream.until("the new app", |told| told.texts().contains(&"hello"));
    assert_eq!(news.data["lines"][0]["app"], "later");
    // Who may not see it gets none of its lines, whatever is asked for.
    let guest = key(&home, desk.port, &["--role", "viewer", "--apps", "later"]);
    let mut small = listen(desk.port, &guest, "topics=logs:web,logs:id:0,logs:later&past=9", "");
    assert_eq!(small.next().unwrap().texts(), ["hello"]);
}

#[test]
fn a_thousand_apps_are_one_list() {
    let home = Home::new();
    let apps: Vec<_> = (0..1000)
        .map(|at| format!("{{ name: 'app-{at}', script: '/bin/true', autostart: false }}"))
        .collect();
    home.file("many.json5", format!("{{ apps: [{}] }}", apps.join(",")));
    home.run(["start", "many.json5"]).ok();
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    let mut stream = listen(desk.port, &admin, "topics=apps,usage", "");
    assert_eq!(full(&mut stream).names("apps").len(), 1000);
    home.run(["delete", "app-500"]).ok();
    let news = stream.until("what is gone", |told| told.data["gone"] == serde_json::json!([500]));
    assert_eq!(news.names("rows").len(), 0);
    home.run(["delete", "all"]).ok();
    let mut gone = 1;
    while gone < 1000 {
        let news = stream.until("more that is gone", |told| told.name == "apps");
        gone += news.data["gone"].as_array().map_or(0, Vec::len);
        if news.data["full"] == true {
            // It was too slow for so many.
            gone = 1000 - news.names("apps").len();
        }
    }
}
