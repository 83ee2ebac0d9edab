//! Verbs that change what is known: stop, restart, reload, delete, scale, reset, sendSignal.

use std::collections::BTreeSet;

use pm_client::{CallError, Client, Deadline};
use pm_config::Overrides;
use pm_protocol::{
    Code, Delete, Description, Existing, List, Outcome, Outcomes, Reload, Reset, Restart, Row,
    Scale, SendSignal, Stop, Wait, What,
};
use pm_spec::{Select, Signal};

use crate::cli::{IdArgs, RestartArgs, ScaleArgs, SelectArgs, SendSignalArgs, TargetArgs};
use crate::commands::changes::Configs;
use crate::commands::described::described;
use crate::commands::targets::{Target, resolve};
use crate::commands::{
    Session, amend, care, engine, environment, is_all, last_words, logs, pick, progress, quick,
    recheck, start,
};
use crate::failure::{Exit, Failure};
use crate::report::{Done, Report};

pub(super) fn stop(session: &Session, args: &TargetArgs) -> Result<Report, Failure> {
    let Some((mut client, select)) = targets(session, args)? else {
        return nothing(session, "nothing to stop");
    };
    let call = Stop { select };
    let done = progress::during(session, "stopping", || client.call(&call, Deadline::NEVER))?;
    report(session, &mut client, done.outcomes, u64::MAX, "nothing to stop")
}

pub(super) fn delete(session: &Session, args: &TargetArgs) -> Result<Report, Failure> {
    let Some((mut client, select)) = targets(session, args)? else {
        return nothing(session, "nothing to delete");
    };
    let done = progress::during(session, "deleting", || delete_surely(&mut client, select))?;
    report(session, &mut client, done.outcomes, u64::MAX, "nothing to delete")
}

/// So many daemons may die under one command before we say so.
const LOSSES: u32 = 3;

/// Deletes, however many daemons it takes: after a lost answer what is still listed is asked for again, by number.
pub(super) fn delete_surely(client: &mut Client, select: Vec<Select>) -> Result<Outcomes, Failure> {
    let list = List { select: select.clone(), usage: false, host: false };
    let doomed = quick(client, &list)?.rows;
    let mut call = Delete { select };
    let mut losses = 0;
    loop {
        match client.call(&call, Deadline::NEVER) {
            Err(CallError::Lost) if losses < LOSSES => losses += 1,
            // Somebody else deleted one of them between our two calls.
            Err(CallError::Refused(refusal)) if losses > 0 && refusal.code == Code::NotFound => {
                losses += 1;
            }
            Ok(answer) => return Ok(deleted(&doomed, answer.outcomes)),
            Err(error) => return Err(error.into()),
        }
        let all = List { select: Vec::new(), usage: false, host: false };
        let left = left(&doomed, &quick(client, &all)?.rows);
        if left.is_empty() {
            return Ok(deleted(&doomed, Vec::new()));
        }
        call.select = left;
    }
}

/// What is still there of what was to go. A number alone might be another app's by now.
fn left(doomed: &[Row], there: &[Row]) -> Vec<Select> {
    let same = |one: &Row| there.iter().any(|row| (row.id, &row.name) == (one.id, &one.name));
    doomed.iter().filter(|one| same(one)).map(|one| Select::Id(one.id)).collect()
}

/// What was said, and of the rest what its absence says.
fn deleted(doomed: &[Row], mut outcomes: Vec<Outcome>) -> Outcomes {
    let told: BTreeSet<u32> = outcomes.iter().map(|outcome| outcome.id).collect();
    let untold = doomed.iter().filter(|row| !told.contains(&row.id));
    outcomes.extend(untold.map(|row| Outcome {
        id: row.id,
        name: row.name.clone(),
        what: What::Deleted,
        pid: 0,
        error_log: None,
        note: None,
    }));
    outcomes.sort_by_key(|outcome| outcome.id);
    Outcomes { outcomes, warning: None }
}

