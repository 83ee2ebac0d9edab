//! `pm top`: the processes of apps, each with what it uses (Compose).

use pm_os::clock;
use pm_os::usage::of_process;

use crate::cli::SelectArgs;
use crate::commands::support::described::described;
use crate::commands::support::selectors;
use crate::commands::support::users::UserNames;
use crate::prelude::{Failure, Report, Session};
use crate::render::json::value;
use crate::render::processes::{ShownProcess, table};

pub(super) fn run(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    let all = match session.find_for(&args.apps)? {
        Some(mut client) => {
            let select = selectors::selects(session, &mut client, &args.apps)?;
            let asked = clock::since_boot();
            let all = described(&mut client, select)?.descriptions;
            let mut names = UserNames::default();
            let pids = all.iter().flat_map(|one| one.pids.iter().map(move |pid| (&one.row, *pid)));
            let shown = pids.filter_map(|(row, pid)| {
                // Who began meanwhile has the number of one that ended.
                let seen = of_process(pid.try_into().ok()?).filter(|seen| seen.begun <= asked)?;
                Some(ShownProcess {
                    id: row.id,
                    name: row.name.clone(),
                    pid,
                    ppid: seen.ppid,
                    user: names.of(seen.uid).unwrap_or_else(|| seen.uid.to_string()),
                    cpu: seen.cpu,
                    memory: seen.memory,
                    command: String::from_utf8_lossy(&seen.command).into_owned(),
                })
            });
            shown.collect()
        }
        None => Vec::new(),
    };
    Ok(Report::new(session.console, || table(&all, session.console.look), || value(&all)))
}
