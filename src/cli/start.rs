//! `pm start`: PM2's flags under PM2's names.

use std::ffi::OsString;

use clap::Args;

use super::engine::{EngineFlag, FILES, ProfileFlag};
use super::keys::KeyFlags;

/// What to start and how.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Config file, script, program, name, id, namespace, `all`, or `-` for a config on stdin
    #[arg(value_name = "WHAT")]
    pub(crate) targets: Vec<OsString>,
    #[command(flatten)]
    pub(crate) flags: StartFlags,
    /// Everything after `--` reaches the app as it is
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

/// The flags of `start`: those of the keys, and what is done with apps.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct StartFlags {
    /// Of a config file take `env_NAME`
    #[arg(long = "env", value_name = "NAME", help_heading = FILES)]
    pub(crate) env_name: Option<String>,
    /// Of a config file only these apps (a,b)
    #[arg(long, value_name = "NAMES", help_heading = FILES)]
    pub(crate) only: Vec<String>,
    /// Lay this shell's environment over that of a known app
    #[arg(short = 'a', long = "update-env")]
    pub(crate) update_env: bool,
    /// Start another app although one of that name and script exists; reload although a reload is under way
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Leave alone what is up already
    #[arg(long = "no-restart", conflicts_with = "force")]
    pub(crate) no_restart: bool,
    /// Start it whatever it depends on, and restart nobody who depends on it
    #[arg(long = "no-deps")]
    pub(crate) no_deps: bool,
    /// Unknown keys in a config file are errors
    #[arg(long, help_heading = FILES)]
    pub(crate) strict: bool,
    /// Return as soon as the processes exist, without waiting to see whether they stay
    #[arg(long = "no-wait", overrides_with = "wait")]
    pub(crate) no_wait: bool,
    /// Return when the apps have stayed up for a moment (this is the default)
    #[arg(long, overrides_with = "no_wait")]
    pub(crate) wait: bool,
    /// Show the logs afterwards
    #[arg(long)]
    pub(crate) attach: bool,
    /// Stay in the foreground and show the logs; the end of it is the end of the apps
    #[arg(long = "no-daemon")]
    pub(crate) no_daemon: bool,
    /// Write what was said as a config here: NAME-pm2.json
    #[arg(short = 'w', long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) profiles: ProfileFlag,
    #[command(flatten)]
    pub(crate) engine: EngineFlag,
    #[command(flatten)]
    pub(crate) keys: KeyFlags,
    /// Known from PM2: how many are started at once
    #[arg(long, hide = true)]
    pub(crate) parallel: Option<String>,
}
