//! `pm takeover`: the programs of another manager that runs move here, one by one, and back.

mod former;
mod moving;
mod pm2;
mod procfile;
mod record;
#[cfg_attr(not(feature = "panel"), path = "left_out/takeover_supervisor.rs")]
mod supervisor;
mod systemd;
mod told_unit;

use std::path::{Path, PathBuf};

use former::{Candidate, Former};
use moving::{Mover, StuckApp, free_names, lasting};
use pm_config::absolute;
use record::{Taken, TakenPiece, TakeoverRecord};

use crate::cli::{FormerKind, TakeoverArgs};
use crate::commands::support::{ask, resend};
use crate::console::Look;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::takeover::{
    self as shown, PlannedMove, STAYS, Stuck, TakeoverPlan, TakeoverResult,
};

/// `pm takeover FROM`.
pub(super) fn run(session: &Session, args: &TakeoverArgs) -> Result<Report, Failure> {
    if args.undo {
        return undo(session, args, TakeoverRecord::open(session)?);
    }
    let Some(from) = args.from else {
        return Err(Failure::input("take over whose programs?")
            .hint("`pm takeover supervisor`, `pm2`, `systemd UNIT ...` or `procfile`"));
    };
    let file = args.configuration.as_deref();
    if from == FormerKind::Systemd && file.is_some() {
        return Err(Failure::input("-c is not for systemd, which knows where its files are"));
    }
    let mut former = find(session, from, file.map(Path::to_owned), &args.programs)?;
    let mut record = TakeoverRecord::open(session)?;
    let place = former.place();
    let known = record.pieces(from, &place).to_vec();
    let before: Vec<_> = known.iter().flat_map(|piece| piece.there.iter().cloned()).collect();
    former.recall(&before)?;
    whole(former.as_ref(), args)?;
    let at_once = args.all || former.is_one();
    let mut all = former.programs(session)?;
    remember(&mut all, &known);
    // Of systemd all were named.
    let named = if from == FormerKind::Systemd { &[][..] } else { &args.programs };
    let others = picked(&mut all, named)?;
    let plan = planned(former.as_ref(), &all, at_once);
    if args.dry_run {
        let look = session.console.look;
        return Ok(Report::new(
            session.console,
            || shown::plan(&plan, look),
            || shown::json(&plan),
        ));
    }
    all.retain(|one| one.stays.is_none() && !one.is_here);
    if all.is_empty() {
        session.console.talk(shown::plan(&plan, session.console.look).trim_end());
        let text = "nothing is left to be taken over";
        return Ok(Report::said(session.console, "takeover", text));
    }
    if !agreed(session, args, &shown::plan(&plan, asking(session)))? {
        return Ok(Report::said(session.console, "takeover", "nothing was done"));
    }
    let since = resend::now();
    let mut client = session.daemon()?;
    free_names(&mut client, &all, &known)?;
    let begun = known.into_iter().filter(|piece| !piece.moved).collect();
    // Written once before anything is done: a home that takes no file is no place to move to.
    record.note((from, &place), [])?;
    let mut mover = Mover { session, client, former, record, moved: Vec::new(), begun, since };
    let stuck = if at_once { mover.all_at_once(&all)? } else { mover.each(&all)? };
    Ok(report(&mover, &plan, stuck, others))
}

/// The manager, which has to answer.
fn find(
    session: &Session,
    from: FormerKind,
    place: Option<PathBuf>,
    named: &[String],
) -> Result<Box<dyn Former>, Failure> {
    Ok(match from {
        FormerKind::Supervisor => {
            Box::new(supervisor::LiveSupervisor::find(session, place.as_deref())?)
        }
        FormerKind::Pm2 => Box::new(pm2::RunningPm2::find(session, place)?),
        FormerKind::Procfile => Box::new(procfile::LiveProcfile::find(session, place.as_deref())?),
        FormerKind::Systemd => Box::new(systemd::LiveSystemd::find(place, named)?),
    })
}

