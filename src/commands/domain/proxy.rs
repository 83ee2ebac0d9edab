//! A web server of this machine: where its config is, where our files go, what it serves, and how it is asked.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pm_pm2::shell;
use serde_json::Value;

use super::name::DomainName;
use super::snippet::SnippetHead;
use crate::cli::{ProxyFlags, ProxyKind};
use crate::commands::support::installed::find_in_path;
use crate::prelude::{Failure, Session};
use crate::render::safe_text;

/// One web server by its config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyPlace {
    pub(super) kind: ProxyKind,
    pub(super) config: PathBuf,
}

/// The file of a domain, and how it was before somebody began to change it.
#[derive(Debug)]
pub(super) struct SnippetFile {
    pub(super) path: PathBuf,
    /// Is there while a change is not finished: what stood there, or nothing.
    pub(super) before: PathBuf,
    pub(super) new: PathBuf,
}

impl ProxyKind {
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Nginx => "nginx",
        }
    }

    /// Debian's, and most others'.
    fn usual(self) -> &'static str {
        match self {
            Self::Caddy => "/etc/caddy/Caddyfile",
            Self::Nginx => "/etc/nginx/nginx.conf",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Caddy => "caddy",
            Self::Nginx => "conf",
        }
    }
}

impl ProxyPlace {
    /// All that are known here: those of the system, and those that were once named.
    pub(super) fn known(session: &Session) -> Vec<Self> {
        let usual = [ProxyKind::Caddy, ProxyKind::Nginx]
            .map(|kind| Self { kind, config: kind.usual().into() });
        let named = remembered(session).into_iter().map(|(kind, config)| Self { kind, config });
        let mut all: Vec<Self> = Vec::new();
        for place in usual.into_iter().chain(named) {
            if place.config.is_file() && !all.contains(&place) {
                all.push(place);
            }
        }
        all
    }

    /// Those that flags leave.
    pub(super) fn meant(session: &Session, flags: &ProxyFlags) -> Result<Vec<Self>, Failure> {
        let is_kind = |place: &Self| flags.proxy.is_none_or(|kind| kind == place.kind);
        let Some(config) = &flags.config else {
            return Ok(Self::known(session).into_iter().filter(is_kind).collect());
        };
        let shown = config.display();
        let real = fs::canonicalize(config)
            .map_err(|error| Failure::input(format!("could not read {shown}: {error}")))?;
        // It stands in command lines that people are shown and may copy.
        if real.to_str().is_none_or(|text| text.contains(char::is_control)) || !real.is_file() {
            return Err(Failure::input(format!("could not use {shown} as a config file")));
        }
        let is_nginx = real.extension().is_some_and(|ending| ending == "conf");
        let usual = if is_nginx { ProxyKind::Nginx } else { ProxyKind::Caddy };
        Ok(vec![Self { kind: flags.proxy.unwrap_or(usual), config: real }])
    }

    /// The one that is meant for a new domain.
    pub(super) fn one(session: &Session, flags: &ProxyFlags) -> Result<Self, Failure> {
        let mut all = Self::meant(session, flags)?;
        // A config may outlive its program; whoever names one is told by its absence.
        if flags.config.is_none() {
            all.retain(|place| find_in_path(place.kind.program()).is_some());
        }
        let shown: Vec<_> = all
            .iter()
            .map(|it| format!("{} ({})", it.kind.program(), it.config.display()))
            .collect();
        match (all.pop(), all.is_empty()) {
            (Some(place), true) => Ok(place),
            (None, _) => Err(Failure::failed("could not find Caddy or nginx on this machine").hint(
                "install one (`apt install caddy`), or say where its config is: --proxy caddy --config FILE",
            )),
            (Some(_), false) => {
                Err(Failure::input(format!("could be any of these: {}", shown.join(", ")))
                    .hint("--proxy or --config says which is meant"))
            }
        }
    }

    /// Where its config lies.
    pub(super) fn root(&self) -> &Path {
        self.config.parent().unwrap_or(Path::new("/"))
    }

    /// Where our files go.
    pub(super) fn folder(&self) -> PathBuf {
        let folder = |name: &str| self.root().join(name);
        match self.kind {
            ProxyKind::Caddy => folder("pm.d"),
            ProxyKind::Nginx if !folder("conf.d").is_dir() && folder("sites-enabled").is_dir() => {
                folder("sites-enabled")
            }
            ProxyKind::Nginx => folder("conf.d"),
        }
    }

    /// The file of a domain. What is not finished begins with a dot, which no `*` of an include means.
    pub(super) fn file(&self, name: &DomainName) -> SnippetFile {
        let (folder, name) = (self.folder(), name.as_str());
        SnippetFile {
            path: folder.join(format!("pm-{name}.{}", self.kind.ending())),
            before: folder.join(format!(".pm-{name}.before")),
            new: folder.join(format!(".pm-{name}.new")),
        }
    }

    /// Domains with a file of ours, or with a change that was not finished.
    pub(super) fn names(&self) -> BTreeSet<DomainName> {
        let ending = format!(".{}", self.kind.ending());
        let name = |file: &str| {
            let inner = match file.strip_prefix(".pm-") {
                Some(rest) => rest.strip_suffix(".before"),
                None => file.strip_prefix("pm-").and_then(|rest| rest.strip_suffix(&ending)),
            };
            DomainName::parse(inner?).ok()
        };
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        entries.filter_map(|entry| name(entry.file_name().to_str()?)).collect()
    }

