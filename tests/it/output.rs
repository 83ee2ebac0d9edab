//! What apps write, on good days and bad ones (pains 4, 19, 20, 21, 33, 34, 55 to 58, 73).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use pm_testkit::{Home, fixture, is_alive, signal};

use crate::apps::{kib, log, start, tree, up};

/// Prints a number every few milliseconds, as long as it lives.
fn counter(home: &Home, name: &str, flags: &[&str]) -> u32 {
    let body = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done";
    let script = home.script(format!("{name}.sh"), body);
    let words = ["start", script.to_str().unwrap(), "--name", name];
    home.run(words.iter().chain(flags)).ok();
    home.row(name).pid
}

fn numbers(bytes: &[u8]) -> Vec<u64> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    // The last line may be on its way.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(|line| line.parse().unwrap()).collect()
}

#[test]
fn law5_p34_bytes_stay_bytes() {
    let home = Home::new();
    // Not UTF-8, NUL, a bell, an escape sequence that clears a screen, a carriage return, an overlong form.
    let bytes = b"\xff\xfe\x00\x07\x1b[2J\r\xc0\x80 end\n";
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    start(&home, "odd", &[], &["--bytes", &hex, "--live", "forever"]).ok();
    home.wait_file(home.home().logs().join("odd-out.log"), |seen| seen == bytes);
    let raw = home.run(["logs", "odd", "--nostream", "--raw"]).ok();
    assert_eq!(raw.out_bytes, bytes);
    let lines = home.run(["logs", "odd", "--nostream", "--json"]).ok();
    lines.json();
    assert_eq!(home.row("odd").restarts, 0);
}

/// The most memory the daemon and its guardian ever had, in MiB.
fn peak(home: &Home) -> u64 {
    let hello = home.hello();
    assert_eq!(hello.incarnation, 1, "the daemon died meanwhile");
    (kib(hello.pid, "VmHWM") + kib(hello.guardian, "VmHWM")) >> 10
}

const HUGE: usize = 300 << 20;

#[test]
fn p34_p08_300_mb_without_a_line_end_cost_no_memory() {
    let home = Home::new();
    let text = format!(
        "{{ name: 'huge', script: {:?}, args: '--line 300M --live forever', log_max_size: false }}",
        fixture()
    );
    home.file("huge.json5", text);
    home.run(["start", "huge.json5"]).ok();
    let file = home.home().logs().join("huge-out.log");
    let length = |file: &PathBuf| fs::metadata(file).map_or(0, |meta| meta.len());
    home.wait_until("300 MB", || length(&file) == HUGE as u64);
    assert!(peak(&home) < 64, "{} MiB", peak(&home));
    fs::remove_file(file).unwrap();
}

#[test]
fn p34_p08_a_stamped_line_of_300_mb_is_cut_and_costs_no_memory() {
    let home = Home::new();
    let text = format!(
        "{{ name: 'huge', script: {:?}, args: '--line 300M --nl --bytes 656e640a --live forever', \
         log_max_size: false, time: true }}",
        fixture()
    );
    home.file("huge.json5", text);
    home.run(["start", "huge.json5"]).ok();
    let file = home.home().logs().join("huge-out.log");
    home.wait_until("the end", || {
        let length = fs::metadata(&file).map_or(0, |meta| meta.len());
        length > HUGE as u64 && fs::read(&file).unwrap().ends_with(b": end\n")
    });
    assert!(peak(&home) < 64, "{} MiB", peak(&home));
    let count = fs::read(&file).unwrap().into_iter().filter(|byte| *byte == b'x').count();
    assert_eq!(count, HUGE, "bytes were lost or doubled");
    fs::remove_file(file).unwrap();
}

#[test]
fn p19_a_log_that_was_moved_away_is_followed_by_a_new_one() {
    let home = Home::new();
    counter(&home, "app", &[]);
    let file = home.home().logs().join("app-out.log");
    home.wait_file(&file, |bytes| bytes.len() > 20);
    let old = home.work().join("old.log");
    fs::rename(&file, &old).unwrap();
    home.wait_file(&file, |bytes| bytes.len() > 20);
    let mut all = numbers(&fs::read(old).unwrap());
    all.extend(numbers(&fs::read(file).unwrap()));
    assert_eq!((all[0], gaps(&all)), (0, Vec::new()), "lines were lost or doubled");
}

