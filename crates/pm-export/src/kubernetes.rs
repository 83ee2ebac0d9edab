//! Manifests of Kubernetes: a file for each app with a Deployment, `CronJob` or Job, a `ConfigMap`, a disruption budget. Secrets
//! are named, not made.

mod fates;
mod probe;

use pm_spec::{AppSpec, Identifier, Isolate, OnUnhealthy, Overlap, Readiness, ReloadOrder, Span};
use serde_json::{Map, Value, json};

use crate::container::image;
use crate::draft::AppDraft;
use crate::environment::origin;
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::{cron, names, program, yaml};

pub(crate) use fates::fate;

/// Names of DNS.
fn may_be(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// A file for each of them.
pub(crate) fn export(apps: &[AppSpec]) -> TargetFiles {
    let lower = apps.iter().map(|app| app.name.as_str().to_lowercase());
    // Names of jobs get eleven letters more.
    let names = names::all(lower, may_be, 52);
    let mut exported = TargetFiles::default();
    for (app, name) in apps.iter().zip(names) {
        let mut draft = AppDraft::new(app, name.clone());
        draft.called(&name);
        let documents = documents(&mut draft);
        let about = "written by pm export; the image is named and has to be built";
        let text: Vec<_> = documents.iter().map(|it| yaml::document(about, it)).collect();
        exported.file(format!("{name}.yaml"), text.join("---\n"));
        exported.notes.extend(draft.notes(fate));
    }
    exported
}

/// How an app runs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Workload {
    Deployment,
    CronJob,
    Job,
}

fn workload(app: &AppSpec) -> Workload {
    match &app.schedule {
        Some(schedule) if schedule.job => Workload::CronJob,
        _ if app.restart.autorestart => Workload::Deployment,
        _ => Workload::Job,
    }
}

fn documents(draft: &mut AppDraft<'_>) -> Vec<Value> {
    let app = draft.app;
    let mut documents = Vec::new();
    let config: Map<_, _> =
        draft.variables.plain.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    if !config.is_empty() {
        let mut document = object(draft, "v1", "ConfigMap", Value::Null);
        document["data"] = Value::Object(config);
        documents.push(document);
    }
    let pod = pod(draft);
    documents.push(match workload(app) {
        Workload::Deployment => deployment(draft, &pod),
        Workload::CronJob => cron_job(draft, &pod),
        Workload::Job => {
            let spec = job(draft, &pod);
            object(draft, "batch/v1", "Job", spec)
        }
    });
    if app.instances > 1 && workload(app) == Workload::Deployment {
        let spec = json!({ "maxUnavailable": 1, "selector": { "matchLabels": labels(draft) } });
        documents.push(object(draft, "policy/v1", "PodDisruptionBudget", spec));
    }
    if !app.kernel.network {
        let spec = json!({ "podSelector": { "matchLabels": labels(draft) }, "policyTypes": ["Ingress", "Egress"] });
        documents.push(object(draft, "networking.k8s.io/v1", "NetworkPolicy", spec));
    }
    documents
}

fn labels(draft: &AppDraft<'_>) -> Value {
    json!({ "app.kubernetes.io/name": draft.name })
}

fn object(draft: &AppDraft<'_>, version: &str, kind: &str, spec: Value) -> Value {
    let mut metadata = json!({ "name": draft.name, "labels": labels(draft) });
    if draft.app.namespace != pm_spec::AppName::default_namespace() {
        let namespace = names::all([draft.app.namespace.as_str().to_lowercase()], may_be, 63);
        metadata["namespace"] = json!(namespace.concat());
    }
    let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": metadata });
    if !spec.is_null() {
        object["spec"] = spec;
    }
    object
}

fn deployment(draft: &mut AppDraft<'_>, pod: &Value) -> Value {
    let app = draft.app;
    let parallel = app.reload.parallelism.max(1);
    let (surge, gone) = match app.reload.order {
        ReloadOrder::StopFirst => (0, parallel),
        // Each pod has addresses of its own.
        ReloadOrder::StartFirst | ReloadOrder::Unsaid => (parallel, 0),
    };
    let mut spec = json!({
        "replicas": if app.autostart { app.instances } else { 0 },
        "selector": { "matchLabels": labels(draft) },
        "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": surge, "maxUnavailable": gone } },
        "template": { "metadata": { "labels": labels(draft) }, "spec": pod },
    });
    let settled = draft.seconds(ExportKey::ReloadMonitor, app.reload.monitor);
    if settled > 0 {
        spec["minReadySeconds"] = json!(settled);
    }
    if app.checks.ready.is_some() {
        // It has to be longer than what has to pass in it.
        let seconds = draft.seconds(ExportKey::ReadyTimeout, app.checks.ready_timeout);
        spec["progressDeadlineSeconds"] = json!(seconds.saturating_add(settled).max(settled + 1));
    }
    if app.job.time_limit.is_some() {
        draft.missing(ExportKey::TimeLimit, "it is of jobs alone there");
    }
    object(draft, "apps/v1", "Deployment", spec)
}

