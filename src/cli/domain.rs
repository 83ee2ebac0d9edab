//! `pm domain`: names by which a web server in front leads to apps.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

/// What is wanted; nothing: the list.
#[derive(Debug, Args)]
#[command(subcommand_value_name = "WHAT")]
pub(crate) struct DomainArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<DomainVerb>,
}

/// Domains.
#[derive(Debug, Subcommand)]
pub(crate) enum DomainVerb {
    /// Have Caddy or nginx lead a domain to an app
    Add(DomainAddArgs),
    /// Show them, and what has become of their apps
    List(ProxyFlags),
    /// Take one away again
    Remove(DomainRemoveArgs),
}

/// `domain add shop.example.org shop`.
#[derive(Debug, Args)]
pub(crate) struct DomainAddArgs {
    /// As people type it: letters, digits, hyphens and dots
    #[arg(value_name = "DOMAIN")]
    pub(crate) name: String,
    /// Name or id
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// Where the app listens; default is what pm sees
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// The unix socket where the app listens
    #[arg(long, value_name = "PATH", conflicts_with = "port")]
    pub(crate) socket: Option<String>,
    /// Where the web server is to listen; default is 80 for nginx, and 443 with a certificate for Caddy
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) listen: Option<u16>,
    #[command(flatten)]
    pub(crate) place: ProxyFlags,
    /// Do it without asking
    #[arg(short = 'y', long)]
    pub(crate) yes: bool,
    /// Show the file and the commands, and do nothing
    #[arg(long = "dry-run", conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

/// `domain remove shop.example.org`.
#[derive(Debug, Args)]
pub(crate) struct DomainRemoveArgs {
    /// Which
    #[arg(value_name = "DOMAIN")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) place: ProxyFlags,
    /// Show the file and the commands, and do nothing
    #[arg(long = "dry-run")]
    pub(crate) dry_run: bool,
}

/// Which web server.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ProxyFlags {
    /// Which web server; default is the one that is there
    #[arg(long, value_name = "PROXY")]
    pub(crate) proxy: Option<ProxyKind>,
    /// Its config file, if it is not the system's: of a Caddy of your own, for one
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The web servers that are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProxyKind {
    /// Gets certificates by itself
    Caddy,
    /// With certbot for certificates
    Nginx,
}
