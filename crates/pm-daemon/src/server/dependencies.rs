//! What an app waits for and why that does not come, in words.

use pm_core::{Cause, Condition, InstanceView, Obstacle, OutsideThing, Standing, Status};
use pm_protocol::Code;
use pm_spec::AppName;

/// The app an instance waits for, or what is outside, if one of them may still come.
pub(crate) fn waits_for(instance: &InstanceView<'_>) -> Option<String> {
    let waits = instance.status == Status::Launching;
    let app = instance.obstacles.first().map(|obstacle| obstacle.on.to_string());
    app.or_else(|| missing(instance).next().map(|thing| thing.need.question.probe.to_string()))
        .filter(|_| waits)
}

/// What an instance waits for, and how that stands; `words` has them for a cause.
pub(crate) fn waits(
    instance: &InstanceView<'_>,
    words: impl Fn(&Cause) -> String,
) -> Option<String> {
    let all: Vec<String> = instance.obstacles.iter().map(|one| waits_until(one, &words)).collect();
    let apps = (!all.is_empty()).then(|| format!("waits until {}", all.join("; and until ")));
    apps.or_else(|| {
        let all: Vec<String> = missing(instance).map(OutsideThing::seen).collect();
        (!all.is_empty()).then(|| format!("waits for {}", all.join("; and for ")))
    })
}

/// What is outside and not there.
fn missing<'a>(instance: &InstanceView<'a>) -> impl Iterator<Item = &'a OutsideThing> {
    instance.outside.iter().filter(|thing| !thing.is_there)
}

fn waits_until(obstacle: &Obstacle, words: impl Fn(&Cause) -> String) -> String {
    let Obstacle { on, condition, standing } = obstacle;
    let until = match condition {
        Condition::Started => "runs",
        Condition::Ready => "is ready",
        Condition::Healthy => "is healthy",
        Condition::Completed => "has ended well",
    };
    let stands = match standing {
        Standing::Met => "it is so".into(),
        Standing::Coming(status) => format!("it is {}", status.as_str()),
        Standing::Stuck(Cause::Dependency { why, on: whom }) if on == whom => {
            stands(why, words(why))
        }
        Standing::Stuck(why) | Standing::Failed(why) => words(why),
    };
    format!("{on} {until}: {stands}")
}

fn stands(why: &Cause, words: String) -> String {
    if *why == Cause::Stopped { "it is not started".into() } else { words }
}

/// Why an app does not begin; `words` say why the other one does not.
pub(crate) fn cause(on: &AppName, why: &Cause, words: String) -> String {
    format!("it depends on {on}: {}", stands(why, words))
}

type RefusalParts = (Code, String, Option<String>);

/// An app depends on one that nobody knows.
pub(crate) fn unknown(app: &AppName, on: &AppName) -> RefusalParts {
    let message = format!("`{app}` depends on `{on}`, and there is no such app");
    (
        Code::BadRequest,
        message,
        Some("`pm list` shows what there is; `--no-deps` starts it without".into()),
    )
}

/// An app waits for the end of one that has none.
pub(crate) fn endless(app: &AppName, on: &AppName) -> RefusalParts {
    let message = format!("`{app}` waits for the end of `{on}`, which begins again when it ends");
    (Code::BadRequest, message, Some(format!("give `{on}` `autorestart: false`")))
}

/// An app waits for the health of one that nobody asks.
pub(crate) fn unasked(app: &AppName, on: &AppName) -> RefusalParts {
    let message = format!("`{app}` waits until `{on}` is healthy, and `{on}` has no `healthcheck`");
    (Code::BadRequest, message, Some("give it one, or wait until it is `ready`".into()))
}

/// Apps depend on each other.
pub(crate) fn circle(way: &[AppName]) -> RefusalParts {
    let names: Vec<String> = way.iter().chain(way.first()).map(|it| format!("`{it}`")).collect();
    let message = format!("{}: none of them can be the first", names.join(" depends on "));
    (Code::BadRequest, message, Some("take one out of `depends_on`".into()))
}
