//! Bad input: each mistake is told with its place and a way out, changes nothing, and has its exit code.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use pm_protocol::Status;
use pm_testkit::{Home, Run, fixture, signal};

use crate::apps::{start, up};

/// It was refused as input, and nothing came of it.
fn refused(home: &Home, run: Run, why: &str) {
    run.ends(2).complains("error: ").complains(why);
    assert!(home.rows().is_empty(), "a refused start registered something");
}

#[test]
fn p13_a_missing_script_is_refused_and_nothing_is_registered() {
    let home = Home::new();
    let path = home.work().join("nosuch.py");
    refused(
        &home,
        home.run(["start", "nosuch.py"]),
        &format!("there is no script {}", path.display()),
    );
    assert!(!home.home().root().join("pm.sock").exists(), "a mistake started a daemon");
    up(&home, "known");
    home.run(["start", "./nosuch"]).ends(2).complains("there is no");
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn a_missing_interpreter_is_refused() {
    let home = Home::new();
    home.file("app.xyz", "");
    let run = home.run(["start", "app.xyz", "--interpreter", "nosuch-interpreter"]);
    refused(&home, run, "there is no interpreter `nosuch-interpreter`");
    let script = home.file("bang", "#!/no/such/interpreter\n");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).unwrap();
    refused(&home, home.run(["start", "./bang"]), "there is no `/no/such/interpreter`");
}

#[test]
fn a_missing_folder_is_refused() {
    let home = Home::new();
    refused(&home, start(&home, "a", &["--cwd", "/no/such/folder"], &[]), "`cwd` /no/such/folder");
}

#[test]
fn a_missing_user_or_group_is_refused() {
    let home = Home::new();
    refused(
        &home,
        start(&home, "a", &["--uid", "nosuchuser"], &[]),
        "there is no user `nosuchuser`",
    );
    refused(
        &home,
        start(&home, "a", &["--gid", "nosuchgroup"], &[]),
        "there is no group `nosuchgroup`",
    );
}

#[test]
fn p13_what_vanished_since_is_told_when_it_is_needed() {
    let home = Home::new();
    let script = home.script("app", "exec sleep 1000");
    fs::create_dir(home.work().join("folder")).unwrap();
    home.run(["start", "./app", "--name", "script"]).ok();
    start(&home, "folder", &["--cwd", "folder"], &["--live", "forever"]).ok();
    fs::remove_file(&script).unwrap();
    fs::remove_dir(home.work().join("folder")).unwrap();
    for (name, what) in [("script", script), ("folder", home.work().join("folder"))] {
        let (what, pid) = (what.to_string_lossy(), home.row(name).pid);
        for verb in ["restart", "reload"] {
            let run = home.run([verb, name]).ends(1);
            run.complains(&what).complains("No such file").complains("nothing was stopped");
            assert_eq!(home.row(name).pid, pid, "{verb}");
        }
        home.run(["stop", name]).ok();
        let run = home.run(["start", name]).ends(1);
        let told = run.out() + &run.err;
        assert!(told.contains(&*what), "{name}: not named in {told}");
        assert!(told.contains("no such file"), "{name}: no reason in {told}");
        assert_ne!(home.row(name).status.as_str(), "online");
        assert_eq!(home.row(name).pid, 0);
    }
}

#[test]
fn p13_the_last_words_of_a_failed_run_begin_with_its_error() {
    let home = Home::new();
    // As Node prints it, with a number for each run.
    let stack =
        "for line in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do echo \"    at line $line\" >&2; done";
    let body = format!(
        "echo >> runs; n=$(($(wc -l < runs)))\n\
         echo starting >&2; echo \"Error: in run $n\" >&2; {stack}; exit 3"
    );
    home.script("app", &body);
    let run = home
        .run(["start", "./app", "-i", "2", "--max-restarts", "2", "--restart-delay", "300"])
        .ends(1);
    assert_eq!(run.err.matches("last lines of app").count(), 1, "told more than once\n{}", run.err);
    let told: Vec<_> =
        run.err.lines().skip_while(|line| !line.starts_with("last lines of")).collect();
    let error = told[1].strip_prefix("  Error: in run ");
    assert!(error.is_some() && told[2] == "      at line 1", "{}", run.err);
}

