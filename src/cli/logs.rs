//! `pm logs`.

use clap::Args;

/// Which lines, of which apps, in which form.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct LogsArgs {
    /// Name, id, namespace, `name:X`, `id:N`, `ns:X`; all if left out
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
    /// So many of the last lines of each file first; 15 unless --since or --until is given
    #[arg(short = 'n', long, alias = "tail", value_name = "N")]
    pub(crate) lines: Option<usize>,
    /// Go on with what comes, as it does anyway (tail -f, docker logs -f)
    #[arg(short = 'f', long, hide = true, conflicts_with = "nostream")]
    pub(crate) follow: bool,
    /// Do not follow: print the lines and end
    #[arg(long)]
    pub(crate) nostream: bool,
    /// Only standard output
    #[arg(long, conflicts_with = "err")]
    pub(crate) out: bool,
    /// Only standard error
    #[arg(long)]
    pub(crate) err: bool,
    /// Lines as they were written: no prefix, nothing made harmless
    #[arg(long)]
    pub(crate) raw: bool,
    /// As `key=value` pairs
    #[arg(long)]
    pub(crate) format: bool,
    /// With the time of each line in front, in this day.js format
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, default_missing_value = "YYYY-MM-DD-HH:mm:ss")]
    pub(crate) timestamp: Option<String>,
    /// Make this text stand out, on a terminal
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
    pub(crate) highlight: Option<String>,
    /// Only lines since then: 10m ago, or a local time such as `2026-11-22 10:00`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only lines until then; does not follow
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only lines with this text; exit code 1 where no line has it and none is waited for
    #[arg(short = 'g', long, value_name = "TEXT")]
    pub(crate) grep: Option<String>,
    /// `--grep` takes upper and lower case for the same
    #[arg(short = 'I', long = "ignore-case")]
    pub(crate) ignore_case: bool,
    /// With the daemon's own lines
    #[arg(long)]
    pub(crate) daemon: bool,
}
