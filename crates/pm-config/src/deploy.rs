//! The `deploy` section of a config: where a repository goes and what is run around it (PM2's keys). It runs nothing.
//!
//! What could be read as an option by `ssh` or `git` is refused here, so that no value ever changes a command.

use pm_spec::ByteString;

use crate::diagnose::{ConfigPlace, Diagnostic, Finding, Findings, quoted};
use crate::keys::nearest;
use crate::tree::{ConfigNode, TableEntry};

/// One environment of the `deploy` section.
#[derive(Clone, Debug, Default)]
pub struct Deployment {
    /// Its hosts, at least one; `localhost` is this machine.
    pub hosts: Vec<String>,
    /// Whom to log in as.
    pub user: Option<String>,
    /// The key file for `ssh -i`, as written.
    pub key: Option<String>,
    /// The port of sshd.
    pub port: Option<u16>,
    /// Values for `ssh -o`.
    pub ssh_options: Vec<String>,
    /// Whether the agent is forwarded (`ssh -A`).
    pub forward_agent: bool,
    /// Whether commands want a terminal (`ssh -t`).
    pub needs_tty: bool,
    /// What git clones.
    pub repo: String,
    /// What is checked out if nothing else is asked for: `origin/main`.
    pub reference: String,
    /// The folder on the host, as written.
    pub path: String,
    /// Whether only the last commits are fetched (`fetch: "fast"`).
    pub fast: bool,
    /// Variables for `post-deploy`, in the order of the file.
    pub env: Vec<(String, String)>,
    /// The user's own shell lines.
    pub hooks: Hooks,
    /// What works but perhaps not as meant.
    pub warnings: Vec<Diagnostic>,
}

/// Lines for a shell, run on purpose.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// On the host before anything is there; a local file is sent as a script.
    pub pre_setup: Option<String>,
    /// In `current`, once it is cloned.
    pub post_setup: Option<String>,
    /// Here, before each deployment.
    pub pre_deploy_local: Option<String>,
    /// In `current`, before new commits are fetched.
    pub pre_deploy: Option<String>,
    /// In `current`, at the end.
    pub post_deploy: Option<String>,
}

const KEYS: &str = "user host repo ref path key port ssh_options forward-agent needs_tty fetch env pre-setup post-setup \
     pre-deploy-local pre-deploy post-deploy";

/// The environment called `name` in a document.
pub(crate) fn deployment(
    root: &ConfigNode,
    name: &str,
    findings: &mut Findings,
) -> Option<Deployment> {
    let (at, entries) = findings.take(environment(root, name))?;
    let mut target = DeployTarget { at, entries, findings };
    target.judge_keys();
    Some(target.read())
}

fn environment<'r>(
    root: &'r ConfigNode,
    name: &str,
) -> Result<(ConfigPlace, &'r [TableEntry]), Finding> {
    let Some(section) = root.value.get("deploy") else {
        let hint = "deploy: { production: { host, repo, ref, path } }";
        return Err(Finding::error(ConfigPlace::Whole, "there is no `deploy` section").hint(hint));
    };
    let environments = table(section, "`deploy`")?;
    let Some(node) = section.value.get(name) else {
        let names = || environments.iter().map(|entry| entry.key.as_str());
        let message = format!("{} is not defined in `deploy`", quoted(name));
        let all = format!("it has: {}", names().collect::<Vec<_>>().join(", "));
        let finding = Finding::error(section.at, message);
        return Err(finding.hint(all).near(nearest(name, names())));
    };
    Ok((node.at, table(node, &quoted(name))?))
}

fn table<'r>(node: &'r ConfigNode, what: &str) -> Result<&'r [TableEntry], Finding> {
    let kind = node.value.kind();
    let wrong = || Finding::error(node.at, format!("{what} must be an object, not {kind}"));
    node.value.as_table().ok_or_else(wrong)
}

/// All environments, as somebody looks at them who deploys nothing: only `deploy` would stumble over what is found.
pub(crate) fn judge(root: &ConfigNode, findings: &mut Findings) {
    let Some(section) = root.value.get("deploy") else { return };
    let mut own = findings.apart();
    for entry in own.take(table(section, "`deploy`")).unwrap_or_default() {
        if let Some(entries) = own.take(table(&entry.node, &quoted(&entry.key))) {
            let mut target = DeployTarget { at: entry.at, entries, findings: &mut own };
            target.judge_keys();
            target.read();
        }
    }
    own.make_strict(" (strict: only `deploy` needs it)");
    findings.absorb(own, None);
}

