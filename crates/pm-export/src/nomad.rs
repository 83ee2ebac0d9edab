//! Jobs of Nomad as JSON, as `nomad job run -json` and its HTTP interface take them: a job for each app, run by `raw_exec`.

mod fates;

use pm_spec::{AppSpec, Delay, HealthCheck, OnUnhealthy, Question, Readiness, ReloadOrder, Span};
use serde_json::{Map, Value, json};

use crate::container::{ContainerRequest, asked};
use crate::draft::AppDraft;
use crate::environment::origin;
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::probes::headers;
use crate::{cron, names, program};

pub(crate) use fates::fate;

/// A file for each of them.
pub(crate) fn export(apps: &[AppSpec]) -> TargetFiles {
    let may_be = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let names = names::all(apps.iter().map(|app| app.name.as_str()), may_be, 63);
    let mut exported = TargetFiles::default();
    for (app, name) in apps.iter().zip(names) {
        let mut draft = AppDraft::new(app, name.clone());
        draft.called(&name);
        let job = job(&mut draft);
        exported.file(format!("{name}.nomad.json"), format!("{:#}\n", json!({ "Job": job })));
        exported.notes.extend(draft.notes(fate));
    }
    exported
}

/// Nanoseconds, as Go has them.
fn time(span: Span) -> u64 {
    span.as_millis().saturating_mul(1_000_000).min(i64::MAX.unsigned_abs())
}

/// `${NAME}` is a variable there.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

fn ends(app: &AppSpec) -> bool {
    !app.restart.autorestart || app.schedule.as_ref().is_some_and(|it| it.job)
}

fn job(draft: &mut AppDraft<'_>) -> Value {
    let app = draft.app;
    let mut job = json!({
        "ID": draft.name,
        "Name": draft.name,
        "Type": if ends(app) { "batch" } else { "service" },
        "Datacenters": ["*"],
    });
    if app.namespace != pm_spec::AppName::default_namespace() {
        let may_be = |c: char| c.is_ascii_alphanumeric() || c == '-';
        job["Namespace"] = json!(names::all([app.namespace.as_str()], may_be, 128).concat());
    }
    if let Some(schedule) = app.schedule.as_ref().filter(|it| it.job) {
        let mut periodic = json!({
            "Enabled": app.autostart,
            "SpecType": "cron",
            "Specs": [cron::long(&schedule.pattern)],
            "ProhibitOverlap": true,
        });
        if let Some(zone) = &schedule.zone {
            periodic["TimeZone"] = json!(zone);
        }
        job["Periodic"] = periodic;
    }
    job["TaskGroups"] = json!([group(draft)]);
    job
}

fn group(draft: &mut AppDraft<'_>) -> Value {
    let app = draft.app;
    let is_off = !app.autostart && app.schedule.is_none();
    let mut group = json!({
        "Name": draft.name,
        "Count": if is_off { 0 } else { app.instances },
        "RestartPolicy": restarts(app),
    });
    if !ends(app) {
        group["Update"] = update(app);
    }
    let mut tasks = Vec::new();
    if let Some(before) = &app.pre_start {
        let words: Vec<_> = before.command.iter().map(|word| word.display().into_owned()).collect();
        let mut task = task(draft, &format!("{}-before", draft.name), &words);
        task["Lifecycle"] = json!({ "Hook": "prestart", "Sidecar": false });
        tasks.push(task);
    }
    let words = program::texts(draft);
    let name = draft.name.clone();
    let mut main = task(draft, &name, &words);
    let (services, ports) = services(draft);
    if !services.is_empty() {
        main["Services"] = services.into();
    }
    if !ports.is_empty() {
        group["Networks"] = json!([{ "Mode": "host", "ReservedPorts": ports }]);
    }
    tasks.push(main);
    secrets(draft, &mut tasks);
    group["Tasks"] = tasks.into();
    group
}

