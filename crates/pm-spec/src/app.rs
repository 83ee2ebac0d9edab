//! What a user asks for: one app.

use alloc::vec::Vec;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    AppName, ByteString, Environment, Limits, LogSpec, RestartPolicy, Schedule, Serving,
    StopPolicy, Watch,
};

/// Everything that is needed to run an app, complete: restart, adoption and resurrection use this record alone
/// (pain 32). All paths are absolute and stored as given; symlinks are followed at each start (pain 44).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSpec {
    /// What it is called.
    pub name: AppName,
    /// The group it belongs to.
    pub namespace: AppName,
    /// The script or program as the user means it; shown as "script path".
    pub script: ByteString,
    /// What runs the script; `None`: the script is executed itself.
    pub interpreter: Option<ByteString>,
    /// Arguments before the script (PM2: `node_args`).
    pub interpreter_args: Vec<ByteString>,
    /// Arguments after the script.
    pub args: Vec<ByteString>,
    /// The folder it runs in.
    pub cwd: ByteString,
    /// The complete environment, without what is added for each instance at its start.
    pub env: Environment,
    /// The names of `env` that the file or the command line set, not the caller's shell; for showing.
    pub declared_env: Vec<ByteString>,
    /// How many instances, 1 to 65535.
    pub instances: u16,
    /// The variable that tells an instance its number (PM2: `instance_var`, `NODE_APP_INSTANCE`).
    pub instance_var: ByteString,
    /// A variable that counts up with the instance number, from its value in `env` or 0 (PM2: `increment_var`).
    pub increment_var: Option<ByteString>,
    /// Whether it runs as soon as it is known (PM2: `autostart`).
    pub autostart: bool,
    /// When it is restarted.
    pub restart: RestartPolicy,
    /// How it is stopped.
    pub stop: StopPolicy,
    /// What restarts it although it runs.
    pub limits: Limits,
    /// How it serves, and how it talks to us.
    #[serde(default)]
    pub serving: Serving,
    /// When the clock starts it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Which files start it anew when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// Where its output goes.
    pub logs: LogSpec,
    /// A file that holds the pid while it runs; the daemon adds `-<id>` before `.pid` (PM2: `pid_file`).
    pub pid_file: Option<ByteString>,
    /// Whom it runs as, if not as us.
    pub user: Option<UserChoice>,
    /// The version of the package the script belongs to, for showing (PM2: `version`).
    pub version: Option<ByteString>,
    /// The config file it came from, for showing.
    pub source: Option<ByteString>,
}

/// Another user to run as; names are looked up when the app starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChoice {
    /// PM2: `uid` or `user`.
    pub uid: Option<Identifier>,
    /// PM2: `gid`; the user's own group if not set.
    pub gid: Option<Identifier>,
}

/// A user or group by number or name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// By number.
    Number(u32),
    /// By name.
    Name(ByteString),
}

/// Reads a list of specs of which most have the same environment, and keeps one copy of it: at no time are there a
/// thousand. For `#[serde(deserialize_with)]`.
pub fn read_apps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AppSpec>, D::Error> {
    struct Apps;
    impl<'de> Visitor<'de> for Apps {
        type Value = Vec<AppSpec>;
        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("a list of apps")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<AppSpec>, A::Error> {
            let mut apps = Vec::<AppSpec>::new();
            while let Some(mut app) = seq.next_element::<AppSpec>()? {
                if let Some(before) = apps.last() {
                    app.env.share(&before.env);
                }
                apps.push(app);
            }
            Ok(apps)
        }
    }
    deserializer.deserialize_seq(Apps)
}
