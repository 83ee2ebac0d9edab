//! What a service may use, and where its output goes.

use super::service::ServiceReading;
use super::values;
use crate::tree::{TableEntry, Value};

/// The limit that a setting sets (`systemd.exec(5)`), by our name.
pub(super) fn limit(key: &str) -> Option<String> {
    const NAMES: [&str; 15] = [
        "CPU",
        "FSIZE",
        "DATA",
        "STACK",
        "CORE",
        "RSS",
        "NOFILE",
        "AS",
        "NPROC",
        "MEMLOCK",
        "SIGPENDING",
        "MSGQUEUE",
        "NICE",
        "RTPRIO",
        "RTTIME",
    ];
    let name = key.strip_prefix("Limit").filter(|name| NAMES.contains(name))?;
    Some(name.to_ascii_lowercase())
}

/// `RestrictAddressFamilies` of what makes local sockets only.
pub(super) const LOCAL: &str = "AF_UNIX";

impl ServiceReading<'_> {
    /// What each of its processes may use, and all of them together.
    pub(super) fn limits(&mut self) {
        let mut limits = Vec::new();
        for setting in self.unit.settings.iter().filter(|it| it.section == "Service") {
            let Some(name) = limit(&setting.key).filter(|_| !setting.text.is_empty()) else {
                continue;
            };
            let part = |text: &str| match (text, values::bytes(text)) {
                ("infinity", _) => "unlimited".to_owned(),
                (_, Some(bytes)) => bytes.to_string(),
                (text, None) => text.to_owned(),
            };
            let parts: Vec<_> = setting.text.split(':').map(part).collect();
            let value = Value::text(parts.join(":").as_str());
            limits.retain(|entry: &TableEntry| entry.key != name);
            limits.push(TableEntry::new(&name, setting.at, value));
        }
        if let Some(at) = limits.first().map(|limit| limit.at) {
            self.put("rlimits", at, Value::Table(limits));
        }
        for (key, ours) in [
            ("MemoryMax", "mem_limit"),
            ("MemoryLimit", "mem_limit"),
            ("TasksMax", "pids_limit"),
            ("CPUQuota", "cpus"),
            ("OOMScoreAdjust", "oom_score_adj"),
        ] {
            // A part is written with `%`, which begins no specifier here.
            let Some(setting) = self.unit.last("Service", key) else { continue };
            let (text, at) = (setting.text.clone(), setting.at);
            let is_said = text != "infinity" && (key == "CPUQuota" || !text.contains('%'));
            let value = match values::bytes(&text) {
                Some(bytes) => Value::Integer(bytes.into()),
                None => Value::text(text.as_str()),
            };
            if is_said && !self.entries.iter().any(|entry| entry.key == ours) {
                self.put(ours, at, value);
            }
        }
        let cpus = self.unit.all("Service", "CPUAffinity");
        let lists: Vec<_> = cpus.iter().map(|it| it.text.as_str()).collect();
        if let Some(at) = cpus.first().map(|list| list.at).filter(|_| !lists.contains(&"numa")) {
            self.put("cpuset", at, Value::text(lists.join(" ").as_str()));
        }
        if let Some((class, at)) = self.text("IOSchedulingClass") {
            let level = self.text("IOSchedulingPriority").filter(|_| class != "idle");
            let level = level.map(|(level, _)| format!(":{level}")).unwrap_or_default();
            self.put("ioprio", at, Value::text(format!("{class}{level}").as_str()));
        }
        for (key, ours, value) in
            [("PrivateTmp", "private_tmp", true), ("PrivateNetwork", "network", false)]
        {
            let is_on = self.parsed(key, "yes or no", |text| {
                values::boolean(text).or((text == "disconnected").then_some(true))
            });
            if let Some((true, at)) = is_on {
                self.put(ours, at, Value::Bool(value));
            }
        }
        let families = self.text("RestrictAddressFamilies");
        if let Some((_, at)) = families.filter(|(text, _)| text.trim() == LOCAL)
            && !self.entries.iter().any(|entry| entry.key == "network")
        {
            self.put("network", at, Value::Bool(false));
        }
    }

    pub(super) fn logs(&mut self) {
        let target = |text: &str| {
            let path =
                ["file:", "append:", "truncate:"].iter().find_map(|kind| text.strip_prefix(kind));
            path.map(str::to_owned).or_else(|| (text == "null").then(|| "NULL".into()))
        };
        let out = self.text("StandardOutput");
        let error = self.text("StandardError").filter(|(text, _)| text != "inherit");
        let error = error.or_else(|| out.clone());
        for (said, ours) in [(out, "out_file"), (error, "error_file")] {
            let Some((text, at)) = said else { continue };
            if let Some(target) = target(&text) {
                self.put(ours, at, Value::text(target.as_str()));
            }
        }
    }
}
