//! What is done on one host.

use std::fmt::Write as _;

use pm_config::Deployment;

use crate::deploy::host::{Host, ended};
use crate::deploy::script;
use crate::deploy::words::Step;
use crate::refused::Refused;
use crate::shell::local;

/// The largest script sent as a `pre-setup`: it has to fit into one argument (execve(2): 128 KiB).
const LARGEST_SCRIPT: u64 = 64 << 10;

/// Takes one step and gives what is to be printed of it; `say` is told what goes on.
pub fn take(host: &Host<'_>, step: &Step, say: &dyn Fn(&str)) -> Result<String, Refused> {
    Steps { host, deployment: host.deployment, say }.take(step)
}

struct Steps<'a> {
    host: &'a Host<'a>,
    deployment: &'a Deployment,
    say: &'a dyn Fn(&str),
}

impl Steps<'_> {
    fn take(&self, step: &Step) -> Result<String, Refused> {
        let it = self.deployment;
        match step {
            Step::Setup => self.setup()?,
            Step::Update => self.deploy(&it.reference)?,
            Step::Ref(reference) => self.deploy(reference)?,
            Step::Revert(count) => {
                let commit = self.deployed(*count)?;
                self.deploy(&commit)?;
            }
            Step::Current => {
                return self.host.read("read the current commit", &script::current(it));
            }
            Step::Previous => return self.deployed(1).map(|commit| commit + "\n"),
            Step::List => return Ok(numbered(&self.deployments()?)),
            Step::Exec(line) => self.host.run("run the command", &script::exec(it, line))?,
        }
        Ok(String::new())
    }

    fn say(&self, text: &str) {
        (self.say)(&format!("  - {text}"));
    }

    fn setup(&self) -> Result<(), Refused> {
        let it = self.deployment;
        if let Some(line) = &it.hooks.pre_setup {
            self.say(&format!("pre-setup: {line}"));
            self.host.run("do pre-setup", &pre_setup(line)?)?;
        }
        self.host.run("make the folders", &script::folders(it))?;
        self.say(&format!("cloning {}", it.repo));
        self.host.run("clone", &script::clone(it)).map_err(|failure| {
            or_hint(
                failure,
                "if it was set up before, leave out `setup`: that updates what is there",
            )
        })?;
        self.host.run("link `current`", &script::link(it))?;
        self.hook("post-setup", it.hooks.post_setup.as_ref(), &[])
    }

    fn deploy(&self, reference: &str) -> Result<(), Refused> {
        if reference.starts_with('-') {
            return Err(Refused::input(format!("`{reference}` is no branch, tag or commit")));
        }
        let it = self.deployment;
        self.say(&format!("deploying {reference}"));
        if let Some(line) = &it.hooks.pre_deploy_local {
            self.say(&format!("pre-deploy-local: {line}"));
            self.here(line)?;
        }
        self.hook("pre-deploy", it.hooks.pre_deploy.as_ref(), &[])?;
        self.say("fetching");
        self.host.run("fetch", &script::fetch(it))?;
        self.host.run(&format!("check {reference} out"), &script::reset(it, reference))?;
        self.host.run("link `current`", &script::link(it))?;
        self.host.run("write the deployment down", &script::note(it))?;
        self.hook("post-deploy", it.hooks.post_deploy.as_ref(), &it.env)
    }

    fn hook(
        &self,
        name: &str,
        line: Option<&String>,
        env: &[(String, String)],
    ) -> Result<(), Refused> {
        let Some(line) = line else { return Ok(()) };
        self.say(&format!("{name}: {line}"));
        self.host.run(&format!("do {name}"), &script::hook(self.deployment, line, env))
    }

    fn here(&self, line: &str) -> Result<(), Refused> {
        let mut command = local(line);
        if !self.host.shows {
            command.stdout(std::io::stderr());
        }
        let failed = |why: String| Refused::failed(format!("could not do pre-deploy-local: {why}"));
        let status = command.status().map_err(|error| failed(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(failed(ended(status))) }
    }

    /// Commits in the order they were deployed.
    fn deployments(&self) -> Result<Vec<String>, Refused> {
        let what = "read the list of deployments";
        let text = self.host.read(what, &script::deployments(self.deployment))?;
        let commit = |line: &str| line.split_whitespace().next().map(str::to_owned);
        Ok(text.lines().filter_map(commit).collect())
    }

    /// The commit so many deployments before the last one.
    fn deployed(&self, before: usize) -> Result<String, Refused> {
        let all = self.deployments()?;
        let found = all.iter().rev().nth(before).cloned();
        found.filter(|commit| is_commit(commit)).ok_or_else(|| {
            let message = format!(
                "could not go back {before} on {}: it has had {} deployments",
                self.host.name,
                all.len()
            );
            Refused::failed(message)
        })
    }
}

/// A failure with this hint, unless it knows better.
fn or_hint(failure: Refused, hint: &str) -> Refused {
    if failure.hint.is_some() { failure } else { failure.hint(hint) }
}

/// Whether a line of the list is a commit: the file lies on the host, where others may write.
fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// PM2's list: the last one first, counted from 0.
fn numbered(commits: &[String]) -> String {
    let mut text = String::new();
    for (number, commit) in commits.iter().rev().enumerate() {
        // Writing to a text can't fail.
        writeln!(text, "{number}\t{commit}").unwrap_or_default();
    }
    text
}

/// A line for the host, or the content of a script that lies here (PM2).
fn pre_setup(line: &str) -> Result<String, Refused> {
    let is_script =
        std::fs::metadata(line).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST_SCRIPT);
    if !is_script {
        return Ok(line.into());
    }
    std::fs::read_to_string(line).map_err(|error| {
        Refused::input(format!("could not read the pre-setup script {line}: {error}"))
    })
}
