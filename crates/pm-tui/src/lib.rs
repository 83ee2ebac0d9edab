//! `pm monit`: the terminal monitor, a client like any other.
//!
//! `Model`, `Msg`, `update`, `view`: messages in, model out, cells out. Only `stage`, `inlets`,
//! `terminal` and `backstage` touch the world. It decides nothing about apps and reads log files itself.
#![forbid(unsafe_code)]

mod ansi;
mod backstage;
mod fleet;
mod inlets;
mod input;
mod keys;
mod layout;
mod logbook;
mod model;
mod msg;
#[cfg(test)]
mod samples;
mod scroll;
mod stage;
mod terminal;
mod theme;
mod update;
mod view;
mod words;

pub use backstage::{TuiPlan, run, theme_of};
pub use logbook::{Group, LogLine, Source};
pub use model::Model;
pub use msg::{Action, Command, End, Lines, Link, Msg, Verb};
pub use stage::{Performer, TuiError, show};
pub use theme::ThemeChoice;
pub use update::update;
pub use view::view;
