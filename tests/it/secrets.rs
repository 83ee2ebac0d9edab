//! Variables whose values are in files, or printed by commands: the app has them, and nobody else is told.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_client::Deadline;
use pm_protocol::List;
use pm_spec::{Patience, Restart, Select};
use pm_testkit::{Home, PATIENCE, signal, wait_gone};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

const SECRET: &str = "hunter2-correct-horse";

/// Files in which the secret stands, of a whole folder.
fn places(folder: &Path) -> Vec<String> {
    let found =
        Command::new("grep").args(["-rlF", "-D", "skip", SECRET]).arg(folder).output().unwrap();
    String::from_utf8_lossy(&found.stdout).lines().map(str::to_owned).collect()
}

/// No view of the app tells any of these.
fn is_told_by_nobody(home: &Home, values: &[&str]) {
    for words in [
        &["describe", "web"][..],
        &["jlist"],
        &["env", "web"],
        &["events"],
        &["why", "web"],
        &["apply", "ecosystem.json5", "--dry-run"],
    ] {
        let told = home.run(words).ok().out();
        assert!(values.iter().all(|value| !told.contains(value)), "{words:?}: {told}");
    }
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
    is_told_by_nobody(&home, &[SECRET, "of the shell"]);
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

/// An app with a variable that a command prints.
fn printed_by(home: &Home, command: &str) {
    let env = format!("env: {{ DB_PASSWORD: {command}, GREETING: 'hi' }}");
    // What asks how it is has them too.
    let ready = "ready: { exec: 'test -n \"$DB_PASSWORD\"' }";
    let app = format!("name: 'web', script: './server', interpreter: 'none', {ready}, {env}");
    home.file("ecosystem.json5", format!("{{ apps: [{{ {app} }}] }}"));
}

/// Who is left of a command that left its number there.
fn wait_for_pid(home: &Home, name: &str) -> u32 {
    let mut pid = 0;
    home.wait_until("the command runs", || {
        let text = fs::read_to_string(home.work().join(name)).unwrap_or_default();
        pid = text.trim().parse().unwrap_or(0);
        pid != 0
    });
    pid
}

#[test]
fn a_secret_that_a_command_prints_is_the_apps_alone() {
    let home = Home::new();
    home.script("server", "printf %s \"$DB_PASSWORD\" > seen; while :; do sleep 0.05; done");
    let seen = |value: &str| {
        home.wait_until("the app has seen it", || {
            fs::read_to_string(home.work().join("seen")).is_ok_and(|seen| seen == value)
        });
    };
    home.file("vault", format!("{SECRET}\n"));
    // It has the variables and the folder of the app, and leaves nobody behind, whatever it forks.
    home.script(
        "get",
        "setsid sleep 1000 >/dev/null 2>&1 & echo $! >left; test $GREETING = hi && cat vault",
    );
    printed_by(&home, "{ command: ['./get', 'db'] }");
    home.run(["start", "ecosystem.json5"]).ok();
    seen(SECRET);
    wait_gone(wait_for_pid(&home, "left"));
    home.run(["save"]).ok();
    is_told_by_nobody(&home, &[SECRET]);
    home.run(["describe", "web"]).ok().says("DB_PASSWORD=(printed by /").says("/get db)");
    fs::remove_file(home.work().join("seen")).unwrap();
    assert_eq!(places(home.home().root()), Vec::<String>::new());
    // Another value is there at the next start, and another command by `apply`; a line is the shell's.
    home.file("vault", "another");
    home.run(["restart", "web"]).ok();
    seen("another");
    printed_by(&home, "{ command: 'echo $GREETING | tr h H' }");
    home.run(["apply", "ecosystem.json5"]).ok().says("env.DB_PASSWORD");
    seen("Hi");
}

#[test]
fn a_command_that_gives_no_secret_starts_nothing() {
    let home = Home::new();
    home.script("server", "touch ran; while :; do sleep 0.05; done");
    let failed = |command: &str| {
        printed_by(&home, command);
        home.run(["start", "ecosystem.json5"]).ends(1)
    };
    home.script("get", "echo half-a-secret; echo 'no such key' >&2; exit 3");
    let why = "could not get the secret `DB_PASSWORD` from `";
    failed("{ command: ['./get'] }").says(why).says("/get`: it exited with code 3: no such key");
    home.run(["why", "web"]).ok().says("it exited with code 3: no such key");
    failed("{ command: ['true'] }").says("it printed nothing");
    failed("{ command: 'yes' }").says("it printed too much: killed");
    home.script("get", "setsid sleep 1000 & echo $! >left; sleep 1000");
    failed("{ command: ['./get'], timeout: 500 }").says("it did not end in time: killed");
    wait_gone(wait_for_pid(&home, "left"));
    let told = home.run(["why", "web"]).ok().out();
    assert!(!told.contains("half-a-secret"), "{told}");
    // Nobody waits for one that is stopped.
    printed_by(&home, "{ command: ['./get'] }");
    fs::remove_file(home.work().join("left")).unwrap();
    let _waits = home.pm(["start", "ecosystem.json5"]).background();
    let left = wait_for_pid(&home, "left");
    home.run(["stop", "web"]).ok();
    wait_gone(left);
    // The daemon dies: the next one ends what is left of it, and begins anew.
    fs::remove_file(home.work().join("left")).unwrap();
    let _waits = home.pm(["start", "web"]).background();
    let left = wait_for_pid(&home, "left");
    home.script("get", "echo mended");
    signal(home.hello().pid, 9);
    wait_gone(left);
    home.wait_status("web", "online");
    home.wait_until("it runs", || home.work().join("ran").exists());
    // What is none of the objects that mean something is no value.
    for (value, says) in [
        ("{ vault: 'db' }", "must be a value, or an object that says where it comes from"),
        ("{ command: ['true'], shell: true }", "unknown key `shell` in `DB_PASSWORD`"),
        ("{ command: ['no-such-program'] }", "there is no program no-such-program"),
        ("{ command: [] }", "must be a shell line, or a list"),
        ("{ command: ['true'], timeout: 'soon' }", "`timeout` must be a duration"),
    ] {
        printed_by(&home, value);
        home.run(["check", "ecosystem.json5"]).ends(2).says(says).says("ecosystem.json5:1:");
    }
}

/// The folder in memory in which a run found its secrets.
fn found_in(home: &Home) -> PathBuf {
    let mut found = String::new();
    home.wait_until("the app has found them", || {
        found = fs::read_to_string(home.work().join("where")).unwrap_or_default();
        found.ends_with('\n')
    });
    fs::remove_file(home.work().join("where")).unwrap();
    PathBuf::from(found.trim_end())
}

fn with_files(home: &Home, secrets: &str, more: &str) {
    home.script(
        "server",
        "echo \"$CREDENTIALS_DIRECTORY\" >where.new; mv where.new where; while :; do sleep 0.05; done",
    );
    let app = format!("name: 'web', script: './server', interpreter: 'none', secrets: {secrets}");
    home.file("ecosystem.json5", format!("{{ apps: [{{ {app}, {more} }}] }}"));
}

#[test]
fn files_of_secrets_are_in_memory_as_long_as_their_run() {
    let home = Home::new();
    home.file("vault", format!("{SECRET}\n"));
    home.file("token", b"\x00\xffbytes");
    let own = "{ db: { command: ['cat', 'vault'] }, token: { file: './token' } }";
    // What comes before it and who asks how it is have them too.
    let beside = "pre_start: 'test -s $CREDENTIALS_DIRECTORY/db', \
                  ready: { exec: 'test -r \"$CREDENTIALS_DIRECTORY/token\"' }";
    with_files(&home, own, beside);
    home.run(["start", "ecosystem.json5"]).ok();
    let first = found_in(&home);
    assert_eq!(fs::read(first.join("db")).unwrap(), format!("{SECRET}\n").as_bytes());
    assert_eq!(fs::read(first.join("token")).unwrap(), b"\x00\xffbytes");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&first), mode(&first.join("db"))), (0o500, 0o400));
    let kind = Command::new("stat").args(["-f", "-c", "%T"]).arg(&first).output().unwrap();
    assert!(matches!(&*kind.stdout, b"tmpfs\n" | b"ramfs\n"), "{kind:?}");
    home.run(["save"]).ok();
    is_told_by_nobody(&home, &[SECRET]);
    home.run(["describe", "web"]).ok().says("db (from /").says("token (from /");
    assert_eq!(places(home.home().root()), Vec::<String>::new());
    // Each run has its own, and each start another value.
    home.file("vault", "another");
    home.run(["restart", "web"]).ok();
    let second = found_in(&home);
    assert_eq!(fs::read(second.join("db")).unwrap(), b"another");
    home.wait_until("those of the run that ended are gone", || !first.exists());
    // The daemon dies: what its run has stays, what is left of one that nobody knows goes.
    let of_home = second.parent().unwrap();
    let left = of_home.join("4000000");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("db"), SECRET).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o500)).unwrap();
    let before = home.hello();
    signal(before.pid, 9);
    home.wait_until("what was left is gone", || !left.exists());
    assert!(home.hello().incarnation > before.incarnation && second.join("db").exists());
    // A value that can't be had starts nothing, and leaves nothing.
    fs::remove_file(home.work().join("token")).unwrap();
    let failed = home.run(["restart", "web"]).ends(1);
    failed
        .says("could not read the secret `token` from ")
        .says("/token: no such file or directory");
    home.wait_until("nothing is left of it", || !of_home.exists());
    home.file("token", "mended");
    home.run(["restart", "web"]).ok();
    let third = found_in(&home);
    assert!(third.join("token").exists());
    home.run(["kill"]).ok();
    home.wait_until("nothing is left", || !of_home.exists());
}

