//! events.

use std::sync::Arc;

use hyper::StatusCode;

use crate::call::{Denial, WebAnswer, WebCall};
use crate::panel::Panel;

pub(crate) async fn stream(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}
