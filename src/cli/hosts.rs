//! Options for several machines at once.

use clap::Args;

/// Options for other machines, which every command takes and `pm --help` tells.
pub(super) const MANY: &str = "On other machines";

/// Where a command is carried out, and in which order.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = MANY)]
pub(crate) struct HostFlags {
    /// On these machines instead, over ssh: a,b or @GROUP of `hosts` in the ecosystem file
    #[arg(short = 'H', long, global = true, value_name = "HOSTS", value_delimiter = ',')]
    pub(crate) hosts: Vec<String>,
    /// With -H: on so many at once, the next when these are done
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) batch: Option<u16>,
    /// With --batch: go on until more than so many have failed
    #[arg(long, global = true, value_name = "N", requires = "batch")]
    pub(crate) max_fail: Option<u16>,
}

/// `bootstrap web1`.
#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    /// Machines, as `ssh` takes them
    #[arg(value_name = "HOST", required = true)]
    pub(crate) machines: Vec<String>,
    /// The folder it goes to [default: /usr/local/bin for root, else ~/.local/bin]
    #[arg(long = "to", value_name = "DIR")]
    pub(crate) folder: Option<String>,
    /// Only bring the program
    #[arg(long)]
    pub(crate) no_startup: bool,
}

/// What another `pm` asks for, in a form that no shell takes for anything else.
#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    pub(crate) told: String,
}
