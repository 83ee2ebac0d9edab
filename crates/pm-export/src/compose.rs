//! A Compose file: a service for each app. Docker needs an image, which is named and not made; `pm` itself runs the file on
//! the machine (`x-pm: { host: true }`).

mod fates;

use pm_spec::{
    AppSpec, Condition, LogTarget, OnUnhealthy, Probe, ResourceKind, ResourceLimit, RestartRule,
    Span,
};
use serde_json::{Map, Value, json};

use crate::container::image;
use crate::draft::AppDraft;
use crate::environment::{SecretPlace, origin};
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::probes;
use crate::program;
use crate::{names, yaml};

pub(crate) use fates::fate;

/// The file of all of them.
pub(crate) fn export(apps: &[AppSpec]) -> TargetFiles {
    let may_be = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let names = names::all(apps.iter().map(|app| app.name.as_str()), may_be, 63);
    let mut exported = TargetFiles::default();
    let (mut services, mut secrets) = (Map::new(), Map::new());
    for (app, name) in apps.iter().zip(&names) {
        let mut draft = AppDraft::new(app, name.clone());
        draft.called(name);
        let others = Others { apps, names: &names };
        let service = service(&mut draft, &others, &mut secrets);
        services.insert(name.clone(), service);
        exported.notes.extend(draft.notes(fate));
    }
    let mut file = Map::from_iter([("services".to_owned(), Value::Object(services))]);
    if !secrets.is_empty() {
        file.insert("secrets".into(), Value::Object(secrets));
    }
    let about = "written by pm export; images are named and have to be built; pm up runs it on this machine";
    exported.file("compose.yaml", yaml::document(about, &escaped(Value::Object(file))));
    exported
}

/// Who is called how.
struct Others<'a> {
    apps: &'a [AppSpec],
    names: &'a [String],
}

impl Others<'_> {
    fn named(&self, app: &pm_spec::AppName) -> Option<(&AppSpec, &String)> {
        self.apps.iter().zip(self.names).find(|(other, _)| other.name == *app)
    }
}

/// What stands for `$NAME` of a variable that is not written: nothing else may hold that letter.
const REFERENCE: char = '\u{1}';

