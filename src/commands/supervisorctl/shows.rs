//! `status`, `pid`, `tail`, `maintail`, `fg`: what is shown of processes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use pm_client::{Client, Deadline, pause};
use pm_config::path_of;
use pm_protocol::Ping;

use super::processes::{Meant, Supervised, table};
use super::{Controller, EarlyEnd, GENERIC, NOT_RUNNING, STATUS_NOT_RUNNING, STATUS_UNKNOWN, say};
use crate::cli::AttachArgs;
use crate::commands::attach;
use crate::console;
use crate::prelude::{Failure, quick};

/// So many bytes are shown if nobody says how many.
const USUAL: u64 = 1600;
/// So many before what comes.
const BEFORE: u64 = 1024;
/// Between two looks whether a log has grown.
const LOOK: Duration = Duration::from_millis(100);
const FOLLOWS: &str = "==> Press Ctrl-C to exit <==";

impl Controller<'_> {
    pub(super) fn status(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.up(STATUS_UNKNOWN)?;
        let mut all = Self::all(&mut client)?;
        all.sort_by(|a, b| (&a.group, &a.process).cmp(&(&b.group, &b.process)));
        let mut shown: Vec<&Supervised> = Vec::new();
        if names.is_empty() || names.iter().any(|name| name == "all") {
            shown.extend(&all);
        } else {
            for name in names {
                let meant = Meant::read(name);
                let before = shown.len();
                shown.extend(all.iter().filter(|one| one.is_meant(&meant)));
                if shown.len() > before {
                    continue;
                }
                let line = match meant.process {
                    None => format!("{}: ERROR (no such group)", meant.group),
                    Some(_) => format!("{name}: ERROR (no such process)"),
                };
                self.fail(&line, STATUS_UNKNOWN);
            }
        }
        console::show(&table(&shown)).ok();
        if shown.iter().any(|one| one.state.is_stopped()) {
            self.exit = STATUS_NOT_RUNNING;
        }
        Ok(())
    }

    pub(super) fn pid(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.up(NOT_RUNNING)?;
        if names.is_empty() {
            let pid = quick(&mut client, &Ping {})?.pid;
            say(&pid.to_string());
            return Ok(());
        }
        let all = Self::all(&mut client)?;
        if names.iter().any(|name| name == "all") {
            for one in &all {
                say(&one.pid.to_string());
            }
            return Ok(());
        }
        for name in names {
            let Some(one) = named(&all, name) else {
                self.fail(&format!("No such process {name}"), GENERIC);
                continue;
            };
            say(&one.pid.to_string());
            if one.pid == 0 {
                self.exit = NOT_RUNNING;
            }
        }
        Ok(())
    }

    pub(super) fn tail(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.up(NOT_RUNNING)?;
        let (modifier, rest) = split(words);
        let (name, channel) = match rest {
            _ if words.is_empty() => return mistake("Error: too few arguments"),
            _ if words.len() > 3 => return mistake("Error: too many arguments"),
            [] => return mistake("Error: tail requires process name"),
            [name] => (name, "stdout"),
            [name, .., channel] => (name, channel.as_str()),
        };
        let is_error = match channel.to_lowercase().as_str() {
            "stdout" => false,
            "stderr" => true,
            _ => return mistake(&format!("Error: bad channel '{channel}'")),
        };
        let Some(amount) = Amount::read(modifier) else {
            return mistake(&format!("Error: bad argument {}", modifier.unwrap_or_default()));
        };
        let all = Self::all(&mut client)?;
        let Some(one) = named(&all, name) else {
            return mistake(&format!("{name}: ERROR (no such process name)"));
        };
        let path = if is_error { &one.error } else { &one.out };
        Self::shown_end(path.as_ref().map(path_of), name, &amount)
    }

    pub(super) fn main_tail(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        let (modifier, rest) = split(words);
        if words.len() > 1 {
            return mistake("Error: too many arguments");
        }
        let amount = Amount::read(modifier).filter(|_| rest.is_empty());
        let Some(amount) = amount else {
            return mistake(&format!("Error: bad argument {}", words.concat()));
        };
        Self::shown_end(Some(&self.session.home.diary()), "supervisord", &amount)
    }

    fn shown_end(path: Option<&Path>, name: &str, amount: &Amount) -> Result<(), EarlyEnd> {
        let Some(path) = path.filter(|path| path.exists()) else {
            return mistake(&format!("{name}: ERROR (no log file)"));
        };
        let failed = |error: std::io::Error| {
            Failure::failed(format!("could not read {}: {error}", path.display()))
        };
        match amount {
            Amount::Last(bytes) => {
                let (text, _) = end_of(path, *bytes).map_err(failed)?;
                say(&String::from_utf8_lossy(&text));
                Ok(())
            }
            Amount::Follows => {
                say(FOLLOWS);
                follow(path).map_err(failed)?;
                Ok(())
            }
        }
    }

    /// Its output, and what is typed goes to it.
    pub(super) fn foreground(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.up(NOT_RUNNING)?;
        let [name] = names else {
            return mistake(if names.is_empty() {
                "ERROR: no process name supplied"
            } else {
                "ERROR: too many process names supplied"
            });
        };
        let all = Self::all(&mut client)?;
        match named(&all, name) {
            None => mistake("ERROR: bad process name supplied"),
            Some(one) if one.state.is_stopped() => mistake("ERROR: process not running"),
            Some(one) => self.attach(client, one.id),
        }
    }

    fn attach(&mut self, client: Client, id: u32) -> Result<(), EarlyEnd> {
        drop(client);
        say(FOLLOWS);
        let args = AttachArgs { app: id.to_string(), separator: None };
        attach::run(self.session, &args)?;
        Ok(())
    }
}