#[test]
fn p19_reload_logs_opens_them_anew_at_once() {
    let home = Home::new();
    counter(&home, "app", &[]);
    let file = home.home().logs().join("app-out.log");
    home.wait_file(&file, |bytes| bytes.len() > 20);
    fs::rename(&file, home.work().join("old.log")).unwrap();
    home.run(["reloadLogs"]).ok();
    assert!(file.exists(), "`reloadLogs` returned and there is no file");
    home.wait_file(&file, |bytes| bytes.len() > 20);
}

#[test]
fn p19_a_deleted_log_comes_back() {
    let home = Home::new();
    let pid = counter(&home, "app", &[]);
    let file = home.home().logs().join("app-out.log");
    home.wait_file(&file, |bytes| bytes.len() > 20);
    fs::remove_file(&file).unwrap();
    home.wait_file(&file, |bytes| numbers(bytes).len() > 3);
    assert_eq!(home.row("app").pid, pid);
}

#[test]
fn p20_a_removed_log_folder_hurts_nobody() {
    let home = Home::new();
    let pid = counter(&home, "app", &["-o", "logs/deep/app.log", "--time"]);
    let file = home.work().join("logs/deep/app.log");
    home.wait_file(&file, |bytes| bytes.len() > 20);
    fs::remove_dir_all(home.work().join("logs")).unwrap();
    home.wait_file(&file, |bytes| bytes.len() > 20);
    assert_eq!(home.row("app").pid, pid, "the app died of our missing folder");
}

#[test]
fn p20_a_full_disk_costs_counted_lines_and_never_the_app() {
    // The first call makes a mount namespace with a small disk in it, in which everything then lives. An ordinary user
    // gets a namespace of users around it.
    let home = Home::new();
    let disk = home.work().join("disk");
    fs::create_dir(&disk).unwrap();
    let who = if rustix::process::geteuid().is_root() { "-m" } else { "-Urm" };
    let first = home.script(
        "first",
        &format!(
            "exec unshare {who} sh -c 'mount -t tmpfs -o size=256k small \"$0\" && exec \"$@\"' {:?} {:?} \"$@\"",
            disk,
            pm_testkit::pm()
        ),
    );
    let home = home.with_program(first);
    let steps = ["--lines", "20000", "--bytes", "656e640a", "--live", "forever"];
    start(&home, "full", &["-o", "disk/full.log"], &steps).ok();
    let home = home.with_program(pm_testkit::pm());
    let hello = home.hello();
    let disk = PathBuf::from(format!("/proc/{}/root{}", hello.guardian, disk.display()));
    let log = disk.join("full.log");
    home.wait_until("a full disk", || fs::metadata(&log).is_ok_and(|meta| meta.len() > 200 << 10));
    let pid = home.row("full").pid;
    // The app goes on: nobody but us sees that there is no room. Another one isn't touched at all.
    counter(&home, "other", &[]);
    home.wait_file(home.home().logs().join("other-out.log"), |bytes| bytes.len() > 20);
    assert!(is_alive(pid));
    let note = || home.row("full").note.unwrap_or_default();
    home.wait_until("it is told", || note().starts_with("its output is lost, for "));
    home.run(["why", "full"]).ok().says("takes nothing: disk full");
    assert_eq!(home.row("other").note, None, "only of whom it concerns");
    let words = ["-c", ": > \"$0\"", log.to_str().unwrap()];
    assert!(std::process::Command::new("sh").args(words).status().unwrap().success());
    home.wait_file(&log, |bytes| {
        bytes.ends_with(b"end\n") || bytes.windows(13).any(|w| w == b"bytes dropped")
    });
    home.wait_until("it is over", || note().is_empty());
    let row = home.row("full");
    assert_eq!((row.pid, row.restarts), (pid, 0), "the app died of our disk");
    assert_eq!(home.hello().incarnation, 1, "the daemon died of our disk");
}

