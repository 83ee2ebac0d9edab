//! `pm runtime`: what a container executes (pain 30).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pm_testkit::{Home, fixture, is_alive, signal, wait_gone};

use crate::apps::answering;
use crate::pm2_surface::named;

const INT: i32 = 2;
const KILL: i32 = 9;
const USR2: i32 = 12;
const TERM: i32 = 15;

fn app<'a>(program: &'a Path, flags: &[&'a str], steps: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["runtime", program.to_str().unwrap()];
    words.extend(flags);
    words.push("--");
    words.extend(steps);
    words
}

#[test]
fn p30_output_and_exit_code_are_the_apps() {
    let home = Home::new();
    let program = fixture();
    let steps = ["--lines", "3", "--stderr", "--lines", "2", "--line", "5", "--exit", "7"];
    let run = home.run(app(&program, &["--no-autorestart"], &steps)).ends(7);
    assert_eq!(run.out().lines().count(), 3, "{}", run.out());
    let err: Vec<_> = run.err.lines().collect();
    assert_eq!(err.len(), 3, "{err:?}");
    assert!(run.err.ends_with(err[2]), "a last line without an end has none: {:?}", run.err);
    assert!(home.rows().is_empty() && !home.home().socket().exists(), "nobody is left");
}

#[test]
fn p30_signals_and_giving_up_are_told_by_the_exit_code() {
    let home = Home::new();
    let program = fixture();
    home.run(app(&program, &["--no-autorestart"], &["--segv"])).ends(128 + 11);
    home.run(app(&program, &["--max-restarts", "3"], &["--exit", "4"])).ends(4);
    home.run(app(&program, &["--max-restarts", "2"], &["--exit", "0"])).ends(1);
    home.run(app(&program, &["--stop-exit-codes", "5"], &["--exit", "5"])).ends(5);
    home.run(["runtime", "/nowhere/app"]).ends(2);
    let broken = home.script("broken", "");
    fs::write(&broken, "#!/nowhere/sh\n").unwrap();
    let words = ["runtime", broken.to_str().unwrap(), "--interpreter", "none"];
    home.run(words.into_iter().chain(["--no-autorestart"])).ends(1).complains("failed");
}

#[test]
fn p30_the_last_app_to_end_counts() {
    let home = Home::new();
    let file = home.file(
        "two.json5",
        format!(
            "{{apps: [
               {{name: 'first', script: {0:?}, args: ['--exit', '3'], autorestart: false}},
               {{name: 'last', script: {0:?}, args: ['--live', '300', '--exit', '9'], autorestart: false}},
               {{name: 'none', script: {0:?}, autostart: false}},
             ]}}",
            fixture()
        ),
    );
    home.run(["runtime", "start", file.to_str().unwrap()]).ends(9);
    home.run(["runtime", file.to_str().unwrap(), "--only", "first"]).ends(3);
}

#[test]
fn p30_a_stop_is_passed_on_and_waited_for() {
    for number in [TERM, INT] {
        let home = Home::new();
        let script = home.script(
            "app.sh",
            "trap 'echo bye; sleep 0.2; echo gone; exit 0' INT\necho up\nsleep 1000 & wait",
        );
        let mut run = home.pm(["runtime", script.to_str().unwrap()]).background();
        run.wait_for("up\n");
        let row = home.wait_status("app", "online");
        run.signal(number);
        run.wait_for("bye\ngone\n");
        assert_eq!(run.wait(), 0);
        assert!(!is_alive(row.pid));
    }
}

#[test]
fn p30_who_is_told_to_end_says_what_the_app_said() {
    let program = fixture();
    for (flags, steps, code) in [
        (&[][..], &["--on-int", "exit:7", "--lines", "1", "--live", "forever"][..], 7),
        (&["--kill-signal", "SIGTERM"], &["--lines", "1", "--live", "forever"], 128 + TERM),
    ] {
        for (name, code) in [("pm", code), ("pm2-runtime", 0)] {
            let home = named(name);
            let words = app(&program, flags, steps);
            let words = if name == "pm" { &words[..] } else { &words[1..] };
            let mut run = home.pm(words).background();
            run.wait_for("\n");
            run.signal(TERM);
            assert_eq!(run.wait(), code, "{name} {flags:?}: PM2 says 0 in any case");
        }
    }
    // An end of long ago is none of this.
    let home = Home::new();
    let words = ["runtime", "sleep 1000", "--name", "a", "--no-auto-exit", "--no-autostart"];
    let mut run = home.pm(words).background();
    home.wait_status("a", "stopped");
    run.signal(TERM);
    assert_eq!(run.wait(), 0, "nothing was ever executed");
}

