//! `pm web`: the panel. A client of the daemon that speaks HTTP, in a process of its own.
//!
//! What is read comes over `pm-client`; what is changed is one call of this same binary, which is shown and written down.
//! Nothing gets past `gate.rs` without a key, and no key is kept as it is.
#![forbid(unsafe_code)]

mod alerts;
mod api;
mod app_pattern;
mod assets;
mod audit;
mod body;
mod call;
mod clock;
mod control;
mod deed;
mod delays;
mod download;
mod download_wish;
mod ears;
mod events;
mod folder;
mod forwarded;
#[cfg(test)]
mod fuzz_tests;
mod gate;
mod history;
mod hub;
mod hub_call;
mod keeper;
mod link;
mod listener;
mod log_output;
mod logs;
mod metrics;
mod openapi;
mod page_cursor;
mod panel;
mod password;
mod past;
mod path;
mod records;
mod replies;
mod ring;
mod ring_folder;
mod roles;
mod roll;
mod route;
mod routes;
mod run;
mod secret;
mod server;
mod session;
mod settings;
mod step;
mod store;
mod tails;
mod tokens;
mod users;
mod view;

pub use alerts::{AlertError, AlertSettings, ChannelView, FiledAlerts, SendError, send_test};
pub use app_pattern::AppPattern;
pub use audit::{AuditLine, audit_files};
pub use control::{ControlCall, ControlReply, LinkWish, ask};
pub use deed::Deed;
pub use past::UsageHistory;
pub use records::RecordFileError;
pub use ring::HistoryTier;
pub use roles::Role;
pub use run::AUDITED;
pub use server::{PanelError, run};
pub use session::SessionView;
pub use settings::{ListenAt, PanelSettings, PublicUrl, SettingsError};
pub use step::{Spread, StepRecord};
pub use tokens::{AccessTokens, TokenError, TokenView, TokenWish};
pub use users::{UserView, Users, WebUserError};
