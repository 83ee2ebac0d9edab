//! What stands in the file of one domain: whose it is, and how its web server leads to an app. Pure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use pm_spec::ListenAddress;
use serde::{Deserialize, Serialize};

use crate::cli::ProxyKind;

/// How the first line of our files begins.
const MARK: &str = "# pm domain ";

/// The first line of a file: nobody else's file has it, and a file without it is never touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SnippetHead {
    pub(super) name: String,
    pub(super) app: String,
    /// Where the app listens: `127.0.0.1:5000`, or `unix:/run/app.sock`.
    pub(super) to: String,
    /// The home that has this app.
    pub(super) home: String,
}

impl SnippetHead {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let first = text.lines().next()?;
        serde_json::from_str(first.strip_prefix(MARK)?).ok()
    }

    fn line(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        // Caddy fills in its variables in comments, too.
        format!("{MARK}{}\n", json.replace("{$", "{\\u0024"))
    }

    /// The whole file. The name and the place are of a closed set of letters.
    pub(super) fn snippet(
        &self,
        kind: ProxyKind,
        to: &ListenAddress,
        (listen, has_v6): (Option<u16>, bool),
    ) -> String {
        let name = &self.name;
        let head = self.line();
        match kind {
            ProxyKind::Caddy => {
                let port = listen.map(|port| format!(":{port}")).unwrap_or_default();
                let to = upstream(to, "unix/", "");
                format!("{head}{name}{port} {{\n\treverse_proxy {to}\n}}\n")
            }
            ProxyKind::Nginx => {
                let port = listen.unwrap_or(80);
                let v6 = if has_v6 { format!("    listen [::]:{port};\n") } else { String::new() };
                let to = upstream(to, "unix:", ":");
                format!(
                    "{head}server {{\n    listen {port};\n{v6}    server_name {name};\n{NGINX}        \
                     proxy_pass http://{to};\n    }}\n}}\n"
                )
            }
        }
    }
}

/// What an app behind nginx needs to be told, web sockets and streams included.
const NGINX: &str = "    client_max_body_size 100m;
    set $pm_connection \"\";
    if ($http_upgrade) {
        set $pm_connection upgrade;
    }
    location / {
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $pm_connection;
        proxy_buffering off;
        proxy_read_timeout 1h;
";

fn upstream(to: &ListenAddress, before: &str, after: &str) -> String {
    match to {
        ListenAddress::Tcp(at) => at.to_string(),
        ListenAddress::Unix(path) => format!("{before}{}{after}", path.display()),
    }
}

/// As it stands in the first line.
pub(super) fn shown(to: &ListenAddress) -> String {
    upstream(to, "unix:", "")
}

/// A socket that can be named in a config without meaning anything else.
pub(super) fn socket(path: &str) -> Option<ListenAddress> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    let is_fit = Path::new(path).is_absolute() && path.chars().all(is_plain);
    is_fit.then(|| ListenAddress::Unix(path.into()))
}

/// How somebody on this machine reaches who listens there.
pub(super) fn reached(at: SocketAddr) -> SocketAddr {
    if at.ip().is_unspecified() {
        return SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), at.port());
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(app: &str) -> SnippetHead {
        let text = |text: &str| text.to_owned();
        SnippetHead {
            name: text("a.example"),
            app: text(app),
            to: text("127.0.0.1:80"),
            home: text("/h"),
        }
    }

    #[test]
    fn whatever_an_app_is_called_its_name_stays_in_the_first_line() {
        let to = ListenAddress::Tcp("127.0.0.1:80".parse().unwrap());
        for app in ["web", "订单", "a\n}\nb {", "{$HOME}", "{{$HOME:x}}", "\"", "#", "\\u0024"] {
            for kind in [ProxyKind::Caddy, ProxyKind::Nginx] {
                let text = head(app).snippet(kind, &to, (None, true));
                assert_eq!(SnippetHead::parse(&text).unwrap(), head(app));
                assert!(!text.contains("{$"), "{text}");
                assert_eq!(
                    text.lines().skip(1).collect::<Vec<_>>(),
                    head("web")
                        .snippet(kind, &to, (None, true))
                        .lines()
                        .skip(1)
                        .collect::<Vec<_>>()
                );
            }
        }
        for text in ["", "server {}", "# pm domain", "# pm domain {}", "\n# pm domain {}"] {
            assert!(SnippetHead::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn sockets_and_ports_are_named_as_each_proxy_wants_them() {
        let port = ListenAddress::Tcp("[::1]:5000".parse().unwrap());
        let unix = socket("/run/a.sock").unwrap();
        for (kind, to, line) in [
            (ProxyKind::Caddy, &port, "\treverse_proxy [::1]:5000\n"),
            (ProxyKind::Caddy, &unix, "\treverse_proxy unix//run/a.sock\n"),
            (ProxyKind::Nginx, &port, "proxy_pass http://[::1]:5000;\n"),
            (ProxyKind::Nginx, &unix, "proxy_pass http://unix:/run/a.sock:;\n"),
        ] {
            let text = head("web").snippet(kind, to, (None, false));
            assert!(text.contains(line), "{text}");
        }
        for path in ["", "a.sock", "/a b", "/a;", "/a:b", "/a{", "/a\n", "/a$b", "/é"] {
            assert!(socket(path).is_none(), "{path}");
        }
        assert_eq!(reached("0.0.0.0:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reached("[::]:80".parse().unwrap()).to_string(), "127.0.0.1:80");
        assert_eq!(reached("10.0.0.1:80".parse().unwrap()).to_string(), "10.0.0.1:80");
    }
}
