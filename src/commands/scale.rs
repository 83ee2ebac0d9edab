//! `pm scale`.

use std::collections::{BTreeMap, BTreeSet};

use pm_client::{CallError, Deadline};
use pm_protocol::{Delete, Row, Scale};
use pm_spec::Select;

use crate::cli::ScaleArgs;
use crate::commands::support::{finish, listing, progress, resend, selectors};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &ScaleArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let rows = listing::rows_of(&mut client, select.clone())?;
    let present = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let to = wanted(&args.number, present)?;
    let asked = resend::now();
    let surplus = if session.called_as.is_pm2() { oldest(&rows, to) } else { Vec::new() };
    let call = Scale { select, to };
    let outcomes = progress::during(session, "scaling", || -> Result<_, CallError> {
        let mut outcomes = if surplus.is_empty() {
            Vec::new()
        } else {
            client.call(&Delete { select: surplus }, Deadline::NEVER)?.outcomes
        };
        outcomes.extend(client.call(&call, Deadline::NEVER)?.outcomes);
        Ok(outcomes)
    })?;
    finish::report(session, &mut client, outcomes, asked, "nothing to scale")
}

/// What is too much of each app, in PM2's order: those with the lowest numbers go.
fn oldest(rows: &[Row], to: u16) -> Vec<Select> {
    let mut apps: BTreeMap<(&str, &str), BTreeSet<u32>> = BTreeMap::new();
    for row in rows {
        apps.entry((&row.name, &row.namespace)).or_default().insert(row.id);
    }
    let surplus = apps.values().flat_map(|ids| {
        let count = ids.len().saturating_sub(to.into());
        ids.iter().take(count)
    });
    surplus.map(|id| Select::Id(*id)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_instances_may_be_relative() {
        assert_eq!(wanted("4", 2).unwrap(), 4);
        assert_eq!(wanted("+2", 2).unwrap(), 4);
        assert_eq!(wanted("-1", 2).unwrap(), 1);
        for bad in ["0", "-2", "x", "", "65536", "99999999999999999999"] {
            assert!(wanted(bad, 2).is_err(), "{bad}");
        }
    }
}