    /// What leads from its config to our files.
    pub(super) fn include(&self) -> String {
        match self.kind {
            ProxyKind::Caddy => "import pm.d/*.caddy".into(),
            ProxyKind::Nginx => format!("include {}/*.conf;", self.folder().display()),
        }
    }

    fn argv(&self, kind: [&[&str]; 2]) -> Vec<String> {
        let config = self.config.display().to_string();
        let (words, flag): (&[&str], &str) = match self.kind {
            ProxyKind::Caddy => (kind[0], "--config"),
            ProxyKind::Nginx => (kind[1], "-c"),
        };
        let mut argv = vec![self.kind.program().to_owned()];
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        argv.extend([flag.to_owned(), config]);
        if self.kind == ProxyKind::Caddy {
            argv.extend(["--adapter", "caddyfile"].map(str::to_owned));
        }
        argv
    }

    /// Whether it could begin with its config as it is.
    pub(super) fn check(&self) -> Vec<String> {
        self.argv([&["validate"], &["-t"]])
    }

    /// Have it take over its config.
    pub(super) fn reload(&self) -> Vec<String> {
        self.argv([&["reload"], &["-s", "reload"]])
    }

    /// The names it would serve with its config as it is.
    pub(super) fn served(&self) -> Result<BTreeSet<String>, String> {
        let told = perform(&self.argv([&["adapt"], &["-T", "-q"]]))?;
        let mut names = BTreeSet::new();
        match self.kind {
            ProxyKind::Caddy => hosts(&serde_json::from_str(&told).unwrap_or_default(), &mut names),
            ProxyKind::Nginx => names.extend(server_names(&told)),
        }
        Ok(names)
    }

    /// What we wrote of a domain.
    pub(super) fn head(&self, name: &DomainName) -> Option<SnippetHead> {
        let file = self.file(name);
        let text = |path: &Path| fs::read_to_string(path).ok();
        SnippetHead::parse(&text(&file.path).or_else(|| text(&file.before))?)
    }
}

/// Each `host` a config of Caddy's matches.
fn hosts(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == "host" {
                    let all = value.as_array().into_iter().flatten().filter_map(Value::as_str);
                    names.extend(all.map(str::to_ascii_lowercase));
                }
                hosts(value, names);
            }
        }
        Value::Array(all) => all.iter().for_each(|value| hosts(value, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Each `server_name` of a config of nginx's.
fn server_names(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_name = false;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        for word in line.replace(';', " ; ").replace(['{', '}'], " ; ").split_whitespace() {
            match word {
                ";" => is_name = false,
                "server_name" => is_name = true,
                word if is_name => {
                    names.insert(word.trim_matches(['"', '\'']).to_ascii_lowercase());
                }
                _ => {}
            }
        }
    }
    names
}

/// Runs a command of a web server's; what it says, or its words of why not.
pub(super) fn perform(argv: &[String]) -> Result<String, String> {
    let (name, words) =
        argv.split_first().map_or(("", [].as_slice()), |(name, words)| (name, words));
    let program = find_in_path(name).ok_or_else(|| format!("{name} is not installed"))?;
    let output = Command::new(program).args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    // Caddy's own log is beside its error.
    let told: Vec<_> = said.lines().filter(|line| !line.starts_with('{')).collect();
    let told = safe_text(told.join("\n").trim());
    Err(if told.is_empty() { format!("it ended with {}", output.status) } else { told })
}

/// A command as it is typed.
pub(super) fn line(argv: &[String]) -> String {
    argv.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

fn book(session: &Session) -> PathBuf {
    session.home.root().join("domains.json")
}

/// Config files that were named once.
fn remembered(session: &Session) -> Vec<(ProxyKind, PathBuf)> {
    let text = fs::read_to_string(book(session)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Keeps a config file that was named, so that `list` and the page find it.
pub(super) fn remember(session: &Session, place: &ProxyPlace) {
    if ProxyPlace::known(session).contains(place) {
        return;
    }
    let mut all = remembered(session);
    all.push((place.kind, place.config.clone()));
    let file = book(session);
    let beside = file.with_extension("new");
    // Readable by all: root writes it by `sudo`, and whose home it is reads it.
    let kept = serde_json::to_vec(&all)
        .map_err(std::io::Error::from)
        .and_then(|text| fs::write(&beside, text))
        .and_then(|()| fs::rename(&beside, &file));
    if let Err(error) = kept {
        let shown = file.display();
        session.console.talk(&format!("warning: could not write {shown}: {error}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        let text = "server { server_name a.example B.example\n \"c.example\"; } # server_name d.x;\nserver{server_name e.x;listen 80;}";
        let all: Vec<_> = server_names(text).into_iter().collect();
        assert_eq!(all, ["a.example", "b.example", "c.example", "e.x"]);
        let mut names = BTreeSet::new();
        let json =
            serde_json::json!({ "a": [{ "match": [{ "host": ["A.x", "b.x"] }] }], "host": "no" });
        hosts(&json, &mut names);
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a.x", "b.x"]);
    }
}
