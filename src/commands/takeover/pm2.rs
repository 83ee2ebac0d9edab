//! The daemon of a real PM2: found by its home, spoken to over its socket.

use std::io;
use std::path::PathBuf;
use std::slice;

use pm_client::{Deadline, pause};
use pm_config::Caller;
use pm_pm2::{LivePm2, Pm2CallError, dump};
use pm_protocol::Existing;
use pm_spec::Span;
use serde_json::{Value, json};

use super::former::{AGAIN, Candidate, Former, LOOK_THERE, ThereProcess, patience};
use super::moving::lasting;
use crate::cli::FormerKind;
use crate::commands::support::settings;
use crate::commands::support::targets::unusable;
use crate::failure::chain;
use crate::prelude::{Failure, Session};

/// What a program may need that says nothing about it: PM2's `kill_timeout` and `listen_timeout` are shorter.
const USUAL: u64 = 10_000;

/// A PM2 that answers.
pub(super) struct RunningPm2 {
    home: PathBuf,
    live: LivePm2,
}

impl RunningPm2 {
    /// That of `PM2_HOME`, or of `~/.pm2`.
    pub(super) fn find(session: &Session, home: Option<PathBuf>) -> Result<Self, Failure> {
        let named = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let own = || Some(PathBuf::from(named("HOME")?).join(".pm2"));
        let home = home.or_else(|| named("PM2_HOME").map(PathBuf::from)).or_else(own);
        let home = home.ok_or_else(|| {
            Failure::input("could not find PM2's home: neither PM2_HOME nor HOME is set")
        })?;
        let home = lasting(&home);
        if lasting(session.home.root()) == home {
            let message = format!(
                "could not take over from PM2 in {}: it is our own home as well",
                home.display()
            );
            return Err(Failure::input(message).hint(
                "`PM_HOME=~/.pm pm takeover pm2` moves its apps into another home; to stay in this one: PM2's `pm2 save` \
                 and `pm2 kill`, then `pm resurrect`",
            ));
        }
        let found = Self { live: LivePm2::at(&home), home };
        found.call("getVersion", &[json!({})], Span::ZERO)?;
        Ok(found)
    }

    /// Without a time of its own it has to answer at once.
    fn call(&self, method: &str, args: &[Value], own: Span) -> Result<Value, Failure> {
        let limit = if own == Span::ZERO { LOOK_THERE } else { patience(own) };
        self.live.call(method, args, limit).map_err(|error| self.explained(method, &error))
    }

    fn explained(&self, method: &str, error: &Pm2CallError) -> Failure {
        let socket = self.live.socket().display();
        if let Pm2CallError::Refused(why) = error {
            return Failure::failed(format!("could not have PM2 do {method}: {why}"));
        }
        let told = chain(error);
        let failure =
            Failure::failed(format!("could not take over from PM2 at {socket}: could not {told}"));
        match error {
            Pm2CallError::Connect(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                failure.hint("become the user whose PM2 it is")
            }
            Pm2CallError::Connect(_) => failure.hint(
                "does PM2 run, and with this PM2_HOME? Apps that outlived it belong to nobody, and nobody can take them over \
                 without a restart: end them, then start them here",
            ),
            Pm2CallError::Late(_) => {
                failure.hint("it hangs; if its apps have to move anyway: end it, then `pm start` their files")
            }
            Pm2CallError::Io(_) | Pm2CallError::Strange | Pm2CallError::Refused(_) => failure,
        }
    }

    fn list(&self) -> Result<Vec<Value>, Failure> {
        match self.call("getMonitorData", &[json!({})], Span::ZERO)? {
            Value::Array(list) => Ok(list),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => Err(self.explained("getMonitorData", &Pm2CallError::Strange)),
        }
    }

    /// The entries of one app, by its name, which `ThereProcess` keeps: numbers are others in PM2's next life. While PM2 stops
    /// one it can't start it, so this waits for its end.
    fn entries(&self, one: &ThereProcess) -> Result<Vec<Value>, Failure> {
        let is_one = |entry: &Value| key(entry) == one.name;
        let deadline = Deadline::after(patience(one.takes));
        loop {
            let own: Vec<_> = self.list()?.into_iter().filter(is_one).collect();
            if own.is_empty() {
                return Err(Failure::failed(format!("could not find {} in PM2", one.name)));
            }
            if !own.iter().any(|entry| status(entry) == "stopping") {
                return Ok(own);
            }
            if deadline.is_over() {
                let why = format!("could not stop {} in PM2: it is still stopping", one.name);
                return Err(Failure::failed(why));
            }
            pause(AGAIN, deadline);
        }
    }
}