pub(super) fn restart(session: &Session, args: &RestartArgs) -> Result<Report, Failure> {
    again(session, args, ("restarting", Existing::Restart), |client, select| {
        let env = args.flags.update_env.then(environment);
        let wait = if args.flags.no_wait { Wait::Spawned } else { Wait::Settled };
        recheck::renew(client, &Restart { select, env, wait })
    })
}

pub(super) fn reload(session: &Session, args: &RestartArgs) -> Result<Report, Failure> {
    let report = again(session, args, ("reloading", Existing::Reload), |client, select| {
        let env = args.flags.update_env.then(environment);
        recheck::renew(client, &Reload { select, env, force: args.flags.force })
    })?;
    Ok(report.of_reload())
}

/// Restarts in one way or the other: configs by their new content, the rest by what is known.
fn again(
    session: &Session,
    args: &RestartArgs,
    (what, existing): (&str, Existing),
    ask: impl FnOnce(&mut Client, Vec<Select>) -> Result<Outcomes, Failure>,
) -> Result<Report, Failure> {
    let mut targets = Vec::new();
    for word in &args.targets {
        targets.push(Target::read(word)?);
    }
    let (configs, words): (Vec<_>, Vec<_>) = targets.into_iter().partition(Target::is_config);
    if args.flags.env_name.is_some() && configs.is_empty() {
        return Err(Failure::input(
            "could not use --env: it picks `env_NAME` of a config file, and none is given",
        )
        .hint("--update-env takes this shell's environment over"));
    }
    if configs.is_empty() {
        start::for_files(session, &args.flags)?;
    }
    let mut client = if !configs.is_empty() {
        session.daemon()?
    } else if let Some(client) = session.find()? {
        client
    } else if all_words(&words) {
        session.warn_of_rival();
        return nothing(session, "nothing to restart");
    } else {
        session.need()?
    };
    let select = resolve(session, &mut client, &words, &Overrides::default())?;
    let asked = recheck::now();
    let flags = &args.flags;
    let overrides = start::overrides(session, flags, &args.args);
    let (outcomes, news) = progress::during(session, what, || -> Result<_, Failure> {
        let wait = if flags.no_wait { Wait::Spawned } else { Wait::Settled };
        let configs = Configs::load(session, &configs, &overrides)?;
        let (mut outcomes, news) = configs.again(session, &mut client, (existing, wait))?;
        if select.is_empty() {
            return Ok((outcomes, news));
        }
        outcomes.extend(if overrides.given.is_empty() {
            ask(&mut client, select)?.outcomes
        } else {
            amend::renew(session, &mut client, select, (&overrides, flags, existing))?
        });
        Ok((outcomes, news))
    })?;
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.id).collect();
    let report = report(session, &mut client, outcomes, asked, "nothing to restart")?;
    let report = report.with_changes(news);
    if args.flags.attach || args.flags.no_daemon {
        logs::attach(session, &report, &ids)
    } else {
        Ok(report)
    }
}

pub(super) fn scale(session: &Session, args: &ScaleArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = pick::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let list = List { select: select.clone(), usage: false, host: false };
    let present = i64::try_from(quick(&mut client, &list)?.rows.len()).unwrap_or(i64::MAX);
    let to = wanted(&args.number, present)?;
    let asked = recheck::now();
    let call = Scale { select, to };
    let done = progress::during(session, "scaling", || client.call(&call, Deadline::NEVER))?;
    report(session, &mut client, done.outcomes, asked, "nothing to scale")
}

/// How many instances `N`, `+N` or `-N` means.
fn wanted(text: &str, present: i64) -> Result<u16, Failure> {
    let bad = || {
        Failure::input(format!("`{text}` is no number of instances"))
            .hint("write 4, +2 or -1; the result must be 1 to 65535")
    };
    let number: i64 = text.parse().map_err(|_| bad())?;
    let relative = text.starts_with(['+', '-']);
    let wanted = if relative { present.saturating_add(number) } else { number };
    u16::try_from(wanted).ok().filter(|wanted| *wanted > 0).ok_or_else(bad)
}

