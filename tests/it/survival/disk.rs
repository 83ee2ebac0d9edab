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
    start(&home, "web", &["--max-restarts", "1000"], &["--live", "forever"]).ok();
    let filler = disk.fill();
    // The journal's last page has room left; restarts use it up.
    let mut row = home.row("web");
    for _ in 0..200 {
        if row.pid == 0 {
            break;
        }
        signal(row.pid, 9);
        let died = row.pid;
        home.wait_rows("an end", |rows| rows[0].pid != died);
        row = home.row("web");
    }
    let row = home.wait_rows("a refusal", |rows| {
        rows[0].note.as_ref().is_some_and(|note| note.contains("could not write the journal"))
    });
    assert_eq!(row[0].pid, 0);
    // A daemon that dies now leaves nobody running twice, and nothing forgotten.
    signal(home.hello().pid, 9);
    assert!(home.rows().len() == 1);
    fs::remove_file(filler).unwrap();
    home.wait_status("web", "online");
    start(&home, "more", &[], &["--live", "forever"]).ok();
    home.run(["kill"]).ok();
}
