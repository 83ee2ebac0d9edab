//! Asks one run, again and again.

use std::time::Duration;

use pm_core::{Fact, RunId};
use pm_spec::{HealthCheck, OutsideNeed, Probe, Question, Span};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::command;
use super::signs;
use super::subject::Subject;

/// The least pause between questions whether it is ready; commands cost more than connections.
const LEAST: Duration = Duration::from_millis(20);
const LEAST_FOR_COMMANDS: Duration = Duration::from_millis(100);

/// The longest.
const LONGEST: Duration = Duration::from_secs(5);

/// The pause is this part of the time it has taken so far: who is slow is not known at once, and costs little.
const PART: u32 = 20;

/// Asks until it has shown that it is ready.
pub(super) async fn until_ready(subject: Subject, run: RunId, question: Question, later: Span) {
    sleep(duration(later)).await;
    let fact = |answer: Result<(), String>| match answer {
        Ok(()) => Fact::Ready(run),
        Err(saw) => Fact::Unready(run, saw),
    };
    until_well(&subject, &question, fact).await;
}

/// Looks until a server that is known gives the sign that it is up.
pub(super) async fn until_loaded(subject: Subject, run: RunId) {
    let began = Instant::now();
    loop {
        let preset = subject.plan.app.preset;
        match subject.pid.and_then(|main| signs::what_lacks(preset, main, began.elapsed())) {
            None if subject.pid.is_some() => {
                let listens = signs::listens(&subject.plan.app, subject.pid);
                if !listens.is_empty() {
                    return subject.tell_listens(run, listens).await;
                }
                return subject.tell(Fact::Ready(run)).await;
            }
            lacks => {
                let saw = lacks.unwrap_or("it has not begun yet");
                subject.tell(Fact::Unready(run, saw.into())).await;
            }
        }
        sleep((began.elapsed() / PART).clamp(LEAST, LONGEST)).await;
    }
}

/// Asks for all that is outside, each until it is there.
pub(super) async fn until_all_there(subject: Subject, needs: Vec<OutsideNeed>) {
    let mut asked = JoinSet::new();
    for OutsideNeed { question, .. } in needs {
        let subject = subject.clone();
        asked.spawn(async move {
            let (id, probe) = (subject.plan.instance, &question.probe);
            let fact = |answer: Result<(), String>| {
                Fact::Outside(id, probe.clone(), answer.map_err(|saw| without_place(&saw)))
            };
            until_well(&subject, &question, fact).await;
        });
    }
    while asked.join_next().await.is_some() {}
}

/// What was seen, without the address: whoever waits names it.
fn without_place(saw: &str) -> String {
    let bare = saw.strip_prefix("connect to ").and_then(|rest| rest.split_once(": "));
    bare.map_or(saw, |(_, bare)| bare).to_owned()
}

/// Asks until it is answered well, ever less often; each answer is told.
async fn until_well(
    subject: &Subject,
    question: &Question,
    fact: impl Fn(Result<(), String>) -> Fact,
) {
    let least = match question.probe {
        Probe::Connect(_) | Probe::Http(_) | Probe::File(_) => LEAST,
        Probe::Exec(_) | Probe::Shell(_) => LEAST_FOR_COMMANDS,
    };
    let began = Instant::now();
    while let Err(saw) = ask(subject, question).await {
        subject.tell(fact(Err(saw))).await;
        sleep((began.elapsed() / PART).clamp(least, LONGEST)).await;
    }
    subject.tell(fact(Ok(()))).await;
}

/// Asks for as long as it is up, first after one interval (Compose). The next interval begins when the answer is there.
pub(super) async fn again_and_again(subject: Subject, run: RunId, check: HealthCheck) {
    let began = Instant::now();
    let mut was_well = false;
    loop {
        let begins = !was_well && began.elapsed() < duration(check.start_period);
        sleep(duration(if begins { check.start_interval } else { check.interval })).await;
        let answer = ask(&subject, &check.question).await;
        was_well |= answer.is_ok();
        subject.tell(Fact::Checked(run, answer)).await;
    }
}

/// What it answers; else what was seen instead.
async fn ask(subject: &Subject, question: &Question) -> Result<(), String> {
    let limit = duration(question.timeout);
    let answer = async {
        match &question.probe {
            Probe::Connect(door) => pm_probe::connect(door, &subject.env()).await,
            Probe::Http(page) => pm_probe::get(page, &subject.env()).await,
            Probe::Exec(argv) => command::run(subject, command::program(argv)).await,
            Probe::Shell(line) => command::run(subject, command::line(line)).await,
            Probe::File(path) => pm_probe::exists(path).await,
        }
    };
    let late = || format!("{}: no answer within {}", question.probe, question.timeout);
    timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

fn duration(span: Span) -> Duration {
    Duration::from_millis(span.as_millis())
}
