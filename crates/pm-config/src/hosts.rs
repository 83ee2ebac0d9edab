//! `hosts`: groups of machines by name, for `pm -H @GROUP`.

use pm_spec::ByteString;

use crate::diagnose::{Finding, Findings, quoted};
use crate::keys::nearest;
use crate::tree::ConfigNode;

/// Whether `ssh` takes it for a host and for nothing else.
pub fn is_host(name: &str) -> bool {
    let is_plain =
        |c: char| !c.is_whitespace() && !c.is_control() && !"'\"\\`$,;&|<>()".contains(c);
    !name.is_empty() && !name.starts_with(['-', '@']) && name.chars().all(is_plain)
}

/// The hosts of a group of a document.
pub(crate) fn group(root: &ConfigNode, name: &str, findings: &mut Findings) -> Option<Vec<String>> {
    let section = root.value.get("hosts");
    let groups = section.and_then(|node| node.value.as_table()).unwrap_or_default();
    let Some(entry) = groups.iter().rfind(|entry| entry.key == name) else {
        let at = section.map_or(crate::ConfigPlace::Whole, |node| node.at);
        let message = format!("there is no group {} in `hosts`", quoted(name));
        let finding = Finding::error(at, message).hint("hosts: { web: ['web1', 'web2'] }");
        let near = nearest(name, groups.iter().map(|entry| entry.key.as_str()));
        findings.add(finding.near(near));
        return None;
    };
    Some(hosts(&entry.node, findings))
}

/// All groups, as somebody looks at them who goes nowhere.
pub(crate) fn judge(root: &ConfigNode, findings: &mut Findings) {
    let Some(section) = root.value.get("hosts") else { return };
    let Some(groups) = section.value.as_table() else {
        let message = format!("`hosts` must be an object of lists, not {}", section.value.kind());
        findings.add(Finding::error(section.at, message).hint("hosts: { web: ['web1', 'web2'] }"));
        return;
    };
    for entry in groups {
        hosts(&entry.node, findings);
    }
}

fn hosts(node: &ConfigNode, findings: &mut Findings) -> Vec<String> {
    let mut hosts = Vec::new();
    for node in node.each() {
        let text = node.value.as_text().map(ByteString::display);
        match text.filter(|text| is_host(text)) {
            Some(host) => hosts.push(host.into_owned()),
            None => findings.add(
                Finding::error(node.at, "a host is a name as `ssh` takes it")
                    .hint("web1, deploy@web1 or ssh://deploy@web1:2222"),
            ),
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::is_host;

    #[test]
    fn nothing_but_a_host_is_a_host() {
        for good in ["web1", "ann@10.0.0.7", "ssh://ann@web1:2222", "fe80::1%eth0", "web.example"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "-oProxyCommand=id", "@web", "a b", "a\n", "a;id", "$(id)", "a,b", "'"] {
            assert!(!is_host(bad), "{bad}");
        }
    }
}
