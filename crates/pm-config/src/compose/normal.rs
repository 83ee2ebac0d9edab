//! A Compose project as all its users want it: what is implied is said, names are complete (compose-go's normalisation).

use std::path::Path;

use super::loading::table_of;
use super::said::said;
use super::short_forms::table;
use crate::diagnose::ConfigPlace;
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// Where the values of variables are.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<pm_spec::ByteString>;

/// Says what is implied.
pub(crate) fn normalise(root: &mut ConfigNode, (name, folder): (&str, &Path), look: Variables<'_>) {
    let mut uses_default = false;
    if let Some(services) = table_of(root, "services") {
        for service in services {
            normal(&mut service.node, folder, look);
            uses_default |= networks(&mut service.node);
        }
    }
    if uses_default {
        if table_of(root, "networks").is_none() {
            put(root, "networks", Value::Table(Vec::new()));
        }
        let Some(networks) = table_of(root, "networks") else { return };
        if !networks.iter().any(|entry| entry.key == "default") {
            networks.push(TableEntry::new("default", ConfigPlace::Whole, Value::Null));
        }
    }
    for section in ["networks", "volumes", "configs", "secrets"] {
        for entry in table_of(root, section).into_iter().flatten() {
            if matches!(entry.node.value, Value::Null) {
                entry.node.value = Value::Table(Vec::new());
            }
            let is_external = is_on(&entry.node.value, "external");
            let full =
                if is_external { entry.key.clone() } else { format!("{name}_{}", entry.key) };
            if entry.node.value.get("name").is_none() {
                put(&mut entry.node, "name", Value::text(full));
            }
        }
    }
}

pub(crate) fn is_on(value: &Value, key: &str) -> bool {
    matches!(value.get(key).map(|node| &node.value), Some(Value::Bool(true)))
}

/// Sets a key that is not set; it has no place, for nobody wrote it.
pub(crate) fn put(node: &mut ConfigNode, key: &str, value: Value) {
    let node_at = node.at;
    if let Value::Table(entries) = &mut node.value {
        let node = ConfigNode { at: node_at, value };
        entries.push(TableEntry { key: key.to_owned(), at: ConfigPlace::Whole, node });
    }
}

fn normal(service: &mut ConfigNode, folder: &Path, look: Variables<'_>) {
    if let Value::Table(entries) = &mut service.value {
        for entry in entries {
            part(entry, folder, look);
        }
    }
    let mut implied = Vec::new();
    let texts = |value: &Value, key: &str| -> Vec<String> {
        let node = value.get(key);
        node.map(|node| node.each().iter().map(|it| said(&it.value)).collect()).unwrap_or_default()
    };
    for link in texts(&service.value, "links") {
        implied.push((link.split(':').next().unwrap_or_default().to_owned(), true));
    }
    for key in ["network_mode", "ipc", "pid", "uts", "cgroup"] {
        for text in texts(&service.value, key) {
            implied.extend(text.strip_prefix("service:").map(|name| (name.to_owned(), true)));
        }
    }
    for text in texts(&service.value, "volumes_from") {
        if !text.starts_with("container:") {
            implied.push((text.split(':').next().unwrap_or_default().to_owned(), false));
        }
    }
    if implied.is_empty() {
        return;
    }
    if table_of(service, "depends_on").is_none() {
        put(service, "depends_on", Value::Table(Vec::new()));
    }
    let at = service.at;
    let Some(needs) = table_of(service, "depends_on") else { return };
    for (name, restarts) in implied {
        if needs.iter().all(|need| need.key != name) {
            let need = vec![
                ("condition", Value::text("service_started")),
                ("restart", Value::Bool(restarts)),
                ("required", Value::Bool(true)),
            ];
            needs.push(TableEntry::new(&name, at, table(at, need)));
        }
    }
}

