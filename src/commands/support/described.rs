//! Asking for everything about many instances, however much that is: what does not fit into one answer is asked for in
//! parts.

use pm_client::{CallError, Client, Deadline};
use pm_protocol::{Code, Describe, Description, Descriptions, List};
use pm_spec::Select;

use crate::commands::support::listing;
use crate::prelude::{Failure, Session, quick};
use crate::session::QUICK;

/// Everything about these; all if nothing is selected. In parts each is true, if not all at the same moment.
pub(crate) fn described(client: &mut Client, select: Vec<Select>) -> Result<Descriptions, Failure> {
    ask(client, Describe { select, known: false })
}

/// [`described`], as people see it.
pub(crate) fn shown(
    session: &Session,
    client: &mut Client,
    select: Vec<Select>,
) -> Result<Descriptions, Failure> {
    let mut all = described(client, select)?;
    listing::as_seen(session, all.descriptions.iter_mut().map(|one| &mut one.row).collect());
    Ok(all)
}

/// What the daemon knows by itself of all instances; pids are left out.
pub(crate) fn known(client: &mut Client) -> Result<Descriptions, Failure> {
    ask(client, Describe { select: Vec::new(), known: true })
}

fn ask(client: &mut Client, call: Describe) -> Result<Descriptions, Failure> {
    match client.call(&call, Deadline::after(QUICK)) {
        Err(CallError::Refused(refusal)) if refusal.code == Code::TooMany => {}
        answer => return Ok(answer?),
    }
    let Describe { select, known } = call;
    let list = quick(client, &List { select, usage: false, host: false })?;
    let mut parts = Parts { client, known, descriptions: Vec::new() };
    let ids: Vec<u32> = list.rows.iter().map(|row| row.id).collect();
    parts.ask(&ids)?;
    Ok(Descriptions { descriptions: parts.descriptions, now: list.now })
}

/// What was answered so far.
struct Parts<'a> {
    client: &'a mut Client,
    known: bool,
    descriptions: Vec<Description>,
}

impl Parts<'_> {
    /// The first half, then the second, unless they fit into one answer; each as often as it takes.
    fn ask(&mut self, ids: &[u32]) -> Result<(), Failure> {
        for part in ids.chunks(ids.len().div_ceil(2).max(1)) {
            let select = part.iter().map(|id| Select::Id(*id)).collect();
            let call = Describe { select, known: self.known };
            match self.client.call(&call, Deadline::after(QUICK)) {
                Ok(answer) => self.descriptions.extend(answer.descriptions),
                Err(CallError::Refused(refusal))
                    if part.len() > 1 && matches!(refusal.code, Code::TooMany | Code::NotFound) =>
                {
                    self.ask(part)?;
                }
                // Somebody deleted it meanwhile.
                Err(CallError::Refused(refusal)) if refusal.code == Code::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
