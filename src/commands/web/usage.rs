//! What apps used, from the rings the panel writes: they are read whether it runs or not.

use pm_protocol::List;
use pm_spec::Select;
use pm_web::UsageHistory;

use crate::prelude::{Failure, Session, quick};
use crate::render::usage::InstanceUsage;

/// Of those a daemon knows, over this time (ms since 1970).
pub(crate) fn of(
    session: &Session,
    select: Vec<Select>,
    span: (u64, u64),
) -> Result<Vec<InstanceUsage>, Failure> {
    let Some(mut client) = session.find()? else { return Ok(Vec::new()) };
    // Of who is gone meanwhile only the events are left.
    let Ok(listing) = quick(&mut client, &List { select, usage: false, host: false }) else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for row in listing.rows {
        let history = UsageHistory::read(&session.home, (&row.name, row.slot), span, 0);
        let history = history.map_err(|error| {
            Failure::failed(format!("could not read the figures of {}: {error}", row.name))
        })?;
        if let Some(history) = history.filter(|it| !it.steps.is_empty()) {
            all.push(usage((row.id, row.name, row.slot), &history));
        }
    }
    Ok(all)
}

fn usage((id, name, slot): (u32, String, u16), history: &UsageHistory) -> InstanceUsage {
    InstanceUsage {
        id,
        name,
        slot,
        begin: history.begin_ms,
        step: history.tier.step_ms(),
        cpu: history.cpu(),
        memory: history.memory(),
        restarts: history.restarts.clone(),
    }
}
