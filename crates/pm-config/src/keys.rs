//! How the keys of an app may be spelt. The keys themselves are rows of `pm_spec::options`.

use std::collections::HashMap;
use std::sync::LazyLock;

use pm_spec::options::{KeySpec, Support, keys};

/// The names of all keys that do something, for the manual by example.
pub fn supported_keys() -> impl Iterator<Item = &'static str> {
    keys().filter(|key| key.support == Support::Full).map(|key| key.name)
}

/// What happens to a key in any of its spellings; `None`: nobody knows it.
pub fn support_of(spelling: &str) -> Option<Support> {
    find(spelling).map(|(key, _)| key.support)
}

/// The name of the key with this spelling.
pub(crate) fn canonical(spelling: &str) -> Option<&'static str> {
    find(spelling).map(|(key, _)| key.name)
}

/// All spellings. Every key of every app is looked for, often more than once.
static SPELLINGS: LazyLock<HashMap<&str, (&KeySpec, usize)>> = LazyLock::new(|| {
    let ranked = |key: &'static KeySpec| {
        key.spellings().enumerate().map(move |(rank, known)| (known, (key, 2 * rank)))
    };
    keys().flat_map(ranked).collect()
});

/// The key with this spelling, and the rank of the spelling: the lowest one set wins.
pub(crate) fn find(spelling: &str) -> Option<(&'static KeySpec, usize)> {
    let exact = |text: &str| SPELLINGS.get(text).copied();
    exact(spelling).or_else(|| exact(&snake_case(spelling)).map(|(key, rank)| (key, rank + 1)))
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
    nearest(wrong, keys().flat_map(KeySpec::spellings))
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
    let folded = |text: &str| -> String {
        text.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase).collect()
    };
    let word = folded(wrong);
    let far = |candidate: &str| {
        let letters = folded(candidate);
        // `max_memory` is no slip of the finger, but there is little else it can mean.
        let begun = word.len() > 5 && letters.starts_with(&word);
        let distance = strsim::osa_distance(&word, &letters);
        let is_near = distance <= letters.chars().count().max(3) / 3;
        let shares = letters.chars().any(|letter| word.contains(letter));
        (begun || (is_near && shares)).then_some(distance)
    };
    let found = candidates.filter_map(|candidate| Some((far(candidate)?, candidate)));
    let found: Vec<_> = found.collect();
    let least = found.iter().map(|(distance, _)| *distance).min();
    let nearest = found.into_iter().filter(|(distance, _)| Some(*distance) == least);
    nearest.map(|(_, candidate)| candidate).collect()
}