#[test]
fn other_signals_are_heeded_as_in_pm2() {
    let home = Home::new();
    let program = fixture();
    let mut run = home.pm(app(&program, &[], &["--lines", "1", "--live", "forever"])).background();
    run.wait_for("\n");
    run.signal(1);
    // `reloadLogs`: the file that was moved away is left.
    let folder = home.home().logs();
    let log = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .find(|one| one.file_name().to_string_lossy().ends_with("-out.log"));
    let log = log.unwrap().path();
    fs::rename(&log, folder.join("moved")).unwrap();
    run.signal(USR2);
    home.wait_until("a new log", || log.exists());
    run.signal(TERM);
    assert_eq!(run.wait(), 128 + INT);
}

#[test]
fn files_that_lead_nowhere_or_to_ourselves_are_shown_once() {
    let home = Home::new();
    for (out, err) in [("/dev/null", "NULL"), ("/dev/stdout", "/dev/stderr")] {
        let file = home.file(
            "one.json5",
            format!(
                "{{name: 'one', script: {:?}, out_file: {out:?}, error_file: {err:?},
                   args: ['--lines', '2', '--stderr', '--lines', '1'], autorestart: false}}",
                fixture()
            ),
        );
        let run = home.run(["runtime", file.to_str().unwrap()]).ok();
        assert_eq!(run.out().lines().count(), 2, "{}", run.out());
        assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    }
    let (program, kept) = (fixture(), home.work().join("kept.log"));
    let flags = ["--no-autorestart", "--output", kept.to_str().unwrap()];
    let run = home.run(app(&program, &flags, &["--lines", "2"])).ok();
    assert_eq!(fs::read_to_string(kept).unwrap(), run.out());
}

#[test]
fn lines_can_have_pm2s_forms() {
    let home = Home::new();
    let program = fixture();
    let shown = |flag: &str| {
        let flags = ["--no-autorestart", "--name", "web", flag];
        home.run(app(&program, &flags, &["--lines", "1", "--exit", "0"])).ok()
    };
    assert!(shown("--formatted").out().starts_with("0|web | "));
    let pairs = shown("--format").out();
    assert!(pairs.contains(" app=web id=0 type=out message="), "{pairs}");
    let line = shown("--json").json();
    assert_eq!((line["app_name"].as_str(), line["type"].as_str()), (Some("web"), Some("out")));
    let run = home.run(["runtime", "--web", "--secret", "x", "/nowhere/app"]);
    assert!(
        run.err.contains("--web has no effect") && run.err.contains("no dashboard"),
        "{}",
        run.err
    );
}

#[test]
fn everything_an_app_writes_arrives() {
    let home = Home::new();
    let program = fixture();
    // Far more than the files keep that it passes through.
    let steps = ["--lines", "400000:100", "--exit", "0"];
    let run = home.run(app(&program, &["--no-autorestart"], &steps)).ok();
    let lines = run.out_bytes.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!((lines, run.out_bytes.len()), (400_000, 40_000_000));
    let kept = fs::read_dir(home.home().logs()).unwrap().flatten();
    let kept: u64 = kept.map(|file| file.metadata().unwrap().len()).sum();
    assert!(kept < 32 << 20, "{kept} bytes are kept");
}

#[test]
fn a_home_in_use_is_not_taken() {
    let home = Home::new();
    let pid = crate::apps::up(&home, "mine");
    let program = fixture();
    home.run(app(&program, &[], &[])).ends(1).complains("looks after 1 apps already");
    assert_eq!(home.row("mine").pid, pid);
}

