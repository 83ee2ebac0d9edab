//! What an app has to show of itself, as written in a config: `ready` and `healthcheck`.

use std::path::Path;

use pm_spec::{
    AppSpec, ByteString, Door, Environment, HealthCheck, HttpGet, Probe, Question, Readiness, Span,
};

use crate::diagnose::Finding;
use crate::fields::{AppFields, Field, whole};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{paths, printed};

/// How long one answer may take while it is asked whether it is ready.
const READY_ANSWER: Span = Span::from_secs(5);

/// Ways to ask, as they may be written.
const WAYS: &str = "`http`, `tcp`, `unix` or `exec`";
const URL: &str = "an URL such as \"http://localhost:8000/health\", \"tcp://localhost:8000\" or \"unix://./app.sock\"";

/// Where relative paths are seen from, and `~`.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) cwd: &'a Path,
    pub(crate) env: &'a Environment,
    /// Whether hosts may have names: those of the app itself are asked too often to look one up.
    pub(crate) by_name: bool,
}

impl Ground<'_> {
    fn unix(self, path: &ByteString) -> Door {
        Door::Unix(self.absolute(path))
    }

    pub(crate) fn absolute(self, path: &ByteString) -> ByteString {
        paths::to_bytes(&paths::written(path, self.cwd, self.env))
    }
}

/// All that asks an app, or hears from it, how it is.
pub(crate) fn settle(app: &mut AppFields<'_>, seen_from: Ground<'_>, spec: &mut AppSpec) {
    spec.checks.ready = ready(app, seen_from);
    spec.checks.health = health(app, seen_from);
    spec.checks.watchdog = watchdog(app);
    printed::refuse_unkept(app, spec);
}

/// What makes a run count as up.
fn ready(app: &mut AppFields<'_>, ground: Ground<'_>) -> Option<Box<Readiness>> {
    let field = app.get("ready").filter(|field| !field.node.value.is_falsy())?;
    if app.get("wait_ready").is_some_and(|other| !other.node.value.is_falsy()) {
        let message = "`wait_ready` has no effect beside `ready`";
        app.warn(app.place("wait_ready"), message);
    }
    let probe = match &field.node.value {
        Value::Text(text) if text.as_bytes() == b"notify" => {
            return Some(Box::new(Readiness::Notifies));
        }
        Value::Text(text) => url(app, field, text, ground)?,
        Value::Table(entries) if field.node.value.get("log").is_some() => {
            return printed::pattern(app, entries).map(|it| Box::new(Readiness::Prints(it)));
        }
        Value::Table(entries) => asked(app, field, entries, ground, &["timeout"])?,
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            let what = format!("{URL}, \"notify\", or an object with `log`, {WAYS}");
            return app.refuse(field, &what);
        }
    };
    let mut timeout = READY_ANSWER;
    span(app, field, "timeout", &mut timeout)?;
    Some(Box::new(Readiness::Answers(Question { probe, timeout })))
}

/// How often it has to give a sign of life; 0: never.
fn watchdog(app: &mut AppFields<'_>) -> Option<Span> {
    app.get("watchdog").filter(|field| !field.node.value.is_falsy())?;
    app.span("watchdog").filter(|span| *span > Span::ZERO)
}

