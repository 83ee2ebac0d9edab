//! `pm web`: the panel, and all there is to administer of it.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

/// Start it, or what else is wanted.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_value_name = "WHAT")]
pub(crate) struct WebArgs {
    #[command(subcommand)]
    pub(crate) verb: Option<WebVerb>,
    #[command(flatten)]
    pub(crate) place: WebPlaceArgs,
}

/// Where it listens.
#[derive(Debug, Args)]
pub(crate) struct WebPlaceArgs {
    /// Be the panel, instead of starting it as the app `pm-web`
    #[arg(long)]
    pub(crate) foreground: bool,
    /// ADDRESS:PORT, or unix:PATH for a proxy; default is 127.0.0.1:9616
    #[arg(long, value_name = "WHERE")]
    pub(crate) listen: Option<String>,
    /// Where projects to add may lie; default is your home, and nothing for root
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folders: Vec<PathBuf>,
    /// Listen nowhere: only keep history
    #[arg(long, conflicts_with_all = ["listen", "public_url"])]
    pub(crate) no_listen: bool,
    /// Room for the history of what apps use; 0: none; default is 64M, and none with --foreground
    #[arg(long, value_name = "SIZE")]
    pub(crate) history: Option<String>,
    /// What a proxy in front of it calls it: `https://NAME`
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Answer clients of Supervisor instead: at unix:PATH or HOST:PORT, or where a supervisord.conf says, and for its programs
    #[arg(long, value_name = "WHERE", conflicts_with_all = ["listen", "folders", "public_url"])]
    pub(crate) supervisor_rpc: Vec<OsString>,
}

/// What else.
#[derive(Debug, Subcommand)]
pub(crate) enum WebVerb {
    /// Make a link that lets one person in once, within ten minutes
    Link(WebLinkArgs),
    /// Who may sign in with a password
    #[command(subcommand)]
    User(WebUserVerb),
    /// Keys for programs, which they send as `Authorization: Bearer`
    #[command(subcommand)]
    Token(WebTokenVerb),
    /// Say when something goes wrong, wherever you are
    #[command(subcommand)]
    Alert(WebAlertVerb),
    /// Who is signed in
    Sessions(WebSessionsArgs),
    /// Who did what
    Audit(WebAuditArgs),
    /// Stop the panel; apps run on
    Stop,
}

/// Whom a link lets in.
#[derive(Debug, Args)]
pub(crate) struct WebLinkArgs {
    /// What they may do
    #[arg(long, default_value = "admin", value_parser = PossibleValuesParser::new(ROLES))]
    pub(crate) role: String,
    /// With which apps: names and ns:NAMESPACE with `*`; default is all
    #[arg(long, value_name = "APPS")]
    pub(crate) apps: Option<String>,
    /// How long they stay; default is 30 days, or 12 hours without use
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) stays: Option<String>,
}

const ROLES: [&str; 3] = ["viewer", "operator", "admin"];

/// Users.
#[derive(Debug, Subcommand)]
pub(crate) enum WebUserVerb {
    /// Add one; the password is asked for, or read from stdin
    Add {
        /// What they type to sign in
        name: String,
        /// What they may do
        #[arg(long, default_value = "viewer", value_parser = PossibleValuesParser::new(ROLES))]
        role: String,
        /// With which apps: names and ns:NAMESPACE with `*`; default is all
        #[arg(long, value_name = "APPS")]
        apps: Option<String>,
    },
    /// Show them
    List,
    /// Give one another password, which signs them out
    Passwd {
        /// Which
        name: String,
    },
    /// Remove one, which signs them out
    Remove {
        /// Which
        name: String,
    },
}

/// Tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum WebTokenVerb {
    /// Make one, which is shown this once
    Add {
        /// What the audit calls it
        name: String,
        /// What it may do
        #[arg(long, default_value = "viewer", value_parser = PossibleValuesParser::new(ROLES))]
        role: String,
        /// With which apps: names and ns:NAMESPACE with `*`; default is all
        #[arg(long, value_name = "APPS")]
        apps: Option<String>,
        /// How long it is good
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
    },
    /// Show them
    List,
    /// Remove one, which is no longer good at once
    Remove {
        /// Which
        name: String,
    },
}

/// Alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum WebAlertVerb {
    /// Show rules and channels
    List,
    /// Set a rule: `restarts "5 in 10m"`, `memory "500M for 5m"`, `errored off`, `quiet 23:00-07:00`, `cap 20`
    Set {
        /// A rule, or apps, quiet, cap or lang: `pm web alert list` shows them
        key: String,
        /// What it is to be; `off` for nothing
        value: String,
    },
    /// Add a channel; its address and its secret are asked for, or read from stdin, a line each
    Add(WebChannelArgs),
    /// Remove a channel
    Remove {
        /// Which
        name: String,
    },
    /// Send a test to a channel
    Test {
        /// Which
        name: String,
    },
}

/// A channel.
#[derive(Debug, Args)]
pub(crate) struct WebChannelArgs {
    /// What it is called here
    pub(crate) name: String,
    /// Whose way of speaking it has
    #[arg(long, value_parser = PossibleValuesParser::new(CHANNELS))]
    pub(crate) kind: String,
    /// Telegram: which chat
    #[arg(long, default_value = "", allow_hyphen_values = true, hide_default_value = true)]
    pub(crate) chat: String,
    /// Mail: the account, if one has to sign in
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) user: String,
    /// Mail: from whom
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) from: String,
    /// Mail: to whom, parted by commas
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) to: String,
}

const CHANNELS: [&str; 7] = ["webhook", "slack", "telegram", "dingtalk", "feishu", "wecom", "mail"];

/// Sessions.
#[derive(Debug, Args)]
pub(crate) struct WebSessionsArgs {
    /// End this one, or all of a name
    #[arg(long, value_name = "ID")]
    pub(crate) end: Option<String>,
}

/// The audit.
#[derive(Debug, Args)]
pub(crate) struct WebAuditArgs {
    /// Show what comes, too
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    /// How many lines; 0: all
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) lines: usize,
}
