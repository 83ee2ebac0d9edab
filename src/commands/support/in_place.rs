//! A command here at this terminal as an instance would be run: in its folder, with its variables, as its user. It takes our place, so that
//! its terminal, signals and exit code are nobody's in between.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use pm_config::path_of;
use pm_os::user::{self, Account, UserError};
use pm_spec::{AppSpec, ByteString, Identifier};
use rustix::fs::Mode;

use crate::cli::CommandFlags;
use crate::failure::Exit;
use crate::prelude::{Failure, Report, Session};
use crate::report::ReportExit;

/// What a shell ends with when there is no such program, or it can't be begun (Docker: the same).
const NOT_FOUND: u8 = 127;
const NOT_BEGUN: u8 = 126;

/// Whose place a command takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InstancePlace<'a> {
    pub(crate) app: &'a AppSpec,
    /// Which instance.
    pub(crate) slot: u16,
    /// The process whose variables nobody else knows: those that a command printed, and where its secrets are.
    pub(crate) pid: Option<u32>,
}

/// Becomes the command; returns only if that could not be.
pub(crate) fn run(
    session: &Session,
    place: InstancePlace<'_>,
    (words, how): (&[OsString], &CommandFlags),
) -> Result<Report, Failure> {
    let Some((program, args)) = words.split_first() else {
        return Err(Failure::input("there is no command to run"));
    };
    let app = place.app;
    let folder = path_of(&app.cwd).join(how.workdir.as_deref().unwrap_or_default());
    if !folder.is_dir() {
        return Err(Failure::failed(format!("there is no folder {}", folder.display())));
    }
    let mut env = variables(session, place)?;
    let account = account(app, how)?;
    if let Some((account, _)) = &account {
        let home = ByteString::from(account.home.as_os_str().as_bytes());
        env.insert("HOME".into(), home.as_bytes().to_vec());
        for name in ["USER", "LOGNAME"] {
            env.insert(name.into(), account.name.clone().into_bytes());
        }
    }
    for word in &how.env {
        let (name, value) = given(word);
        match value {
            Some(value) => env.insert(name.into(), value.into_vec()),
            None => env.remove(name),
        };
    }
    let mut command = Command::new(program);
    command.args(args).current_dir(&folder).env_clear();
    command.envs(env.into_iter().map(|(name, value)| (name, OsString::from_vec(value))));
    if let Some(umask) = app.umask {
        rustix::process::umask(Mode::from_bits_truncate(umask));
    }
    if let Some((account, group)) = account {
        let taken = account.credentials(group).take();
        taken.map_err(|error| {
            let failure = Failure::failed(format!("could not become {}: {error}", account.name));
            failure.hint("only root becomes somebody else")
        })?;
    }
    Ok(not_begun(program, &command.exec()))
}

/// Becomes the engine's client, which is our own user's.
pub(crate) fn run_engine(engine: &ByteString, env: Option<&AppSpec>, args: &[OsString]) -> Report {
    let mut command = Command::new(path_of(engine));
    command.args(args);
    if let Some(app) = env {
        let own = app.env.iter().map(|(name, value)| (name, OsStr::from_bytes(value.as_bytes())));
        command.envs(own);
    }
    not_begun(path_of(engine).as_os_str(), &command.exec())
}

fn not_begun(program: &OsStr, error: &io::Error) -> Report {
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let code = if is_missing { NOT_FOUND } else { NOT_BEGUN };
    let failure = Failure::new(
        Exit::Failed,
        format!("could not run {}: {error}", Path::new(program).display()),
    );
    Report { aside: failure.to_string(), ending: ReportExit::App(code), ..Report::default() }
}

/// `NAME=VALUE`, or NAME with the value it has here.
pub(crate) fn given(word: &str) -> (&str, Option<OsString>) {
    match word.split_once('=') {
        Some((name, value)) => (name, Some(value.into())),
        None => (word, std::env::var_os(word)),
    }
}

/// Those of the app, and what is added for each instance.
fn variables(
    session: &Session,
    place: InstancePlace<'_>,
) -> Result<BTreeMap<String, Vec<u8>>, Failure> {
    let app = place.app;
    let own = app.env.iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let mut env: BTreeMap<String, Vec<u8>> = own.collect();
    let root = session.home.root().as_os_str().as_bytes().to_vec();
    env.insert("PM2_HOME".into(), root.clone());
    if !session.home.is_pm2() {
        env.insert("PM_HOME".into(), root);
    }
    for (name, value) in [("name", &app.name), ("namespace", &app.namespace)] {
        env.insert(name.into(), value.as_str().into());
    }
    env.insert(app.instance_var.display().into_owned(), place.slot.to_string().into_bytes());
    if let Some((name, value)) = app.counted(place.slot) {
        env.insert(name, value.to_string().into_bytes());
    }
    for (name, path) in &app.secret_files {
        let read = fs::read(path_of(path)).map_err(|error| {
            let path = path.display();
            Failure::failed(format!("could not read the secret `{name}` from {path}: {error}"))
        })?;
        let end = if read.ends_with(b"\r\n") { 2 } else { usize::from(read.ends_with(b"\n")) };
        env.insert(name.clone(), read[..read.len() - end].to_vec());
    }
    let block = place.pid.and_then(|pid| fs::read(format!("/proc/{pid}/environ")).ok());
    for entry in block.unwrap_or_default().split(|byte| *byte == 0) {
        let Some(at) = entry.iter().position(|byte| *byte == b'=') else { continue };
        let name = String::from_utf8_lossy(&entry[..at]).into_owned();
        let is_folder = !app.secrets.is_empty() && name == "CREDENTIALS_DIRECTORY";
        if is_folder || app.secret_commands.contains_key(&name) {
            env.insert(name, entry[at + 1..].to_vec());
        }
    }
    Ok(env)
}

/// Whom it runs as, with the group that was asked for; `None`: as we do.
fn account(app: &AppSpec, how: &CommandFlags) -> Result<Option<(Account, Option<u32>)>, Failure> {
    let failed = |error: UserError| Failure::could_not(Exit::Failed, &error);
    let find = |who: &str| {
        let number = who.parse::<u32>().ok();
        number.map_or_else(|| user::find(who), user::by_number).map_err(failed)
    };
    let number = |who: &str| match who.parse::<u32>() {
        Ok(number) => Ok(number),
        Err(_) => user::find_group(who).map_err(failed),
    };
    if let Some(word) = &how.user {
        let (user, group) = word.split_once(':').map_or((&**word, None), |(a, b)| (a, Some(b)));
        return Ok(Some((find(user)?, group.map(number).transpose()?)));
    }
    let Some(choice) = &app.user else { return Ok(None) };
    let text = Identifier::to_string;
    let ours = rustix::process::geteuid().as_raw().to_string();
    let mut account = find(&choice.uid.as_ref().map_or(ours, text))?;
    for group in &choice.groups {
        account.groups.push(number(&text(group))?);
    }
    let group = choice.gid.as_ref().map(|group| number(&text(group))).transpose()?;
    Ok(Some((account, group)))
}