/// A `$` is one only if there are two.
fn escaped(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$").replace(REFERENCE, "$")),
        Value::Array(list) => list.into_iter().map(escaped).collect(),
        // Names of variables are no place for variables.
        Value::Object(table) => {
            table.into_iter().map(|(key, value)| (key, escaped(value))).collect()
        }
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

fn service(
    draft: &mut AppDraft<'_>,
    others: &Others<'_>,
    secrets: &mut Map<String, Value>,
) -> Value {
    let app = draft.app;
    let mut service = Map::new();
    let mut put = |key: &str, value: Value| service.insert(key.into(), value);
    put("image", json!(image(&draft.name)));
    put("command", json!(program::texts(draft)));
    put("working_dir", json!(app.cwd.display()));
    put("stop_signal", json!(signal(app)));
    put("stop_grace_period", json!(time(app.stop.timeout)));
    put("restart", json!(restart(draft)));
    put("x-pm", own(app));
    if !app.autostart && app.instances > 1 {
        draft.changed(ExportKey::Instances, "deploy.replicas is 0; `--scale NAME=N` starts them");
    }
    let deploy = deploy(app);
    if !deploy.is_empty() {
        put("deploy", Value::Object(deploy));
    }
    if let Some(user) = &app.user {
        if user.uid.is_some() {
            put("user", json!(user.to_string()));
        } else if user.gid.is_some() {
            draft.missing(ExportKey::Gid, "there is no group without a user there");
        }
        if !user.groups.is_empty() {
            put("group_add", user.groups.iter().map(|it| json!(it.to_string())).collect());
        }
    }
    if let Some(check) = &app.checks.health {
        put("healthcheck", health(draft, check));
    }
    put("logging", logging(draft));
    for (key, value) in limits(draft) {
        put(key, value);
    }
    let depends: Map<_, _> =
        app.depends_on.iter().filter_map(|it| depends(draft, others, it)).collect();
    if !depends.is_empty() {
        put("depends_on", Value::Object(depends));
    }
    if !app.outside.is_empty() {
        draft.missing(
            ExportKey::DependsOn,
            "what is no service is waited for by nobody: let the app itself try again",
        );
    }
    let (env, files) = environment(draft, secrets);
    if !env.is_empty() {
        put("environment", Value::Object(env));
    }
    if !files.is_empty() {
        put("secrets", files.into());
    }
    Value::Object(service)
}

fn signal(app: &AppSpec) -> String {
    let name = app.stop.signal.to_string();
    if name.starts_with("SIG") { name } else { app.stop.signal.number().to_string() }
}

/// Milliseconds, as Go reads them.
fn time(span: Span) -> String {
    format!("{}ms", span.as_millis())
}

/// What pm alone reads: the rest of what a file of its own would say.
fn own(app: &AppSpec) -> Value {
    let mut own = Map::from_iter([("host".to_owned(), json!(true))]);
    if app.stop.tree {
        own.insert("treekill".into(), json!(true));
    }
    if app.checks.health.is_some() && app.checks.on_unhealthy == OnUnhealthy::Restart {
        own.insert("unhealthy".into(), json!("restart"));
    }
    if let Some(bytes) = app.kernel.mem_limit {
        own.insert("mem_limit".into(), json!(bytes.get()));
    }
    if let Some(cpus) = app.kernel.cpus {
        own.insert("cpus".into(), json!(cpus.to_string()));
    }
    if let Some(most) = app.kernel.pids_limit {
        own.insert("pids_limit".into(), json!(most));
    }
    if app.logs.rotation.max_size.is_none() {
        own.insert("log_max_size".into(), json!(false));
    }
    Value::Object(own)
}

fn restart(draft: &mut AppDraft<'_>) -> String {
    let policy = &draft.app.restart;
    if draft.app.schedule.as_ref().is_some_and(|it| it.job) {
        return "no".into();
    }
    match policy.rule {
        RestartRule::No => "no".into(),
        RestartRule::Always => "always".into(),
        RestartRule::OnFailure(None) => "on-failure".into(),
        RestartRule::OnFailure(Some(most)) => format!("on-failure:{most}"),
        RestartRule::Unsaid if !policy.autorestart => "no".into(),
        RestartRule::Unsaid if policy.stop_exit_codes.contains(&0) => {
            let most = policy.gives_up_after().map(|runs| runs.saturating_sub(1));
            most.map_or_else(|| "on-failure".into(), |most| format!("on-failure:{most}"))
        }
        RestartRule::UnlessStopped | RestartRule::Unsaid => "unless-stopped".into(),
    }
}

fn deploy(app: &AppSpec) -> Map<String, Value> {
    let mut deploy = Map::new();
    let is_job = app.schedule.as_ref().is_some_and(|it| it.job);
    if !app.autostart || is_job {
        deploy.insert("replicas".into(), json!(0));
    } else if app.instances > 1 {
        deploy.insert("replicas".into(), json!(app.instances));
    }
    let mut update = Map::new();
    if let Some(order) = app.reload.order.as_str() {
        update.insert("order".into(), json!(order));
    }
    if app.reload.parallelism > 0 {
        update.insert("parallelism".into(), json!(app.reload.parallelism));
    }
    if app.reload.monitor > Span::ZERO {
        update.insert("monitor".into(), json!(time(app.reload.monitor)));
    }
    if !update.is_empty() {
        deploy.insert("update_config".into(), Value::Object(update));
    }
    deploy
}

fn logging(draft: &mut AppDraft<'_>) -> Value {
    let app = draft.app;
    if app.logs.out == LogTarget::Discard && app.logs.error == LogTarget::Discard {
        for key in [ExportKey::LogMaxSize, ExportKey::LogKeep] {
            draft.missing(key, "no output is kept");
        }
        return json!({ "driver": "none" });
    }
    let Some(size) = app.logs.rotation.max_size else {
        draft.missing(ExportKey::LogKeep, "nothing is rotated");
        return json!({ "driver": "json-file" });
    };
    let files = u64::from(app.logs.rotation.keep) + 1;
    let options = json!({ "max-size": size.get().to_string(), "max-file": files.to_string() });
    json!({ "driver": "json-file", "options": options })
}

fn limits(draft: &mut AppDraft<'_>) -> Vec<(&'static str, Value)> {
    let app = draft.app;
    let kernel = &app.kernel;
    let mut limits = Vec::new();
    // The kernel's limit is the harder one.
    if let Some(bytes) = kernel.mem_limit.or(app.limits.memory) {
        limits.push(("mem_limit", json!(bytes.get().to_string())));
    }
    limits.extend(kernel.cpus.map(|cpus| ("cpus", json!(cpus.to_string()))));
    if !kernel.cpuset.is_empty() {
        limits.push(("cpuset", json!(kernel.cpuset.to_string())));
    }
    limits.extend(kernel.pids_limit.map(|most| ("pids_limit", json!(most))));
    limits.extend(kernel.oom_score_adj.map(|number| ("oom_score_adj", json!(number))));
    if !kernel.network {
        limits.push(("network_mode", json!("none")));
    }
    let mut all = Map::new();
    for (kind, limit) in &kernel.rlimits {
        match ulimit(*kind, *limit) {
            Some(value) => drop(all.insert(kind.name().into(), value)),
            None => draft.missing(
                ExportKey::Rlimits,
                format!("{}: Compose wants both a soft and a hard limit", kind.name()),
            ),
        }
    }
    if !all.is_empty() {
        limits.push(("ulimits", Value::Object(all)));
    }
    limits
}

fn ulimit(_kind: ResourceKind, limit: ResourceLimit) -> Option<Value> {
    let number =
        |number: u64| if number == ResourceLimit::UNLIMITED { json!(-1) } else { json!(number) };
    let (soft, hard) = (number(limit.soft?), number(limit.hard?));
    Some(if soft == hard { soft } else { json!({ "soft": soft, "hard": hard }) })
}

fn depends(
    draft: &mut AppDraft<'_>,
    others: &Others<'_>,
    need: &pm_spec::Dependency,
) -> Option<(String, Value)> {
    let Some((other, name)) = others.named(&need.app) else {
        draft.missing(ExportKey::DependsOn, format!("{} is not in this export", need.app));
        return None;
    };
    let condition = match need.condition {
        Condition::Started => "service_started",
        Condition::Healthy => "service_healthy",
        Condition::Completed => "service_completed_successfully",
        Condition::Ready => {
            let (condition, how) = if other.checks.health.is_some() {
                ("service_healthy", "its health check has to have said so")
            } else {
                (
                    "service_started",
                    "Compose knows `ready` by a health check alone, and it has none",
                )
            };
            draft.changed(ExportKey::DependsOn, format!("{name}: {condition}: {how}"));
            condition
        }
    };
    let value =
        json!({ "condition": condition, "required": need.required, "restart": need.restart });
    Some((name.clone(), value))
}

fn health(draft: &mut AppDraft<'_>, check: &pm_spec::HealthCheck) -> Value {
    let test = match &check.question.probe {
        Probe::Exec(argv) => {
            let words = argv.iter().map(|word| json!(word.display()));
            [json!("CMD")].into_iter().chain(words).collect()
        }
        Probe::Shell(line) => json!(["CMD-SHELL", line.display()]),
        probe @ (Probe::Connect(_) | Probe::Http(_) | Probe::File(_)) => {
            let argv = probes::argv(probe);
            draft.changed(
                ExportKey::Healthcheck,
                format!("healthcheck: `{}` has to be in the image", argv[0]),
            );
            [json!("CMD")].into_iter().chain(argv.into_iter().map(|word| json!(word))).collect()
        }
    };
    json!({
        "test": test,
        "interval": time(check.interval),
        "timeout": time(check.question.timeout),
        "retries": check.retries,
        "start_period": time(check.start_period),
        "start_interval": time(check.start_interval),
    })
}

/// The variables, and the names of secrets that are files in the container.
fn environment(
    draft: &mut AppDraft<'_>,
    secrets: &mut Map<String, Value>,
) -> (Map<String, Value>, Vec<Value>) {
    let variables = std::mem::take(&mut draft.variables);
    let (mut env, mut files) = (Map::new(), Vec::new());
    for (name, value) in &variables.plain {
        env.insert(name.clone(), json!(value.replace(REFERENCE, "")));
    }
    for (name, source) in &variables.secret {
        let file = match source {
            SecretPlace::File(file) => Some(file.display()),
            SecretPlace::Written | SecretPlace::Command(_) => None,
        };
        let Some(file) = file else {
            env.insert(
                name.clone(),
                json!(format!("{REFERENCE}{{{name}:?a secret of {}}}", draft.app.name)),
            );
            draft.secret(
                name,
                format!(
                    "${{{name}}}: from the shell or the `.env` beside the file{}",
                    origin(*source)
                ),
            );
            continue;
        };
        let secret = format!("{}_{name}", draft.name);
        secrets.insert(secret.clone(), json!({ "file": file }));
        draft.secret(
            name,
            format!("a secret, the file /run/secrets/{name} in the container, not a variable"),
        );
        files.push(json!({ "source": secret, "target": name }));
    }
    for name in &variables.bytes {
        draft.unwritten(name, "its value is no UTF-8");
    }
    draft.variables = variables;
    (env, files)
}
