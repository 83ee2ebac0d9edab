//! `pm web alert`: what is told when something goes wrong, and to whom. The file is changed here; a panel that runs is told.

use std::io::{self, IsTerminal};

use pm_spec::{AlertChannel, ChannelKind};
use pm_web::{AlertError, AlertSettings, SendError, send_test};
use serde_json::Value;

use super::control::changed;
use super::users::{asked, blindly, line};
use crate::cli::{WebAlertVerb, WebChannelArgs};
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};

pub(super) fn run(session: &Session, verb: WebAlertVerb) -> Result<Report, Failure> {
    launch::prepare(&session.home)?;
    let root = session.home.root();
    let text = match verb {
        WebAlertVerb::List => return list(session),
        WebAlertVerb::Test { name } => return tested(session, &name),
        WebAlertVerb::Set { key, value } => {
            AlertSettings::change(root, |settings| settings.set(&key, &value)).map_err(failed)?;
            changed(session, &["alert", "set", &key, &value]);
            format!("{key}: {value}")
        }
        WebAlertVerb::Add(args) => {
            let channel = channel(args)?;
            let (name, kind) = (channel.name.clone(), channel.kind.name());
            AlertSettings::change(root, |settings| settings.add(channel)).map_err(failed)?;
            changed(session, &["alert", "add", &name, &format!("--kind={kind}")]);
            format!("{name} is told; `pm web alert test {name}` tries it")
        }
        WebAlertVerb::Remove { name } => {
            AlertSettings::change(root, |settings| settings.remove(&name)).map_err(failed)?;
            changed(session, &["alert", "remove", &name]);
            format!("{name} is no longer told")
        }
    };
    Ok(Report::said(session.console, "alert", &text))
}

#[expect(clippy::needless_pass_by_value, reason = "as an error is given to be changed")]
fn failed(error: AlertError) -> Failure {
    let exit = if matches!(error, AlertError::File { .. }) { Exit::Failed } else { Exit::Input };
    Failure::could_not(exit, &error)
}

/// What is typed, and asked for: an address and a secret stand in no command line.
fn channel(args: WebChannelArgs) -> Result<AlertChannel, Failure> {
    let WebChannelArgs { name, kind, chat, user, from, to } = args;
    let kind = ChannelKind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = kind.ok_or_else(|| Failure::input("there is no such kind of channel"))?;
    let input = io::stdin();
    let (url, secret) = if input.is_terminal() {
        blindly(&input, || Ok((asked("address: ")?, asked("secret (empty: none): ")?)))?
    } else {
        (line()?, line()?)
    };
    let url = if url.is_empty() { kind.usual_url() } else { url.trim() }.to_owned();
    Ok(AlertChannel { name, kind, url, secret, chat, user, from, to })
}

fn list(session: &Session) -> Result<Report, Failure> {
    let view = AlertSettings::open(session.home.root()).map_err(failed)?.view();
    Ok(Report::new(session.console, || shown(&view), || view.clone()))
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn each<'v>(view: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    view[name].as_array().into_iter().flatten()
}

fn keys(view: &Value) -> String {
    let key = |pair: &Value| {
        let value = word(&pair[1]);
        format!("{:12} {}\n", word(&pair[0]), if value.is_empty() { "all" } else { value })
    };
    each(view, "keys").map(key).collect()
}

fn channels(view: &Value) -> String {
    let channel = |one: &Value| {
        let (name, kind) = (word(&one["name"]), word(&one["kind"]));
        let line = format!("{name:16} {kind:9} {} {}", word(&one["place"]), word(&one["to"]));
        line.trim_end().to_owned() + "\n"
    };
    each(view, "channels").map(channel).collect()
}

fn shown(view: &Value) -> String {
    let mut text = keys(view) + "\n" + &channels(view);
    let is_nobody = |view: &Value| each(view, "channels").next().is_none();
    if is_nobody(view) && each(view, "files").all(is_nobody) {
        text += "nobody is told; `pm web alert add NAME --kind KIND`\n";
    }
    for one in each(view, "files") {
        let apps: Vec<_> = each(one, "apps").map(word).collect();
        let head = format!("\nof {}, for {}\n", word(&one["file"]), apps.join(", "));
        text += &(head + &keys(one) + &channels(one));
    }
    text
}

fn tested(session: &Session, name: &str) -> Result<Report, Failure> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match send_test(session.home.root(), name, &host).map_err(failed)? {
        Ok(()) => Ok(Report::said(session.console, "alert", &format!("{name} has taken it"))),
        Err(error @ SendError::NoCurl) => Err(Failure::could_not(Exit::Failed, &error)),
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)
            .hint(format!("`pm web alert add {name} ...` sets its address and secret anew"))),
    }
}
