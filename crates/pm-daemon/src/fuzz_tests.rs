//! Saved lists, and what apps say of themselves, under hostile input.

use std::fs;

use pm_fuzz::FuzzTarget;

use crate::self_report::SelfReport;
use crate::store;

#[test]
fn fuzz_saved_lists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("saved.json");
    let target = FuzzTarget::new("saved_lists").samples_in("fixtures/fuzz/samples/saved.json");
    target.words("\"format\": \"apps\": null 18446744073709551615").longest(8192).runs(600).run(
        |bytes| {
            fs::write(&path, bytes).unwrap();
            let Ok((apps, _)) = store::load(&path) else { return };
            store::save(&path, apps.clone()).unwrap();
            assert_eq!(store::load(&path).unwrap().0, apps);
            fs::remove_file(path.with_extension("json.bak")).ok();
        },
    );
}

#[test]
fn fuzz_self_reports() {
    let target =
        FuzzTarget::new("self_reports").sample("READY=1\nSTATUS=up \u{7}\nEXTEND_TIMEOUT_USEC=5");
    target
        .words("READY=1 RELOADING=1 STATUS= STOPPING=1 WATCHDOG=1 WATCHDOG=trigger EXTEND_TIMEOUT_USEC=")
        .run(|bytes| {
            let report = SelfReport::parse(bytes);
            let status = report.status.as_deref().unwrap_or_default();
            assert!(status.chars().count() <= 500 && !status.contains(char::is_control));
        });
}
