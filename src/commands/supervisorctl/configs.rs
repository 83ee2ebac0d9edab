//! `reread`, `update`, `add`, `remove`, `avail`, `reload`, `shutdown`: what its file says, and what is known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pm_client::Client;
use pm_config::{Overrides, SupervisorProgram, supervisor_programs};
use pm_protocol::{Existing, Patience, Start};
use pm_spec::{AppSpec, Select};

use super::processes::namespec;
use super::{Controller, EarlyEnd, GENERIC, say};
use crate::commands::support::changes::{self, Configs, KnownApp};
use crate::commands::support::own_apps;
use crate::commands::support::resend;
use crate::commands::support::targets::{Target, unusable};
use crate::commands::{delete, kill};
use crate::prelude::{Failure, Session};

/// What became of a group in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GroupChange {
    Available,
    Changed,
    Disappeared,
}

/// The file compared with what is known.
pub(super) struct Reread {
    pub(super) groups: BTreeMap<String, GroupChange>,
    /// The apps that are new or differ.
    pub(super) apps: Vec<AppSpec>,
    /// The instances of apps that are gone from the file.
    gone: Vec<(String, Vec<Select>)>,
}

impl Reread {
    pub(super) fn groups(&self, of: GroupChange) -> impl Iterator<Item = &String> {
        self.groups.iter().filter(move |(_, is)| **is == of).map(|(group, _)| group)
    }
}

/// The group an app belongs to.
pub(super) fn group(app: &AppSpec) -> &str {
    app.name.as_str().split_once(':').map_or(app.name.as_str(), |(group, _)| group)
}

