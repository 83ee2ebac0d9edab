//! `pm web user`: who may sign in with a password. The file is changed here; a panel that runs is told.

use std::io::{self, BufRead, IsTerminal, Write};

use pm_web::{AppPattern, PanelError, UserView, Users, WebUserError};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use serde_json::json;

use super::control::changed;
use super::{foreground, link};
use crate::cli::WebUserVerb;
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};

pub(super) fn run(session: &Session, verb: WebUserVerb) -> Result<Report, Failure> {
    launch::prepare(&session.home)?;
    let users = Users::open(session.home.root());
    let mut users = users.map_err(|error| foreground::refused(&PanelError::Users(error)))?;
    let (word, name, text) = match verb {
        WebUserVerb::List => return Ok(list(session, &users.list())),
        WebUserVerb::Add { name, role, apps } => {
            let apps = AppPattern::from(apps.unwrap_or_default());
            let user = UserView { name: name.clone(), role: link::role(&role), apps };
            users.add(user, &password()?).map_err(failed)?;
            let text = format!("{name} may sign in as {role}");
            ("add", name, text)
        }
        WebUserVerb::Passwd { name } => {
            users.passwd(&name, &password()?).map_err(failed)?;
            let text = format!("{name} has another password, and has to sign in again");
            ("passwd", name, text)
        }
        WebUserVerb::Remove { name } => {
            users.remove(&name).map_err(failed)?;
            let text = format!("{name} may no longer sign in");
            ("remove", name, text)
        }
    };
    changed(session, &["user", word, &name]);
    Ok(Report::said(session.console, "user", &text))
}

#[expect(clippy::needless_pass_by_value, reason = "as an error is given to be changed")]
fn failed(error: WebUserError) -> Failure {
    let exit = if matches!(error, WebUserError::File(_)) { Exit::Failed } else { Exit::Input };
    Failure::could_not(exit, &error)
}

fn list(session: &Session, users: &[UserView]) -> Report {
    let text = || {
        if users.is_empty() {
            return "nobody may sign in with a password; `pm web user add NAME`\n".into();
        }
        let line = |user: &UserView| {
            let apps = String::from(user.apps.clone());
            let apps = if apps.is_empty() { "all apps" } else { &apps };
            format!("{:16} {:8} {apps}\n", user.name, user.role.name())
        };
        users.iter().map(line).collect()
    };
    Report::new(session.console, text, || json!(users))
}

/// From the terminal, twice and unseen; or a line of standard input.
fn password() -> Result<String, Failure> {
    let input = io::stdin();
    if !input.is_terminal() {
        return line();
    }
    blindly(&input, || {
        let (first, second) = (asked("password: ")?, asked("once more: ")?);
        if first == second { Ok(first) } else { Err(Failure::input("these are two passwords")) }
    })
}

/// A question whose answer is not seen on the terminal.
pub(super) fn blindly<T>(
    input: &io::Stdin,
    asking: impl FnOnce() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let modes = tcgetattr(input).map_err(|error| unread(&error.into()))?;
    let mut blind = modes.clone();
    blind.local_modes.remove(LocalModes::ECHO);
    tcsetattr(input, OptionalActions::Flush, &blind).map_err(|error| unread(&error.into()))?;
    let typed = asking();
    // The terminal must be usable whatever came of it.
    tcsetattr(input, OptionalActions::Flush, &modes).ok();
    typed
}

pub(super) fn asked(question: &str) -> Result<String, Failure> {
    write!(io::stderr(), "{question}").map_err(|error| unread(&error))?;
    let typed = line();
    writeln!(io::stderr()).map_err(|error| unread(&error))?;
    typed
}

pub(super) fn line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| unread(&error))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

fn unread(error: &io::Error) -> Failure {
    Failure::failed(format!("could not read a password: {error}"))
}
