//! `restart`, Compose's word for when an app is restarted.

use std::fs;

use pm_testkit::Home;

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