/// By the time somebody looks, the next run lives and says nothing.
#[test]
fn p13_what_a_run_said_is_shown_although_the_next_one_runs() {
    let home = Home::new();
    let script = "[ -e again ] && exec sleep 1000\ntouch again\necho 'Error: no such table' >&2\nsleep 0.1\necho at the end >&2\nexit 1";
    home.script("app.sh", script);
    home.run(["start", "app.sh", "--restart-delay", "0"]).ends(1).complains("Error: no such table");
}

#[test]
fn p13_what_node_says_of_a_port_in_use_is_shown() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    home.file("app.js", format!("require('node:http').createServer().listen({port}, '127.0.0.1')"));
    home.run(["start", "app.js"]).ends(1).complains("Error: listen EADDRINUSE");
}

#[test]
fn a_config_that_is_not_there_or_not_readable_is_refused() {
    let home = Home::new();
    refused(&home, home.run(["start", "missing.json5"]), "no such file or directory");
    fs::create_dir(home.work().join("folder.json5")).unwrap();
    refused(&home, home.run(["start", "folder.json5"]), "is a directory");
}

#[test]
fn a_half_written_config_starts_nothing() {
    let home = Home::new();
    let whole =
        "{ apps: [{ name: \"a\", script: \"/bin/sh\", args: [\"-c\", \"exec sleep 9\"] }] }";
    // Every place a write may have stopped at; the last byte but one is the first that leaves it whole.
    for length in 1..whole.len() {
        home.file("half.json5", &whole[..length]);
        let run = home.run(["check", "half.json5"]).ends(2);
        assert!(run.out().contains("half.json5"), "{length}: {}", run.out());
    }
    home.file("half.json5", &whole[..40]);
    refused(&home, home.run(["start", "half.json5"]), "half.json5:1:");
}

#[test]
fn unknown_keys_are_told_with_their_place_and_what_was_meant() {
    let home = Home::new();
    let text = format!(
        "{{\n  name: \"a\", script: {:?},\n  autorestrat: false,\n  args: \"--live forever\",\n}}",
        fixture()
    );
    home.file("typo.json5", text);
    home.run(["start", "typo.json5"])
        .ok()
        .complains("typo.json5:3:3: warning: unknown key `autorestrat`")
        .complains("did you mean `autorestart`?");
    home.run(["start", "typo.json5", "--strict"]).ends(2).complains("error: unknown key");
    // What `start` would take is said to be refused here only.
    home.run(["check", "typo.json5"])
        .ends(2)
        .says("typo.json5:3:3: error: unknown key `autorestrat`")
        .says("(strict: otherwise it is ignored)");
}

#[test]
fn a_mistyped_list_of_apps_is_told_with_what_was_meant() {
    let home = Home::new();
    home.file("wrong.json5", "{ app: [{ name: 'a', script: '/bin/sh' }] }");
    home.run(["check", "wrong.json5"])
        .ends(2)
        .says("unknown key `app`")
        .says("did you mean `apps`?");
}

#[test]
fn a_bad_number_is_told_in_words() {
    let home = Home::new();
    let run = home.run(["logs", "--lines", "abc"]).ends(2).complains("it is no whole number");
    assert!(!run.err.contains("invalid digit"), "{}", run.err);
}

#[test]
fn a_reload_says_so() {
    let home = Home::new();
    up(&home, "app");
    let told = home.run(["reload", "app"]).ok().out();
    assert!(told.contains("app (0) reloaded") && !told.contains("restarted,"), "{told}");
    home.run(["restart", "app"]).ok().says("app (0) restarted");
}

#[test]
fn check_tells_all_problems_at_once_each_with_its_place() {
    let home = Home::new();
    let text = "{\n  apps: [\n    { script: \"/bin/sh\", name: \"a\", max_restarts: \"many\" },\n    { \
                script: \"/no/such/script\", name: \"b\" },\n    { script: \"/bin/sh\", name: \"c\", \
                kill_signal: \"SIGNOPE\", instnces: 2 },\n  ],\n}\n";
    home.file("bad.json5", text);
    let run = home.run(["check", "bad.json5"]).ends(2);
    for place in ["bad.json5:3:", "bad.json5:4:", "bad.json5:5:"] {
        assert!(run.out().contains(place), "{place} is missing in\n{}", run.out());
    }
    for problem in ["max_restarts", "/no/such/script", "SIGNOPE", "did you mean `instances`?"] {
        assert!(run.out().contains(problem), "{problem} is missing in\n{}", run.out());
    }
    assert!(!home.home().root().exists(), "`check` made a home");
}

