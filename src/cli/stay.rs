//! Verbs that stay in the foreground: `runtime` (pm2-runtime, pm2-docker) and `dev` (pm2-dev).

use clap::Args;

use super::StartArgs;

/// `runtime [start] ecosystem.json5`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct RuntimeArgs {
    /// Answer clients of Supervisor where its file says
    #[arg(long, hide = true)]
    pub(crate) supervisor_rpc: bool,
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// Wait so many seconds before anything is started
    #[arg(long, value_name = "SECONDS")]
    pub(crate) delay: Option<f32>,
    /// Stay although no app runs any more
    #[arg(long = "no-auto-exit")]
    pub(crate) no_auto_exit: bool,
    /// Show output as it was written (this is the default)
    #[arg(long, conflicts_with_all = ["formatted", "format"])]
    pub(crate) raw: bool,
    /// Show whose each line is
    #[arg(long)]
    pub(crate) formatted: bool,
    /// Show lines as `key=value` pairs
    #[arg(long, conflicts_with = "formatted")]
    pub(crate) format: bool,
    /// Known from PM2: its HTTP API
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "", value_name = "PORT")]
    pub(crate) web: Option<String>,
    /// Known from PM2: keys of its hosted dashboard
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) secret: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) public: Option<String>,
    #[arg(long = "machine-name", hide = true, num_args = 0..=1, default_missing_value = "")]
    pub(crate) machine_name: Option<String>,
}

/// `dev [start] app.js`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) start: StartArgs,
    /// Do not watch these (a,b)
    #[arg(long, value_name = "LIST")]
    pub(crate) ignore: Option<String>,
    /// A shell's command for each restart
    #[arg(long = "post-exec", value_name = "COMMAND")]
    pub(crate) post_exec: Option<String>,
    /// Do not show what that command writes
    #[arg(long = "silent-exec")]
    pub(crate) silent_exec: bool,
    /// Show output as it was written
    #[arg(long)]
    pub(crate) raw: bool,
    /// Show the time of each line, in this day.js format
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "YYYY-MM-DD-HH:mm:ss")]
    pub(crate) timestamp: Option<String>,
    /// End when no app runs any more
    #[arg(long = "auto-exit")]
    pub(crate) auto_exit: bool,
    /// Start the apps and go, as PM2's own tests do
    #[arg(long = "test-mode", hide = true)]
    pub(crate) test_mode: bool,
}
