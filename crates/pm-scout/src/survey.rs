//! Looks at a folder: the projects in it, and the apps of each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::limits::SurveyLimits;
use crate::node::{self, NodeProject};
use crate::parcel::{Parcel, parcels};
use crate::proposal::{Doubt, Proposal, Weight};
use crate::python_look::PythonLook;
use crate::python_project::{PythonGround, PythonProject};
use crate::python_source::PySource;
use crate::terrain::{Silent, SurveyError, Terrain, ends, joined, name_of, parent};
use crate::{go, left_out, procfile, statics};

/// What was found in a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Survey {
    /// The folder, absolute and without links.
    pub folder: PathBuf,
    /// The projects in it that have apps or doubts, the folder itself first.
    pub projects: Vec<ScoutedProject>,
    /// Files of others that say how apps are run.
    pub neighbours: Vec<Neighbour>,
    /// What could not be looked at.
    pub remarks: Vec<String>,
}

/// One project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScoutedProject {
    /// From the folder that was looked at; empty for that one.
    pub folder: String,
    /// Its apps, the main one first.
    pub proposals: Vec<Proposal>,
    /// What its Python needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<PythonProject>,
    /// What its Node needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeProject>,
    /// Its file of variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_file: Option<String>,
    /// What is not sure about all of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
}

/// A file that says how apps are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// From the folder that was looked at.
    pub path: String,
    /// Whose it is.
    pub kind: NeighbourKind,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NeighbourKind {
    /// Ours, or PM2's.
    Ecosystem,
    /// Docker Compose's.
    Compose,
    /// Supervisor's.
    Supervisor,
}

/// Looks at a folder. `choice` is the app object (`module:object`) or script that people have named.
pub fn survey(
    folder: &Path,
    limits: SurveyLimits,
    choice: Option<&str>,
) -> Result<Survey, SurveyError> {
    let mut terrain = Terrain::look(folder, limits)?;
    let mut remarks = std::mem::take(&mut terrain.remarks);
    let parcels = parcels(&terrain);
    let projects: Vec<_> = parcels
        .iter()
        .map(|parcel| project(&terrain, parcel, (choice, &mut remarks)))
        .filter(|project| !project.proposals.is_empty() || !project.doubts.is_empty())
        .collect();
    let found: Vec<_> = projects.iter().map(|project| project.folder.as_str()).collect();
    remarks.extend(left_out::remarks(&terrain, &parcels, &found));
    let neighbours = neighbours(&terrain);
    Ok(Survey { folder: terrain.path, projects, neighbours, remarks })
}

fn project(
    terrain: &Terrain,
    parcel: &Parcel,
    (choice, remarks): (Option<&str>, &mut Vec<String>),
) -> ScoutedProject {
    let mut doubts = Vec::new();
    let mut proposals = procfile::proposals(terrain, parcel);
    let sources = sources(terrain, parcel, remarks);
    let ground = PythonGround::of(terrain, &parcel.folder);
    let look = PythonLook { terrain, parcel, sources: &sources, ground: &ground, choice };
    let has_procfile = !proposals.is_empty();
    let mut is_python = ground.project.requirements.is_some() && has_procfile;
    if !has_procfile {
        proposals = look.proposals();
        is_python = !proposals.is_empty();
    }
    let found = node::proposal(terrain, parcel);
    let mut node = None;
    if let Some((needs, app)) = found {
        match app {
            Ok(app) if proposals.is_empty() => proposals.push(app),
            Ok(_) => {}
            Err(doubt) if proposals.is_empty() || doubt.weight == Weight::Remark => {
                doubts.push(doubt);
            }
            Err(doubt) => doubts.push(Doubt { weight: Weight::Remark, ..doubt }),
        }
        node = Some(needs);
    }
    if proposals.is_empty() {
        proposals = go::proposals(terrain, parcel);
    }
    if proposals.is_empty() {
        proposals.extend(statics::proposal(terrain, parcel));
    }
    if is_python {
        doubts.extend(ground.doubts);
    }
    let env_file = joined(&parcel.folder, ".env");
    let sample = [".env.example", ".env.sample", ".env.template"];
    let sample = sample.iter().map(|name| joined(&parcel.folder, name));
    if !proposals.is_empty()
        && !terrain.has(&env_file)
        && let Some(sample) = sample.into_iter().find(|path| terrain.has(path))
    {
        let text = format!("{sample} is there and {env_file} is not: the app may miss variables");
        doubts.push(Doubt::remark("env", text));
    }
    ScoutedProject {
        folder: parcel.folder.clone(),
        python: is_python.then_some(ground.project),
        node: node.filter(|_| !proposals.is_empty() && !is_python),
        env_file: Some(env_file).filter(|path| terrain.has(path)),
        proposals,
        doubts,
    }
}

/// The Python of a project, read.
fn sources(terrain: &Terrain, parcel: &Parcel, remarks: &mut Vec<String>) -> Vec<PySource> {
    // A module of such a name would be an option to its server.
    let is_option = |path: &str| path.split('/').any(|part| part.starts_with('-'));
    let all = parcel.files.iter().filter(|path| ends(path, "py") && !is_option(path));
    let mut all: Vec<_> = all.collect();
    // What lies near the top says most, should not all be read.
    all.sort_by_key(|path| path.matches('/').count());
    let mut sources = Vec::new();
    for path in all {
        match terrain.read(path) {
            Ok(text) => sources.push(PySource::of(path, &text)),
            Err(Silent::Limit) => {
                remarks.push(
                    "there is more Python than is looked at: what lies deeper was not read".into(),
                );
                break;
            }
            Err(why) => remarks.push(format!("{path} was passed over: {}", why.words())),
        }
    }
    sources
}

fn neighbours(terrain: &Terrain) -> Vec<Neighbour> {
    let kind = |path: &str| {
        let name = name_of(path);
        let is = |endings: &[&str]| endings.iter().any(|ending| ends(path, ending));
        let is_config = is(&["json5", "json", "yaml", "yml", "toml", "js", "cjs", "mjs", "ts"]);
        let is_compose = name.starts_with("docker-compose") || name.starts_with("compose");
        let is_ours = name.starts_with("ecosystem.") || name.starts_with("pm2.");
        if is_ours && is_config && !path.contains('/') {
            Some(NeighbourKind::Ecosystem)
        } else if is_compose && is(&["yml", "yaml"]) {
            Some(NeighbourKind::Compose)
        } else if name.starts_with("supervisor") && is(&["conf", "ini"]) {
            Some(NeighbourKind::Supervisor)
        } else {
            None
        }
    };
    let near: BTreeSet<_> =
        terrain.files.iter().filter(|path| path.matches('/').count() < 2).collect();
    let all = near.into_iter();
    let mut all: Vec<_> =
        all.filter_map(|path| Some(Neighbour { path: path.clone(), kind: kind(path)? })).collect();
    all.sort_by_key(|one| (parent(&one.path).len(), one.path.clone()));
    all
}
