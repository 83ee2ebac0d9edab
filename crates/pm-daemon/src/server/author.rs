//! Who asks, in words for people: what the kernel says of the caller first, then what the caller says itself, which is shown
//! and never trusted.

use std::sync::Arc;

use pm_protocol::Introduction;

/// So many characters of each thing a caller says about itself are kept.
const MOST: usize = 120;

/// `ann (uid 1000) with `pm stop web`, from ssh 10.0.0.5`.
pub(super) fn author(uid: Option<u32>, said: Option<&Introduction>) -> Option<Arc<str>> {
    let uid = uid?;
    let said = said.cloned().unwrap_or_default();
    let short = |text: String| -> String { text.chars().take(MOST).collect() };
    let sudo = said.sudo.map(|name| format!(", sudo by {}", short(name))).unwrap_or_default();
    let name = if uid == 0 { Some("root".into()) } else { said.user.map(short) };
    let who = match name {
        Some(name) => format!("{name} (uid {uid}{sudo})"),
        None => format!("uid {uid}{sudo}"),
    };
    let command = said.command.map(|line| format!(" with `{}`", short(line)));
    let ssh = said.ssh.map(|address| format!(", from ssh {}", short(address)));
    Some((who + &command.unwrap_or_default() + &ssh.unwrap_or_default()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_told_by_the_kernels_word_first() {
        let text = |text: &str| Some(text.to_owned());
        let all = Introduction {
            user: text("ann"),
            command: text("pm stop web"),
            sudo: text("ann"),
            ssh: text("10.0.0.5"),
        };
        let told = author(Some(0), Some(&all)).unwrap();
        assert_eq!(&*told, "root (uid 0, sudo by ann) with `pm stop web`, from ssh 10.0.0.5");
        let ann = Introduction { sudo: None, ssh: None, ..all.clone() };
        let told = author(Some(1000), Some(&ann)).unwrap();
        assert_eq!(&*told, "ann (uid 1000) with `pm stop web`");
        assert_eq!(author(Some(1000), None).as_deref(), Some("uid 1000"));
        assert_eq!(author(None, Some(&all)), None);
        let long = Introduction { command: Some("x".repeat(9999)), ..Introduction::default() };
        assert!(author(Some(7), Some(&long)).unwrap().len() < 200);
    }
}
