//! Talking with apps: over Node's channel what they say about themselves and actions they are asked for, and words for
//! their standard input.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pm_core::InstanceView;
use pm_node::{ActionResult, ActionResults, Called, NotOffered, Worker};
use pm_os::identity::ProcIdentity;
use pm_os::input;
use pm_protocol::{
    ActionAnswer, Code, Input, Outcome, Pulse, Refusal, Said, Trigger, Triggered, What,
};
use pm_spec::Select;
use tokio::sync::oneshot;

use crate::caller::Caller;
use crate::core_driver::CoreDriver;
use crate::runs::Life;
use crate::server::answer;

/// Nobody waits longer for an answer than a day, in ms.
const LONGEST: u64 = 86_400_000;

/// An app that reads its standard input at all makes room sooner than this.
const ROOM: Duration = Duration::from_secs(2);

/// The number by which the thread knows the process of an instance; `None`: there is none, or it has no channel.
fn worker(driver: &CoreDriver, instance: &InstanceView<'_>) -> Option<Worker> {
    let (run, identity) = instance.run?;
    let run = driver.executor().runs().get(run).filter(|run| run.app.serving.channel)?;
    identity.map(|_| run.tag.raw())
}

/// What the processes of these instances say about themselves; those that say nothing are left out.
pub(super) fn pulses(
    driver: &CoreDriver,
    instances: &[InstanceView<'_>],
) -> oneshot::Receiver<BTreeMap<u32, Pulse>> {
    let (tell, told) = oneshot::channel();
    let known = |one: &InstanceView<'_>| Some((worker(driver, one)?, one.id.0));
    let workers: BTreeMap<Worker, u32> = instances.iter().filter_map(known).collect();
    match driver.executor().runs().node().begun().filter(|_| !workers.is_empty()) {
        Some(exchange) => exchange.look(workers.keys().copied().collect(), move |pulses| {
            let known = |(worker, pulse)| Some((*workers.get(&worker)?, answer::pulse(pulse)));
            // Whoever asked may be gone.
            tell.send(pulses.into_iter().filter_map(known).collect()).ok();
        }),
        None => {
            tell.send(BTreeMap::new()).ok();
        }
    }
    told
}

/// Asks apps to do something.
pub(super) fn trigger(driver: &CoreDriver, call: Trigger, caller: Caller) {
    let Some((instances, caller)) = driver.selected(&call.select, caller) else { return };
    let known = |one: &InstanceView<'_>| Some((worker(driver, one)?, unanswered(one)));
    let asked: BTreeMap<Worker, ActionAnswer> = instances.iter().filter_map(known).collect();
    let exchange = driver.executor().runs().node().begun();
    let Some(exchange) = exchange.filter(|_| !asked.is_empty()) else {
        return caller.refuse(no_channel(&instances));
    };
    let workers = asked.iter().map(|(worker, one)| (*worker, called(&call.select, one)));
    exchange.trigger(pm_node::ActionRequest {
        workers: workers.collect(),
        action: call.action.clone(),
        param: call.param,
        patience: call.patience.min(LONGEST),
        reply: Box::new(move |answers| match answers {
            Ok(answers) => caller.reply(&triggered(asked, answers)),
            Err(NotOffered { known }) => {
                caller.refuse(not_offered(&call.action, known.into_iter().collect()));
            }
        }),
    });
}

/// Writes to apps, on a thread that may wait for those that are slow to read.
pub(super) fn input(driver: &CoreDriver, call: Input, caller: Caller) {
    let Some((instances, caller)) = driver.selected(&call.select, caller) else { return };
    let readers: Vec<_> = instances.iter().map(|instance| reader(driver, instance)).collect();
    tokio::task::spawn_blocking(move || {
        // All together, however many do not read.
        let until = Instant::now() + ROOM;
        let tell = |(mut outcome, identity): (Outcome, Option<ProcIdentity>)| {
            let left = until.saturating_duration_since(Instant::now());
            let told = identity.map(|app| input::write(&app, call.bytes.as_bytes(), left));
            outcome.what = match told {
                Some(Ok(())) => What::Told,
                Some(Err(error)) => What::Failed(format!("could not {error}")),
                None => What::Failed("it does not run".into()),
            };
            outcome
        };
        caller.outcomes(readers.into_iter().map(tell).collect());
    });
}

/// An instance that is about to be written to, and who reads there.
fn reader(driver: &CoreDriver, instance: &InstanceView<'_>) -> (Outcome, Option<ProcIdentity>) {
    let run = instance.run.and_then(|(run, _)| driver.executor().runs().get(run));
    let identity = run.filter(|run| matches!(run.life, Life::Alive)).and_then(|run| run.identity);
    let outcome = Outcome {
        id: instance.id.0,
        name: instance.app.name.to_string(),
        what: What::Told,
        pid: identity.map_or(0, |app| u32::try_from(app.pid).unwrap_or(0)),
        error_log: None,
        note: None,
        exit: None,
    };
    (outcome, identity)
}

fn unanswered(instance: &InstanceView<'_>) -> ActionAnswer {
    let (name, namespace) = (instance.app.name.to_string(), instance.app.namespace.to_string());
    ActionAnswer { id: instance.id.0, name, namespace, said: Said::Late }
}

/// By what an instance was meant.
fn called(select: &[Select], one: &ActionAnswer) -> Called {
    let by_id = |select: &Select| match select {
        Select::Id(id) => *id == one.id,
        Select::Word(word) => *word == one.id.to_string() && *word != one.name,
        Select::All | Select::Name(_) | Select::Namespace(_) => false,
    };
    if select.iter().any(by_id) { Called::Id(one.id) } else { Called::Name(one.name.clone()) }
}

fn triggered(mut asked: BTreeMap<Worker, ActionAnswer>, came: ActionResults) -> Triggered {
    let answer = |(worker, came)| {
        let said = match came {
            ActionResult::Returned(Some(json)) => Said::Returned(json),
            ActionResult::Returned(None) => Said::Nothing,
            ActionResult::Late => Said::Late,
            ActionResult::Gone => Said::Gone,
        };
        asked.remove(&worker).map(|one| ActionAnswer { said, ..one })
    };
    let mut answers: Vec<_> = came.into_iter().filter_map(answer).collect();
    answers.sort_by_key(|one| one.id);
    Triggered { answers }
}

fn unable(message: String, hint: Option<String>) -> Refusal {
    Refusal { code: Code::Unable, message, hint }
}

/// Nobody who was meant can be asked anything.
fn no_channel(instances: &[InstanceView<'_>]) -> Refusal {
    if let Some(instance) = instances.iter().find(|instance| instance.app.serving.channel) {
        return unable(format!("`{}` does not run", instance.app.name), None);
    }
    let name = instances.first().map_or("it", |instance| instance.app.name.as_str());
    let hint = "Node, Bun and Deno apps have one; others get it with `channel: true`";
    unable(format!("`{name}` has no channel to be asked over"), Some(hint.into()))
}

fn not_offered(action: &str, known: Vec<String>) -> Refusal {
    /// More names help nobody.
    const MOST: usize = 20;
    let message = format!("no process that is meant offers the action `{action}`");
    if known.is_empty() {
        let hint =
            "an app offers one by process.send({type: 'axm:action', data: {action_name: ...}})";
        return unable(message, Some(hint.into()));
    }
    let more = known.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names: Vec<_> = known.into_iter().take(MOST).collect();
    unable(message, Some(format!("there are: {}{more}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_called_what_people_called_it() {
        let one = |name: &str| ActionAnswer {
            id: 7,
            name: name.into(),
            namespace: "default".into(),
            said: Said::Late,
        };
        let name = |name: &str| Called::Name(name.into());
        for (select, app, expected) in [
            (Select::Id(7), "web", Called::Id(7)),
            (Select::Word("7".into()), "web", Called::Id(7)),
            (Select::Word("7".into()), "7", name("7")),
            (Select::Word("web".into()), "web", name("web")),
            (Select::Id(8), "web", name("web")),
            (Select::All, "web", name("web")),
        ] {
            assert_eq!(called(std::slice::from_ref(&select), &one(app)), expected, "{select:?}");
        }
    }

    #[test]
    fn who_asks_for_what_there_is_not_hears_what_there_is() {
        let hint = |known: usize| {
            let known = (0..known).map(|number| format!("a{number}")).collect();
            not_offered("x", known).hint.unwrap()
        };
        assert!(hint(0).contains("axm:action"));
        assert_eq!(hint(2), "there are: a0, a1");
        assert!(hint(25).ends_with("a19 and 5 more"));
    }
}
