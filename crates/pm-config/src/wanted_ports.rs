//! Ports that two apps of a config want: the second to come would fail, so it is told before anything starts.

use std::collections::BTreeMap;
use std::net::IpAddr;

use pm_spec::{AppName, AppSpec, ByteString, Preset};

use crate::caller::Beside;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::ecosystem::AppTable;
use crate::fields::AppFields;
use crate::preset;

/// Options whose value is a port, or an address with one.
const OPTIONS: [&str; 7] =
    ["--port", "--bind", "-b", "--listen", "--http", "--addr", "--server.port"];

/// Variables that say where a server listens; the second is of `static`.
const VARIABLES: [&str; 2] = ["PORT", "PM2_SERVE_PORT"];

/// A port that an app names, and the address, if it is one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WantedPort {
    host: Option<IpAddr>,
    number: u16,
}

impl WantedPort {
    /// `8000`, `:8000`, `127.0.0.1:8000`, `tcp://[::1]:8000`.
    fn parse(text: &str) -> Option<Self> {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
        let (host, number) = text.rsplit_once(':').unwrap_or(("", text));
        let number = number.parse().ok().filter(|number| *number > 0)?;
        let host = if host == "localhost" { "127.0.0.1" } else { host };
        let host = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        Some(Self { host: host.filter(|host| !host.is_unspecified()), number })
    }

    fn hinders(self, other: Self) -> bool {
        let is_apart = |(one, other)| one != other;
        self.number == other.number && !self.host.zip(other.host).is_some_and(is_apart)
    }
}

/// Warns of each port that an app names and one before it does, too.
pub(crate) fn judge(
    (tables, names): (&[AppTable], &[Option<AppName>]),
    apps: &[AppSpec],
    beside: Beside,
    findings: &mut Findings,
) {
    // Called as `pm2`, nothing is said that PM2 does not say.
    if beside == Beside::Pm2s || findings.has_errors() {
        return;
    }
    let known: BTreeMap<&AppName, &AppSpec> = apps.iter().map(|app| (&app.name, app)).collect();
    let mut taken: BTreeMap<u16, Vec<(WantedPort, &AppName, ConfigPlace)>> = BTreeMap::new();
    for (table, name) in tables.iter().zip(names) {
        let Some(app) = name.as_ref().and_then(|name| known.get(name)) else { continue };
        for (wanted, at) in wanted(table, app) {
            let others = taken.entry(wanted.number).or_default();
            // What both have of one place, such as `defaults`, is not meant for both.
            let hinders = |other: &&(WantedPort, &AppName, ConfigPlace)| {
                let is_meant = other.2 != at || at == ConfigPlace::Whole;
                other.0.hinders(wanted) && *other.1 != app.name && is_meant
            };
            if let Some((_, first, place)) = others.iter().find(hinders) {
                let (own, first) = (quoted(app.name.as_str()), quoted(first.as_str()));
                let place = spot(findings, *place).map(|it| format!(" ({it})")).unwrap_or_default();
                let number = wanted.number;
                let message = format!(
                    "{own} wants port {number}, and so does {first}{place}: only one gets it"
                );
                findings.add(Finding::warning(at, message).hint("give one of them another port"));
            } else {
                others.push((wanted, &app.name, at));
            }
        }
    }
}

/// Where something stands, to the character.
fn spot(findings: &Findings, at: ConfigPlace) -> Option<String> {
    match at {
        ConfigPlace::Line { line, column } => Some(format!("line {line}, column {column}")),
        ConfigPlace::Other { column, .. } => {
            Some(format!("{}:{column}", findings.whereabouts(at)?))
        }
        ConfigPlace::Whole | ConfigPlace::Flag(_) => None,
    }
}

/// The ports an app names, the strongest word first found: `listen`, its arguments, its variable.
fn wanted(table: &AppTable, app: &AppSpec) -> Vec<(WantedPort, ConfigPlace)> {
    let is_job = app.schedule.as_ref().is_some_and(|schedule| schedule.job);
    if is_job || !app.autostart || app.preset == Preset::Celery {
        return Vec::new();
    }
    let mut apart = Findings::default();
    let fields = AppFields::new(table.at, &table.entries, &mut apart);
    let place = |keys: &[&'static str]| {
        keys.iter().find_map(|key| fields.get(key)).map_or(table.at, |field| field.node.at)
    };
    let at = place(&["listen", "args", "script"]);
    let listens = pm_spec::tcp_addresses(&app.listen);
    let listens = listens.iter().filter_map(|address| WantedPort::parse(&address.to_string()));
    let listens: Vec<_> = listens.map(|port| (port, at)).collect();
    let words = preset::command(app);
    if !listens.is_empty() || words.iter().any(shares) {
        return listens;
    }
    let at = place(&["args", "script"]);
    let named: Vec<_> = named(&words).into_iter().map(|port| (port, at)).collect();
    if !named.is_empty() {
        return named;
    }
    let is_declared = |name: &&str| {
        app.declared_env.iter().any(|declared| declared.as_bytes() == name.as_bytes())
    };
    let Some(name) = VARIABLES.into_iter().find(is_declared) else { return Vec::new() };
    let first = app.env.get(name).and_then(|value| WantedPort::parse(&value.display()));
    let Some(first) = first else { return Vec::new() };
    let env = fields.get("env").map(|field| field.node);
    let at = env.and_then(|node| node.value.get(name)).map_or(fields.place("env"), |node| node.at);
    let counts = app.increment_var.as_ref().is_some_and(|it| it.as_bytes() == name.as_bytes());
    let more = if counts { app.instances.saturating_sub(1) } else { 0 };
    let last = first.number.saturating_add(more);
    (first.number..=last).map(|number| (WantedPort { number, ..first }, at)).collect()
}

/// Whether a word says that others may listen at the same port.
fn shares(word: &ByteString) -> bool {
    let word = word.display().to_ascii_lowercase().replace(['-', '_'], "");
    word.contains("reuseport")
}

/// The ports among a program's words.
fn named(words: &[ByteString]) -> Vec<WantedPort> {
    let texts: Vec<_> = words.iter().map(|word| word.display().into_owned()).collect();
    let values = texts.iter().enumerate().filter_map(|(at, word)| {
        let next = texts.get(at + 1).map(String::as_str);
        match word.split_once('=') {
            Some((option, value)) if OPTIONS.contains(&option) => WantedPort::parse(value),
            None if OPTIONS.contains(&word.as_str()) => WantedPort::parse(next?),
            // Words of their own: Django's and Python's servers.
            None if word == "runserver" || word == "http.server" => {
                texts.get(at + 1..)?.iter().find_map(|word| WantedPort::parse(word))
            }
            Some(_) | None => None,
        }
    });
    values.collect()
}