#[test]
fn p04_logs_are_capped_and_rotated_while_the_app_runs() {
    let home = Home::new();
    let text = format!(
        "{{ name: 'chatty', script: {:?}, args: '--lines 30000 --live forever', log_max_size: '256K', \
         log_keep: 3 }}",
        fixture()
    );
    home.file("chatty.json5", text);
    home.run(["start", "chatty.json5"]).ok();
    let folder = home.home().logs();
    // 3 MB were written; what is left is the live file and three compressed ones.
    home.wait_until("rotation to rest", || {
        let names = files(&folder);
        names.len() == 4 && names.iter().filter(|name| name.ends_with(".gz")).count() == 3
    });
    let last = home.run(["logs", "chatty", "--nostream", "--lines", "1", "--raw"]).ok();
    assert!(last.out().starts_with("00029999 "), "{}", last.out());
    // History is read over rotated and compressed files alike.
    let many = home.run(["logs", "chatty", "--nostream", "--lines", "4000", "--raw"]).ok();
    let lines: Vec<_> = many.out().lines().map(|line| line[..8].parse::<u64>().unwrap()).collect();
    assert!(lines.iter().copied().eq(26_000..30_000), "{:?}", gaps(&lines));
    assert_eq!(home.row("chatty").restarts, 0);
}

/// Where numbers don't follow each other.
fn gaps(numbers: &[u64]) -> Vec<(u64, u64)> {
    let pairs = numbers.windows(2).map(|pair| (pair[0], pair[1]));
    pairs.filter(|(one, other)| one + 1 != *other).collect()
}

/// The files of an app's standard output: the live one and what was rotated.
fn files(folder: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("chatty-out")).collect()
}

#[test]
fn flush_empties_what_it_says_and_nothing_else() {
    let home = Home::new();
    start(&home, "a", &[], &["--bytes", "610a", "--live", "forever"]).ok();
    start(&home, "b", &[], &["--bytes", "620a", "--live", "forever"]).ok();
    home.run(["flush", "a"]).ok().says("a-out.log");
    assert_eq!((log(&home, "a-out.log"), log(&home, "b-out.log")), (Vec::new(), b"b\n".to_vec()));
    home.run(["flush"]).ok();
    assert!(log(&home, "b-out.log").is_empty());
    home.run(["stop", "all"]).ok();
    fs::remove_dir_all(home.home().logs()).unwrap();
    home.run(["flush"]).ok();
}

#[test]
fn a_flush_takes_the_rotated_parts_too() {
    let home = Home::new();
    let app = |name: &str| {
        format!(
            "{{ name: '{name}', script: {:?}, args: '--lines 9000 --live forever', log_max_size: '256K', \
             log_keep: 9 }}",
            fixture()
        )
    };
    // The names are each other's beginnings.
    home.file("apps.json5", format!("[{}, {}]", app("chatty"), app("chatty-out")));
    home.run(["start", "apps.json5"]).ok();
    let folder = home.home().logs();
    let parts = |log: &str| {
        files(&folder).into_iter().filter(|name| name.starts_with(&format!("{log}__"))).count()
    };
    home.wait_until("rotated parts", || {
        let packed = files(&folder).iter().filter(|name| name.ends_with(".log.gz")).count();
        parts("chatty-out") == 3 && parts("chatty-out-out") == 3 && packed == 6
    });
    home.run(["flush", "chatty"]).ok().says("chatty-out.log").says("removed 3 rotated parts");
    assert_eq!((parts("chatty-out"), parts("chatty-out-out")), (0, 3));
    assert_eq!(home.run(["logs", "chatty", "--nostream", "--raw"]).ok().out(), "");
    let last = home.run(["logs", "chatty-out", "--nostream", "--raw", "--lines", "1"]).ok();
    assert!(last.out().starts_with("00008999 "), "{}", last.out());
    // And so it is for apps that are down.
    home.run(["stop", "chatty-out"]).ok();
    let flushed = home.run(["flush", "--json"]).ok().out();
    assert!(flushed.contains("\"parts\": 3") || flushed.contains("\"parts\":3"), "{flushed}");
    assert!(!files(&folder).iter().any(|name| name.contains("__")), "{:?}", files(&folder));
    assert_eq!(home.run(["logs", "--nostream", "--raw"]).ok().out(), "");
}

