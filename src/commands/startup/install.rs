//! Writes a service file and runs what enables it; and the reverse.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_pm2::shell;

use crate::boot::{MARK, Platform, Unit};
use crate::commands::support::installed::is_installed;
use crate::prelude::{Failure, Session};

/// Exists where systemd runs (`sd_booted(3)`).
const SYSTEMD_RUNS: &str = "/run/systemd/system";

/// Holds a file for each user who lingers (`loginctl(1)`).
const LINGERING: &str = "/var/lib/systemd/linger";

/// What installing writes and runs, a line each; `would` stands before each verb.
pub(super) fn plan(unit: &Unit, would: &str) -> String {
    let path = unit.path();
    let runs = unit.enabling(is_installed);
    let runs = runs.iter().map(|step| format!("\n{would}run {}", line(step)));
    let aside = if is_a_strangers(&path) {
        format!("{would}move {0} to {0}.before-pm\n", path.display())
    } else {
        String::new()
    };
    format!("{aside}{would}write {}{}", path.display(), runs.collect::<String>())
}

/// What removing would run and remove, a line each.
pub(crate) fn undoing(unit: &Unit) -> Result<String, Failure> {
    let path = installed(unit)?;
    let runs = unit.disabling(is_installed);
    let runs = runs.iter().map(|step| format!("would run {}\n", line(step)));
    Ok(format!("{}would remove {}", runs.collect::<String>(), path.display()))
}

/// Its file, which must be there.
fn installed(unit: &Unit) -> Result<PathBuf, Failure> {
    let path = unit.path();
    if path.exists() {
        return Ok(path);
    }
    let message = format!("could not find {}: nothing to remove", path.display());
    Err(Failure::failed(message).hint("--service-name and -u say which one is meant"))
}

/// A step as it is typed.
fn line(step: &[String]) -> String {
    step.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

/// Installs; gives what to say.
pub(super) fn install(session: &Session, unit: &Unit) -> Result<String, Failure> {
    let path = unit.path();
    keep_a_strangers(session, &path)?;
    write(&path, unit).map_err(|error| unwritable(&path, &error))?;
    for step in unit.enabling(is_installed) {
        perform(session, unit, &step)?;
    }
    Ok(format!(
        "wrote and enabled {}: at boot it starts the saved list of {}",
        path.display(),
        unit.home.display()
    ))
}

/// Removes; gives what to say.
pub(crate) fn remove(session: &Session, unit: &Unit) -> Result<String, Failure> {
    let path = installed(unit)?;
    for step in unit.disabling(is_installed) {
        // What is not enabled need not be disabled; the file is what counts.
        if let Err(failure) = perform(session, unit, &step) {
            session.console.talk(&format!("warning: {}", failure.message));
        }
    }
    fs::remove_file(&path).map_err(|error| unwritable(&path, &error))?;
    for step in unit.enabling(is_installed) {
        if step.iter().any(|word| word == "daemon-reload") {
            perform(session, unit, &step)?;
        }
    }
    if unit.platform == Platform::SystemdUser {
        let user = &unit.user;
        session.console.talk(&format!(
            "lingering was left on; where nothing else needs it: loginctl disable-linger {user}"
        ));
    }
    Ok(format!("disabled and removed {}; what runs goes on running", path.display()))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("could not write {}: {error}", path.display()))
}

/// Whether there is a file of that name that we did not write.
fn is_a_strangers(path: &Path) -> bool {
    fs::read(path).is_ok_and(|before| !String::from_utf8_lossy(&before).contains(MARK))
}

/// A file of that name that we did not write is put aside, not lost.
fn keep_a_strangers(session: &Session, path: &Path) -> Result<(), Failure> {
    if !is_a_strangers(path) {
        return Ok(());
    }
    let aside = path.with_added_extension("before-pm");
    fs::rename(path, &aside).map_err(|error| unwritable(&aside, &error))?;
    let shown = aside.display();
    session.console.talk(&format!("warning: the service file that was there is now {shown}"));
    Ok(())
}

/// Whole or not at all: a torn unit would keep the machine from starting our apps.
fn write(path: &Path, unit: &Unit) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let new = path.with_added_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(unit.text().as_bytes())?;
    file.set_permissions(Permissions::from_mode(unit.mode()))?;
    file.sync_all()?;
    fs::rename(&new, path)
}

fn perform(session: &Session, unit: &Unit, step: &[String]) -> Result<(), Failure> {
    let line = line(step);
    let Some((program, words)) = step.split_first() else { return Ok(()) };
    // Nobody need be asked for what is so already; without a session only root may.
    let lingers = || Path::new(LINGERING).join(&unit.user).exists();
    if program == "loginctl" && lingers() {
        return Ok(());
    }
    let is_reload = words.iter().any(|word| word == "daemon-reload");
    if is_reload && !Path::new(SYSTEMD_RUNS).exists() {
        session
            .console
            .talk("warning: systemd does not run here now; it reads the unit when it does");
        return Ok(());
    }
    let output = Command::new(program).args(words).output().map_err(|error| {
        Failure::failed(format!("could not run `{line}`: {error}"))
            .hint(format!("{} is written; it is not enabled", unit.path().display()))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let why = told.trim().lines().last().unwrap_or("it gave no reason").to_owned();
    let message = format!("could not run `{line}`: {why}");
    let hint = if program == "loginctl" {
        format!("an administrator can: sudo {line}")
    } else {
        format!("{} is written; what failed can be run again", unit.path().display())
    };
    Err(Failure::failed(message).hint(hint))
}
