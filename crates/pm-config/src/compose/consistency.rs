//! Whether a Compose project can be: what its services name has to be there, and what they say must not contradict itself.

use std::collections::BTreeMap;

use super::said::said;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::tree::{ConfigNode, TableEntry, Value, numbers};
use crate::{circles, keys};

/// Looks at the services that are on; what they depend on may be off only if it is not required.
pub(crate) fn check(root: &ConfigNode, is_on: &dyn Fn(&Value) -> bool, findings: &mut Findings) {
    let services =
        root.value.get("services").and_then(|node| node.value.as_table()).unwrap_or_default();
    let all = services.iter().map(|entry| (entry.key.as_str(), entry)).collect();
    let mut checking = Checking { root, all, findings };
    for service in services.iter().filter(|entry| is_on(&entry.node.value)) {
        checking.service(service, is_on);
    }
    for (section, sources) in [
        ("secrets", &["file", "environment"][..]),
        ("configs", &["file", "environment", "content"][..]),
    ] {
        checking.sources(section, sources);
    }
}

struct Checking<'a> {
    root: &'a ConfigNode,
    /// The services, those that are off included.
    all: BTreeMap<&'a str, &'a TableEntry>,
    findings: &'a mut Findings,
}

fn texts(value: &Value, key: &str) -> Vec<(ConfigPlace, String)> {
    let node = value.get(key);
    let text = |node: &ConfigNode| (node.at, said(&node.value));
    node.map(|node| node.each().iter().map(text).collect()).unwrap_or_default()
}

fn at_of(value: &Value, key: &str) -> ConfigPlace {
    value.get(key).map_or(ConfigPlace::Whole, |node| node.at)
}

/// The value at a way of keys, as text.
pub(crate) fn deep(value: &Value, way: &[&str]) -> Option<String> {
    let mut value = value;
    for key in way {
        value = &value.get(key)?.value;
    }
    Some(said(value))
}

