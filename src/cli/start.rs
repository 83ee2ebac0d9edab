//! `pm start`: PM2's attribute flags under PM2's names.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::engine::EngineFlag;

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

/// The flags of `start`; values are read as in a config file.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct StartFlags {
    /// Name of the app
    #[arg(short = 'n', long)]
    pub(crate) name: Option<String>,
    /// Group the app belongs to
    #[arg(long)]
    pub(crate) namespace: Option<String>,
    /// Folder to run in
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,
    /// How many: a number, `max`, or -1 for one less than CPUs
    #[arg(short = 'i', long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) instances: Option<String>,
    /// What runs the script; `none` executes it
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) interpreter: Option<String>,
    /// Arguments for the interpreter
    #[arg(
        long = "interpreter-args",
        alias = "node-args",
        value_name = "ARGS",
        allow_hyphen_values = true
    )]
    pub(crate) interpreter_args: Option<String>,
    /// Of a config file take `env_NAME`
    #[arg(long = "env", value_name = "NAME")]
    pub(crate) env_name: Option<String>,
    /// Of a config file only these apps (a,b)
    #[arg(long, value_name = "NAMES")]
    pub(crate) only: Vec<String>,
    /// Drop inherited variables whose name contains this
    #[arg(long = "filter-env", value_name = "TEXT")]
    pub(crate) filter_env: Vec<String>,
    /// Lay this shell's environment over that of a known app
    #[arg(short = 'a', long = "update-env")]
    pub(crate) update_env: bool,
    /// Start another app although one of that name and script exists; reload although a reload is under way
    #[arg(short = 'f', long)]
    pub(crate) force: bool,
    /// Leave alone what is up already
    #[arg(long = "no-restart", conflicts_with = "force")]
    pub(crate) no_restart: bool,
    /// Unknown keys in a config file are errors
    #[arg(long)]
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
    pub(crate) node: NodeFlags,
    #[command(flatten)]
    pub(crate) engine: EngineFlag,
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
    #[command(flatten)]
    pub(crate) senses: SenseFlags,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) unsupported: Unsupported,
}

/// What is for Node only.
#[derive(Debug, Args)]
pub(crate) struct NodeFlags {
    /// No cluster, also with several instances
    #[arg(short = 'x', long = "execute-command")]
    pub(crate) execute_command: bool,
    /// Show errors in the terms of the source that was translated (this is the default)
    #[arg(long = "source-map-support", overrides_with = "disable_source_map_support")]
    pub(crate) source_map_support: bool,
    /// Do not
    #[arg(long = "disable-source-map-support", overrides_with = "source_map_support")]
    pub(crate) disable_source_map_support: bool,
}

/// When to restart, how to stop, whom to run as.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct PolicyFlags {
    /// Only make the app known
    #[arg(long = "no-autostart")]
    pub(crate) no_autostart: bool,
    /// Do not restart the app when it ends
    #[arg(long = "no-autorestart")]
    pub(crate) no_autorestart: bool,
    /// So many short runs in a row are enough
    #[arg(long = "max-restarts", value_name = "N")]
    pub(crate) max_restarts: Option<String>,
    /// A run at least this long is a success
    #[arg(long = "min-uptime", value_name = "TIME")]
    pub(crate) min_uptime: Option<String>,
    /// Pause before a restart
    #[arg(long = "restart-delay", value_name = "TIME")]
    pub(crate) restart_delay: Option<String>,
    /// Pause before a restart that grows
    #[arg(long = "exp-backoff-restart-delay", value_name = "TIME")]
    pub(crate) exp_backoff_restart_delay: Option<String>,
    /// Exit codes after which the app stays stopped
    #[arg(long = "stop-exit-codes", value_name = "CODES")]
    pub(crate) stop_exit_codes: Vec<String>,
    /// Restart when the process tree uses more
    #[arg(long = "max-memory-restart", value_name = "SIZE")]
    pub(crate) max_memory_restart: Option<String>,
    /// Kill after so long
    #[arg(short = 'k', long = "kill-timeout", value_name = "TIME")]
    pub(crate) kill_timeout: Option<String>,
    /// Signal that asks the app to stop
    #[arg(long = "kill-signal", value_name = "SIGNAL")]
    pub(crate) kill_signal: Option<String>,
    /// Stop a Node app by a message
    #[arg(long = "shutdown-with-message")]
    pub(crate) shutdown_with_message: bool,
    /// The app is up when it has sent `ready` over its channel
    #[arg(long = "wait-ready")]
    pub(crate) wait_ready: bool,
    /// How long a new process may take to be ready, or to listen in a reload
    #[arg(long = "listen-timeout", value_name = "TIME")]
    pub(crate) listen_timeout: Option<String>,
    /// Signal only the main process
    #[arg(long = "no-treekill")]
    pub(crate) no_treekill: bool,
    /// User to run as, number or name
    #[arg(long, visible_alias = "user", value_name = "USER")]
    pub(crate) uid: Option<String>,
    /// Group to run as, number or name
    #[arg(long, value_name = "GROUP")]
    pub(crate) gid: Option<String>,
}

