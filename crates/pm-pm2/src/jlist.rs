//! `pm jlist`: PM2's JSON, for the scripts that read it. Values of variables that look like secrets are masked, which
//! PM2 does not do (pain 38); `pm env` shows them.

use std::collections::BTreeMap;

use pm_config::SERVE_VERB;
use pm_protocol::{Description, Descriptions};
use pm_spec::options::{Jlist, Setting, keys};
use pm_spec::{AppSpec, ByteString, Environment, LogFormat, MASK, Watch};
use serde_json::{Map, Value, json};

use crate::checks;

/// Versions of Node by the program that runs apps.
pub type Nodes = BTreeMap<ByteString, String>;

/// The stamp that `time: true` means.
const TIME: &str = "YYYY-MM-DDTHH:mm:ss";

/// Whether values that may be secrets are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// For people and pipes.
    Masked,
    /// For a file of our own that must bring the apps back.
    Kept,
}

/// The list as a value.
pub fn entries(descriptions: &Descriptions, nodes: &Nodes) -> Value {
    let entry = |described: &Description| {
        let mut entry = entry(described);
        let program = described.spec.interpreter.as_ref();
        if let Some(version) = program.and_then(|program| nodes.get(program)) {
            entry["pm2_env"]["node_version"] = version.as_str().into();
        }
        entry
    };
    descriptions.descriptions.iter().map(entry).collect()
}

/// PM2's saved list: the records without what a new life gives them anew.
pub fn dump(descriptions: &Descriptions) -> Value {
    let record = |described: &Description| {
        let mut record = pm2_env(described, Secrets::Kept);
        if let Some(record) = record.as_object_mut() {
            for key in ["instances", "pm_id", "prev_restart_delay"] {
                record.remove(key);
            }
        }
        record
    };
    descriptions.descriptions.iter().map(record).collect()
}

fn entry(described: &Description) -> Value {
    let row = &described.row;
    json!({
        "pid": row.pid,
        "name": row.name,
        "pm_id": row.id,
        "monit": { "memory": row.usage.memory, "cpu": tenths(row.usage.cpu) },
        "pm2_env": pm2_env(described, Secrets::Masked),
    })
}

fn pm2_env(described: &Description, secrets: Secrets) -> Value {
    let mut all = environment(described, secrets);
    let env = Value::Object(all.clone());
    all.append(&mut state(described));
    all.append(&mut settings(described));
    let mut env = env;
    // PM2 has the module configuration of an app there, under the app's name.
    env[described.row.name.as_str()] = json!({});
    all.insert("env".into(), env);
    Value::Object(all)
}

/// Variables by name; they stand under `env` and, as PM2 has it, beside it, where state wins over them.
fn environment(described: &Description, secrets: Secrets) -> Map<String, Value> {
    let mut env = Map::new();
    for (name, value) in described.spec.env.iter() {
        let is_masked = secrets == Secrets::Masked && described.spec.hides(name);
        let value = if is_masked { MASK.into() } else { text(value) };
        env.insert(name.into(), value);
    }
    // A saved list has what is counted from.
    let counted = described.spec.counted(described.row.slot).filter(|_| secrets == Secrets::Masked);
    env.extend(counted.map(|(name, value)| (name, value.into())));
    env
}

fn state(described: &Description) -> Map<String, Value> {
    let (row, spec) = (&described.row, &described.spec);
    let mut state = object(json!({
        "name": row.name,
        "namespace": row.namespace,
        "pm_id": row.id,
        "status": row.status.as_str(),
        "pm_uptime": row.started_at,
        "created_at": row.created_at,
        "restart_time": row.restarts,
        "unstable_restarts": row.unstable,
        "version": row.version.as_deref().unwrap_or("N/A"),
        "username": row.user.clone().or_else(|| caller(described)),
        "unique_id": format!("{}-{}", row.id, row.created_at),
        "axm_actions": described.pulse.actions,
        "axm_monitor": described.pulse.monitor,
        "axm_options": options(described),
        "axm_dynamic": {},
        "vizion_running": false,
        "km_link": false,
    }));
    state.insert(spec.instance_var.display().into_owned(), row.slot.into());
    // A death by signal is code 0 in PM2.
    if let Some(end) = described.ends.last() {
        state.insert("exit_code".into(), end.code.unwrap_or(0).into());
    }
    if let Some(health) = row.health {
        state.insert("health".into(), health.as_str().into());
    }
    if described.last_delay > 0 {
        state.insert("prev_restart_delay".into(), described.last_delay.into());
    }
    state
}

/// Whose shell it was started from.
fn caller(described: &Description) -> Option<String> {
    let env = &described.spec.env;
    let name = env.get("USER").or_else(|| env.get("LOGNAME"))?;
    Some(name.display().into_owned())
}

/// What a Node app's metrics would say of it under PM2, and what it says itself.
fn options(described: &Description) -> Value {
    let program = described.spec.interpreter.as_ref().map(ByteString::display);
    let is_node = match program.as_deref().and_then(|path| path.rsplit('/').next()) {
        Some(name) => matches!(name, "node" | "bun"),
        // PM2's file server is a Node app.
        None => described.spec.args.first().is_some_and(|verb| *verb == SERVE_VERB.into()),
    };
    let module = is_node.then(|| object(json!({ "module_name": described.row.name })));
    let mut options = module.unwrap_or_default();
    options.extend(described.pulse.options.clone());
    Value::Object(options)
}

