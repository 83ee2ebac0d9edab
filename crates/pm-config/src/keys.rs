//! Every key of an app: how it may be spelt, and whether we do it.
//!
//! The table is PM2's schema (reference section 4) plus our own few; it holds names, not meanings.

/// What happens to a key that PM2 knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what PM2's manual says.
    Full,
    /// Never needed here, because of what is said: a warning names it unless its value asks for nothing.
    NoEffect(&'static str),
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    /// What the code and messages call it.
    pub(crate) name: &'static str,
    /// Its other spellings; where several are set, `name` wins unless `first` does, then the others in this order.
    pub(crate) aliases: &'static [&'static str],
    /// PM2's canonical spelling where it isn't `name`.
    pub(crate) first: Option<&'static str>,
    pub(crate) support: Support,
}

const fn full(name: &'static str, aliases: &'static [&'static str]) -> Key {
    Key { name, aliases, first: None, support: Support::Full }
}

const fn renamed(first: &'static str, name: &'static str, aliases: &'static [&'static str]) -> Key {
    Key { name, aliases, first: Some(first), support: Support::Full }
}

const fn idle(name: &'static str, because: &'static str) -> Key {
    Key { name, aliases: &[], first: None, support: Support::NoEffect(because) }
}

const METRICS: &str = "nothing is injected into apps";

/// All keys, in the order of the manual.
pub(crate) const KEYS: &[Key] = &[
    full("name", &[]),
    full("namespace", &[]),
    full("script", &["exec", "cmd", "command"]),
    full("args", &[]),
    full("cwd", &[]),
    renamed("exec_interpreter", "interpreter", &[]),
    renamed("node_args", "interpreter_args", &[]),
    full("env", &[]),
    full("filter_env", &[]),
    full("append_env_to_name", &[]),
    full("port", &[]),
    full("instances", &[]),
    full("exec_mode", &[]),
    full("execute_command", &[]),
    full("sched", &[]),
    full("cluster_preload", &[]),
    full("source_map_support", &[]),
    full("disable_source_map_support", &[]),
    full("channel", &[]),
    full("wait_ready", &[]),
    full("listen_timeout", &[]),
    full("instance_var", &[]),
    full("increment_var", &[]),
    full("autostart", &[]),
    full("autorestart", &[]),
    full("max_restarts", &[]),
    full("min_uptime", &[]),
    full("restart_delay", &[]),
    full("exp_backoff_restart_delay", &[]),
    full("stop_exit_codes", &[]),
    full("max_memory_restart", &[]),
    full("cron_restart", &["cron"]),
    full("cron_timezone", &["cron_tz"]),
    full("cron_after_stop", &[]),
    full("watch", &[]),
    full("ignore_watch", &[]),
    full("ext", &[]),
    full("watch_delay", &[]),
    full("watch_options", &[]),
    full("kill_signal", &[]),
    full("kill_timeout", &[]),
    full("shutdown_with_message", &[]),
    full("treekill", &[]),
    full("out_file", &["out", "output", "out_log"]),
    full("error_file", &["error", "err", "err_file", "err_log"]),
    full("log_file", &["log"]),
    full("merge_logs", &["combine_logs"]),
    full("disable_logs", &[]),
    full("log_type", &[]),
    full("log_date_format", &[]),
    full("time", &[]),
    full("log_max_size", &[]),
    full("log_keep", &[]),
    full("log_compress", &[]),
    full("log_full", &[]),
    full("pid_file", &["pid"]),
    full("uid", &["user"]),
    full("gid", &[]),
    idle("name_prefix", "PM2 takes it from its programming interface only"),
    full("post_update", &[]),
    idle("install_url", "nothing is downloaded"),
    idle("kill_retry_time", "the end of a process is noticed at once, without polling"),
    idle("username", "the list shows whom an app really runs as"),
    idle("force", "a name means one app; use another name for a second one"),
    idle("vizion", "git metadata is not collected"),
    idle("pmx", METRICS),
    idle("automation", METRICS),
    idle("trace", METRICS),
    idle("disable_trace", METRICS),
    idle("v8", METRICS),
    idle("event_loop_inspector", METRICS),
    idle("deep_monitoring", METRICS),
    idle("io", METRICS),
    idle("windowsHide", "there are no windows here"),
    idle("write", "it is a flag of the command line"),
];