pub(super) fn reset(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    if args.apps.is_empty() {
        return Err(Failure::input("reset what?").hint("`pm reset NAME`, or `pm reset all`"));
    }
    let Some(mut client) = client_for(session, &args.apps)? else {
        return Ok(done("nothing to reset"));
    };
    let select = pick::selects(session, &mut client, &args.apps)?;
    let outcomes = quick(&mut client, &Reset { select })?.outcomes;
    // Nothing to reset is no failure in PM2 either.
    let listing = session.listing(&mut client)?;
    Ok(Report::Done(Done { outcomes, listing, otherwise: "nothing to reset", ..Done::default() }))
}

pub(super) fn signal(session: &Session, args: &SendSignalArgs) -> Result<Report, Failure> {
    let signal = Signal::parse(&args.signal).map_err(|error| Failure::input(error.to_string()))?;
    let Some(mut client) = client_for(session, &args.apps)? else {
        return nothing(session, "nothing to signal");
    };
    let select = pick::selects(session, &mut client, &args.apps)?;
    let done = quick(&mut client, &SendSignal { select, signal })?;
    Ok(Report::Done(Done {
        outcomes: done.outcomes,
        otherwise: "nothing to signal",
        ..Done::default()
    }))
}

/// Opens Node apps for a debugger: Node listens on 127.0.0.1:9229 from SIGUSR1 on; anything else would die of it.
pub(super) fn inspect(session: &Session, args: &IdArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = pick::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described(&mut client, select.clone())?.descriptions;
    let is_node = |described: &Description| {
        let program = described.spec.interpreter.as_ref().unwrap_or(&described.spec.script);
        program.as_bytes().rsplit(|byte| *byte == b'/').next() == Some(b"node".as_slice())
    };
    if let Some(other) = described.iter().find(|one| !is_node(one)) {
        let message = format!("could not inspect {}: Node does not run it", other.row.name);
        return Err(Failure::new(Exit::Failed, message));
    }
    quick(&mut client, &SendSignal { select, signal: Signal::USR1 })?;
    let text = "the debugger listens where the app's error log says, usually 127.0.0.1:9229";
    Ok(Report::Said { done: "inspect", text: text.into() })
}

/// The daemon and what is meant by the words; `None` if there is nothing, and nothing more was asked for.
fn targets(session: &Session, args: &TargetArgs) -> Result<Option<(Client, Vec<Select>)>, Failure> {
    let mut targets = Vec::new();
    for word in &args.targets {
        targets.push(Target::read(word)?);
    }
    let Some(mut client) = session.find()? else {
        let satisfied = targets.iter().all(Target::is_config) || all_words(&targets);
        if !satisfied {
            return session.need().map(|_| None);
        }
        session.warn_of_rival();
        return Ok(None);
    };
    let overrides =
        Overrides { only: args.only.clone(), engine: engine(args.engine), ..Overrides::default() };
    let select = resolve(session, &mut client, &targets, &overrides)?;
    Ok((!select.is_empty()).then_some((client, select)))
}

/// The daemon; `None` if none runs and `all` of nothing is meant.
fn client_for(session: &Session, words: &[String]) -> Result<Option<Client>, Failure> {
    match session.find()? {
        None if is_all(words) => {
            session.warn_of_rival();
            Ok(None)
        }
        None => session.need().map(Some),
        found => Ok(found),
    }
}

fn all_words(targets: &[Target]) -> bool {
    targets.iter().all(|target| matches!(target, Target::Word(word) if word == "all"))
}

/// Nothing was there to act on: as wished already, but for PM2, whose scripts find 1.
fn nothing(session: &Session, otherwise: &'static str) -> Result<Report, Failure> {
    if session.guise.is_pm2() {
        return Err(Failure::new(Exit::Failed, format!("No process found: {otherwise}")));
    }
    Ok(done(otherwise))
}

/// Nothing was to be done, and that is well.
pub(super) fn done(otherwise: &'static str) -> Report {
    Report::Done(Done { otherwise, ..Done::default() })
}