#[test]
fn the_managers_log_tells_the_lives_of_apps() {
    let home = Home::new();
    // Whatever the zone of whoever started it.
    home.pm(["ping"]).env("TZ", "XYZ-9").run().ok();
    start(&home, "web", &[], &["--live", "forever"]).ok();
    start(&home, "sad", &["--max-restarts", "1", "--restart-delay", "0"], &["--exit", "3"]);
    let diary = || fs::read_to_string(home.home().diary()).unwrap();
    home.wait_until("the end of tries", || {
        diary().contains("App [sad:1] had too many unstable restarts")
    });
    home.run(["stop", "web"]).ok();
    signal(home.hello().pid, 9);
    home.wait_until("the next daemon", || diary().contains("ended: killed by SIGKILL, after "));
    let diary = diary();
    let of = |name: &str| -> Vec<String> {
        let lines = diary.lines().filter(|line| line.contains(name));
        let said =
            lines.filter_map(|line| Some(line.split_once("]: ").or(line.split_once(": "))?.1));
        said.map(str::to_owned).collect()
    };
    assert_eq!(
        of("web"),
        [
            "App [web:0] starting in -fork mode-",
            "App [web:0] online",
            "Stopping app:web id:0",
            "App [web:0] exited with code [0] via signal [SIGINT]"
        ]
    );
    let sad = of("sad");
    assert_eq!(
        sad[..3],
        [
            "App [sad:1] starting in -fork mode-",
            "App [sad:1] online",
            "App [sad:1] exited with code [3] via signal [SIGINT]"
        ]
    );
    // One clock and one form, the guardian's lines included.
    for line in diary.lines() {
        let form: String =
            line.chars().take(24).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(form, "0000-00-00T00:00:00.000Z", "{line}");
    }
    let hours: Vec<_> = diary.lines().map(|line| &line[..13]).collect();
    assert!(hours.is_sorted(), "two clocks:\n{diary}");
}

#[test]
fn a_line_of_a_shared_file_is_nobodys_in_particular() {
    let home = Home::new();
    let steps = ["--bytes", "68690a", "--live", "forever"];
    start(&home, "who", &["-i", "3", "--merge-logs"], &steps).ok();
    start(&home, "own", &["-i", "2"], &steps).ok();
    home.wait_file(home.home().logs().join("who-out.log"), |bytes| bytes == b"hi\nhi\nhi\n");
    for word in ["2", "who"] {
        let out = home.run(["logs", word, "--nostream"]).ok().out();
        let lines: Vec<_> = out.lines().filter(|line| line.ends_with("hi")).collect();
        assert_eq!(lines.len(), 3, "{out}");
        assert!(lines.iter().all(|line| line.starts_with("who")), "{out}");
    }
    home.wait_file(home.home().logs().join("own-out-4.log"), |bytes| bytes == b"hi\n");
    home.run(["logs", "4", "--nostream"]).ok().says("4|own");
}

#[test]
fn logs_are_appended_over_restarts() {
    let home = Home::new();
    start(&home, "a", &[], &["--bytes", "610a", "--live", "forever"]).ok();
    home.run(["restart", "a"]).ok();
    home.wait_file(home.home().logs().join("a-out.log"), |bytes| bytes == b"a\na\n");
}

#[test]
fn p58_logs_into_head_ends_with_head_even_if_nobody_writes() {
    let home = Home::new();
    start(&home, "quiet", &[], &["--bytes", "68690a", "--live", "forever"]).ok();
    let mut logs = home.pm(["logs", "quiet"]).background();
    logs.wait_for("hi");
    logs.close_out();
    assert_eq!(logs.wait(), 0);
    counter(&home, "loud", &[]);
    let mut logs = home.pm(["logs", "loud"]).background();
    logs.wait_for("loud");
    logs.close_out();
    assert_eq!(logs.wait(), 0);
}

