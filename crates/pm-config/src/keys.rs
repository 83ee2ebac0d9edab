//! How the keys of an app may be spelt. The keys themselves are rows of `pm_spec::options`.

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

/// The key with this spelling, and the rank of the spelling: the lowest one set wins.
pub(crate) fn find(spelling: &str) -> Option<(&'static KeySpec, usize)> {
    let exact = |text: &str| {
        keys().find_map(|key| {
            let mut spellings = key.spellings();
            spellings.position(|known| known == text).map(|rank| (key, 2 * rank))
        })
    };
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
        (begun || distance <= candidate.len().max(3) / 3).then_some(distance)
    };
    let found = candidates.filter_map(|candidate| Some((far(candidate)?, candidate)));
    let found: Vec<_> = found.collect();
    let least = found.iter().map(|(distance, _)| *distance).min();
    let nearest = found.into_iter().filter(|(distance, _)| Some(*distance) == least);
    nearest.map(|(_, candidate)| candidate).collect()
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
