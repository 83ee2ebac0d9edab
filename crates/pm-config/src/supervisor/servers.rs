//! `[unix_http_server]` and `[inet_http_server]`: where clients of Supervisor call, and who they have to be.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use super::expand::Expansions;
use super::ini::IniSections;
use super::options::SectionOptions;
use super::values;
use crate::caller::Caller;
use crate::diagnose::{Finding, Findings, quoted};
use crate::paths;

/// Where calls are taken, and what the one who takes them calls itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SupervisorServers {
    /// `identifier`, or Supervisor's own.
    pub identifier: String,
    /// Unix sockets first.
    pub servers: Vec<SupervisorServer>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq)]
pub struct SupervisorServer {
    /// Where.
    pub socket: SupervisorSocket,
    /// Name and password, which may be `{SHA}` and a digest.
    pub login: Option<(String, String)>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupervisorSocket {
    /// A path, its mode, and its owner as `user` or `user:group`.
    Unix {
        /// Absolute.
        path: PathBuf,
        /// `chmod`.
        mode: u32,
        /// `chown`.
        owner: Option<String>,
    },
    /// Address or name, none for all, and port.
    Inet(String, u16),
}

impl SupervisorSocket {
    /// Whether others than this machine reach it.
    fn is_open(&self) -> bool {
        let Self::Inet(host, _) = self else { return false };
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        !address.map_or(host == "localhost", |address| address.is_loopback())
    }
}

/// As `SUPERVISOR_SERVER_URL` has it.
impl fmt::Display for SupervisorSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix { path, .. } => write!(f, "unix://{}", path.display()),
            Self::Inet(host, port) => {
                let host = if host.is_empty() { "localhost" } else { host };
                write!(f, "http://{host}:{port}")
            }
        }
    }
}

/// The login is a secret.
impl fmt::Debug for SupervisorServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupervisorServer({})", self.socket)
    }
}

/// All servers of a file.
pub(crate) fn read(
    sections: &IniSections,
    names: &Expansions,
    caller: &Caller,
    findings: &mut Findings,
) -> SupervisorServers {
    let mut servers = Vec::new();
    for kind in ["unix_http_server", "inet_http_server"] {
        for section in sections.all().filter(|section| section.parts().0 == kind) {
            let names = names.clone();
            let mut options = SectionOptions { sections, section, names, findings };
            let socket = match kind {
                "unix_http_server" => unix(&mut options, caller),
                _ => inet(&mut options),
            };
            let login = login(&mut options);
            if socket.as_ref().is_some_and(SupervisorSocket::is_open) && login.is_none() {
                let message = "others than this machine could call, so nobody is answered there: \
                               `username` and `password` are missing";
                options.findings.add(Finding::warning(options.place("port"), message));
                continue;
            }
            servers.extend(socket.map(|socket| SupervisorServer { socket, login }));
        }
    }
    let own = sections.get("supervisord").and_then(|section| {
        let names = names.clone();
        SectionOptions { sections, section, names, findings }.text("identifier")
    });
    SupervisorServers { identifier: own.unwrap_or_else(|| "supervisor".into()), servers }
}

fn unix(options: &mut SectionOptions<'_>, caller: &Caller) -> Option<SupervisorSocket> {
    let Some(file) = options.text("file") else {
        let finding = Finding::error(options.section.at, "the server has no `file`");
        options.findings.add(finding);
        return None;
    };
    let path = paths::written(&file.into(), &caller.cwd, &caller.env);
    let mode = options.read("chmod", "an octal mode such as 0770", values::mask);
    Some(SupervisorSocket::Unix { path, mode: mode.unwrap_or(0o700), owner: options.text("chown") })
}

fn inet(options: &mut SectionOptions<'_>) -> Option<SupervisorSocket> {
    let Some(port) = options.text("port") else {
        let finding = Finding::error(options.section.at, "the server has no `port`");
        options.findings.add(finding);
        return None;
    };
    let (host, number) = port.rsplit_once(':').unwrap_or(("", &port));
    let Ok(number) = number.trim().parse() else {
        let message = format!("`port` must be HOST:PORT, *:PORT or PORT, not {}", quoted(&port));
        options.error("port", &message);
        return None;
    };
    let host = if host == "*" { "" } else { host };
    Some(SupervisorSocket::Inet(host.to_owned(), number))
}

fn login(options: &mut SectionOptions<'_>) -> Option<(String, String)> {
    match (options.text("username"), options.text("password")) {
        (Some(name), Some(password)) => Some((name, password)),
        (None, None) => None,
        _ => {
            let message = "`username` and `password` belong together";
            options.findings.add(Finding::error(options.section.at, message));
            None
        }
    }
}
