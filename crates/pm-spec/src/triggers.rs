//! What starts an app anew although nobody asked: the clock, and files that change.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{ByteString, Span};

/// When the clock begins a job (`schedule`), or starts an app anew (PM2: `cron_restart`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Five fields, or six with seconds first, as they were written; known to be good.
    pub pattern: String,
    /// A name of the time zone database such as `Europe/Berlin`; `None`: the machine's local time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Whether it also starts what a person has stopped (PM2 always does).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub after_stop: bool,
    /// Whether nothing but its times and `pm run` begins it (`schedule`); else people do as well (`cron_restart`).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub job: bool,
    /// Whether a time that came while nobody looked (no daemon, a machine that was off or slept) is made up for, once
    /// (systemd: `Persistent=`).
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub catch_up: bool,
    /// Each time is put off by something up to this, another each time (systemd: `RandomizedDelaySec=`).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub random_delay: Span,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_zero(span: &Span) -> bool {
    *span == Span::ZERO
}

/// Which files start an app anew when they change (PM2: `watch` and what belongs to it).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Whether it is switched on; the rest is kept for when it is.
    pub on: bool,
    /// Files, folders with all below them, or globs of files; absolute, at least one.
    pub paths: Vec<ByteString>,
    /// What is ignored below them, besides what always is.
    #[serde(default)]
    pub ignore: Vec<Ignore>,
    /// Only files that end so count, if there are any (`--ext`); without the dot.
    #[serde(default)]
    pub extensions: Vec<ByteString>,
    /// How long it must be quiet before the app is started anew (PM2: `watch_delay`).
    pub delay: Span,
    /// Look for changes this often instead of being told (PM2: `usePolling` and `interval`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Span>,
    /// Whether links to folders are followed (PM2: `followSymlinks`).
    pub follow_links: bool,
}

/// What is not watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ignore {
    /// A glob: one without a slash is a name at any depth, others are seen from the app's folder.
    Glob(ByteString),
    /// A regular expression that is looked for in the path as seen from the app's folder.
    Regex(String),
}
