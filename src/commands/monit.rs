//! `pm monit`: hands over to the full screen. It starts no daemon; an empty screen says how.

use pm_tui::{ThemeChoice, TuiPlan, run};

use crate::called;
use crate::cli::MonitArgs;
use crate::commands::{Session, care};
use crate::failure::{Exit, Failure};
use crate::report::Report;

pub(super) fn monit(session: &Session, args: &MonitArgs) -> Result<Report, Failure> {
    let theme = match &args.theme {
        Some(name) => Some(ThemeChoice::parse(name).ok_or_else(|| {
            Failure::input(format!("there is no theme `{name}`"))
                .hint("default, light, high-contrast or mono")
        })?),
        // Whoever said `--no-color` to us did not say it to the monitor's variable.
        None => (!session.console.colour_wanted).then_some(ThemeChoice::Mono),
    };
    match run(TuiPlan { home: session.home.clone(), theme, program: called::name() }) {
        Ok(()) => {
            if let Some(mut client) = session.find()? {
                care::autosave(session, &mut client);
            }
            Ok(Report::Nothing)
        }
        Err(error) => Err(Failure::could_not(Exit::Failed, &error)),
    }
}
