//! The hidden half that may die. Only this file names `pm-daemon`.

use std::path::Path;

use pm_daemon::Beginning;
use pm_protocol::Home;
use pm_spec::{AppSpec, RestartRule};

use crate::cli::DaemonArgs;
use crate::prelude::{Exit, Failure, Report};
use crate::render::rehearsal::BootFate;

/// A saved list for those who only look at it: the apps, and what a boot makes of each.
pub(super) struct SavedApps {
    pub(super) apps: Vec<(AppSpec, BootFate)>,
    /// That an older list had to be used, in a sentence.
    pub(super) warning: Option<String>,
}

/// The saved list of a home.
pub(super) fn saved(root: &Path) -> Result<SavedApps, Failure> {
    let home = Home::at(root.to_path_buf(), None)
        .map_err(|error| Failure::could_not(Exit::Input, &error))?;
    let (apps, warning) = pm_daemon::load_saved(&home.saved()).map_err(|error| {
        Failure::could_not(Exit::Failed, &error).hint("`pm save` makes one of what runs now")
    })?;
    let apps = apps.into_iter().map(|app| {
        // As the daemon brings them back, of several the one that comes furthest.
        let any = |is_so: fn(&_) -> bool| app.instances.iter().any(is_so);
        let (wanted, resting) = (any(|it| it.wanted), any(|it| it.resting));
        let always = app.spec.restart.rule == RestartRule::Always;
        let fate = match (wanted || always, wanted || resting) {
            (true, _) if !app.spec.is_job() => BootFate::Starts,
            (_, true) if app.spec.schedule.is_some() => BootFate::Waits,
            (_, true) => BootFate::Rests,
            (_, false) => BootFate::Stopped,
        };
        (app.spec, fate)
    });
    Ok(SavedApps { apps: apps.collect(), warning })
}

/// Whether a daemon and a guardian that were killed together have left apps, none of which need live.
pub(super) fn remembers(home: &Home) -> bool {
    pm_daemon::remembers(&home.journal())
}

/// Lives as daemon; started by a guardian only.
pub(super) fn run(home: &Home, args: &DaemonArgs) -> Result<Report, Failure> {
    let beginning = if args.resurrect { Beginning::Saved } else { Beginning::Empty };
    match pm_daemon::run(home, beginning) {
        Ok(()) => Ok(Report::default()),
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)),
    }
}
