//! Apps that are started anew by the clock or by files that change (pains 26, 27, 36, 40).

use std::fs;
use std::path::Path;

use pm_testkit::Home;

use crate::apps::{ends, start, up};

/// Every second.
const TICK: &str = "* * * * * *";

const FOREVER: [&str; 2] = ["--live", "forever"];

/// How many times something was begun.
fn runs(file: &Path) -> usize {
    fs::read_to_string(file).unwrap_or_default().lines().count()
}

/// Waits until something that ticks has ticked so many times more.
fn wait_ticks(home: &Home, name: &str, more: u32) {
    let restarts = home.row(name).restarts;
    home.wait_rows(&format!("{more} more ticks"), |rows| {
        rows.iter().any(|row| row.name == name && row.restarts >= restarts + more)
    });
}

#[test]
fn p27_a_schedule_restarts_any_app_says_so_and_shows_its_next_time() {
    let home = Home::new();
    start(&home, "web", &["--cron-restart", TICK], &FOREVER).ok();
    let pid = home.row("web").pid;
    let row = home.wait_new_pid("web", pid);
    assert!(row.restarts >= 1);
    assert!(ends(&home, "web")[0]["why"].as_str().unwrap().contains("by its schedule"));
    home.run(["describe", "web"]).ok().says("cron restart").says(TICK).says("next cron restart");
    let described = home.run(["jlist"]).ok().json();
    assert_eq!(described[0]["pm2_env"]["cron_restart"], TICK);
}

#[test]
fn p27_a_job_is_started_at_each_time_and_not_in_between() {
    let home = Home::new();
    let file = home.work().join("runs");
    let flags = ["--cron", TICK, "--no-autorestart"];
    start(&home, "job", &flags, &["--write-file", "runs", "--exit", "0"]).ok();
    home.wait_until("five runs", || runs(&file) >= 5);
    let row = home.row("job");
    assert_eq!(row.restarts, 0, "to start what has ended is no restart");
    // Only made known, it waits for its time, too.
    let flags = ["--cron", TICK, "--no-autorestart", "--no-autostart"];
    start(&home, "later", &flags, &["--write-file", "late", "--exit", "0"]).ok();
    home.wait_until("two runs", || runs(&home.work().join("late")) >= 2);
}

#[test]
fn p27_what_a_person_stopped_stays_down_unless_the_spec_says_otherwise() {
    let home = Home::new();
    start(&home, "clock", &["--cron", TICK], &FOREVER).ok();
    start(&home, "stopped", &["--cron", TICK], &FOREVER).ok();
    let flags = ["--cron", TICK, "--no-autorestart"];
    start(&home, "job", &flags, &["--write-file", "runs", "--exit", "0"]).ok();
    start(&home, "stubborn", &["--cron", TICK, "--cron-after-stop"], &FOREVER).ok();
    home.run(["stop", "stopped", "job", "stubborn"]).ok();
    let times = runs(&home.work().join("runs"));
    wait_ticks(&home, "clock", 2);
    home.wait_status("stubborn", "online");
    assert_eq!(home.row("stopped").status.as_str(), "stopped");
    assert_eq!(runs(&home.work().join("runs")), times, "a job that was stopped in between");
    let described = home.run(["describe", "stopped", "--json"]).ok().json();
    assert!(described[0].get("next_cron").is_none(), "nobody waits for it");
    // Saved and brought back, it still knows who stopped it.
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    home.run(["resurrect"]).ok();
    wait_ticks(&home, "clock", 2);
    assert_eq!(home.row("stopped").status.as_str(), "stopped");
    assert_eq!(runs(&home.work().join("runs")), times);
    home.run(["start", "job"]).ok();
    home.wait_until("it runs again at its times", || runs(&home.work().join("runs")) > times + 2);
}

#[test]
fn law7_p27_schedules_survive_the_daemon() {
    let home = Home::new();
    start(&home, "web", &["--cron", TICK], &FOREVER).ok();
    let file = home.work().join("runs");
    let flags = ["--cron", TICK, "--no-autorestart"];
    start(&home, "job", &flags, &["--write-file", "runs", "--exit", "0"]).ok();
    pm_testkit::signal(home.hello().pid, 9);
    let before = runs(&file);
    wait_ticks(&home, "web", 2);
    home.wait_until("the job goes on", || runs(&file) > before + 1);
}

