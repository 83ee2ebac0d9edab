//! Journals under hostile input: what is read of one makes a whole core.

use std::fs;

use pm_core::{Core, Time};
use pm_fuzz::FuzzTarget;

use super::lines::{Bad, read};

#[test]
fn fuzz_journals() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let boot = "5b6fd64e0cae49e69d1c3f2a7b8e6f01";
    // As `pm` left it: two apps started, one restarted, one that failed.
    let target = FuzzTarget::new("journals")
        .samples_in("fixtures/fuzz/samples/journal")
        .words("{\"record\":{ {\"journal\":{ \"whole\" \"instance_gone\": 18446744073709551615 4294967295 null")
        .longest(12 << 10);
    target.runs(800).memory(256, 8 << 20).run(|bytes| {
        fs::write(&path, bytes).unwrap();
        let records = match read(&path, boot) {
            Ok(replay) => {
                assert!(replay.good <= bytes.len() as u64 && replay.snapshot <= replay.good);
                replay.records
            }
            Err(Bad::OtherBoot(records)) => records,
            Err(Bad::Broken | Bad::Missing | Bad::Unreadable(_)) => return,
        };
        let core = Core::restore(Time(1_000), records);
        // What it makes of it is whole: it comes back as it is.
        let written = core.records();
        assert_eq!(Core::restore(Time(1_000), written.clone()).records(), written);
    });
}
