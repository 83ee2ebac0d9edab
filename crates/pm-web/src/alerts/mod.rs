//! Alerts: what is watched, what is said of it, and to whom. Rules, grouping and texts are pure; one thread sees and tells.

mod channel;
mod desk;
mod letter;
mod mail;
mod post;
mod scope;
mod send;
mod settings;
mod sign;
mod watch;
mod watchman;

pub use channel::ChannelView;
pub use send::SendError;
pub use settings::{AlertError, AlertSettings, FiledAlerts};
pub use watch::send_test;
pub(crate) use watch::{Alerts, last_told};