#[test]
fn files_of_secrets_are_for_the_user_of_their_app() {
    let home = Home::new();
    home.file("pw", SECRET);
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    for folder in [home.work(), home.work().parent().unwrap().to_path_buf()] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let reads = "ready: { exec: 'test -r \"$CREDENTIALS_DIRECTORY/db\"' }";
    with_files(&home, "{ db: { file: './pw' } }", &format!("uid: 'nobody', {reads}"));
    home.run(["start", "ecosystem.json5"]).ok();
    let folder = found_in(&home);
    let of = |path: &Path| fs::metadata(path).unwrap().uid();
    assert!(of(&folder) != 0 && of(&folder.join("db")) == of(&folder));
    assert_eq!(fs::read_to_string(folder.join("db")).unwrap(), SECRET);
    home.run(["delete", "web"]).ok();
    home.wait_until("they are gone", || !folder.exists());
    // What is no source is refused.
    for (secrets, says) in [
        ("{ db: 'hunter2' }", "the secret `db` must be an object that says where it comes from"),
        ("{ 'a/b': { file: 'pw' } }", "`a/b` can't be the name of a secret"),
        ("['pw']", "`secrets` must be an object"),
        ("{ db: { command: ['no-such-program'] } }", "there is no program no-such-program"),
    ] {
        with_files(&home, secrets, "");
        home.run(["check", "ecosystem.json5"]).ends(2).says(says).says("ecosystem.json5:1:");
    }
}

