//! The program that runs containers is asked whether it works before any of them is begun: what it lacks is told at once, and of who hangs
//! nobody would hear anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pm_config::{ContainerFront, path_of};
use pm_spec::AppSpec;

use crate::commands::support::bounded;
use crate::prelude::Failure;

/// It says its version and that of its daemon in 50 ms; a volume may be large.
const PATIENCE: u64 = 30;

/// The longest it may need for an answer.
pub(crate) fn patience() -> Duration {
    let given = std::env::var("PM_ENGINE_PATIENCE").ok().and_then(|it| it.parse().ok());
    Duration::from_secs(given.unwrap_or(PATIENCE))
}

/// Asks the engines of those that run in containers.
pub(crate) fn works<'a, I: Iterator<Item = &'a AppSpec>>(apps: I) -> Result<(), Failure> {
    let engines: BTreeSet<_> = apps.filter_map(ContainerFront::of).map(|it| it.engine).collect();
    for engine in engines {
        let path = path_of(engine);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let patience = patience();
        let failed = |why: &str| {
            let message = format!("could not start containers: {name} {why}; nothing was done");
            Failure::failed(message).hint(cure(path, why))
        };
        // Podman has no daemon that might hang. It takes a runtime folder that is not that of our daemon for a machine that has booted, and
        // forgets what runs there: it is asked for nothing that looks at containers.
        let question = if name.contains("podman") { "--version" } else { "version" };
        match bounded::output(Command::new(path).arg(question), patience) {
            Ok(Some(output)) if output.status.success() => {}
            Ok(Some(output)) => {
                let told = String::from_utf8_lossy(&output.stderr);
                let line = told.lines().rfind(|line| !line.trim().is_empty());
                let why = line.unwrap_or("it does not say why").trim_end_matches('.');
                return Err(failed(&format!("does not work: {why}")));
            }
            Ok(None) => {
                let seconds = patience.as_secs();
                return Err(failed(&format!(
                    "gave no answer to `{name} {question}` within {seconds} s"
                )));
            }
            Err(error) => return Err(failed(&format!("could not be run: {error}"))),
        }
    }
    Ok(())
}

fn cure(engine: &Path, why: &str) -> String {
    let name = engine.file_name().unwrap_or_default().to_string_lossy();
    if why.contains("permission denied") {
        return format!(
            "you may not ask its daemon: the group `{name}`, or `PM_ENGINE=podman`, which needs none"
        );
    }
    if name.contains("podman") {
        return "`podman info` tells more; `PM_ENGINE` names another engine".into();
    }
    format!(
        "`systemctl start {name}` (`restart` if it hangs), or `PM_ENGINE=podman`, which needs no daemon"
    )
}
