//! `pm monit`: hands over to the full screen. It starts no daemon; an empty screen says how.

use pm_tui::{ThemeChoice, TuiPlan};

use crate::called;
use crate::cli::MonitArgs;
use crate::commands::support::saved_list;
use crate::prelude::{Exit, Failure, Report, Session};

pub(super) fn run(session: &Session, args: &MonitArgs) -> Result<Report, Failure> {
    let theme = match &args.theme {
        Some(name) => Some(ThemeChoice::parse(name).ok_or_else(|| {
            Failure::input(format!("there is no theme `{name}`"))
                .hint("default, light, high-contrast or mono")
        })?),
        // Whoever said `--no-color` to us did not say it to the monitor's variable.
        None => (!session.console.colour_wanted).then_some(ThemeChoice::Mono),
    };
    // The screen starts no daemon, but apps that lost theirs are to be seen.
    session.find()?;
    match pm_tui::run(TuiPlan { home: session.home.clone(), theme, program: called::name() }) {
        Ok(()) => {
            if let Some(mut client) = session.find()? {
                saved_list::autosave(session, &mut client);
            }
            Ok(Report::default())
        }
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)),
    }
}