/// Shell lines: one, or a list of them.
pub(crate) fn lines(node: &ConfigNode, findings: &mut Findings) -> Vec<String> {
    let mut lines = Vec::new();
    for node in node.each() {
        let text = node.value.as_text().and_then(|text| std::str::from_utf8(text.as_bytes()).ok());
        match text.filter(|text| !text.contains('\0')) {
            Some(line) => lines.push(line.to_owned()),
            None => findings.add(Finding::error(node.at, "a shell line is a string")),
        }
    }
    lines
}

/// One environment as written.
struct DeployTarget<'a> {
    at: ConfigPlace,
    entries: &'a [TableEntry],
    findings: &'a mut Findings,
}

impl<'a> DeployTarget<'a> {
    fn read(&mut self) -> Deployment {
        Deployment {
            hosts: self.hosts(),
            user: self.safe("user"),
            key: self.text("key"),
            port: self.port(),
            ssh_options: self.list("ssh_options"),
            forward_agent: self.switch("forward-agent"),
            needs_tty: self.switch("needs_tty"),
            repo: self.must("repo").unwrap_or_default(),
            reference: self.must("ref").unwrap_or_default(),
            path: self.must("path").unwrap_or_default(),
            fast: self.text("fetch").as_deref() == Some("fast"),
            env: self.env(),
            hooks: Hooks {
                pre_setup: self.text("pre-setup"),
                post_setup: self.text("post-setup"),
                pre_deploy_local: self.text("pre-deploy-local"),
                pre_deploy: self.text("pre-deploy"),
                post_deploy: self.text("post-deploy"),
            },
            warnings: Vec::new(),
        }
    }

    fn judge_keys(&mut self) {
        let keys = || KEYS.split(' ');
        let unknown = |entry: &&TableEntry| keys().all(|key| key != entry.key);
        for entry in self.entries.iter().filter(unknown) {
            let message = format!("unknown key {}; it is ignored", quoted(&entry.key));
            let near = nearest(&entry.key, keys());
            self.findings.add(Finding::warning(entry.at, message).near(near));
        }
    }

    /// A key that is set; the last of several wins, as in JavaScript, and what is falsy is not set, as in PM2.
    fn get(&self, key: &str) -> Option<&'a ConfigNode> {
        let entry = self.entries.iter().rfind(|entry| entry.key == key)?;
        (!entry.node.value.is_falsy()).then_some(&entry.node)
    }

    /// Text; a number is taken for its digits.
    fn text(&mut self, key: &'static str) -> Option<String> {
        let node = self.get(key)?;
        self.as_text(key, node)
    }

    fn as_text(&mut self, key: &str, node: &ConfigNode) -> Option<String> {
        let word = node.value.as_name();
        let text = word.and_then(|word| String::from_utf8(word.into_bytes()).ok());
        let text = text.filter(|text| !text.contains('\0'));
        if text.is_none() {
            let message = format!("`{key}` must be a string, not {}", node.value.kind());
            self.findings.add(Finding::error(node.at, message));
        }
        text
    }

    /// Text that stands where a program could take it for an option.
    fn safe(&mut self, key: &'static str) -> Option<String> {
        let at = self.get(key)?.at;
        let text = self.text(key)?;
        self.checked(key, at, text)
    }

    fn checked(&mut self, key: &str, at: ConfigPlace, text: String) -> Option<String> {
        let odd = |c: char| c.is_control() || (key == "host" && c.is_whitespace());
        if text.starts_with('-') || text.contains(odd) {
            let message = format!("`{key}` can't be {}", quoted(&text));
            self.findings.add(Finding::error(at, message).hint("it would be read as an option"));
            return None;
        }
        Some(text)
    }

    /// As [`Self::safe`], and it has to be there.
    fn must(&mut self, key: &'static str) -> Option<String> {
        self.miss(key);
        self.safe(key)
    }

    fn miss(&mut self, key: &str) {
        if self.get(key).is_none() {
            self.findings.add(Finding::error(self.at, format!("`{key}` is not set")));
        }
    }

    fn hosts(&mut self) -> Vec<String> {
        self.miss("host");
        let hosts = self.nodes("host").into_iter();
        hosts.filter_map(|(at, host)| self.checked("host", at, host)).collect()
    }

    /// One text, or a list of texts.
    fn list(&mut self, key: &'static str) -> Vec<String> {
        self.nodes(key).into_iter().map(|(_, text)| text).collect()
    }

    fn nodes(&mut self, key: &'static str) -> Vec<(ConfigPlace, String)> {
        let Some(node) = self.get(key) else { return Vec::new() };
        node.each().iter().filter_map(|node| Some((node.at, self.as_text(key, node)?))).collect()
    }

    fn port(&mut self) -> Option<u16> {
        let at = self.get("port")?.at;
        let text = self.text("port")?;
        let port = text.parse().ok();
        if port.is_none() {
            let message = format!("`port` must be a number up to 65535, not {}", quoted(&text));
            self.findings.add(Finding::error(at, message));
        }
        port
    }

    /// `true`, or any word that does not mean no: PM2's manual writes `"yes"`.
    fn switch(&mut self, key: &'static str) -> bool {
        self.get(key).is_some_and(|node| match node.value.as_text().map(ByteString::as_bytes) {
            Some(b"no" | b"false" | b"off" | b"0") => false,
            Some(_) | None => true,
        })
    }

    fn env(&mut self) -> Vec<(String, String)> {
        let Some(node) = self.get("env") else { return Vec::new() };
        let Some(entries) = self.findings.take(table(node, "`env`")) else { return Vec::new() };
        let mut env = Vec::new();
        for entry in entries {
            let bytes = entry.node.value.to_bytes();
            match std::str::from_utf8(bytes.as_bytes()) {
                Ok(value) if is_name(&entry.key) && !value.contains('\0') => {
                    env.push((entry.key.clone(), value.to_owned()));
                }
                Ok(_) | Err(_) => {
                    let message = format!("no shell has a variable {}", quoted(&entry.key));
                    self.findings.add(Finding::error(entry.at, message));
                }
            }
        }
        env
    }
}

