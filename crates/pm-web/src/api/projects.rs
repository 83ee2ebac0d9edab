//! A project by its folder: where to choose one, what `pm add` makes of it, and `pm add` itself, as an app that ends, so that
//! neither a tab nor a panel that is closed stops an installation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app_pattern::AppPattern;
use crate::call::{Denial, Visitor, WebAnswer, WebCall};
use crate::ears::HubNeed;
use crate::folder::{FolderError, OpenFolder};
use crate::panel::Panel;
use crate::run::{ProgramEnd, RunLimits, run};
use crate::secret::digest;
use crate::view::safe;

/// Looking at a folder takes a second at most; a machine may be busy.
const LIMITS: RunLimits = RunLimits { output: 4 << 20, time: Duration::from_secs(30) };

/// The namespace of what sets projects up.
const NAMESPACE: &str = "setup";

/// What was chosen; what is left out is for `pm add` to choose.
#[derive(Deserialize)]
struct ProjectChoice {
    folder: String,
    name: Option<String>,
    port: Option<u16>,
    app: Option<String>,
    python: Option<String>,
    #[serde(default)]
    only: Vec<String>,
}

/// What is to be done, by somebody who has seen the plan with this token.
#[derive(Deserialize)]
struct ProjectWish {
    #[serde(flatten)]
    choice: ProjectChoice,
    start: bool,
    token: String,
}

impl ProjectChoice {
    /// The folder, beneath a root.
    fn open(&self, roots: &[PathBuf]) -> Result<String, Denial> {
        let open = OpenFolder::open(roots, Some(&self.folder)).map_err(|error| denial(&error))?;
        let path = open.path.to_str().map(str::to_owned);
        path.ok_or_else(|| denial(&FolderError::Outside(safe(&self.folder))))
    }

    /// `add FOLDER` and its flags; no value can be taken for another flag.
    fn words(&self, folder: &str) -> Vec<String> {
        let port = self.port.map(|port| port.to_string());
        let only = Some(self.only.join(",")).filter(|only| !only.is_empty());
        let flags = [
            ("name", &self.name),
            ("port", &port),
            ("app", &self.app),
            ("python", &self.python),
            ("only", &only),
        ];
        let flags = flags.into_iter().filter_map(|(flag, value)| {
            Some(format!("--{flag}={}", value.as_ref().filter(|it| !it.is_empty())?))
        });
        ["add", folder].into_iter().map(str::to_owned).chain(flags).collect()
    }
}

fn denial(error: &FolderError) -> Denial {
    let new = |status, code| Denial::new(status, code, error.to_string());
    match error {
        FolderError::NoRoot => new(StatusCode::NOT_FOUND, "no_folders")
            .hint("pm web --folders /srv/sites; or in a terminal: pm add FOLDER"),
        FolderError::Outside(_) => new(StatusCode::FORBIDDEN, "folder_outside"),
        FolderError::Look { .. } => new(StatusCode::NOT_FOUND, "folder_unreadable"),
    }
}

/// `GET /api/folders?path=`.
pub(crate) async fn folders(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let looking = tokio::task::spawn_blocking(move || {
        OpenFolder::open(&panel.settings.folders, call.query("path")).and_then(OpenFolder::view)
    });
    let view = looking.await.map_err(|_| Denial::broken("the look broke off"))?;
    Ok(WebAnswer::json(&view.map_err(|error| denial(&error))?))
}

/// `POST /api/scout`: what `pm add FOLDER --dry-run --json` says, with a token that stands for it.
pub(crate) async fn scout(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let choice: ProjectChoice = call.json()?;
    let folder = choice.open(&panel.settings.folders)?;
    Ok(WebAnswer::json(&plan(&panel, &choice, &folder).await?))
}

async fn plan(panel: &Panel, choice: &ProjectChoice, folder: &str) -> Result<Value, Denial> {
    let flags = ["--dry-run", "--json"].map(str::to_owned);
    let argv: Vec<_> =
        ["pm".to_owned()].into_iter().chain(choice.words(folder)).chain(flags).collect();
    let end = told(panel, &argv).await?;
    let mut plan: Value = serde_json::from_slice(&end.out).unwrap_or_default();
    if !plan["apps"].is_array() {
        let why = [end.err, end.out].concat();
        let why = safe(String::from_utf8_lossy(&why).trim());
        return Err(Denial::new(StatusCode::BAD_REQUEST, "not_found_out", why));
    }
    let parts: Vec<_> = ["apps", "file", "commands", "blockers"].map(|part| &plan[part]).into();
    let token = digest(&json!(parts).to_string());
    plan["token"] = token.into();
    Ok(plan)
}

async fn told(panel: &Panel, argv: &[String]) -> Result<ProgramEnd, Denial> {
    let end = run((&panel.program, &panel.home), argv, LIMITS).await;
    end.map_err(|error| Denial::broken(&error.to_string()))
}

/// `POST /api/projects`: what was shown is done, if it would still be the same.
pub(crate) async fn add(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    call.visitor.sees_all()?;
    let ProjectWish { choice, start, token } = call.json()?;
    let folder = choice.open(&panel.settings.folders)?;
    let plan = plan(&panel, &choice, &folder).await?;
    if plan["token"] != token {
        let message =
            "something has changed since you looked: a file of the project, a port or an app";
        return Err(Denial::new(StatusCode::CONFLICT, "changed", message).hint("look once more"));
    }
    let name = plan["apps"][0]["name"].as_str().unwrap_or("project");
    let job = format!("{NAMESPACE}-{name}");
    forget(&panel, &call.visitor, &job).await?;
    let program = panel.program.to_string_lossy().into_owned();
    let flags = [
        format!("--name={job}"),
        format!("--namespace={NAMESPACE}"),
        format!("--cwd={folder}"),
        "--interpreter=none".into(),
        "--no-autorestart".into(),
        "--no-wait".into(),
        "--".into(),
    ];
    let last = if start {
        vec!["--yes".to_owned()]
    } else {
        ["--yes", "--no-start"].map(str::to_owned).into()
    };
    let argv: Vec<_> = ["pm".into(), "start".into(), program]
        .into_iter()
        .chain(flags)
        .chain(choice.words(&folder))
        .chain(last)
        .collect();
    let end = told(&panel, &argv).await?;
    let outcome = end.exit.map_or("killed".into(), |exit| {
        if exit == 0 { "done".into() } else { format!("exit {exit}") }
    });
    panel.note(&call.visitor, &argv, &outcome);
    let text = |bytes: &[u8]| safe(&String::from_utf8_lossy(bytes));
    Ok(WebAnswer::json(&json!({
        "argv": argv, "exit": end.exit, "out": text(&end.out), "err": text(&end.err), "cut": end.is_cut, "job": job,
    })))
}

/// What set it up before makes room, if it has ended.
async fn forget(panel: &Panel, visitor: &Visitor, job: &str) -> Result<(), Denial> {
    let rows = panel.hub.list(AppPattern::default(), HubNeed::Changes).await?.rows;
    let Some(row) = rows.iter().find(|row| row.name == job && row.namespace == NAMESPACE) else {
        return Ok(());
    };
    if row.pid.is_some() {
        let message = format!("{job} is at work already");
        return Err(Denial::new(StatusCode::CONFLICT, "at_work", message).hint("wait for its end"));
    }
    let argv = ["pm", "delete", &format!("id:{}", row.id)].map(str::to_owned);
    told(panel, &argv).await?;
    panel.note(visitor, &argv, "done");
    Ok(())
}