#[test]
fn what_deleted_apps_wrote_is_found_and_removed() {
    let home = Home::new();
    let folder = home.home().logs();
    for name in ["kept", "saved", "gone", "gone-too"] {
        start(&home, name, &["--instances", "2"], &["--bytes", "610a", "--live", "forever"]).ok();
    }
    home.run(["save"]).ok();
    start(&home, "late", &["--log"], &["--bytes", "610a", "--live", "forever"]).ok();
    let write = |name: &str| fs::write(folder.join(name), "12345").unwrap();
    let parts = ["gone-out-2__2026-01-01_00-00-01.log.gz", "gone-out-2__2026-01-01_00-00-02-1.log"];
    parts.into_iter().for_each(write);
    // Of an instance that was scaled away, a part of its log, and what we never wrote.
    let others = [
        "kept-out-9.log",
        "kept-error__2026-01-01_00-00-01.log",
        "mine.log",
        "notes.txt",
        "x__y-out.log.old",
    ];
    others.into_iter().for_each(write);
    let names = || {
        let all = fs::read_dir(&folder).unwrap();
        let mut all: Vec<_> =
            all.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
        all.sort();
        all
    };
    home.run(["flush", "--orphans"]).ok().says("no logs of deleted apps");
    home.run(["delete", "gone", "gone-too", "saved", "late"]).ok();
    // The saved list would bring them back.
    home.run(["flush", "--orphans", "--dry-run"]).ok().says("3 files, ");
    home.run(["delete", "all"]).ok();
    start(&home, "kept", &["--instances", "2"], &["--bytes", "610a", "--live", "forever"]).ok();
    start(&home, "saved", &["--instances", "2"], &["--bytes", "610a", "--live", "forever"]).ok();
    home.run(["save"]).ok();
    home.run(["delete", "saved"]).ok();
    let before = names();
    home.run(["report"]).ok().says("logs of deleted apps: 13 files");
    let told = home.run(["flush", "--orphans", "--dry-run"]).ok();
    told.says("would remove")
        .says(&format!("{}", folder.join(parts[0]).display()))
        .says("13 files");
    assert_eq!(names(), before, "a dry run removes nothing");
    let gone = |name: &String| name.starts_with("gone") || name.starts_with("late");
    let sizes = before.iter().filter(|name| gone(name));
    let bytes: u64 = sizes.map(|name| fs::metadata(folder.join(name)).unwrap().len()).sum();
    let told = home.run(["flush", "--orphans", "--json"]).ok().json();
    assert_eq!(
        (told["removed"].as_array().unwrap().len(), &told["bytes"]),
        (13, &bytes.into()),
        "{told}"
    );
    assert!(before.iter().any(gone) && !names().iter().any(gone), "{:?}", names());
    let left: Vec<_> = before.iter().filter(|name| !gone(name)).cloned().collect();
    assert_eq!(names(), left);
    assert!(others.iter().all(|other| left.iter().any(|name| name == other)), "{left:?}");
    home.run(["flush", "--orphans"]).ok().says("no logs of deleted apps");
    home.run(["flush", "--orphans", "kept"]).ends(2);
    home.run(["flush", "--dry-run"]).ends(2);
    // Whose they are has to be known.
    fs::write(home.home().saved(), "{").unwrap();
    home.run(["flush", "--orphans"]).ends(1).complains("could not");
    home.run(["kill"]).ok();
    home.run(["flush", "--orphans"]).ends(3);
    home.run(["report"]).ok().says("logs of deleted apps: unknown");
    assert!(names().iter().any(|name| name.starts_with("kept")));
}

