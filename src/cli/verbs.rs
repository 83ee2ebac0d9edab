//! Verbs that act on apps by selector, and the few with arguments of their own.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::compose::{COMPOSE, CommandFlags, ComposeDownFlags, ComposeUpFlags};
use super::engine::{EngineFlag, ProfileFlag};
use super::start::StartFlags;

/// Selectors only.
#[derive(Debug, Args)]
pub(crate) struct SelectArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
}

/// `flush web`.
#[derive(Debug, Args)]
pub(crate) struct FlushArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
    /// Remove the logs of apps that were deleted, if they are not on the saved list
    #[arg(long, conflicts_with = "apps")]
    pub(crate) orphans: bool,
    /// Only say which files that would remove
    #[arg(short = 'n', long = "dry-run", requires = "orphans")]
    pub(crate) dry_run: bool,
}

/// Selectors, or config files that name the apps.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X`, `all`, a config file, or `-` for one on stdin
    #[arg(value_name = "APP", required = true)]
    pub(crate) targets: Vec<OsString>,
    /// Of a config file only these apps (a,b)
    #[arg(long, value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    #[command(flatten)]
    pub(crate) engine: EngineFlag,
}

/// `run backup`, `run --rm web ./manage.py shell`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Name, id, namespace, `name:X`, `id:N` or `ns:X`; with --rm one app, and the command that is run in its place
    #[arg(value_name = "JOB", required = true)]
    pub(crate) apps: Vec<String>,
    /// Return as soon as it runs, without waiting for its end
    #[arg(long = "no-wait", conflicts_with = "rm")]
    pub(crate) no_wait: bool,
    /// Run a command once, here at this terminal, in place of an app: with its variables, folder and user
    #[arg(long, help_heading = COMPOSE)]
    pub(crate) rm: bool,
    /// Begin nothing it depends on
    #[arg(long = "no-deps", help_heading = COMPOSE, requires = "rm")]
    pub(crate) no_deps: bool,
    #[command(flatten)]
    pub(crate) how: CommandFlags,
    /// The command; what the app itself runs if left out
    #[arg(last = true, value_name = "COMMAND", requires = "rm", hide = true)]
    pub(crate) command: Vec<OsString>,
}

