//! After a call that must not be asked twice was lost with its daemon: looks at the list and asks only for what was
//! not begun.
//!
//! The journal is written before anything is spawned, and a row's `created_at` is the time people last started it. So
//! a row with a later one than our question was taken over by the lost daemon, and its successor carries it on.

use std::time::{Duration, SystemTime};

use pm_client::{CallError, Client, Deadline};
use pm_protocol::{
    Call, Code, Existing, Outcome, Outcomes, Patience, Raise, Reload, Restart, Row, Start, Status,
    What,
};
use pm_spec::{AppSpec, Select};

use crate::commands::support::listing;
use crate::prelude::Failure;

/// So many daemons may die under one command before we say so.
const LOSSES: u32 = 3;

/// Whose start this is was read from several clocks, each cut to whole milliseconds: so many may be lost.
const SLACK: u64 = 3;

/// Whether a row was last started by people after we `asked`.
pub(crate) const fn is_begun(row: &Row, asked: u64) -> bool {
    row.created_at.saturating_add(SLACK) >= asked
}

/// Wall clock in ms since 1970; the rows' clock is this machine's as well.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Asks, however many daemons it takes: after a lost answer `rest` says what is left to be asked, and what became of
/// the others meanwhile.
pub(crate) fn surely<C: Call<Reply = Outcomes> + Clone>(
    client: &mut Client,
    call: C,
    mut rest: impl FnMut(&mut Client, C) -> Result<(Vec<C>, Vec<Outcome>), Failure>,
) -> Result<Outcomes, Failure> {
    let mut outcomes = Vec::new();
    let mut calls = vec![call];
    let mut losses = 0;
    while let Some(call) = calls.pop() {
        match client.call(&call, Deadline::NEVER) {
            Ok(answer) => {
                outcomes.extend(answer.outcomes);
                continue;
            }
            Err(CallError::Lost) if losses < LOSSES => losses += 1,
            // Somebody else deleted one of them between our two calls.
            Err(CallError::Refused(refusal))
                if (1..LOSSES).contains(&losses) && refusal.code == Code::NotFound =>
            {
                losses += 1;
            }
            Err(error) => return Err(error.into()),
        }
        let (left, known) = rest(client, call)?;
        calls.extend(left);
        outcomes.extend(known);
    }
    outcomes.sort_by_key(|outcome| outcome.id);
    Ok(Outcomes { outcomes, warning: None })
}

/// Starts apps, each once.
pub(crate) fn start(client: &mut Client, call: Start) -> Result<Outcomes, Failure> {
    let asked = now();
    surely(client, call, |client, call| {
        Ok((rest(call, &listing::rows(client)?, asked), Vec::new()))
    })
}

/// Has running apps go by a changed spec.
pub(crate) fn change(client: &mut Client, apps: Vec<AppSpec>) -> Result<Outcomes, Failure> {
    start(
        client,
        Start { apps, existing: Existing::Converge, wait: Patience::Spawned, no_deps: false },
    )
}

/// What is left of a lost start: apps not begun are asked for again as before; those begun are waited for.
fn rest(call: Start, rows: &[Row], asked: u64) -> Vec<Start> {
    let begun = |app: &AppSpec| {
        rows.iter().any(|row| {
            row.name == app.name.as_str()
                && row.namespace == app.namespace.as_str()
                && is_begun(row, asked)
        })
    };
    let Start { apps, existing, wait, no_deps } = call;
    let (begun, fresh): (Vec<_>, Vec<_>) = apps.into_iter().partition(begun);
    // Theirs is the spec of this call by now, where it was to be; a job that is done is not begun once more.
    let again = match existing {
        Existing::Restart | Existing::Reload | Existing::Refuse | Existing::Converge => {
            Existing::Converge
        }
        Existing::Keep | Existing::Duplicate => Existing::Keep,
    };
    [(begun, again), (fresh, existing)]
        .into_iter()
        .filter(|(apps, _)| !apps.is_empty())
        .map(|(apps, existing)| Start { apps, existing, wait, no_deps })
        .collect()
}

