//! Looks at a folder and says which apps lie there, with evidence and doubts.
//!
//! It only reads: a few thousand names, the beginning of files, nothing outside the folder. No code of a project is run, no
//! file is written, and it knows nothing of daemons, apps and ecosystem files.
#![forbid(unsafe_code)]

mod go;
mod left_out;
mod limits;
mod node;
mod parcel;
mod port_files;
mod procfile;
mod proposal;
mod python_apps;
mod python_candidates;
mod python_kinds;
mod python_look;
mod python_objects;
mod python_ports;
mod python_project;
mod python_servers;
mod python_source;
mod python_text;
mod python_wish;
mod requirement_files;
mod requirements;
mod start_line;
mod statics;
mod survey;
mod terrain;
mod toml_text;

pub use limits::SurveyLimits;
pub use node::{NodeProject, PackageManager};
pub use proposal::{Doubt, Evidence, PortClaim, Proposal, Stack, Weight};
pub use python_project::{FoundVenv, PythonProject};
pub use python_wish::PythonWish;
pub use requirement_files::{RequirementFile, RequirementForm};
pub use start_line::StartLine;
pub use survey::{Neighbour, NeighbourKind, ScoutedProject, Survey, survey};
pub use terrain::SurveyError;