/// A restart by selector or config file.
#[derive(Debug, Args)]
pub(crate) struct RestartArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X`, `all`, a config file, or `-` for one on stdin
    #[arg(value_name = "APP", required = true)]
    pub(crate) targets: Vec<OsString>,
    #[command(flatten)]
    pub(crate) flags: StartFlags,
    /// Arguments for the apps, in place of those they have
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<OsString>,
}

/// `scale web +2`.
#[derive(Debug, Args)]
pub(crate) struct ScaleArgs {
    /// Name, id or namespace
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// How many: N, or +N or -N to what there is
    #[arg(value_name = "N", allow_hyphen_values = true)]
    pub(crate) number: String,
}

/// `sendSignal SIGHUP web`.
#[derive(Debug, Args)]
pub(crate) struct SendSignalArgs {
    /// Name such as SIGHUP or HUP, or a number
    #[arg(value_name = "SIGNAL")]
    pub(crate) signal: String,
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP", required = true)]
    pub(crate) apps: Vec<String>,
}

/// `save --force`.
#[derive(Debug, Args)]
pub(crate) struct SaveArgs {
    /// Save an empty list, too
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
}

/// `resurrect --no-daemon`.
#[derive(Debug, Args)]
pub(crate) struct ResurrectArgs {
    /// Stay in the foreground and show the logs; the end of it is the end of the apps
    #[arg(long = "no-daemon")]
    pub(crate) no_daemon: bool,
}

/// `monit --theme light`.
#[derive(Debug, Args)]
pub(crate) struct MonitArgs {
    /// Colours: default, light, high-contrast or mono
    #[arg(long, value_name = "THEME")]
    pub(crate) theme: Option<String>,
}

/// `apply ecosystem.json5`.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// Config files, or `-` for one on stdin; the ecosystem file that lies here if left out
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    /// Only these apps (a,b)
    #[arg(long, value_name = "NAMES", conflicts_with = "prune")]
    pub(crate) only: Vec<String>,
    /// Remove apps of these files that are not in them any more
    #[arg(long)]
    pub(crate) prune: bool,
    #[command(flatten)]
    pub(crate) how: ApplyFlags,
}

/// How what runs becomes what files say.
#[derive(Debug, Args)]
pub(crate) struct ApplyFlags {
    /// Take `env_NAME`
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) env_name: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(short = 'n', long = "dry-run")]
    pub(crate) dry_run: bool,
    /// Unknown keys are errors
    #[arg(long)]
    pub(crate) strict: bool,
    /// Return as soon as the processes exist, without waiting to see whether they stay
    #[arg(long = "no-wait")]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) profiles: ProfileFlag,
    #[command(flatten)]
    pub(crate) engine: EngineFlag,
}

/// `up ecosystem.json5`.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Config files, or `-` for one on stdin; the ecosystem file that lies here if left out
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<OsString>,
    #[command(flatten)]
    pub(crate) how: ApplyFlags,
    #[command(flatten)]
    pub(crate) compose: ComposeUpFlags,
}

/// `down ecosystem.json5`.
#[derive(Debug, Args)]
pub(crate) struct DownArgs {
    /// Config files; the ecosystem file that lies here if left out
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) engine: EngineFlag,
    #[command(flatten)]
    pub(crate) compose: ComposeDownFlags,
}

/// `check ecosystem.json5`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Config files; the ecosystem file that lies here if left out
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Take `env_NAME`
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) env_name: Option<String>,
    #[command(flatten)]
    pub(crate) profiles: ProfileFlag,
    #[command(flatten)]
    pub(crate) engine: EngineFlag,
}

/// `completion bash`.
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// bash, zsh or fish; the shell in SHELL if left out
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish"])]
    pub(crate) shell: Option<String>,
    /// Print what could come next; asked by the scripts
    #[arg(long, hide = true, conflicts_with = "shell")]
    pub(crate) candidates: bool,
    /// What was typed until now
    #[arg(last = true, hide = true, value_name = "WORDS", requires = "candidates")]
    pub(crate) words: Vec<OsString>,
}

/// How a guardian is begun; not for people, but for service managers.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct GuardianArgs {
    /// Descriptor 3 is a pipe that gets one byte when the socket listens, or the text of an error
    #[arg(long)]
    pub(crate) ready: bool,
    /// Stay in the foreground as long as the apps of this home are looked after, by us or by another guardian
    #[arg(long, conflicts_with_all = ["ready", "predecessor", "resume"])]
    pub(crate) foreground: bool,
    /// Begin with the saved list
    #[arg(long)]
    pub(crate) resurrect: bool,
    /// Start one in the background unless one runs
    #[arg(long, conflicts_with_all = ["ready", "predecessor", "resume", "foreground"])]
    pub(crate) launch: bool,
    /// Exit code 0 if one runs, 3 if not; starts none
    #[arg(long, conflicts_with_all = ["ready", "predecessor", "resume", "foreground", "launch"])]
    pub(crate) status: bool,
    /// Standard input is the link of a daemon that lost its guardian
    #[arg(long)]
    pub(crate) predecessor: bool,
    /// This descriptor holds the state of the guardian that executed us
    #[arg(long, value_name = "FD")]
    pub(crate) resume: Option<i32>,
}

/// How a daemon begins; not for people.
#[derive(Debug, Args)]
pub(crate) struct DaemonArgs {
    /// Begin with the saved list if no daemon of this guardian was before
    #[arg(long)]
    pub(crate) resurrect: bool,
}

/// Which listener, and what it wants to hear.
#[derive(Debug, Args)]
pub(crate) struct EventPoolArgs {
    /// Its name
    #[arg(long)]
    pub(crate) pool: String,
    /// What the one calls itself who tells
    #[arg(long, default_value = "supervisor")]
    pub(crate) server: String,
    /// Kinds of events
    #[arg(long, value_delimiter = ',')]
    pub(crate) events: Vec<String>,
    /// So many wait at most
    #[arg(long, default_value_t = 10)]
    pub(crate) buffer: usize,
    /// What is run
    #[arg(last = true)]
    pub(crate) command: Vec<OsString>,
}
