//! What starts an app by itself, as written in a config: `schedule`, `cron_restart` and `watch` with all that belongs to them.

use std::path::Path;

use pm_spec::{AppSpec, ByteString, Environment, Ignore, Schedule, Span, Watch};
use pm_triggers::{Timetable, check_ignore};

use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::fields::{AppFields, Field};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// It must be quiet for so long before an app is started anew, so that a checkout of many files is one change.
const QUIET: Span = Span::from_millis(200);

/// How often a polling watch looks if nothing is said.
const POLL: Span = Span::from_secs(1);

/// And it never looks more often than this.
const POLL_LEAST: Span = Span::from_millis(50);

/// When the clock starts the app, anew or as a job.
pub(crate) fn schedule(app: &mut AppFields<'_>) -> Option<Schedule> {
    let zone = app.text("cron_timezone").map(str::to_owned);
    let after_stop = app.switch("cron_after_stop").unwrap_or(false);
    let catch_up = app.switch("catch_up").unwrap_or(false);
    let random_delay = app.span("random_delay").unwrap_or(Span::ZERO);
    let set = |key| app.get(key).filter(|field| !is_off(&field.node.value));
    let (job, anew) = (set("schedule"), set("cron_restart"));
    let Some(field) = job.or(anew) else {
        if app.get("schedule").or(app.get("cron_restart")).is_none() {
            useless(app);
        }
        return None;
    };
    if let (Some(job), Some(anew)) = (job, anew)
        && job.node.value.to_bytes() != anew.node.value.to_bytes()
    {
        let message = "`cron_restart` beside `schedule`: an app has the times of one of them";
        app.error(anew.node.at, message);
        return None;
    }
    if let Some(on) = app.get("autorestart").filter(|_| job.is_some())
        && matches!(on.node.value, Value::Bool(true))
    {
        app.error(
            on.node.at,
            "`autorestart` beside `schedule`: a job runs to its end, until its next time",
        );
        return None;
    }
    let pattern = match &field.node.value {
        Value::Text(text) => text.display().trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
            return app.refuse(field, "a cron pattern such as \"0 3 * * *\", or 0 for none");
        }
        Value::List(_) | Value::Table(_) => return app.refuse(field, "a cron pattern"),
    };
    let job = job.is_some();
    let schedule = Schedule { pattern, zone, after_stop, job, catch_up, random_delay };
    match Timetable::parse(&schedule) {
        Ok(_) => Some(schedule),
        Err(error @ pm_triggers::ScheduleError::Zone(_)) => {
            let at = app.place("cron_timezone");
            let finding = Finding::error(at, error.to_string());
            app.findings
                .add(finding.hint("write a name such as Europe/Berlin; tzdata must be installed"));
            None
        }
        Err(error) => {
            let finding = Finding::error(field.node.at, error.to_string());
            let hint =
                "minute hour day month weekday, or six fields with seconds first: \"0 3 * * *\"";
            app.findings.add(finding.hint(hint));
            None
        }
    }
}

/// How long a run may take; 0: as long as it likes. What is restarted when it ends has no run that is to end.
pub(crate) fn time_limit(app: &mut AppFields<'_>, spec: &AppSpec) -> Option<Span> {
    for (key, why, needs) in [
        ("overlap", "without `schedule`", spec.schedule.as_ref().is_some_and(|it| it.job)),
        ("time_limit", "for an app that is restarted when it ends", !spec.restart.autorestart),
        ("retries", "for an app that is restarted when it ends", !spec.restart.autorestart),
    ] {
        if let Some(field) = app.get(key).filter(|field| !needs && !field.node.value.is_falsy()) {
            let message = format!("`{key}` has no effect {why}");
            app.warn(field.node.at, message);
        }
    }
    let field = app.get("time_limit")?;
    if matches!(field.node.value, Value::Bool(false)) {
        return None;
    }
    app.span("time_limit").filter(|span| span.as_millis() > 0)
}

