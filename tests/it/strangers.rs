//! What an app of another user can have root do: nothing.

use std::fs;
use std::os::unix::fs::chown;

use pm_testkit::Home;

const NOBODY: u32 = 65_534;

#[test]
fn root_runs_no_program_of_another_users_app() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    home.open_to_others();
    let ran = home.work().join("theirs/ran-by");
    let node = home.script(
        "theirs/bin/node",
        &format!(
            "case $1 in --version) id -u >> {}; echo v1.2.3;; *) exec sleep 1000;; esac",
            ran.display()
        ),
    );
    for path in [&node, &home.work().join("theirs"), &home.work().join("theirs/bin")] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    home.file("app.js", "");
    home.file(
        "app.json5",
        format!(
            "{{ name: 'app', script: 'app.js', interpreter: '{}', uid: {NOBODY}, gid: {NOBODY} }}",
            node.display()
        ),
    );
    home.run(["start", "app.json5"]).ok();
    for words in [&["describe", "app"][..], &["jlist"], &["prettylist"]] {
        home.run(words).ok();
        assert!(!ran.exists(), "{words:?} ran it as {:?}", fs::read_to_string(&ran));
    }
}
