//! What is run along with each run, and its credentials.

use pm_spec::{HookStage, SecretSource};

use super::quote;
use super::words::commands;
use crate::draft::AppDraft;
use crate::key::ExportKey;

pub(super) fn written(draft: &mut AppDraft<'_>, service: &mut Vec<String>) {
    let app = draft.app;
    for (stage, hook) in &app.staged {
        let name = match stage {
            HookStage::PostStart => "ExecStartPost",
            HookStage::PreStop => "ExecStop",
            HookStage::PostStop => "ExecStopPost",
        };
        let words: Vec<_> = hook.command.iter().map(|it| it.display().into_owned()).collect();
        service.push(format!("{name}={}", commands(&words)));
    }
    for (name, source) in &app.secrets {
        let line = match source {
            SecretSource::File(path) => quote::line(&format!("{name}:{}", path.display())),
            SecretSource::Printed(_) => None,
        };
        match line {
            Some(line) => service.push(format!("LoadCredential={line}")),
            None => draft.part_missing(
                ExportKey::Secrets,
                name,
                "only files can be loaded: have a unit before this one write it",
            ),
        }
    }
}
