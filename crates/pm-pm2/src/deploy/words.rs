//! The words of `pm deploy` to what is meant. Pure.

use pm_config::is_config_name;

use crate::refused::Refused;

/// What to do on the hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
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
pub struct Words {
    /// The config, if it is named.
    pub file: Option<String>,
    /// Which part of the config.
    pub environment: String,
    /// What to do.
    pub step: Step,
    /// Whether local changes do not matter.
    pub is_forced: bool,
}

/// What is meant; `None` is a question for help.
pub fn parse(words: &[String]) -> Result<Option<Words>, Refused> {
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
        return Err(Refused::input(format!("deploy has no option {odd}"))
            .hint("`pm deploy --help` says what there is"));
    }
    let file = own.next_if(|word| is_config_name(word).is_some()).map(str::to_owned);
    let Some(environment) = own.next().map(str::to_owned) else {
        return if file.is_none() && line.is_empty() {
            Ok(None)
        } else {
            Err(Refused::input("deploy which environment?").hint("`pm deploy FILE ENVIRONMENT`"))
        };
    };
    let step = match line.split_first() {
        Some((word, [])) => return Err(Refused::input(format!("{word} what?"))),
        // As PM2: words make one shell line, the user's own.
        Some((_, words)) => Step::Exec(words.join(" ")),
        None => step(&mut own)?,
    };
    match own.next() {
        Some(odd) => Err(Refused::input(format!("could not understand `{odd}`"))
            .hint("`pm deploy --help` says what there is")),
        None => Ok(Some(Words { file, environment, step, is_forced })),
    }
}

fn step(words: &mut dyn Iterator<Item = &str>) -> Result<Step, Refused> {
    Ok(match words.next() {
        None | Some("update") => Step::Update,
        Some("setup") => Step::Setup,
        Some("curr" | "current") => Step::Current,
        Some("prev" | "previous") => Step::Previous,
        Some("list") => Step::List,
        Some("revert") => Step::Revert(match words.next() {
            None => 1,
            Some(number) => number
                .parse()
                .map_err(|_| Refused::input(format!("`{number}` is no number of deployments")))?,
        }),
        Some("ref") => match words.next() {
            Some(reference) => Step::Ref(reference.into()),
            None => return Err(Refused::input("ref what?").hint("a branch, a tag or a commit")),
        },
        Some(odd) => {
            return Err(Refused::input(format!("deploy has no command {odd}")).hint(format!(
                "`pm deploy --help` says what there is; `ref {odd}` deploys {odd}"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Words>, Refused> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_pm2s() {
        for (line, file, step) in [
            ("production", None, Step::Update),
            ("eco.json production update", Some("eco.json"), Step::Update),
            ("eco.config.js production setup", Some("eco.config.js"), Step::Setup),
            ("production revert", None, Step::Revert(1)),
            ("production revert 3", None, Step::Revert(3)),
            ("production ref v1.2", None, Step::Ref("v1.2".into())),
            ("production curr", None, Step::Current),
            ("production previous", None, Step::Previous),
            ("production list", None, Step::List),
            ("production exec pm2 -s --force list", None, Step::Exec("pm2 -s --force list".into())),
            ("production run ls", None, Step::Exec("ls".into())),
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