#[test]
fn p27_a_bad_pattern_is_refused_with_its_place() {
    let home = Home::new();
    home.file("eco.json5", "[{\n  script: 'sleep 9',\n  cron_restart: '61 * * * *',\n}]");
    let run = home.run(["start", "eco.json5"]).ends(2);
    run.complains("eco.json5:3:17").complains("`61 * * * *` is no cron pattern");
    start(&home, "a", &["--cron", "often"], &FOREVER).ends(2).complains("--cron-restart");
    let flags = ["--cron", TICK, "--cron-timezone", "Mars/Olympus"];
    start(&home, "a", &flags, &FOREVER).ends(2).complains("no time zone `Mars/Olympus`");
    up(&home, "known");
    start(&home, "off", &["--cron-restart", "0"], &FOREVER).ok();
    let described = home.run(["describe", "off", "--json"]).ok().json();
    assert!(described[0]["spec"].get("schedule").is_none());
}

/// Starts an app that is watched, in a folder of its own.
fn watched(home: &Home, flags: &[&str]) -> u32 {
    home.file("app/main.py", "1");
    let mut all = vec!["--cwd", "app", "--watch"];
    all.extend(flags);
    start(home, "web", &all, &FOREVER).ok();
    home.row("web").pid
}

/// A change that counts is seen, after all that came before it: the one restart there is names it.
fn only_this_counts(home: &Home, pid: u32, file: &str) {
    home.file(format!("app/{file}"), "changed");
    let row = home.wait_new_pid("web", pid);
    assert_eq!(row.restarts, 1, "something else was seen");
    let ends = ends(home, "web");
    assert!(ends[0]["why"].as_str().unwrap().contains(&format!("watch: {file}")), "{ends:?}");
}

#[test]
fn a_file_that_takes_anothers_place_is_named_as_that() {
    let home = Home::new();
    let pid = watched(&home, &["--watch-delay", "1s"]);
    // As `sed -i` and editors do.
    let temporary = home.file("app/sedNeECP3", "2");
    fs::rename(temporary, home.work().join("app/main.py")).unwrap();
    home.wait_new_pid("web", pid);
    let ends = ends(&home, "web");
    assert!(ends[0]["why"].as_str().unwrap().contains("watch: main.py"), "{ends:?}");
}

#[test]
fn p26_a_changed_file_restarts_the_app_and_is_named() {
    let home = Home::new();
    let pid = watched(&home, &[]);
    assert!(home.row("web").watching);
    fs::create_dir(home.work().join("app/src")).unwrap();
    only_this_counts(&home, pid, "src/app.py");
    let diary = fs::read_to_string(home.home().diary()).unwrap();
    assert!(diary.contains("web: src/app.py has changed"), "{diary}");
    // What is removed or moved counts, too.
    let pid = home.row("web").pid;
    fs::rename(home.work().join("app/src/app.py"), home.work().join("app/src/b.py")).unwrap();
    let pid = home.wait_new_pid("web", pid).pid;
    fs::remove_file(home.work().join("app/main.py")).unwrap();
    home.wait_new_pid("web", pid);
}

#[test]
fn p26_what_is_ignored_restarts_nobody() {
    let home = Home::new();
    for folder in ["node_modules/x", ".git", "tmp", "public/css"] {
        home.file(format!("app/{folder}/old"), "");
    }
    let pid = watched(&home, &["--ignore-watch", "tmp public/** /\\.bak$/"]);
    for file in ["node_modules/x/a.js", ".git/index", "tmp/a", "public/css/a.css", "a.bak", "a.log"]
    {
        home.file(format!("app/{file}"), "changed");
    }
    only_this_counts(&home, pid, "main.py");
}

/// Makes the daemon write everything it has: journal, logs, pids, lists, spools.
fn stir(home: &Home, pid_file: &str) {
    start(
        home,
        "other",
        &["--pid-file", pid_file, "--time"],
        &["--lines", "5", "--live", "forever"],
    )
    .ok();
    home.run(["save"]).ok();
    home.run(["save"]).ok();
    home.run(["set", "key", "value"]).ok();
    home.run(["restart", "other"]).ok();
    home.run(["delete", "other"]).ok();
}

