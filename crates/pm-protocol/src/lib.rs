//! What two programs must agree on; no sockets.
#![forbid(unsafe_code)]

mod calls;
mod change;
mod event;
mod frame;
#[cfg(test)]
mod fuzz_tests;
mod hello;
mod home;
mod job;
mod log;
mod refusal;
mod view;

pub use calls::*;
pub use change::Change;
pub use event::{Event, EventKind};
pub use frame::{Frame, FrameError, Frames, MAX_FRAME, encode};
pub use hello::{Hello, Introduction, PROTOCOL};
pub use home::{Home, HomeError, PM2_PATHS, crash_prefix};
pub use job::JobView;
pub use log::{LogShape, LogSource};
pub use pm_spec::{Existing, Patience, Reload, Rename, Restart, Scale, Start, Status};
pub use refusal::{Code, Refusal};
pub use view::{ActionAnswer, Description, EndView, Host, Outcome, Pulse, Row, Said, Usage, What};
