//! `pull`, `backward`, `forward`: another commit of an app's repository, then its `post_update` lines, then a reload. What
//! is not committed there is never lost, and a failing line takes the repository back.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pm_config::read;
use pm_protocol::{Description, Reload};
use pm_spec::Select;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::commands::support::described::described;
use crate::commands::support::{finish, progress, resend, selectors, targets};
use crate::prelude::{Failure, Report, Session};
use pm_pm2::local;

/// Where the newest commit is remembered for `forward` on a branch that follows none.
const NEWEST: &str = "refs/pm/newest";

/// Which commit is wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    /// The newest of the branch.
    Newest,
    /// This one.
    To(&'a str),
    /// The one before.
    Backward,
    /// The one after.
    Forward,
}

/// Brings the repository of an app to another commit.
pub(crate) fn step(session: &Session, word: &str, step: Step<'_>) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &[word.to_owned()])?;
    let described = described(&mut client, select)?.descriptions;
    let Some(first) = described.first() else {
        return Err(Failure::failed(format!("no app is called {word}")));
    };
    let repository = Repository::of(first)?;
    let before = repository.head()?;
    repository.is_clean()?;
    repository.go(step)?;
    let after = repository.head()?;
    let name = first.spec.name.as_str();
    if before == after {
        let text = format!("{name} is at {} already: nothing to do", short(&after));
        return Ok(Report::said(session.console, "unchanged", &text));
    }
    session.console.talk(&format!("{name}: {} -> {}", short(&before), short(&after)));
    if let Err(failure) = updated(session, first, &repository) {
        repository.git(&["reset", "-q", "--hard", &before])?;
        return Err(failure.hint(format!("the repository is back at {}", short(&before))));
    }
    let select = vec![Select::Name(name.to_owned())];
    let asked = resend::now();
    let call = Reload { select, env: None, force: false };
    let done = progress::during(session, "reloading", || resend::renew(&mut client, &call))?;
    finish::report(session, &mut client, done.outcomes, asked, "nothing to reload")
}

/// Runs the lines of `post_update`, as the file says now.
fn updated(session: &Session, app: &Description, at: &Repository) -> Result<(), Failure> {
    let source =
        app.spec.source.as_ref().map(|file| PathBuf::from(OsStr::from_bytes(file.as_bytes())));
    let file = match source.filter(|file| file.is_file()) {
        Some(file) => file,
        None => match targets::default_file(&at.top) {
            Some(name) => at.top.join(name),
            None => return Ok(()),
        },
    };
    let lines = read::post_update(&file, app.spec.name.as_str(), &session.caller()?)
        .map_err(|diagnosis| targets::unusable(&diagnosis))?;
    for line in lines {
        session.console.talk(&format!("  - {line}"));
        let status = local(&line).current_dir(&at.top).stdout(std::io::stderr()).status();
        let status =
            status.map_err(|error| Failure::failed(format!("could not run sh: {error}")))?;
        if !status.success() {
            return Err(Failure::failed(format!("could not do post_update `{line}`: {status}")));
        }
    }
    Ok(())
}

/// A git repository on this machine.
struct Repository {
    top: PathBuf,
}

impl Repository {
    fn of(app: &Description) -> Result<Self, Failure> {
        let folder = Path::new(OsStr::from_bytes(app.spec.cwd.as_bytes()));
        let folder = Self { top: folder.to_owned() };
        let top = folder.git(&["rev-parse", "--show-toplevel"]).map_err(|failure| {
            let name = &app.spec.name;
            Failure {
                message: format!("{name} runs in no git repository: {}", failure.message),
                ..failure
            }
        })?;
        Ok(Self { top: top.into() })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.top).args(words);
        command
    }

    /// What git prints, without the last line feed.
    fn git(&self, words: &[&str]) -> Result<String, Failure> {
        let output = self.command(words).stdin(Stdio::inherit()).output();
        let output =
            output.map_err(|error| Failure::failed(format!("could not run git: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let told = told.lines().rfind(|line| !line.is_empty()).unwrap_or("it failed").to_owned();
        let verb = words.first().copied().unwrap_or_default();
        Err(Failure::failed(format!("could not git {verb}: {told}")))
    }

    fn head(&self) -> Result<String, Failure> {
        self.git(&["rev-parse", "--verify", "HEAD"])
    }

    fn is_clean(&self) -> Result<(), Failure> {
        self.git(&["diff", "--quiet", "HEAD"]).map(drop).map_err(|_| {
            let message =
                format!("there are changes in {} that are not committed", self.top.display());
            Failure::failed(message).hint("commit, stash or drop them: they would be lost")
        })
    }

    fn go(&self, step: Step<'_>) -> Result<(), Failure> {
        let commit = match step {
            Step::Newest => return self.git(&["pull", "-q", "--ff-only"]).map(drop),
            Step::To(word) => {
                // A commit may be here without a remote.
                self.git(&["fetch", "-q", "--all", "--tags"]).ok();
                let wanted = format!("{word}^{{commit}}");
                self.git(&["rev-parse", "--verify", "-q", "--end-of-options", &wanted])
                    .map_err(|_| Failure::failed(format!("there is no commit {word}")))?
            }
            Step::Backward => {
                self.remember()?;
                self.git(&["rev-parse", "--verify", "-q", "HEAD^"])
                    .map_err(|_| Failure::failed("there is no commit before this one"))?
            }
            Step::Forward => {
                let range = format!("HEAD..{}", self.newest());
                let words = ["rev-list", "--reverse", "--ancestry-path", "--first-parent", &range];
                // Where nothing newer is known, this is the newest.
                let all = self.git(&words).unwrap_or_default();
                match all.lines().next() {
                    Some(next) => next.to_owned(),
                    None => return Ok(()),
                }
            }
        };
        self.git(&["reset", "-q", "--hard", &commit]).map(drop)
    }

    /// Where `forward` may go: what the branch follows, or where `backward` began.
    fn newest(&self) -> &'static str {
        let upstream = self.git(&["rev-parse", "--verify", "-q", "@{upstream}"]);
        if upstream.is_ok() { "@{upstream}" } else { NEWEST }
    }

    /// Notes where we are, unless a newer commit is noted that leads here.
    fn remember(&self) -> Result<(), Failure> {
        if self.newest() == NEWEST
            && self.git(&["merge-base", "--is-ancestor", "HEAD", NEWEST]).is_err()
        {
            self.git(&["update-ref", NEWEST, "HEAD"])?;
        }
        Ok(())
    }
}

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
