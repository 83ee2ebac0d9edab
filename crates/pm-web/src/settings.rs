//! Where the panel listens and what it is called outside; and what must be so before others than this machine may come.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use pm_protocol::Home;

/// Where nobody said otherwise.
const PORT: u16 = 9616;

/// 96 bits in hexadecimal digits, or more.
const SHORTEST_BASE: usize = 16;

/// What `pm web --foreground` is told.
#[derive(Clone, Debug)]
pub struct PanelSettings {
    /// Whose apps it shows.
    pub home: Home,
    /// This binary.
    pub program: PathBuf,
    /// Who it runs as.
    pub user: String,
    /// Whether that is root.
    pub is_root: bool,
    /// The machine's name, for people.
    pub host: String,
    /// `zh` or `en`, as the shell that started it; empty leaves it to the browser.
    pub language: String,
    /// Beneath which projects may lie.
    pub folders: Vec<PathBuf>,
    /// Where it listens.
    pub listen: ListenAt,
    /// What it is called by a proxy in front of it.
    pub public: Option<PublicUrl>,
    /// So many bytes of history are kept; `None`: none is written.
    pub history_max: Option<u64>,
}

/// Where clients come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAt {
    /// Address or name, and port.
    Tcp(String, u16),
    /// A socket for a proxy on this machine.
    Unix(PathBuf),
    /// Nobody comes in: it only writes history.
    Nowhere,
}

/// `https://panel.example.org`, or `https://panel.example.org/RANDOM`, below which all of it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// As a browser sends it: `https://panel.example.org`.
    pub(crate) origin: String,
    /// The same without its scheme.
    pub(crate) authority: String,
    /// `/RANDOM`, or nothing: whoever does not know it finds nothing here, not even that this is a panel.
    pub(crate) base: String,
}

/// Why it must not listen so.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No place.
    #[error("listen on {0}: wanted is ADDRESS:PORT, PORT or unix:PATH with an absolute path")]
    Listen(String),
    /// No address of the panel.
    #[error(
        "use {0} as public URL: wanted is https://NAME or https://NAME:PORT, perhaps with one part of a path"
    )]
    Public(String),
    /// Scanners try short words.
    #[error(
        "hide the panel below {0}: that is guessed; wanted are {SHORTEST_BASE} random letters or digits"
    )]
    Base(String),
    /// Passwords and keys would be read on the way.
    #[error(
        "listen on {0}, where others than this machine come in: keys would go there in plain text"
    )]
    Plain(ListenAt),
    /// A link is for one's own machine.
    #[error("listen for others than this machine: there is no user yet who could sign in")]
    Nobody,
}

impl SettingsError {
    /// What to type.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Listen(_) => "for instance: pm web --listen 127.0.0.1:9616",
            Self::Public(_) => {
                "for instance: pm web --listen unix:/run/user/1000/pm-web.sock --public-url https://panel.example.org"
            }
            Self::Base(_) => {
                "for instance: pm web --public-url https://panel.example.org/$(openssl rand -hex 12)"
            }
            Self::Plain(_) => {
                "have Caddy or nginx in front of it: pm web --listen unix:PATH --public-url https://NAME; or come by ssh -L 9616:127.0.0.1:9616 HOST"
            }
            Self::Nobody => "pm web user add NAME --role admin",
        }
    }
}

impl PanelSettings {
    /// Refuses what would let strangers in, or listen in (`has_users`: somebody can sign in with a password).
    pub fn check(&self, has_users: bool) -> Result<(), SettingsError> {
        let is_outside = self.listen.is_outside();
        if is_outside && self.public.is_none() {
            return Err(SettingsError::Plain(self.listen.clone()));
        }
        if (is_outside || self.public.is_some()) && !has_users {
            return Err(SettingsError::Nobody);
        }
        Ok(())
    }
}

impl ListenAt {
    /// Whether others than this machine can come in.
    fn is_outside(&self) -> bool {
        match self {
            Self::Tcp(host, _) => match IpAddr::from_str(host) {
                Ok(address) => !address.is_loopback(),
                Err(_) => host != "localhost",
            },
            Self::Unix(_) | Self::Nowhere => false,
        }
    }
}

impl Default for ListenAt {
    fn default() -> Self {
        Self::Tcp("127.0.0.1".into(), PORT)
    }
}

impl fmt::Display for ListenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Nowhere => f.write_str("nowhere"),
        }
    }
}

