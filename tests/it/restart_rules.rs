//! `restart`, Compose's word for when an app is restarted.

use std::fs;

use pm_protocol::{Row, Status};
use pm_testkit::{Home, fixture};

use crate::pm2_surface::named;

const FILE: &str = "ecosystem.yaml";

/// An app that writes a line for each of its runs and then does this, with this word.
fn app(name: &str, does: &str, word: &str) -> String {
    let script = format!("sh -c 'echo run >> {name}; {does}'");
    format!("- {{ name: {name}, script: \"{script}\", restart: {word} }}\n")
}

fn runs(home: &Home, name: &str) -> usize {
    fs::read_to_string(home.work().join(name)).unwrap_or_default().lines().count()
}

#[test]
fn an_app_is_restarted_as_its_word_says() {
    let home = Home::new();
    let apps = [
        app("never", "exit 3", "no"),
        app("thrice", "exit 3", "on-failure:2"),
        app("well", "exit 0", "on-failure"),
        app("ever", "test $(wc -l < ever) -ge 20 && exec sleep 1000; exit 3", "unless-stopped"),
    ];
    home.file(FILE, format!("apps:\n{}", apps.concat()));
    home.run(["start", FILE, "--no-wait"]).ok();
    home.wait_rows("all have come to rest", |rows| {
        let all = [("never", "stopped"), ("thrice", "errored"), ("well", "stopped")];
        let rests = |(name, status): &(&str, &str)| {
            let row = rows.iter().find(|row| row.name == *name);
            row.is_some_and(|row| row.pid == 0 && row.standing() == *status)
        };
        all.iter().all(rests)
    });
    // Sixteen short runs are enough where nothing is said.
    home.wait_until("it goes on", || runs(&home, "ever") >= 20);
    home.wait_status("ever", "online");
    assert_eq!(["never", "thrice", "well"].map(|name| runs(&home, name)), [1, 3, 1]);
    home.run(["describe", "ever"]).ok().says("gives up after").says("never");
}

#[test]
fn what_was_stopped_comes_back_with_the_list_only_if_it_is_to_be_there_always() {
    let home = Home::new();
    let apps = ["always", "unless-stopped", "on-failure"].map(|word| {
        format!("- {{ name: {word}, script: /bin/sleep, args: '1000', restart: {word} }}\n")
    });
    home.file(FILE, format!("apps:\n{}", apps.concat()));
    home.run(["start", FILE]).ok();
    home.run(["stop", "all"]).ok();
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    home.run(["resurrect"]).ok();
    home.wait_status("always", "online");
    for stopped in ["unless-stopped", "on-failure"] {
        assert_eq!(home.row(stopped).standing(), "stopped");
    }
}

#[test]
fn a_word_nobody_knows_and_one_that_is_contradicted_are_refused() {
    let home = Home::new();
    for (rest, why) in [
        ("restart: sometimes", "no, always, unless-stopped, on-failure or on-failure:N"),
        ("restart: 'on-failure:many'", "on-failure:N"),
        ("restart: always, autorestart: false", "`restart` beside `autorestart`"),
        ("restart: always, schedule: '@daily'", "a job runs to its end"),
    ] {
        home.file(FILE, format!("apps:\n- {{ name: a, script: /bin/sleep, {rest} }}\n"));
        home.run(["check", FILE]).ends(2).says(why);
    }
}

/// What is told of it below the list, once it is up and has come back so often.
fn told(home: &Home, name: &str, restarts: u32) -> String {
    let is_up = |row: &Row| row.status == Status::Online && row.restarts == restarts;
    home.wait_until("it is up again", || is_up(&home.row(name)));
    home.row(name).note.unwrap_or_default()
}

#[test]
fn what_goes_round_is_told_with_how_often_and_the_cure() {
    let home = named("pm2");
    home.script("job", "echo >> runs; [ $(wc -l < runs) -gt 5 ] && exec sleep 1000; sleep 0.05");
    home.run(["start", "./job", "--min-uptime", "10", "--no-wait"]).ok();
    let note = told(&home, "job", 5);
    assert!(note.starts_with("ended with code 0 5 times in "), "{note}");
    assert!(note.ends_with("s: `autorestart: false` if its work is done then"), "{note}");
    // PM2 says nothing of it.
    let run = home.run(["describe", "job"]).ok();
    assert!(!run.out().contains(&note), "{}", run.out());
    let home = Home::new();
    let fat = ["--eat", "60M", "--live", "forever"];
    let flags = ["--max-memory-restart", "50M", "--no-wait", "--name", "fat", "--"];
    home.run([&["start", fixture().to_str().unwrap()][..], &flags, &fat].concat()).ok();
    home.wait_until("it goes round", || home.row("fat").restarts > 2);
    home.wait_until("that is told", || {
        let note = home.row("fat").note.unwrap_or_default();
        note.starts_with("restarted for its memory (limit 50.0mb) ")
    });
    home.run(["why", "fat"]).ok().says(": raise `max_memory_restart`, for it needs more");
}

#[test]
fn who_asks_for_pauses_or_is_told_to_begin_again_does_not_go_round() {
    let home = Home::new();
    let does = "echo >> runs; [ $(wc -l < runs) -gt 4 ] && exec sleep 1000; sleep 0.05";
    home.script("asked", does);
    home.run(["start", "./asked", "--min-uptime", "10", "--restart-delay", "10", "--no-wait"]).ok();
    assert_eq!(told(&home, "asked", 4), "");
    home.script("told", "exec sleep 1000");
    home.run(["start", "./told"]).ok();
    for _ in 0..3 {
        home.run(["restart", "told"]).ok();
    }
    assert_eq!(told(&home, "told", 3), "");
}
