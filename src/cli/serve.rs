//! `pm serve`: a folder over HTTP, as an app.

use std::path::PathBuf;

use clap::Args;

use super::StartFlags;

/// Which folder, where, for whom.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct ServeArgs {
    /// Folder to serve; default is this one
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<PathBuf>,
    /// TCP port; default 8080
    #[arg(value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// TCP port, if none stands behind the path
    #[arg(long = "port", value_name = "PORT")]
    pub(crate) port_flag: Option<u16>,
    /// Address to listen on; default 0.0.0.0, everywhere
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Unknown paths get index.html
    #[arg(long)]
    pub(crate) spa: bool,
    /// List folders that have no index.html
    #[arg(long, visible_alias = "list")]
    pub(crate) ftp: bool,
    /// Ask for this name
    #[arg(long = "basic-auth-username", value_name = "NAME", requires = "basic_auth_password")]
    pub(crate) basic_auth_username: Option<String>,
    /// Ask for this password; `PM2_SERVE_BASIC_AUTH_PASSWORD` keeps it out of the shell's history
    #[arg(long = "basic-auth-password", value_name = "PASSWORD", requires = "basic_auth_username")]
    pub(crate) basic_auth_password: Option<String>,
    /// Serve names that begin with a dot, too
    #[arg(long)]
    pub(crate) dotfiles: bool,
    /// Follow symbolic links that lead out of the folder
    #[arg(long = "follow-links")]
    pub(crate) follow_links: bool,
    /// PM2's browser metrics: there is no dashboard to send them to
    #[arg(long, hide = true, value_name = "APP", num_args = 0..=1, default_missing_value = "")]
    pub(crate) monitor: Option<String>,
    #[command(flatten)]
    pub(crate) flags: StartFlags,
}
