//! What an app of another user can have root do: nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use pm_testkit::Home;

const NOBODY: u32 = 65_534;

#[test]
fn root_runs_no_program_of_another_users_app() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    // The folders of a test are ours alone.
    for folder in [home.work(), home.work().parent().unwrap().to_path_buf()] {
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
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
