//! Compose's file as it stands (`compose.yaml`, `docker-compose.yml`): its services become apps in our keys, so that everything after reads
//! them like those of any other config; and the project as Compose prints it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a value of a file has seven kinds, and each place knows what to do with one or two"
)]

mod apps;
mod consistency;
mod contained;
mod container;
mod documents;
pub(crate) mod engine;
mod fate;
mod front;
mod hooks;
mod hosts;
mod loading;
mod merging;
mod normal;
mod prepared;
mod printing;
mod project;
mod project_keys;
mod reading;
mod said;
mod schema;
mod secrets;
mod service_keys;
mod short_forms;
pub(crate) mod units;
mod watched;

pub(crate) use self::apps::apps;
pub(crate) use self::consistency::circle;
pub use self::front::ContainerFront;
pub(crate) use self::project::{ComposeFiles, is_one};
pub use self::project::{ComposeProject, over};
