//! The files a pattern of `[include]` means, as Python's `glob` finds them: `*`, `?` and `[...]` within a name, which do not
//! match a dot at its beginning.

use std::path::{Path, PathBuf};

/// The paths that match, in order.
pub(crate) fn matching(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str();
        let name = part.to_string_lossy();
        if !name.contains(['*', '?', '[']) {
            for path in &mut found {
                path.push(part);
            }
            found.retain(|path| path.symlink_metadata().is_ok());
            continue;
        }
        let inside = |folder: &PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name());
            let fits = names.filter(|it| is_match(&name, &it.to_string_lossy()));
            fits.map(|it| folder.join(it)).collect::<Vec<_>>()
        };
        found = found.iter().flat_map(inside).collect();
    }
    found.sort();
    found
}

fn is_match(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    (name.first() != Some(&'.') || pattern.first() == Some(&'.')) && fits(&pattern, &name)
}

/// `fnmatch` without backtracking further than to the last star.
fn fits(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut here) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while here < name.len() {
        match one(&pattern[at..], name[here]) {
            Some(length) => (at, here) = (at + length, here + 1),
            None if pattern.get(at) == Some(&'*') => {
                star = Some((at, here));
                at += 1;
            }
            None => match star {
                Some((back, taken)) => {
                    star = Some((back, taken + 1));
                    (at, here) = (back + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// How much of a pattern stands for this letter, if it does.
fn one(pattern: &[char], letter: char) -> Option<usize> {
    match pattern {
        ['*', ..] | [] => None,
        ['?', ..] => Some(1),
        ['[', rest @ ..] => {
            let (is_not, rest, before) = match rest {
                ['!', rest @ ..] => (true, rest, 2),
                _ => (false, rest, 1),
            };
            // A bracket that comes first is one of the letters.
            let Some(end) = rest.iter().skip(1).position(|c| *c == ']').map(|at| at + 1) else {
                return (letter == '[').then_some(1);
            };
            (is_among(&rest[..end], letter) != is_not).then_some(before + end + 1)
        }
        [own, ..] => (*own == letter).then_some(1),
    }
}

fn is_among(set: &[char], letter: char) -> bool {
    match set {
        [first, '-', last, rest @ ..] => {
            (*first..=*last).contains(&letter) || is_among(rest, letter)
        }
        [one, rest @ ..] => *one == letter || is_among(rest, letter),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_python() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            (".*", ".conf", true),
            ("a*b*c", "axbxbc", true),
            ("a*b*c", "axbxb", false),
            ("?[0-9][!x]", "a1y", true),
            ("?[0-9][!x]", "a1x", false),
            ("[]]", "]", true),
            ("[a", "[a", true),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }
}
