//! `pm exec`: a command beside an app that runs, or in its container (Compose).

use std::ffi::OsString;
use std::io::IsTerminal;

use pm_config::ContainerFront;
use pm_protocol::Description;

use crate::cli::{CommandFlags, ExecArgs};
use crate::commands::support::in_place::{self, InstancePlace};
use crate::commands::support::{described, selectors};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &ExecArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described::described(&mut client, select)?.descriptions;
    drop(client);
    let one = meant(&described, args)?;
    let (app, slot) = (&one.spec, one.row.slot);
    if one.row.pid == 0 {
        let failure = Failure::failed(format!("{} does not run", one.row.name));
        return Err(failure.hint(format!("`pm run --rm {} ...` needs no running one", args.app)));
    }
    let Some(front) = ContainerFront::of(app) else {
        let place = InstancePlace { app, slot, pid: Some(one.row.pid) };
        return in_place::run(session, place, (&args.command, &args.how));
    };
    let mut words = vec![OsString::from("exec")];
    words.extend(flags(&args.how));
    words.push(front.name(slot).into());
    words.extend(args.command.iter().cloned());
    Ok(in_place::run_engine(front.engine, None, &words))
}

/// The instance that is meant.
fn meant<'a>(all: &'a [Description], args: &ExecArgs) -> Result<&'a Description, Failure> {
    let first =
        all.first().ok_or_else(|| Failure::failed(format!("no app is called {}", args.app)))?;
    let same = (&first.spec.name, &first.spec.namespace);
    if let Some(other) = all.iter().find(|it| (&it.spec.name, &it.spec.namespace) != same) {
        let message = format!(
            "{} is more than one app: {} of {} and {} of {}",
            args.app, first.row.name, first.row.namespace, other.row.name, other.row.namespace
        );
        return Err(Failure::input(message).hint("say it by the id: `pm exec 3 ...`"));
    }
    let Some(index) = args.index else { return Ok(first) };
    let wanted = all.iter().find(|it| u32::from(it.row.slot) + 1 == u32::from(index));
    wanted.ok_or_else(|| {
        let count = pm_client::count(all.len(), "instance");
        Failure::failed(format!("{} has {count} and none is number {index}", args.app))
    })
}

/// What the engine is told about the command: a terminal, if there is one at both ends.
pub(super) fn flags(how: &CommandFlags) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--interactive".into()];
    if !how.no_tty && std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        words.push("--tty".into());
    }
    for (flag, value) in [("--user", &how.user), ("--workdir", &how.workdir)] {
        words.extend(value.iter().flat_map(|value| [flag.into(), OsString::from(value)]));
    }
    for word in &how.env {
        if let (name, Some(value)) = in_place::given(word) {
            let mut pair = OsString::from(format!("{name}="));
            pair.push(value);
            words.extend(["--env".into(), pair]);
        }
    }
    words
}