impl Controller<'_> {
    /// Supervisor's file; without one nothing of this means anything.
    pub(super) fn file(&self) -> Result<PathBuf, Failure> {
        self.config().ok_or_else(|| {
            Failure::failed("CANT_REREAD: there is no supervisord.conf")
                .hint("name it with -c FILE")
        })
    }

    pub(super) fn read(&self, client: &mut Client) -> Result<Reread, Failure> {
        let session = quiet(self.session);
        let target = Target::File(self.file()?, Vec::new());
        let overrides = Overrides::default();
        let configs = Configs::load(&session, &[target], &overrides).map_err(cannot)?;
        let known = known(client)?;
        let plan = configs.plan(&known, Existing::Converge);
        let gone: Vec<_> = configs
            .gone(&known)
            .into_iter()
            .map(|one| {
                let ids = one.ids.iter().map(|id| Select::Id(*id)).collect();
                (group(&one.spec).to_owned(), ids)
            })
            .collect();
        let here: BTreeSet<_> = configs.apps.iter().map(|app| group(app).to_owned()).collect();
        let names: BTreeSet<_> = known.iter().map(|one| one.spec.name.clone()).collect();
        let known: BTreeSet<_> = known.iter().map(|one| group(&one.spec).to_owned()).collect();
        let mut groups = BTreeMap::new();
        for (group, _) in &gone {
            let what =
                if here.contains(group) { GroupChange::Changed } else { GroupChange::Disappeared };
            groups.insert(group.clone(), what);
        }
        let mut apps = Vec::new();
        for (app, planned) in configs.apps.into_iter().zip(&plan) {
            let is_new = !names.contains(&app.name);
            if is_new || !planned.edits.is_empty() {
                let is_known = known.contains(group(&app));
                let what = if is_known { GroupChange::Changed } else { GroupChange::Available };
                groups.insert(group(&app).to_owned(), what);
                apps.push(app);
            }
        }
        Ok(Reread { groups, apps, gone })
    }

    /// The daemon, or the line Supervisor has for none.
    fn server(&self) -> Result<Client, Failure> {
        let found = self.session.find()?;
        found.ok_or_else(|| {
            let socket = self.session.home.socket().display().to_string();
            Failure::failed(format!("no pm runs in this home: {socket} no such file"))
        })
    }

    pub(super) fn reread(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        takes_none("reread", words)?;
        let mut client = self.server()?;
        let reread = self.read(&mut client)?;
        if reread.groups.is_empty() {
            say("No config updates to processes");
        }
        for (group, what) in &reread.groups {
            let word = match what {
                GroupChange::Available => "available",
                GroupChange::Changed => "changed",
                GroupChange::Disappeared => "disappeared",
            };
            say(&format!("{group}: {word}"));
        }
        Ok(())
    }

    pub(super) fn update(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.server()?;
        let mut reread = self.read(&mut client)?;
        let is_all = words.is_empty() || words.iter().any(|word| word == "all");
        if !is_all {
            let known: BTreeSet<_> =
                known(&mut client)?.iter().map(|one| group(&one.spec).to_owned()).collect();
            let is_there = |word: &String| {
                known.contains(word) || reread.groups.get(word) == Some(&GroupChange::Available)
            };
            for word in words.iter().filter(|word| !is_there(word)) {
                self.fail(&format!("ERROR: no such group: {word}"), GENERIC);
            }
            reread.groups.retain(|group, _| words.contains(group));
        }
        let is_meant = |name: &str| reread.groups.contains_key(name);
        let gone: Vec<_> = reread.gone.iter().filter(|(group, _)| is_meant(group)).collect();
        let ids: Vec<_> = gone.iter().flat_map(|(_, ids)| ids.clone()).collect();
        if !ids.is_empty() {
            delete::surely(&mut client, ids)?;
        }
        let apps = reread.apps.iter().filter(|app| is_meant(group(app))).cloned().collect();
        converge(&mut client, apps)?;
        for group in reread.groups(GroupChange::Disappeared) {
            say(&format!("{group}: stopped"));
            say(&format!("{group}: removed process group"));
        }
        for group in reread.groups(GroupChange::Changed) {
            say(&format!("{group}: stopped"));
            say(&format!("{group}: updated process group"));
        }
        for group in reread.groups(GroupChange::Available) {
            say(&format!("{group}: added process group"));
        }
        Ok(())
    }

    pub(super) fn add(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.server()?;
        for name in names {
            let reread = self.read(&mut client)?;
            match reread.groups.get(name) {
                Some(GroupChange::Available) => {
                    let apps = reread.apps.into_iter().filter(|app| group(app) == name).collect();
                    converge(&mut client, apps)?;
                    say(&format!("{name}: added process group"));
                }
                _ if known(&mut client)?.iter().any(|one| group(&one.spec) == name) => {
                    say("ERROR: process group already active");
                }
                _ => self.fail(&format!("ERROR: no such process/group: {name}"), GENERIC),
            }
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, names: &[String]) -> Result<(), EarlyEnd> {
        let mut client = self.server()?;
        for name in names {
            let all = Self::all(&mut client)?;
            let own: Vec<_> = all.iter().filter(|one| one.group == *name).collect();
            if own.is_empty() {
                self.fail(&format!("ERROR: no such process/group: {name}"), GENERIC);
            } else if own.iter().any(|one| !one.state.is_stopped()) {
                self.fail(&format!("ERROR: process/group still running: {name}"), GENERIC);
            } else {
                delete::surely(&mut client, own.iter().map(|one| Select::Id(one.id)).collect())?;
                say(&format!("{name}: removed process group"));
            }
        }
        Ok(())
    }

    pub(super) fn avail(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        takes_none("avail", words)?;
        let mut client = self.server()?;
        let known: BTreeSet<_> =
            known(&mut client)?.iter().map(|one| group(&one.spec).to_owned()).collect();
        let caller = self.session.caller()?;
        let programs = supervisor_programs(&self.file()?, &caller);
        let (mut programs, _) = programs.map_err(|diagnosis| cannot(unusable(&diagnosis)))?;
        programs.sort_by(|a, b| a.process.cmp(&b.process));
        for SupervisorProgram { group, process, group_priority, priority, autostart, .. } in
            programs
        {
            let used = if known.contains(&group) { "in use" } else { "avail" };
            let start = if autostart { "auto" } else { "manual" };
            let name = namespec(&group, &process);
            say(&format!("{name:32} {used:9} {start:9} {group_priority}:{priority}"));
        }
        Ok(())
    }

    /// Everything begins anew, as the file says now.
    pub(super) fn reload(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        takes_none("reload", words)?;
        self.anew()?;
        say("Restarted supervisord");
        Ok(())
    }

    /// Forgets all, and starts what the file says.
    pub(super) fn anew(&self) -> Result<(), Failure> {
        let mut client = self.server()?;
        let session = quiet(self.session);
        let target = Target::File(self.file()?, Vec::new());
        let configs = Configs::load(&session, &[target], &Overrides::default()).map_err(cannot)?;
        let known = known(&mut client)?;
        let ids: Vec<_> = known.iter().flat_map(|one| &one.ids).map(|id| Select::Id(*id)).collect();
        if !ids.is_empty() {
            delete::surely(&mut client, ids)?;
        }
        converge(&mut client, configs.apps)
    }

    pub(super) fn shutdown(&mut self, words: &[String]) -> Result<(), EarlyEnd> {
        takes_none("shutdown", words)?;
        drop(self.server()?);
        kill::run(self.session)?;
        say("Shut down");
        Ok(())
    }
}

/// What is known besides apps of ours that serve.
pub(super) fn known(client: &mut Client) -> Result<Vec<KnownApp>, Failure> {
    let mut known = changes::known(client)?;
    known.retain(|one| !own_apps::is_one(one.spec.name.as_str(), one.spec.namespace.as_str()));
    Ok(known)
}

fn takes_none(verb: &str, words: &[String]) -> Result<(), EarlyEnd> {
    if words.is_empty() {
        return Ok(());
    }
    Err(EarlyEnd::new(format!("Error: {verb} accepts no arguments"), GENERIC))
}

/// Only what differs gets a new run; nobody waits until it is up.
pub(super) fn converge(client: &mut Client, apps: Vec<AppSpec>) -> Result<(), Failure> {
    if apps.is_empty() {
        return Ok(());
    }
    let (existing, wait) = (Existing::Converge, Patience::Spawned);
    resend::start(client, Start { apps, existing, wait, no_deps: false }).map(|_| ())
}

/// The file can't be used, in Supervisor's words.
fn cannot(failure: Failure) -> Failure {
    let message = format!("CANT_REREAD: {}", failure.message);
    Failure { message, ..failure }
}

/// Without what is told of a file each time it is read.
pub(super) fn quiet(session: &Session) -> Session {
    let mut session = session.clone();
    session.console.silent = true;
    session
}
