//! Files on disk to specs and diagnoses, through the public API only.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod alerts;
mod article;
mod attributes;
mod checks;
mod compose;
mod desk;
mod env_files;
mod example;
mod hostile;
mod javascript;
mod next_steps;
mod pm2_dumps;
mod process_compose;
mod procfiles;
mod programs;
mod projects;
mod shapes;
mod supervisor;
mod units;
mod wanted_ports;
