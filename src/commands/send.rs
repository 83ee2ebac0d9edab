//! `pm send`: a line for an app's standard input.

use std::os::unix::ffi::OsStrExt;

use pm_protocol::Input;
use pm_spec::ByteString;

use crate::cli::SendArgs;
use crate::commands::support::selectors;
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::outcomes::Done;

/// PM2 takes ids only, and of several words the first.
pub(super) fn run(session: &Session, args: &SendArgs) -> Result<Report, Failure> {
    let words: Vec<_> = args.line.iter().map(|word| word.as_bytes()).collect();
    let mut line = words.join(&b' ');
    line.push(b'\n');
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, std::slice::from_ref(&args.app))?;
    let call = Input { select, bytes: ByteString::new(line) };
    let outcomes = quick(&mut client, &call)?.outcomes;
    Ok(Done { outcomes, ..Done::nothing("nobody to tell") }.report(session.console))
}
