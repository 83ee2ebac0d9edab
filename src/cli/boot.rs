//! Verbs about booting: `startup`, `unstartup`.

use std::path::PathBuf;

use clap::Args;

/// What starts whose apps at boot.
#[derive(Debug, Args)]
pub(crate) struct BootArgs {
    /// systemd, systemd-user, openrc, systemv or one of PM2's names; found out if left out
    #[arg(value_name = "PLATFORM")]
    pub(crate) platform: Option<String>,
    /// Whose apps are started at boot; yours if left out
    #[arg(short = 'u', long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// That user's home folder, if /etc/passwd does not say
    #[arg(long, value_name = "DIR")]
    pub(crate) hp: Option<PathBuf>,
    /// Name of the service: pm-USER if left out
    #[arg(long = "service-name", value_name = "NAME")]
    pub(crate) service_name: Option<String>,
}

/// `unstartup systemd`.
#[derive(Debug, Args)]
pub(crate) struct UnstartupArgs {
    #[command(flatten)]
    pub(crate) boot: BootArgs,
    /// Only say which file would be removed and what would be run
    #[arg(long = "dry-run")]
    pub(crate) dry_run: bool,
}

/// `startup systemd -u deploy --hp /home/deploy`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct StartupArgs {
    #[command(flatten)]
    pub(crate) boot: BootArgs,
    /// Wait for the network to be online, not only set up
    #[arg(long = "wait-ip")]
    pub(crate) wait_ip: bool,
    /// Only print the service file
    #[arg(long)]
    pub(crate) print: bool,
    /// Only say which file would be written and what would be run
    #[arg(long = "dry-run", conflicts_with_all = ["print", "verify"])]
    pub(crate) dry_run: bool,
    /// Rehearse: would everything on the saved list start at boot? Exit code 1 if not
    #[arg(long, conflicts_with = "print")]
    pub(crate) verify: bool,
}