#[test]
fn p33_following_goes_on_over_restart_flush_and_rotation() {
    let home = Home::new();
    start(&home, "app", &[], &["--print-pid", "--live", "forever"]).ok();
    let mut logs = home.pm(["logs", "app", "--raw"]).background();
    logs.wait_for(&format!("{}\n", home.row("app").pid));
    home.run(["restart", "app"]).ok();
    logs.wait_for(&format!("{}\n", home.row("app").pid));
    home.run(["flush", "app"]).ok();
    home.run(["restart", "app"]).ok();
    logs.wait_for(&format!("{}\n", home.row("app").pid));
    let file = home.home().logs().join("app-out.log");
    fs::rename(&file, home.work().join("old")).unwrap();
    home.run(["reloadLogs"]).ok();
    home.run(["restart", "app"]).ok();
    logs.wait_for(&format!("{}\n", home.row("app").pid));
    signal(home.hello().pid, 9);
    home.run(["restart", "app"]).ok();
    logs.wait_for(&format!("{}\n", home.row("app").pid));
    assert_eq!(logs.seen().lines().count(), 5, "lines were lost or doubled:\n{}", logs.seen());
    // Not SIGINT: a shell that runs the tests in the background has it ignored.
    logs.signal(15);
    logs.wait();
}

#[test]
fn p55_all_apps_are_merged_by_time() {
    let home = Home::new();
    for name in ["a", "b"] {
        let script = home.script(name, "while [ ! -e go-$1 ]; do sleep 0.01; done; echo first-$1; while [ ! -e go2-$1 ]; do sleep 0.01; done; echo second-$1; exec sleep 1000");
        home.run(["start", script.to_str().unwrap(), "--name", name, "--", name]).ok();
    }
    // b speaks before a, then a, then b.
    for (go, name, said) in [
        ("go-b", "b", "first-b"),
        ("go-a", "a", "first-a"),
        ("go2-b", "b", "second-b"),
        ("go2-a", "a", "second-a"),
    ] {
        home.file(go, "");
        let file = home.home().logs().join(format!("{name}-out.log"));
        home.wait_file(file, |bytes| String::from_utf8_lossy(bytes).contains(said));
    }
    let out = home.run(["logs", "--nostream", "--raw"]).ok().out();
    assert_eq!(out, "first-b\nfirst-a\nsecond-b\nsecond-a\n");
}

#[test]
fn logs_choose_streams_lines_text_and_form() {
    let home = Home::new();
    let steps =
        ["--bytes", "6f6e650a74776f0a", "--stderr", "--bytes", "6261640a", "--live", "forever"];
    start(&home, "app", &[], &steps).ok();
    home.wait_file(home.home().logs().join("app-error.log"), |bytes| bytes == b"bad\n");
    let logs = |flags: &[&str]| {
        let words = ["logs", "app", "--nostream"].iter().chain(flags);
        home.run(words).ok().out()
    };
    assert_eq!(logs(&["--out", "--raw"]), "one\ntwo\n");
    assert_eq!(logs(&["--err", "--raw"]), "bad\n");
    assert_eq!(logs(&["--out", "--raw", "--lines", "1"]), "two\n");
    assert_eq!(logs(&["--raw", "--grep", "tw"]), "two\n");
    assert_eq!(logs(&["--raw", "--grep", "TW", "-I"]), "two\n");
    home.run(["logs", "--nostream", "--grep", "nowhere"])
        .ends(1)
        .complains("no line has that text");
    assert_eq!(logs(&["--raw", "--since", "1h"]).lines().count(), 3);
    assert_eq!(logs(&["--raw", "--until", "1h"]), "");
    assert_eq!(logs(&["--out"]), "0|app | one\n0|app | two\n");
    for line in logs(&["--json"]).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line.is_object(), "{line}");
    }
    let stamped = logs(&["--out", "--timestamp", "YYYY"]);
    assert!(stamped.lines().all(|line| line.contains("20") && line.contains("0|app")), "{stamped}");
}

