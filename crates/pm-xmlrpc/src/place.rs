//! Where calls come in, and who may call there.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use crate::login::RpcLogin;

/// A socket that takes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RpcSocket {
    /// Address or name, and port; no address: all.
    Tcp(String, u16),
    /// A path.
    Unix(PathBuf),
}

/// A socket, and what is to be known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpcPlace {
    /// Where.
    pub socket: RpcSocket,
    /// The mode of a unix socket.
    pub mode: u32,
    /// Who may call; `None`: whoever reaches it.
    pub login: Option<RpcLogin>,
}

impl RpcSocket {
    /// Whether others than this machine reach it.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Unix(_) => false,
            Self::Tcp(host, _) => {
                let host = host.trim_matches(['[', ']']);
                let address = host.parse::<IpAddr>();
                !address.map_or(host == "localhost", |address| address.is_loopback())
            }
        }
    }
}

/// `unix:PATH`, `HOST:PORT`, `*:PORT`, `PORT`.
impl FromStr for RpcSocket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").filter(|it| it.starts_with('/')).unwrap_or(path);
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(format!("{text}: the path of a socket has to be absolute"))
            };
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let port = port.parse().map_err(|_| format!("{text}: wanted is HOST:PORT or unix:PATH"))?;
        Ok(Self::Tcp(if host == "*" { String::new() } else { host.to_owned() }, port))
    }
}

/// As Supervisor's clients write it.
impl fmt::Display for RpcSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => {
                let host = if host.is_empty() { "localhost" } else { host };
                write!(f, "http://{host}:{port}")
            }
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_shown() {
        for (text, shown, is_open) in [
            ("unix:/a/b", "unix:///a/b", false),
            ("unix:///a/b", "unix:///a/b", false),
            ("127.0.0.1:9001", "http://127.0.0.1:9001", false),
            ("localhost:9001", "http://localhost:9001", false),
            ("[::1]:9001", "http://[::1]:9001", false),
            ("*:9001", "http://localhost:9001", true),
            ("9001", "http://localhost:9001", true),
            ("10.0.0.1:9001", "http://10.0.0.1:9001", true),
        ] {
            let socket: RpcSocket = text.parse().unwrap_or(RpcSocket::Tcp("?".into(), 0));
            assert_eq!((socket.to_string().as_str(), socket.is_open()), (shown, is_open), "{text}");
        }
        for wrong in ["unix:a", "host", "host:x", ""] {
            assert!(wrong.parse::<RpcSocket>().is_err(), "{wrong}");
        }
    }
}
