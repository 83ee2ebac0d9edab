//! What is told when something goes wrong, and to whom; each change one call of `pm web alert`.

use std::sync::Arc;

use hyper::StatusCode;
use pm_spec::ChannelKind;
use serde::Deserialize;

use super::access::changed;
use crate::alerts::{AlertSettings, last_told};
use crate::call::{Denial, WebAnswer, WebCall};
use crate::panel::Panel;

/// So many messages are shown.
const SHOWN: usize = 100;

/// What is to change.
#[derive(Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
enum AlertDeed {
    Set { key: String, value: String },
    Add(Box<NewChannel>),
    Remove { name: String },
    Test { name: String },
}

#[derive(Deserialize)]
struct NewChannel {
    name: String,
    kind: ChannelKind,
    url: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    chat: String,
    #[serde(default)]
    user: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
}

impl AlertDeed {
    /// The command line, and what it reads: the address and the secret stand in no line.
    fn argv(self) -> (Vec<String>, String) {
        let words = |verb: &str, more: Vec<String>| {
            let argv = ["pm", "web", "alert", verb].map(str::to_owned).into_iter();
            argv.chain(more).collect()
        };
        let named = |verb: &str, name| (words(verb, vec!["--".into(), name]), String::new());
        match self {
            Self::Set { key, value } => {
                (words("set", vec!["--".into(), key, value]), String::new())
            }
            Self::Remove { name } => named("remove", name),
            Self::Test { name } => named("test", name),
            Self::Add(new) => {
                let NewChannel { name, kind, url, secret, chat, user, from, to } = *new;
                let flags = [("chat", chat), ("user", user), ("from", from), ("to", to)];
                let flags = flags.into_iter().filter(|(_, value)| !value.is_empty());
                let flags = flags.map(|(flag, value)| format!("--{flag}={value}"));
                let kind = format!("--kind={}", kind.name());
                let more = [kind].into_iter().chain(flags).chain(["--".into(), name]).collect();
                (words("add", more), format!("{url}\n{secret}\n"))
            }
        }
    }
}

/// `GET /api/alerts`.
pub(crate) async fn show(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let root = panel.home.root();
    let settings = AlertSettings::open(root).map_err(|error| Denial::broken(&error.to_string()))?;
    let mut view = settings.view();
    view["told"] = last_told(root, SHOWN).into();
    Ok(WebAnswer::json(&view))
}

/// `POST /api/alerts`.
pub(crate) async fn change(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let (argv, input) = call.json::<AlertDeed>()?.argv();
    if input.lines().count() > 2 || input.contains('\r') {
        let message = "an address and a secret are one line each";
        return Err(Denial::new(StatusCode::BAD_REQUEST, "bad_request", message));
    }
    changed(&panel, &call.visitor, argv, &input).await
}
