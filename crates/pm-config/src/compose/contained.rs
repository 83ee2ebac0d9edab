//! Services of Compose that run in a container: each an app whose program is the engine's command line, and a job that builds its image.

use super::container::{Container, OF_CLIENT};
use super::engine::{self, FRONT};
use super::hosts::{Hosting, in_millis, is_contained};
use super::short_forms::table;
use crate::diagnose::{Finding, quoted};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// An image may be large, and the way to it narrow: an hour.
const LONGEST_PULL: i128 = 3_600_000;

/// The apps of a service; none: it can't be, which is told.
pub(crate) fn apps(mut hosting: Hosting<'_>) -> Vec<Vec<TableEntry>> {
    let at = hosting.place(if hosting.get("image").is_some() { "image" } else { "build" });
    if hosting.get("provider").is_some() {
        let finding =
            Finding::error(hosting.place("provider"), "`pm` asks no provider for a service");
        hosting
            .findings
            .add(finding.hint("an app can do it: its `command` begins it, its end ends it"));
        return Vec::new();
    }
    let Some(engine) = engine::found(hosting.caller) else {
        hosting.no_engine();
        return Vec::new();
    };
    let container =
        Container { project: hosting.project, engine: &engine, service: hosting.service };
    let folder = paths::to_bytes(&hosting.project.folder);
    let namespace = Value::text(hosting.project.name.as_str());
    let words = |words: Vec<String>| {
        let node = |word: String| ConfigNode { at, value: Value::text(word) };
        Value::List(words.into_iter().map(node).collect())
    };
    let base = |name: &str, script: &str, args: Vec<String>| {
        vec![
            TableEntry::new("name", at, Value::text(name)),
            TableEntry::new("namespace", at, namespace.clone()),
            TableEntry::new("cwd", at, Value::text(folder.clone())),
            TableEntry::new("script", at, Value::text(script)),
            TableEntry::new("args", at, words(args)),
            TableEntry::new("interpreter", at, Value::text("none")),
        ]
    };
    let mut front = vec!["-c".to_owned(), FRONT.into(), engine.program.clone(), container.name()];
    front.extend([container.grace().to_string(), container.before()]);
    front.extend(container.args());
    let mut app = base(&hosting.service.key, "/bin/sh", front);
    let mut needs = hosting.get("depends_on").map(|node| node.value.clone());
    let mut jobs = Vec::new();
    if let Some(build) = container.build() {
        let name = format!("{}-build", hosting.service.key);
        let mut job = base(&name, &engine.program, build.into_iter().skip(1).collect());
        job.push(TableEntry::new("restart", at, Value::text("no")));
        job.extend(
            hosting.get("profiles").map(|it| TableEntry::new("profiles", it.at, it.value.clone())),
        );
        jobs.push(job);
        let need = table(at, vec![("condition", Value::text("completed_successfully"))]);
        let Value::Table(all) = needs.get_or_insert_with(|| Value::Table(Vec::new())) else {
            return jobs;
        };
        all.push(TableEntry::new(&name, at, need));
    }
    app.extend(
        needs.map(|needs| TableEntry::new("depends_on", hosting.place("depends_on"), needs)),
    );
    app.extend(asked(&hosting, &container));
    app.extend(container.hooks());
    app.extend(fetched(&hosting, &container));
    app.extend(hosting.watched(Some(&container)));
    app.extend(given(&hosting));
    app.extend(hosting.stop().into_iter().filter(|entry| entry.key != "kill_timeout"));
    // The engine kills it before we do.
    let millis = (container.grace() + 5) * 1000;
    app.push(TableEntry::new(
        "kill_timeout",
        hosting.place("stop_grace_period"),
        Value::Integer(millis.into()),
    ));
    hosting.same_for_all(&mut app);
    jobs.push(app);
    jobs
}

/// Its image is here before it begins.
fn fetched(hosting: &Hosting<'_>, container: &Container<'_>) -> Option<TableEntry> {
    let at = hosting.place("image");
    let command = Value::text(container.fetched()?);
    let said = vec![("command", command), ("timeout", Value::Integer(LONGEST_PULL))];
    Some(TableEntry::new("pre_start", at, table(at, said)))
}

/// Its health check, which asks in the container.
fn asked(hosting: &Hosting<'_>, container: &Container<'_>) -> Vec<TableEntry> {
    let (Some(line), Some(node)) = (container.test(), hosting.get("healthcheck")) else {
        return Vec::new();
    };
    let mut check = in_millis(&node.value);
    if let Value::Table(said) = &mut check {
        said.retain(|entry| entry.key != "test");
        said.push(TableEntry::new("test", node.at, Value::text(line)));
    }
    vec![
        TableEntry::new("healthcheck", node.at, check),
        TableEntry::new("unhealthy", node.at, Value::text("none")),
    ]
}

/// The variables that the engine's client hands on.
fn given(hosting: &Hosting<'_>) -> Option<TableEntry> {
    let node = hosting.get("environment")?;
    let is_ours = |entry: &&TableEntry| {
        let is_of_client = OF_CLIENT.contains(&entry.key.as_str()) || entry.key.starts_with("LD_");
        !is_of_client && !matches!(entry.node.value, Value::Null)
    };
    let env = node.value.as_table().unwrap_or_default().iter().filter(is_ours).cloned();
    Some(TableEntry::new("env", node.at, Value::Table(env.collect())))
}

impl Hosting<'_> {
    fn no_engine(&mut self) {
        let services =
            self.project.root.value.get("services").and_then(|node| node.value.as_table());
        let services = services.unwrap_or_default().iter();
        let could: Vec<_> = services
            .filter(|it| !is_contained(&it.node.value) || it.node.value.get("command").is_some())
            .map(|it| it.key.as_str())
            .collect();
        let could = if could.is_empty() {
            String::new()
        } else {
            format!(
                "; on this machine itself, with `x-pm: {{ host: true }}`, could run: {}",
                could.join(", ")
            )
        };
        let key = if self.get("image").is_some() { "image" } else { "build" };
        let name = quoted(&self.service.key);
        let message = format!(
            "the service {name} runs in a container, and neither podman nor docker is in PATH"
        );
        let hint =
            format!("install podman (`apt install podman`, `dnf install podman`) or docker{could}");
        self.findings.add(Finding::error(self.place(key), message).hint(hint));
    }
}
