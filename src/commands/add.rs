//! `pm add`: looks at a folder, shows what was found, the file and the commands, and after a yes makes the venv, installs, writes
//! the file and starts it.

mod entry;
mod insert;
mod plan;
mod ports;
mod pythons;
mod setup;
mod work;

use std::ffi::OsString;
use std::path::Path;

use pm_config::ScriptEngine;
use serde_json::{Value, json};

use crate::called;
use crate::cli::{AddArgs, ApplyArgs, ApplyFlags, EngineFlag, ProfileFlag};
use crate::commands::apply;
use crate::commands::support::ask;
use crate::console::Look;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::added::{self, AddPlan};
use crate::render::json::value;
use crate::render::lines;

pub(super) use plan::AddWish;

/// Whether apps lie in a folder.
pub(super) fn has_apps(folder: &Path) -> bool {
    let found = pm_scout::survey(folder, pm_scout::SurveyLimits::default(), None);
    found.is_ok_and(|found| found.projects.iter().any(|project| !project.proposals.is_empty()))
}

/// `pm add FOLDER`.
pub(super) fn run(session: &Session, args: &AddArgs) -> Result<Report, Failure> {
    let mut wish = AddWish::of(session, args)?;
    let mut plan = AddPlan::make(session, &wish)?;
    if args.dry_run {
        let report = Report::new(
            session.console,
            || added::plan(&plan, session.console.look),
            || value(&plan),
        );
        return Ok(report.ending((!plan.blockers().is_empty()).then_some(Exit::Failed)));
    }
    let can_ask = !args.yes && ask::is_possible(session);
    if let Some(choices) = plan.open_question().filter(|_| can_ask) {
        wish.app = Some(ask::which(&choices)?);
        plan = AddPlan::make(session, &wish)?;
    }
    let console = session.console;
    let colour = console.colour_wanted && console.talk_is_terminal;
    let shown = added::plan(&plan, Look { colour, ..console.look });
    if args.yes {
        session.console.talk(shown.trim_end());
    } else {
        session.console.complain(shown.trim_end());
    }
    refuse(&plan)?;
    if !args.yes {
        if !can_ask {
            let hint = "--yes does it without asking, --dry-run only shows it";
            return Err(Failure::input("nothing was done: nobody could be asked").hint(hint));
        }
        if !ask::go_on()? {
            return Ok(Report::said(session.console, "add", "nothing was done"));
        }
    }
    work::carry_out(session, &plan)?;
    finish(session, args, &plan)
}

/// What can't be done, or is not known, is told before anything is.
fn refuse(plan: &AddPlan) -> Result<(), Failure> {
    let blockers = plan.blockers();
    if let Some(first) = blockers.first() {
        let more = lines(blockers.iter().skip(1).map(|text| format!("error: {text}")));
        let name = plan.survey.folder.display();
        let failure = Failure::failed(format!("could not add {name}: {first}"));
        return Err(failure.after(more));
    }
    match plan.open_question() {
        Some(choices) => {
            let message = format!(
                "could not add {}: it may be {}",
                plan.survey.folder.display(),
                choices.join(" or ")
            );
            Err(Failure::input(message).hint(format!("--app {} says which", choices[0])))
        }
        None => Ok(()),
    }
}

/// Starts what was written, and says what comes next.
fn finish(session: &Session, args: &AddArgs, plan: &AddPlan) -> Result<Report, Failure> {
    let file = plan.file.path.display();
    let pm = called::name();
    if args.no_start {
        let text = format!("`{pm} up {file}` starts it");
        return Ok(Report::said(session.console, "add", &text));
    }
    let report = start(session, &plan.file.path, plan.names())?;
    let well = report.ending == crate::report::ReportExit::Well;
    let shown = if session.console.json {
        let outcome: Value = serde_json::from_str(&report.shown).unwrap_or_default();
        format!("{}\n", json!({ "plan": value(plan), "started": outcome }))
    } else if well && !session.console.silent {
        report.shown + &added::next(plan, session.console.look)
    } else {
        report.shown
    };
    let mut report = Report { shown, ..report };
    if !(well || session.console.json) {
        let hint = format!("hint: {file} stays; after a cure `{pm} up {file}` starts it\n");
        report.aside.push_str(&hint);
    }
    Ok(report)
}

/// As `pm apply FILE --only NAMES`.
fn start(session: &Session, file: &Path, only: Vec<String>) -> Result<Report, Failure> {
    let how = ApplyFlags {
        env_name: None,
        dry_run: false,
        strict: false,
        no_wait: false,
        profiles: ProfileFlag { profile: Vec::new() },
        engine: EngineFlag { engine: ScriptEngine::Auto },
    };
    let files = vec![OsString::from(file)];
    apply::run(session, &ApplyArgs { files, only, prune: false, how })
}
