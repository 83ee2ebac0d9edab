//! `pm -H web1,@group COMMAND`: the same command on many machines, over the user's own OpenSSH. There is no cluster: each
//! machine does what it is told and answers for itself.

mod answers;
mod choice;
mod collected;
mod host_end;
mod remote_call;
mod round;
mod ssh;
mod streamed;

use std::ffi::OsString;

use crate::cli::{HostFlags, RemoteArgs, Verb};
use crate::prelude::{Failure, Report, Session};

use choice::OnHosts;
pub(super) use host_end::HostEnd;
pub(super) use remote_call::RemoteCall;
pub(super) use ssh::Ssh;

/// Has all of them do what was typed.
pub(crate) fn run(
    session: &Session,
    flags: &HostFlags,
    command: &Verb,
    typed: Vec<OsString>,
) -> Result<Report, Failure> {
    let on = OnHosts::read(session, flags)?;
    if matches!(command, Verb::Remote(_)) {
        return Err(Failure::input("no machine asks another for us"));
    }
    let (words, ssh) = (choice::without_hosts(typed), Ssh::new(&session.home));
    if let [host] = on.names.as_slice() {
        return round::alone(host, &ssh, &RemoteCall::new(words, &[])?);
    }
    let form = choice::form(session.console, command)?;
    let call = RemoteCall::new(words, form.further())?;
    round::run(session, &on, &form, &ssh, &call)
}

/// What another machine asks of this one.
pub(super) fn remote(args: &RemoteArgs) -> Result<Report, Failure> {
    remote_call::run(args)
}
