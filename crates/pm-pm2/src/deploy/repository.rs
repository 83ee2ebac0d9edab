//! The repository we stand in. What is deployed comes from elsewhere: changes that are not there yet would be missed.

use std::process::{Command, Stdio};

use crate::refused::Refused;

/// Refuses where something here is not in the repository that is deployed.
pub fn nothing_is_left_behind() -> Result<(), Refused> {
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

fn left_behind(what: &str, cure: &str) -> Refused {
    Refused::failed(format!("could not deploy: {what}"))
        .hint(format!("{cure}, or deploy what is in the repository with --force"))
}
