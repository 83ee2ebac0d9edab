//! Ecosystem files become app specs, or all their problems at once.
//!
//! Runs in the client only: the daemon never reads a config file (house 4.5). It looks at the file system (files, folders,
//! `/etc/passwd`) but takes everything else, above all the caller's environment, as an argument. The one process it starts is `node`, for a config
//! that the built-in engine can't run.
#![forbid(unsafe_code)]

mod alerts;
mod amend;
mod caller;
mod checks;
mod circles;
mod command;
mod compose;
mod composed;
mod dependencies;
mod deploy;
mod diagnose;
mod dotenv;
mod ecosystem;
mod env;
mod env_file;
mod fields;
mod filling;
mod flags;
mod foreign;
mod format;
#[cfg(test)]
mod fuzz_tests;
mod gather;
mod given;
mod go_program;
mod ground;
mod hooks;
mod hosts;
mod import;
mod import_note;
mod interpolate;
mod interpreter;
mod json;
mod keys;
mod layers;
mod limits;
mod line_index;
mod listen;
mod logs;
mod outside;
mod package;
mod paths;
mod pick;
mod policy;
mod preset;
mod printed;
mod program;
pub mod read;
mod rows;
mod runtime;
mod script;
mod secrets;
mod senses;
mod serving;
mod shape;
mod shebang;
mod source;
mod supervisor;
mod toml;
mod tree;
mod understand;
mod user;
mod venv;
mod venv_cure;
mod wanted_ports;
mod words;
mod yaml;
mod yaml_fault;

pub use alerts::EcosystemAlerts;
pub use amend::amended;
pub use caller::{Beside, Caller, Overrides, ScriptEngine};
pub use compose::{ComposeProject, ContainerFront, over as compose_override};
pub use composed::container_engine;
pub use deploy::{Deployment, Hooks};
pub use diagnose::{ConfigPlace, Diagnosis, Diagnostic, Severity};
pub use ecosystem::Ecosystem;
pub use foreign::{record_app as pm2_record, unit_folders};
pub use format::{ConfigFormat, ForeignFormat, is_config_name};
pub use given::{Given, Typed, flag_of};
pub use hosts::is_host;
pub use import::{Import, import, supervisor_programs};
pub use import_note::{Fate, ImportNote};
pub use keys::{near, support_of, supported_keys};
pub use paths::{
    absolute, from_bytes as path_of, search as program_in_path, to_bytes as path_bytes,
};
pub use program::{EVENT_VERB, SERVE_VERB};
pub use source::is_config;
pub use supervisor::{
    SupervisorProgram, SupervisorServer, SupervisorServers, SupervisorSetting, SupervisorSocket,
};
pub use venv::unused_venv;
pub use venv_cure::{lost_venv, lost_venv_beside, pip_install};