/// PM2: 0 switches it off.
fn is_off(value: &Value) -> bool {
    value.is_falsy() || value.as_text().is_some_and(|text| text.as_bytes().trim_ascii() == b"0")
}

/// A zone without a schedule: typed, it is a mistake; in a file, it may wait for one.
fn useless(app: &mut AppFields<'_>) {
    for key in ["cron_timezone", "cron_after_stop", "catch_up", "random_delay"] {
        let Some(field) = app.get(key).filter(|field| !field.node.value.is_falsy()) else {
            continue;
        };
        let message = format!("`{key}` has no effect without `schedule` or `cron_restart`");
        app.findings.add(match field.node.at {
            at @ ConfigPlace::Flag(_) => Finding::error(at, message),
            at @ (ConfigPlace::Line { .. } | ConfigPlace::Other { .. } | ConfigPlace::Whole) => {
                Finding::warning(at, message)
            }
        });
    }
}

/// Which files start the app anew.
pub(crate) fn watch(app: &mut AppFields<'_>, cwd: &Path, env: &Environment) -> Option<Watch> {
    let (on, mut words) = watched(app);
    let negated: Vec<ByteString> = words.iter().filter(|word| is_negated(word)).cloned().collect();
    words.retain(|word| !is_negated(word));
    let mut ignore = ignored(app);
    ignore.extend(negated.iter().map(|word| Ignore::Glob(ByteString::new(&word.as_bytes()[1..]))));
    let extensions: Vec<ByteString> = app
        .words("ext")
        .iter()
        .flat_map(|word| word.as_bytes().split(|byte| *byte == b','))
        .map(|ending| ByteString::new(ending.strip_prefix(b".").unwrap_or(ending)))
        .filter(|ending| !ending.is_empty())
        .collect();
    let delay = app.span("watch_delay").unwrap_or(Span::ZERO).max(QUIET);
    let options = options(app, &mut ignore);
    let asks = ["watch", "ignore_watch", "ext", "watch_delay", "watch_options"];
    let asked = |key: &&'static str| app.get(key).is_some_and(|it| !it.node.value.is_falsy());
    if !on && !asks.iter().any(asked) {
        return None;
    }
    if words.is_empty() {
        words.push(paths::to_bytes(cwd));
    }
    let absolute = |word: &ByteString| paths::to_bytes(&paths::written(word, cwd, env));
    Some(Watch {
        on,
        paths: words.iter().map(absolute).collect(),
        ignore,
        extensions,
        delay,
        poll: options.poll,
        follow_links: options.follow_links,
    })
}

fn is_negated(word: &ByteString) -> bool {
    word.as_bytes().starts_with(b"!") && word.as_bytes().len() > 1
}

/// Whether `watch` is on, and what it names; nothing named is the app's folder.
fn watched(app: &mut AppFields<'_>) -> (bool, Vec<ByteString>) {
    let Some(field) = app.get("watch") else { return (false, Vec::new()) };
    match &field.node.value {
        Value::Bool(on) => (*on, Vec::new()),
        // PM2 takes an empty list for the folder, and a string as one path, blanks and all.
        Value::List(nodes) => (true, texts(app, field, nodes)),
        Value::Text(text) => match text.as_bytes() {
            b"" | b"false" => (false, Vec::new()),
            b"true" => (true, Vec::new()),
            _ => (true, vec![text.clone()]),
        },
        Value::Null | Value::Integer(_) | Value::Float(_) | Value::Table(_) => {
            app.refuse::<()>(field, "true, false, a path or a list of paths");
            (false, Vec::new())
        }
    }
}

fn texts(app: &mut AppFields<'_>, field: Field<'_>, nodes: &[ConfigNode]) -> Vec<ByteString> {
    let mut texts = Vec::new();
    for node in nodes {
        texts.extend(text(app, Field { key: field.key, node }, "a path"));
    }
    texts
}

