//! The third and last level of errors: what a command ends with, for people and for scripts.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use pm_client::{CallError, Colours, ConnectError, plain};
use pm_pm2::Pm2Error;
use pm_protocol::{Code, Refusal};
use regex_lite::Regex;

use crate::called::as_called;

/// Exit codes (house 5). A panic is 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Refused or failed.
    Failed = 1,
    /// Your input.
    Input = 2,
    /// No daemon where one is needed.
    NoDaemon = 3,
    /// Not in time.
    Late = 4,
}

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// What is said before, line for line: the diagnostics of a config file.
    pub(crate) details: String,
    /// Whether no app is meant by what was typed.
    pub(crate) is_not_found: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        let (hint, details) = (None, String::new());
        Self { exit, message: message.into(), hint, details, is_not_found: false }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::Input, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn after(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// A verb whose cargo feature this build lacks.
    #[cfg(not(all(feature = "deploy", feature = "panel", feature = "serve")))]
    pub(crate) fn left_out(feature: &str) -> Self {
        let message = format!("this build of pm has no `{feature}` (cargo feature `{feature}`)");
        Self::new(Exit::Failed, message)
    }

    /// An error whose text completes "could not ...", with its causes.
    pub(crate) fn could_not(exit: Exit, error: &dyn Error) -> Self {
        Self::new(exit, format!("could not {}", chain(error)))
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // A transparent error repeats its cause.
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

/// What the standard library says of a refused call, without the number it adds: ` (os error 2)`.
fn without_numbers(text: &str) -> Cow<'_, str> {
    let number = Regex::new(r" \(os error \d+\)");
    number.map_or(text.into(), |number| number.replace_all(text, ""))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details)?;
        write!(f, "error: {}", without_numbers(&self.message))?;
        match &self.hint {
            Some(hint) => write!(f, "\nhint: {}", as_called(hint)),
            None => Ok(()),
        }
    }
}

impl From<Pm2Error> for Failure {
    fn from(Pm2Error { is_input, message, hint }: Pm2Error) -> Self {
        let exit = if is_input { Exit::Input } else { Exit::Failed };
        Self { hint, ..Self::new(exit, message) }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        match &error {
            ConnectError::NoDaemon { .. } => Self::could_not(Exit::NoDaemon, &error)
                .hint("`pm start` starts one, `pm resurrect` brings back the saved list"),
            ConnectError::Denied { .. }
            | ConnectError::Closed { .. }
            | ConnectError::Stranger { .. } => Self::could_not(Exit::Failed, &error)
                .hint("set PM_HOME to a folder of your own, or become that user"),
            ConnectError::NoHello { diary, .. } => Self::could_not(Exit::NoDaemon, &error)
                .hint(format!("{} may say why", diary.display())),
            ConnectError::Busy { .. } => Self::could_not(Exit::Late, &error),
            ConnectError::Io { .. } => Self::could_not(Exit::Failed, &error),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Connect(error) => error.into(),
            CallError::Refused(refusal) => refusal.into(),
            CallError::Late => Self::could_not(Exit::Late, &error)
                .hint("the daemon may be busy; `pm list` shows how things stand"),
            CallError::Lost => {
                Self::could_not(Exit::Failed, &error).hint("`pm list` shows how things stand")
            }
            CallError::Version { .. } => Self::could_not(Exit::Failed, &error)
                .hint("`pm update` replaces the daemon by this program; apps run on"),
            CallError::Protocol(_) | CallError::Answer(_) | CallError::Io(_) => {
                Self::could_not(Exit::Failed, &error)
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, message, hint } = refusal;
        let exit = if code == Code::BadRequest { Exit::Input } else { Exit::Failed };
        let usual = if code == Code::NotFound {
            Some("`pm list` shows what there is")
        } else if code == Code::Version {
            Some("`pm update` replaces the daemon by this program")
        } else {
            None
        };
        let hint = hint.or(usual.map(str::to_owned));
        let is_not_found = code == Code::NotFound;
        // Apps may have a hand in it: names of actions, for one.
        let shown = |text: String| plain(text.as_bytes(), Colours::Drop).into_owned();
        let (message, hint) = (shown(message), hint.map(shown));
        Self { exit, message, hint, details: String::new(), is_not_found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_daemon_is_three_and_late_is_four() {
        let error = ConnectError::NoDaemon { home: "/h".into() };
        let failure = Failure::from(error);
        assert_eq!(failure.exit, Exit::NoDaemon);
        assert!(
            failure
                .to_string()
                .starts_with("error: could not reach the daemon: none runs in /h\nhint: ")
        );
        assert_eq!(Failure::from(CallError::Late).exit, Exit::Late);
    }

    #[test]
    fn a_daemon_that_does_not_start_is_three_and_its_log_is_named() {
        let waited = std::time::Duration::from_secs(20);
        let error = ConnectError::NoHello { home: "/h".into(), diary: "/h/pm.log".into(), waited };
        let failure = Failure::from(error);
        assert_eq!(failure.exit, Exit::NoDaemon);
        assert!(failure.message.contains("for 20 s"), "{failure}");
        assert_eq!(failure.hint.as_deref(), Some("/h/pm.log may say why"));
    }

    #[test]
    fn errors_of_the_system_come_without_their_numbers() {
        let error = std::io::Error::from_raw_os_error(2);
        let failure = Failure::input(format!("could not read x: {error}, sorry"));
        assert!(failure.to_string().ends_with(": No such file or directory, sorry"), "{failure}");
        assert_eq!(without_numbers("x (os error y) z"), "x (os error y) z");
    }

    #[test]
    fn causes_are_told_once() {
        let source = std::io::Error::other("disk on fire");
        let error = ConnectError::Io { socket: "/s".into(), source };
        let error = CallError::Connect(error);
        assert_eq!(chain(&error), "reach the daemon at /s: disk on fire");
    }
}
