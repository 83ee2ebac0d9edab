//! Which apps a visitor may see and touch: `ns:shop,web-*`. Pure.

use serde::{Deserialize, Serialize};

/// Names and namespaces, with `*` for any characters. Without a part it means all apps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct AppPattern(Vec<String>);

impl AppPattern {
    /// Whether this app is meant.
    pub fn admits(&self, namespace: &str, name: &str) -> bool {
        let is_meant = |part: &String| match part.strip_prefix("ns:") {
            Some(wanted) => is_like(wanted, namespace),
            None => is_like(part, name),
        };
        self.0.is_empty() || self.0.iter().any(is_meant)
    }

    /// Whether it means all apps, those that are not there yet included.
    pub fn is_all(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for AppPattern {
    fn from(text: String) -> Self {
        let parts = text.split([',', ' ']).filter(|part| !part.is_empty()).map(String::from);
        let parts: Vec<_> = parts.collect();
        Self(if parts.iter().any(|part| part == "*" || part == "all") { Vec::new() } else { parts })
    }
}

impl From<AppPattern> for String {
    fn from(pattern: AppPattern) -> Self {
        pattern.0.join(",")
    }
}

/// Whether a name is as the pattern says; `*` stands for any characters. In time of both lengths' product.
fn is_like(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_namespaces_are_told_apart() {
        for (pattern, namespace, name, is_meant) in [
            ("", "a", "web", true),
            ("*", "a", "web", true),
            ("web", "a", "web", true),
            ("web", "web", "other", false),
            ("web", "a", "web2", false),
            ("web-*", "a", "web-1", true),
            ("web-*", "a", "web", false),
            ("*-1", "a", "web-1", true),
            ("w*b*1", "a", "web-b-1", true),
            ("w*b*b", "a", "web", false),
            ("ns:shop", "shop", "x", true),
            ("ns:shop", "shop2", "shop", false),
            ("ns:sh*, web", "shop", "x", true),
            ("ns:sh*,web", "a", "web", true),
            ("ns:sh*,web", "a", "x", false),
            ("订单*", "a", "订单服务", true),
        ] {
            let parsed = AppPattern::from(pattern.to_owned());
            assert_eq!(parsed.admits(namespace, name), is_meant, "{pattern} {namespace} {name}");
        }
    }
}
