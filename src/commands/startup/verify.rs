//! `pm startup --verify`: a rehearsal. Nothing is started; every file a boot needs is looked at with the rights it will
//! be used with, and what will be different from this shell is said.

mod look;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pm_config::path_of;
use pm_os::user::{self, Account};
use pm_spec::{AppSpec, ByteString, Environment, Identifier};

use super::suspicion::changeable;
use crate::boot::{Platform, Unit};
use crate::called::{self, as_called};
use crate::commands::daemon;
use crate::commands::support::listing;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::json::value;
use crate::render::rehearsal::{self, BootFate, Rehearsal, Rehearsed};
use crate::session::environment;

use look::{AccessMode, access, executable, shebang};

/// Variables that every shell has and no app cares about.
const IDLE: [&str; 8] = ["_", "SHLVL", "PWD", "OLDPWD", "TERM", "COLUMNS", "LINES", "LS_COLORS"];

/// Folders that a boot empties.
const GONE: [&str; 4] = ["/run", "/var/run", "/dev/shm", "/proc"];

/// Folders that many machines empty.
const SWEPT: [&str; 1] = ["/tmp"];

/// Rehearses the boot of this unit.
pub(super) fn verify(session: &Session, unit: &Unit) -> Result<Report, Failure> {
    let saved = daemon::saved(&unit.home)?;
    let runner =
        user::find(&unit.user).map_err(|error| Failure::could_not(Exit::Failed, &error))?;
    let shell = environment();
    let mut rehearsal = Rehearsal::default();
    rehearsal.warnings.extend(saved.warning);
    installed(unit, &mut rehearsal);
    for (app, fate) in &saved.apps {
        let is_wanted = *fate == BootFate::Starts;
        let name = app.name.to_string();
        let mut rehearsed = Rehearsed { name, is_wanted, fate: *fate, ..Rehearsed::default() };
        if matches!(fate, BootFate::Starts | BootFate::Waits) {
            files(app, &runner, &mut rehearsed);
        }
        variables(app, &shell, &mut rehearsed);
        rehearsal.apps.push(rehearsed);
    }
    let names: BTreeSet<_> = saved.apps.iter().map(|(app, _)| app.name.as_str()).collect();
    if unit.home == session.home.root()
        && let Some(mut client) = session.find()?
    {
        let mut unsaved: BTreeSet<_> =
            listing::rows(&mut client)?.into_iter().map(|row| row.name).collect();
        unsaved.retain(|name| !names.contains(name.as_str()));
        let program = called::name();
        rehearsal.warnings.extend(
            unsaved
                .into_iter()
                .map(|name| format!("{name} is not on the saved list: `{program} save`")),
        );
    }
    let text = || rehearsal::rehearsal(&rehearsal, session.console.look);
    let report = Report::new(session.console, text, || value(&rehearsal));
    Ok(report.ending((!rehearsal.is_well()).then_some(Exit::Failed)))
}

/// Whether something starts the list at all.
fn installed(unit: &Unit, rehearsal: &mut Rehearsal) {
    let own = Unit { platform: Platform::SystemdUser, service: "pm".into(), ..unit.clone() };
    let there = [unit, &own].into_iter().find(|unit| unit.path().exists());
    let Some(there) = there else {
        rehearsal
            .problems
            .push(as_called("no service starts the saved list at boot: `pm startup`"));
        return;
    };
    let (path, program) = (there.path(), called::name());
    let text = fs::read_to_string(&path).unwrap_or_default();
    if !text.contains(&*there.home.to_string_lossy()) {
        rehearsal
            .problems
            .push(format!("{} is about another home: `{program} startup`", path.display()));
    } else if text != there.text() && text != (Unit { wait_ip: true, ..there.clone() }).text() {
        let shown = path.display();
        rehearsal.warnings.push(format!("{shown} is not what `{program} startup` would write now"));
    }
}

