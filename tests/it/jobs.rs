//! Jobs: what runs at its times and by `pm run`, and is run by no start.

use std::fs;

use pm_testkit::Home;

use crate::apps::ends;

/// Every second.
const TICK: &str = "* * * * * *";

/// Once in four years.
const NEVER: &str = "0 0 29 2 *";

/// A config of one job, which writes a line into `runs` and then does this.
fn job(home: &Home, schedule: &str, body: &str, rest: &str) {
    home.script("job", &format!("echo run >> runs\n{body}"));
    let text =
        format!("{{ apps: [{{ name: 'job', script: './job', schedule: '{schedule}', {rest} }}] }}");
    home.file("jobs.json5", text);
}

fn runs(home: &Home) -> usize {
    fs::read_to_string(home.work().join("runs")).unwrap_or_default().lines().count()
}

fn counts(home: &Home) -> (u32, u32, u32) {
    let job = home.row("job").job.unwrap();
    (job.runs, job.failures, job.skipped)
}

#[test]
fn nothing_but_its_times_and_run_begins_a_job() {
    let home = Home::new();
    job(&home, NEVER, "", "");
    home.run(["apply", "--dry-run", "jobs.json5"]).ok().says("+ job");
    let run = home.run(["apply", "jobs.json5"]).ok();
    run.says("job (0) added, not started, runs at its times; `pm run job` runs it now");
    for words in [
        &["start", "jobs.json5"][..],
        &["apply", "jobs.json5"],
        &["restart", "jobs.json5"],
        &["reload", "jobs.json5"],
        &["start", "job"],
        &["restart", "job"],
        &["restart", "all"],
        &["reload", "all"],
    ] {
        home.run(words).ok().says("scheduled in ");
    }
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    home.run(["resurrect"]).ok().says("scheduled in ");
    home.run(["stop", "job"]).ok();
    assert_eq!(home.row("job").standing(), "stopped");
    home.run(["start", "job"]).ok().says("scheduled in ");
    let row = home.run(["list", "--json"]).ok().json();
    assert_eq!((&row[0]["status"], &row[0]["job"]["runs"]), (&"scheduled".into(), &0.into()));
    // For PM2's scripts it is what it was there.
    let listed = home.run(["jlist"]).ok().json();
    assert_eq!(listed[0]["pm2_env"]["status"], "stopped");
    assert_eq!(listed[0]["pm2_env"]["cron_restart"], NEVER);
    assert_eq!(runs(&home), 0);
}

#[test]
fn run_waits_for_the_end_and_ends_as_the_job_did() {
    let home = Home::new();
    job(&home, NEVER, "test ! -e bad || { echo broken >&2; exit 7; }", "");
    home.run(["start", "jobs.json5"]).ok();
    home.run(["run", "job"]).ok().says("job (0) ran to its end");
    assert_eq!((runs(&home), counts(&home)), (1, (1, 0, 0)));
    home.file("bad", "");
    home.run(["run", "job"]).ends(7).says("job (0) failed: exited with code 7").complains("broken");
    assert_eq!(home.row("job").standing(), "failed");
    home.run(["list"]).ok().says("failed, next in ");
    home.run(["why", "job"])
        .ok()
        .says("its last run failed: exited with code 7")
        .says("2 runs, 1 failed");
    home.run(["describe", "job"]).ok().says("2 runs, 1 failed").says("next run").says("last run");
    fs::remove_file(home.work().join("bad")).unwrap();
    home.run(["run", "job", "--no-wait"]).ok().says("job (0) started");
    home.wait_rows("three runs", |rows| rows[0].job.as_ref().is_some_and(|job| job.runs == 3));
    assert_eq!(home.row("job").standing(), "scheduled");
}

#[test]
fn who_can_not_be_run_is_told_why() {
    let home = Home::new();
    job(&home, NEVER, "exec sleep 1000", "");
    home.run(["start", "jobs.json5"]).ok();
    home.run(["run", "job", "--no-wait"]).ok();
    home.run(["run", "job"]).ends(1).complains("`job` runs already");
    home.run(["restart", "job"]).ok().says("restarted");
    home.run(["stop", "job"]).ok();
    crate::apps::up(&home, "web");
    home.run(["run", "web"]).ends(1).complains("`web` is no job: it is restarted when it ends");
}

#[test]
fn a_stopped_job_may_be_run_and_stays_stopped() {
    let home = Home::new();
    job(&home, TICK, "", "");
    home.run(["start", "jobs.json5"]).ok();
    home.run(["stop", "job"]).ok();
    let before = runs(&home);
    home.run(["run", "job"]).ok();
    assert_eq!((runs(&home), home.row("job").standing()), (before + 1, "stopped"));
}

