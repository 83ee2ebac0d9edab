//! The repository an app runs in, for `pull`, `backward` and `forward`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::refused::Refused;

/// Where the newest commit is remembered for `forward` on a branch that follows none.
const NEWEST: &str = "refs/pm/newest";

/// Which commit is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// The newest of the branch.
    Newest,
    /// This one.
    To(&'a str),
    /// The one before.
    Backward,
    /// The one after.
    Forward,
}

/// A git repository on this machine.
#[derive(Debug)]
pub struct Repository {
    /// Its uppermost folder.
    pub top: PathBuf,
}

impl Repository {
    /// The one in which a folder lies.
    pub fn around(folder: &Path) -> Result<Self, Refused> {
        let folder = Self { top: folder.to_owned() };
        Ok(Self { top: folder.git(&["rev-parse", "--show-toplevel"])?.into() })
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.top).args(words);
        command
    }

    /// What git prints, without the last line feed.
    pub fn git(&self, words: &[&str]) -> Result<String, Refused> {
        let output = self.command(words).stdin(Stdio::inherit()).output();
        let output =
            output.map_err(|error| Refused::failed(format!("could not run git: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
        }
        let told = String::from_utf8_lossy(&output.stderr);
        let told = told.lines().rfind(|line| !line.is_empty()).unwrap_or("it failed").to_owned();
        let verb = words.first().copied().unwrap_or_default();
        Err(Refused::failed(format!("could not git {verb}: {told}")))
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<String, Refused> {
        self.git(&["rev-parse", "--verify", "HEAD"])
    }

    /// Refuses where something would be lost.
    pub fn is_clean(&self) -> Result<(), Refused> {
        self.git(&["diff", "--quiet", "HEAD"]).map(drop).map_err(|_| {
            let message =
                format!("there are changes in {} that are not committed", self.top.display());
            Refused::failed(message).hint("commit, stash or drop them: they would be lost")
        })
    }

    /// Checks another commit out.
    pub fn go(&self, step: Step<'_>) -> Result<(), Refused> {
        let commit = match step {
            Step::Newest => return self.git(&["pull", "-q", "--ff-only"]).map(drop),
            Step::To(word) => {
                // A commit may be here without a remote.
                self.git(&["fetch", "-q", "--all", "--tags"]).ok();
                let wanted = format!("{word}^{{commit}}");
                self.git(&["rev-parse", "--verify", "-q", "--end-of-options", &wanted])
                    .map_err(|_| Refused::failed(format!("there is no commit {word}")))?
            }
            Step::Backward => {
                self.remember()?;
                self.git(&["rev-parse", "--verify", "-q", "HEAD^"])
                    .map_err(|_| Refused::failed("there is no commit before this one"))?
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
    fn remember(&self) -> Result<(), Refused> {
        if self.newest() == NEWEST
            && self.git(&["merge-base", "--is-ancestor", "HEAD", NEWEST]).is_err()
        {
            self.git(&["update-ref", NEWEST, "HEAD"])?;
        }
        Ok(())
    }
}