#[test]
fn a_kill_from_beside_ends_it_and_the_death_of_its_managers_does_not() {
    let home = Home::new();
    let program = fixture();
    let steps = ["--lines", "1", "--live", "forever"];
    let mut run = home.pm(app(&program, &["--name", "app"], &steps)).background();
    run.wait_for("\n");
    let row = home.wait_status("app", "online");
    let before = home.hello();
    signal(before.guardian, 19);
    signal(before.pid, KILL);
    signal(before.guardian, KILL);
    wait_gone(before.pid);
    home.wait_until("new managers", || {
        answering(&home).is_some_and(|hello| hello.guardian != before.guardian)
    });
    assert_eq!(home.row("app").pid, row.pid);
    home.run(["kill"]).ok();
    // Its parent is process 1 by now: whether we see how it ends before that reaps it is chance.
    assert!(matches!(run.wait(), 0 | 130), "{}", run.seen());
    assert!(!is_alive(row.pid));
}

/// `pm runtime` as process 1 of a world of its own; `None` where this machine does not allow one.
fn contained(home: &Home, words: &[&str]) -> Option<Command> {
    let mut flags = vec!["--fork", "--pid", "--mount-proc", "--kill-child"];
    if !rustix::process::geteuid().is_root() {
        flags.extend(["--user", "--map-root-user"]);
    }
    let tried = Command::new("unshare").args(&flags).arg("true").stderr(Stdio::null()).status();
    if !tried.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut command = Command::new("unshare");
    command.args(flags).arg(pm_testkit::pm()).args(words).current_dir(home.work());
    command.env("PM_HOME", home.home().root()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

/// Pids in the namespace of `process`, and whether they are zombies.
fn world_of(process: u32) -> Vec<(u32, bool)> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let ours = namespace(process);
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| ours.is_some() && namespace(*pid) == ours)
        .filter_map(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            Some((pid, stat.rsplit(')').next()?.trim_start().starts_with('Z')))
        })
        .collect()
}

fn first_child(pid: u32) -> Option<u32> {
    let path = PathBuf::from(format!("/proc/{pid}/task/{pid}/children"));
    fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

#[test]
fn p30_process_1_reaps_everybody_and_exits_with_the_apps_code() {
    let home = Home::new();
    // Orphans of every kind; the last is not of our making at all.
    let script = home.script(
        "app.sh",
        "for n in 1 2 3 4 5; do (sleep 0.05 &) ; setsid sh -c '(sleep 0.05 &)'; done\n\
         echo up\nwhile [ ! -e go ]; do sleep 0.05; done\nexit 6",
    );
    let words = ["runtime", script.to_str().unwrap(), "--no-autorestart"];
    let Some(mut command) = contained(&home, &words) else { return };
    let child = command.spawn().unwrap();
    let mut one = 0;
    home.wait_until("process 1", || {
        one = first_child(child.id()).unwrap_or(0);
        one != 0 && world_of(one).len() >= 4
    });
    let enter = ["--target", &one.to_string(), "--pid", "--mount", "--"].map(str::to_owned);
    let injected = Command::new("nsenter")
        .args(enter)
        .args(["sh", "-c", "for n in 1 2 3; do sleep 0.05 & done"])
        .status();
    assert!(injected.unwrap().success() || !rustix::process::geteuid().is_root());
    home.wait_until("all orphans to be reaped", || {
        let world = world_of(one);
        let sleepers = world.iter().filter(|(pid, _)| {
            let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            words.starts_with("sleep") && words.contains("0.05")
        });
        // The app itself sleeps like that, once.
        !world.iter().any(|(_, zombie)| *zombie) && sleepers.count() <= 1
    });
    home.file("go", "");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"up\n");
    // A container that was killed and is started again begins anew: nothing is taken over, nothing runs twice.
    fs::remove_file(home.work().join("go")).unwrap();
    let mut killed = command.spawn().unwrap();
    home.wait_status("app", "online");
    let one = first_child(killed.id()).unwrap();
    killed.kill().unwrap();
    killed.wait().unwrap();
    // Its world ends with process 1, which is not our child.
    home.wait_until("the end of that world", || !Path::new(&format!("/proc/{one}")).exists());
    home.file("go", "");
    let again = command.spawn().unwrap().wait_with_output().unwrap();
    assert_eq!(again.status.code(), Some(6), "{}", String::from_utf8_lossy(&again.stderr));
    assert_eq!(again.stdout, b"up\n");
}

