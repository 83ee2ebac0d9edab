//! An app and a line of the list with nothing special about them: tests name only what they are about and take the rest
//! from here (`..row(1, "web", Status::Online)`), so that a new field has one place.

use pm_protocol::{Row, Status, Usage};
use pm_spec::Mode;

#[path = "../../pm-spec/tests/sample/mod.rs"]
mod app;

pub use app::app as spec;

/// A line of the list without a process: nothing weighed, nothing to say.
pub fn row(id: u32, name: &str, status: Status) -> Row {
    Row {
        id,
        name: name.into(),
        namespace: "default".into(),
        version: None,
        slot: 0,
        pid: 0,
        status,
        restarts: 0,
        unstable: 0,
        started_at: 0,
        created_at: 0,
        usage: Usage::default(),
        user: None,
        mode: Mode::Fork,
        watching: false,
        note: None,
        goes_round: false,
        flapping: false,
        job: None,
        health: None,
        waits_for: None,
    }
}
