//! The names under which the journal and the saved list are written: a name in the code may change, these never do.
#![expect(clippy::expect_used, reason = "what can't be read ends the test")]

#[path = "../../pm-spec/tests/sample/mod.rs"]
mod sample;

use pm_core::{Record, SavedApp};

/// Records as any version of the daemon writes them; the spec of an app is `pm-spec`'s and stands here at its shortest.
const RECORDS: [&str; 11] = [
    r#"{"app_gone":3}"#,
    r#"{"seat":{"id":0,"app":0,"slot":0,"want":"up","restarts":1,"unstable":2,"flaps":3,"last_delay":4,"created":5,"phase":{"starting":6}}}"#,
    r#"{"seat":{"id":1,"app":0,"slot":1,"want":"renewed","restarts":0,"unstable":0,"flaps":0,"last_delay":0,"created":0,"phase":{"alive":{"run":2,"identity":{"pid":7,"started":8,"inode":9},"since":10,"up":true}},"worker":true,"beside":{"going":{"run":1,"identity":{"pid":5,"started":6,"inode":0},"since":2,"force_at":99,"cause":{"touched":"a.js"},"ended":false}}}}"#,
    r#"{"seat":{"id":2,"app":0,"slot":2,"want":"down","restarts":0,"unstable":0,"flaps":0,"last_delay":0,"created":0,"resting":true,"phase":"down"}}"#,
    r#"{"seat":{"id":3,"app":0,"slot":3,"want":"gone","restarts":0,"unstable":0,"flaps":0,"last_delay":0,"created":0,"phase":{"backoff":17}}}"#,
    r#"{"seat":{"id":3,"app":0,"slot":3,"want":"up","restarts":0,"unstable":0,"flaps":0,"last_delay":0,"created":0,"phase":{"retry":17}}}"#,
    r#"{"seat":{"id":3,"app":0,"slot":3,"want":"up","restarts":0,"unstable":0,"flaps":0,"last_delay":0,"created":0,"phase":{"failed":{"crash_loop":{"runs":16,"last":{"exited":1}}}}}}"#,
    r#"{"seat_gone":3}"#,
    r#"{"end":[2,{"run":4,"pid":7,"since":1,"at":9,"ending":{"signaled":{"signal":9,"core":false}},"cause":{"memory":{"used":2,"limit":1}}}]}"#,
    r#"{"end":[2,{"run":5,"pid":7,"since":1,"at":9,"ending":"unknown","cause":{"ended":"unknown"}}]}"#,
    r#"{"counters":{"app":1,"instance":4,"run":6}}"#,
];

#[test]
fn records_keep_their_names() {
    for line in RECORDS {
        let record: Record = serde_json::from_str(line).expect(line);
        assert_eq!(serde_json::to_string(&record).expect("records are plain data"), line);
    }
}

#[test]
fn the_saved_list_keeps_its_names() {
    let app = sample::app("web");
    let spec = serde_json::to_string(&app).expect("specs are plain data");
    let line = format!(
        r#"{{"spec":{spec},"seats":[{{"id":4,"slot":0,"wanted":false,"resting":true}},{{"id":5,"slot":1,"wanted":true}}]}}"#
    );
    let saved: SavedApp = serde_json::from_str(&line).expect("a saved app");
    assert_eq!(serde_json::to_string(&saved).expect("saved apps are plain data"), line);
}
