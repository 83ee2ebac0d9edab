//! Asking for everything about many instances, however much that is: what does not fit into one answer is asked for in
//! parts.

use pm_client::{CallError, Client, Deadline};
use pm_protocol::{Code, Describe, Description, Descriptions, List};
use pm_spec::Select;

use crate::commands::{QUICK, quick};
use crate::failure::Failure;

/// Everything about these; all if nothing is selected. In parts each is true, if not all at the same moment.
pub(super) fn described(client: &mut Client, select: Vec<Select>) -> Result<Descriptions, Failure> {
    let call = Describe { select: select.clone() };
    match client.call(&call, Deadline::after(QUICK)) {
        Err(CallError::Refused(refusal)) if refusal.code == Code::TooMany => {}
        answer => return Ok(answer?),
    }
    let listing = quick(client, &List { select, usage: false, host: false })?;
    let ids: Vec<u32> = listing.rows.iter().map(|row| row.id).collect();
    let mut descriptions = Vec::new();
    parts(client, &ids, &mut descriptions)?;
    Ok(Descriptions { descriptions, now: listing.now })
}

/// The first half, then the second, unless they fit into one answer; each as often as it takes.
fn parts(client: &mut Client, ids: &[u32], into: &mut Vec<Description>) -> Result<(), Failure> {
    for part in ids.chunks(ids.len().div_ceil(2).max(1)) {
        let select = part.iter().map(|id| Select::Id(*id)).collect();
        match client.call(&Describe { select }, Deadline::after(QUICK)) {
            Ok(answer) => into.extend(answer.descriptions),
            Err(CallError::Refused(refusal))
                if part.len() > 1 && matches!(refusal.code, Code::TooMany | Code::NotFound) =>
            {
                parts(client, part, into)?;
            }
            // Somebody deleted it meanwhile.
            Err(CallError::Refused(refusal)) if refusal.code == Code::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