/// Whether a POSIX shell can have a variable of this name.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{ConfigFormat, decode};

    fn read(text: &str) -> Result<Deployment, String> {
        let mut findings = Findings::default();
        let root = decode(text, ConfigFormat::Json5, &mut findings);
        let read = root.and_then(|root| deployment(&root, "prod", &mut findings));
        let failed = findings.has_errors();
        let told = findings.into_diagnostics("d.json5", text);
        let told: Vec<_> = told.iter().map(|one| one.message.clone()).collect();
        read.filter(|_| !failed).ok_or_else(|| told.join("; "))
    }

    fn target(inside: &str) -> Result<Deployment, String> {
        read(&format!(
            "{{deploy: {{prod: {{host: 'h', repo: 'r', ref: 'o/m', path: '/p', {inside}}}}}}}"
        ))
    }

    #[test]
    fn everything_pm2_has_is_read() {
        let read = target(
            "user: 'ann', host: ['a', 'b'], key: '~/k', port: '2222', ssh_options: 'A=b', \
             'forward-agent': 'yes', needs_tty: true, fetch: 'fast', env: {A: 1, b_2: 'x y'}, \
             'pre-setup': '1', 'post-setup': '2', 'pre-deploy-local': '3', 'pre-deploy': '4', \
             'post-deploy': '5'",
        )
        .unwrap();
        assert_eq!((read.hosts.len(), read.port, read.fast), (2, Some(2222), true));
        assert!(read.forward_agent && read.needs_tty);
        assert_eq!(read.ssh_options, ["A=b"]);
        assert_eq!(read.env, [("A".into(), "1".into()), ("b_2".into(), "x y".into())]);
        assert_eq!(read.hooks.post_deploy.as_deref(), Some("5"));
        assert!(!target("needs_tty: 'no', 'forward-agent': ''").unwrap().needs_tty);
    }

    #[test]
    fn what_would_change_a_command_is_refused() {
        for (inside, told) in [
            ("host: '-oProxyCommand=x'", "`host` can't be"),
            ("host: ['a', '-b']", "`host` can't be"),
            ("host: 'a b'", "`host` can't be"),
            ("user: '-x'", "`user` can't be"),
            ("repo: '--upload-pack=x'", "`repo` can't be"),
            ("ref: '--exec'", "`ref` can't be"),
            ("path: '-rf'", "`path` can't be"),
            ("path: 'a\\nb'", "`path` can't be"),
            ("env: {'A;reboot': 1}", "no shell has a variable"),
            ("port: 'ssh'", "`port` must be a number"),
            ("host: 7.5", "`host` must be a string"),
            ("repo: ''", "`repo` is not set"),
        ] {
            let error = target(inside).unwrap_err();
            assert!(error.contains(told), "{inside}: {error}");
        }
    }

    #[test]
    fn missing_parts_are_named() {
        for (text, told) in [
            ("{apps: []}", "there is no `deploy` section"),
            ("{deploy: []}", "`deploy` must be an object"),
            ("{deploy: {production: {}}}", "`prod` is not defined"),
            ("{deploy: {prod: 1}}", "`prod` must be an object"),
            ("{deploy: {prod: {}}}", "`host` is not set; `repo` is not set; `ref` is not set"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
