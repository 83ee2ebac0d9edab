//! The vocabulary: what can be asked for, as validated plain data.
//!
//! Shared by the config reader, the wire, the core and the saved list. It touches no file, clock or process.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod activation;
mod alert_channel;
mod alert_rules;
mod alert_wishes;
mod app;
mod bytes;
mod cpus;
mod dependency;
mod difference;
mod env;
mod hooks;
mod job;
mod kernel;
mod listen;
mod log;
mod name;
pub mod options;
mod outside;
mod policy;
mod preset;
mod probe;
mod reload_policy;
mod restart_rule;
mod secret;
mod select;
mod serving;
mod share;
mod signal;
mod size;
mod status;
mod time;
mod timed_command;
mod triggers;
mod wish;

pub use activation::Activation;
pub use alert_channel::{AlertChannel, ChannelKind};
pub use alert_rules::{ALERT_RULES, AlertRules, RuleLimit};
pub use alert_wishes::AlertWishes;
pub use app::{AppSpec, Identifier, UserChoice, read_apps};
pub use bytes::ByteString;
pub use cpus::{CpuSet, Cpus};
pub use dependency::{Condition, Dependency};
pub use difference::Edit;
pub use env::{Environment, MASK, looks_secret};
pub use hooks::{HookCommands, HookEvent, HookStage, StagedCommands};
pub use kernel::{IoPriority, Isolate, KernelRules, ResourceKind, ResourceLimit};
pub use listen::{ListenAddress, ListenError, ListenSocket, tcp_addresses};
pub use log::{LogFormat, LogFull, LogSpec, LogTarget, Rotation};
pub use name::{AppName, NameError, fingerprint};
pub use options::Effort;
pub use outside::OutsideNeed;
pub use policy::{Delay, JobPolicy, Limits, Overlap, RestartPolicy, StopPolicy};
pub use preset::{Check, FOLLOWING, HABITS, Habits, Preset};
pub use probe::{
    Checks, Door, Health, HealthCheck, HttpGet, LinePattern, OnUnhealthy, Probe, Question,
    Readiness,
};
pub use reload_policy::{ReloadOrder, ReloadPolicy};
pub use restart_rule::RestartRule;
pub use secret::SecretSource;
pub use select::{Select, SelectError};
pub use serving::{Mode, Sched, Serving};
pub use signal::{Signal, SignalError};
pub use size::{Bytes, SizeError};
pub use status::Status;
pub use time::{Span, SpanError};
pub use timed_command::TimedCommand;
pub use triggers::{Ignore, Schedule, Watch};
pub use wish::{Existing, Patience, Reload, Rename, Restart, Scale, Start};
