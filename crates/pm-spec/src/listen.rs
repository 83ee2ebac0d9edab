//! Sockets that listen before an app runs, and that all its runs share (systemd's socket activation).

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::ByteString;

/// One socket that an app finds open, at descriptor 3 and on (`sd_listen_fds(3)`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenSocket {
    /// Where it listens.
    pub at: ListenAddress,
    /// What it is called in `LISTEN_FDNAMES` (systemd: `FileDescriptorName=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The permissions of a unix socket's file (systemd: `SocketMode=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<u32>,
    /// So many connections may wait, 1 and more (systemd: `Backlog=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u32>,
}

/// Where a socket listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListenAddress {
    /// A TCP port; `[::]` is every address, those of IPv4 included.
    Tcp(SocketAddr),
    /// A file; absolute in a spec.
    Unix(ByteString),
}

/// Why a text is no such socket; completes "`listen` ...".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenError {
    /// It begins with nothing we know.
    #[error(
        "begins with tcp:// or unix://, as in \"tcp://127.0.0.1:8000\" or \"unix://./app.sock\""
    )]
    Scheme,
    /// Its host is no address.
    #[error(
        "takes addresses in numbers: 127.0.0.1, [::1], localhost, or nothing for all of them, not {0:?}"
    )]
    Host(String),
    /// It has no port.
    #[error("needs a port, 1 to 65535, as in \"tcp://127.0.0.1:8000\"")]
    Port,
    /// It has no path.
    #[error("needs a path, as in \"unix://./app.sock\"")]
    Path,
    /// What stands behind the question mark is nothing we know.
    #[error("knows `name`, `mode` and `backlog`, not {0:?}")]
    Option(String),
    /// A name that `LISTEN_FDNAMES` can't hold.
    #[error("takes names without colons and blanks, at most 255 characters of ASCII")]
    Name,
    /// A mode that is none.
    #[error("takes an octal mode such as \"660\", and that for unix sockets only")]
    Mode,
    /// A backlog that is none.
    #[error("takes a backlog of 1 or more")]
    Backlog,
}

impl ListenSocket {
    /// Most sockets of an app.
    pub const MOST: usize = 32;

    /// Reads `tcp://HOST:PORT` or `unix://PATH`, with `?name=NAME&mode=MODE&backlog=N` behind it.
    pub fn parse(text: &[u8]) -> Result<Self, ListenError> {
        let end = text.iter().position(|byte| *byte == b'?');
        let (url, options) = text.split_at(end.unwrap_or(text.len()));
        let at = if let Some(rest) = url.strip_prefix(b"tcp://") {
            ListenAddress::Tcp(address(&String::from_utf8_lossy(rest))?)
        } else if let Some(path) = url.strip_prefix(b"unix://") {
            if path.is_empty() || path.contains(&0) {
                return Err(ListenError::Path);
            }
            ListenAddress::Unix(ByteString::from(path))
        } else {
            return Err(ListenError::Scheme);
        };
        let mut socket = Self { at, name: None, mode: None, backlog: None };
        let options = String::from_utf8_lossy(options.strip_prefix(b"?").unwrap_or_default());
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            socket.set(key, value)?;
        }
        Ok(socket)
    }

    /// Sets one of its options.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ListenError> {
        match key {
            "name" => {
                let is_fit = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b'&');
                let fits = (1..=255).contains(&value.len()) && value.bytes().all(is_fit);
                self.name = Some(fits.then(|| value.into()).ok_or(ListenError::Name)?);
            }
            "mode" => {
                let mode = u32::from_str_radix(value, 8).ok().filter(|mode| *mode <= 0o777);
                let is_unix = matches!(self.at, ListenAddress::Unix(_));
                self.mode = Some(mode.filter(|_| is_unix).ok_or(ListenError::Mode)?);
            }
            "backlog" => {
                let backlog = value.parse().ok().filter(|backlog| *backlog > 0);
                self.backlog = Some(backlog.ok_or(ListenError::Backlog)?);
            }
            _ => return Err(ListenError::Option(key.into())),
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<SocketAddr, ListenError> {
    let (host, port) = text.trim_end_matches('/').rsplit_once(':').ok_or(ListenError::Port)?;
    let port = port.parse().ok().filter(|port| *port != 0).ok_or(ListenError::Port)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let ip = match (host, bare) {
        ("" | "*", _) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ("localhost", _) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        // With a zone: `[fe80::1%2]`.
        (_, Some(_)) => return text.parse().map_err(|_| ListenError::Host(host.into())),
        (host, None) => {
            let ip = host.parse().map(IpAddr::V4);
            ip.map_err(|_| ListenError::Host(host.into()))?
        }
    };
    Ok(SocketAddr::new(ip, port))
}

