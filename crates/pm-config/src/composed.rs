//! A Compose project by its files, for what the command line asks of it besides its apps.

use std::path::{Path, PathBuf};

use crate::caller::Caller;
use crate::compose::{ComposeFiles, ComposeProject, circle, engine};
use crate::diagnose::{Diagnosis, Diagnostic, Findings};
use crate::source::ConfigSource;
use crate::{format, paths};

impl ComposeProject {
    /// The project of these files, each laid over those before.
    pub fn load(
        files: &[&Path],
        caller: &Caller,
        profiles: &[String],
        name: Option<&str>,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnosis> {
        let first = files.first().copied().unwrap_or(Path::new("compose.yaml"));
        let (source, bytes) = ConfigSource::open(first, caller)?;
        let mut findings = Findings::default();
        let text = findings.take(format::text(&bytes)).unwrap_or_default();
        let path = paths::absolute(first, &caller.cwd);
        let over: Vec<_> =
            files.iter().skip(1).map(|it| paths::absolute(it, &caller.cwd)).collect();
        let files = ComposeFiles { first: (&path, &text), over: &over, caller, profiles, name };
        let project = files.read(&mut findings);
        if !findings.has_errors() {
            circle(&project.root, &mut findings);
        }
        let project = project.resolved(&mut findings);
        let failed = findings.has_errors();
        let warnings = source.judged(findings, &text, failed)?;
        Ok((project, warnings))
    }

    /// How many words of what a service runs are its `entrypoint`, which another command leaves in place.
    pub fn entrypoint_words(&self, service: &str) -> usize {
        let service = self.root.value.get("services").and_then(|all| all.value.get(service));
        let entrypoint = service.and_then(|node| node.value.get("entrypoint"));
        entrypoint.map_or(0, |node| node.each().len())
    }

    /// What identifies each service (Compose: `config --hash`): the model as it is printed, without what makes no container anew.
    pub fn identities(&self) -> Vec<(String, String)> {
        let model: serde_json::Value = serde_json::from_str(&self.json()).unwrap_or_default();
        let services = model.get("services").and_then(serde_json::Value::as_object);
        let each = services.into_iter().flatten().map(|(name, service)| {
            let mut service = service.clone();
            if let Some(entries) = service.as_object_mut() {
                for key in ["build", "pull_policy", "scale", "depends_on", "profiles"] {
                    entries.remove(key);
                }
            }
            if let Some(deploy) = service.get_mut("deploy").and_then(|it| it.as_object_mut()) {
                deploy.remove("replicas");
            }
            (name.clone(), service.to_string())
        });
        each.collect()
    }
}

/// The command line of the engine that runs containers here: docker or podman.
pub fn container_engine(caller: &Caller) -> Option<PathBuf> {
    engine::found(caller).map(|engine| engine.program.into())
}