/// What keys of other managers are called here, by their letters without case and dashes: Compose, Supervisor, systemd.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (&["restartpolicy"], "`restart`"),
    (&["environment", "environ", "envvars"], "`env: { NAME: \"value\" }`"),
    (&["environmentfile"], "`env_file`"),
    (&["requires", "wants", "links", "after"], "`depends_on`"),
    (&["readinessprobe", "startupprobe"], "`ready`"),
    (&["livenessprobe"], "`healthcheck`"),
    (&["stdoutlogfile", "standardoutput", "stdout"], "`out_file`"),
    (&["stderrlogfile", "standarderror", "stderr"], "`error_file`"),
    (&["redirectstderr"], "write the same path as `out_file` and `error_file`"),
    (
        &[
            "logging",
            "stdoutlogfilemaxbytes",
            "stderrlogfilemaxbytes",
            "stdoutlogfilebackups",
            "stderrlogfilebackups",
        ],
        "`out_file`, `error_file`, `log_max_size` and `log_keep`",
    ),
    (&["directory", "dir", "workingdir", "workingdirectory", "workdir", "chdir"], "`cwd`"),
    (&["execstart", "entrypoint", "program"], "`script` and `args`"),
    (&["numprocs", "replicas", "processes", "workers", "scale"], "`instances`"),
    (&["processname", "containername", "description"], "`name`"),
    (&["startsecs"], "`min_uptime`"),
    (&["startretries", "startlimitburst", "maxretries"], "`max_restarts`"),
    (&["restartsec", "backoff"], "`restart_delay`"),
    (&["stopsignal", "killsignal"], "`kill_signal`"),
    (&["stopwaitsecs", "stopgraceperiod", "timeoutstopsec"], "`kill_timeout`"),
    (&["stopasgroup", "killasgroup", "killmode"], "`treekill`"),
    (&["exitcodes", "successexitstatus"], "`stop_exit_codes`"),
    (
        &["memory", "memorylimit"],
        "`mem_limit`, or `max_memory_restart`, which restarts it in good order",
    ),
    (&["ports", "expose"], "`port`, which sets PORT, or `listen`: a socket it finds open"),
    (&["group"], "`gid`"),
    (&["crontab", "oncalendar", "every"], "`schedule`"),
    (
        &["image", "build", "volumes", "networks", "mounts"],
        "apps run on this machine, in no container",
    ),
    (&["priority"], "apps start side by side"),
    (
        &["limitnofile", "limitcore", "limitnproc", "limitas", "limitmemlock", "limits", "minfds"],
        "`rlimits`, as in `rlimits: { nofile: 4096 }`",
    ),
    (&["oomscoreadjust"], "`oom_score_adj`"),
    (&["ioschedulingclass", "ionice"], "`ioprio`"),
    (&["cpuaffinity", "cpusetcpus", "taskset"], "`cpuset`"),
    (&["supplementarygroups"], "`groups`"),
    (
        &[
            "nonewprivileges",
            "protectsystem",
            "systemcallfilter",
            "readonly",
            "securityopt",
            "capdrop",
        ],
        "`isolate: \"basic\"` or \"strict\", and `write_paths`",
    ),
];

/// What to write instead of a key that other managers have.
pub(crate) fn instead(key: &str) -> Option<&'static str> {
    let key: String = key.chars().filter(|c| !matches!(c, '_' | '-')).collect();
    let key = key.to_lowercase();
    let here = |key: &str| ELSEWHERE.iter().find(|(keys, _)| keys.contains(&key));
    here(&key).map(|(_, here)| *here)
}

/// The same for one that is written wrongly, too; short ones are near to anything.
pub(crate) fn instead_of_slip(key: &str) -> Option<&'static str> {
    const SHORT: usize = 6;
    let long = ELSEWHERE.iter().flat_map(|(keys, _)| keys.iter().copied());
    instead(nearest(key, long.filter(|key| key.len() > SHORT))?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn spellings_are_unique_and_all_found_in_both_cases() {
        let mut seen = BTreeSet::new();
        for key in keys() {
            for spelling in key.spellings() {
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
    fn names_that_share_no_letter_are_no_slip() {
        let folder = "\u{4e2d}\u{6587}\u{76ee}\u{5f55}";
        for wrong in ["nope", "xy", "\u{4f60}\u{597d}"] {
            assert_eq!(nearest(wrong, [folder, "b"].into_iter()), None, "{wrong}");
        }
        assert_eq!(nearest("c", ["b"].into_iter()), None);
        assert_eq!(
            nearest("\u{4e2d}\u{6587}", ["\u{4e2d}\u{6587}\u{76ee}"].into_iter()),
            Some("\u{4e2d}\u{6587}\u{76ee}")
        );
        assert_eq!(nearest("shp", ["shop"].into_iter()), Some("shop"));
    }

    #[test]
    fn what_is_named_instead_of_foreign_keys_is_there() {
        for (foreign, here) in ELSEWHERE {
            for key in *foreign {
                assert!(find(key).is_none(), "{key} is ours");
            }
            let named = here.split('`').skip(1).step_by(2);
            for key in named.map(|word| word.split(':').next().unwrap_or(word)) {
                assert!(find(key).is_some() || key == "PORT", "{key}");
            }
        }
        assert_eq!(instead("WorkingDirectory"), Some("`cwd`"));
        assert_eq!(instead("stdout_logfile"), Some("`out_file`"));
        assert_eq!(instead_of_slip("enviroment"), instead("environment"));
        assert_eq!(instead_of_slip("grup"), None);
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
