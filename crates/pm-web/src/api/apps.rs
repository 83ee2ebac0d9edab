//! Apps: the list, everything about one, why it runs or does not, and how its runs ended.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use pm_client::{CallError, Client, Deadline};
use pm_protocol::{Code, Describe, Description, Home};
use pm_spec::Select;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::call::{Denial, Visitor, WebAnswer, WebCall};
use crate::ears::HubNeed;
use crate::hub_call::{HubList, HubTrouble};
use crate::panel::Panel;
use crate::run::{RunLimits, run};
use crate::view::{AppRow, EndRow};

/// What a document about one app may have, and how long it may take.
const DOCUMENT: RunLimits = RunLimits { output: 4 << 20, time: Duration::from_secs(30) };

/// So long a description may take.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct AppList {
    apps: Vec<AppRow>,
    seq: String,
}

#[derive(Serialize)]
struct EndList {
    ends: Vec<EndRow>,
}

/// `GET /api/apps`.
pub(crate) async fn list(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let HubList { rows, number } = panel.hub.list(call.visitor.apps, HubNeed::Figures).await?;
    Ok(WebAnswer::json(&AppList { apps: rows, seq: number.to_string() }))
}

/// `GET /api/apps/ID`: as `pm describe --json`, which masks what looks like a secret.
pub(crate) async fn describe(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    document(&panel, "describe", &call).await
}

/// `GET /api/apps/ID/why`: as `pm why --json`.
pub(crate) async fn why(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    document(&panel, "why", &call).await
}

/// `GET /api/apps/ID/ends`.
pub(crate) async fn ends(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let row = seen(&panel, &call.visitor, call.arg(0)).await?;
    let home = panel.home.clone();
    let described = tokio::task::spawn_blocking(move || described(&home, row.id)).await;
    let described = described.map_err(|_| Denial::broken("the description broke off"))??;
    let ends = described.iter().flat_map(|one| one.ends.iter().map(EndRow::new)).collect();
    Ok(WebAnswer::json(&EndList { ends }))
}

fn described(home: &Home, id: u32) -> Result<Option<Description>, Denial> {
    let mut client = Client::open(home).map_err(|error| denial(&error.into()))?;
    let call = Describe { select: vec![Select::Id(id)], known: true };
    let answer = client.call(&call, Deadline::after(PATIENCE));
    Ok(answer.map_err(|error| denial(&error))?.descriptions.pop())
}

/// What this program says about one app as JSON: the first of a list of one.
async fn document(panel: &Panel, verb: &str, call: &WebCall) -> Result<WebAnswer, Denial> {
    let row = seen(panel, &call.visitor, call.arg(0)).await?;
    let argv = ["pm", verb, &format!("id:{}", row.id), "--json"].map(str::to_owned);
    let end = run((&panel.program, &panel.home), &argv, DOCUMENT).await;
    let end = end.map_err(|error| Denial::broken(&error.to_string()))?;
    if end.exit != Some(0) {
        // It was there a moment ago.
        return Err(Denial::no_such_app(call.arg(0)));
    }
    let all: Vec<Box<RawValue>> = serde_json::from_slice(&end.out)
        .map_err(|error| Denial::broken(&format!("could not read {}: {error}", argv.join(" "))))?;
    let one = all.into_iter().next().ok_or_else(|| Denial::no_such_app(call.arg(0)))?;
    Ok(WebAnswer::Json(StatusCode::OK, String::from(Box::<str>::from(one)).into_bytes()))
}

/// The row of an app this visitor may know of.
pub(crate) async fn seen(panel: &Panel, visitor: &Visitor, id: &str) -> Result<AppRow, Denial> {
    let unknown = || Denial::no_such_app(id);
    let number = is_number(id).ok_or_else(unknown)?;
    let rows = panel.hub.list(visitor.apps.clone(), HubNeed::Changes).await?.rows;
    rows.into_iter().find(|row| row.id == number).ok_or_else(unknown)
}

/// The id in a path: digits and nothing else.
fn is_number(id: &str) -> Option<u32> {
    id.bytes().all(|byte| byte.is_ascii_digit()).then(|| id.parse().ok())?
}

impl From<HubTrouble> for Denial {
    fn from(trouble: HubTrouble) -> Self {
        match trouble {
            HubTrouble::Call(error) => denial(&error),
            HubTrouble::Busy => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too much is asked at once")
                    .hint("try again")
            }
        }
    }
}

/// Why the daemon did not answer.
pub(crate) fn denial(error: &CallError) -> Denial {
    let new = |code, message| Denial::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
    match error {
        CallError::Connect(error) if error.is_no_daemon() => {
            new("no_daemon", "no daemon runs".to_owned()).hint("any `pm start` brings one up")
        }
        CallError::Refused(refusal) if refusal.code == Code::NotFound => {
            Denial::new(StatusCode::NOT_FOUND, "no_such_app", refusal.message.clone())
        }
        CallError::Lost | CallError::Late => {
            new("no_answer", format!("could not {error}")).hint("try again")
        }
        CallError::Connect(_)
        | CallError::Refused(_)
        | CallError::Version { .. }
        | CallError::Protocol(_)
        | CallError::Answer(_)
        | CallError::Io(_) => new("daemon", format!("could not {error}")),
    }
}