/// Everything that must be there.
fn files(app: &AppSpec, runner: &Account, found: &mut Rehearsed) {
    let who = match app.user.as_ref().and_then(|choice| choice.uid.as_ref()) {
        None => Ok(runner.clone()),
        Some(Identifier::Number(uid)) => user::by_number(*uid),
        Some(Identifier::Name(name)) => user::find(&name.display()),
    };
    let who = match who {
        Ok(who) => who,
        Err(error) => return found.problems.push(format!("could not {error}")),
    };
    if app.user.is_some() && runner.uid != 0 && who.uid != runner.uid {
        found.problems.push(format!("{} may not start it as {}", runner.name, who.name));
    }
    let cwd = path_of(&app.cwd);
    found
        .problems
        .extend(access(cwd, &who, AccessMode::Enter).map(|why| format!("its folder {why}")));
    let search = app.env.get("PATH").map(ByteString::as_bytes).unwrap_or_default();
    let program = app.interpreter.as_ref().unwrap_or(&app.script);
    let program = match executable(path_of(program), cwd, search, &who) {
        Ok(program) => program,
        Err(why) => return found.problems.push(why),
    };
    let mut used = vec![cwd.to_path_buf(), program.clone()];
    if app.interpreter.is_some() {
        let script = cwd.join(path_of(&app.script));
        found
            .problems
            .extend(access(&script, &who, AccessMode::Read).map(|why| format!("script {why}")));
        used.push(script);
    } else if let Some(interpreter) = shebang(&program) {
        found.problems.extend(executable(&interpreter, cwd, search, &who).err());
        used.push(interpreter);
    }
    lasting(&used, found);
    if who.uid == 0 {
        let others = used.iter().skip(1).filter_map(|file| Some((file, changeable(file)?)));
        let told = others.map(|(file, why)| {
            format!("root would run {}, which others can change: {why}", file.display())
        });
        found.warnings.extend(told);
    }
}

/// Files in folders that do not outlive a boot. Of a folder and a file in it the file says it all.
fn lasting(used: &[PathBuf], found: &mut Rehearsed) {
    let holds = |folder: &PathBuf| used.iter().any(|it| it != folder && it.starts_with(folder));
    let used: BTreeSet<_> = used.iter().filter(|file| !holds(file)).collect();
    let below = |file: &PathBuf, folders: &[&str]| folders.iter().any(|at| file.starts_with(at));
    let gone = used.iter().filter(|file| below(file, &GONE));
    found.problems.extend(gone.map(|file| format!("{} is gone after a boot", file.display())));
    let swept = used.iter().filter(|file| below(file, &SWEPT));
    let told = |file: &&PathBuf| format!("{} may be gone after a boot", file.display());
    found.warnings.extend(swept.map(told));
}

/// What a boot gives it otherwise than this shell would. Values may be secrets, so only names are shown; of PATH, its
/// folders.
fn variables(app: &AppSpec, shell: &Environment, found: &mut Rehearsed) {
    let declared =
        |name: &str| app.declared_env.iter().any(|one| one.as_bytes() == name.as_bytes());
    // Its own venv is entered for it, whatever the shell is in.
    let venv = app.venv().map(|(venv, _)| path_of(venv).join("bin"));
    let entered = |name: &str| match name {
        "VIRTUAL_ENV" => venv.is_some(),
        "PYTHONUNBUFFERED" => shell.get(name).is_none(),
        _ => false,
    };
    let counts =
        |name: &str| !IDLE.contains(&name) && !declared(name) && name != "PATH" && !entered(name);
    let names = shell.iter().chain(app.env.iter()).map(|(name, _)| name);
    let differ = |name: &&str| counts(name) && shell.get(name) != app.env.get(name);
    let differing: BTreeSet<_> = names.filter(differ).collect();
    if !differing.is_empty() {
        let differing = differing.into_iter().collect::<Vec<_>>().join(", ");
        found.notes.push(format!("other values than in this shell: {differing}"));
    }
    let folders = |env: &Environment| -> Vec<PathBuf> {
        let value = env.get("PATH").map(ByteString::as_bytes).unwrap_or_default();
        std::env::split_paths(OsStr::from_bytes(value)).collect()
    };
    let (mut saved, here) = (folders(&app.env), folders(shell));
    if venv.is_some() && saved.first() == venv.as_ref() {
        saved.remove(0);
    }
    let only = |these: &[PathBuf], those: &[PathBuf]| {
        let names: BTreeSet<_> = these.iter().filter(|one| !those.contains(one)).collect();
        names.into_iter().map(|one| one.display().to_string()).collect::<Vec<_>>().join(":")
    };
    for (text, list) in [
        ("only in this shell's PATH", only(&here, &saved)),
        ("only in its own PATH", only(&saved, &here)),
    ] {
        if !list.is_empty() {
            found.notes.push(format!("{text}: {list}"));
        }
    }
    let missing = saved
        .iter()
        .filter(|folder| GONE.iter().any(|gone| folder.starts_with(gone)) || !folder.exists());
    let missing: BTreeSet<_> = missing.map(|folder| folder.display().to_string()).collect();
    if !missing.is_empty() {
        let missing = missing.into_iter().collect::<Vec<_>>().join(":");
        found.notes.push(format!("not there at boot, of its PATH: {missing}"));
    }
    let sessions = app.env.iter().filter(|(_, value)| {
        let path = path_of(value);
        path.starts_with("/run/user") || path.starts_with("/tmp/ssh-")
    });
    let sessions: Vec<_> = sessions.map(|(name, _)| name).collect();
    if !sessions.is_empty() {
        let names = sessions.join(", ");
        found.warnings.push(format!("{names}: of a session, which is over at boot"));
    }
}