fn text(app: &mut AppFields<'_>, field: Field<'_>, what: &str) -> Option<ByteString> {
    let text = field.node.value.as_text().filter(|text| !text.is_empty()).cloned();
    text.or_else(|| app.refuse(field, what))
}

/// `ignore_watch`: globs, or regular expressions: `/.../`, or what only one of these can be.
fn ignored(app: &mut AppFields<'_>) -> Vec<Ignore> {
    const WHAT: &str = "a glob or a regular expression";
    let Some(field) = app.get("ignore_watch") else { return Vec::new() };
    let mut words = Vec::new();
    if let Value::List(nodes) = &field.node.value {
        for node in nodes {
            let word = text(app, Field { key: field.key, node }, WHAT);
            words.extend(word.map(|word| (word, node.at)));
        }
    } else {
        words.extend(app.words("ignore_watch").into_iter().map(|word| (word, field.node.at)));
    }
    let mut rules = Vec::new();
    for (word, at) in words {
        let rule = rule(&word);
        match check_ignore(&rule) {
            Ok(()) => rules.push(rule),
            Err(error) => app.findings.add(Finding::error(at, error.to_string())),
        }
    }
    rules
}

/// PM2's manual shows regular expressions as strings, and JavaScript configs hold real ones.
fn rule(word: &ByteString) -> Ignore {
    let text = word.display();
    let slashed = text.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    if let Some((inner, flags)) = slashed
        && matches!(flags, "" | "i")
        && !inner.is_empty()
        && !Path::new(&*text).exists()
    {
        let caseless = if flags == "i" { "(?i)" } else { "" };
        // What JavaScript must escape there.
        return Ignore::Regex(format!("{caseless}{}", inner.replace(r"\/", "/")));
    }
    let looks_regular = text.contains('\\') || text.starts_with('^') || text.ends_with('$');
    if looks_regular { Ignore::Regex(text.into_owned()) } else { Ignore::Glob(word.clone()) }
}

struct Options {
    poll: Option<Span>,
    follow_links: bool,
}

/// `watch_options`: those of chokidar that mean something here.
fn options(app: &mut AppFields<'_>, ignore: &mut Vec<Ignore>) -> Options {
    let mut options = Options { poll: None, follow_links: true };
    let Some(field) = app.get("watch_options") else { return options };
    let Value::Table(entries) = &field.node.value else {
        app.refuse::<()>(field, "an object such as { usePolling: true, interval: 1000 }");
        return options;
    };
    let (mut polls, mut interval) = (false, POLL);
    for entry in entries {
        let key = entry.key.as_str();
        match (key, &entry.node.value) {
            ("usePolling", Value::Bool(on)) => polls = *on,
            ("followSymlinks", Value::Bool(on)) => options.follow_links = *on,
            ("interval", value) if let Some(word) = value.as_word() => {
                match Span::parse(&word.display()) {
                    Ok(span) => interval = span.max(POLL_LEAST),
                    Err(error) => app.error(entry.node.at, format!("`interval`: {error}")),
                }
            }
            ("ignored", Value::Text(text)) => ignore.push(rule(text)),
            ("ignored", Value::List(nodes)) => {
                ignore.extend(nodes.iter().filter_map(|node| node.value.as_text()).map(rule));
            }
            ("usePolling" | "followSymlinks", _) => wrong(app, entry, "true or false"),
            ("interval", _) => wrong(app, entry, "milliseconds"),
            // What is so anyway.
            ("persistent" | "ignoreInitial", Value::Bool(true)) | (_, Value::Null) => {}
            _ => {
                let message = format!("{} in `watch_options` has no effect", quoted(key));
                app.warn(entry.at, message);
            }
        }
    }
    options.poll = polls.then_some(interval);
    options
}

fn wrong(app: &mut AppFields<'_>, entry: &TableEntry, what: &str) {
    app.refuse::<()>(Field::of(entry), what);
}
