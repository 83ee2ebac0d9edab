//! Which machines are meant, and in which form they are to answer.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use pm_config::{is_host, read};

use crate::cli::{HostFlags, ListArgs, Verb};
use crate::commands::support::targets::{own_file, unusable};
use crate::console::Console;
use crate::prelude::{Failure, Session};
use crate::render::list::SortOrder;

/// The machines, each once, in the order in which they were named.
#[derive(Debug)]
pub(super) struct OnHosts {
    pub(super) names: Vec<String>,
    /// So many at once.
    pub(super) batch: usize,
    /// How many may fail before no more are begun.
    pub(super) may_fail: usize,
}

impl OnHosts {
    pub(super) fn read(session: &Session, flags: &HostFlags) -> Result<Self, Failure> {
        let mut names = Vec::new();
        for word in flags.hosts.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
            match word.strip_prefix('@') {
                Some(group) => names.extend(members(session, group)?),
                None => names.push(word.to_owned()),
            }
        }
        if let Some(bad) = names.iter().find(|name| !is_host(name)) {
            let message = format!("`{bad}` is no host");
            return Err(Failure::input(message).hint("-H web1,ann@web2 or -H @GROUP"));
        }
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() {
            return Err(Failure::input("-H names no host").hint("-H web1,ann@web2 or -H @GROUP"));
        }
        let batch = flags.batch.map_or(names.len(), usize::from);
        Ok(Self { batch, may_fail: flags.max_fail.unwrap_or(0).into(), names })
    }
}

/// The hosts of a group, of the ecosystem file that lies here.
fn members(session: &Session, group: &str) -> Result<Vec<String>, Failure> {
    let caller = session.caller()?;
    let Some(file) = own_file(&caller.cwd) else {
        let message = format!("could not find the group `{group}`: no ecosystem file lies here");
        return Err(
            Failure::input(message).hint("hosts: { web: ['web1', 'web2'] } in ecosystem.json5")
        );
    };
    read::host_group(&file, group, &caller).map_err(|diagnosis| unusable(&diagnosis))
}

/// How what they say is put together.
#[derive(Debug)]
pub(super) enum AnswerForm {
    /// Line for line as it comes, the host in front.
    Lines,
    /// The same, each line an object that is given the host.
    JsonLines,
    /// One document each: a list is joined, anything else stands under the name of its host.
    Documents,
    /// One table.
    List { order: SortOrder, is_json: bool },
}

/// What commands answer with, that only we ask for.
pub(super) const WHOLE: &str = "--whole";

impl AnswerForm {
    /// Words that are added to the command.
    pub(super) fn further(&self) -> &'static [&'static str] {
        if matches!(self, Self::List { .. }) { &[WHOLE] } else { &[] }
    }
}

/// In which form a command is answered by several machines.
pub(super) fn form(console: Console, command: &Verb) -> Result<AnswerForm, Failure> {
    if matches!(command, Verb::Monit(_) | Verb::Attach(_)) {
        let message = "one screen shows one host";
        return Err(Failure::input(message).hint("-H with one host; `list` and `logs` take many"));
    }
    if let Verb::List(args) = command
        && !args.watch
        && !console.mini
    {
        return list(console, args);
    }
    if let Verb::Ps(args) = command
        && !args.is_composes()
    {
        return list(console, &args.list);
    }
    let is_stream = matches!(command, Verb::Logs(_) | Verb::Events(_));
    Ok(match (console.json, is_stream) {
        (true, true) => AnswerForm::JsonLines,
        (true, false) => AnswerForm::Documents,
        (false, _) if matches!(command, Verb::Jlist) => AnswerForm::Documents,
        (false, _) => AnswerForm::Lines,
    })
}

fn list(console: Console, args: &ListArgs) -> Result<AnswerForm, Failure> {
    let order = SortOrder::asked(args.sort.as_deref())?;
    Ok(AnswerForm::List { order, is_json: console.json })
}

/// What was typed, without what is meant for us.
pub(super) fn without_hosts(typed: Vec<OsString>) -> Vec<OsString> {
    const OWN: [&str; 4] = ["-H", "--hosts", "--batch", "--max-fail"];
    let mut words = Vec::new();
    let mut typed = typed.into_iter();
    while let Some(word) = typed.next() {
        if word == "--" {
            words.push(word);
            break;
        }
        if OWN.iter().any(|own| word == *own) {
            typed.next();
        } else if !carries(&word, &OWN) {
            words.push(word);
        }
    }
    words.extend(typed);
    words
}

/// Whether a word is one of these options with its value: `--hosts=a`, `-Ha`.
fn carries(word: &OsStr, options: &[&str]) -> bool {
    options.iter().any(|option| {
        let rest = word.as_bytes().strip_prefix(option.as_bytes());
        rest.is_some_and(|rest| rest.starts_with(b"=") || !option.starts_with("--"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_us_is_not_for_them() {
        let words = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        for (typed, sent) in [
            ("-H a,b list", "list"),
            ("list -Ha,b --json", "list --json"),
            ("--hosts=a apply x.json5 --batch 1 --max-fail=0", "apply x.json5"),
            ("start app.js -H a -- -H b", "start app.js -- -H b"),
            ("restart --hostsy", "restart --hostsy"),
        ] {
            assert_eq!(without_hosts(words(typed)), words(sent), "{typed}");
        }
    }
}