#[test]
fn dev_has_a_home_of_its_own_and_leaves_nothing() {
    let home = Home::new();
    let mine = crate::apps::up(&home, "mine");
    let mut beside = home.home().root().as_os_str().to_os_string();
    beside.push("-dev");
    let beside = pm_protocol::Home::at(PathBuf::from(beside), None).unwrap();
    let (program, told) = (fixture(), home.work().join("told"));
    let post = format!("echo again >> {}", told.display());
    let words = ["dev", "start", program.to_str().unwrap(), "--name", "app", "--post-exec", &post];
    let steps = ["--", "--lines", "1", "--live", "200", "--exit", "3"];
    let mut run = home.pm(words.into_iter().chain(steps)).background();
    let shown = run.wait_for("\n");
    assert!(shown.starts_with("0|app | "), "{shown}");
    home.wait_until("a restart that is told", || told.exists());
    assert!(beside.socket().exists());
    assert_eq!(home.rows().len(), 1, "the usual home has only what was in it");
    run.signal(INT);
    assert_eq!(run.wait(), 0);
    assert!(!beside.socket().exists() && is_alive(mine));
    // The next one begins with number 0 again: nothing was kept.
    let once = ["dev", program.to_str().unwrap(), "--no-autorestart", "--auto-exit", "--raw", "--"];
    let run = home.run(once.into_iter().chain(["--lines", "1", "--exit", "4"])).ends(4);
    assert_eq!(run.out().lines().count(), 1, "{}", run.out());
}

#[test]
fn dev_ignores_what_it_is_told_to_and_hides_what_is_run_after() {
    let home = Home::new();
    let mut beside = home.home().root().as_os_str().to_os_string();
    beside.push("-dev");
    let beside = pm_protocol::Home::at(PathBuf::from(beside), None).unwrap();
    let script = home.script("app/app.sh", "echo up; exec sleep 1000");
    for folder in ["tmp", "node_modules"] {
        home.file(format!("app/{folder}/old"), "");
    }
    let (told, app) = (home.work().join("told"), home.work().join("app"));
    let post = format!("echo said; echo again >> {}", told.display());
    let words = ["dev", script.to_str().unwrap(), "--ignore", "tmp, other", "--silent-exec"];
    let words = words.into_iter().chain(["--post-exec", &post, "--raw"]);
    let mut run = home.pm(words).dir(&app).background();
    run.wait_for("up\n");
    let diary = || fs::read_to_string(beside.diary()).unwrap_or_default();
    let mut round = 0;
    // The first may come before anybody watches; quiet must follow each.
    home.wait_until("a change is seen", || {
        round += 1;
        if round % 100 == 1 {
            for file in ["tmp/new", "node_modules/new", "seen.txt"] {
                home.file(format!("app/{file}"), round.to_string());
            }
        }
        diary().contains("seen.txt has changed") && told.exists()
    });
    run.wait_for("up\nup\n");
    run.signal(INT);
    assert_eq!(run.wait(), 0);
    assert!(!diary().contains("/new has changed"), "{}", diary());
    assert!(!run.seen().contains("said"), "{}", run.seen());
}

#[test]
fn runtime_stays_without_apps_if_told_to() {
    let home = Home::new();
    let program = fixture();
    let flags = ["--no-autorestart", "--no-auto-exit", "--name", "app"];
    let mut run = home.pm(app(&program, &flags, &["--lines", "1", "--exit", "7"])).background();
    home.wait_until("its end", || home.rows().iter().any(|row| row.status.as_str() == "stopped"));
    run.signal(TERM);
    assert_eq!(run.wait(), 0, "it was told to end; what the app said is over");
}

#[test]
fn a_home_that_can_not_be_written_is_replaced_by_a_private_one() {
    let home = Home::new();
    let program = fixture();
    let temporary = home.work().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let words = app(&program, &["--no-autorestart"], &["--lines", "1", "--exit", "7"]);
    // Nobody can make a folder there, not even root.
    let call =
        home.pm(words).env("PM_HOME", "").env("HOME", "/proc/self").env("TMPDIR", &temporary);
    let run = call.without("XDG_RUNTIME_DIR").run().ends(7);
    let folder = fs::read_dir(&temporary).unwrap().next().unwrap().unwrap().path();
    run.complains(&format!("the home of this run is {}", folder.display()));
    assert_eq!(
        std::os::unix::fs::MetadataExt::mode(&fs::metadata(&folder).unwrap()) & 0o777,
        0o700
    );
}
