//! What is served and how: PM2's `PM2_SERVE_*` variables to one checked value. It looks at no file.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::login::Login;

/// The variables a file server is told by, under PM2's names.
pub mod variables {
    /// The folder; default is the working folder.
    pub const PATH: &str = "PM2_SERVE_PATH";
    /// The TCP port, 0 to 65535; default 8080.
    pub const PORT: &str = "PM2_SERVE_PORT";
    /// The address or name to listen on; default 0.0.0.0.
    pub const HOST: &str = "PM2_SERVE_HOST";
    /// `true`: unknown paths get the home page.
    pub const SPA: &str = "PM2_SERVE_SPA";
    /// `true`: folders without `index.html` are listed.
    pub const FTP: &str = "PM2_SERVE_FTP";
    /// What `/` means, a path from the root; default `/index.html`.
    pub const HOMEPAGE: &str = "PM2_SERVE_HOMEPAGE";
    /// `true`: name and password are asked for.
    pub const BASIC_AUTH: &str = "PM2_SERVE_BASIC_AUTH";
    /// The name.
    pub const USERNAME: &str = "PM2_SERVE_BASIC_AUTH_USERNAME";
    /// The password.
    pub const PASSWORD: &str = "PM2_SERVE_BASIC_AUTH_PASSWORD";
    /// `true`: names that begin with a dot are served, too (ours, not PM2's).
    pub const HIDDEN: &str = "PM2_SERVE_DOTFILES";
    /// `true`: links may lead out of the folder (ours, not PM2's).
    pub const LINKS: &str = "PM2_SERVE_FOLLOW_LINKS";
}

/// How far symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// As long as they end below the folder.
    Inside,
    /// Wherever they lead, as PM2 does.
    Anywhere,
}

/// A folder and how it is shown.
#[derive(Debug)]
pub struct Site {
    /// The folder; it is opened anew for each request, so it may be a link that changes.
    pub root: PathBuf,
    /// Address or name to listen on.
    pub host: String,
    /// TCP port; 0 takes a free one.
    pub port: u16,
    /// What `/` means: a path below the folder, without a leading slash.
    pub homepage: String,
    /// Whether unknown paths get the home page (a single-page application).
    pub spa: bool,
    /// Whether folders without `index.html` are listed.
    pub listing: bool,
    /// Whether names that begin with a dot are served. `.well-known` always is (RFC 8615).
    pub hidden: bool,
    /// How far symbolic links are followed.
    pub links: Links,
    /// Who may look; everybody if not set.
    pub login: Option<Login>,
}

/// Why the variables describe no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The port is no number from 0 to 65535.
    #[error("read PM2_SERVE_PORT: `{0}` is no port")]
    Port(String),
    /// A text is needed here.
    #[error("read {0}: it is not UTF-8")]
    NotText(&'static str),
    /// Authentication is on, but nobody could pass.
    #[error(
        "use basic authentication: {} and {} must both be set",
        variables::USERNAME,
        variables::PASSWORD
    )]
    Nobody,
}

impl Site {
    /// The site of a process whose environment `variable` reads. An empty variable is none.
    pub fn of(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, SiteError> {
        let raw = |name: &'static str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| match raw(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(SiteError::NotText(name)),
        };
        let is_on = |name: &'static str| raw(name).as_deref() == Some(OsStr::new("true"));
        let port = match text(variables::PORT)? {
            None => 8080,
            Some(port) => port.trim().parse().map_err(|_| SiteError::Port(port))?,
        };
        let login = match (text(variables::USERNAME)?, text(variables::PASSWORD)?) {
            _ if !is_on(variables::BASIC_AUTH) => None,
            (Some(name), Some(password)) => Some(Login::new(&name, &password)),
            (_, _) => return Err(SiteError::Nobody),
        };
        let homepage = text(variables::HOMEPAGE)?.unwrap_or_else(|| "index.html".into());
        Ok(Self {
            root: raw(variables::PATH).unwrap_or_else(|| ".".into()).into(),
            host: text(variables::HOST)?.unwrap_or_else(|| "0.0.0.0".into()),
            port,
            homepage: homepage.trim_start_matches('/').into(),
            spa: is_on(variables::SPA),
            listing: is_on(variables::FTP),
            hidden: is_on(variables::HIDDEN),
            links: if is_on(variables::LINKS) { Links::Anywhere } else { Links::Inside },
            login,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(set: &[(&str, &str)]) -> Result<Site, SiteError> {
        Site::of(|name| set.iter().find(|(known, _)| *known == name).map(|(_, v)| v.into()))
    }

    #[test]
    fn what_is_not_said_is_as_in_pm2() {
        let site = site(&[("PM2_SERVE_HOMEPAGE", "")]).unwrap();
        assert_eq!((site.host.as_str(), site.port), ("0.0.0.0", 8080));
        assert_eq!((site.root, site.homepage.as_str()), (".".into(), "index.html"));
        assert!(!site.spa && !site.listing && !site.hidden && site.login.is_none());
    }

    #[test]
    fn a_login_nobody_could_pass_is_refused() {
        let on = ("PM2_SERVE_BASIC_AUTH", "true");
        assert!(matches!(site(&[on]), Err(SiteError::Nobody)));
        assert!(matches!(site(&[on, (variables::USERNAME, "u")]), Err(SiteError::Nobody)));
        let both = [(variables::USERNAME, "u"), (variables::PASSWORD, "p")];
        assert!(site(&[on, both[0], both[1]]).unwrap().login.is_some());
        assert!(site(&both).unwrap().login.is_none(), "it is not switched on");
    }

    #[test]
    fn a_port_is_a_number() {
        assert!(matches!(site(&[(variables::PORT, "80a")]), Err(SiteError::Port(_))));
        assert!(site(&[(variables::PORT, "65536")]).is_err());
        assert_eq!(site(&[(variables::PORT, "0")]).unwrap().port, 0);
    }
}
