//! `pm scale`.

use pm_client::Deadline;
use pm_protocol::{List, Scale};

use crate::cli::ScaleArgs;
use crate::commands::support::{finish, progress, resend, selectors};
use crate::prelude::{Failure, Report, Session, quick};

pub(super) fn run(session: &Session, args: &ScaleArgs) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let list = List { select: select.clone(), usage: false, host: false };
    let present = i64::try_from(quick(&mut client, &list)?.rows.len()).unwrap_or(i64::MAX);
    let to = wanted(&args.number, present)?;
    let asked = resend::now();
    let call = Scale { select, to };
    let done = progress::during(session, "scaling", || client.call(&call, Deadline::NEVER))?;
    finish::report(session, &mut client, done.outcomes, asked, "nothing to scale")
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
