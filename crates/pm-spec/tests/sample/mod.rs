//! An app with nothing special about it. Tests of every crate take it from here: those of the core by path, for the core
//! and this crate are also built alone (by the mutants' runner), the others from `pm_testkit::samples`.
#![allow(unreachable_pub, reason = "pm-testkit passes it on")]

use pm_spec::{AppName, AppSpec};

/// An app of that name, `/srv/NAME.js`, with all defaults, an empty environment and no logs.
pub fn app(name: &str) -> AppSpec {
    let parsed = AppName::parse(name).expect("tests use good names");
    AppSpec::new(parsed, format!("/srv/{name}.js"), "/srv")
}