/// The names of all keys that do something, for the manual by example.
pub fn supported_keys() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(|key| key.support == Support::Full).map(|key| key.name)
}

/// What happens to a key in any of its spellings; `None`: nobody knows it.
pub fn support_of(spelling: &str) -> Option<Support> {
    find(spelling).map(|(key, _)| key.support)
}

/// The name of the key with this spelling.
pub(crate) fn canonical(spelling: &str) -> Option<&'static str> {
    find(spelling).map(|(key, _)| key.name)
}

/// The key with this spelling, and the rank of the spelling: the lowest one set wins.
pub(crate) fn find(spelling: &str) -> Option<(&'static Key, usize)> {
    let exact = |text: &str| {
        KEYS.iter().find_map(|key| {
            let mut spellings = spellings(key);
            spellings.position(|known| known == text).map(|rank| (key, 2 * rank))
        })
    };
    exact(spelling).or_else(|| exact(&snake_case(spelling)).map(|(key, rank)| (key, rank + 1)))
}

fn spellings(key: &'static Key) -> impl Iterator<Item = &'static str> {
    key.first.into_iter().chain([key.name]).chain(key.aliases.iter().copied())
}

fn snake_case(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// The known spelling nearest to a wrong one, if it is near enough to be a slip.
pub(crate) fn nearest_key(wrong: &str) -> Option<&'static str> {
    nearest(wrong, KEYS.iter().flat_map(spellings))
}

/// The candidate nearest to a wrong word, the first of equals.
pub(crate) fn nearest<'a>(
    wrong: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    near(wrong, candidates).first().copied()
}

/// The candidates nearest to a wrong word, all equally near: at most a third of their letters differ.
pub fn near<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    // Long nonsense is no slip, and comparing it costs its length times ours.
    if wrong.len() > 64 {
        return Vec::new();
    }
    let folded = |text: &str| -> Vec<char> {
        text.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    let word = folded(wrong);
    let far = |candidate: &str| {
        let letters = folded(candidate);
        // `max_memory` is no slip of the finger, but there is little else it can mean.
        let begun = word.len() > 5 && letters.starts_with(&word);
        let distance = distance(&word, &letters);
        (begun || distance <= candidate.len().max(3) / 3).then_some(distance)
    };
    let found = candidates.filter_map(|candidate| Some((far(candidate)?, candidate)));
    let found: Vec<_> = found.collect();
    let least = found.iter().map(|(distance, _)| *distance).min();
    let nearest = found.into_iter().filter(|(distance, _)| Some(*distance) == least);
    nearest.map(|(_, candidate)| candidate).collect()
}

/// How many letters to insert, drop, change or swap with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let change = last[j] + usize::from(x != y);
            let mut best = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(older[j - 1] + 1);
            }
            row.push(best);
        }
        older = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn spellings_are_unique_and_all_found_in_both_cases() {
        let mut seen = BTreeSet::new();
        for key in KEYS {
            for spelling in spellings(key) {
                assert!(seen.insert(spelling), "{spelling} twice");
                assert_eq!(canonical(spelling), Some(key.name));
            }
        }
        for (camel, name) in [
            ("maxMemoryRestart", "max_memory_restart"),
            ("interpreterArgs", "interpreter_args"),
            ("nodeArgs", "interpreter_args"),
            ("outFile", "out_file"),
            ("execMode", "exec_mode"),
            ("windowsHide", "windowsHide"),
        ] {
            assert_eq!(canonical(camel), Some(name), "{camel}");
        }
    }

    #[test]
    fn the_canonical_spelling_ranks_first() {
        let rank = |spelling| find(spelling).unwrap().1;
        assert!(rank("exec_interpreter") < rank("interpreter"));
        assert!(rank("script") < rank("exec") && rank("exec") < rank("cmd"));
        assert!(rank("out_file") < rank("outFile") && rank("outFile") < rank("output"));
    }

    #[test]
    fn slips_find_their_key() {
        for (wrong, right) in [
            ("scrpit", Some("script")),
            ("intrepreter", Some("interpreter")),
            ("max-memory-restart", Some("max_memory_restart")),
            ("restartDelay", Some("restart_delay")),
            ("max_memory", Some("max_memory_restart")),
            ("autorestarts", Some("autorestart")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest_key(wrong), right, "{wrong}");
        }
    }
}
