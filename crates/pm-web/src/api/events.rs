//! What happens, as it happens.

use std::sync::Arc;

use hyper::StatusCode;

use crate::call::{Denial, WebAnswer, WebCall};
use crate::events::Topics;
use crate::panel::Panel;

/// `GET /api/events`.
pub(crate) async fn stream(panel: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    let bad = |message| Denial::new(StatusCode::BAD_REQUEST, "bad_query", message);
    let topics = Topics::parse(&call.query).map_err(bad)?;
    let heard = call.last_event.as_deref();
    Ok(WebAnswer::Events(panel.hub.listen(topics, call.visitor.apps, heard)?))
}