/// As one would write it.
impl From<&ListenSocket> for ByteString {
    fn from(socket: &ListenSocket) -> Self {
        let mut text = match &socket.at {
            ListenAddress::Tcp(at) => alloc::format!("tcp://{at}").into_bytes(),
            ListenAddress::Unix(path) => [b"unix://", path.as_bytes()].concat(),
        };
        let options = [
            ("name", socket.name.clone()),
            ("mode", socket.mode.map(|mode| alloc::format!("{mode:o}"))),
            ("backlog", socket.backlog.map(|backlog| backlog.to_string())),
        ];
        let set = options.into_iter().filter_map(|(key, value)| Some((key, value?)));
        for (number, (key, value)) in set.enumerate() {
            let sign = if number == 0 { '?' } else { '&' };
            text.extend(alloc::format!("{sign}{key}={value}").into_bytes());
        }
        Self::from(text)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(at) => write!(f, "tcp://{at}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// The TCP addresses among them.
pub fn tcp_addresses(sockets: &[ListenSocket]) -> Vec<SocketAddr> {
    let tcp = |socket: &ListenSocket| match socket.at {
        ListenAddress::Tcp(at) => Some(at),
        ListenAddress::Unix(_) => None,
    };
    sockets.iter().filter_map(tcp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, ListenError> {
        ListenSocket::parse(text.as_bytes())
            .map(|socket| ByteString::from(&socket).display().into_owned())
    }

    #[test]
    fn what_is_written_is_read_and_shown_alike() {
        for (text, again) in [
            ("tcp://0.0.0.0:8000", ""),
            ("tcp://[::1]:8000?name=web", ""),
            ("tcp://:80", "tcp://[::]:80"),
            ("tcp://*:80/", "tcp://[::]:80"),
            ("tcp://localhost:65535", "tcp://127.0.0.1:65535"),
            ("tcp://[fe80::1%2]:80", ""),
            ("unix:///run/app.sock", ""),
            ("unix://./app.sock?mode=0660&backlog=7", "unix://./app.sock?mode=660&backlog=7"),
        ] {
            let again = if again.is_empty() { text } else { again };
            assert_eq!(shown(text).as_deref(), Ok(again));
            assert_eq!(shown(again).as_deref(), Ok(again));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        use ListenError as E;
        for (text, why) in [
            ("", E::Scheme),
            ("8000", E::Scheme),
            ("udp://127.0.0.1:53", E::Scheme),
            ("tcp://127.0.0.1", E::Port),
            ("tcp://127.0.0.1:0", E::Port),
            ("tcp://127.0.0.1:70000", E::Port),
            ("tcp://example.org:80", E::Host("example.org".into())),
            ("tcp://::1:80", E::Host("::1".into())),
            ("tcp://[127.0.0.1]:80", E::Host("[127.0.0.1]".into())),
            ("unix://", E::Path),
            ("tcp://:80?mode=660", E::Mode),
            ("unix:///s?mode=888", E::Mode),
            ("unix:///s?mode", E::Mode),
            ("unix:///s?name=a:b", E::Name),
            ("unix:///s?name=", E::Name),
            ("unix:///s?backlog=0", E::Backlog),
            ("unix:///s?color=red", E::Option("color".into())),
        ] {
            assert_eq!(shown(text), Err(why), "{text}");
        }
    }
}
