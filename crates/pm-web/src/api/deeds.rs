//! Changes: each is one command line of this program, which is told, run and written down.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use pm_spec::Signal;
use serde::{Deserialize, Serialize};

use crate::app_pattern::AppPattern;
use crate::call::{Denial, Visitor, WebAnswer, WebCall};
use crate::deed::{Deed, words};
use crate::ears::HubNeed;
use crate::gate;
use crate::panel::Panel;
use crate::roles::Role;
use crate::run::{RunError, RunLimits, run};
use crate::view::safe;

/// An app may take its time to stop; the page shows what becomes of it meanwhile.
const LIMITS: RunLimits = RunLimits { output: 64 << 10, time: Duration::from_mins(5) };

/// More than one home can have.
const MOST_IDS: usize = 10_000;

/// What came of it.
#[derive(Serialize)]
struct DeedEnd {
    argv: Vec<String>,
    /// 0: as wished; `null`: it was killed.
    exit: Option<i32>,
    out: String,
    err: String,
    /// It said more than this.
    cut: bool,
}

#[derive(Deserialize)]
struct ScaleTo {
    to: u16,
}

#[derive(Deserialize)]
struct SignalName {
    signal: String,
}

#[derive(Deserialize)]
struct Bulk {
    deed: String,
    ids: Vec<u32>,
}

macro_rules! simple {
    ($($name:ident $deed:ident $doc:literal;)*) => {
        $(
            #[doc = $doc]
            pub(crate) async fn $name(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
                one(panel, call, Deed::$deed).await
            }
        )*
    };
}

simple! {
    start Start "`POST /api/apps/ID/start`.";
    stop Stop "`POST /api/apps/ID/stop`.";
    restart Restart "`POST /api/apps/ID/restart`.";
    reload Reload "`POST /api/apps/ID/reload`.";
    reset Reset "`POST /api/apps/ID/reset`.";
    flush Flush "`POST /api/apps/ID/flush`.";
    delete Delete "`POST /api/apps/ID/delete`.";
}

/// `POST /api/apps/ID/scale`: the app of this instance.
pub(crate) async fn scale(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let ScaleTo { to } = call.json()?;
    if to == 0 {
        return Err(bad("an app has one instance at least").hint("`stop` takes it down"));
    }
    one(panel, call, Deed::Scale(to)).await
}

/// `POST /api/apps/ID/signal`.
pub(crate) async fn signal(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let SignalName { signal } = call.json()?;
    let signal = Signal::parse(&signal).map_err(|error| bad(error.to_string()))?;
    one(panel, call, Deed::Signal(signal)).await
}

/// `POST /api/bulk`: the same to several, by one command.
pub(crate) async fn bulk(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let Bulk { deed, ids } = call.json()?;
    let deed = match deed.as_str() {
        "start" => Deed::Start,
        "stop" => Deed::Stop,
        "restart" => Deed::Restart,
        "reload" => Deed::Reload,
        "reset" => Deed::Reset,
        "flush" => Deed::Flush,
        "delete" => Deed::Delete,
        other => return Err(bad(format!("`{other}` can't be done to several"))),
    };
    if deed == Deed::Delete {
        gate::may(call.visitor.role, Role::Admin)?;
    }
    if ids.is_empty() || ids.len() > MOST_IDS {
        return Err(bad("name one app at least, and no more than there can be"));
    }
    done(panel, call.visitor, deed, ids.into_iter().collect()).await
}

fn bad(message: impl Into<String>) -> Denial {
    Denial::new(StatusCode::BAD_REQUEST, "bad_request", message)
}

/// To the instance in the path, or to its whole app where that can't be parted.
async fn one(panel: Arc<Panel>, call: WebCall, deed: Deed) -> Result<WebAnswer, Denial> {
    let id = super::apps::seen(&panel, &call.visitor, call.arg(0)).await?.id;
    done(panel, call.visitor, deed, [id].into()).await
}

/// Runs it to its end, whether or not somebody waits for that.
async fn done(
    panel: Arc<Panel>,
    visitor: Visitor,
    deed: Deed,
    ids: BTreeSet<u32>,
) -> Result<WebAnswer, Denial> {
    let argv = argv(&panel, &visitor, deed, ids).await?;
    let may_see_all = visitor.apps.is_all();
    let running = tokio::spawn(async move {
        let end = run((&panel.program, &panel.home), &argv, LIMITS).await;
        let outcome = match &end {
            Ok(end) if end.exit == Some(0) => "done".to_owned(),
            Ok(end) => end.exit.map_or("killed".into(), |exit| format!("exit {exit}")),
            Err(error) => error.to_string(),
        };
        panel.note(&visitor, &argv, &outcome);
        (argv, end)
    });
    let (argv, end) = running.await.map_err(|_| Denial::broken("the command broke off"))?;
    let end = end.map_err(|error| match error {
        RunError::Late(_) => Denial::new(StatusCode::GATEWAY_TIMEOUT, "late", error.to_string())
            .hint("the daemon goes on with it; the list shows what becomes of it"),
        RunError::Begin { .. } | RunError::Read(_) => Denial::broken(&error.to_string()),
    })?;
    let text = |bytes: &[u8]| safe(&String::from_utf8_lossy(bytes));
    // What a command says ends with the list of all apps.
    let out = if may_see_all { text(&end.out) } else { String::new() };
    let err = text(&end.err);
    Ok(WebAnswer::json(&DeedEnd { argv, exit: end.exit, out, err, cut: end.is_cut }))
}

/// The command line, if the visitor may know of all that it is about.
async fn argv(
    panel: &Panel,
    visitor: &Visitor,
    deed: Deed,
    ids: BTreeSet<u32>,
) -> Result<Vec<String>, Denial> {
    // What a word means is settled by all apps there are, those included that the visitor may not see.
    let all = panel.hub.list(AppPattern::default(), HubNeed::Changes).await?.rows;
    let is_seen = |id: &u32| {
        all.iter().any(|row| row.id == *id && visitor.apps.admits(&row.namespace, &row.name))
    };
    if let Some(unseen) = ids.iter().find(|id| !is_seen(id)) {
        return Err(Denial::no_such_app(&unseen.to_string()));
    }
    let mut meant = ids;
    if matches!(deed, Deed::Scale(_)) {
        // Instances of one app can't have different numbers of instances.
        let app =
            |id: &u32| all.iter().find(|row| row.id == *id).map(|row| (&row.name, &row.namespace));
        let apps: BTreeSet<_> = meant.iter().filter_map(app).collect();
        let whole = all.iter().filter(|row| apps.contains(&(&row.name, &row.namespace)));
        let (all_ids, first): (BTreeSet<u32>, _) =
            (whole.map(|row| row.id).collect(), meant.clone());
        let names = words(&all_ids, &all);
        // Where another namespace has an app of this name, one instance stands for its app.
        meant = if names.len() == 1 { all_ids } else { first };
    }
    Ok(deed.argv(&words(&meant, &all)))
}
