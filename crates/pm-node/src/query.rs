//! What a worker wants to listen on: the fields of its question, and the key under which workers share a socket.

use serde_json::{Value, json};

/// A question for a socket (`queryServer`), in Node's own terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The host, or the path of a unix socket; `None`: all addresses.
    pub address: Option<String>,
    /// The port; -1 with a path.
    pub port: i64,
    /// What kind of socket.
    pub kind: SocketKind,
    /// A descriptor's number instead of an address; nothing we could serve.
    pub fd: Option<i64>,
    /// Bit 0: IPv6 only. Bit 2: UDP addresses may be used again.
    pub flags: i64,
    /// How many connections may wait.
    pub backlog: i32,
    /// Tells apart servers that listen on any free port.
    pub index: Value,
    /// What the first worker with this key left for the others (TLS ticket keys).
    pub data: Value,
    /// A unix socket everybody may read from.
    pub readable_all: bool,
    /// A unix socket everybody may write to.
    pub writable_all: bool,
}

/// The kind of a socket, Node's `addressType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketKind {
    /// TCP over IPv4.
    Tcp4,
    /// TCP over IPv6, or any host.
    Tcp6,
    /// A unix socket.
    Path,
    /// A descriptor of ours, which there is none.
    Descriptor,
    /// UDP over IPv4.
    Udp4,
    /// UDP over IPv6.
    Udp6,
}

impl SocketKind {
    /// Whether it is UDP, which is always shared.
    pub const fn is_udp(self) -> bool {
        matches!(self, Self::Udp4 | Self::Udp6)
    }

    const ALL: [Self; 6] =
        [Self::Tcp4, Self::Tcp6, Self::Path, Self::Descriptor, Self::Udp4, Self::Udp6];

    const fn as_node(self) -> &'static str {
        match self {
            Self::Tcp4 => "4",
            Self::Tcp6 => "6",
            Self::Path => "-1",
            Self::Descriptor => "null",
            Self::Udp4 => "udp4",
            Self::Udp6 => "udp6",
        }
    }

    /// As Node writes it: the text, where it is no number and not `null`.
    fn to_json(self) -> Value {
        serde_json::from_str(self.as_node()).unwrap_or_else(|_| self.as_node().into())
    }

    fn of(value: Option<&Value>) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.to_json() == *value.unwrap_or(&Value::Null))
    }
}

/// Node's default, also for a missing, false or zero backlog.
const BACKLOG: i32 = 511;

impl Query {
    /// Reads a question; `None` if it is none. Fields that JavaScript left undefined are absent.
    pub fn parse(message: &Value) -> Option<Self> {
        let number = |name: &str| message.get(name).and_then(Value::as_i64);
        let truth = |name: &str| message.get(name).and_then(Value::as_bool).unwrap_or(false);
        let backlog = number("backlog").and_then(|backlog| i32::try_from(backlog).ok());
        let address = message.get("address").and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            address,
            port: number("port").unwrap_or(0),
            kind: SocketKind::of(message.get("addressType"))?,
            fd: number("fd").filter(|fd| *fd >= 0),
            flags: number("flags").unwrap_or(0),
            backlog: backlog.filter(|backlog| *backlog > 0).unwrap_or(BACKLOG),
            index: message.get("index").cloned().unwrap_or_default(),
            data: message.get("data").cloned().unwrap_or_default(),
            readable_all: truth("readableAll"),
            writable_all: truth("writableAll"),
        })
    }

    /// Under which key workers share it. Only servers on any free port are told apart by their index (Node 22's
    /// rule; the older one breaks close-and-listen-again).
    pub fn key(&self) -> String {
        let address = self.address.as_deref().unwrap_or("null");
        let fd = self.fd.map_or_else(String::new, |fd| fd.to_string());
        let kind = self.kind.as_node();
        let key = format!("{address}:{}:{kind}:{fd}", self.port);
        if self.port == 0 { format!("{key}:{}", self.index) } else { key }
    }

    /// As it is written down for the next daemon.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "address": self.address, "port": self.port, "addressType": self.kind.to_json(), "fd": self.fd,
            "flags": self.flags, "backlog": self.backlog, "index": self.index, "data": self.data,
            "readableAll": self.readable_all, "writableAll": self.writable_all,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn questions_as_node_writes_them() {
        let any = query(
            r#"{"cmd":"NODE_CLUSTER","act":"queryServer","index":0,"data":null,"address":null,"port":3000,"addressType":4,"backlog":false,"seq":2}"#,
        );
        assert_eq!((any.key().as_str(), any.backlog), ("null:3000:4:", 511));
        let free = query(r#"{"address":"::1","port":0,"addressType":6,"index":1,"backlog":0}"#);
        assert_eq!(free.key(), "::1:0:6::1");
        let path = query(r#"{"address":"/tmp/s","port":-1,"addressType":-1,"readableAll":true}"#);
        assert_eq!((path.key().as_str(), path.readable_all), ("/tmp/s:-1:-1:", true));
        let udp = query(r#"{"address":"0.0.0.0","port":53,"addressType":"udp4","flags":4}"#);
        assert!(udp.kind.is_udp());
        assert_eq!(Query::parse(&udp.to_json()), Some(udp));
        for bad in [r#"{"addressType":5}"#, r#"{"addressType":"tcp"}"#, r#"{"addressType":[]}"#] {
            assert_eq!(Query::parse(&serde_json::from_str(bad).unwrap()), None, "{bad}");
        }
    }
}
