//! `{{.NAME}}` in values of process-compose: the variables of `vars`. Of Go's templates that, and text in quotes, is all.

/// Fills a text in; `look` has the variables. An error says why it can't be.
pub(super) fn filled(text: &str, look: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((action, after)) = action(inside) else {
            return Err("`{{` without its `}}`".into());
        };
        let (trims_before, trims_after) = (action.starts_with("- "), action.ends_with(" -"));
        let action = action.strip_prefix("- ").unwrap_or(action);
        let action = action.strip_suffix(" -").unwrap_or(action).trim();
        if trims_before {
            out.truncate(out.trim_end().len());
        }
        if let Some(quoted) = literal(action) {
            out.push_str(&quoted);
        } else if let Some(name) = action.strip_prefix('.').filter(|name| is_name(name)) {
            let value =
                look(name).ok_or_else(|| format!("there is no variable `{name}` in `vars`"))?;
            out.push_str(&value);
        } else if !action.starts_with("/*") {
            return Err(format!(
                "`{{{{{action}}}}}` is not understood: `{{{{.NAME}}}}` is a variable of `vars`, `{{{{\"text\"}}}}` that text"
            ));
        }
        rest = if trims_after { after.trim_start() } else { after };
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands between braces, in which text in quotes may hold some, and what follows.
fn action(inside: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some('"'), '\\') => drop(letters.next()),
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '`') => quote = Some(letter),
            (None, '}') if inside[at..].starts_with("}}") => {
                return Some((&inside[..at], &inside[at + 2..]));
            }
            _ => {}
        }
    }
    None
}

/// Text in Go's quotes.
fn literal(action: &str) -> Option<String> {
    if let Some(raw) = action.strip_prefix('`').and_then(|it| it.strip_suffix('`')) {
        return (!raw.contains('`')).then(|| raw.to_owned());
    }
    let is_quoted = action.len() > 1 && action.starts_with('"') && action.ends_with('"');
    // JSON's escapes are among Go's.
    is_quoted.then(|| serde_json::from_str(action).ok()).flatten()
}

fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c == '_' || c.is_alphabetic());
    begins && text.chars().all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_text_are_filled_in_and_all_else_is_told() {
        let look = |name: &str| (name == "A").then(|| "1".to_owned());
        let filled = |text: &str| filled(text, &look);
        for (text, shown) in [
            ("", ""),
            ("plain } {x", "plain } {x"),
            ("404{{.A}}-{{ .A }}", "4041-1"),
            ("x {{- .A -}} y", "x1y"),
            ("{{ \"{{.A}} \\\"\" }}", "{{.A}} \""),
            ("{{`}} raw`}}", "}} raw"),
            ("{{/* a word */}}x", "x"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(shown), "{text}");
        }
        for (text, why) in [
            ("{{.B}}", "there is no variable `B`"),
            ("x {{.A", "`{{` without"),
            ("{{if .A}}x{{end}}", "`{{if .A}}` is not understood"),
            ("{{.A.B}}", "`{{.A.B}}` is not understood"),
            ("{{}}", "`{{}}` is not understood"),
            ("{{\"a\" \"b\"}}", "`{{\"a\" \"b\"}}` is not understood"),
        ] {
            let told = filled(text).unwrap_err();
            assert!(told.starts_with(why), "{text}: {told}");
        }
    }
}
