//! Who calls and what the command line adds: facts that the config reader is given instead of finding them out.

use std::path::PathBuf;
use std::time::Duration;

use pm_spec::{ByteString, Environment};

/// The facts of who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The folder the command was given in, absolute.
    pub cwd: PathBuf,
    /// The shell's environment; apps inherit it.
    pub env: Environment,
    /// `PM_HOME`, absolute.
    pub home: PathBuf,
    /// Where logs lie by default: `logs` in the home, but for PM2's variables.
    pub logs: PathBuf,
    /// Where pid files lie by default: `pids` in the home, but for PM2's variables.
    pub pids: PathBuf,
    /// How many CPUs `instances: "max"` means, at least 1.
    pub cpus: u16,
    /// User names and ids; `/etc/passwd` but in tests.
    pub passwd: PathBuf,
    /// Group names and ids; `/etc/group` but in tests.
    pub group: PathBuf,
    /// The words of the command line from our program on; a config that is a program sees them as `process.argv`.
    pub argv: Vec<ByteString>,
    /// A config that is a program may run so long; 10 s but in tests.
    pub patience: Duration,
}

/// What runs a config that is a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Engine {
    /// The built-in engine, and `node` for what that lacks.
    #[default]
    Auto,
    /// The built-in engine only.
    Builtin,
    /// `node` only.
    Node,
}

impl Caller {
    /// A caller on this machine.
    pub fn new(cwd: PathBuf, env: Environment, home: PathBuf, cpus: u16) -> Self {
        let passwd = PathBuf::from("/etc/passwd");
        let (logs, pids) = (home.join("logs"), home.join("pids"));
        let (group, argv) = (PathBuf::from("/etc/group"), Vec::new());
        let patience = Duration::from_secs(10);
        Self { cwd, env, home, logs, pids, cpus: cpus.max(1), passwd, group, argv, patience }
    }
}

/// What the flags of the command line say, as typed; `None` and empty: not given. Values are read exactly as in a file.
///
/// On the apps of a config file only the first group has an effect, as in PM2; on a plain script everything.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--only a,b`: names of the apps to take; split at commas and blanks. No effect on a script.
    pub only: Vec<String>,
    /// `--env NAME`: lays `env_NAME` over `env`. No effect on a script.
    pub env_name: Option<String>,
    /// `--config-runtime`: what runs a config that is a program. No effect on others.
    pub engine: Engine,
    /// `pm check`, `--strict`: unknown keys are errors.
    pub strict: bool,
    /// `--namespace`; for apps of a file that have none.
    pub namespace: Option<String>,
    /// `--cwd`; relative to the caller's folder.
    pub cwd: Option<PathBuf>,
    /// `--uid`: number or name.
    pub uid: Option<String>,
    /// `--gid`: number or name.
    pub gid: Option<String>,
    /// `--watch [path]`, repeatable: empty stands for the bare flag.
    pub watch: Vec<PathBuf>,

    /// `--name`.
    pub name: Option<String>,
    /// Everything after `--`, unsplit.
    pub args: Vec<ByteString>,
    /// `--interpreter`.
    pub interpreter: Option<String>,
    /// `--interpreter-args`, `--node-args`: split at blanks.
    pub interpreter_args: Option<String>,
    /// Variables of the command line, over the shell's.
    pub env: Vec<(String, ByteString)>,
    /// `--filter-env`, repeatable: inherited variables whose name contains one are dropped.
    pub filter_env: Vec<String>,
    /// `--instances`: number, `max`, or negative for CPUs minus so many.
    pub instances: Option<String>,
    /// `--execute-command`: `Some(true)`, no cluster.
    pub execute_command: Option<bool>,
    /// `--source-map-support`: `Some(true)`; `--disable-source-map-support`: `Some(false)`.
    pub source_maps: Option<bool>,
    /// `--no-autostart`: `Some(false)`.
    pub autostart: Option<bool>,
    /// `--no-autorestart`: `Some(false)`.
    pub autorestart: Option<bool>,
    /// `--max-restarts`.
    pub max_restarts: Option<String>,
    /// `--min-uptime`: a duration.
    pub min_uptime: Option<String>,
    /// `--restart-delay`: a duration.
    pub restart_delay: Option<String>,
    /// `--exp-backoff-restart-delay`: a duration.
    pub exp_backoff_restart_delay: Option<String>,
    /// `--stop-exit-codes`: codes, split at commas and blanks.
    pub stop_exit_codes: Vec<String>,
    /// `--kill-timeout`: a duration.
    pub kill_timeout: Option<String>,
    /// `--kill-signal`.
    pub kill_signal: Option<String>,
    /// `--shutdown-with-message`: `Some(true)`.
    pub shutdown_with_message: Option<bool>,
    /// `--wait-ready`: `Some(true)`.
    pub wait_ready: Option<bool>,
    /// `--listen-timeout`: a duration.
    pub listen_timeout: Option<String>,
    /// `--no-treekill`: `Some(false)`.
    pub treekill: Option<bool>,
    /// `--max-memory-restart`: a size.
    pub max_memory_restart: Option<String>,
    /// `--cron-restart`: a cron pattern, or `0`.
    pub cron_restart: Option<String>,
    /// `--cron-timezone`.
    pub cron_timezone: Option<String>,
    /// `--cron-after-stop`: `Some(true)`.
    pub cron_after_stop: Option<bool>,
    /// `--ignore-watch`: split at blanks.
    pub ignore_watch: Option<String>,
    /// `--ext`: endings, split at commas and blanks.
    pub ext: Option<String>,
    /// `--watch-delay`: a duration; a number is seconds, unlike in a file (PM2).
    pub watch_delay: Option<String>,
    /// `--output`.
    pub out_file: Option<PathBuf>,
    /// `--error`.
    pub error_file: Option<PathBuf>,
    /// `--log [path]`: empty stands for the bare flag.
    pub log_file: Option<PathBuf>,
    /// `--merge-logs`: `Some(true)`.
    pub merge_logs: Option<bool>,
    /// `--disable-logs`: `Some(true)`.
    pub disable_logs: Option<bool>,
    /// `--log-date-format`: day.js tokens.
    pub log_date_format: Option<String>,
    /// `--time`: `Some(true)`.
    pub time: Option<bool>,
    /// `--log-type`: `json` or `raw`.
    pub log_type: Option<String>,
    /// `--pid`.
    pub pid_file: Option<PathBuf>,
}
