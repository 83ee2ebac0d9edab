//! What apps used in the past.

use std::sync::Arc;

use hyper::StatusCode;
use pm_protocol::Home;
use serde::Serialize;

use crate::alerts::{AlertSpan, alert_spans};
use crate::api::apps::seen;
use crate::call::{Denial, WebAnswer, WebCall};
use crate::clock::now_ms;
use crate::ears::HubNeed;
use crate::panel::Panel;
use crate::past::UsageHistory;
use crate::ring::{HistoryTier, STEP_MS};

/// What is told unless somebody says since when, in ms.
const SPAN: u64 = 3_600_000;

/// The small charts of the list show so many of the finest steps.
const SMALL: u64 = 40;

#[derive(Serialize)]
struct HistoryView {
    /// Whether this panel writes history down.
    kept: bool,
    begin_ms: u64,
    step_ms: u64,
    /// Per cent of one core.
    cpu: SpreadView<f64>,
    /// Bytes.
    memory: SpreadView<u64>,
    processes: Vec<Option<u16>>,
    /// When, in ms since 1970, and how often it was started again.
    restarts: Vec<(u64, u16)>,
    /// What was worth an alert, oldest first.
    alerts: Vec<AlertSpan>,
}

/// A value for each step; `null`: nobody looked.
#[derive(Serialize)]
struct SpreadView<T> {
    min: Vec<Option<T>>,
    avg: Vec<Option<T>>,
    max: Vec<Option<T>>,
}

#[derive(Serialize)]
struct SmallHistories {
    step_ms: u64,
    rows: Vec<SmallHistory>,
}

/// Id, per cent, bytes; oldest first, up to now.
#[derive(Serialize)]
struct SmallHistory(u32, Vec<Option<f64>>, Vec<Option<u64>>);

/// `GET /api/apps/ID/history`.
pub(crate) async fn one(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let row = seen(&panel, &call.visitor, call.arg(0)).await?;
    let number = |name: &str, usual: u64| match call.query(name).filter(|it| !it.is_empty()) {
        None => Ok(usual),
        Some(text) => text.parse().map_err(|_| {
            let message = format!("`{name}` is not understood: {text}");
            Denial::new(StatusCode::BAD_REQUEST, "bad_query", message)
        }),
    };
    let until = number("until", now_ms())?;
    let since = number("since", until.saturating_sub(SPAN))?;
    let step = number("step", 0)?;
    let kept = settle(&panel).await;
    let home = panel.home.clone();
    let read = move || {
        let (one, span) = ((row.name.as_str(), row.instance), (since, until));
        let alerts = alert_spans(home.root(), one, span);
        UsageHistory::read(&home, one, span, step).map(|history| (history, alerts))
    };
    let history = tokio::task::spawn_blocking(read).await;
    let history = history.map_err(|_| Denial::broken("reading the history broke off"))?;
    let (history, alerts) = history.map_err(|error| {
        let message = format!("could not read the history: {error}");
        Denial::new(StatusCode::SERVICE_UNAVAILABLE, "unreadable", message)
    })?;
    Ok(WebAnswer::json(&HistoryView { alerts, ..view(kept, history.as_ref()) }))
}

/// `GET /api/history`: the last minutes of all, for the list.
pub(crate) async fn all(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let rows = panel.hub.list(call.visitor.apps, HubNeed::Changes).await?.rows;
    let mut small = SmallHistories { step_ms: STEP_MS, rows: Vec::new() };
    if !settle(&panel).await {
        return Ok(WebAnswer::json(&small));
    }
    let wanted: Vec<_> = rows.into_iter().map(|row| (row.id, row.name, row.instance)).collect();
    let home = panel.home.clone();
    let read = move || wanted.into_iter().filter_map(|one| last_minutes(&home, &one)).collect();
    let read = tokio::task::spawn_blocking(read).await;
    small.rows = read.map_err(|_| Denial::broken("reading the history broke off"))?;
    Ok(WebAnswer::json(&small))
}

/// Has what was seen up to now written down; `false`: nobody writes it.
async fn settle(panel: &Panel) -> bool {
    let Some(history) = &panel.history else { return false };
    history.settle().await;
    true
}

fn last_minutes(home: &Home, (id, name, slot): &(u32, String, u16)) -> Option<SmallHistory> {
    let now = now_ms();
    let since = now.saturating_sub(SMALL * STEP_MS);
    // What can't be read is told where it is asked for by itself.
    let history = UsageHistory::read(home, (name, *slot), (since, now), 0).ok()??;
    Some(SmallHistory(*id, means(&history.cpu()), means(&history.memory())))
}

fn means<T: Copy>(steps: &[Option<[T; 3]>]) -> Vec<Option<T>> {
    steps.iter().map(|step| step.map(|[_, mean, _]| mean)).collect()
}

fn view(kept: bool, history: Option<&UsageHistory>) -> HistoryView {
    let steps = history.map(|it| it.steps.as_slice()).unwrap_or_default();
    HistoryView {
        kept,
        begin_ms: history.map_or(0, |it| it.begin_ms),
        step_ms: history.map_or(HistoryTier::Fine, |it| it.tier).step_ms(),
        cpu: SpreadView::of(&history.map(UsageHistory::cpu).unwrap_or_default()),
        memory: SpreadView::of(&history.map(UsageHistory::memory).unwrap_or_default()),
        processes: steps.iter().map(|it| (it.samples > 0).then_some(it.processes)).collect(),
        restarts: history.map(|it| it.restarts.clone()).unwrap_or_default(),
        alerts: Vec::new(),
    }
}

impl<T: Copy> SpreadView<T> {
    fn of(steps: &[Option<[T; 3]>]) -> Self {
        let each = |which: usize| steps.iter().map(|it| it.map(|it| it[which])).collect();
        Self { min: each(0), avg: each(1), max: each(2) }
    }
}
