//! `pm report`: what somebody needs who is asked why pm behaves as it does: versions, paths, limits, apps, the end of the
//! daemon's log. Variables that look like secrets are masked; nothing is sent anywhere.

use std::fmt::Write as _;
use std::path::Path;

use pm_client::{Colours, plain};
use pm_logs::{LineQuery, LineTimes};
use pm_protocol::{Host, List, Listing, Ping};
use pm_spec::looks_secret;
use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};

use crate::commands::support::{last_words, orphans, resend};
use crate::launch;
use crate::prelude::{Failure, Report, Session, quick};

/// So many of the last lines of the daemon's log are shown.
const LINES: usize = 20;

/// Variables that change what pm does, by name or by how they begin.
const TELLING: [&str; 12] = [
    "PM_",
    "PM2_",
    "PATH",
    "SHELL",
    "TERM",
    "LANG",
    "LC_ALL",
    "TZ",
    "NO_COLOR",
    "XDG_RUNTIME_DIR",
    "NODE_",
    "HOME",
];

/// `pm report`; it starts no daemon.
pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let (daemon, listing) = running(session)?;
    let apps: Vec<Value> = listing.rows.iter().map(row).collect();
    let json = json!({
        "pm": {
            "version": env!("CARGO_PKG_VERSION"),
            "program": launch::own_program()?.display().to_string(),
            "uid": rustix::process::geteuid().as_raw(),
        },
        "daemon": daemon,
        "home": home(session),
        "machine": machine(listing.host.as_ref()),
        "environment": environment(),
        "apps": apps,
        "log": diary(&session.home.diary()),
    });
    Ok(Report::new(session.console, || text(&json), || json.clone()))
}

/// The daemon and its list; both empty if none runs.
fn running(session: &Session) -> Result<(Value, Listing), Failure> {
    let Some(mut client) = session.find()? else {
        return Ok((
            Value::Null,
            Listing { rows: Vec::new(), now: resend::now(), host: None, warning: None },
        ));
    };
    let pong = quick(&mut client, &Ping {})?;
    let hello = client.peer().cloned();
    let daemon = json!({
        "pid": pong.pid,
        "version": pong.version,
        "seconds": pong.uptime / 1000,
        "guardian": hello.as_ref().map(|hello| hello.guardian),
        "incarnation": hello.as_ref().map(|hello| hello.incarnation),
    });
    let list = List { select: Vec::new(), usage: true, host: true };
    Ok((daemon, quick(&mut client, &list)?))
}

fn row(row: &pm_protocol::Row) -> Value {
    json!({
        "id": row.id, "name": row.name, "status": row.status.as_str(), "pid": row.pid,
        "restarts": row.restarts, "memory": row.usage.memory, "note": row.note,
    })
}

fn home(session: &Session) -> Value {
    let home = &session.home;
    let size = |path: &Path| std::fs::metadata(path).ok().map(|meta| meta.len());
    json!({
        "folder": home.root().display().to_string(),
        "socket": home.socket().display().to_string(),
        "logs": home.logs().display().to_string(),
        "daemon log": home.diary().display().to_string(),
        "bytes of the saved list": size(&home.saved()),
        "bytes of the journal": size(&home.journal()),
        "logs of deleted apps": orphans::find(session).ok().map(|all| orphans::amount(&all)),
    })
}

fn machine(host: Option<&Host>) -> Value {
    let system = rustix::system::uname();
    let files = getrlimit(Resource::Nofile);
    let processes = getrlimit(Resource::Nproc);
    json!({
        "kernel": format!(
            "{} {} {}",
            system.sysname().to_string_lossy(),
            system.release().to_string_lossy(),
            system.machine().to_string_lossy()
        ),
        "cores": host.map(|host| host.cores),
        "load": host.map(|host| host.load),
        "memory used": host.map(|host| host.memory_used),
        "memory": host.map(|host| host.memory_total),
        "disk used": host.map(|host| host.disk_used),
        "disk": host.map(|host| host.disk_total),
        "open files allowed": files.current,
        "processes allowed": processes.current,
    })
}

fn environment() -> Value {
    let is_telling = |name: &str| {
        TELLING.iter().any(|known| match known.strip_suffix('_') {
            Some(_) => name.starts_with(known),
            None => name == *known,
        })
    };
    let shown = std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|name| is_telling(name))?;
        let value =
            if looks_secret(&name) { "***".into() } else { value.to_string_lossy().into_owned() };
        Some((name, Value::from(value)))
    });
    Value::Object(shown.collect())
}

/// The last lines the daemon and its guardian wrote about themselves.
fn diary(file: &Path) -> Vec<String> {
    let want = LineQuery { last: Some(LINES), ..LineQuery::default() };
    let last = last_words::lines_of(file, LineTimes::Unknown, want);
    last.iter().map(|line| plain(line, Colours::Drop).into_owned()).collect()
}

/// Sections of `name: value`.
fn text(report: &Value) -> String {
    let mut text = String::new();
    for section in ["pm", "daemon", "home", "machine", "environment"] {
        head(&mut text, section);
        let Some(fields) = report[section].as_object() else {
            line(&mut text, "none runs");
            continue;
        };
        for (name, value) in fields {
            line(&mut text, &format!("{name}: {}", shown(value)));
        }
    }
    head(&mut text, "apps");
    for app in report["apps"].as_array().into_iter().flatten() {
        let note = app["note"].as_str().map(|note| format!(", {note}")).unwrap_or_default();
        line(
            &mut text,
            &format!(
                "{} {}: {}, pid {}, {} restarts, {} bytes{note}",
                app["id"],
                shown(&app["name"]),
                shown(&app["status"]),
                app["pid"],
                app["restarts"],
                app["memory"]
            ),
        );
    }
    head(&mut text, "log");
    for told in report["log"].as_array().into_iter().flatten() {
        line(&mut text, &shown(told));
    }
    text
}

fn head(text: &mut String, section: &str) {
    // Writing to a text can't fail.
    writeln!(text, "--- {section}").unwrap_or_default();
}

fn line(text: &mut String, told: &str) {
    writeln!(text, "{told}").unwrap_or_default();
}

/// A value of others, fit to be shown.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text.as_bytes(), Colours::Drop).into_owned(),
        Value::Null => "unknown".into(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}
