//! Values of unit files (`systemd.syntax(7)`, `systemd.service(5)`): specifiers (`%%`), variables (`$$`, in commands only), and
//! quotes with C's escapes.

/// A word of a command line.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    quoted(&text.replace('$', "$$"))
}

/// The program of a command line, which is no place for variables.
pub(super) fn program(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./+".contains(c);
    if text.starts_with('/') && text.chars().all(is_plain) { text.into() } else { quoted(text) }
}

/// `NAME=value` of `Environment=`; none: it may not hold control characters.
pub(super) fn variable(name: &str, value: &str) -> Option<String> {
    let is_odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    let fits = is_name && !name.is_empty() && !value.contains(is_odd);
    fits.then(|| quoted(&format!("{name}={value}")))
}

/// The rest of a line as it stands; none: it can't hold that.
pub(super) fn line(text: &str) -> Option<String> {
    let fits = !text.is_empty()
        && text.trim() == text
        && !text.ends_with('\\')
        && !text.contains(char::is_control);
    fits.then(|| text.replace('%', "%%"))
}

/// Several paths in one line.
pub(super) fn path(text: &str) -> String {
    if text.contains([' ', '"', '\'', '\\']) { quoted(text) } else { text.replace('%', "%%") }
}

fn quoted(text: &str) -> String {
    let mut all = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => all.extend(['\\', letter]),
            '%' => all.push_str("%%"),
            '\n' => all.push_str("\\n"),
            '\t' => all.push_str("\\t"),
            letter if letter.is_ascii_control() => {
                all.extend([format!("\\x{:02x}", u32::from(letter))]);
            }
            letter => all.push(letter),
        }
    }
    all + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_what_they_are() {
        for (text, written) in [
            ("/usr/bin/node", "/usr/bin/node"),
            ("", "\"\""),
            ("a b", "\"a b\""),
            (";", "\";\""),
            ("50%", "\"50%%\""),
            ("$HOME ${X} $$", "\"$$HOME $${X} $$$$\""),
            ("it's \"so\" \\n", "\"it's \\\"so\\\" \\\\n\""),
            ("two\nlines\t\u{1b}", "\"two\\nlines\\t\\x1b\""),
            ("#x", "\"#x\""),
            ("\u{e9}", "\"\u{e9}\""),
        ] {
            assert_eq!(word(text), written, "{text:?}");
        }
        assert_eq!(program("/a b$c%"), "\"/a b$c%%\"");
    }

    #[test]
    fn variables_have_no_variables_in_them() {
        assert_eq!(variable("A", "$B 5% \"x\""), Some("\"A=$B 5%% \\\"x\\\"\"".into()));
        assert_eq!(variable("A", "1\n2"), Some("\"A=1\\n2\"".into()));
        assert_eq!(variable("A", "\u{1}"), None);
        assert_eq!((variable("A B", ""), variable("", ""), variable("1A", "")), (None, None, None));
        assert_eq!((line("/a b%"), line(" a"), line("a\\")), (Some("/a b%%".into()), None, None));
    }
}
