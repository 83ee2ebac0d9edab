//! `pm startup`: the service file of this machine's init system, written and enabled. What only root
//! can do is not tried by anybody else; they get the line to paste (PM2).

pub(super) mod install;
mod suspicion;
mod verify;

use std::path::{Path, PathBuf};

use pm_os::user;
use pm_pm2::shell;
use serde_json::json;

use crate::boot::{self, Platform, Unit};
use crate::called::{self, as_called};
use crate::cli::{BootArgs, StartupArgs};
use crate::commands::support::installed::{find_in_path, is_installed};
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};

const PLATFORMS: &str = "systemd, systemd-user, openrc or systemv";

/// `pm startup`.
pub(super) fn run(session: &Session, args: &StartupArgs) -> Result<Report, Failure> {
    let wanted = &args.boot;
    let unit = Unit { wait_ip: args.wait_ip, ..unit(session, wanted)? };
    if args.print {
        return Ok(Report::text(session.console, unit.text()));
    }
    if args.verify {
        return verify::verify(session, &unit);
    }
    if args.dry_run {
        let plan = format!("{}\n\n{}", install::plan(&unit, "would "), unit.text().trim_end());
        return Ok(Report::said(session.console, "startup", &plan));
    }
    if is_to_paste(&unit) {
        return Ok(paste(session, &unit, "startup", wanted));
    }
    suspicion::warn(session, &unit);
    session.console.talk(&install::plan(&unit, ""));
    let done = install::install(session, &unit)?;
    if !unit_home_has_list(&unit) {
        let hint = as_called("hint: `pm save` says what is to be started; nothing is saved yet");
        session.console.talk(&hint);
    }
    Ok(Report::said(session.console, "startup", &done))
}

pub(super) fn is_to_paste(unit: &Unit) -> bool {
    unit.platform.needs_root() && !rustix::process::geteuid().is_root()
}

pub(super) fn unit(session: &Session, wanted: &BootArgs) -> Result<Unit, Failure> {
    let platform = platform(wanted.platform.as_deref())?;
    let us = user::by_number(rustix::process::geteuid().as_raw())
        .map_err(|error| Failure::could_not(Exit::Failed, &error))?;
    let user = wanted.user.as_ref().unwrap_or(&us.name).clone();
    if !boot::is_name(&user) {
        return Err(Failure::input(format!("could not use `{user}` as a user's name")));
    }
    if platform == Platform::SystemdUser && user != us.name {
        let message = format!("could not make a user unit for {user}: you are {}", us.name);
        return Err(Failure::input(message).hint(format!(
            "become {user}, or leave out `systemd-user` for a unit of the whole machine"
        )));
    }
    let called_as = called::name();
    let service = match (&wanted.service_name, platform) {
        (Some(name), _) => name.clone(),
        (None, Platform::SystemdUser) => called_as.to_owned(),
        (None, _) => format!("{called_as}-{user}"),
    };
    if !boot::is_name(&service) {
        return Err(Failure::input(format!("could not use `{service}` as the name of a service"))
            .hint("letters, digits and _.-@: only"));
    }
    let home = home(session, wanted, &us)?;
    let unit = Unit {
        platform,
        variables: variables(session, &home),
        home,
        service,
        user,
        program: program()?,
        wait_ip: false,
        config: config(&us.home),
    };
    if unit.is_nameable() {
        return Ok(unit);
    }
    let shown = unit.program.display();
    let message = format!("could not name {shown} in a unit: systemd takes no quotes in a path");
    Err(Failure::input(message).hint("put pm somewhere else, or a link to it"))
}

fn platform(named: Option<&str>) -> Result<Platform, Failure> {
    let Some(name) = named else {
        return Platform::find(is_installed).ok_or_else(|| {
            Failure::failed("could not find out what starts this machine's services")
                .hint(format!("name it: `pm startup {PLATFORMS}`"))
        });
    };
    Platform::parse(name).map_err(|unknown| {
        let why = if unknown.is_pm2s { "pm does not run on it" } else { "it is not known" };
        Failure::input(format!("could not use the platform `{name}`: {why}")).hint(PLATFORMS)
    })
}