/// What a Job and the jobs of a `CronJob` are.
fn job(draft: &mut AppDraft<'_>, pod: &Value) -> Value {
    let app = draft.app;
    let mut spec = json!({
        "backoffLimit": app.job.retries,
        "template": { "metadata": { "labels": labels(draft) }, "spec": pod },
    });
    if let Some(limit) = app.job.time_limit {
        spec["activeDeadlineSeconds"] = json!(draft.seconds(ExportKey::TimeLimit, limit).max(1));
    }
    if app.instances > 1 {
        spec["completions"] = json!(app.instances);
        spec["parallelism"] = json!(app.instances);
    }
    if !app.autostart && workload(app) == Workload::Job {
        spec["suspend"] = json!(true);
    }
    spec
}

fn cron_job(draft: &mut AppDraft<'_>, pod: &Value) -> Value {
    let app = draft.app;
    let Some(schedule) = &app.schedule else { return Value::Null };
    let pattern = cron::long(&schedule.pattern);
    let fields: Vec<_> = pattern.split_whitespace().collect();
    let (seconds, five) = fields.split_at(fields.len().saturating_sub(5));
    if seconds.iter().any(|it| *it != "0") {
        draft.changed(ExportKey::Schedule, "a CronJob: schedule, which knows whole minutes only");
    }
    if pattern.contains(['L', 'W', '#']) && !pattern.contains("JUL") && !pattern.contains("WED") {
        draft.changed(
            ExportKey::Schedule,
            "a CronJob: schedule, whose cron knows no `L`, `W` and `#`: write it in other words",
        );
    }
    let policy = match app.job.overlap {
        Overlap::Skip => "Forbid",
        Overlap::Kill => "Replace",
        Overlap::Queue => {
            draft.changed(
                ExportKey::Overlap,
                "concurrencyPolicy: Forbid, which leaves a time out and keeps none",
            );
            "Forbid"
        }
    };
    let mut spec = json!({
        "schedule": five.join(" "),
        "concurrencyPolicy": policy,
        "jobTemplate": { "spec": job(draft, pod) },
    });
    if let Some(zone) = &schedule.zone {
        spec["timeZone"] = json!(zone);
    }
    if !schedule.catch_up {
        spec["startingDeadlineSeconds"] = json!(60);
    }
    if !app.autostart {
        spec["suspend"] = json!(true);
    }
    object(draft, "batch/v1", "CronJob", spec)
}

/// `$(NAME)` is a variable there.
fn escaped(text: &str) -> String {
    text.replace("$(", "$$(")
}

fn pod(draft: &mut AppDraft<'_>) -> Value {
    let app = draft.app;
    let words: Vec<_> = program::texts(draft).iter().map(|word| escaped(word)).collect();
    let mut container = json!({
        "name": draft.name,
        "image": image(&draft.name),
        "command": words,
        "workingDir": app.cwd.display(),
    });
    let (from, env) = environment(draft);
    if !from.is_empty() {
        container["envFrom"] = from.into();
    }
    if !env.is_empty() {
        container["env"] = env.into();
    }
    resources(draft, &mut container);
    security(app, &mut container);
    probes(draft, &mut container);
    let mut spec = json!({
        "terminationGracePeriodSeconds": draft.seconds(ExportKey::KillTimeout, app.stop.timeout),
    });
    if workload(app) != Workload::Deployment {
        spec["restartPolicy"] = json!("Never");
    }
    if app.kernel.private_tmp {
        let folders = [("tmp", "/tmp"), ("var-tmp", "/var/tmp")];
        container["volumeMounts"] =
            folders.iter().map(|(name, path)| json!({ "name": name, "mountPath": path })).collect();
        spec["volumes"] =
            folders.iter().map(|(name, _)| json!({ "name": name, "emptyDir": {} })).collect();
    }
    if let Some(before) = &app.pre_start {
        let words = before.command.iter().map(|word| json!(escaped(&word.display())));
        let mut first = container.clone();
        first["name"] = json!(format!("{}-before", draft.name));
        first["command"] = words.collect();
        if let Some(first) = first.as_object_mut() {
            first.retain(|key, _| !key.ends_with("Probe"));
        }
        spec["initContainers"] = json!([first]);
    }
    spec["containers"] = json!([container]);
    let user = user(draft);
    if !user.is_empty() {
        spec["securityContext"] = Value::Object(user);
    }
    spec
}