/// Who has no part that could move alone moves whole.
fn whole(former: &dyn Former, args: &TakeoverArgs) -> Result<(), Failure> {
    if !former.is_one() || args.programs.is_empty() {
        return Ok(());
    }
    let message = "one of them alone can't be moved: they begin and end together";
    Err(Failure::input(message).hint("leave out the names"))
}

/// What an earlier takeover did: what moved stays, what it had begun is as it was before.
fn remember(all: &mut [Candidate], known: &[TakenPiece]) {
    for one in all {
        let Some(piece) = known.iter().find(|it| it.is(&one.name, &one.namespace)) else {
            continue;
        };
        if piece.moved {
            one.is_here = true;
            if one.ran() {
                one.notes.insert(0, "it was started there again meanwhile: stop it there".into());
            }
        } else {
            one.there.clone_from(&piece.there);
            one.notes.insert(0, "an earlier takeover had begun with it".into());
        }
    }
}

/// Keeps those that were named, as they are called here or there, and gives the names of the others that are still there.
fn picked(all: &mut Vec<Candidate>, words: &[String]) -> Result<Vec<String>, Failure> {
    let is_meant = |one: &Candidate, word: &String| {
        one.name == *word
            || one.there.iter().any(|it| it.name == *word)
            || word.strip_suffix('*').is_some_and(|group| one.name.starts_with(group))
    };
    if let Some(word) = words.iter().find(|word| !all.iter().any(|one| is_meant(one, word))) {
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        return Err(Failure::input(format!("could not take over {word}: no program is called so"))
            .hint(format!("there are {}", names.join(", "))));
    }
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let (meant, others) =
        all.drain(..).partition(|one| words.iter().any(|word| is_meant(one, word)));
    *all = meant;
    let others: Vec<Candidate> = others;
    Ok(others.into_iter().filter(|one| !one.is_here).map(|one| one.name).collect())
}

fn planned(former: &dyn Former, all: &[Candidate], at_once: bool) -> TakeoverPlan {
    let moves = all.iter().map(|one| PlannedMove {
        name: one.name.clone(),
        there: one.state.clone(),
        here: match (&one.stays, one.is_here, one.ran()) {
            (Some(_), ..) => STAYS,
            (None, true, _) => "is here",
            (None, false, true) => "online",
            (None, false, false) => "stopped",
        },
        notes: one.stays.iter().chain(&one.notes).cloned().collect(),
    });
    TakeoverPlan {
        from: former.kind().name(),
        place: former.place().display().to_string(),
        at_once,
        moves: moves.collect(),
    }
}

/// Shows it and asks, if somebody has to be asked.
fn agreed(session: &Session, args: &TakeoverArgs, plan: &str) -> Result<bool, Failure> {
    if args.yes {
        session.console.talk(plan.trim_end());
        return Ok(true);
    }
    session.console.complain(plan.trim_end());
    if !ask::is_possible(session) {
        let hint = "--yes does it without asking, --dry-run only shows it";
        return Err(Failure::input("nothing was done: nobody could be asked").hint(hint));
    }
    ask::go_on()
}

/// How it looks beside a question, on stderr.
fn asking(session: &Session) -> Look {
    let console = session.console;
    Look { colour: console.colour_wanted && console.talk_is_terminal, ..console.look }
}

fn told(stuck: Vec<StuckApp>) -> Vec<Stuck> {
    let told = stuck.into_iter().map(|StuckApp { name, why, words, nowhere }| Stuck {
        name,
        why,
        words,
        nowhere,
    });
    told.collect()
}

