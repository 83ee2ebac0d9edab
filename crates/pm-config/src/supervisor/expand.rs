//! `%(name)s` in values of Supervisor's file: Python's `%` with a table of names.

use std::collections::BTreeMap;

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expansion {
    Text(String),
    Number(i64),
}

/// The names that may be used.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expansions(pub(crate) BTreeMap<String, Expansion>);

impl Expansions {
    pub(crate) fn text(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), Expansion::Text(value.into()));
    }

    pub(crate) fn number(&mut self, name: &str, value: i64) {
        self.0.insert(name.to_owned(), Expansion::Number(value));
    }

    /// The text filled in, or where in it what is wrong.
    pub(crate) fn fill(&self, text: &str) -> Result<String, (usize, String)> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(percent) = rest.find('%') {
            let at = text.len() - rest.len() + percent;
            filled.push_str(&rest[..percent]);
            rest = &rest[percent + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                filled.push('%');
                rest = after;
                continue;
            }
            let (value, after) = self.one(rest).map_err(|message| (at, message))?;
            filled.push_str(&value);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// What follows a percent sign: its value, and what comes after.
    fn one<'t>(&self, text: &'t str) -> Result<(String, &'t str), String> {
        let alone = || "a `%` alone: write `%%` for a percent sign".to_owned();
        let (name, rest) =
            text.strip_prefix('(').and_then(|it| it.split_once(')')).ok_or_else(alone)?;
        let value = self.0.get(name).ok_or_else(|| self.unknown(name))?;
        let form = rest.find(|c: char| !"#0- +".contains(c)).ok_or_else(alone)?;
        let (flags, rest) = rest.split_at(form);
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(alone)?;
        let width: usize = rest[..digits].parse().unwrap_or(0);
        let rest = rest[digits..].trim_start_matches(['h', 'l', 'L']);
        let kind = rest.chars().next().ok_or_else(alone)?;
        let text = match (kind, value) {
            ('s', Expansion::Text(text)) => padded(text, "", width, &flags.replace('0', "")),
            ('s', Expansion::Number(number)) => {
                padded(&number.to_string(), "", width, &flags.replace('0', ""))
            }
            ('d' | 'i' | 'u', Expansion::Number(number)) => {
                let sign = match (*number < 0, flags.contains('+'), flags.contains(' ')) {
                    (true, ..) => "-",
                    (false, true, _) => "+",
                    (false, false, true) => " ",
                    (false, false, false) => "",
                };
                padded(&number.unsigned_abs().to_string(), sign, width, flags)
            }
            ('x', Expansion::Number(number)) => padded(&format!("{number:x}"), "", width, flags),
            ('X', Expansion::Number(number)) => padded(&format!("{number:X}"), "", width, flags),
            ('o', Expansion::Number(number)) => padded(&format!("{number:o}"), "", width, flags),
            _ => return Err(format!("`%({name}){kind}`: write `%({name})s`")),
        };
        Ok((text, &rest[kind.len_utf8()..]))
    }

    fn unknown(&self, name: &str) -> String {
        let near = crate::keys::nearest(name, self.0.keys().map(String::as_str));
        let near = near.map(|near| format!("; did you mean `%({near})s`?")).unwrap_or_default();
        if name.starts_with("ENV_") {
            return format!("the variable of `%({name})s` is not set here{near}");
        }
        format!("nothing is called `%({name})s` here{near}")
    }
}

/// A minus sign among the flags: to the left, with blanks; a zero: to the right, with zeros.
fn padded(text: &str, sign: &str, width: usize, flags: &str) -> String {
    let missing = width.min(1000).saturating_sub(text.chars().count() + sign.len());
    if flags.contains('-') {
        return format!("{sign}{text}{}", " ".repeat(missing));
    }
    if flags.contains('0') {
        return format!("{sign}{}{text}", "0".repeat(missing));
    }
    format!("{}{sign}{text}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each expectation is what Python says.
    #[test]
    fn names_are_filled_in_as_python_does() {
        let mut names = Expansions::default();
        names.text("here", "/etc");
        names.text("ENV_HOME", "/root");
        names.number("process_num", 7);
        for (text, filled) in [
            ("%(here)s/a%%b", "/etc/a%b"),
            ("%(process_num)d", "7"),
            ("%(process_num)02d", "07"),
            ("%(process_num)s", "7"),
            ("%(process_num)03s", "  7"),
            ("%(process_num)-3d|", "7  |"),
            ("%(process_num)+d", "+7"),
            ("%(process_num)02x", "07"),
            ("%(here)6s", "  /etc"),
            ("plain", "plain"),
        ] {
            assert_eq!(names.fill(text).unwrap(), filled, "{text}");
        }
        for (text, at, message) in [
            ("50%", 2, "a `%` alone: write `%%` for a percent sign"),
            ("date +%H", 6, "a `%` alone: write `%%` for a percent sign"),
            ("%(here)d", 0, "`%(here)d`: write `%(here)s`"),
            ("%(here", 0, "a `%` alone: write `%%` for a percent sign"),
            ("x%(her)s", 1, "nothing is called `%(her)s` here; did you mean `%(here)s`?"),
            (
                "%(ENV_HOMES)s",
                0,
                "the variable of `%(ENV_HOMES)s` is not set here; did you mean `%(ENV_HOME)s`?",
            ),
        ] {
            assert_eq!(names.fill(text).unwrap_err(), (at, message.into()), "{text}");
        }
    }
}
