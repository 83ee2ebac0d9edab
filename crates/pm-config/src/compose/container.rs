//! A service with an image as what the engine's command line takes (`podman run`, `docker run`).

use super::consistency::deep;
use super::engine::{Engine, quote};
use super::project::ComposeProject;
use super::said::said;
use super::units;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What of a service becomes `--FLAG VALUE`.
const FLAGS: [(&str, &str); 37] = [
    ("hostname", "--hostname"),
    ("domainname", "--domainname"),
    ("user", "--user"),
    ("working_dir", "--workdir"),
    ("platform", "--platform"),
    ("runtime", "--runtime"),
    ("ipc", "--ipc"),
    ("pid", "--pid"),
    ("uts", "--uts"),
    ("userns_mode", "--userns"),
    ("cgroup", "--cgroupns"),
    ("cgroup_parent", "--cgroup-parent"),
    ("isolation", "--isolation"),
    ("mac_address", "--mac-address"),
    ("stop_signal", "--stop-signal"),
    ("shm_size", "--shm-size"),
    ("mem_limit", "--memory"),
    ("mem_reservation", "--memory-reservation"),
    ("memswap_limit", "--memory-swap"),
    ("mem_swappiness", "--memory-swappiness"),
    ("cpus", "--cpus"),
    ("cpuset", "--cpuset-cpus"),
    ("cpu_shares", "--cpu-shares"),
    ("cpu_quota", "--cpu-quota"),
    ("cpu_period", "--cpu-period"),
    ("cpu_rt_period", "--cpu-rt-period"),
    ("cpu_rt_runtime", "--cpu-rt-runtime"),
    ("pids_limit", "--pids-limit"),
    ("oom_score_adj", "--oom-score-adj"),
    ("cap_add", "--cap-add"),
    ("cap_drop", "--cap-drop"),
    ("security_opt", "--security-opt"),
    ("dns", "--dns"),
    ("dns_opt", "--dns-opt"),
    ("dns_search", "--dns-search"),
    ("group_add", "--group-add"),
    ("tmpfs", "--tmpfs"),
];

/// Lists whose flags are called otherwise, and switches.
const MORE: [(&str, &str); 8] = [
    ("device_cgroup_rules", "--device-cgroup-rule"),
    ("volumes_from", "--volumes-from"),
    ("expose", "--expose"),
    ("privileged", "--privileged"),
    ("read_only", "--read-only"),
    ("init", "--init"),
    ("tty", "--tty"),
    ("stdin_open", "--interactive"),
];

/// Variables that mean something to the engine's client itself: they are said on its command line instead of given to it.
pub(crate) const OF_CLIENT: [&str; 8] = [
    "PATH",
    "HOME",
    "NODE_APP_INSTANCE",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "CONTAINER_HOST",
    "XDG_RUNTIME_DIR",
    "TMPDIR",
];

/// A container on its way to a command line.
pub(crate) struct Container<'a> {
    pub(crate) project: &'a ComposeProject,
    pub(crate) engine: &'a Engine,
    pub(crate) service: &'a TableEntry,
}