fn report(
    mover: &Mover<'_>,
    plan: &TakeoverPlan,
    stuck: Vec<StuckApp>,
    others: Vec<String>,
) -> Report {
    let exit = (!stuck.is_empty()).then_some(Exit::Failed);
    let stays = plan.moves.iter().filter(|one| one.here == STAYS).map(|one| one.name.clone());
    let stays: Vec<_> = stays.chain(others).collect();
    let is_all = exit.is_none() && stays.is_empty();
    let is_planned = |one: &&PlannedMove| ["online", "stopped"].contains(&one.here);
    let result = TakeoverResult {
        from: plan.from,
        word: mover.former.kind().word(),
        moved: mover.moved.iter().map(|one| (one.name.clone(), one.pids.clone())).collect(),
        planned: plan.moves.iter().filter(is_planned).count(),
        farewell: if is_all { mover.former.farewell() } else { Vec::new() },
        stuck: told(stuck),
        stays,
    };
    let console = mover.session.console;
    let text = || shown::result(&result, console.look);
    Report::new(console, text, || shown::result_json(&result)).ending(exit)
}

/// Gives back what came from there, or from everywhere.
fn undo(session: &Session, args: &TakeoverArgs, record: TakeoverRecord) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let file = args.configuration.as_deref().map(|file| lasting(&absolute(file, &caller.cwd)));
    let is_meant = |taken: &&Taken| {
        args.from.is_none_or(|from| from == taken.from)
            && file.as_ref().is_none_or(|file| *file == taken.place)
    };
    let meant: Vec<Taken> = record.taken.iter().filter(is_meant).cloned().collect();
    let mut todo = Vec::new();
    for taken in meant {
        let is_meant = |piece: &TakenPiece, word: &String| {
            piece.name == *word || piece.there.iter().any(|it| it.name == *word)
        };
        let is_named = |piece: &&TakenPiece| {
            args.programs.is_empty() || args.programs.iter().any(|word| is_meant(piece, word))
        };
        let pieces: Vec<_> = taken.pieces.iter().filter(is_named).cloned().collect();
        if !pieces.is_empty() {
            // All of them have to answer before anything is done.
            let former = find(session, taken.from, Some(taken.place.clone()), &[])?;
            whole(former.as_ref(), args)?;
            todo.push((former, pieces));
        }
    }
    if todo.is_empty() {
        return Ok(Report::said(session.console, "undo", "nothing was taken over"));
    }
    let plan: Vec<_> =
        todo.iter().map(|(former, pieces)| backward(former.as_ref(), pieces)).collect();
    let look = session.console.look;
    if args.dry_run {
        let text = || plan.iter().map(|plan| shown::undo_plan(plan, look)).collect();
        return Ok(Report::new(session.console, text, || plan.iter().map(shown::json).collect()));
    }
    let text: String = plan.iter().map(|plan| shown::undo_plan(plan, asking(session))).collect();
    if !agreed(session, args, &text)? {
        return Ok(Report::said(session.console, "undo", "nothing was done"));
    }
    let mut record = Some(record);
    let (mut back, mut stuck) = (Vec::new(), Vec::new());
    for (former, pieces) in todo {
        let Some(own) = record.take() else { break };
        let (done, begun) = (Vec::new(), Vec::new());
        let client = session.daemon()?;
        let mut mover =
            Mover { session, client, former, record: own, moved: done, begun, since: 0 };
        let (gone, left) = mover.undo(&pieces);
        back.extend(gone);
        stuck.extend(left);
        record = Some(mover.record);
    }
    let exit = (!stuck.is_empty()).then_some(Exit::Failed);
    let stuck = told(stuck);
    let text = || shown::undone(&back, &stuck, look);
    Ok(Report::new(session.console, text, || shown::undone_json(&back, &stuck)).ending(exit))
}

fn backward(former: &dyn Former, pieces: &[TakenPiece]) -> TakeoverPlan {
    let moves = pieces.iter().rev().map(|piece| PlannedMove {
        name: piece.name.clone(),
        there: if piece.there.iter().any(|it| it.ran) { "started" } else { "stopped" }.into(),
        here: "deleted",
        notes: Vec::new(),
    });
    TakeoverPlan {
        from: former.kind().name(),
        place: former.place().display().to_string(),
        at_once: false,
        moves: moves.collect(),
    }
}
