//! `pm inspect`.

use pm_protocol::{Description, SendSignal};
use pm_spec::Signal;

use crate::cli::IdArgs;
use crate::commands::support::described::described;
use crate::commands::support::{nodes, selectors};
use crate::prelude::{Failure, Report, Session, quick};

/// Opens Node apps for a debugger: Node listens on 127.0.0.1:9229 from SIGUSR1 on; anything else would die of it.
pub(super) fn run(session: &Session, args: &IdArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let described = described(&mut client, select.clone())?.descriptions;
    let is_node = |described: &Description| {
        nodes::is_node(described.spec.interpreter.as_ref().unwrap_or(&described.spec.script))
    };
    if let Some(other) = described.iter().find(|one| !is_node(one)) {
        let message = format!("could not inspect {}: Node does not run it", other.row.name);
        return Err(Failure::failed(message));
    }
    quick(&mut client, &SendSignal { select, signal: Signal::USR1 })?;
    let text = "the debugger listens where the app's error log says, usually 127.0.0.1:9229";
    Ok(Report::said(session.console, "inspect", text))
}