impl FromStr for ListenAt {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let wrong = || SettingsError::Listen(text.into());
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() { Ok(Self::Unix(path)) } else { Err(wrong()) };
        }
        if let Ok(port) = text.parse() {
            return Ok(Self::Tcp("127.0.0.1".into(), port));
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_name = |host: &str| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            !host.is_empty() && host.chars().all(is_plain)
        };
        match bare {
            Some(bare) if bare.parse::<std::net::Ipv6Addr>().is_ok() => {
                Ok(Self::Tcp(bare.into(), port))
            }
            None if is_name(host) => Ok(Self::Tcp(host.into(), port)),
            Some(_) | None => Err(wrong()),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let wrong = || SettingsError::Public(text.into());
        let rest = text.trim_end_matches('/').strip_prefix("https://").ok_or_else(wrong)?;
        let (authority, base) = rest.split_once('/').unwrap_or((rest, ""));
        if !base.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return Err(wrong());
        }
        let base = match base.len() {
            0 => String::new(),
            1..SHORTEST_BASE => return Err(SettingsError::Base(format!("/{base}"))),
            _ => format!("/{base}"),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
        if authority.is_empty() || !authority.chars().all(is_plain) {
            return Err(wrong());
        }
        // What browsers leave out is left out here.
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(":443").unwrap_or(&authority).to_owned();
        let port = authority.split_once(':').map(|(_, port)| port.parse::<u16>());
        if port.is_some_and(|port| port.is_err()) {
            return Err(wrong());
        }
        Ok(Self { origin: format!("https://{authority}"), authority, base })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_typed() {
        for (text, shown) in [
            ("9000", Some("127.0.0.1:9000")),
            ("0.0.0.0:80", Some("0.0.0.0:80")),
            ("[::1]:9616", Some("[::1]:9616")),
            ("unix:/run/x.sock", Some("unix:/run/x.sock")),
            ("unix:x.sock", None),
            ("host", None),
            (":80", None),
            ("::1:80", None),
            ("a b:80", None),
            ("h:99999", None),
        ] {
            assert_eq!(
                text.parse::<ListenAt>().ok().map(|it| it.to_string()).as_deref(),
                shown,
                "{text}"
            );
        }
        for (text, origin) in [
            ("https://Panel.example.org", Some("https://panel.example.org")),
            ("https://panel.example.org:443/", Some("https://panel.example.org")),
            ("https://p:8443", Some("https://p:8443")),
            ("http://panel.example.org", None),
            ("https://p/x", None),
            ("https://p/0123456789abcdeF/", Some("https://p")),
            ("https://p/0123456789abcdef/x", None),
            ("https://p/0123456789ab%64ef", None),
            ("https://a@b", None),
            ("https://p:x", None),
            ("https://", None),
        ] {
            let parsed = text.parse::<PublicUrl>().ok().map(|it| it.origin);
            assert_eq!(parsed.as_deref(), origin, "{text}");
        }
    }

    #[test]
    fn outside_wants_a_user_and_a_way_nobody_reads_on() {
        let settings = |listen: &str, public: Option<&str>| PanelSettings {
            home: Home::at("/nowhere".into(), None).unwrap(),
            program: "/pm".into(),
            user: "ann".into(),
            is_root: false,
            host: "here".into(),
            language: String::new(),
            folders: Vec::new(),
            listen: listen.parse().unwrap(),
            public: public.map(|url| url.parse().unwrap()),
            history_max: None,
        };
        let url = Some("https://p");
        for (listen, public, has_users, is_fine) in [
            ("127.0.0.1:1", None, false, true),
            ("127.8.8.8:1", None, false, true),
            ("[::1]:1", None, false, true),
            ("localhost:1", None, false, true),
            ("unix:/s", None, false, true),
            ("unix:/s", url, false, false),
            ("unix:/s", url, true, true),
            ("127.0.0.1:1", url, false, false),
            ("127.0.0.1:1", url, true, true),
            ("0.0.0.0:1", None, false, false),
            ("0.0.0.0:1", None, true, false),
            ("0.0.0.0:1", url, false, false),
            ("0.0.0.0:1", url, true, true),
            ("[::]:1", None, true, false),
            ("myhost:1", None, true, false),
        ] {
            let checked = settings(listen, public).check(has_users);
            assert_eq!(checked.is_ok(), is_fine, "{listen} {public:?} {has_users}");
        }
    }
}
