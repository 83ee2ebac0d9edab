//! Lines for a shell.

use std::process::Command;

/// A word of a POSIX shell.
pub fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What runs a script given as its `$0`, whatever shell the user logs in with: bash, for which PM2's users write their
/// hooks, or `sh`.
pub(crate) const RUNNER: &str =
    "command -v bash >/dev/null 2>&1 && exec bash -c \"$0\"; exec sh -c \"$0\"";

/// A script on this machine.
pub fn local(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", RUNNER, script]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_it_has_to_be() {
        assert_eq!(shell("/usr/bin/pm"), "/usr/bin/pm");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell(""), "''");
    }
}