/// Whether what is up goes on being well.
fn health(app: &mut AppFields<'_>, ground: Ground<'_>) -> Option<Box<HealthCheck>> {
    const OWN: [&str; 7] =
        ["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"];
    let field = app.get("healthcheck").filter(|field| !field.node.value.is_falsy())?;
    let probe = match &field.node.value {
        Value::Text(text) => line(app, field, text, ground)?,
        Value::Table(entries) => {
            let value = &field.node.value;
            if value.get("disable").is_some_and(|off| matches!(off.value, Value::Bool(true))) {
                return None;
            }
            match value.get("test") {
                Some(node) => test(app, Field { key: "test", node }, ground)?,
                None => asked(app, field, entries, ground, &OWN)?,
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            let what = format!("{URL}, a line for the shell, or an object with `test`, {WAYS}");
            return app.refuse(field, &what);
        }
    };
    let mut check = HealthCheck::new(probe);
    let spans = [
        ("interval", &mut check.interval),
        ("timeout", &mut check.question.timeout),
        ("start_period", &mut check.start_period),
        ("start_interval", &mut check.start_interval),
    ];
    for (name, place) in spans {
        span(app, field, name, place)?;
    }
    if let Some(node) = field.node.value.get("retries") {
        let retries = whole(&node.value).and_then(|count| u32::try_from(count).ok());
        let Some(retries) = retries.filter(|count| *count > 0) else {
            return app.refuse(Field { key: "retries", node }, "a whole number, 1 or more");
        };
        check.retries = retries;
    }
    Some(Box::new(check))
}

/// Compose's `test`; `None` also where it says that there is none.
fn test(app: &mut AppFields<'_>, field: Field<'_>, ground: Ground<'_>) -> Option<Probe> {
    const WHAT: &str =
        "a line for the shell, or [\"CMD\", program, ...], [\"CMD-SHELL\", line] or [\"NONE\"]";
    match &field.node.value {
        Value::Text(text) => line(app, field, text, ground),
        Value::List(nodes) => {
            let words: Vec<&ByteString> =
                nodes.iter().filter_map(|node| node.value.as_text()).collect();
            match words.split_first() {
                _ if words.len() != nodes.len() => app.refuse(field, WHAT),
                Some((kind, [])) if kind.as_bytes() == b"NONE" => None,
                Some((kind, [line])) if kind.as_bytes() == b"CMD-SHELL" => {
                    Some(Probe::Shell((*line).clone()))
                }
                Some((kind, argv @ [_, ..])) if kind.as_bytes() == b"CMD" => {
                    Some(Probe::Exec(argv.iter().map(|word| (*word).clone()).collect()))
                }
                Some(_) | None => app.refuse(field, WHAT),
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Table(_) => {
            app.refuse(field, WHAT)
        }
    }
}

/// A line for the shell, unless it is plainly an URL.
fn line(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    text: &ByteString,
    ground: Ground<'_>,
) -> Option<Probe> {
    let shown = text.display();
    let is_url =
        ["http://", "https://", "tcp://", "unix://"].iter().any(|it| shown.starts_with(it));
    if is_url { url(app, field, text, ground) } else { Some(Probe::Shell(text.clone())) }
}

/// What is asked, and of whom, by the one key that says it; the others must belong to it or be of `own`.
fn asked(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    entries: &[TableEntry],
    ground: Ground<'_>,
    own: &[&str],
) -> Option<Probe> {
    let is_way = |entry: &&TableEntry| matches!(&*entry.key, "http" | "tcp" | "unix" | "exec");
    let ways: Vec<&TableEntry> = entries.iter().filter(is_way).collect();
    let [way] = ways[..] else {
        let test = if own.contains(&"test") { "`test`, " } else { "`log`, " };
        let message = format!("`{}` needs one of {test}{WAYS}, and only one", field.key);
        app.findings.add(Finding::error(field.node.at, message));
        return None;
    };
    let details: &[&str] =
        if way.key == "http" { &["status", "headers", "host", "socket"] } else { &[] };
    for entry in entries.iter().filter(|entry| entry.key != way.key) {
        let key = entry.key.as_str();
        if !own.contains(&key) && !details.contains(&key) {
            let known = own.iter().chain(details).map(|key| format!("`{key}`"));
            let known: Vec<String> = known.collect();
            let finding = Finding::error(
                entry.at,
                format!("`{key}` is nothing `{}` with `{}` could have", field.key, way.key),
            );
            app.findings.add(finding.hint(format!("it could have {}", known.join(", "))));
            return None;
        }
    }
    let inner = Field { key: &way.key, node: &way.node };
    let text = way.node.value.as_text();
    match (way.key.as_str(), text) {
        ("exec", Some(line)) => Some(Probe::Shell(line.clone())),
        ("exec", None) => argv(app, inner),
        (_, None) => app.refuse(inner, "a string"),
        ("http", Some(text)) => page(app, inner, text, (entries, ground)),
        ("tcp", Some(text)) => door(app, inner, &text.display(), ground).map(Probe::Connect),
        (_, Some(path)) => Some(Probe::Connect(ground.unix(path))),
    }
}

pub(crate) fn argv(app: &mut AppFields<'_>, field: Field<'_>) -> Option<Probe> {
    let words = field.node.value.as_list().unwrap_or_default();
    let words: Option<Vec<ByteString>> =
        words.iter().map(|node| node.value.as_text().cloned()).collect();
    match words.filter(|words| !words.is_empty()) {
        Some(words) => Some(Probe::Exec(words)),
        None => app.refuse(field, "a line for the shell, or a list: a program and its arguments"),
    }
}

/// The short form.
pub(crate) fn url(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    text: &ByteString,
    ground: Ground<'_>,
) -> Option<Probe> {
    let shown = text.display();
    if let Some(place) = shown.strip_prefix("tcp://") {
        return door(app, field, place, ground).map(Probe::Connect);
    }
    if let Some(path) = shown.strip_prefix("unix://") {
        return Some(Probe::Connect(ground.unix(&ByteString::from(path))));
    }
    page(app, field, text, (&[], ground))
}

fn page(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    text: &ByteString,
    (entries, ground): (&[TableEntry], Ground<'_>),
) -> Option<Probe> {
    let shown = text.display();
    if shown.starts_with("https://") {
        let finding = field.must_be("plain http: no TLS is spoken here");
        let key = if ground.by_name { "command" } else { "exec" };
        let hint = format!("ask by a command: {{ {key}: \"curl -fsk {shown}\" }}");
        app.findings.add(finding.hint(hint));
        return None;
    }
    let Some(rest) = shown.strip_prefix("http://") else { return app.refuse(field, URL) };
    let (place, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let name = place.to_owned();
    let place = if place.contains(':') { place.to_owned() } else { format!("{place}:80") };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let path = format!("{slash}{path}");
    if path.contains(|c: char| c.is_ascii_control() || c == ' ') {
        return app.refuse(field, "an URL without blanks");
    }
    let mut get =
        HttpGet { door: Door::Tcp(place), path, host: None, headers: Vec::new(), status: None };
    for TableEntry { key, node, .. } in entries {
        let field = Field { key, node };
        match key.as_str() {
            "status" => {
                let status = whole(&node.value).and_then(|code| u16::try_from(code).ok());
                let status = status.filter(|code| (100..600).contains(code));
                get.status = Some(status.or_else(|| app.refuse(field, "a status such as 204"))?);
            }
            "host" => get.host = Some(header(app, field, node)?),
            "socket" => {
                let Some(path) = node.value.as_text() else { return app.refuse(field, "a path") };
                get.door = ground.unix(path);
            }
            "headers" => {
                let Value::Table(headers) = &node.value else {
                    return app.refuse(field, "an object: { name: \"value\" }");
                };
                for TableEntry { key, node, .. } in headers {
                    let is_name =
                        |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
                    if key.is_empty() || !key.chars().all(is_name) {
                        return app.refuse(
                            Field { key, node },
                            "the value of a header, whose name has letters and dashes",
                        );
                    }
                    get.headers.push((key.clone(), header(app, Field { key, node }, node)?));
                }
            }
            _ => {}
        }
    }
    match &get.door {
        Door::Tcp(place) => drop(door(app, field, place, ground)?),
        // Then it is only a name.
        Door::Unix(_) if get.host.is_none() => get.host = Some(name),
        Door::Unix(_) => {}
    }
    Some(Probe::Http(get))
}

/// Text that is one line.
fn header(app: &mut AppFields<'_>, field: Field<'_>, node: &ConfigNode) -> Option<String> {
    let text = node.value.as_name().and_then(|text| String::from_utf8(text.into_bytes()).ok());
    let text = text.filter(|text| !text.contains(|c: char| c.is_control()));
    text.or_else(|| app.refuse(field, "text of one line"))
}

/// `localhost` or an address, and a port; variables of the app may stand for either.
fn door(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    place: &str,
    ground: Ground<'_>,
) -> Option<Door> {
    let (host, port) = place.rsplit_once(':').unwrap_or((place, ""));
    let is_variable = |text: &str| text.contains('$');
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = ground.by_name && host.starts_with(char::is_alphanumeric);
    let is_host = host == "localhost"
        || is_variable(host)
        || bare.parse::<std::net::IpAddr>().is_ok()
        || (is_name && host.chars().all(is_letter));
    let is_port = is_variable(port) || port.parse::<u16>().is_ok_and(|port| port > 0);
    if is_host && is_port {
        return Some(Door::Tcp(place.to_owned()));
    }
    let what = if is_host {
        "with a port, as in localhost:8000"
    } else if ground.by_name {
        "at a host, and its port: db.example:5432"
    } else {
        "at `localhost` or an address such as 127.0.0.1"
    };
    app.refuse(field, what)
}

/// A length of time of a table, if it is there. `None`: it is none.
pub(crate) fn span(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    name: &str,
    place: &mut Span,
) -> Option<()> {
    const WHAT: &str = "a duration: milliseconds (3000) or \"250ms\", \"3s\", \"1.5m\"";
    let Some(node) = field.node.value.get(name) else { return Some(()) };
    let span = node.value.as_word().and_then(|text| Span::parse(&text.display()).ok());
    *place = span.or_else(|| app.refuse(Field { key: name, node }, WHAT))?;
    Some(())
}