impl Former for RunningPm2 {
    fn kind(&self) -> FormerKind {
        FormerKind::Pm2
    }

    fn place(&self) -> PathBuf {
        self.home.clone()
    }

    fn programs(&mut self, session: &Session) -> Result<Vec<Candidate>, Failure> {
        let caller = session.caller()?;
        let mut all: Vec<(String, Vec<Value>)> = Vec::new();
        for entry in self.list()? {
            let key = key(&entry);
            match all.iter_mut().find(|(known, _)| *known == key) {
                Some((_, entries)) => entries.push(entry),
                None => all.push((key, vec![entry])),
            }
        }
        Ok(all.iter().map(|(key, entries)| candidate(session, &caller, (key, entries))).collect())
    }

    fn stop(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        for entry in self.entries(one)? {
            let id = &entry["pm_id"];
            if is_set(&entry["pm2_env"]["watch"]) {
                // A file that changes would start it there again.
                self.call("stopWatch", &[json!("stopProcessId"), id.clone()], Span::ZERO)?;
            }
            if status(&entry) == "stopped" {
                continue;
            }
            let done = self.call("stopProcessId", slice::from_ref(id), one.takes)?;
            // What it can't kill PM2 gives up, and lets it run.
            if is_up(&entry) && status(&done) == "errored" {
                return Err(Failure::failed(format!("could not stop {} in PM2", one.name)));
            }
        }
        Ok(())
    }

    fn start(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        for entry in self.entries(one)? {
            let id = &entry["pm_id"];
            if one.watched {
                let what = json!("restartProcessId");
                self.call("startWatch", &[what, json!({ "id": id })], Span::ZERO)?;
            }
            if !is_up(&entry) {
                self.call("startProcessId", slice::from_ref(id), one.takes)?;
            }
        }
        Ok(())
    }

    fn farewell(&self) -> Vec<String> {
        vec![
            "pm2 unstartup      # and what it prints; then nothing starts PM2 at boot".into(),
            "pm2 kill".into(),
        ]
    }
}

/// An app's name, with its namespace where it has one of its own.
fn key(entry: &Value) -> String {
    let name = entry["name"].as_str().unwrap_or_default();
    match entry["pm2_env"]["namespace"].as_str() {
        None | Some("default") => name.to_owned(),
        Some(namespace) => format!("{namespace}:{name}"),
    }
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn status(entry: &Value) -> &str {
    entry["pm2_env"]["status"].as_str().unwrap_or("?")
}

fn is_up(entry: &Value) -> bool {
    matches!(status(entry), "online" | "launching" | "waiting restart")
}

fn candidate(session: &Session, caller: &Caller, (key, entries): (&str, &[Value])) -> Candidate {
    let records: Vec<_> = entries.iter().map(|entry| entry["pm2_env"].clone()).collect();
    let first = records.first().unwrap_or(&Value::Null);
    let mut states: Vec<_> = entries.iter().map(status).collect();
    states.dedup();
    let own = |name: &str| first[name].as_u64().unwrap_or(0);
    let takes = own("kill_timeout").max(own("listen_timeout")).max(USUAL);
    let ran = entries.iter().any(is_up);
    let there = ThereProcess {
        name: key.to_owned(),
        ran,
        watched: is_set(&first["watch"]),
        takes: Span::from_millis(takes),
        command: None,
    };
    let mut candidate = Candidate {
        name: first["name"].as_str().unwrap_or(key).to_owned(),
        namespace: first["namespace"].as_str().unwrap_or("default").to_owned(),
        there: vec![there],
        state: states.join(", "),
        apps: Vec::new(),
        notes: Vec::new(),
        stays: None,
        is_here: false,
    };
    if is_set(&first["pmx_module"]) {
        candidate.stays = Some("a module of PM2; what the usual ones do pm does itself".into());
        return candidate;
    }
    if is_set(&first["cron_restart"]) {
        candidate.notes.push(
            "cron_restart: PM2 goes by it for stopped apps as well; `pm2 delete` it there before its next time".into(),
        );
    }
    match dump::rounds(&records, caller) {
        Ok(rounds) => {
            for (mut apps, existing) in rounds {
                settings::lay_over(session, &mut apps);
                let existing =
                    if existing == Existing::Duplicate { existing } else { Existing::Refuse };
                // Those that were stopped by us are to be up.
                let apps = apps.into_iter().map(|mut app| {
                    app.autostart = true;
                    (app, existing)
                });
                candidate.apps.extend(apps);
            }
        }
        Err(diagnosis) => {
            let told = unusable(&diagnosis).details;
            let line = told.lines().next().unwrap_or_default();
            candidate.stays = Some(line.to_owned());
        }
    }
    candidate
}
