//! Domains that lead to apps: what there is, what a change would do, and the change itself, each one call of `pm domain`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::access::changed;
use crate::app_pattern::AppPattern;
use crate::call::{Denial, WebAnswer, WebCall};
use crate::deed::words;
use crate::ears::HubNeed;
use crate::panel::Panel;
use crate::run::{ProgramEnd, RunLimits, run};
use crate::secret::digest;
use crate::view::safe;

/// A web server reads its config once.
const LIMITS: RunLimits = RunLimits { output: 4 << 20, time: Duration::from_secs(30) };

/// What is to change; what is left out is for `pm domain` to find out.
#[derive(Deserialize)]
#[serde(tag = "deed", rename_all = "snake_case")]
enum DomainDeed {
    Add {
        name: String,
        /// The number of one of its instances.
        app: u32,
        port: Option<u16>,
        /// The config file of the web server, as the list tells it.
        config: Option<String>,
    },
    Remove {
        name: String,
        config: Option<String>,
    },
}

#[derive(Deserialize)]
struct DomainWish {
    #[serde(flatten)]
    deed: DomainDeed,
    /// Of the plan that was shown.
    token: Option<String>,
}

impl DomainDeed {
    /// The command line. No value can be taken for a flag.
    fn argv(&self, app: &[String], flags: &[&str]) -> Vec<String> {
        let (verb, name, port, config) = match self {
            Self::Add { name, port, config, .. } => ("add", name, *port, config),
            Self::Remove { name, config } => ("remove", name, None, config),
        };
        let own = [
            port.map(|port| format!("--port={port}")),
            config.as_ref().map(|file| format!("--config={file}")),
        ];
        let words = ["pm", "domain", verb].map(str::to_owned).into_iter();
        words
            .chain(own.into_iter().flatten())
            .chain(flags.iter().map(|flag| (*flag).to_owned()))
            .chain(["--".to_owned(), name.clone()])
            .chain(app.iter().cloned())
            .collect()
    }
}

/// The words that mean the app.
async fn app(panel: &Panel, deed: &DomainDeed) -> Result<Vec<String>, Denial> {
    let DomainDeed::Add { app, .. } = deed else { return Ok(Vec::new()) };
    let rows = panel.hub.list(AppPattern::default(), HubNeed::Changes).await?.rows;
    let Some(own) = rows.iter().find(|row| row.id == *app) else {
        return Err(Denial::new(StatusCode::NOT_FOUND, "no_app", "there is no such app"));
    };
    let all: BTreeSet<u32> =
        rows.iter().filter(|row| row.name == own.name).map(|row| row.id).collect();
    Ok(words(&all, &rows))
}

async fn told(panel: &Panel, argv: &[String]) -> Result<ProgramEnd, Denial> {
    let end = run((&panel.program, &panel.home), argv, LIMITS).await;
    end.map_err(|error| Denial::broken(&error.to_string()))
}

/// What it says as JSON, or its words of why not.
async fn document(panel: &Panel, argv: &[String]) -> Result<Value, Denial> {
    let end = told(panel, argv).await?;
    if end.exit == Some(0) {
        return Ok(serde_json::from_slice(&end.out).unwrap_or_default());
    }
    let why = safe(String::from_utf8_lossy(&end.err).trim());
    Err(Denial::new(StatusCode::BAD_REQUEST, "not_possible", why))
}

/// `GET /api/domains`: what `pm domain list --json` says.
pub(crate) async fn list(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let argv = ["pm", "domain", "list", "--json"].map(str::to_owned);
    Ok(WebAnswer::json(&document(&panel, &argv).await?))
}

/// What `--dry-run` says, with a token that stands for it.
async fn planned(panel: &Panel, deed: &DomainDeed, app: &[String]) -> Result<Value, Denial> {
    let argv = deed.argv(app, &["--dry-run", "--json"]);
    let mut plan = document(panel, &argv).await?;
    plan["token"] = digest(&plan.to_string()).into();
    Ok(plan)
}

/// `POST /api/domains/plan`: the file and the commands, and nothing is done.
pub(crate) async fn plan(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let DomainWish { deed, .. } = call.json()?;
    let app = app(&panel, &deed).await?;
    let mut plan = planned(&panel, &deed, &app).await?;
    plan["argv"] = json!(deed.argv(&app, &[]));
    Ok(WebAnswer::json(&plan))
}

/// `POST /api/domains`: what was shown is done, if it would still be the same.
pub(crate) async fn change(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let DomainWish { deed, token } = call.json()?;
    let app = app(&panel, &deed).await?;
    let plan = planned(&panel, &deed, &app).await?;
    if plan["token"].as_str() != token.as_deref() {
        let message = "something has changed since you looked: a file, a port or an app";
        return Err(Denial::new(StatusCode::CONFLICT, "changed", message).hint("look once more"));
    }
    let flags: &[&str] = if matches!(deed, DomainDeed::Add { .. }) { &["--yes"] } else { &[] };
    changed(&panel, &call.visitor, deed.argv(&app, flags), "").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_one_command_line() {
        for (body, app, flags, line) in [
            (
                json!({ "deed": "add", "name": "--yes", "app": 3, "port": 80, "config": "/a b" }),
                &["web".to_owned()][..],
                &["--dry-run"][..],
                "pm domain add --port=80 --config=/a b --dry-run -- --yes web",
            ),
            (
                json!({ "deed": "remove", "name": ";id", "token": "x" }),
                &[],
                &[],
                "pm domain remove -- ;id",
            ),
        ] {
            let wish: DomainWish = serde_json::from_value(body).unwrap();
            assert_eq!(wish.deed.argv(app, flags).join(" "), line);
        }
        for odd in [
            json!({ "deed": "add", "name": "a.b", "app": "web" }),
            json!({ "deed": "add", "name": "a.b", "app": 1, "port": "80;" }),
            json!({ "deed": "list" }),
        ] {
            assert!(serde_json::from_value::<DomainWish>(odd).is_err());
        }
    }
}