fn resources(draft: &AppDraft<'_>, container: &mut Value) {
    let kernel = &draft.app.kernel;
    let mut limits = Map::new();
    if let Some(bytes) = kernel.mem_limit.or(draft.app.limits.memory) {
        limits.insert("memory".into(), json!(bytes.get().to_string()));
    }
    if let Some(cpus) = kernel.cpus {
        limits.insert("cpu".into(), json!(format!("{}m", cpus.thousandths())));
    }
    if !limits.is_empty() {
        container["resources"] = json!({ "limits": limits });
    }
}

fn security(app: &AppSpec, container: &mut Value) {
    container["securityContext"] = match app.kernel.isolate {
        Isolate::None => return,
        Isolate::Basic => json!({ "allowPrivilegeEscalation": false }),
        Isolate::Strict => json!({
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "seccompProfile": { "type": "RuntimeDefault" },
        }),
    };
}

/// Users by number: names are those of an image nobody has seen.
fn user(draft: &mut AppDraft<'_>) -> Map<String, Value> {
    let mut context = Map::new();
    let Some(user) = &draft.app.user else { return context };
    for (key, name, id) in
        [(ExportKey::Uid, "runAsUser", &user.uid), (ExportKey::Gid, "runAsGroup", &user.gid)]
    {
        match id {
            Some(Identifier::Number(number)) => drop(context.insert(name.into(), json!(number))),
            Some(Identifier::Name(name)) => draft.missing(
                key,
                format!("{}: a pod wants numbers, or USER in the image", name.display()),
            ),
            None => {}
        }
    }
    let mut groups = Vec::new();
    for group in &user.groups {
        match group {
            Identifier::Number(number) => groups.push(json!(number)),
            Identifier::Name(name) => {
                draft
                    .missing(ExportKey::Groups, format!("{}: a pod wants numbers", name.display()));
            }
        }
    }
    if !groups.is_empty() {
        context.insert("supplementalGroups".into(), groups.into());
    }
    context
}

fn probes(draft: &mut AppDraft<'_>, container: &mut Value) {
    let checks = &draft.app.checks;
    if workload(draft.app) != Workload::Deployment {
        if checks.health.is_some() {
            draft.missing(ExportKey::Healthcheck, "a job ends by itself");
        }
        if checks.ready.is_some() {
            draft.missing(ExportKey::Ready, "a job ends by itself");
        }
        return;
    }
    match checks.ready.as_deref() {
        Some(Readiness::Answers(question)) => {
            let mut probe = probe::asking(draft, ExportKey::Ready, question);
            probe["periodSeconds"] = json!(1);
            container["readinessProbe"] = probe;
        }
        Some(Readiness::Notifies | Readiness::Prints(_)) => {
            draft.missing(
                ExportKey::Ready,
                "a pod is asked from outside: an address, a port or a command",
            );
        }
        None => {}
    }
    let Some(check) = &checks.health else { return };
    if checks.on_unhealthy == OnUnhealthy::Nothing {
        return draft.missing(
            ExportKey::Healthcheck,
            "a livenessProbe restarts; alerts on a readinessProbe do not",
        );
    }
    let mut probe = probe::asking(draft, ExportKey::Healthcheck, &check.question);
    probe["periodSeconds"] = json!(draft.seconds(ExportKey::Healthcheck, check.interval).max(1));
    probe["failureThreshold"] = json!(check.retries.max(1));
    if check.start_period > Span::ZERO {
        probe["initialDelaySeconds"] =
            json!(draft.seconds(ExportKey::Healthcheck, check.start_period));
    }
    container["livenessProbe"] = probe;
}

/// Where its variables come from: its `ConfigMap`, and Secrets by their names.
fn environment(draft: &mut AppDraft<'_>) -> (Vec<Value>, Vec<Value>) {
    let variables = std::mem::take(&mut draft.variables);
    let mut from = Vec::new();
    if !variables.plain.is_empty() {
        from.push(json!({ "configMapRef": { "name": draft.name } }));
    }
    let mut env = Vec::new();
    for (name, source) in &variables.secret {
        env.push(json!({ "name": name, "valueFrom": { "secretKeyRef": { "name": draft.name, "key": name } } }));
        let how = format!(
            "the key {name} of a Secret {}: `kubectl create secret generic`{}",
            draft.name,
            origin(*source)
        );
        draft.secret(name, how);
    }
    for name in &variables.bytes {
        draft.unwritten(name, "its value is no UTF-8");
    }
    draft.variables = variables;
    (from, env)
}
