//! `pm update` is a death on purpose.

use std::collections::BTreeMap;

use pm_testkit::Home;

use super::apps::{self, SHAPES, Writer};
use super::seed::Seed;

#[test]
fn law7_ten_updates_under_writing_apps() {
    let mut seed = Seed::new();
    let home = Home::new();
    home.run(["start", "/bin/true", "--no-autorestart", "--no-wait"]).ok();
    let writers: Vec<Writer> = (0..10)
        .zip(SHAPES.iter().cycle())
        .map(|(n, shape)| Writer::long(n, *shape, 4_000, &mut seed))
        .collect();
    apps::start(&home, &writers);
    let pids = || apps::rows(&home).iter().map(|row| (row.id, row.pid)).collect::<BTreeMap<_, _>>();
    home.wait_rows("all writers run", |rows| {
        rows.iter().all(|row| row.pid != 0 || row.name == "true")
    });
    let before = pids();
    let first = home.hello();
    let mut daemon = first.pid;
    for round in 0..10 {
        home.run(["update"]).ok();
        let hello = home.hello();
        assert_ne!(hello.pid, daemon, "update {round} brought no new daemon");
        assert_eq!(hello.guardian, first.guardian, "the guardian goes on in place");
        assert_eq!(pids(), before);
        daemon = hello.pid;
    }
    for writer in &writers {
        writer.check_starts(&home);
        writer.check_logs(&home);
    }
    assert!(apps::rows(&home).iter().all(|row| row.restarts == 0));
}