/// The home whose apps are started: of whoever asks, or of the user named.
fn home(session: &Session, wanted: &BootArgs, us: &user::Account) -> Result<PathBuf, Failure> {
    let ours = session.home.root().to_path_buf();
    let is_told = is_home_told();
    let is_other = wanted.hp.is_some() || wanted.user.as_ref().is_some_and(|user| *user != us.name);
    if is_told || !is_other {
        return Ok(ours);
    }
    let folder = match (&wanted.hp, &wanted.user) {
        (Some(folder), _) if folder.is_absolute() => folder.clone(),
        (Some(folder), _) => {
            let shown = folder.display();
            let message = format!("could not use {shown} as a home: the path must be absolute");
            return Err(Failure::input(message));
        }
        (None, Some(user)) => {
            user::find(user)
                .map_err(|error| {
                    Failure::could_not(Exit::Input, &error).hint("--hp says where the home is")
                })?
                .home
        }
        (None, None) => us.home.clone(),
    };
    Ok(folder.join(ours.file_name().unwrap_or_default()))
}

/// What leads to that home.
fn variables(session: &Session, home: &Path) -> Vec<(&'static str, PathBuf)> {
    let ours = session.home.variables().into_iter();
    if home == session.home.root() {
        return ours.map(|(name, path)| (name, path.to_path_buf())).collect();
    }
    // Of another user: the same kind of home, in its usual place.
    ours.take(1).map(|(name, _)| (name, home.to_path_buf())).collect()
}

/// Whether the environment names a home, so that it is not simply a folder in the user's.
fn is_home_told() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_set("PM_HOME") || is_set("PM2_HOME")
}

fn config(home: &Path) -> PathBuf {
    let set = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    set.filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".config"))
}

/// The path we were called by, if it leads to this program and is not another program's name: it may be a link that
/// is kept while versions come and go. Else the program's own file.
fn program() -> Result<PathBuf, Failure> {
    let own = launch::own_program()?;
    let leads_here = |path: &PathBuf| {
        path.is_absolute()
            && path.file_name().is_some_and(|name| name == "pm")
            && std::fs::canonicalize(path).is_ok_and(|real| real == own)
    };
    let word = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let is_plain = word.components().count() == 1;
    let found = if is_plain { find_in_path(&word.to_string_lossy()) } else { Some(word) };
    Ok(found.filter(leads_here).unwrap_or(own))
}

fn unit_home_has_list(unit: &Unit) -> bool {
    unit.home.join("saved.json").exists()
}

/// What to type as root. The home is named where it is not the usual one, for sudo brings another environment.
pub(super) fn paste(session: &Session, unit: &Unit, verb: &str, wanted: &BootArgs) -> Report {
    let mut words = vec!["sudo".to_owned()];
    let is_told = is_home_told();
    if is_told {
        words.push("env".into());
        let set = |(name, path): &(&str, PathBuf)| format!("{name}={}", path.display());
        words.extend(unit.variables.iter().map(set));
    }
    let program = unit.program.display().to_string();
    words.extend([program, verb.into(), unit.platform.name().into(), "-u".into()]);
    words.push(unit.user.clone());
    if let Some(folder) = unit.home.parent().filter(|_| !is_told) {
        words.extend(["--hp".into(), folder.display().to_string()]);
    }
    if wanted.service_name.is_some() || called::name() != "pm" {
        words.extend(["--service-name".into(), unit.service.clone()]);
    }
    words.extend(unit.wait_ip.then(|| "--wait-ip".into()));
    let line = words.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ");
    session.console.talk(&format!(
        "{verb} needs root. Paste this line{}:",
        if verb == "startup" && unit.platform == Platform::Systemd {
            as_called(", or use a unit of your own: `pm startup systemd-user`")
        } else {
            String::new()
        }
    ));
    let report = Report::new(session.console, || format!("{line}\n"), || json!({ "paste": line }));
    report.ending(Some(Exit::Failed))
}
