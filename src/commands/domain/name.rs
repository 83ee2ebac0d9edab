//! A domain as it may stand in another program's config: nothing in it can mean anything else there.

use crate::prelude::Failure;

/// A file is called by it, and file names end at 255 bytes.
const LONGEST: usize = 240;

/// Letters, digits, hyphens and dots, in small letters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DomainName(String);

impl DomainName {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let refused = |why: &str| {
            let shown = text.escape_debug();
            let failure = Failure::input(format!("could not use `{shown}` as a domain: {why}"));
            Err(failure.hint("write it like shop.example.org"))
        };
        if !text.is_ascii() {
            let failure = Failure::input(format!(
                "could not use `{}` as a domain: it has letters beyond ASCII",
                text.escape_debug()
            ));
            return Err(failure.hint("write it as the registry has it, with xn-- in front"));
        }
        let labels: Vec<_> = text.split('.').collect();
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if text.len() > LONGEST {
            return refused("it is too long");
        }
        if text.contains('*') {
            return refused("a star would need a certificate that takes more than this");
        }
        if labels.len() < 2 {
            return refused("it has no dot");
        }
        for label in &labels {
            if label.is_empty() || label.len() > 63 {
                return refused("between dots stand 1 to 63 letters");
            }
            if !label.chars().all(is_letter) || label.starts_with('-') || label.ends_with('-') {
                return refused("only letters, digits, and hyphens between them, may stand in it");
            }
        }
        if labels.last().is_some_and(|last| last.chars().all(|c| c.is_ascii_digit())) {
            return refused("it looks like an address in numbers");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_domain_is_one() {
        for (text, is) in [
            ("shop.example.org", "shop.example.org"),
            ("Shop.Example.ORG", "shop.example.org"),
            ("xn--fiqs8s.example", "xn--fiqs8s.example"),
            ("1.example", "1.example"),
        ] {
            assert_eq!(DomainName::parse(text).unwrap().as_str(), is);
        }
        let long = format!("{}.org", "a".repeat(64));
        let longer = "a.".repeat(125) + "org";
        for text in [
            "",
            ".",
            "shop",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "a-.b",
            "a_b.c",
            "*.a.b",
            "a b.c",
            "a.b\n",
            "a.b;",
            "a.b{",
            "a.b}c",
            "{$HOME}.b",
            "a.b/c",
            "../a.b",
            "a.b:80",
            "a.b#",
            "\"a.b\"",
            "a.b,c.d",
            "127.0.0.1",
            "[::1]",
            "中文.example",
            "a.b\0",
            "$(id).b",
            "a.$b",
            &long,
            &longer,
        ] {
            assert!(DomainName::parse(text).is_err(), "{text}");
        }
    }
}