/// One key of a service.
fn part(entry: &mut TableEntry, folder: &Path, look: Variables<'_>) {
    match entry.key.as_str() {
        "pull_policy" if said(&entry.node.value) == "if_not_present" => {
            entry.node.value = Value::text("missing");
        }
        "build" => build(&mut entry.node, folder, look),
        "environment" => resolve(&mut entry.node, look, true),
        "volumes" => each(&mut entry.node, |volume| {
            let Value::Table(entries) = &mut volume.value else { return };
            if let Some(target) = entries.iter_mut().find(|it| it.key == "target") {
                target.node.value = clean(&said(&target.node.value));
            }
        }),
        "secrets" => each(&mut entry.node, secret),
        "ports" => each(&mut entry.node, |port| {
            for (key, value) in [("protocol", "tcp"), ("mode", "ingress")] {
                if port.value.get(key).is_none() {
                    put(port, key, Value::text(value));
                }
            }
        }),
        "gpus" => each(&mut entry.node, device),
        "deploy" => devices(&mut entry.node),
        _ => {}
    }
}

fn each(node: &mut ConfigNode, act: impl FnMut(&mut ConfigNode)) {
    if let Value::List(nodes) = &mut node.value {
        nodes.iter_mut().for_each(act);
    }
}

fn secret(node: &mut ConfigNode) {
    if node.value.get("target").is_none() {
        let source = node.value.get("source").map(|it| said(&it.value)).unwrap_or_default();
        put(node, "target", Value::text(format!("/run/secrets/{source}")));
    }
}

fn device(node: &mut ConfigNode) {
    if node.value.get("count").is_none() && node.value.get("device_ids").is_none() {
        put(node, "count", Value::Integer(-1));
    }
}

fn devices(deploy: &mut ConfigNode) {
    let Value::Table(entries) = &mut deploy.value else { return };
    let resources = entries.iter_mut().find(|entry| entry.key == "resources");
    let Some(Value::Table(kinds)) = resources.map(|entry| &mut entry.node.value) else { return };
    let reserved = kinds.iter_mut().find(|entry| entry.key == "reservations");
    let Some(Value::Table(all)) = reserved.map(|entry| &mut entry.node.value) else { return };
    if let Some(entry) = all.iter_mut().find(|entry| entry.key == "devices") {
        each(&mut entry.node, device);
    }
}

/// A path in a container, without what says nothing.
fn clean(path: &str) -> Value {
    if !path.starts_with('/') {
        return Value::text(path);
    }
    Value::text(paths::to_bytes(&paths::absolute(Path::new(path), Path::new("/"))))
}

fn build(node: &mut ConfigNode, folder: &Path, look: Variables<'_>) {
    if node.value.get("context").is_none() {
        put(node, "context", Value::text(paths::to_bytes(folder)));
    }
    if node.value.get("dockerfile").is_none() && node.value.get("dockerfile_inline").is_none() {
        put(node, "dockerfile", Value::text("Dockerfile"));
    }
    let Value::Table(entries) = &mut node.value else { return };
    if let Some(args) = entries.iter_mut().find(|entry| entry.key == "args") {
        resolve(&mut args.node, look, false);
    }
}

/// A name without a value has the shell's.
fn resolve(node: &mut ConfigNode, look: Variables<'_>, keeps: bool) {
    let Value::Table(entries) = &mut node.value else { return };
    for entry in entries.iter_mut().filter(|entry| matches!(entry.node.value, Value::Null)) {
        if let Some(value) = look(&entry.key) {
            entry.node.value = Value::Text(value);
        }
    }
    entries.retain(|entry| keeps || !matches!(entry.node.value, Value::Null));
}

/// Who says nothing of networks is in the default one; whether a service is.
fn networks(service: &mut ConfigNode) -> bool {
    if service.value.get("provider").is_some() || service.value.get("network_mode").is_some() {
        return false;
    }
    let own = table_of(service, "networks");
    let Some(own) = own.filter(|own| !own.is_empty()) else {
        super::loading::take(service, "networks");
        let at = service.at;
        put(service, "networks", table(at, vec![("default", Value::Null)]));
        return true;
    };
    own.iter().any(|entry| entry.key == "default")
}

/// The name of a project: small letters, digits, `-` and `_` of a name of any kind.
pub(crate) fn project_name(text: &str) -> String {
    let is_good = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(*c);
    let name: String = text.to_lowercase().chars().filter(is_good).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}