fn restarts(app: &AppSpec) -> Value {
    let restart = &app.restart;
    let delay = match restart.delay {
        Delay::Fixed(span) => span,
        Delay::Automatic | Delay::Exponential(_) => Span::from_secs(1),
    };
    let (attempts, mode) = match (ends(app), restart.gives_up_after()) {
        (true, _) => (app.job.retries, "fail"),
        (false, Some(runs)) => (runs.saturating_sub(1), "fail"),
        // It is never given up: after so many it waits until the interval is over.
        (false, None) => (1, "delay"),
    };
    let one = restart.min_uptime.as_millis().saturating_add(delay.as_millis());
    let all = Span::from_millis(one.saturating_mul(u64::from(attempts).saturating_add(1)));
    // Nomad wants five seconds at least.
    let interval = all.max(Span::from_secs(5));
    json!({ "Attempts": attempts, "Interval": time(interval), "Delay": time(delay), "Mode": mode })
}

fn update(app: &AppSpec) -> Value {
    let parallel = app.reload.parallelism.max(1);
    let mut update = json!({
        "MaxParallel": parallel,
        "MinHealthyTime": time(app.reload.monitor),
        "HealthyDeadline": time(app.checks.ready_timeout.max(Span::from_secs(1))),
        "ProgressDeadline": 0,
    });
    let is_beside = app.reload.order == ReloadOrder::StartFirst;
    let canary = app.reload.canary.max(if is_beside { parallel } else { 0 });
    if canary > 0 {
        update["Canary"] = json!(canary);
        update["AutoPromote"] = json!(true);
    }
    update
}

fn task(draft: &mut AppDraft<'_>, name: &str, words: &[String]) -> Value {
    let app = draft.app;
    let (first, rest) =
        words.split_first().map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
    let args: Vec<_> = rest.iter().map(|word| escaped(word)).collect();
    let signal = app.stop.signal.to_string();
    let signal = if signal.starts_with("SIG") {
        signal
    } else {
        draft.changed(ExportKey::KillSignal, "SIGTERM: Nomad knows no real-time signals");
        "SIGTERM".into()
    };
    let mut task = json!({
        "Name": name,
        "Driver": "raw_exec",
        "Config": { "command": escaped(first), "args": args, "work_dir": escaped(&app.cwd.display()) },
        "KillSignal": signal,
        "KillTimeout": time(app.stop.timeout),
    });
    if let Some(user) = app.user.as_ref().and_then(|user| user.uid.as_ref()) {
        task["User"] = json!(user.to_string());
    }
    let mut env: Map<_, _> = draft
        .variables
        .plain
        .iter()
        .map(|(name, value)| (name.clone(), json!(escaped(value))))
        .collect();
    if app.instances > 1 {
        env.insert(app.instance_var.display().into_owned(), json!("${NOMAD_ALLOC_INDEX}"));
    }
    if !env.is_empty() {
        task["Env"] = Value::Object(env);
    }
    let mut resources = Map::new();
    if let Some(bytes) = app.kernel.mem_limit.or(app.limits.memory) {
        resources.insert("MemoryMB".into(), json!(bytes.get().div_ceil(1 << 20).max(10)));
    }
    if let Some(cpus) = app.kernel.cpus.filter(|cpus| cpus.thousandths() % 1000 == 0) {
        draft.same(ExportKey::Cpus, "Resources.Cores");
        resources.insert("Cores".into(), json!(cpus.thousandths() / 1000));
    }
    if !resources.is_empty() {
        task["Resources"] = Value::Object(resources);
    }
    let rotation = app.logs.rotation;
    let size = rotation.max_size.map(|size| size.get().div_ceil(1 << 20).max(1));
    if size.is_none() {
        draft.changed(
            ExportKey::LogMaxSize,
            "LogConfig.MaxFileSizeMB: 10, for Nomad always rotates",
        );
    }
    task["LogConfig"] =
        json!({ "MaxFiles": u64::from(rotation.keep) + 1, "MaxFileSizeMB": size.unwrap_or(10) });
    task
}

