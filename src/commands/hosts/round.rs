//! Everybody's turn: all machines at once, or so many after so many until too many have failed.

use std::collections::BTreeSet;
use std::sync::Arc;

use pm_client::count;

use super::answers::Answers;
use super::choice::{AnswerForm, OnHosts};
use super::host_end::HostEnd;
use super::remote_call::RemoteCall;
use super::ssh::Ssh;
use super::{collected, streamed};
use crate::commands::support::targets::standard_input;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::report::ReportExit;

/// Has the machines do it and tells how it went.
pub(super) fn run(
    session: &Session,
    on: &OnHosts,
    form: &AnswerForm,
    ssh: &Ssh,
    call: &RemoteCall,
) -> Result<Report, Failure> {
    let input: Option<Arc<[u8]>> =
        if call.reads_input() { Some(standard_input()?.into()) } else { None };
    let mut shown = String::new();
    let mut ends: Vec<(&str, HostEnd)> = Vec::new();
    let mut rest = on.names.as_slice();
    while !rest.is_empty() && failed(&ends) <= on.may_fail {
        let (now, later) = rest.split_at(on.batch.min(rest.len()));
        rest = later;
        let answers = Answers::ask(now, ssh, call, input.as_ref());
        let said = match form {
            AnswerForm::Lines | AnswerForm::JsonLines => {
                streamed::show(session.console, &on.names, now, answers, form)
            }
            AnswerForm::Documents => collected::documents(now, answers, &mut shown),
            AnswerForm::List { order, is_json } => {
                collected::list(session.console, now, answers, (*order, *is_json), &mut shown)
            }
        };
        ends.extend(now.iter().map(String::as_str).zip(said));
    }
    Ok(report(&ends, rest, shown))
}

/// One machine, as if one were there.
pub(super) fn alone(host: &str, ssh: &Ssh, call: &RemoteCall) -> Result<Report, Failure> {
    let end = ssh.alone(host, call);
    if let HostEnd::Code(code) = end
        && code != HostEnd::NOT_FOUND
    {
        return Ok(Report::ended(code));
    }
    Err(end.failure(host))
}

fn failed(ends: &[(&str, HostEnd)]) -> usize {
    ends.iter().filter(|(_, end)| !end.is_well()).count()
}

/// How it went: what did not, on which machines, and which were spared.
fn report(ends: &[(&str, HostEnd)], spared: &[String], shown: String) -> Report {
    let bad: Vec<_> = ends.iter().filter(|(_, end)| !end.is_well()).collect();
    if bad.is_empty() {
        return Report { shown, ..Report::default() };
    }
    let all = count(ends.len() + spared.len(), "host");
    let mut aside = format!("error: {} of {all} failed\n", bad.len());
    for (host, end) in &bad {
        aside.extend(["  ", host, ": ", &end.told(), "\n"]);
    }
    if !spared.is_empty() {
        aside.extend(["  not begun: ", &spared.join(", "), "\n"]);
    }
    let cures = bad.iter().filter_map(|(host, end)| end.cure(host));
    let cures: BTreeSet<_> = cures.collect();
    aside.extend(cures.into_iter().map(|cure| format!("hint: {cure}\n")));
    Report { shown, aside, ending: ReportExit::Not(together(&bad)) }
}

/// The exit code they have in common, else that of a failure.
fn together(bad: &[&(&str, HostEnd)]) -> Exit {
    let is_all = |exit: Exit| bad.iter().all(|(_, end)| *end == HostEnd::Code(exit as u8));
    [Exit::Input, Exit::NoDaemon, Exit::Late]
        .into_iter()
        .find(|exit| is_all(*exit))
        .unwrap_or(Exit::Failed)
}