impl Checking<'_> {
    fn error(&mut self, at: ConfigPlace, message: &str) {
        self.findings.add(Finding::error(at, message));
    }

    fn service(&mut self, service: &TableEntry, is_on: &dyn Fn(&Value) -> bool) {
        let value = &service.node.value;
        let name = quoted(&service.key);
        self.names(service);
        self.dependencies(service, is_on);
        let has = |key: &str| value.get(key).is_some();
        if has("network_mode") && has("networks") {
            let at = at_of(value, "network_mode");
            self.error(at, &format!("{name}: `network_mode` and `networks` exclude each other"));
        }
        if deep(value, &["build", "dockerfile"]).is_some()
            && deep(value, &["build", "dockerfile_inline"]).is_some()
        {
            let at = at_of(value, "build");
            self.error(at, "`dockerfile` and `dockerfile_inline` exclude each other");
        }
        let pairs: [(&str, &[&str]); 5] = [
            ("scale", &["deploy", "replicas"]),
            ("cpus", &["deploy", "resources", "limits", "cpus"]),
            ("mem_limit", &["deploy", "resources", "limits", "memory"]),
            ("mem_reservation", &["deploy", "resources", "reservations", "memory"]),
            ("pids_limit", &["deploy", "resources", "limits", "pids"]),
        ];
        for (key, way) in pairs {
            let (one, other) = (deep(value, &[key]), deep(value, way));
            // Where limits are said at all, those that are not are 0 to Compose.
            let has_limits = way.len() > 2 && value.get("deploy").is_some() && {
                deep(value, &way[..way.len() - 1]).is_some()
            };
            let differs = match (&one, &other) {
                (Some(one), Some(other)) => one != other,
                (Some(_), None) => has_limits,
                _ => false,
            };
            if differs {
                let message = format!("`{key}` and `{}` say different things", way.join("."));
                self.error(at_of(value, key), &message);
            }
        }
        let scale = deep(value, &["scale"]).or_else(|| deep(value, &["deploy", "replicas"]));
        let scale: i64 = scale.and_then(|text| text.parse().ok()).unwrap_or(1);
        if scale < 0 {
            self.error(service.at, &format!("{name}: there can't be less than no replicas"));
        }
        if scale > 1 && has("container_name") {
            let message = format!("{name}: several replicas can't all have one `container_name`");
            self.error(at_of(value, "container_name"), &message);
        }
        self.mounts(value);
        for watch in value
            .get("develop")
            .and_then(|it| it.value.get("watch"))
            .into_iter()
            .flat_map(ConfigNode::each)
        {
            let action = deep(&watch.value, &["action"]).unwrap_or_default();
            if watch.value.get("target").is_none()
                && !matches!(action.as_str(), "rebuild" | "restart")
            {
                self.error(watch.at, "`target` says where in the container the files belong");
            }
        }
    }

    /// What a service names in the sections of the project.
    fn names(&mut self, service: &TableEntry) {
        let value = &service.node.value;
        let mut named: Vec<(&str, ConfigPlace, String)> = Vec::new();
        for (section, key) in [("networks", "networks"), ("models", "models")] {
            let entries = value.get(key).and_then(|node| node.value.as_table()).unwrap_or_default();
            named.extend(entries.iter().map(|entry| (section, entry.at, entry.key.clone())));
        }
        let mut sources = |section: &'static str, node: Option<&ConfigNode>| {
            for one in node.into_iter().flat_map(ConfigNode::each) {
                let is_named = section != "volumes"
                    || deep(&one.value, &["type"]).as_deref() == Some("volume");
                let source = deep(&one.value, &["source"]).filter(|it| !it.is_empty() && is_named);
                named.extend(source.map(|source| (section, one.at, source)));
            }
        };
        sources("volumes", value.get("volumes"));
        sources("secrets", value.get("secrets"));
        sources("configs", value.get("configs"));
        sources("secrets", value.get("build").and_then(|it| it.value.get("secrets")));
        for (section, at, name) in named {
            let known = self.root.value.get(section).and_then(|node| node.value.as_table());
            let known: Vec<_> =
                known.unwrap_or_default().iter().map(|it| it.key.as_str()).collect();
            if known.contains(&name.as_str()) {
                continue;
            }
            let near = keys::nearest(&name, known.into_iter());
            let what = section.trim_end_matches('s');
            let message = format!(
                "{} uses the {what} {}, and there is no such {what}",
                quoted(&service.key),
                quoted(&name)
            );
            let hint = format!("name it under `{section}` beside `services`");
            let finding = Finding::error(at, message).maybe(near.is_none().then_some(hint));
            self.findings.add(finding.near(near));
        }
    }

    fn dependencies(&mut self, service: &TableEntry, is_on: &dyn Fn(&Value) -> bool) {
        let needs = service.node.value.get("depends_on").and_then(|node| node.value.as_table());
        for need in needs.unwrap_or_default() {
            let is_required = !matches!(
                need.node.value.get("required").map(|it| &it.value),
                Some(Value::Bool(false))
            );
            let (name, on) = (quoted(&service.key), quoted(&need.key));
            match self.all.get(need.key.as_str()) {
                Some(other) if is_on(&other.node.value) || !is_required => {}
                Some(_) => {
                    let finding = Finding::error(
                        need.at,
                        format!("{name} depends on {on}, whose profile is off"),
                    );
                    self.findings.add(
                        finding.hint("`--profile` turns it on; `required: false` does without"),
                    );
                }
                // Compose asks for it even if it is not required.
                None => {
                    let near = keys::nearest(&need.key, self.all.keys().copied());
                    let message = format!("{name} depends on {on}, and there is no such service");
                    self.findings.add(Finding::error(need.at, message).near(near));
                }
            }
        }
        let text = deep(&service.node.value, &["network_mode"]).unwrap_or_default();
        if let Some(shared) = text.strip_prefix("service:")
            && !self.all.contains_key(shared)
        {
            let message = format!("`network_mode`: there is no service {}", quoted(shared));
            self.error(at_of(&service.node.value, "network_mode"), &message);
        }
    }

    /// One place of a container can't show two things.
    fn mounts(&mut self, service: &Value) {
        let mut seen: Vec<String> = Vec::new();
        let tmpfs = texts(service, "tmpfs").into_iter();
        let tmpfs =
            tmpfs.map(|(at, text)| (at, text.split(':').next().unwrap_or_default().to_owned()));
        let volumes = service.get("volumes").into_iter().flat_map(ConfigNode::each);
        let volumes = volumes.map(|it| (it.at, deep(&it.value, &["target"]).unwrap_or_default()));
        for (at, target) in tmpfs.chain(volumes) {
            if seen.contains(&target) {
                self.error(at, &format!("something is mounted at {} already", quoted(&target)));
            }
            seen.push(target);
        }
    }

    fn sources(&mut self, section: &str, sources: &[&str]) {
        let all = self.root.value.get(section).and_then(|node| node.value.as_table());
        for entry in all.unwrap_or_default() {
            let value = &entry.node.value;
            let said = sources.iter().filter(|key| value.get(key).is_some()).count();
            let what = section.trim_end_matches('s');
            let list = sources.join("`, `");
            if said > 1 {
                let message =
                    format!("the {what} {} has more than one of `{list}`", quoted(&entry.key));
                self.error(entry.at, &message);
            } else if said == 0 && value.get("external").is_none() && value.get("driver").is_none()
            {
                let message =
                    format!("the {what} {} has no source: one of `{list}`", quoted(&entry.key));
                self.error(entry.at, &message);
            }
        }
    }
}

/// Services that wait for each other in a circle, which can't begin.
pub(crate) fn circle(root: &ConfigNode, findings: &mut Findings) {
    let services =
        root.value.get("services").and_then(|node| node.value.as_table()).unwrap_or_default();
    let numbers = numbers(services);
    let needs = |at: usize| -> Vec<usize> {
        let needs = services[at].node.value.get("depends_on").and_then(|it| it.value.as_table());
        needs.unwrap_or_default().iter().filter_map(|it| numbers.get(&it.key).copied()).collect()
    };
    for circle in circles::circles(services.len(), needs).into_iter().take(1) {
        let way: Vec<_> = circle.iter().chain(&circle[..1]).map(|at| &*services[*at].key).collect();
        let message = format!("services depend on each other in a circle: {}", way.join(" -> "));
        let at = at_of(&services[circle[0]].node.value, "depends_on");
        findings.add(Finding::error(at, message));
    }
}
