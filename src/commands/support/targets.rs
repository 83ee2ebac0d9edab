//! What a word on the command line means: a config file, a known app, or a script (PM2's order, `pm2.md` 2).

use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use pm_client::Client;
use pm_config::{
    Caller, ConfigFormat, ConfigPlace, Diagnosis, Ecosystem, Overrides, Severity, absolute,
    is_config, path_of, read,
};
use pm_protocol::Row;
use pm_spec::{AppName, AppSpec, Select};

use crate::cli::TargetArgs;
use crate::commands::daemon;
use crate::commands::support::{described, listing, selectors, settings};
use crate::prelude::{Failure, Session};

/// More than any config; the reader says so when it gets it.
const LARGEST: u64 = (4 << 20) + 1;

/// A word, understood.
#[derive(Debug)]
pub(crate) enum Target {
    /// A config file, and those that are laid over it.
    File(PathBuf, Vec<PathBuf>),
    /// A config that came on standard input.
    Stdin(Vec<u8>),
    /// Anything else: a selector, or a script.
    Word(String),
    /// A script whose name is no text.
    Path(PathBuf),
}

impl Target {
    /// Reads a word; `-` reads standard input.
    pub(crate) fn read(word: &OsStr) -> Result<Self, Failure> {
        if word == "-" {
            return standard_input().map(Self::Stdin);
        }
        match word.to_str() {
            Some(text) if is_explicit(text) => Ok(Self::Word(text.into())),
            _ if is_config(Path::new(word)) => Ok(Self::File(word.into(), Vec::new())),
            Some(text) => Ok(Self::Word(text.into())),
            None => Ok(Self::Path(word.into())),
        }
    }

    /// Reads words. Config files that follow each other are one config, but for PM2.
    pub(crate) fn read_all(
        session: &Session,
        words: &[OsString],
    ) -> Result<Vec<(Self, OsString)>, Failure> {
        let mut all = Vec::new();
        for word in words {
            all.push((Self::read(word)?, word.clone()));
        }
        Ok(if session.called_as.is_pm2() { all } else { merged(all) })
    }

    /// Whether it is a config.
    pub(crate) fn is_config(&self) -> bool {
        matches!(self, Self::File(..) | Self::Stdin(_))
    }

    /// The apps of a config, complete.
    pub(crate) fn load(
        &self,
        session: &Session,
        caller: &Caller,
        overrides: &Overrides,
    ) -> Result<Option<Ecosystem>, Failure> {
        let Some(mut read) = self.read_by(caller, overrides) else { return Ok(None) };
        if let Ok(ecosystem) = &read
            && let Some(supervisord) = supervisord(session, ecosystem)?
            && supervisord != caller.cwd
        {
            let caller = Caller { supervisord: Some(supervisord), ..caller.clone() };
            read = self.read_by(&caller, overrides).unwrap_or(read);
        }
        let mut ecosystem = all_known(session, read)?.map_err(|diagnosis| unusable(&diagnosis))?;
        warn(session, &ecosystem);
        settings::lay_over(session, &mut ecosystem.apps);
        Ok(Some(ecosystem))
    }

    fn read_by(
        &self,
        caller: &Caller,
        overrides: &Overrides,
    ) -> Option<Result<Ecosystem, Diagnosis>> {
        match self {
            Self::File(path, further) => {
                let further: Vec<_> = further.iter().map(PathBuf::as_path).collect();
                Some(read::load_all(path, &further, caller, overrides))
            }
            Self::Stdin(bytes) => {
                Some(read::parse(bytes, ConfigFormat::Json5, "stdin", caller, overrides))
            }
            Self::Word(_) | Self::Path(_) => None,
        }
    }

    /// The names of the apps of a config; the rest of it need not be right.
    fn names(&self, caller: &Caller, overrides: &Overrides) -> Result<Vec<AppName>, Failure> {
        let read = match self {
            Self::File(path, _) => read::names(path, caller, overrides),
            Self::Stdin(bytes) => {
                read::names_of(bytes, ConfigFormat::Json5, "stdin", caller, overrides)
            }
            Self::Word(_) | Self::Path(_) => Ok(Vec::new()),
        };
        read.map_err(|diagnosis| unusable(&diagnosis))
    }
}

/// Where programs of a file of Supervisor run that do not say it: where those of this file did before, whoever asks now,
/// for there it is the folder of supervisord and not that of its client.
fn supervisord(session: &Session, ecosystem: &Ecosystem) -> Result<Option<PathBuf>, Failure> {
    let says_none = |app: &&AppSpec| app.derived.iter().any(|key| key.as_bytes() == b"cwd");
    let Some(app) = ecosystem.apps.iter().find(says_none) else { return Ok(None) };
    let Some(mut client) = session.find()? else { return Ok(None) };
    let known = described::known(&mut client)?.descriptions;
    let mut specs = known.iter().map(|one| &one.spec).filter(says_none);
    let before = specs.find(|spec| spec.source == app.source);
    Ok(before.map(|spec| path_of(&spec.cwd).to_path_buf()).filter(|folder| folder.is_dir()))
}

