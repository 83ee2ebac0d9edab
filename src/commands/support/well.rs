//! Waiting until apps run and are healthy (Compose: `up --wait`).

use pm_client::{Deadline, Subscription};
use pm_protocol::{Description, Status};
use pm_spec::{AppSpec, Condition, Health};

use crate::commands::support::described;
use crate::prelude::{Failure, Session};

/// Returns when all instances of these apps run and are healthy, or have run to their good end where one of `needing` waits
/// for that. An app that will not get there is a failure, and so is the end of the time.
pub(crate) fn wait(
    session: &Session,
    (apps, needing): (&[AppSpec], &[AppSpec]),
    deadline: Deadline,
) -> Result<(), Failure> {
    // What happens between a look and the news of it is in the next look.
    let mut feed = Subscription::open(&session.home, None)?;
    let mut client = session.need()?;
    loop {
        let all = described::known(&mut client)?.descriptions;
        let mut late = None;
        for one in &all {
            let is_same = |app: &&AppSpec| {
                (&app.name, &app.namespace) == (&one.spec.name, &one.spec.namespace)
            };
            if !apps.iter().any(|app| is_same(&app)) || !begins(&one.spec) {
                continue;
            }
            let is_awaited = is_to_end(one, needing);
            match standing(one, is_awaited) {
                WellBeing::Well => {}
                WellBeing::Comes => late = Some(&one.row.name),
                WellBeing::Lost(why) => {
                    let failure = Failure::failed(format!("{} {why}", one.row.name));
                    return Err(failure.hint(format!("`pm why {}`", one.row.name)));
                }
            }
        }
        let Some(late) = late else { return Ok(()) };
        if feed.next_before(deadline)?.is_none() {
            let failure = Failure::failed(format!("{late} is not up and healthy in time"));
            return Err(failure.hint(format!("`pm why {late}`")));
        }
    }
}

/// Where one stands on its way.
#[derive(Debug, PartialEq, Eq)]
enum WellBeing {
    Well,
    Comes,
    /// And why.
    Lost(String),
}

/// Whether it begins without being asked.
fn begins(app: &AppSpec) -> bool {
    app.autostart && !app.waits_for_its_time()
}

/// Whether another of these waits for its good end.
fn is_to_end(one: &Description, apps: &[AppSpec]) -> bool {
    let needs = apps.iter().filter(|app| app.namespace == one.spec.namespace);
    needs
        .flat_map(|app| &app.depends_on)
        .any(|need| need.app == one.spec.name && need.condition == Condition::Completed)
}

fn standing(one: &Description, is_to_end: bool) -> WellBeing {
    let row = &one.row;
    match row.status {
        Status::Stopped | Status::Errored => {
            let end = one.ends.last();
            match end {
                Some(end) if is_to_end && end.code == Some(0) => WellBeing::Well,
                Some(end) => WellBeing::Lost(end.why.clone()),
                None => WellBeing::Lost(row.note.clone().unwrap_or_else(|| "is stopped".into())),
            }
        }
        Status::Online if is_to_end => WellBeing::Comes,
        Status::Online => match row.health {
            None | Some(Health::Healthy) => WellBeing::Well,
            Some(Health::Starting) => WellBeing::Comes,
            Some(Health::Unhealthy) => WellBeing::Lost("is unhealthy".into()),
        },
        Status::Launching | Status::WaitingRestart | Status::Stopping => WellBeing::Comes,
    }
}
