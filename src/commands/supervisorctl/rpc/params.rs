//! The parameters of a call, taken one after the other.

use std::vec::IntoIter;

use pm_xmlrpc::{RpcFault, RpcValue};

use super::fault::FaultCode;

/// What is left of them.
pub(super) struct Params(IntoIter<RpcValue>);

fn incorrect<T>() -> Result<T, RpcFault> {
    Err(FaultCode::IncorrectParameters.plain())
}

impl Params {
    pub(super) fn new(given: Vec<RpcValue>) -> Self {
        Self(given.into_iter())
    }

    pub(super) fn text(&mut self) -> Result<String, RpcFault> {
        match self.0.next() {
            Some(RpcValue::Text(text)) => Ok(text),
            // Signals and names may be numbers.
            Some(RpcValue::Int(number)) => Ok(number.to_string()),
            _ => incorrect(),
        }
    }

    pub(super) fn number(&mut self) -> Result<i64, RpcFault> {
        match self.0.next() {
            Some(RpcValue::Int(number)) => Ok(number.into()),
            Some(RpcValue::Text(text)) => text.trim().parse().or_else(|_| incorrect()),
            _ => incorrect(),
        }
    }

    pub(super) fn list(&mut self) -> Result<Vec<RpcValue>, RpcFault> {
        match self.0.next() {
            Some(RpcValue::List(values)) => Ok(values),
            _ => incorrect(),
        }
    }

    /// Whether to wait, which is so if nothing is said.
    pub(super) fn waits(&mut self) -> bool {
        match self.0.next() {
            None => true,
            Some(RpcValue::Bool(waits)) => waits,
            Some(RpcValue::Int(number)) => number != 0,
            // What Python takes for true: pages in PHP say it as text (supervisord-monitor).
            Some(RpcValue::Text(text)) => !text.is_empty(),
            Some(RpcValue::List(values)) => !values.is_empty(),
            Some(RpcValue::Struct(fields)) => !fields.is_empty(),
        }
    }
}