#[test]
fn a_secret_that_can_not_be_read_for_want_of_descriptors_is_read_later() {
    let home = Home::new();
    home.file("pw", SECRET);
    home.script("server", "exec sleep 1000");
    home.file(
        "eco.json5",
        "{ name: 'web', script: './server', env: { DB_PASSWORD: { file: './pw' } } }",
    );
    home.run(["start", "eco.json5"]).ok();
    home.run(["stop", "web"]).ok();
    // Both are there before the daemon has none left.
    let (mut asking, mut looking) = (home.client(), home.client());
    let list = List { select: Vec::new(), usage: false, host: false };
    let mut row = || looking.call(&list, Deadline::after(PATIENCE)).unwrap().rows.remove(0);
    row();
    asking.call(&list, Deadline::after(PATIENCE)).unwrap();
    let pid = asking.peer().expect("a hello").pid;
    let is_open = |number: &u64| Path::new(&format!("/proc/{pid}/fd/{number}")).exists();
    let free = (0..u64::MAX).find(|number| !is_open(number));
    let daemon = Pid::from_raw(pid.cast_signed());
    let limit = |limit| prlimit(daemon, Resource::Nofile, limit).unwrap();
    let before = limit(Rlimit { current: free, ..getrlimit(Resource::Nofile) });
    let select = vec![Select::Name("web".into())];
    let call = Restart { select, env: None, wait: Patience::Settled, no_deps: false };
    let asked = std::thread::spawn(move || asking.call(&call, Deadline::after(PATIENCE)));
    home.wait_until("it waits", || {
        let row = row();
        assert_ne!(row.status.as_str(), "errored", "{row:?}");
        row.note.is_some_and(|note| note.ends_with("the machine is short of something"))
    });
    limit(before);
    home.wait_status("web", "online");
    // Who asked was told why it takes longer.
    asked.join().unwrap().unwrap();
}