/// What starts the app anew by itself.
#[derive(Debug, Args)]
pub(crate) struct SenseFlags {
    /// Restart when files below the app's folder change, or below these paths (`--watch=src`)
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) watch: Vec<OsString>,
    /// Globs and regular expressions of files that do not count, separated by blanks
    #[arg(long = "ignore-watch", value_name = "LIST")]
    pub(crate) ignore_watch: Option<String>,
    /// Only files with these endings count (js,ts)
    #[arg(long, value_name = "LIST")]
    pub(crate) ext: Option<String>,
    /// How long it must be quiet before the restart: seconds, or 500ms
    #[arg(long = "watch-delay", value_name = "TIME")]
    pub(crate) watch_delay: Option<String>,
    /// Restart at the times of this cron pattern; 0: never
    #[arg(short = 'c', long = "cron-restart", alias = "cron", value_name = "PATTERN")]
    pub(crate) cron_restart: Option<String>,
    /// Time zone of the pattern, such as Europe/Berlin; default: the machine's
    #[arg(long = "cron-timezone", alias = "cron-tz", value_name = "ZONE")]
    pub(crate) cron_timezone: Option<String>,
    /// Start at these times even what was stopped by a command
    #[arg(long = "cron-after-stop")]
    pub(crate) cron_after_stop: bool,
}

/// Where output goes.
#[derive(Debug, Args)]
pub(crate) struct OutputFlags {
    /// File for standard output
    #[arg(short = 'o', long = "output", alias = "out-file", value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// File for standard error
    #[arg(short = 'e', long = "error", alias = "error-file", value_name = "FILE")]
    pub(crate) error: Option<PathBuf>,
    /// File for both, in addition
    #[arg(short = 'l', long = "log", alias = "log-file", value_name = "FILE", num_args = 0..=1, default_missing_value = "")]
    pub(crate) log: Option<OsString>,
    /// How lines are written: raw or json
    #[arg(long = "log-type", value_name = "TYPE")]
    pub(crate) log_type: Option<String>,
    /// A time before each line, in this day.js format
    #[arg(long = "log-date-format", value_name = "FORMAT")]
    pub(crate) log_date_format: Option<String>,
    /// A time before each line
    #[arg(long)]
    pub(crate) time: bool,
    /// One file for all instances
    #[arg(long = "merge-logs")]
    pub(crate) merge_logs: bool,
    /// Keep no output
    #[arg(long = "disable-logs")]
    pub(crate) disable_logs: bool,
    /// File that holds the pid
    #[arg(short = 'p', long = "pid", alias = "pid-file", value_name = "FILE")]
    pub(crate) pid: Option<PathBuf>,
}

/// Flags of PM2 that have no effect yet: named in a warning, never silently taken (house 4.10).
#[derive(Debug, Args)]
pub(crate) struct Unsupported {
    #[arg(long, hide = true)]
    parallel: Option<String>,
    #[arg(long = "no-vizion", hide = true)]
    no_vizion: bool,
    #[arg(long = "no-pmx", hide = true)]
    no_pmx: bool,
    #[arg(long = "no-automation", hide = true)]
    no_automation: bool,
}

impl Unsupported {
    /// The flags that were given, as typed.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        [
            (self.parallel.is_some(), "--parallel"),
            (self.no_vizion, "--no-vizion"),
            (self.no_pmx, "--no-pmx"),
            (self.no_automation, "--no-automation"),
        ]
        .into_iter()
        .filter_map(|(given, flag)| given.then_some(flag))
        .collect()
    }
}