impl Container<'_> {
    pub(crate) fn text(&self, way: &[&str]) -> Option<String> {
        deep(&self.service.node.value, way).filter(|text| !text.is_empty())
    }

    pub(crate) fn each(&self, key: &str) -> Vec<&ConfigNode> {
        self.service
            .node
            .value
            .get(key)
            .map(|node| node.each().iter().collect())
            .unwrap_or_default()
    }

    pub(crate) fn pairs(&self, key: &str) -> &[TableEntry] {
        self.service.node.value.get(key).and_then(|node| node.value.as_table()).unwrap_or_default()
    }

    /// Its name; one that ends with `-` is still without its number.
    pub(crate) fn name(&self) -> String {
        let given = self.text(&["container_name"]);
        given.unwrap_or_else(|| format!("{}-{}-", self.project.name, self.service.key))
    }

    /// The image that is run: its own, or what is built.
    pub(crate) fn image(&self) -> String {
        let own = self.text(&["image"]);
        own.unwrap_or_else(|| format!("{}-{}", self.project.name, self.service.key))
    }

    /// Has the image brought here if it is not, a line for the shell: a part of the start, so that nobody takes an engine that looks for
    /// an image for a service that runs.
    pub(crate) fn fetched(&self) -> Option<String> {
        let policy = self.text(&["pull_policy"]);
        let is_missing = policy.is_none_or(|it| it == "missing" || it == "if_not_present");
        let is_ours =
            self.text(&["image"]).is_some_and(|_| self.service.node.value.get("build").is_none());
        let platform = self.text(&["platform"]).map(|it| format!(" --platform {}", quote(&it)));
        let (engine, image) = (quote(&self.engine.program), quote(&self.image()));
        let platform = platform.unwrap_or_default();
        (is_missing && is_ours).then(|| {
            format!(
                "{engine} image inspect {image} >/dev/null 2>&1 || {engine} pull{platform} {image}"
            )
        })
    }

    /// What follows `run --name NAME`.
    pub(crate) fn args(&self) -> Vec<String> {
        let mut args = vec!["--rm".to_owned(), "--restart=no".into()];
        if self.engine.is_podman {
            args.push("--log-driver=passthrough".into());
        }
        let mut put = |flag: &str, value: String| {
            args.push(flag.to_owned());
            args.extend(Some(value).filter(|value| !value.is_empty()));
        };
        for (key, flag) in FLAGS.iter().chain(&MORE) {
            for node in self.each(key) {
                match &node.value {
                    Value::Bool(true) => put(flag, String::new()),
                    Value::Bool(false) => {}
                    value => put(flag, said(value)),
                }
            }
        }
        let limits = ["deploy", "resources", "limits"];
        for (key, own, flag) in [
            ("cpus", "cpus", "--cpus"),
            ("memory", "mem_limit", "--memory"),
            ("pids", "pids_limit", "--pids-limit"),
        ] {
            let value = self.text(&[&limits[..], &[key]].concat());
            if let Some(value) = value.filter(|_| self.text(&[own]).is_none()) {
                put(flag, value);
            }
        }
        self.tables(&mut put);
        self.mounts(&mut put);
        self.networks(&mut put);
        for (key, value) in [
            ("project", self.project.name.clone()),
            ("service", self.service.key.clone()),
            ("oneoff", "False".into()),
            ("project.working_dir", self.project.folder.display().to_string()),
            ("project.config_files", self.files()),
        ] {
            put("--label", format!("com.docker.compose.{key}={value}"));
        }
        if let Some(pull) = self
            .text(&["pull_policy"])
            .filter(|it| matches!(it.as_str(), "always" | "missing" | "never"))
        {
            put("--pull", pull);
        }
        let mut entrypoint = self.each("entrypoint").into_iter().map(|node| said(&node.value));
        if self.service.node.value.get("entrypoint").is_some() {
            put(&format!("--entrypoint={}", entrypoint.next().unwrap_or_default()), String::new());
        }
        args.push(self.image());
        args.extend(entrypoint);
        args.extend(self.each("command").into_iter().map(|node| said(&node.value)));
        args
    }

    fn files(&self) -> String {
        let files: Vec<_> = self.project.files.iter().map(|it| it.display().to_string()).collect();
        files.join(",")
    }

    fn tables(&self, put: &mut dyn FnMut(&str, String)) {
        for entry in self.pairs("environment") {
            // The value is in the environment of the client: command lines are for everybody to see.
            let value = said(&entry.node.value);
            let is_of_client =
                OF_CLIENT.contains(&entry.key.as_str()) || entry.key.starts_with("LD_");
            match entry.node.value {
                Value::Null => {}
                _ if is_of_client => put("--env", format!("{}={value}", entry.key)),
                _ => put("--env", entry.key.clone()),
            }
        }
        for (key, flag) in [
            ("labels", "--label"),
            ("annotations", "--annotation"),
            ("sysctls", "--sysctl"),
            ("storage_opt", "--storage-opt"),
        ] {
            for entry in self.pairs(key) {
                put(flag, format!("{}={}", entry.key, said(&entry.node.value)));
            }
        }
        for entry in self.pairs("ulimits") {
            let of = |key: &str| deep(&entry.node.value, &[key]);
            let both = of("single").unwrap_or_else(|| {
                format!("{}:{}", of("soft").unwrap_or_default(), of("hard").unwrap_or_default())
            });
            put("--ulimit", format!("{}={both}", entry.key));
        }
        for node in self.each("extra_hosts") {
            put("--add-host", said(&node.value).replacen('=', ":", 1));
        }
        for node in self.each("devices") {
            let of = |key: &str| deep(&node.value, &[key]).unwrap_or_default();
            put("--device", format!("{}:{}:{}", of("source"), of("target"), of("permissions")));
        }
    }

    fn mounts(&self, put: &mut dyn FnMut(&str, String)) {
        for node in self.each("volumes") {
            let of = |way: &[&str]| deep(&node.value, way).unwrap_or_default();
            let source = match of(&["type"]).as_str() {
                "tmpfs" => {
                    let size = of(&["tmpfs", "size"]);
                    let size = if size.is_empty() { size } else { format!(":size={size}") };
                    put("--tmpfs", of(&["target"]) + &size);
                    continue;
                }
                "volume" => self.full("volumes", &of(&["source"])),
                _ => of(&["source"]),
            };
            let source = if source.is_empty() { source } else { source + ":" };
            let mut options = Vec::new();
            if of(&["read_only"]) == "true" {
                options.push("ro".to_owned());
            }
            if of(&["volume", "nocopy"]) == "true" {
                options.push("nocopy".into());
            }
            options.extend(
                [of(&["bind", "propagation"]), of(&["bind", "selinux"])]
                    .into_iter()
                    .filter(|it| !it.is_empty()),
            );
            let options = if options.is_empty() || source.is_empty() {
                String::new()
            } else {
                format!(":{}", options.join(","))
            };
            put("--volume", format!("{source}{}{options}", of(&["target"])));
        }
        for (key, section) in [("secrets", "secrets"), ("configs", "configs")] {
            for node in self.each(key) {
                let source = deep(&node.value, &["source"]).unwrap_or_default();
                let file = deep(&self.project.root.value, &[section, &source, "file"]);
                let target = deep(&node.value, &["target"]).unwrap_or_else(|| format!("/{source}"));
                let target =
                    if target.starts_with('/') { target } else { format!("/run/secrets/{target}") };
                if let Some(file) = file {
                    put("--volume", format!("{file}:{target}:ro"));
                }
            }
        }
        for node in self.each("ports") {
            let of = |key: &str| deep(&node.value, &[key]).unwrap_or_default();
            let ip = of("host_ip");
            let ip = if ip.contains(':') { format!("[{ip}]") } else { ip };
            let published = of("published");
            let before = if ip.is_empty() { String::new() } else { format!("{ip}:") };
            let published = if before.is_empty() && published.is_empty() {
                published
            } else {
                format!("{published}:")
            };
            put("--publish", format!("{before}{published}{}/{}", of("target"), of("protocol")));
        }
    }

    /// The name that something of the project really has.
    pub(crate) fn full(&self, section: &str, name: &str) -> String {
        deep(&self.project.root.value, &[section, name, "name"]).unwrap_or_else(|| name.to_owned())
    }

    fn networks(&self, put: &mut dyn FnMut(&str, String)) {
        if let Some(mode) = self.text(&["network_mode"]) {
            let of_service = mode.strip_prefix("service:");
            let other = of_service.map(|name| format!("container:{}-{name}-1", self.project.name));
            put("--network", other.unwrap_or(mode));
            return;
        }
        let mut aliases = vec![self.service.key.clone()];
        for entry in self.pairs("networks") {
            put("--network", self.full("networks", &entry.key));
            let own = entry.node.value.get("aliases").map(ConfigNode::each).unwrap_or_default();
            aliases.extend(own.iter().map(|node| said(&node.value)));
            for (key, flag) in [("ipv4_address", "--ip"), ("ipv6_address", "--ip6")] {
                if let Some(address) = deep(&entry.node.value, &[key]) {
                    put(flag, address);
                }
            }
        }
        for alias in aliases {
            put("--network-alias", alias);
        }
    }

    /// Its health check as a line that asks in the container; none: it has none of its own.
    pub(crate) fn test(&self) -> Option<String> {
        let test: Vec<_> = self
            .service
            .node
            .value
            .get("healthcheck")?
            .value
            .get("test")?
            .each()
            .iter()
            .map(|node| said(&node.value))
            .collect();
        let (kind, words) = test.split_first()?;
        let words: Vec<String> = match kind.as_str() {
            "CMD" => words.iter().map(|word| quote(word)).collect(),
            "CMD-SHELL" => vec!["/bin/sh".into(), "-c".into(), quote(&words.join(" "))],
            _ => return None,
        };
        let engine = quote(&self.engine.program);
        Some(format!("exec {engine} exec {} {}", self.called(), words.join(" ")))
    }

    /// The name that one of its instances has, for the shell of a command beside it.
    pub(crate) fn called(&self) -> String {
        let name = self.name();
        let number = if name.ends_with('-') { "$((${NODE_APP_INSTANCE:-0} + 1))" } else { "" };
        quote(&name) + number
    }

    /// How long it has to end, in seconds.
    pub(crate) fn grace(&self) -> u64 {
        let grace = self.text(&["stop_grace_period"]).and_then(|text| units::span(&text));
        grace.unwrap_or(10_000_000_000).div_ceil(1_000_000_000)
    }
}
