//! Who may come in: users, tokens and sessions, each change one call of `pm web`.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::call::{Denial, Visitor, WebAnswer, WebCall};
use crate::panel::Panel;
use crate::roles::Role;
use crate::run::{RunLimits, run_told};
use crate::tokens::AccessTokens;
use crate::users::Users;
use crate::view::safe;

const LIMITS: RunLimits = RunLimits { output: 64 << 10, time: Duration::from_mins(1) };

/// What is to change.
#[derive(Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
enum AccessDeed {
    AddUser {
        name: String,
        role: Role,
        #[serde(default)]
        apps: String,
        password: String,
    },
    RemoveUser {
        name: String,
    },
    AddToken {
        name: String,
        role: Role,
        #[serde(default)]
        apps: String,
        #[serde(default = "quarter")]
        days: u16,
    },
    RemoveToken {
        name: String,
    },
    EndSession {
        name: String,
    },
}

fn quarter() -> u16 {
    90
}

impl AccessDeed {
    /// The command line, and what it reads. No value can be taken for a flag.
    fn argv(self) -> (Vec<String>, String) {
        let role = |role: Role| format!("--role={}", role.name());
        let apps = |apps: String| Some(format!("--apps={apps}")).filter(|_| !apps.is_empty());
        let (verb, flags, name, input) = match self {
            Self::AddUser { name, role: of, apps: seen, password } => {
                let flags = [Some(role(of)), apps(seen)];
                ("user add", flags.into_iter().flatten().collect(), name, format!("{password}\n"))
            }
            Self::RemoveUser { name } => ("user remove", Vec::new(), name, String::new()),
            Self::AddToken { name, role: of, apps: seen, days } => {
                let flags = [Some(role(of)), apps(seen), Some(format!("--days={days}"))];
                ("token add", flags.into_iter().flatten().collect(), name, String::new())
            }
            Self::RemoveToken { name } => ("token remove", Vec::new(), name, String::new()),
            Self::EndSession { name } => {
                let argv = ["pm", "web", "sessions", &format!("--end={name}")].map(str::to_owned);
                return (argv.into(), String::new());
            }
        };
        let words = ["pm", "web"].into_iter().chain(verb.split(' ')).map(str::to_owned);
        let argv: Vec<String> = words.chain(flags).chain(["--".into(), name]).collect();
        (argv, input)
    }
}

/// `GET /api/access`.
pub(crate) async fn show(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let root = panel.home.root();
    let users = Users::open(root).map_err(|error| Denial::broken(&error.to_string()))?;
    let tokens = AccessTokens::open(root).map_err(|error| Denial::broken(&error.to_string()))?;
    let sessions = panel.keeper.list().await;
    let own = &call.visitor.session;
    Ok(WebAnswer::json(&json!({
        "users": users.list(), "tokens": tokens.list(), "sessions": sessions, "own": own,
    })))
}

/// `POST /api/access`. A new token stands in `out`, and nowhere else.
pub(crate) async fn change(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let deed: AccessDeed = call.json()?;
    let (argv, input) = deed.argv();
    if input.trim_end_matches('\n').contains(['\n', '\r']) {
        return Err(Denial::new(StatusCode::BAD_REQUEST, "bad_request", "a password is one line"));
    }
    changed(&panel, &call.visitor, argv, &input).await
}

/// Runs a call of `pm web` that changes something, and writes it down.
pub(super) async fn changed(
    panel: &Panel,
    visitor: &Visitor,
    argv: Vec<String>,
    input: &str,
) -> Result<WebAnswer, Denial> {
    let end = run_told((&panel.program, &panel.home), &argv, LIMITS, input.as_bytes()).await;
    let end = end.map_err(|error| Denial::broken(&error.to_string()))?;
    let outcome = match end.exit {
        Some(0) => "done".to_owned(),
        Some(exit) => format!("exit {exit}"),
        None => "killed".to_owned(),
    };
    panel.note(visitor, &argv, &outcome);
    let text = |bytes: &[u8]| safe(&String::from_utf8_lossy(bytes));
    let (out, err) = (text(&end.out), text(&end.err));
    Ok(WebAnswer::json(&json!({
        "argv": argv, "exit": end.exit, "out": out, "err": err, "cut": end.is_cut,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_command_line() {
        for (body, line, input) in [
            (
                json!({ "deed": "add_user", "name": "--role=admin", "role": "viewer", "password": "x y" }),
                "pm web user add --role=viewer -- --role=admin",
                "x y\n",
            ),
            (
                json!({ "deed": "add_token", "name": "ci", "role": "operator", "apps": "ns:shop,a b" }),
                "pm web token add --role=operator --apps=ns:shop,a b --days=90 -- ci",
                "",
            ),
            (json!({ "deed": "remove_token", "name": ";id" }), "pm web token remove -- ;id", ""),
            (json!({ "deed": "remove_user", "name": "ann" }), "pm web user remove -- ann", ""),
            (json!({ "deed": "end_session", "name": "-f" }), "pm web sessions --end=-f", ""),
        ] {
            let deed: AccessDeed = serde_json::from_value(body).unwrap();
            let (argv, told) = deed.argv();
            assert_eq!((argv.join(" ").as_str(), told.as_str()), (line, input));
        }
        let odd = json!({ "deed": "add_token", "name": "x", "role": "root" });
        assert!(serde_json::from_value::<AccessDeed>(odd).is_err());
    }
}
