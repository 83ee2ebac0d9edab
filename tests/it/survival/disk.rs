//! A home on a full disk: what can't be written down is not begun, and goes on by itself once there is room.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use pm_testkit::{Home, signal};

use crate::apps::start;

/// A file system of 1 MiB. Needs the right to mount, as root has or `unshare -Urm` gives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(path: PathBuf) -> Self {
        fs::create_dir(&path).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=1m,mode=700", "small"];
        let done = Command::new("mount").args(mount).arg(&path).status().unwrap();
        assert!(done.success(), "this test mounts a tmpfs: run it as root or in unshare -Urm");
        Self(path)
    }

    /// Leaves not one byte.
    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        fs::write(&filler, vec![0; 2 << 20]).unwrap_err();
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

#[test]
fn on_a_full_disk_nothing_begins_that_could_not_be_remembered() {
    let home = Home::new();
    let disk = SmallDisk::mount(home.home().root().into());
    start(&home, "web", &[], &["--live", "forever"]).ok();
    let filler = disk.fill();
    // The journal's last page has room left; some more apps use it up.
    let refused = (0..20).find_map(|number| {
        let run = start(&home, &format!("more{number}"), &[], &["--live", "forever"]);
        (run.code != 0).then_some((number, run))
    });
    let (last, run) = refused.unwrap_or_else(|| home.fail("there was room for twenty apps"));
    let run = run.ends(1);
    assert!(run.out().contains("could not write the journal"), "{}", run.out());
    let last = format!("more{last}");
    assert_eq!(home.row(&last).pid, 0);
    // What can be done without is done, and nobody is left to believe that it will be remembered.
    home.run(["stop", "web"]).ok().complains("warning: could not write the journal");
    assert_eq!(home.row("web").pid, 0);
    home.run(["list"]).ok().complains("warning: could not write the journal");
    fs::remove_file(filler).unwrap();
    home.wait_status(&last, "online");
    assert_eq!(home.run(["list"]).ok().err, "");
    // Now it is remembered, too.
    signal(home.hello().pid, 9);
    home.wait_status(&last, "online");
    home.wait_status("web", "stopped");
    home.run(["kill"]).ok();
}

/// A folder through which nothing can be opened for writing, while what is open stays so.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn make(path: PathBuf) -> Self {
        let mount = |words: &[&str]| {
            let done = Command::new("mount").args(words).arg(&path).status().unwrap();
            assert!(done.success(), "this test mounts: run it as root or in unshare -Urm");
        };
        mount(&["--bind", path.to_str().unwrap()]);
        mount(&["-o", "remount,bind,ro"]);
        Self(path)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(&self.0).status().unwrap();
    }
}

#[test]
fn a_read_only_disk_stops_nothing_and_what_it_kept_down_comes_back_by_itself() {
    let home = Home::new();
    let folder = home.work().join("logs");
    fs::create_dir(&folder).unwrap();
    let log = folder.join("web.log");
    let flags = ["--output", log.to_str().unwrap(), "--error", log.to_str().unwrap()];
    start(&home, "web", &flags, &["--live", "forever"]).ok();
    let pid = home.row("web").pid;
    let disk = ReadOnly::make(folder);
    for verb in ["restart", "reload"] {
        let run = home.run([verb, "web"]).ends(1);
        run.complains("Read-only file system").complains("nothing was stopped");
        assert_eq!(home.row("web").pid, pid, "{verb}");
    }
    let app = "[{ name: 'web', script: 'sleep', args: '9', out_file: LOG, error_file: LOG }]";
    home.file("eco.json5", app.replace("LOG", &format!("{log:?}")));
    home.run(["start", "eco.json5"]).ends(1).complains("nothing was stopped");
    assert_eq!(home.row("web").pid, pid);
    signal(pid, 9);
    home.wait_until("it waits for the disk", || {
        let diary = fs::read_to_string(home.home().diary()).unwrap();
        diary.contains("could not be started") && diary.contains("Read-only file system")
    });
    drop(disk);
    home.wait_new_pid("web", pid);
}

/// The clock, files and memory ask as people do.
#[test]
fn a_read_only_disk_stops_nothing_that_would_be_replaced_by_itself() {
    let home = Home::new();
    let (folder, watched) = (home.work().join("logs"), home.work().join("watched"));
    for made in [&folder, &watched] {
        fs::create_dir(made).unwrap();
    }
    let apply = |settings: [String; 4]| {
        let app = |(name, more): (&str, &String)| {
            let log = folder.join(format!("{name}.log"));
            format!(
                "{{ name: '{name}', script: 'sh', args: ['-c', 'exec sleep 99'], out_file: {log:?}, \
                 error_file: {log:?}, {more} }},"
            )
        };
        let apps: String =
            ["web", "clock", "files", "fat"].into_iter().zip(&settings).map(app).collect();
        home.file("eco.json5", format!("[{apps}]"));
        home.run(["apply", "eco.json5"])
    };
    apply(Default::default()).ok();
    let pids = || ["web", "clock", "files", "fat"].map(|name| home.row(name).pid);
    let before = pids();
    let disk = ReadOnly::make(folder.clone());
    let changed = ["env: { A: '1' }".into(), String::new(), String::new(), String::new()];
    apply(changed).ends(1).complains("nothing was stopped");
    home.run(["start", "web"]).ends(1).complains("nothing was stopped");
    // All of this holds at once, without a new run.
    let settings = [
        String::new(),
        "cron_restart: '* * * * * *'".into(),
        format!("watch: [{watched:?}]"),
        "max_memory_restart: '1K'".into(),
    ];
    apply(settings).ok();
    let diary = || fs::read_to_string(home.home().diary()).unwrap();
    for name in ["clock", "files", "fat"] {
        home.wait_until(&format!("{name} waits for the disk"), || {
            fs::write(watched.join("touched"), "").unwrap();
            diary().contains(&format!("could not begin {name} anew"))
        });
    }
    assert_eq!(pids(), before);
    drop(disk);
    home.wait_new_pid("clock", before[1]);
    home.wait_new_pid("fat", before[3]);
}