#[test]
fn a_time_that_comes_while_it_runs_is_skipped() {
    let home = Home::new();
    job(&home, TICK, "while test ! -e go; do sleep 0.05; done", "");
    home.run(["start", "jobs.json5"]).ok();
    home.wait_rows("two times skipped", |rows| {
        rows[0].job.as_ref().is_some_and(|job| job.skipped >= 2)
    });
    assert_eq!(runs(&home), 1);
    home.file("go", "");
    home.wait_until("it runs at its next time", || runs(&home) >= 2);
}

#[test]
fn law7_a_job_that_runs_is_not_begun_again_by_a_new_daemon_and_its_end_is_told() {
    let home = Home::new();
    job(&home, NEVER, "while test ! -e go; do sleep 0.05; done; exit 5", "");
    home.run(["start", "jobs.json5"]).ok();
    let mut waiting = home.pm(["run", "job"]).background();
    home.wait_until("it runs", || runs(&home) == 1);
    pm_testkit::signal(home.hello().pid, 9);
    home.wait_status("job", "online");
    home.file("go", "");
    assert_eq!(waiting.wait(), 5);
    assert_eq!((runs(&home), counts(&home)), (1, (1, 1, 0)));
    // What was counted outlives another one.
    pm_testkit::signal(home.hello().pid, 9);
    home.wait_rows("the same counts", |rows| {
        rows.first()
            .and_then(|row| row.job.as_ref())
            .is_some_and(|job| (job.runs, job.failed) == (1, true))
    });
}

#[test]
fn a_job_that_was_to_run_once_is_done_after_a_boot_as_well() {
    let home = Home::new();
    home.script("job", "echo run >> runs");
    home.file("jobs.json5", "[{ name: 'job', script: './job', autorestart: false }]");
    home.run(["apply", "jobs.json5"]).ok();
    home.wait_status("job", "stopped");
    home.run(["save"]).ok();
    home.run(["kill"]).ok();
    home.run(["resurrect"]).ok();
    home.run(["apply", "jobs.json5"]).ok().says("= job");
    assert_eq!(runs(&home), 1);
    home.run(["run", "job"]).ok();
    assert_eq!(runs(&home), 2);
}

#[test]
fn a_config_that_can_not_be_meant_is_refused() {
    let home = Home::new();
    home.file("web.json5", "{ name: 'web', script: '/bin/true', retries: 2 }");
    home.run(["check", "web.json5"]).ok().says("`retries` has no effect");
    for (rest, why) in [
        ("autorestart: true", "`autorestart` beside `schedule`"),
        ("cron_restart: '1 1 * * *'", "`cron_restart` beside `schedule`"),
    ] {
        job(&home, NEVER, "", rest);
        home.run(["check", "jobs.json5"]).ends(2).says(why);
    }
    job(&home, "61 * * * *", "", "");
    home.run(["check", "jobs.json5"]).ends(2).says("`61 * * * *` is no cron pattern");
    // A typed one makes a job of a known app, and 0 none of it.
    crate::apps::up(&home, "web");
    home.run(["restart", "web", "--schedule", NEVER]).ok();
    home.run(["stop", "web"]).ok();
    home.run(["start", "web"]).ok().says("scheduled in ");
    assert!(ends(&home, "web").len() <= 2);
}

#[test]
fn a_time_that_waits_comes_when_the_run_has_ended() {
    let home = Home::new();
    job(&home, TICK, "while test ! -e go; do sleep 0.05; done", "overlap: 'queue'");
    home.run(["start", "jobs.json5"]).ok();
    // One waits, the others are skipped.
    home.wait_rows("a time skipped", |rows| {
        rows[0].job.as_ref().is_some_and(|job| job.skipped >= 1)
    });
    assert_eq!(runs(&home), 1);
    job(&home, NEVER, "while test ! -e go; do sleep 0.05; done", "overlap: 'queue'");
    home.run(["apply", "jobs.json5"]).ok();
    home.file("go", "");
    home.wait_rows("two runs", |rows| rows[0].job.as_ref().is_some_and(|job| job.runs == 2));
    assert_eq!(runs(&home), 2, "once more, and no more");
}

#[test]
fn a_time_may_end_the_run_before() {
    let home = Home::new();
    job(&home, TICK, "exec sleep 1000", "overlap: 'kill'");
    home.run(["start", "jobs.json5"]).ok();
    home.wait_until("three runs", || runs(&home) >= 3);
    assert_eq!(counts(&home).2, 0);
}

