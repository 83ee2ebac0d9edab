//! A line of the channel and what it says. Internal messages are Node's (`cmd` begins with `NODE_`) or, under
//! `NODE_PM`, those of our own preload; anything else is the app's.

use serde_json::Value;

use crate::query::Query;

/// What a process said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WorkerMessage {
    /// An answer to a message of ours; `accepted` counts for connections.
    Answer { to: u64, accepted: bool },
    /// A cluster worker has begun.
    Online,
    /// It wants to listen.
    Query { seq: u64, query: Box<Query> },
    /// It listens.
    Listening,
    /// It closed the server with this key.
    Close { key: String },
    /// It wants to leave and waits for an answer.
    Leaving { seq: u64 },
    /// It took a descriptor.
    HandleTaken,
    /// It got a line without its descriptor.
    HandleMissed,
    /// It sends a descriptor; the real message is inside.
    Handle(Value),
    /// Our preload is there.
    Preloaded,
    /// Our preload lets connections run out; whether the app listens for SIGINT itself.
    Draining { by_itself: bool },
    /// Internal, and nothing to us.
    Internal,
    /// The app's own.
    User(Value),
}

/// The byte Bun puts before internal lines.
pub(crate) const BUN: u8 = 2;

/// Reads a line; `None`: it is no JSON.
pub(crate) fn parse(line: &[u8]) -> Option<WorkerMessage> {
    let line = line.strip_prefix(&[BUN]).unwrap_or(line);
    serde_json::from_slice(line).ok().map(understand)
}

/// What a message says.
pub(crate) fn understand(message: Value) -> WorkerMessage {
    let cmd = message.get("cmd").and_then(Value::as_str);
    match cmd.filter(|cmd| cmd.len() > 5 && cmd.starts_with("NODE_")) {
        None => WorkerMessage::User(message),
        Some("NODE_CLUSTER") => cluster(&message),
        Some("NODE_HANDLE") => {
            WorkerMessage::Handle(message.get("msg").cloned().unwrap_or_default())
        }
        Some("NODE_HANDLE_ACK") => WorkerMessage::HandleTaken,
        Some("NODE_HANDLE_NACK") => WorkerMessage::HandleMissed,
        Some("NODE_PM") => preload(&message),
        Some(_) => WorkerMessage::Internal,
    }
}

fn cluster(message: &Value) -> WorkerMessage {
    let number = |name: &str| message.get(name).and_then(Value::as_u64);
    if let Some(to) = number("ack") {
        let accepted = message.get("accepted").and_then(Value::as_bool).unwrap_or(false);
        return WorkerMessage::Answer { to, accepted };
    }
    let seq = number("seq").unwrap_or(0);
    match message.get("act").and_then(Value::as_str) {
        Some("online") => WorkerMessage::Online,
        Some("queryServer") => Query::parse(message).map_or(WorkerMessage::Internal, |query| {
            WorkerMessage::Query { seq, query: Box::new(query) }
        }),
        Some("listening") => WorkerMessage::Listening,
        Some("close") => {
            let key = message.get("key").and_then(Value::as_str);
            key.map_or(WorkerMessage::Internal, |key| WorkerMessage::Close { key: key.to_owned() })
        }
        Some("exitedAfterDisconnect") => WorkerMessage::Leaving { seq },
        Some(_) | None => WorkerMessage::Internal,
    }
}

fn preload(message: &Value) -> WorkerMessage {
    match message.get("act").and_then(Value::as_str) {
        Some("hello") => WorkerMessage::Preloaded,
        Some("draining") => {
            let count = message.get("interrupts").and_then(Value::as_u64).unwrap_or(0);
            WorkerMessage::Draining { by_itself: count > 0 }
        }
        Some(_) | None => WorkerMessage::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_node_writes_them() {
        let said = |line: &str| parse(line.as_bytes()).unwrap();
        let user = |text: &str| WorkerMessage::User(serde_json::from_str(text).unwrap());
        for (line, expected) in [
            (r#"{"act":"online","seq":1,"cmd":"NODE_CLUSTER"}"#, WorkerMessage::Online),
            (
                r#"{"ack":9,"accepted":true,"cmd":"NODE_CLUSTER","seq":4}"#,
                WorkerMessage::Answer { to: 9, accepted: true },
            ),
            (r#"{"ack":9,"cmd":"NODE_CLUSTER"}"#, WorkerMessage::Answer { to: 9, accepted: false }),
            (r#"{"cmd":"NODE_CLUSTER","act":"listening","port":80}"#, WorkerMessage::Listening),
            (
                r#"{"cmd":"NODE_CLUSTER","act":"close","key":"k"}"#,
                WorkerMessage::Close { key: "k".into() },
            ),
            (
                r#"{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":7}"#,
                WorkerMessage::Leaving { seq: 7 },
            ),
            (r#"{"cmd":"NODE_HANDLE_ACK"}"#, WorkerMessage::HandleTaken),
            (r#"{"cmd":"NODE_HANDLE_NACK"}"#, WorkerMessage::HandleMissed),
            (
                r#"{"cmd":"NODE_HANDLE","type":"net.Server","msg":{"a":1}}"#,
                WorkerMessage::Handle(serde_json::json!({"a": 1})),
            ),
            (
                r#"{"cmd":"NODE_PM","act":"draining","interrupts":1}"#,
                WorkerMessage::Draining { by_itself: true },
            ),
            ("\u{2}{\"cmd\":\"NODE_HANDLE_ACK\"}", WorkerMessage::HandleTaken),
            (r#"{"cmd":"NODE_SOCKET_GET_COUNT"}"#, WorkerMessage::Internal),
            (
                r#"{"cmd":"NODE_CLUSTER","act":"queryServer","addressType":99}"#,
                WorkerMessage::Internal,
            ),
            (r#""ready""#, user(r#""ready""#)),
            (r#"{"cmd":"NODE_"}"#, user(r#"{"cmd":"NODE_"}"#)),
            (r#"{"cmd":7}"#, user(r#"{"cmd":7}"#)),
            ("17", user("17")),
        ] {
            assert_eq!(said(line), expected, "{line}");
        }
        for torn in ["", "{\"cmd\":\"NODE_CLU", "\u{0}", "{}{}", "\u{2}"] {
            assert_eq!(parse(torn.as_bytes()), None, "{torn:?}");
        }
    }
}