fn settings(described: &Description) -> Map<String, Value> {
    let spec = &described.spec;
    let interpreter = spec.interpreter.as_ref().map_or("none".into(), |it| typed(it, &spec.env));
    let mut settings = object(json!({
        "pm_exec_path": text(&spec.script),
        "pm_cwd": text(&spec.cwd),
        "exec_interpreter": interpreter,
        "exec_mode": format!("{}_mode", spec.serving.mode.as_str()),
        "pm_out_log_path": path(described.out.as_ref()),
        "pm_err_log_path": path(described.error.as_ref()),
        "pm_pid_path": described.pid_file.as_ref().map(text),
        "watch": watched(described),
        // As configured: git metadata is collected by nobody, in PM2 only where a variable asks for it.
        "vizion": true,
        "pmx": false,
        "automation": false,
        "windowsHide": true,
        "filter_env": [],
        "kill_retry_time": 100,
    }));
    let mut optional = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            settings.insert(key.into(), value);
        }
    };
    optional("pm_log_path", described.combined.as_ref().map(text));
    let is_node = typed(spec.interpreter.as_ref().unwrap_or(&spec.script), &spec.env) == "node";
    let no_maps = is_node && !spec.serving.source_maps;
    optional("disable_source_map_support", no_maps.then(|| true.into()));
    optional("source_map_support", is_node.then(|| spec.serving.source_maps.into()));
    let is_time = spec.logs.format == LogFormat::Stamped(TIME.into());
    // PM2 knows jobs by this alone.
    let job = spec.schedule.as_ref().filter(|schedule| schedule.job);
    optional("cron_restart", job.map(|schedule| schedule.pattern.as_str().into()));
    optional("time", is_time.then(|| true.into()));
    optional("watch_options", spec.watch.as_ref().and_then(watch_options));
    optional("ready", spec.checks.ready.as_deref().map(checks::ready));
    optional("healthcheck", spec.checks.health.as_deref().map(checks::health));
    optional(
        "_km_monitored",
        spec.serving.marks.get(&described.row.slot).map(|mark| Value::from(*mark)),
    );
    let usual = AppSpec::usual();
    for key in keys().filter(|key| !spec.nulled.contains(key.name)) {
        optional(
            key.pm2_name(),
            match key.jlist {
                Jlist::Always => Some(json(&key.value(spec))),
                Jlist::Changed => key.changed(spec, &usual).as_ref().map(json),
                Jlist::Apart | Jlist::Never => None,
            },
        );
    }
    settings
}

/// What is watched, as a file says it: the paths seen from the app's folder, or true if it is that folder.
fn watched(described: &Description) -> Value {
    let spec = &described.spec;
    let Some(watch) = spec.watch.as_ref().filter(|watch| watch.on && described.row.watching) else {
        return described.row.watching.into();
    };
    if watch.paths == [spec.cwd.clone()] {
        return true.into();
    }
    let seen = |path: &ByteString| {
        let below = path.as_bytes().strip_prefix(spec.cwd.as_bytes());
        let below = below.and_then(|path| path.strip_prefix(b"/"));
        below.map_or_else(|| text(path), |path| text(&ByteString::from(path)))
    };
    watch.paths.iter().map(seen).collect()
}

/// In chokidar's words, where it is not as usual.
fn watch_options(watch: &Watch) -> Option<Value> {
    let mut options = Map::new();
    if let Some(every) = watch.poll {
        options.insert("usePolling".into(), true.into());
        options.insert("interval".into(), every.as_millis().into());
    }
    if !watch.follow_links {
        options.insert("followSymlinks".into(), false.into());
    }
    (!options.is_empty()).then_some(Value::Object(options))
}

/// A program as people type it: by its name alone where the app's `PATH` leads to its folder.
fn typed(program: &ByteString, env: &Environment) -> Value {
    let full = program.display();
    let named = full.rsplit_once('/').filter(|(folder, _)| {
        let path = env.get("PATH").map(ByteString::display);
        path.is_some_and(|path| path.split(':').any(|one| one == *folder))
    });
    named.map_or_else(|| full.as_ref().into(), |(_, name)| name.into())
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// JSON has no bytes; what is not UTF-8 is shown, not stored.
fn text(bytes: &ByteString) -> Value {
    bytes.display().into_owned().into()
}

/// Numbers where PM2 has numbers: milliseconds and bytes.
fn json(setting: &Setting) -> Value {
    match setting {
        Setting::Unset => false.into(),
        Setting::Switch(on) => (*on).into(),
        Setting::Count(count) => (*count).into(),
        Setting::Integer(number) => (*number).into(),
        Setting::Span(span) => span.as_millis().into(),
        Setting::Size(size) => size.get().into(),
        Setting::Text(bytes) => text(bytes),
        Setting::Words(words) => words.iter().map(text).collect(),
        Setting::Counts(counts) => counts.iter().copied().collect(),
    }
}

fn path(file: Option<&ByteString>) -> Value {
    file.map_or("/dev/null".into(), text)
}

/// Per cent with one decimal.
fn tenths(cpu: f32) -> Value {
    // Through text: 1.1_f32 as f64 would read 1.100000023841858. JavaScript shows whole numbers without a point.
    let text = format!("{cpu:.1}");
    match text.strip_suffix(".0").and_then(|whole| whole.parse::<u64>().ok()) {
        Some(whole) => whole.into(),
        None => text.parse::<f64>().map_or(Value::from(0), Value::from),
    }
}