/// A service with the checks, and the ports they are made at.
fn services(draft: &mut AppDraft<'_>) -> (Vec<Value>, Vec<Value>) {
    let checks = &draft.app.checks;
    let mut asking = Asking::default();
    match checks.ready.as_deref() {
        Some(Readiness::Answers(question)) => asking.add(draft, question, None, true),
        Some(Readiness::Notifies | Readiness::Prints(_)) => {
            draft.missing(
                ExportKey::Ready,
                "Nomad asks from outside: an address, a port or a command",
            );
        }
        None => {}
    }
    if let Some(check) = &checks.health {
        let restarts = checks.on_unhealthy == OnUnhealthy::Restart;
        asking.add(draft, &check.question, Some(check), restarts);
    }
    if asking.checks.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let provider = if asking.has_commands { "consul" } else { "nomad" };
    let service = json!({ "Name": draft.name, "Provider": provider, "Checks": asking.checks });
    (vec![service], asking.ports)
}

#[derive(Default)]
struct Asking {
    checks: Vec<Value>,
    ports: Vec<Value>,
    has_commands: bool,
}

impl Asking {
    fn add(
        &mut self,
        draft: &AppDraft<'_>,
        question: &Question,
        health: Option<&HealthCheck>,
        restarts: bool,
    ) {
        let mut label = |port: u16| {
            let label = format!("port{port}");
            if self.ports.iter().all(|known| known["Value"] != json!(port)) {
                self.ports.push(json!({ "Label": label, "Value": port }));
            }
            label
        };
        let mut check = match asked(draft, &question.probe) {
            ContainerRequest::Tcp(port) => json!({ "Type": "tcp", "PortLabel": label(port) }),
            ContainerRequest::Http(port, get) => {
                let headers: Map<_, _> =
                    headers(get).map(|(name, value)| (name.to_owned(), json!([value]))).collect();
                json!({ "Type": "http", "PortLabel": label(port), "Path": get.path, "Protocol": "http", "Header": headers })
            }
            ContainerRequest::Command(words) => {
                self.has_commands = true;
                let (first, rest) = words
                    .split_first()
                    .map_or(("", [].as_slice()), |(first, rest)| (first.as_str(), rest));
                json!({ "Type": "script", "TaskName": draft.name, "Command": first, "Args": rest })
            }
        };
        check["Name"] = json!(if health.is_some() { "healthy" } else { "ready" });
        // Nomad wants a second at least.
        let interval =
            health.map_or(Span::from_secs(1), |check| check.interval.max(Span::from_secs(1)));
        check["Interval"] = json!(time(interval));
        check["Timeout"] = json!(time(question.timeout.max(Span::from_secs(1))));
        if let Some(health) = health.filter(|_| restarts) {
            check["CheckRestart"] =
                json!({ "Limit": health.retries.max(1), "Grace": time(health.start_period) });
        }
        self.checks.push(check);
    }
}

/// Secrets come from Nomad's variables, by a template of the task's own.
fn secrets(draft: &mut AppDraft<'_>, tasks: &mut [Value]) {
    let variables = std::mem::take(&mut draft.variables);
    let place = format!("nomad/jobs/{}", draft.name);
    let mut lines = String::new();
    for (name, source) in &variables.secret {
        lines.extend([format!("{name}={{{{ index . \"{name}\" | toJSON }}}}\n")]);
        draft.secret(name, format!("`nomad var put {place} {name}=...`{}", origin(*source)));
    }
    if !lines.is_empty() {
        let text = format!("{{{{ with nomadVar \"{place}\" }}}}\n{lines}{{{{ end }}}}\n");
        let template =
            json!([{ "EmbeddedTmpl": text, "DestPath": "secrets/variables.env", "Envvars": true }]);
        for task in tasks {
            task["Templates"] = template.clone();
        }
    }
    for name in &variables.bytes {
        draft.unwritten(name, "its value is no UTF-8");
    }
    draft.variables = variables;
}
