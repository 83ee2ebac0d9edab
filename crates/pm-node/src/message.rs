//! A line of the channel and what it says. Internal messages are Node's (`cmd` begins with `NODE_`) or, under
//! `NODE_PM`, those of our own preload; anything else is the app's.

use serde_json::Value;

use crate::query::Query;

/// What a process said.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
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
pub(crate) fn parse(line: &[u8]) -> Option<Said> {
    let line = line.strip_prefix(&[BUN]).unwrap_or(line);
    serde_json::from_slice(line).ok().map(understand)
}

/// What a message says.
pub(crate) fn understand(message: Value) -> Said {
    let cmd = message.get("cmd").and_then(Value::as_str);
    match cmd.filter(|cmd| cmd.len() > 5 && cmd.starts_with("NODE_")) {
        None => Said::User(message),
        Some("NODE_CLUSTER") => cluster(&message),
        Some("NODE_HANDLE") => Said::Handle(message.get("msg").cloned().unwrap_or_default()),
        Some("NODE_HANDLE_ACK") => Said::HandleTaken,
        Some("NODE_HANDLE_NACK") => Said::HandleMissed,
        Some("NODE_PM") => preload(&message),
        Some(_) => Said::Internal,
    }
}

fn cluster(message: &Value) -> Said {
    let number = |name: &str| message.get(name).and_then(Value::as_u64);
    if let Some(to) = number("ack") {
        let accepted = message.get("accepted").and_then(Value::as_bool).unwrap_or(false);
        return Said::Answer { to, accepted };
    }
    let seq = number("seq").unwrap_or(0);
    match message.get("act").and_then(Value::as_str) {
        Some("online") => Said::Online,
        Some("queryServer") => Query::parse(message)
            .map_or(Said::Internal, |query| Said::Query { seq, query: Box::new(query) }),
        Some("listening") => Said::Listening,
        Some("close") => {
            let key = message.get("key").and_then(Value::as_str);
            key.map_or(Said::Internal, |key| Said::Close { key: key.to_owned() })
        }
        Some("exitedAfterDisconnect") => Said::Leaving { seq },
        Some(_) | None => Said::Internal,
    }
}

fn preload(message: &Value) -> Said {
    match message.get("act").and_then(Value::as_str) {
        Some("hello") => Said::Preloaded,
        Some("draining") => {
            let count = message.get("interrupts").and_then(Value::as_u64).unwrap_or(0);
            Said::Draining { by_itself: count > 0 }
        }
        Some(_) | None => Said::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_node_writes_them() {
        let said = |line: &str| parse(line.as_bytes()).unwrap();
        let user = |text: &str| Said::User(serde_json::from_str(text).unwrap());
        for (line, expected) in [
            (r#"{"act":"online","seq":1,"cmd":"NODE_CLUSTER"}"#, Said::Online),
            (
                r#"{"ack":9,"accepted":true,"cmd":"NODE_CLUSTER","seq":4}"#,
                Said::Answer { to: 9, accepted: true },
            ),
            (r#"{"ack":9,"cmd":"NODE_CLUSTER"}"#, Said::Answer { to: 9, accepted: false }),
            (r#"{"cmd":"NODE_CLUSTER","act":"listening","port":80}"#, Said::Listening),
            (r#"{"cmd":"NODE_CLUSTER","act":"close","key":"k"}"#, Said::Close { key: "k".into() }),
            (
                r#"{"cmd":"NODE_CLUSTER","act":"exitedAfterDisconnect","seq":7}"#,
                Said::Leaving { seq: 7 },
            ),
            (r#"{"cmd":"NODE_HANDLE_ACK"}"#, Said::HandleTaken),
            (r#"{"cmd":"NODE_HANDLE_NACK"}"#, Said::HandleMissed),
            (
                r#"{"cmd":"NODE_HANDLE","type":"net.Server","msg":{"a":1}}"#,
                Said::Handle(serde_json::json!({"a": 1})),
            ),
            (
                r#"{"cmd":"NODE_PM","act":"draining","interrupts":1}"#,
                Said::Draining { by_itself: true },
            ),
            ("\u{2}{\"cmd\":\"NODE_HANDLE_ACK\"}", Said::HandleTaken),
            (r#"{"cmd":"NODE_SOCKET_GET_COUNT"}"#, Said::Internal),
            (r#"{"cmd":"NODE_CLUSTER","act":"queryServer","addressType":99}"#, Said::Internal),
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
