//! The words of `pm deploy` to what is meant. Pure.

use pm_config::is_config_name;

use crate::error::Pm2Error;

/// What to do on the hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeployStep {
    /// Folders, the first clone.
    Setup,
    /// Deploy what the config names.
    Update,
    /// Go back so many deployments.
    Revert(usize),
    /// Show the commit that is checked out.
    Current,
    /// Show the commit before it.
    Previous,
    /// A shell line.
    Exec(String),
    /// Show all deployments.
    List,
    /// Deploy this branch, tag or commit.
    Ref(String),
}

/// A call of `pm deploy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployWords {
    /// The config, if it is named.
    pub file: Option<String>,
    /// Which part of the config.
    pub environment: String,
    /// What to do.
    pub step: DeployStep,
    /// Whether local changes do not matter.
    pub is_forced: bool,
}

/// What is meant; `None` is a question for help.
pub fn parse(words: &[String]) -> Result<Option<DeployWords>, Pm2Error> {
    let is_line = |word: &String| matches!(word.as_str(), "exec" | "run");
    let line = words.iter().position(is_line).unwrap_or(words.len());
    let (own, line) = words.split_at(line);
    if own.iter().any(|word| matches!(word.as_str(), "-h" | "--help" | "help")) {
        return Ok(None);
    }
    let is_force = |word: &&String| matches!(word.as_str(), "-f" | "-F" | "--force");
    let is_forced = own.iter().any(|word| is_force(&word));
    let mut own = own.iter().filter(|word| !is_force(word)).map(String::as_str).peekable();
    if let Some(odd) = own.clone().find(|word| word.starts_with('-')) {
        return Err(Pm2Error::input(format!("deploy has no option {odd}"))
            .hint("`pm deploy --help` says what there is"));
    }
    let file = own.next_if(|word| is_config_name(word).is_some()).map(str::to_owned);
    let Some(environment) = own.next().map(str::to_owned) else {
        return if file.is_none() && line.is_empty() {
            Ok(None)
        } else {
            Err(Pm2Error::input("deploy which environment?").hint("`pm deploy FILE ENVIRONMENT`"))
        };
    };
    let step = match line.split_first() {
        Some((word, [])) => return Err(Pm2Error::input(format!("{word} what?"))),
        // As PM2: words make one shell line, the user's own.
        Some((_, words)) => DeployStep::Exec(words.join(" ")),
        None => step(&mut own)?,
    };
    match own.next() {
        Some(odd) => Err(Pm2Error::input(format!("could not understand `{odd}`"))
            .hint("`pm deploy --help` says what there is")),
        None => Ok(Some(DeployWords { file, environment, step, is_forced })),
    }
}

fn step(words: &mut dyn Iterator<Item = &str>) -> Result<DeployStep, Pm2Error> {
    Ok(match words.next() {
        None | Some("update") => DeployStep::Update,
        Some("setup") => DeployStep::Setup,
        Some("curr" | "current") => DeployStep::Current,
        Some("prev" | "previous") => DeployStep::Previous,
        Some("list") => DeployStep::List,
        Some("revert") => DeployStep::Revert(match words.next() {
            None => 1,
            Some(number) => number
                .parse()
                .map_err(|_| Pm2Error::input(format!("`{number}` is no number of deployments")))?,
        }),
        Some("ref") => match words.next() {
            Some(reference) => DeployStep::Ref(reference.into()),
            None => return Err(Pm2Error::input("ref what?").hint("a branch, a tag or a commit")),
        },
        Some(odd) => {
            return Err(Pm2Error::input(format!("deploy has no command {odd}")).hint(format!(
                "`pm deploy --help` says what there is; `ref {odd}` deploys {odd}"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<DeployWords>, Pm2Error> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_pm2s() {
        for (line, file, step) in [
            ("production", None, DeployStep::Update),
            ("eco.json production update", Some("eco.json"), DeployStep::Update),
            ("eco.config.js production setup", Some("eco.config.js"), DeployStep::Setup),
            ("production revert", None, DeployStep::Revert(1)),
            ("production revert 3", None, DeployStep::Revert(3)),
            ("production ref v1.2", None, DeployStep::Ref("v1.2".into())),
            ("production curr", None, DeployStep::Current),
            ("production previous", None, DeployStep::Previous),
            ("production list", None, DeployStep::List),
            (
                "production exec pm2 -s --force list",
                None,
                DeployStep::Exec("pm2 -s --force list".into()),
            ),
            ("production run ls", None, DeployStep::Exec("ls".into())),
        ] {
            let words = parsed(line).unwrap().unwrap();
            assert_eq!((words.file.as_deref(), words.step), (file, step), "{line}");
            assert_eq!((words.environment.as_str(), words.is_forced), ("production", false));
        }
        for line in ["production --force", "-f eco.yaml production update", "production -F ref x"] {
            assert!(parsed(line).unwrap().unwrap().is_forced, "{line}");
        }
        for line in ["", "help", "production --help", "-h"] {
            assert!(parsed(line).unwrap().is_none(), "{line}");
        }
    }

    #[test]
    fn what_is_not_understood_does_nothing() {
        for (line, told) in [
            ("eco.json", "which environment"),
            ("production udpate", "no command udpate"),
            ("production revert x", "no number"),
            ("production ref", "ref what?"),
            ("production exec", "exec what?"),
            ("production setup now", "`now`"),
            ("production --frce", "no option --frce"),
        ] {
            assert!(parsed(line).unwrap_err().message.contains(told), "{line}");
        }
    }
}