#[test]
fn what_the_daemon_writes_restarts_nobody_whose_watch_its_home_lies_in() {
    for options in ["{}", "{ usePolling: true, interval: 50 }"] {
        // A link to the home, and the folder beside it, lead there as well.
        let home = Home::named("work/app/daemon");
        home.file("app/main.py", "1");
        std::os::unix::fs::symlink("daemon", home.work().join("app/link")).unwrap();
        let text = "[{ name: 'web', script: 'sleep', args: '1000', interpreter: 'none', cwd: 'app',
            watch: true, watch_options: POLL }]";
        home.file("eco.json5", text.replace("POLL", options));
        home.run(["start", "eco.json5"]).ok();
        let pid = home.row("web").pid;
        stir(&home, "app/daemon/pids/other.pid");
        home.file("app/daemon/app-data.txt", "an app's own, in the home");
        only_this_counts(&home, pid, "main.py");
    }
}

#[test]
fn a_home_that_is_watched_itself_counts_but_for_what_the_daemon_writes() {
    // `PM_HOME=. pm start app.py --watch`.
    let home = Home::named("work/app");
    let pid = watched(&home, &[]);
    stir(&home, "app/pids/other.pid");
    only_this_counts(&home, pid, "main.py");
}

#[test]
fn p26_many_changes_are_one_restart() {
    let home = Home::new();
    let pid = watched(&home, &["--watch-delay", "1"]);
    for number in 0..300 {
        home.file(format!("app/gen/{}/{number}.py", number % 7), "x");
    }
    let row = home.wait_new_pid("web", pid);
    start(&home, "clock", &["--no-autorestart"], &["--live", "1500"]).ok();
    home.wait_status("clock", "stopped");
    assert_eq!((home.row("web").pid, home.row("web").restarts), (row.pid, 1));
}

#[test]
fn a_watch_ends_with_stop_and_begins_again_with_start() {
    let home = Home::new();
    let pid = watched(&home, &[]);
    home.run(["stop", "web"]).ok();
    assert!(!home.row("web").watching);
    home.file("app/main.py", "2");
    start(&home, "clock", &["--no-autorestart"], &["--live", "1000"]).ok();
    home.wait_status("clock", "stopped");
    assert_eq!(home.row("web").status.as_str(), "stopped");
    home.run(["start", "web"]).ok();
    let pid = home.wait_new_pid("web", pid).pid;
    home.file("app/main.py", "3");
    home.wait_new_pid("web", pid);
    // And it outlives the daemon.
    pm_testkit::signal(home.hello().pid, 9);
    let pid = home.row("web").pid;
    // The next one may not look yet when it answers.
    home.wait_until("a change is seen", || {
        home.file("app/main.py", "4");
        home.row("web").pid != pid
    });
}

#[test]
fn p40_a_watch_may_poll_and_sees_named_files_come_and_go() {
    let home = Home::new();
    home.file("app/conf.json", "{}");
    let text = "[{
        name: 'web', script: 'sleep', args: '1000', interpreter: 'none', cwd: 'app',
        watch: ['conf.json', 'late/dir'], watch_options: POLL,
    }]";
    for poll in ["{ usePolling: true, interval: 50 }", "{}"] {
        home.file("eco.json5", text.replace("POLL", poll));
        home.run(["start", "eco.json5"]).ok();
        let pid = home.row("web").pid;
        home.file("app/other.json", "not watched");
        home.file("app/conf.new", "2");
        // As editors do it.
        let app = home.work().join("app");
        fs::rename(app.join("conf.new"), app.join("conf.json")).unwrap();
        let pid = home.wait_new_pid("web", pid).pid;
        let why = ends(&home, "web").pop().unwrap()["why"].as_str().unwrap().to_owned();
        assert!(why.contains("watch: conf.json"), "{why}");
        fs::create_dir_all(app.join("late")).unwrap();
        home.file("app/conf.json", "3");
        home.wait_new_pid("web", pid);
        home.run(["delete", "web"]).ok();
    }
}
