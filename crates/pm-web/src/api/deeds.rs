//! deeds.

use std::sync::Arc;

use hyper::StatusCode;

use crate::call::{Denial, WebAnswer, WebCall};
use crate::panel::Panel;

pub(crate) async fn start(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn stop(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn restart(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn reload(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn reset(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn flush(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn scale(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn signal(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}

pub(crate) async fn bulk(_: Arc<Panel>, call: WebCall) -> Result<WebAnswer, Denial> {
    Err(Denial::new(StatusCode::NOT_IMPLEMENTED, "not_there", call.arg(0)))
}