/// A config on standard input.
pub(crate) fn standard_input() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().take(LARGEST).read_to_end(&mut bytes);
    read.map_err(|error| Failure::input(format!("could not read standard input: {error}")))?;
    Ok(bytes)
}

/// Lays config files that follow each other over the first of them.
pub(crate) fn merged(targets: Vec<(Target, OsString)>) -> Vec<(Target, OsString)> {
    let mut all: Vec<(Target, OsString)> = Vec::new();
    for (target, word) in targets {
        match (all.last_mut(), target) {
            (Some((Target::File(_, over), _)), Target::File(path, further)) => {
                over.push(path);
                over.extend(further);
            }
            (_, target) => all.push((target, word)),
        }
    }
    all
}

/// A config that was read, or what is wrong with it: also that its apps depend on what neither it nor the list has.
pub(crate) fn all_known(
    session: &Session,
    read: Result<Ecosystem, Diagnosis>,
) -> Result<Result<Ecosystem, Diagnosis>, Failure> {
    let outside = match &read {
        Ok(ecosystem) => &ecosystem.outside,
        Err(diagnosis) => &diagnosis.outside,
    };
    if outside.is_empty() {
        return Ok(read);
    }
    let rows = session.find()?.map_or_else(|| Ok(Vec::new()), |mut it| listing::rows(&mut it))?;
    let is_lost = |on: &AppName| !rows.iter().any(|row| row.name == on.as_str());
    let lost: Vec<_> = outside.iter().filter(|(on, _)| is_lost(on)).cloned().collect();
    let mut diagnosis = match read {
        Ok(ecosystem) if lost.is_empty() => return Ok(Ok(ecosystem)),
        Ok(ecosystem) => Diagnosis { diagnostics: ecosystem.warnings, outside: Vec::new() },
        Err(diagnosis) => diagnosis,
    };
    for (_, problem) in lost {
        // Where it stands in the file.
        let told = &mut diagnosis.diagnostics;
        let later = told.iter().position(|one| one.place > problem.place);
        told.insert(later.unwrap_or(told.len()), problem);
    }
    Ok(Err(diagnosis))
}

/// Says what works but perhaps not as meant.
pub(crate) fn warn(session: &Session, ecosystem: &Ecosystem) {
    for warning in &ecosystem.warnings {
        session.console.talk(&warning.to_string());
    }
}

/// A config with problems, all of them told.
pub(crate) fn unusable(diagnosis: &Diagnosis) -> Failure {
    let errors = diagnosis.diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
    let origin = diagnosis.diagnostics.first().map_or("the config", |one| one.origin.as_str());
    let problems = if errors == 1 { "1 problem".into() } else { format!("{errors} problems") };
    Failure::input(format!("could not use {origin}: {problems}, nothing was done"))
        .after(diagnosis.to_string())
}

/// A script or flags with problems; one alone needs no list.
pub(crate) fn unusable_script(diagnosis: &Diagnosis) -> Failure {
    match diagnosis.diagnostics.as_slice() {
        [one] if one.place == ConfigPlace::Flag("SCRIPT") => {
            let failure = Failure::input(one.message.clone());
            one.hint.iter().fold(failure, Failure::hint)
        }
        _ => unusable(diagnosis),
    }
}

/// Selectors for words and configs, of what is known.
pub(crate) fn resolve(
    session: &Session,
    client: &mut Client,
    targets: &[Target],
    overrides: &Overrides,
) -> Result<Vec<Select>, Failure> {
    let mut selects = Vec::new();
    for target in targets {
        match target {
            Target::Word(word) if is_script(word) && !is_known(word, &listing::rows(client)?) => {
                let caller = session.caller()?;
                let path = absolute(Path::new(word), &caller.cwd);
                selects.push(Select::Word(path.to_string_lossy().into_owned()));
            }
            Target::Word(word) => selects.extend(selectors::one(session, client, word, &mut None)?),
            Target::Path(path) => {
                let message = format!("no app is called {}", path.display());
                return Err(Failure::failed(message));
            }
            Target::File(..) | Target::Stdin(_) => {
                let names = target.names(&session.caller()?, overrides)?;
                let rows = listing::rows(client)?;
                for name in names {
                    if rows.iter().any(|row| row.name == name.as_str()) {
                        selects.push(Select::Name(name.to_string()));
                    } else {
                        session
                            .console
                            .talk(&format!("warning: {name} is not known, nothing to do"));
                    }
                }
            }
        }
    }
    Ok(selects)
}

