//! Verbs that show something.

use clap::Args;

/// `list`.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct ListArgs {
    /// Only these: name, id, namespace, `name:X`, `id:N`, `ns:X`
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
    /// Order: FIELD or FIELD:desc; name, namespace, pid, id, cpu, memory (resident memory of all its processes, RSS: what they share
    /// counts for each), uptime, status, restarts
    #[arg(long, value_name = "FIELD")]
    pub(crate) sort: Option<String>,
    /// Show it again and again, as it changes
    #[arg(long)]
    pub(crate) watch: bool,
    /// Exit code 1 if one of them is errored, unhealthy, still launching or waits for its restart
    #[arg(long, conflicts_with = "watch")]
    pub(crate) check: bool,
    /// The projects instead, as Compose's `ls` lists them
    #[arg(long, conflicts_with_all = ["watch", "check", "sort", "apps"])]
    pub(crate) projects: bool,
    /// All of it, for a `pm` on another machine
    #[arg(long, hide = true)]
    pub(crate) whole: bool,
}

/// `slist`.
#[derive(Debug, Args)]
pub(crate) struct SlistArgs {
    /// As a tree (PM2's flag; the figures are the same)
    #[arg(short = 't', long)]
    pub(crate) tree: bool,
}

/// `describe web`.
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP", required = true)]
    pub(crate) apps: Vec<String>,
}

/// `why web`.
#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X` or `all`
    #[arg(value_name = "APP")]
    pub(crate) app: String,
}

/// `events -f`.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X`; all, and the daemon, if left out
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
    /// So many of the last ones; 50 unless --since is given
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) lines: Option<usize>,
    /// Only those since then: 10m ago, or a local time such as `2026-11-22 10:00`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Go on with what comes
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
}

/// `history web`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Name, id, namespace, `name:X`, `id:N` or `ns:X`
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// Only since then: 2h ago, or a local time such as `2026-11-22 10:00`; what it used is shown for a day if left out
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

/// `env 0`.
#[derive(Debug, Args)]
pub(crate) struct EnvArgs {
    /// Id, or a name
    #[arg(value_name = "ID")]
    pub(crate) app: String,
}

/// `pid web`.
#[derive(Debug, Args)]
pub(crate) struct PidArgs {
    /// Name or id; all if left out
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,
}

/// `port web 80`.
#[derive(Debug, Args)]
pub(crate) struct PortArgs {
    /// Name, id, namespace, `name:X`, `id:N` or `ns:X`
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// Only the addresses of this port
    #[arg(value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
}

/// `id web`, `inspect web`, `backward web`.
#[derive(Debug, Args)]
pub(crate) struct IdArgs {
    /// Name or id
    #[arg(value_name = "APP")]
    pub(crate) app: String,
}