#[test]
fn check_is_content_with_what_is_right() {
    let home = Home::new();
    home.file("good.yaml", "apps:\n  - name: a\n    script: /bin/sh\n");
    home.file("good.toml", "[[apps]]\nname = \"a\"\nscript = \"/bin/sh\"\n");
    home.run(["check", "good.yaml", "good.toml"]).ok();
    // As `start` and `apply`, it takes what lies here.
    home.run(["check"]).ends(2).complains("could not find an ecosystem file here");
    home.file("ecosystem.yaml", "apps:\n  - name: own\n    script: /bin/sh\n");
    home.run(["check"]).ok().says("ecosystem.yaml: 1 app: own");
}

#[test]
fn the_same_name_twice_in_a_file_is_refused() {
    let home = Home::new();
    home.file(
        "twice.json5",
        "[\n{ name: \"a\", script: \"/bin/sh\" },\n{ name: \"a\", script: \"/bin/sh\" },\n]",
    );
    refused(&home, home.run(["start", "twice.json5"]), "twice.json5:3:");
}

#[test]
fn links_that_lead_in_a_circle_end_in_an_error() {
    let home = Home::new();
    for (name, other) in [("a.json5", "b.json5"), ("b.json5", "a.json5"), ("c", "d"), ("d", "c")] {
        symlink(other, home.work().join(name)).unwrap();
    }
    let circle = "too many levels of symbolic links";
    refused(&home, home.run(["start", "a.json5"]), circle);
    refused(&home, home.run(["start", "./c"]), circle);
    refused(&home, start(&home, "x", &["--cwd", "c"], &[]), circle);
}

#[test]
fn what_is_not_understood_is_exit_2() {
    let home = Home::new();
    for words in [
        vec!["strat"],
        vec!["stop"],
        vec!["start", "--nosuchflag"],
        vec!["scale", "a", "many"],
        vec!["sendSignal", "NOSUCH", "all"],
        vec!["logs", "--since", "whenever"],
        vec!["list", "--sort", "beauty"],
        vec!["completion", "tcsh"],
    ] {
        let run = home.run(&words);
        // Some need a daemon to be asked; none runs here, and that is another code.
        assert!(run.code == 2 || (words[0] == "scale" && run.code == 3), "{words:?}: {}", run.code);
        assert!(run.out().is_empty() && run.err.contains("error: "), "{words:?}: {}", run.err);
    }
    up(&home, "a");
    home.run(["scale", "a", "many"]).ends(2).complains("no number of instances");
}

#[test]
fn a_mistyped_command_or_option_is_told_with_what_was_meant() {
    let home = Home::new();
    for (words, meant) in [
        (&["strat", "app.js"][..], "hint: did you mean `start`?\n"),
        (&["lst"], "hint: did you mean `list`?\n"),
        (&["start", "--nmae", "x"], "hint: did you mean `--name`?\n"),
        (&["completion", "bsh"], "hint: did you mean `bash`?\n"),
    ] {
        let run = home.run(words).ends(2).complains(meant);
        assert_eq!(run.err.matches("did you mean").count(), 1, "{}", run.err);
    }
    let run = home.run(["xyzzy"]).ends(2).complains("there is no command xyzzy");
    assert!(!run.err.contains("hint:"), "{}", run.err);
}

#[test]
fn what_needs_a_daemon_and_finds_none_is_exit_3() {
    let home = Home::new();
    for words in [
        vec!["stop", "a"],
        vec!["restart", "a"],
        vec!["describe", "a"],
        vec!["logs", "--nostream"],
        vec!["save"],
        vec!["reloadLogs"],
    ] {
        home.run(&words).ends(3).complains("none runs in").complains("hint: ");
    }
    assert!(!home.home().root().exists(), "a question made a home");
}

#[test]
fn p79_doing_nothing_to_all_is_fine() {
    let home = Home::new();
    for verb in ["stop", "delete", "restart", "reload", "reset"] {
        home.run([verb, "all"]).ok();
    }
    home.run(["list"]).ok();
    home.run(["jlist"]).ok().says("[]");
    home.run(["kill"]).ok();
    up(&home, "a");
    home.run(["delete", "all"]).ok();
    for verb in ["stop", "delete", "restart", "reload", "reset"] {
        home.run([verb, "all"]).ok();
    }
}

