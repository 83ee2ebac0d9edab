//! What PM2 knows and nobody needs here.

use super::flag::off;
use super::row::{KeyKind, KeySpec, Support, key};

const METRICS: &str = "nothing is injected into apps";

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    unused("name_prefix", "PM2 takes it from its programming interface only"),
    unused("install_url", "nothing is downloaded"),
    unused("kill_retry_time", "the end of a process is noticed at once, without polling"),
    unused("username", "the list shows whom an app really runs as"),
    unused("force", "a name means one app; use another name for a second one"),
    unused("vizion", "git metadata is not collected").flag(off("--no-vizion", "Git metadata is not collected")),
    unused("pmx", METRICS).flag(off("--no-pmx", METRICS)),
    unused("automation", METRICS).flag(off("--no-automation", METRICS)),
    unused("trace", METRICS),
    unused("disable_trace", METRICS),
    unused("v8", METRICS),
    unused("event_loop_inspector", METRICS),
    unused("deep_monitoring", METRICS),
    unused("io", METRICS),
    unused("windowsHide", "there are no windows here"),
    unused("write", "it is a flag of the command line"),
];

const fn unused(name: &'static str, because: &'static str) -> KeySpec {
    let key = key(name, because, KeyKind::Unused).idle().nowhere();
    KeySpec { support: Support::NoEffect(because), ..key }
}
