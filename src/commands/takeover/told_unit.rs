//! What `systemctl` says of units, and how they are called.

use std::collections::BTreeMap;

/// What systemd says of a unit, by name.
pub(super) type ToldUnit = BTreeMap<String, String>;

/// A unit by its name without an ending is a service; a timer stands for its service.
pub(super) fn unit_of(word: &str) -> String {
    let stem = word.strip_suffix(".timer").unwrap_or(word);
    if stem.contains('.') && stem == word { word.to_owned() } else { format!("{stem}.service") }
}

pub(super) fn of<'a>(told: &'a ToldUnit, key: &str) -> &'a str {
    told.get(key).map_or("", String::as_str)
}

pub(super) fn words(told: &ToldUnit, key: &str) -> Vec<String> {
    of(told, key).split_whitespace().map(str::to_owned).collect()
}

/// Those that systemd stops when it stops this one.
pub(super) fn bound(told: &ToldUnit) -> Vec<String> {
    ["RequiredBy", "BoundBy", "ConsistsOf"].iter().flat_map(|key| words(told, key)).collect()
}

pub(super) fn runs(told: &ToldUnit) -> bool {
    matches!(of(told, "ActiveState"), "active" | "activating" | "reloading")
}

/// Whoever would be stopped with another one moves before it, and comes back after it.
pub(super) fn in_order(mut left: Vec<ToldUnit>) -> Vec<ToldUnit> {
    let mut all = Vec::new();
    while !left.is_empty() {
        let is_free = |one: &ToldUnit| {
            let bound = bound(one);
            !left.iter().any(|it| bound.iter().any(|name| name == of(it, "Id")))
        };
        let at = left.iter().position(is_free).unwrap_or(0);
        all.push(left.remove(at));
    }
    all
}

/// A value as `show-environment` writes it: as it is, or for a shell.
pub(super) fn unquoted(value: &str) -> String {
    let Some(inside) = value.strip_prefix("$'").and_then(|it| it.strip_suffix('\'')) else {
        return value.to_owned();
    };
    let (mut text, mut letters) = (String::new(), inside.chars());
    while let Some(letter) = letters.next() {
        text.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other) => other,
                None => break,
            },
            other => other,
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_services_and_values_are_read_as_they_are_shown() {
        let all = ["web", "web.service", "web.timer", "web@1", "db.socket"];
        let read = ["web.service", "web.service", "web.service", "web@1.service", "db.socket"];
        assert_eq!(all.map(unit_of), read);
        assert_eq!(unquoted("/bin:/usr/bin"), "/bin:/usr/bin");
        assert_eq!(unquoted("$'it\\'s\\na \\\\'"), "it's\na \\");
    }

    #[test]
    fn who_would_be_stopped_with_another_moves_first() {
        let told = |id: &str, by: &str| {
            let pairs = [("Id", id), ("RequiredBy", by)];
            pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into_iter().collect()
        };
        let all = vec![told("db", "web job"), told("job", "web"), told("web", ""), told("x", "")];
        let order: Vec<_> = in_order(all).iter().map(|it| of(it, "Id").to_owned()).collect();
        assert_eq!(order, ["web", "job", "db", "x"]);
    }
}
