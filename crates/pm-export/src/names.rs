//! What apps are called elsewhere: each engine has its letters, and two apps never share a name.

/// One name for each app; what may not be in one becomes a dash.
pub(crate) fn all(
    names: impl IntoIterator<Item = impl AsRef<str>>,
    may_be: fn(char) -> bool,
    longest: usize,
) -> Vec<String> {
    let mut taken: Vec<String> = Vec::new();
    for name in names {
        let name = name.as_ref();
        let letter = |c: char| if may_be(c) { c } else { '-' };
        let plain: String = name.chars().map(letter).collect();
        let plain = plain.trim_matches(['-', '.', '_']);
        let plain = if plain.is_empty() { "app" } else { plain };
        let name = (1..).map(|number| numbered(plain, number, longest));
        let mut free = name.filter(|name| !taken.contains(name));
        taken.extend(free.next());
    }
    taken
}

fn numbered(plain: &str, number: u32, longest: usize) -> String {
    let end = if number == 1 { String::new() } else { format!("-{number}") };
    let mut name = String::new();
    for letter in plain.chars() {
        if name.len() + letter.len_utf8() + end.len() > longest {
            break;
        }
        name.push(letter);
    }
    name.trim_end_matches(['-', '.', '_']).to_owned() + &end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_fit_and_stay_apart() {
        let apps = ["web", "a b", "a/b", "-", "a:b", "abcdefghijkl", "abcdefghijkl!"];
        let names = all(apps, |c| c.is_ascii_alphanumeric() || c == '-', 9);
        assert_eq!(names, ["web", "a-b", "a-b-2", "app", "a-b-3", "abcdefghi", "abcdefg-2"]);
    }
}