/// The daemon and what is meant by the words; `None` if there is nothing, and nothing more was asked for.
pub(crate) fn meant(
    session: &Session,
    args: &TargetArgs,
) -> Result<Option<(Client, Vec<Select>)>, Failure> {
    let mut targets = Vec::new();
    for word in &args.targets {
        targets.push(Target::read(word)?);
    }
    let found = match session.find()? {
        // None of them lives, and they are to be stopped or deleted all the same: a job would come back with its schedule.
        None if daemon::remembers(&session.home) => Some(session.daemon()?),
        found => found,
    };
    let Some(mut client) = found else {
        let satisfied = targets.iter().all(Target::is_config) || are_all(&targets);
        if !satisfied {
            return session.need().map(|_| None);
        }
        session.warn_of_rival();
        return Ok(None);
    };
    let overrides = Overrides {
        only: args.only.clone(),
        engine: args.engine.engine,
        beside: session.beside(),
        ..Overrides::default()
    };
    let select = resolve(session, &mut client, &targets, &overrides)?;
    Ok((!select.is_empty()).then_some((client, select)))
}

/// Whether only `all` is meant, which no daemon at all satisfies.
pub(crate) fn are_all(targets: &[Target]) -> bool {
    targets.iter().all(|target| matches!(target, Target::Word(word) if word == "all"))
}

/// Whether a word names something in the list.
pub(crate) fn is_known(word: &str, rows: &[Row]) -> bool {
    selectors::first_kind(word, rows).is_some()
}

/// Whether a word could be the path of a script: PM2 takes what has no slash and no extension for a name.
pub(crate) fn looks_like_path(word: &str) -> bool {
    word.contains('/') || Path::new(word).extension().is_some()
}

/// Whether a word that names no app may be the script of some: a path, or a file that lies here.
fn is_script(word: &str) -> bool {
    let is_pattern = word.len() > 2 && word.starts_with('/') && word.ends_with('/');
    !is_explicit(word) && !is_pattern && (looks_like_path(word) || Path::new(word).is_file())
}

/// The files `pm start` and `pm check` look for when none is named: those of others only after all of ours.
pub(crate) fn default_file(cwd: &Path) -> Option<PathBuf> {
    let of_supervisor =
        || Some("supervisord.conf".into()).filter(|it: &PathBuf| cwd.join(it).is_file());
    let procfile = || Some("Procfile".into()).filter(|it: &PathBuf| cwd.join(it).is_file());
    let processes = || {
        let names = ["process-compose.yml", "process-compose.yaml"].map(PathBuf::from);
        names.into_iter().find(|name| cwd.join(name).is_file())
    };
    own_file(cwd)
        .or_else(|| compose_file(cwd))
        .or_else(processes)
        .or_else(of_supervisor)
        .or_else(procfile)
}

/// The ecosystem file that lies in a folder.
pub(crate) fn own_file(cwd: &Path) -> Option<PathBuf> {
    const NAMES: [&str; 11] = [
        "ecosystem.json5",
        "ecosystem.json",
        "ecosystem.yaml",
        "ecosystem.yml",
        "ecosystem.toml",
        "ecosystem.config.json5",
        "ecosystem.config.json",
        "ecosystem.config.js",
        "ecosystem.config.cjs",
        "ecosystem.config.mjs",
        "ecosystem.config.ts",
    ];
    NAMES.iter().map(PathBuf::from).find(|name| cwd.join(name).is_file())
}

/// The Compose file that lies in a folder.
pub(crate) fn compose_file(cwd: &Path) -> Option<PathBuf> {
    const NAMES: [&str; 4] =
        ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
    NAMES.iter().map(PathBuf::from).find(|name| cwd.join(name).is_file())
}

/// The config that lies here, and what is laid over it if nobody says otherwise.
pub(crate) fn default_files(cwd: &Path) -> Option<(PathBuf, Vec<PathBuf>)> {
    let file = default_file(cwd)?;
    let over = pm_config::compose_override(&cwd.join(&file));
    let over = over.and_then(|over| over.file_name().map(PathBuf::from));
    Some((file, over.into_iter().collect()))
}

/// Whether a word says itself that it selects among known apps.
pub(crate) fn is_explicit(word: &str) -> bool {
    word == "all"
        || ["name:", "id:", "ns:", "namespace:", selectors::PROJECT]
            .iter()
            .any(|it| word.starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_configs() {
        for (word, config) in [
            ("ecosystem.json5", true),
            ("a/b.yaml", true),
            ("pm.config.js", true),
            ("web", false),
            ("app.py", false),
            ("3", false),
            ("name:a.json", false),
        ] {
            assert_eq!(Target::read(OsStr::new(word)).unwrap().is_config(), config, "{word}");
        }
    }

    #[test]
    fn a_word_without_slash_and_extension_is_a_name_first() {
        assert!(!looks_like_path("web"));
        assert!(looks_like_path("./web") && looks_like_path("web.py"));
    }
}