/// What makes no sense as a call.
fn mistake(line: &str) -> Result<(), EarlyEnd> {
    Err(EarlyEnd::new(line, GENERIC))
}

/// How much of a log.
enum Amount {
    Last(u64),
    Follows,
}

impl Amount {
    fn read(modifier: Option<&str>) -> Option<Self> {
        match modifier {
            None => Some(Self::Last(USUAL)),
            Some("-f") => Some(Self::Follows),
            Some(text) => text.strip_prefix('-')?.parse().ok().map(Self::Last),
        }
    }
}

fn split(words: &[String]) -> (Option<&str>, &[String]) {
    match words {
        [first, rest @ ..] if first.starts_with('-') => (Some(first), rest),
        _ => (None, words),
    }
}

/// The one process of this name; a group is none.
fn named<'a>(all: &'a [Supervised], name: &str) -> Option<&'a Supervised> {
    let meant = Meant::read(name);
    meant.process?;
    all.iter().find(|one| one.is_meant(&meant))
}

/// The last bytes of a file, and where it ended then.
fn end_of(path: &Path, bytes: u64) -> std::io::Result<(Vec<u8>, File)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(bytes)))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok((text, file))
}

/// What comes, over rotation, until nobody reads it any more.
fn follow(path: &Path) -> std::io::Result<()> {
    let (text, mut file) = end_of(path, BEFORE)?;
    let mut is_heard = console::show(&String::from_utf8_lossy(&text)).is_ok();
    while is_heard {
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        if !text.is_empty() {
            is_heard = console::show(&String::from_utf8_lossy(&text)).is_ok();
            continue;
        }
        let (own, at) = (file.metadata()?, file.stream_position()?);
        match path.metadata() {
            Ok(meta) if meta.ino() != own.ino() => file = File::open(path)?,
            Ok(_) if own.len() < at => drop(file.seek(SeekFrom::Start(0))?),
            Ok(_) | Err(_) => pause(LOOK, Deadline::NEVER),
        }
    }
    Ok(())
}