/// What one would type for a usage such as `pm scale [OPTIONS] <APP> <N>`, if it takes an app: one that nobody has.
fn with_no_such_app(usage: &str) -> Option<Vec<&str>> {
    let mut takes_app = false;
    let words = usage.split(' ').skip(1).filter_map(|word| {
        let name = word.trim_end_matches("...").trim_matches(['<', '>', '[', ']']);
        let is_app = ["APP", "ID", "JOB", "FILE|APP"].contains(&name);
        takes_app |= is_app;
        match word.as_bytes()[0] {
            _ if is_app => Some("nosuch"),
            b'[' => None,
            b'<' if name == "TARGET" => Some("procfile"),
            _ if word.contains("ARGS") => None,
            b'<' => Some("1"),
            _ => Some(word),
        }
    });
    let words = words.collect();
    takes_app.then_some(words)
}

#[test]
fn what_nobody_knows_is_exit_1() {
    let home = Home::new();
    up(&home, "a");
    let mut calls = 0;
    for (path, page) in crate::tidy::files(".txt") {
        let usage = page.lines().find_map(|line| line.strip_prefix("Usage: "));
        let Some(usage) = usage.filter(|_| path.starts_with("src/golden/help/")) else { continue };
        let Some(words) = with_no_such_app(usage) else { continue };
        calls += 1;
        home.run(words).ends(1).complains("no app matches `nosuch`");
    }
    assert!(calls > 30, "{calls} commands take apps");
    home.run(["stop", "99"]).ends(1).complains("no app matches `99`");
}

#[test]
fn p75_an_empty_list_is_saved_only_by_force() {
    let home = Home::new();
    up(&home, "a");
    home.run(["save"]).ok();
    home.run(["delete", "all"]).ok();
    home.run(["save"]).ends(2).complains("--force");
    let saved = fs::read_to_string(home.home().saved()).unwrap();
    assert!(saved.contains("\"a\""), "the saved list was overwritten: {saved}");
    home.run(["save", "--force"]).ok();
    home.run(["resurrect"]).ok();
    assert!(home.rows().is_empty());
}

#[test]
fn who_ran_a_program_that_lacks_something_is_told() {
    let home = Home::new();
    home.file("lacks.sh", "echo \"ModuleNotFoundError: No module named 'flask'\" >&2; exit 1\n");
    let run = home.run(["start", "lacks.sh", "--interpreter", "/bin/sh", "--no-autorestart"]);
    run.ends(1).complains("it was run by /bin/sh");
}

#[test]
fn options_of_a_program_before_the_dashes_write_nothing_and_are_told_where_to_stand() {
    let home = Home::new();
    let program = home.file("gunicorn", "#!/bin/sh\n");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    let run = home.run(["start", "./gunicorn", "-w", "4", "app:app"]);
    run.ends(2).complains("`pm start ./gunicorn -- ...`");
    assert!(!home.work().join("gunicorn-pm2.json").exists());
    for odd in ["-b", "--bind", "--nam"] {
        let run = home.run(["start", "./gunicorn", odd, "x"]);
        run.ends(2).complains("options of a program itself come after `--`");
    }
    assert!(home.rows().is_empty());
}

#[test]
fn an_unknown_name_is_told_what_it_may_mean_and_that_nothing_was_done() {
    let home = Home::new();
    up(&home, "shop");
    for verb in ["stop", "restart", "delete"] {
        let run = home.run([verb, "shop", "shp"]);
        run.ends(1)
            .complains("no app matches `shp`")
            .complains("nothing was done; did you mean `shop`?");
    }
    home.run(["delete", "xyz"])
        .ends(1)
        .complains("nothing was done; `pm list` shows what there is");
    home.run(["describe", "shp"]).ends(1).complains("hint: did you mean `shop`?");
    assert_eq!(home.rows().len(), 1);
}

