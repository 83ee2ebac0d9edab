//! `pm deploy`: a git repository to hosts over OpenSSH, with hooks (PM2's `deploy`). Hosts are done one after the other,
//! and the first failure ends everything.

mod host;
mod script;
mod words;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::CommandFactory;
use pm_config::{Deployment, read};

use crate::boot::shell;
use crate::cli::{Cli, DeployArgs};
pub(super) use crate::commands::deploy::host::local;
use crate::commands::deploy::host::{Host, ended};
use crate::commands::deploy::words::{Step, Words};
use crate::commands::support::targets;
use crate::failure::{Exit, Failure};
use crate::report::Report;
use crate::session::Session;

/// The largest script sent as a `pre-setup`: it has to fit into one argument (execve(2): 128 KiB).
const LARGEST_SCRIPT: u64 = 64 << 10;

/// `pm deploy`.
pub(super) fn run(session: &Session, args: &DeployArgs) -> Result<Report, Failure> {
    let Some(words) = words::parse(&args.words)? else { return Ok(help(session)) };
    let caller = session.caller()?;
    let file = file(&words, &caller.cwd)?;
    let mut deployment = read::deployment(&file, &words.environment, &caller)
        .map_err(|diagnosis| targets::unusable(&diagnosis))?;
    for warning in &deployment.warnings {
        session.console.talk(&warning.to_string());
    }
    if !deployment.path.starts_with(['/', '~']) {
        // PM2's rule: seen from the folder of the caller.
        let path = targets::absolute(&caller.cwd, Path::new(&deployment.path));
        deployment.path = path.to_string_lossy().into_owned();
    }
    if deployment.hooks.post_deploy.is_none() {
        deployment.hooks.post_deploy = Some(again(&file, &words.environment));
    }
    if matches!(words.step, Step::Update | Step::Ref(_)) && !words.is_forced {
        nothing_is_left_behind()?;
    }
    session.console.talk(&format!("--> deploying to {}", words.environment));
    let mut told = String::new();
    for name in &deployment.hosts {
        session.console.talk(&format!("--> on host {name}"));
        let host = Host { deployment: &deployment, name, shows: !session.console.json };
        let line = Line { session, deployment: &deployment, host };
        told += &line.take(&words.step)?;
    }
    session.console.talk("--> success");
    Ok(if told.is_empty() { Report::default() } else { Report::text(session.console, told) })
}

fn help(session: &Session) -> Report {
    let mut grammar = Cli::command();
    grammar.build();
    let deploy = grammar.find_subcommand_mut("deploy");
    Report::text(session.console, deploy.map(|it| it.render_help().to_string()).unwrap_or_default())
}

/// The config named, or the one that lies here.
fn file(words: &Words, cwd: &Path) -> Result<PathBuf, Failure> {
    if let Some(file) = &words.file {
        return Ok(file.into());
    }
    let package = || cwd.join("package.json").is_file().then(|| "package.json".into());
    targets::default_file(cwd).or_else(package).ok_or_else(|| {
        Failure::input("could not find a config here: ecosystem.json5 and its kin, or package.json")
            .hint("`pm deploy FILE ENVIRONMENT`")
    })
}

/// What is run at the end where nothing else is said (PM2): the file's apps are started or restarted there.
fn again(file: &Path, environment: &str) -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let program = if name.starts_with("pm2") { "pm2" } else { "pm" };
    format!(
        "{program} startOrRestart {} --env {}",
        shell(&file.to_string_lossy()),
        shell(environment)
    )
}

/// What is deployed comes from the repository, not from here: changes that are not there yet would be missed.
fn nothing_is_left_behind() -> Result<(), Failure> {
    let git = |args: &[&str]| Command::new("git").args(args).stderr(Stdio::null()).output();
    let is_repository = git(&["rev-parse", "--is-inside-work-tree"]);
    if !is_repository.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    for (args, what) in [
        (&["diff", "--quiet"][..], "there are changes that are not committed here"),
        (&["diff", "--quiet", "--cached"], "there are staged changes that are not committed here"),
    ] {
        if !git(args).is_ok_and(|output| output.status.success()) {
            return Err(left_behind(what, "commit or stash them"));
        }
    }
    // A branch that follows none has nothing to be compared with.
    let ahead = git(&["rev-list", "@{upstream}..", "-n", "1"]);
    if ahead.is_ok_and(|output| output.status.success() && !output.stdout.is_empty()) {
        return Err(left_behind("there are commits that are not pushed", "push them"));
    }
    Ok(())
}

fn left_behind(what: &str, cure: &str) -> Failure {
    Failure::new(Exit::Failed, format!("could not deploy: {what}"))
        .hint(format!("{cure}, or deploy what is in the repository with --force"))
}

/// What is done on one host.
struct Line<'a> {
    session: &'a Session,
    deployment: &'a Deployment,
    host: Host<'a>,
}

impl Line<'_> {
    /// Takes one step; gives what is to be printed of it.
    fn take(&self, step: &Step) -> Result<String, Failure> {
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
        self.session.console.talk(&format!("  - {text}"));
    }

    fn setup(&self) -> Result<(), Failure> {
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

    fn deploy(&self, reference: &str) -> Result<(), Failure> {
        if reference.starts_with('-') {
            return Err(Failure::input(format!("`{reference}` is no branch, tag or commit")));
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
    ) -> Result<(), Failure> {
        let Some(line) = line else { return Ok(()) };
        self.say(&format!("{name}: {line}"));
        self.host.run(&format!("do {name}"), &script::hook(self.deployment, line, env))
    }

    fn here(&self, line: &str) -> Result<(), Failure> {
        let mut command = local(line);
        if !self.host.shows {
            command.stdout(std::io::stderr());
        }
        let failed = |why: String| {
            Failure::new(Exit::Failed, format!("could not do pre-deploy-local: {why}"))
        };
        let status = command.status().map_err(|error| failed(error.to_string()))?;
        if status.success() { Ok(()) } else { Err(failed(ended(status))) }
    }

    /// Commits in the order they were deployed.
    fn deployments(&self) -> Result<Vec<String>, Failure> {
        let what = "read the list of deployments";
        let text = self.host.read(what, &script::deployments(self.deployment))?;
        let commit = |line: &str| line.split_whitespace().next().map(str::to_owned);
        Ok(text.lines().filter_map(commit).collect())
    }

    /// The commit so many deployments before the last one.
    fn deployed(&self, before: usize) -> Result<String, Failure> {
        let all = self.deployments()?;
        let found = all.iter().rev().nth(before).cloned();
        found.filter(|commit| is_commit(commit)).ok_or_else(|| {
            let message = format!(
                "could not go back {before} on {}: it has had {} deployments",
                self.host.name,
                all.len()
            );
            Failure::new(Exit::Failed, message)
        })
    }
}

/// A failure with this hint, unless it knows better.
fn or_hint(failure: Failure, hint: &str) -> Failure {
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
fn pre_setup(line: &str) -> Result<String, Failure> {
    let is_script =
        std::fs::metadata(line).is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST_SCRIPT);
    if !is_script {
        return Ok(line.into());
    }
    std::fs::read_to_string(line).map_err(|error| {
        Failure::input(format!("could not read the pre-setup script {line}: {error}"))
    })
}