#[test]
fn a_run_that_takes_too_long_has_failed() {
    let home = Home::new();
    job(&home, NEVER, "exec sleep 1000", "time_limit: '300ms'");
    home.run(["start", "jobs.json5"]).ok();
    home.run(["run", "job"]).ends(124).says("took longer than it may: 300ms (time_limit)");
    assert_eq!((counts(&home), home.row("job").standing()), ((1, 1, 0), "failed"));
}

#[test]
fn what_fails_is_tried_again_also_by_another_daemon() {
    let home = Home::new();
    job(&home, NEVER, "exit 9", "retries: 2, restart_delay: '300ms'");
    home.run(["start", "jobs.json5"]).ok();
    let mut waiting = home.pm(["run", "job"]).background();
    home.wait_rows("its first try failed", |rows| {
        rows[0].note.as_deref().is_some_and(|note| note.contains("tried again, 1 of 2"))
    });
    pm_testkit::signal(home.hello().pid, 9);
    assert_eq!(waiting.wait(), 9);
    assert_eq!((runs(&home), counts(&home)), (3, (3, 3, 0)));
    // One that goes well has no more.
    job(&home, NEVER, "test $(wc -l < runs) -ge 5", "retries: 2, restart_delay: 0");
    home.run(["apply", "jobs.json5"]).ok();
    home.run(["run", "job"]).ok();
    assert_eq!(runs(&home), 5);
}

#[test]
fn what_was_missed_while_nobody_was_there_is_made_up_for_once() {
    let home = Home::new();
    job(&home, NEVER, "", "catch_up: true");
    home.run(["start", "jobs.json5"]).ok();
    home.run(["describe", "job"]).ok().says("0 0 29 2 *, missed times are made up for");
    home.run(["save"]).ok();
    let stamp = home.home().schedules().join("default:job");
    let missed = || {
        assert!(stamp.exists());
        fs::write(&stamp, "1\n").unwrap();
    };
    // No daemon, as after a boot.
    home.run(["kill"]).ok();
    assert_eq!(runs(&home), 0);
    missed();
    home.run(["resurrect"]).ok();
    home.wait_until("it is made up for", || counts(&home) == (1, 0, 0));
    // A daemon that is not there for a while.
    missed();
    pm_testkit::signal(home.hello().pid, 9);
    home.wait_until("and by the next daemon", || counts(&home) == (2, 0, 0));
    pm_testkit::signal(home.hello().pid, 9);
    home.run(["run", "job"]).ok();
    assert_eq!(runs(&home), 3, "what was not missed is not");
    // Who stops it wants nothing of that; a start never runs it.
    home.run(["stop", "job"]).ok();
    assert!(!stamp.exists());
    home.run(["start", "job"]).ok().says("scheduled in ");
    home.run(["delete", "job"]).ok();
    assert!(!stamp.exists() && runs(&home) == 3);
}

/// When each job comes next, in ms since 1970.
fn next_times(home: &Home) -> Vec<u64> {
    let listed = home.run(["list", "--json"]).ok().json();
    listed.as_array().unwrap().iter().map(|row| row["job"]["next"].as_u64().unwrap()).collect()
}

#[test]
fn a_random_delay_is_within_its_window_another_for_each_job_and_none_for_run() {
    let home = Home::new();
    home.script("job", "echo run >> runs");
    let apps = |delay: &str| {
        let app = |name| {
            format!(
                "{{ name: '{name}', script: './job', schedule: '{NEVER}', cron_timezone: 'UTC'{delay} }}"
            )
        };
        let all = ["exact", "one", "two", "three", "four"].map(app).join(", ");
        home.file("jobs.json5", format!("{{ apps: [{all}] }}"));
    };
    apps("");
    home.run(["apply", "jobs.json5"]).ok();
    let at = next_times(&home)[0];
    assert_eq!(next_times(&home), [at; 5]);
    // A change of it holds at once.
    apps(", random_delay: '6h'");
    home.run(["apply", "jobs.json5"]).ok();
    let put_off = next_times(&home);
    let window = at..at + 6 * 3_600_000;
    assert!(put_off.iter().all(|time| window.contains(time)), "{put_off:?} are not in {window:?}");
    let different: std::collections::BTreeSet<_> = put_off.iter().collect();
    assert_eq!(different.len(), 5, "each has its own: {put_off:?}");
    home.run(["describe", "one"]).ok().says(&format!("{NEVER}, UTC, up to 6h later"));
    // Neither another daemon nor another start draws anew.
    let daemon = home.hello().pid;
    pm_testkit::signal(daemon, 9);
    home.wait_until("another daemon answers", || home.hello().pid != daemon);
    assert_eq!(next_times(&home), put_off);
    home.run(["run", "one"]).ok();
    assert_eq!(runs(&home), 1, "whoever asks for it now has it now");
    assert_eq!(next_times(&home), put_off);
}
