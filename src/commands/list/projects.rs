//! `pm list --projects`: the projects that are known, each with how its instances stand and its files (Compose: `ls`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::commands::support::changes::{self, ProjectHome};
use crate::commands::support::described;
use crate::prelude::{Failure, Report, Session};
use crate::render::safe;
use crate::render::services::{self, ServiceState};

/// How many stand how, and which files they came from.
type Members = (BTreeMap<&'static str, usize>, BTreeSet<String>);

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let all = match session.find_to_list()? {
        Some(mut client) => described::known(&mut client)?.descriptions,
        None => Vec::new(),
    };
    let mut projects: BTreeMap<ProjectHome, Members> = BTreeMap::new();
    for one in &all {
        let Some(home) = changes::project(&one.spec) else { continue };
        let (states, files) = projects.entry(home).or_default();
        *states.entry(ServiceState::of(one).word()).or_default() += 1;
        files.extend(one.spec.source.as_ref().map(|file| safe(file).into_owned()));
    }
    let rows: Vec<_> = projects
        .into_iter()
        .map(|((name, _), (states, files))| {
            let states: Vec<_> =
                states.iter().map(|(word, count)| format!("{word}({count})")).collect();
            let files: Vec<_> = files.into_iter().collect();
            [safe(&name).into_owned(), states.join(", "), files.join(",")]
        })
        .collect();
    let text = || services::table(["NAME", "STATUS", "CONFIG FILES"], &rows);
    let json = || {
        let one = |[name, status, files]: &[String; 3]| json!({ "Name": name, "Status": status, "ConfigFiles": files });
        rows.iter().map(one).collect()
    };
    Ok(Report::new(session.console, text, json))
}
