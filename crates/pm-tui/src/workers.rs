//! What happens behind the screen: the feed, calls and log files, each in a thread that may wait.
//!
//! Threads send messages and never see the model; what can't be done comes back as a message too.

mod calls;
mod feed;
mod reader;

use std::ffi::OsString;
use std::sync::mpsc::SyncSender;

use pm_protocol::Home;

use crate::error::TuiError;
use crate::message::{Effect, Msg};
use crate::model::Model;
use crate::runtime::{EffectRunner, show};
use crate::theme::ThemeChoice;
use reader::{LogReader, ReaderCommand};

/// What `pm monit` was asked for.
#[derive(Clone, Debug)]
pub struct TuiPlan {
    /// Whose daemon to look at. None is started: an empty screen says how.
    pub home: Home,
    /// Which colours; `None`: what [`theme_of`] finds in the environment.
    pub theme: Option<ThemeChoice>,
    /// What to type to call the program, for an empty screen.
    pub program: &'static str,
}

/// Shows the monitor until somebody quits it, or SIGTERM or SIGHUP comes.
pub fn run(plan: TuiPlan) -> Result<(), TuiError> {
    let TuiPlan { home, theme, program } = plan;
    let theme = theme.unwrap_or_else(|| theme_of(|name| std::env::var_os(name)));
    let offset = chrono::Local::now().offset().local_minus_utc();
    let model = Model { program, ..Model::new(theme, home.root().display().to_string(), offset) };
    show(model, |sender| start(home, &sender))
}

/// The theme people ask for by `PM_THEME` (see [`ThemeChoice::parse`]); `NO_COLOR` means none (no-color.org).
pub fn theme_of(variable: impl Fn(&str) -> Option<OsString>) -> ThemeChoice {
    if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return ThemeChoice::Mono;
    }
    variable("PM_THEME").and_then(|name| ThemeChoice::parse(name.to_str()?)).unwrap_or_default()
}

fn start(home: Home, sender: &SyncSender<Msg>) -> Result<EffectRunner, TuiError> {
    feed::start(home.clone(), sender.clone())?;
    let requests = calls::describer(home.clone(), sender.clone())?;
    let reader = LogReader::start(home.clone(), sender.clone())?;
    let sender = sender.clone();
    Ok(Box::new(move |effect| match effect {
        Effect::Perform(command) => calls::begin(&home, &sender, command),
        Effect::Describe(id) => drop(requests.try_send(id)),
        Effect::Follow(group) => reader.send(ReaderCommand::Follow(group)),
        Effect::Forget(group) => reader.send(ReaderCommand::Forget(group)),
        Effect::Redraw | Effect::Suspend | Effect::Quit => {}
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_color_wins_over_a_theme() {
        let theme = |no_color: &str| {
            let value = no_color.to_owned();
            theme_of(move |name| match name {
                "NO_COLOR" => Some(value.clone().into()),
                "PM_THEME" => Some("light".into()),
                _ => None,
            })
        };
        assert_eq!(theme("1"), ThemeChoice::Mono);
        assert_eq!(theme(""), ThemeChoice::Light);
        assert_eq!(theme_of(|_| None), ThemeChoice::Dark);
    }
}