#[test]
fn p56_every_line_is_stamped_once() {
    let home = Home::new();
    // A line in two writes, an empty line, one without an end.
    let steps =
        ["--bytes", "6f", "--ready-after", "5", "--bytes", "6e650a0a656e64", "--live", "forever"];
    start(&home, "app", &["--log-date-format", "YYYY-MM-DD"], &steps).ok();
    let text = home.wait_file(home.home().logs().join("app-out.log"), |bytes| {
        String::from_utf8_lossy(bytes).contains("end")
    });
    let text = String::from_utf8(text).unwrap();
    let stamp = text.split(": ").next().unwrap();
    assert_eq!(stamp.len(), 10, "{text}");
    assert_eq!(text, format!("{stamp}: oready\n{stamp}: ne\n{stamp}: \n{stamp}: end"), "{text}");
}

#[test]
fn p57_json_logs_have_one_object_a_line() {
    let home = Home::new();
    let steps = ["--bytes", "61ff0a620a", "--stderr", "--bytes", "630a", "--live", "forever"];
    start(&home, "app", &["--log-type", "json"], &steps).ok();
    for (file, count) in [("app-out.log", 2), ("app-error.log", 1)] {
        let bytes = home.wait_file(home.home().logs().join(file), |bytes| {
            bytes.iter().filter(|byte| **byte == b'\n').count() == count
        });
        for line in String::from_utf8(bytes).unwrap().lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            for key in ["message", "timestamp", "type", "process_id", "app_name"] {
                assert!(line.get(key).is_some(), "{key} is missing in {line}");
            }
        }
    }
}

#[test]
fn p21_python_prints_are_seen_at_once() {
    let home = Home::new();
    home.file("app.py", "import time\nprint('hello')\ntime.sleep(1000)\n");
    home.script("run", "true\npython3 app.py");
    for (name, script) in [("app", "app.py"), ("line", "python3 app.py"), ("script", "./run")] {
        home.pm(["start", script, "--name", name]).run().ok();
        let log = home.home().logs().join(format!("{name}-out.log"));
        home.wait_file(log, |bytes| bytes == b"hello\n");
    }
}

#[test]
fn a_combined_log_and_one_for_all_instances() {
    let home = Home::new();
    let steps = ["--bytes", "6f75740a", "--stderr", "--bytes", "6572720a", "--live", "forever"];
    let flags = ["-l", "all.log", "--merge-logs", "-i", "2"];
    start(&home, "app", &flags, &steps).ok();
    let mut lines = Vec::new();
    home.wait_file(home.work().join("all.log"), |bytes| {
        lines = String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect();
        lines.len() == 4
    });
    lines.sort();
    assert_eq!(lines, ["err", "err", "out", "out"]);
    home.wait_file(home.home().logs().join("app-out.log"), |bytes| bytes == b"out\nout\n");
}

#[test]
fn each_instance_has_its_own_log_unless_merged() {
    let home = Home::new();
    start(&home, "app", &["-i", "2"], &["--bytes", "6f75740a", "--live", "forever"]).ok();
    for id in 0..2 {
        let file = home.home().logs().join(format!("app-out-{id}.log"));
        home.wait_file(file, |bytes| bytes == b"out\n");
    }
}

#[test]
fn disabled_logs_are_nowhere() {
    let home = Home::new();
    start(&home, "app", &["--disable-logs"], &["--lines", "1000", "--live", "forever"]).ok();
    assert!(log(&home, "app-out.log").is_empty());
    assert_eq!(home.row("app").restarts, 0);
}

#[test]
fn dev_stdout_works_in_a_shell() {
    let home = Home::new();
    let script =
        home.script("app", "echo one > /dev/stdout; echo two > /dev/stderr; exec sleep 1000");
    home.run(["start", script.to_str().unwrap()]).ok();
    home.wait_file(home.home().logs().join("app-out.log"), |bytes| bytes == b"one\n");
    home.wait_file(home.home().logs().join("app-error.log"), |bytes| bytes == b"two\n");
}

#[test]
fn p64_nothing_of_an_app_is_readable_by_others() {
    let home = Home::new();
    up(&home, "app");
    for (path, mode) in [
        (home.home().root().to_path_buf(), 0o700),
        (home.home().socket().to_path_buf(), 0o600),
        (home.home().journal(), 0o600),
    ] {
        let found = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{}: {found:o}", path.display());
    }
    assert_eq!(tree(&home, "app").len(), 1);
}
