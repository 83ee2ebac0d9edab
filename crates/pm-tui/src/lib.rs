//! `pm monit`: the terminal monitor, a client like any other.
//!
//! `Model`, `Msg`, `update`, `view`: messages in, model out, cells out. Only `runtime`, `events`,
//! `terminal` and `workers` touch the world. It decides nothing about apps and reads log files itself.
#![forbid(unsafe_code)]

mod ansi;
mod cells;
mod columns;
mod error;
mod events;
mod format;
mod instances;
mod keys;
mod layout;
mod log_buffers;
mod message;
mod model;
mod runtime;
#[cfg(test)]
mod samples;
mod scroll;
mod terminal;
mod text_input;
mod theme;
mod update;
mod view;
mod workers;

pub use error::TuiError;
pub use message::{
    Effect, LinkState, LogBatch, LogGroup, LogLine, Msg, Operation, OperationResult, Verb,
};
pub use model::Model;
pub use runtime::{EffectRunner, show};
pub use theme::ThemeChoice;
pub use update::update;
pub use view::view;
pub use workers::{TuiPlan, run, theme_of};
