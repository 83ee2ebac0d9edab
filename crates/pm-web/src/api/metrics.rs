//! Figures for Prometheus, of the apps the visitor may see.

use std::sync::Arc;

use crate::call::{Denial, WebAnswer, WebCall};
use crate::ears::HubNeed;
use crate::metrics;
use crate::panel::Panel;

/// `GET /metrics`.
pub(crate) async fn page(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let rows = panel.hub.list(call.visitor.apps, HubNeed::Figures).await?.rows;
    let text = metrics::page(&rows.iter().collect::<Vec<_>>());
    Ok(WebAnswer::Text("text/plain; version=0.0.4; charset=utf-8", text))
}
