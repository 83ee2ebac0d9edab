//! What comes before a container of Compose runs: its networks, its volumes, its image.

use super::consistency::deep;
use super::container::Container;
use super::engine::quote;
use super::said::said;
use crate::tree::ConfigNode;

impl Container<'_> {
    /// The networks and volumes it needs are made if they are not there: a line for the shell.
    pub(crate) fn before(&self) -> String {
        let mut lines = Vec::new();
        let mut make = |kind: &str, section: &str, name: &str| {
            let of =
                |way: &[&str]| deep(&self.project.root.value, &[&[section, name], way].concat());
            if of(&["external"]).as_deref() == Some("true") {
                return;
            }
            let mut words = vec![kind.to_owned(), "create".into()];
            let label = |key: &str, value: &str| {
                [String::from("--label"), format!("com.docker.compose.{key}={value}")]
            };
            words.extend(label("project", &self.project.name));
            words.extend(label(kind, name));
            words
                .extend(of(&["driver"]).into_iter().flat_map(|driver| ["--driver".into(), driver]));
            if of(&["internal"]).as_deref() == Some("true") {
                words.push("--internal".into());
            }
            let options = self.project.root.value.get(section).and_then(|it| it.value.get(name));
            let options = options
                .and_then(|it| it.value.get("driver_opts"))
                .and_then(|it| it.value.as_table());
            for entry in options.unwrap_or_default() {
                words
                    .extend(["--opt".into(), format!("{}={}", entry.key, said(&entry.node.value))]);
            }
            let full = self.full(section, name);
            words.push(full.clone());
            let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
            let full = quote(&full);
            let is_there = format!("\"$e\" {kind} inspect {full} >/dev/null 2>&1");
            // Another service may have made it meanwhile, and then nothing is wrong.
            lines.push(format!(
                "{is_there} || said=$(\"$e\" {} 2>&1 >/dev/null) || {is_there} || {{ echo \"$said\" >&2; exit 125; }}",
                words.join(" ")
            ));
        };
        if self.text(&["network_mode"]).is_none() {
            for entry in self.pairs("networks") {
                make("network", "networks", &entry.key);
            }
        }
        for node in self.each("volumes") {
            let of = |key: &str| deep(&node.value, &[key]).unwrap_or_default();
            if of("type") == "volume" && !of("source").is_empty() {
                make("volume", "volumes", &of("source"));
            }
        }
        lines.join("\n")
    }

    /// The words that build its image; none: it has one.
    pub(crate) fn build(&self) -> Option<Vec<String>> {
        self.service.node.value.get("build")?;
        let of = |key: &str| self.text(&["build", key]);
        let mut words =
            vec![self.engine.program.clone(), "build".into(), "--tag".into(), self.image()];
        let context = of("context").unwrap_or_default();
        for (key, flag) in [
            ("target", "--target"),
            ("network", "--network"),
            ("shm_size", "--shm-size"),
            ("isolation", "--isolation"),
        ] {
            words.extend(of(key).into_iter().flat_map(|value| [flag.to_owned(), value]));
        }
        if let Some(file) = of("dockerfile") {
            let is_elsewhere = file.starts_with('/') || context.contains("://");
            let file = if is_elsewhere { file } else { format!("{context}/{file}") };
            words.extend(["--file".into(), file]);
        }
        for (key, flag) in [("no_cache", "--no-cache"), ("pull", "--pull")] {
            words.extend((of(key).as_deref() == Some("true")).then(|| flag.to_owned()));
        }
        for (key, flag) in [("args", "--build-arg"), ("labels", "--label")] {
            let entries = self.service.node.value.get("build").and_then(|it| it.value.get(key));
            for entry in entries.and_then(|it| it.value.as_table()).unwrap_or_default() {
                words.extend([
                    flag.to_owned(),
                    format!("{}={}", entry.key, said(&entry.node.value)),
                ]);
            }
        }
        for tag in self
            .service
            .node
            .value
            .get("build")
            .and_then(|it| it.value.get("tags"))
            .into_iter()
            .flat_map(ConfigNode::each)
        {
            words.extend(["--tag".into(), said(&tag.value)]);
        }
        words.push(context);
        Some(words)
    }
}
