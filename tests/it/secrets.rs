//! Variables whose values are in files: the app has them, and nobody else is told.

use std::fs;
use std::path::Path;
use std::process::Command;

use pm_testkit::Home;

const SECRET: &str = "hunter2-correct-horse";

/// Files in which the secret stands, of a whole folder.
fn places(folder: &Path) -> Vec<String> {
    let found =
        Command::new("grep").args(["-rlF", "-D", "skip", SECRET]).arg(folder).output().unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_secret_in_a_file_is_read_at_each_start_and_kept_nowhere() {
    let home = Home::new();
    home.script("server", "printf %s \"$DB_PASSWORD\" > seen; while :; do sleep 0.05; done");
    let file = |of: &str| {
        let env = format!("env: {{ DB_PASSWORD: {{ file: '{of}' }}, PLAIN: 'x' }}");
        let app = format!("name: 'web', script: './server', interpreter: 'none', {env}");
        home.file("ecosystem.json5", format!("{{ apps: [{{ {app} }}] }}"));
    };
    let seen = |value: &str| {
        home.wait_until("the app has seen it", || {
            fs::read_to_string(home.work().join("seen")).is_ok_and(|seen| seen == value)
        });
    };
    file("./pw");
    home.file("pw", format!("{SECRET}\n"));
    // What the caller has of that name is another matter.
    home.pm(["start", "ecosystem.json5"]).env("DB_PASSWORD", "of the shell").run().ok();
    seen(SECRET);
    home.run(["save"]).ok();
    for words in [
        &["describe", "web"][..],
        &["jlist"],
        &["env", "web"],
        &["events"],
        &["why", "web"],
        &["apply", "ecosystem.json5", "--dry-run"],
    ] {
        let told = home.run(words).ok().out();
        assert!(!told.contains(SECRET) && !told.contains("of the shell"), "{words:?}: {told}");
    }
    home.run(["describe", "web"]).ok().says("DB_PASSWORD=(from ").says("/pw");
    fs::remove_file(home.work().join("seen")).unwrap();
    assert_eq!(places(home.home().root()), Vec::<String>::new());
    // Another value is there at the next start, from another file by `apply`.
    home.file("pw", "another");
    home.run(["restart", "web"]).ok();
    seen("another");
    file("./other");
    home.file("other", "third\r\n");
    home.run(["apply", "ecosystem.json5"]).ok().says("env.DB_PASSWORD");
    seen("third");
    // What can't be read is told with its place, and what is no file is not waited for.
    fs::remove_file(home.work().join("other")).unwrap();
    let failed = home.run(["restart", "web"]).ends(1);
    failed
        .says("could not read the secret `DB_PASSWORD` from ")
        .says("/other: no such file or directory");
    Command::new("mkfifo").arg(home.work().join("other")).status().unwrap();
    home.run(["restart", "web"]).ends(1).says("/other: it is no file");
}