#[test]
fn what_failed_is_told_by_its_own_words_wherever_it_said_them() {
    let home = Home::new();
    let one = |name: &str, script: &str| {
        home.script(name, script);
        home.run(["start", &format!("./{name}"), "--restart-delay", "1h"]).ends(1)
    };
    // On standard output, if standard error is silent.
    one("so", "echo 'the database said no'; exit 1").complains("  the database said no\n");
    // Not those of an app of the same name that is gone.
    home.script(
        "old",
        "trap 'echo OLD >&2; exit' TERM INT; echo up >&2; while :; do sleep 0.02; done",
    );
    home.run(["start", "./old", "--name", "q"]).ok();
    home.run(["delete", "q"]).ok();
    home.wait_until("its words are older than times of lines are exact", || {
        let log = home.home().logs().join("q-error.log");
        let written = log.metadata().and_then(|meta| meta.modified()).unwrap();
        written.elapsed().is_ok_and(|age| age > Duration::from_millis(20))
    });
    home.script("new", "exit 3");
    let told = home.run(["start", "./new", "--name", "q", "--restart-delay", "1h"]).ends(1);
    assert!(!told.err.contains("OLD"), "{}", told.err);
    let told = home.run(["why", "q"]).ok().says("exited with code 3").out();
    assert!(!told.contains("OLD"), "{told}");
    // Not those of a run that was well, where the next could not even begin.
    let gone = home.script("gone", "echo well >&2; exec sleep 1000");
    home.run(["start", "./gone"]).ok();
    fs::remove_file(gone).unwrap();
    let told = home.run(["restart", "gone"]).ends(1);
    assert!(!told.err.contains("last lines"), "{}", told.err);
    // Of many the first few, and that there are more.
    let apps: Vec<_> = (1..=5)
        .map(|n| {
            format!("{{name: 'r{n}', script: 'echo r{n} >&2; exit 3', restart_delay: 3600000}}")
        })
        .collect();
    home.file("many.json5", format!("[{}]", apps.join(",")));
    home.run(["start", "many.json5"])
        .ends(1)
        .complains("2 more failed (r4, r5): `pm why r4` tells how");
}

#[test]
fn what_dies_soon_after_its_start_is_told_by_list_and_why() {
    let home = Home::new();
    home.script("soon", "[ -e died ] && exec sleep 1000; sleep 1.1; :>died; exit 7");
    home.run(["start", "./soon"]).ok().says("started");
    home.wait_until("it runs again", || {
        let row = home.row("soon");
        row.restarts == 1 && row.pid != 0
    });
    let note = "a failure before this run; it exited with code 7";
    assert_eq!(home.row("soon").note.as_deref(), Some(note), "below the list");
    home.run(["why", "soon"]).ok().says(note).says("once: exited with code 7");
    signal(home.row("soon").pid, 9);
    home.wait_until("it runs a third time", || {
        let row = home.row("soon");
        row.restarts == 2 && row.pid != 0
    });
    home.run(["why", "soon"]).ok().says("before this run; it was killed by SIGKILL");
}

#[test]
fn while_it_fails_again_and_again_that_is_shown_though_it_is_up() {
    let home = Home::new();
    home.script("clash", "[ -e fine ] && : >stays && exec sleep 1000; sleep 0.03; exit 7");
    let stays = home.file("none", "").with_file_name("stays");
    home.run(["start", "./clash", "--min-uptime", "10", "--no-wait"]).ok();
    home.wait_until("it has failed often", || home.row("clash").restarts > 4);
    home.file("fine", "");
    home.wait_until("one that stays", || stays.exists());
    // It runs before the daemon has heard of it.
    home.wait_until("it is known", || home.row("clash").status == Status::Online);
    let told = |verb: &str| {
        home.run([verb, "clash"])
            .ok()
            .says("failures in a row before this run; it exited with code 7")
    };
    told("why");
    assert!(home.row("clash").note.is_some(), "a list on a terminal shows it below");
    told("describe");
}

#[test]
fn what_would_have_been_the_right_command_is_named() {
    let home = Home::new();
    home.script("app", "echo well; exec sleep 1000");
    home.file("apps.json5", "[{ name: 'one', script: './app' }, { name: 'two', script: './app' }]");
    let told = home.run(["start", "apps.json5"]).ok();
    assert!(!told.err.contains("pm apply"), "nothing ran before: {}", told.err);
    let told = home.run(["start", "apps.json5"]).ok();
    let hint = "hint: `pm start` restarts what runs already; `pm apply FILE` restarts only what has changed";
    assert_eq!(told.err.matches(hint).count(), 1, "{}", told.err);
    // Its log is there as soon as it has written.
    let log = home.home().logs().join("one-out.log");
    home.wait_file(&log, |bytes| bytes.ends_with(b"well\n"));
    home.run(["delete", "one"]).ok();
    let hint = "`pm flush --orphans` removes the logs of apps that were deleted";
    home.run(["flush", "one"]).ends(1).complains("no app matches `one`").complains(hint);
    let never = home.run(["flush", "never"]).ends(1);
    assert!(!never.err.contains("--orphans"), "{}", never.err);
}