/// The report of what was done: outcomes, the list as it stands now, and the last words of what failed after `asked`.
pub(super) fn report(
    session: &Session,
    client: &mut Client,
    outcomes: Vec<Outcome>,
    asked: u64,
    otherwise: &'static str,
) -> Result<Report, Failure> {
    if outcomes.is_empty() {
        return nothing(session, otherwise);
    }
    care::autosave(session, client);
    let listing = session.listing(client)?;
    let tails = last_words::of(session, client, &outcomes, asked);
    Ok(Report::Done(Done { outcomes, listing, tails, otherwise, ..Done::default() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_protocol::{Frame, Frames, Listing, Request, Row, Status, encode};
    use pm_testkit::samples;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn numbers_of_instances_may_be_relative() {
        assert_eq!(wanted("4", 2).unwrap(), 4);
        assert_eq!(wanted("+2", 2).unwrap(), 4);
        assert_eq!(wanted("-1", 2).unwrap(), 1);
        for bad in ["0", "-2", "x", "", "65536", "99999999999999999999"] {
            assert!(wanted(bad, 2).is_err(), "{bad}");
        }
    }

    /// A daemon on the home's socket that answers each call as told, on a new connection each; `None` dies instead.
    fn answers(
        home: &pm_protocol::Home,
        script: Vec<Option<serde_json::Value>>,
    ) -> std::thread::JoinHandle<Vec<Request>> {
        let listener = UnixListener::bind(home.socket()).unwrap();
        std::thread::spawn(move || {
            let mut asked = Vec::new();
            let mut open: Option<(UnixStream, Frames)> = None;
            for answer in script {
                let (mut stream, mut frames) =
                    open.take().unwrap_or_else(|| (listener.accept().unwrap().0, Frames::new()));
                let number = loop {
                    match frames.next_frame().unwrap() {
                        Some(Frame::Hello(hello)) => {
                            stream.write_all(&encode(&Frame::Hello(hello)).unwrap()).unwrap();
                        }
                        Some(Frame::Call(number, request)) => {
                            asked.push(request);
                            break number;
                        }
                        Some(Frame::Reply(..) | Frame::Refused(..) | Frame::News(..)) | None => {
                            let mut bytes = [0; 4096];
                            let count = stream.read(&mut bytes).unwrap();
                            assert!(count > 0, "the client left");
                            frames.push(&bytes[..count]);
                        }
                    }
                };
                if let Some(answer) = answer {
                    let raw = serde_json::value::to_raw_value(&answer).unwrap();
                    stream.write_all(&encode(&Frame::Reply(number, raw)).unwrap()).unwrap();
                    open = Some((stream, frames));
                }
            }
            asked
        })
    }

    #[test]
    fn after_a_lost_answer_only_what_is_still_there_is_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let home = pm_protocol::Home::at(dir.path().into(), None).unwrap();
        let listing = |rows: &[(u32, &str)]| {
            let rows: Vec<_> = rows.iter().map(|(id, name)| row(*id, name)).collect();
            Some(serde_json::to_value(Listing { rows, now: 1, host: None, warning: None }).unwrap())
        };
        let done = deleted(&[row(2, "b")], Vec::new());
        let daemon = answers(
            &home,
            vec![
                listing(&[(1, "a"), (2, "b"), (3, "c")]),
                None,
                // Number 3 is somebody else's by now.
                listing(&[(2, "b"), (3, "new")]),
                Some(serde_json::to_value(done).unwrap()),
            ],
        );
        let mut client = Client::open(&home).unwrap();
        let select = vec![Select::Word("a".into()), Select::Word("b".into())];
        let told = delete_surely(&mut client, select.clone()).unwrap();
        assert_eq!(told.outcomes.iter().map(|one| one.id).collect::<Vec<_>>(), [1, 2, 3]);
        let asked = daemon.join().unwrap();
        assert_eq!(asked[1], Delete { select }.into());
        assert_eq!(asked[3], Delete { select: vec![Select::Id(2)] }.into());
    }

    fn row(id: u32, name: &str) -> Row {
        samples::row(id, name, Status::Online)
    }
}
