//! What passes between the gate and what is behind it: who asks what, and what is said to it.

use hyper::StatusCode;
use hyper::body::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc::Receiver;

use crate::app_pattern::AppPattern;
use crate::roles::Role;

/// Who asks; the gate has looked at the key.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    /// Of a user, or of who made the link.
    pub(crate) name: String,
    pub(crate) role: Role,
    /// What it may see and touch.
    pub(crate) apps: AppPattern,
    /// Address, for the audit.
    pub(crate) from: String,
    /// The session's public number.
    pub(crate) session: String,
    /// When the session ends at the latest, in ms since 1970.
    pub(crate) until_ms: u64,
}

impl Visitor {
    /// Who may see some apps only does nothing that is about all of them.
    pub(crate) fn sees_all(&self) -> Result<(), Denial> {
        if self.apps.is_all() {
            return Ok(());
        }
        let message = "who may see some apps only can't do that";
        Err(Denial::new(StatusCode::FORBIDDEN, "not_allowed", message))
    }
}

/// One request that has passed the gate.
#[derive(Debug)]
pub(crate) struct WebCall {
    pub(crate) visitor: Visitor,
    /// What stands in the path where the route has `{}`.
    pub(crate) args: Vec<String>,
    /// Decoded.
    pub(crate) query: Vec<(String, String)>,
    /// JSON, at most 1 MiB; empty for what only looks.
    pub(crate) body: Vec<u8>,
    /// `Last-Event-ID`.
    pub(crate) last_event: Option<String>,
}

impl WebCall {
    /// The first value of this name in the query.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What stands at this place of the path.
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// The body as this.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Denial> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Denial::new(
                StatusCode::BAD_REQUEST,
                "bad_json",
                format!("the body is not what is wanted here: {error}"),
            )
        })
    }
}

/// What is sent back.
#[derive(Debug)]
pub(crate) enum WebAnswer {
    Json(StatusCode, Vec<u8>),
    /// Of this media type.
    Text(&'static str, String),
    /// `text/event-stream`: whole events, with their empty line.
    Events(Receiver<Bytes>),
}

impl WebAnswer {
    /// 200 with this.
    pub(crate) fn json<T: Serialize>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::Json(StatusCode::OK, bytes),
            Err(error) => Denial::broken(&error.to_string()).answer(),
        }
    }
}

/// A refusal: closed codes, an English message, a hint.
#[derive(Debug, Serialize)]
pub(crate) struct Denial {
    #[serde(skip)]
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Denial {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None }
    }

    /// With what to do about it.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// What is wrong with us, not with who asks.
    pub(crate) fn broken(why: &str) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", why)
    }

    /// No such app, or none this visitor may know of: both are told alike.
    pub(crate) fn no_such_app(id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_app", format!("no app has the id {id}"))
    }

    pub(crate) fn answer(&self) -> WebAnswer {
        // A struct of texts is always JSON.
        WebAnswer::Json(self.status, serde_json::to_vec(self).unwrap_or_default())
    }
}
