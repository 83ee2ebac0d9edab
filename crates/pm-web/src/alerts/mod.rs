//! Alerts: what is watched, what is said of it, and to whom. Rules, grouping and texts are pure; one thread sees and tells.

mod channel;
mod desk;
mod letter;
mod mail;
mod post;
mod record;
mod scope;
mod send;
mod settings;
mod sign;
mod watch;
mod watchman;

pub use channel::ChannelView;
pub(crate) use record::{AlertSpan, alert_spans, last_told};
pub use send::SendError;
pub use settings::{AlertError, AlertSettings, FiledAlerts};
pub(crate) use watch::Alerts;
pub use watch::send_test;
