//! What ecosystem files want to be told of their apps is kept where the panel looks, which sends it.

use std::path::{Path, PathBuf};

use pm_config::EcosystemAlerts;
use pm_web::{AlertSettings, ControlCall, FiledAlerts};

use super::control;
use crate::prelude::Session;

/// Keeps what these files say, in place of what they said before. Whatever is wrong with that keeps no app from starting.
pub(crate) fn keep(session: &Session, files: &[(PathBuf, Option<EcosystemAlerts>)]) {
    let wanted = |(file, alerts): &(PathBuf, Option<EcosystemAlerts>)| {
        let alerts = alerts.as_ref().map(|alerts| FiledAlerts {
            wishes: alerts.wishes.clone(),
            names: alerts.apps.iter().map(ToString::to_string).collect(),
        });
        (file.to_string_lossy().into_owned(), alerts)
    };
    let all: Vec<_> = files.iter().map(wanted).collect();
    put(session, &all);
    let tells = |alerts: &Option<FiledAlerts>| {
        alerts.as_ref().is_some_and(|alerts| !alerts.wishes.channels.is_empty())
    };
    let Some((file, _)) = all.iter().find(|(_, alerts)| tells(alerts)) else { return };
    // One that does not answer reads them by itself.
    if matches!(control::ask(session, &ControlCall::Recheck), Ok(None)) {
        session.console.talk(&format!(
            "note: nobody sends the alerts of {file}: the panel does, which is not running\n\
             hint: `pm web`, or without a page `pm web --no-listen`"
        ));
    }
}

/// Forgets what these files said.
pub(crate) fn forget(session: &Session, files: &[PathBuf]) {
    let gone: Vec<_> =
        files.iter().map(|file| (file.to_string_lossy().into_owned(), None)).collect();
    put(session, &gone);
}

fn put(session: &Session, filed: &[(String, Option<FiledAlerts>)]) {
    let is_there = |file: &str| Path::new(file).exists();
    match AlertSettings::file(session.home.root(), filed, is_there) {
        Ok(true) => {
            control::ask(session, &ControlCall::Recheck).ok();
        }
        Ok(false) => {}
        Err(error) => session.console.talk(&format!("warning: alerts: could not {error}")),
    }
}