/// A call that names known instances, and can be asked again for some of them.
pub(crate) trait Renewal: Call<Reply = Outcomes> + Clone {
    /// Of which.
    fn select(&self) -> &[Select];
    /// The same for these.
    fn of(&self, select: Vec<Select>) -> Self;
}

macro_rules! renewals {
    ($($call:ident),+) => {
        $(impl Renewal for $call {
            fn select(&self) -> &[Select] {
                &self.select
            }

            fn of(&self, select: Vec<Select>) -> Self {
                Self { select, ..self.clone() }
            }
        })+
    };
}

renewals!(Restart, Raise);

/// Restarts or raises known instances, each once.
pub(crate) fn renew(client: &mut Client, call: &impl Renewal) -> Result<Outcomes, Failure> {
    let asked = now();
    surely(client, call.clone(), |client, call| {
        let rows = listing::rows_of(client, call.select().to_vec())?;
        let (begun, fresh): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| is_begun(row, asked));
        let fresh: Vec<_> = fresh.iter().map(|row| Select::Id(row.id)).collect();
        let left = if fresh.is_empty() { Vec::new() } else { vec![call.of(fresh)] };
        Ok((left, begun.iter().map(standing).collect()))
    })
}

/// Reloads known instances, each once: whoever comes after a daemon that died is told when it was asked first, for what was
/// begun since is to be waited for and not begun anew.
pub(crate) fn reload(client: &mut Client, call: Reload) -> Result<Outcomes, Failure> {
    let begun = u64::try_from(pm_os::clock::monotonic().as_millis()).unwrap_or(u64::MAX);
    surely(client, call, |_, call| Ok((vec![Reload { again: Some(begun), ..call }], Vec::new())))
}

/// An instance that was begun, as it stands now.
fn standing(row: &Row) -> Outcome {
    let what = match row.status {
        Status::Online | Status::Launching | Status::Stopping => What::Restarted,
        Status::Stopped => What::Finished,
        Status::Errored | Status::WaitingRestart => {
            What::Failed(row.note.clone().unwrap_or_else(|| row.status.as_str().into()))
        }
    };
    Outcome {
        id: row.id,
        name: row.name.clone(),
        what,
        pid: row.pid,
        error_log: None,
        note: None,
        exit: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden::spec;
    use pm_protocol::Patience;
    use pm_testkit::samples;

    fn row(name: &str, created_at: u64, status: Status) -> Row {
        Row { created_at, ..samples::row(7, name, status) }
    }

    fn names(start: &Start) -> Vec<&str> {
        start.apps.iter().map(|app| app.name.as_str()).collect()
    }

    #[test]
    fn a_lost_start_is_asked_again_only_for_what_was_not_begun() {
        let apps = vec![spec("begun"), spec("fresh"), spec("old")];
        let call =
            Start { apps, existing: Existing::Duplicate, wait: Patience::Settled, no_deps: false };
        let rows = [row("begun", 999, Status::Online), row("old", 990, Status::Online)];
        let calls = rest(call, &rows, 1_000);
        assert_eq!(calls.len(), 2);
        assert_eq!((names(&calls[0]), calls[0].existing), (vec!["begun"], Existing::Keep));
        let fresh = (names(&calls[1]), calls[1].existing);
        assert_eq!(fresh, (vec!["fresh", "old"], Existing::Duplicate));
    }

    #[test]
    fn a_lost_start_of_one_app_is_one_call() {
        let call = Start {
            apps: vec![spec("web")],
            existing: Existing::Refuse,
            wait: Patience::Spawned,
            no_deps: false,
        };
        let calls = rest(call, &[row("web", 500, Status::Errored)], 100);
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].existing, Existing::Converge, "refusing our own app would be a lie");
    }

    #[test]
    fn what_was_begun_is_told_as_it_stands() {
        assert_eq!(standing(&row("a", 1, Status::Online)).what, What::Restarted);
        assert_eq!(standing(&row("a", 1, Status::Stopped)).what, What::Finished);
        assert!(standing(&row("a", 1, Status::Errored)).what.is_failure());
    }
}
