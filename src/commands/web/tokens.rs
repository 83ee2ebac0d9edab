//! `pm web token`: keys for programs. The file is changed here; a panel that runs is told.

use pm_web::{AccessTokens, AppPattern, PanelError, TokenError, TokenView, TokenWish};
use serde_json::json;

use super::audit::local_time;
use super::control::changed;
use super::{foreground, link};
use crate::cli::WebTokenVerb;
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};

pub(super) fn run(session: &Session, verb: WebTokenVerb) -> Result<Report, Failure> {
    launch::prepare(&session.home)?;
    let tokens = AccessTokens::open(session.home.root());
    let mut tokens = tokens.map_err(|error| foreground::refused(&PanelError::Tokens(error)))?;
    match verb {
        WebTokenVerb::List => Ok(list(session, &tokens.list())),
        WebTokenVerb::Add { name, role, apps, days } => {
            let apps = AppPattern::from(apps.unwrap_or_default());
            let wish = TokenWish { name: name.clone(), role: link::role(&role), apps, days };
            let key = tokens.add(wish).map_err(failed)?;
            changed(session, &["token", "add", &name, &format!("--role={role}")]);
            let json = || json!({ "name": name, "token": key });
            Ok(Report::new(session.console, || format!("{key}\n"), json))
        }
        WebTokenVerb::Remove { name } => {
            tokens.remove(&name).map_err(failed)?;
            changed(session, &["token", "remove", &name]);
            Ok(Report::said(session.console, "token", &format!("{name} is no longer good")))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as an error is given to be changed")]
fn failed(error: TokenError) -> Failure {
    let is_ours = matches!(error, TokenError::File(_) | TokenError::Random(_));
    Failure::could_not(if is_ours { Exit::Failed } else { Exit::Input }, &error)
}

fn list(session: &Session, tokens: &[TokenView]) -> Report {
    let text = || {
        if tokens.is_empty() {
            return "no program has a key; `pm web token add NAME`\n".into();
        }
        let line = |token: &TokenView| {
            let apps = String::from(token.apps.clone());
            let apps = if apps.is_empty() { "all apps" } else { &apps };
            let used = token.used_ms.map_or("never".into(), local_time);
            let (name, role, until) = (&token.name, token.role.name(), local_time(token.until_ms));
            format!("{name:16} {role:8} {apps:16} until {until}, used {used}\n")
        };
        tokens.iter().map(line).collect()
    };
    Report::new(session.console, text, || json!(tokens))
}
