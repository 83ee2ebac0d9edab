//! `pm run`: jobs now, whatever their times. It waits for their end and ends as they did, as `docker compose run` and
//! `systemd-run --wait` do.

mod once;

use std::time::Duration;

use pm_client::{CallError, Client, Deadline, pause};
use pm_protocol::{Describe, Description, Outcome, RunJobs, Status, What};
use pm_spec::Select;

use crate::cli::RunArgs;
use crate::commands::support::{last_words, progress, resend, selectors};
use crate::failure::Exit;
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::outcomes::Completed;
use crate::report::ReportExit;

/// Between two looks at what runs on under another daemon than was asked.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn run(session: &Session, args: &RunArgs) -> Result<Report, Failure> {
    if args.rm {
        return once::run(session, args);
    }
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &args.apps)?;
    let asked = resend::now();
    let call = RunJobs { select, wait: !args.no_wait };
    let outcomes = progress::during(session, "running", || outcomes(&mut client, &call, asked))?;
    let tails = last_words::of(session, &mut client, &outcomes, asked);
    let ending = ending(&outcomes);
    let done = Completed { outcomes, tails, ..Completed::nothing("nothing to run") };
    Ok(Report { ending, ..done.report(session.console) })
}

/// As the first that failed ended; whoever waits for an end that does not come, since somebody stopped the job, has
/// nothing either.
fn ending(outcomes: &[Outcome]) -> ReportExit {
    let fails = |one: &&Outcome| one.what.is_failure() || one.what == What::Superseded;
    match outcomes.iter().find(fails) {
        None => ReportExit::Well,
        Some(failed) => failed.exit.map_or(ReportExit::Not(Exit::Failed), ReportExit::App),
    }
}

fn outcomes(client: &mut Client, call: &RunJobs, asked: u64) -> Result<Vec<Outcome>, Failure> {
    match client.call(call, Deadline::NEVER) {
        Ok(answer) => Ok(answer.outcomes),
        Err(CallError::Lost) => carried_on(client, call, asked),
        Err(error) => Err(error.into()),
    }
}

/// The daemon died over it. What it had begun its successor carries on, and tells in its history.
fn carried_on(client: &mut Client, call: &RunJobs, asked: u64) -> Result<Vec<Outcome>, Failure> {
    let describe = Describe { select: call.select.clone(), known: true };
    loop {
        let all = quick(client, &describe)?.descriptions;
        if all.iter().any(|one| !resend::is_begun(&one.row, asked)) {
            let select = all.iter().map(|one| Select::Id(one.row.id)).collect();
            let call = RunJobs { select, wait: call.wait };
            return Ok(client.call(&call, Deadline::NEVER)?.outcomes);
        }
        let runs = |one: &Description| !matches!(one.row.status, Status::Stopped | Status::Errored);
        if !call.wait || !all.iter().any(runs) {
            return Ok(all.iter().map(standing).collect());
        }
        pause(LOOK, Deadline::NEVER);
    }
}

/// What became of one that is begun.
fn standing(one: &Description) -> Outcome {
    let row = &one.row;
    let last = one.ends.last().filter(|_| row.pid == 0);
    let what = match last {
        None if row.pid == 0 => What::Failed(row.note.clone().unwrap_or_default()),
        None => What::Started,
        Some(end) if end.code == Some(0) => What::Finished,
        Some(end) => What::Failed(end.why.clone()),
    };
    Outcome {
        id: row.id,
        name: row.name.clone(),
        exit: last.filter(|_| what.is_failure()).and_then(|end| end.code),
        what,
        pid: row.pid,
        error_log: None,
        note: None,
    }
}
