//! Units of a running systemd: asked by `systemctl`, which is wherever systemd is.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pm_config::{Caller, Fate, Import, Overrides, import, read, unit_folders};
use pm_protocol::Existing;
use pm_spec::{AppSpec, Environment, Span};

use super::former::{Candidate, Former, LOOK_THERE, ThereProcess, patience};
use super::told_unit::{ToldUnit, bound, in_order, of, runs, unit_of, unquoted, words};
use crate::cli::FormerKind;
use crate::commands::support::targets::unusable;
use crate::commands::support::{bounded, settings};
use crate::prelude::{Failure, Session};

/// Where the machine's own units lie, by which the manager of the machine is known again; that of a user is known by theirs.
const SYSTEM: &str = "/etc/systemd/system";

/// Names other folders of units.
const PLACES: &str = "SYSTEMD_UNIT_PATH";

/// What is asked about each unit.
const ASKED: &str = "Id,LoadState,ActiveState,SubState,FragmentPath,DropInPaths,NeedDaemonReload,Type,\
                     TriggeredBy,RequiredBy,BoundBy,ConsistsOf";

/// A systemd that answers: root's is that of the machine, any other user's their own.
pub(super) struct LiveSystemd {
    place: PathBuf,
    /// As they were named.
    units: Vec<String>,
    /// What its services find.
    env: Environment,
}

impl LiveSystemd {
    pub(super) fn find(place: Option<PathBuf>, units: &[String]) -> Result<Self, Failure> {
        let users = || {
            let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
            home.join(".config/systemd/user")
        };
        let is_root = rustix::process::geteuid().is_root();
        let place = place.unwrap_or_else(|| if is_root { SYSTEM.into() } else { users() });
        let units = units.iter().map(|word| unit_of(word)).collect();
        let mut found = Self { place, units, env: Environment::new() };
        for line in found.ask(&["show-environment"], LOOK_THERE)?.lines() {
            if let Some((name, value)) = line.split_once('=') {
                found.env.set(name, unquoted(value));
            }
        }
        Ok(found)
    }

    fn is_users(&self) -> bool {
        self.place != Path::new(SYSTEM)
    }

    /// As it is typed.
    fn systemctl(&self) -> &'static str {
        if self.is_users() { "systemctl --user" } else { "systemctl" }
    }

    fn ask(&self, words: &[&str], patience: Duration) -> Result<String, Failure> {
        let mut command = Command::new("systemctl");
        command.args(self.is_users().then_some("--user")).args(["--no-pager", "--no-ask-password"]);
        let (typed, shown) = (self.systemctl(), words.join(" "));
        let said = bounded::output(command.args(words), patience).map_err(|error| {
            let failure = Failure::failed(format!("could not run systemctl: {error}"));
            if error.kind() == io::ErrorKind::NotFound {
                failure.hint("is this machine run by systemd?")
            } else {
                failure
            }
        })?;
        let Some(output) = said else {
            let why = format!(
                "could not get an answer to `{typed} {shown}` within {} s",
                patience.as_secs()
            );
            return Err(Failure::failed(why)
                .hint("it hangs; `systemctl list-jobs` tells what systemd waits for"));
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            let told = text(&output.stderr);
            let why = told.lines().next().unwrap_or("it does not say why");
            let failure = Failure::failed(format!("could not {typed} {shown}: {why}"));
            return Err(if why.contains("denied") || why.contains("authentication required") {
                failure.hint("units of the machine are root's: `sudo pm takeover systemd ...`")
            } else {
                failure
            });
        }
        Ok(text(&output.stdout))
    }

    /// What it says of units, in their order.
    fn told(&self, units: &[String]) -> Result<Vec<ToldUnit>, Failure> {
        let asked = format!("--property={ASKED}");
        let mut words = vec!["show", asked.as_str(), "--"];
        words.extend(units.iter().map(String::as_str));
        let said = self.ask(&words, LOOK_THERE)?;
        let told: Vec<ToldUnit> = said
            .split("\n\n")
            .map(|block| {
                let lines = block.lines().filter_map(|line| line.split_once('='));
                lines.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
            })
            .collect();
        if told.len() == units.len() {
            return Ok(told);
        }
        let message = format!("could not understand what `{} show` says", self.systemctl());
        Err(Failure::failed(message).hint("is it systemd's own?"))
    }

    fn state(&self, unit: &str) -> Result<String, Failure> {
        let told = self.told(&[unit.to_owned()])?;
        Ok(told.first().map(|it| of(it, "ActiveState").to_owned()).unwrap_or_default())
    }

    /// Those of a list that are not down.
    fn up(&self, units: Vec<String>) -> Result<Vec<String>, Failure> {
        if units.is_empty() {
            return Ok(units);
        }
        let told = self.told(&units)?;
        let up = units.into_iter().zip(told).filter(|(_, told)| runs(told));
        Ok(up.map(|(unit, _)| unit).collect())
    }

    /// A unit that moves, or stays and why.
    fn candidate(
        &self,
        told: &ToldUnit,
        caller: &Caller,
    ) -> Result<(Candidate, Option<PathBuf>), Failure> {
        let id = of(told, "Id");
        let name = id.strip_suffix(".service").unwrap_or(id).to_owned();
        let state = format!("{} ({})", of(told, "ActiveState"), of(told, "SubState"));
        let mut one = Candidate {
            name,
            namespace: String::new(),
            there: Vec::new(),
            state,
            apps: Vec::new(),
            notes: Vec::new(),
            stays: None,
            is_here: false,
        };
        let (path, stays) = match self.file(told, caller) {
            Ok(path) => {
                let stays = self.unmovable(told)?;
                (Some(path), stays)
            }
            Err(why) => (None, Some(why)),
        };
        one.stays = stays;
        let Some(path) = path.filter(|_| one.stays.is_none()) else { return Ok((one, None)) };
        match import(&path, caller) {
            Ok(read) => {
                one.notes = notes(&read, told);
                let is_once = of(told, "Type") == "oneshot";
                let timers = words(told, "TriggeredBy");
                let ran = runs(told);
                // First what would start it again.
                for timer in timers {
                    let ran = !self.up(vec![timer.clone()])?.is_empty();
                    one.there.push(ThereProcess {
                        name: timer,
                        ran,
                        watched: false,
                        takes: Span::ZERO,
                        command: None,
                    });
                }
                let has_time = one.there.iter().any(|it| it.ran);
                if is_once && ran && !has_time {
                    one.notes.push("it runs once more here".into());
                }
                let takes = read.specs.first().map_or(Span::ZERO, takes);
                // What a timer starts is to be down again between its times.
                let ran = ran && !(is_once && has_time);
                one.there.push(ThereProcess {
                    name: id.to_owned(),
                    ran,
                    watched: false,
                    takes,
                    command: None,
                });
                Ok((one, Some(path)))
            }
            Err(diagnosis) => {
                let told: Vec<_> =
                    diagnosis.diagnostics.iter().map(|one| one.message.as_str()).collect();
                one.stays = Some(told.join("; "));
                Ok((one, None))
            }
        }
    }

    /// The file of a unit, which an instance of a template has by the link that enables it.
    fn file(&self, told: &ToldUnit, caller: &Caller) -> Result<PathBuf, String> {
        let id = of(told, "Id");
        let fragment = of(told, "FragmentPath");
        if fragment.is_empty() {
            return Err("it has no file".into());
        }
        let path = PathBuf::from(fragment);
        if path.file_name().is_some_and(|name| name == id) {
            return Ok(path);
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let folders = [unit_folders(&self.place, caller), unit_folders(folder, caller)].concat();
        let linked = folders.iter().flat_map(|folder| {
            let inside = folder.read_dir().into_iter().flatten().flatten().map(|it| it.path());
            let wants = inside.filter(|it| it.extension().is_some_and(|it| it == "wants"));
            [folder.join(id)].into_iter().chain(wants.map(|it| it.join(id))).collect::<Vec<_>>()
        });
        let mut linked = linked.filter(|path| path.exists());
        linked.next().ok_or_else(|| format!("an instance of a template without a link: `ln -s {fragment} {id}`, and `pm start {id}`"))
    }

    /// Why it can't be taken from there.
    fn unmovable(&self, told: &ToldUnit) -> Result<Option<String>, Failure> {
        let other = |it: &&String| it.strip_suffix(".timer").is_none();
        if let Some(starter) = words(told, "TriggeredBy").iter().find(other) {
            return Ok(Some(format!("{starter} would start it again; here a socket is `listen`")));
        }
        // systemd stops these with it.
        let theirs = bound(told).into_iter().filter(|unit| !self.units.contains(unit)).collect();
        let theirs = self.up(theirs)?;
        Ok((!theirs.is_empty()).then(|| {
            let names = theirs.join(", ");
            format!("{names} would be stopped with it: name that as well")
        }))
    }
}

impl Former for LiveSystemd {
    fn kind(&self) -> FormerKind {
        FormerKind::Systemd
    }

    fn place(&self) -> PathBuf {
        self.place.clone()
    }

    fn programs(&mut self, session: &Session) -> Result<Vec<Candidate>, Failure> {
        if self.units.is_empty() {
            let hint = format!(
                "`{} list-units --type=service` shows them; then `pm takeover systemd UNIT ...`",
                self.systemctl()
            );
            return Err(
                Failure::input("take over which units? All of a machine are too many").hint(hint)
            );
        }
        let told = self.told(&self.units)?;
        for (unit, told) in self.units.iter().zip(&told) {
            if of(told, "LoadState") == "not-found" {
                let message =
                    format!("could not take over {unit}: systemd knows no unit of that name");
                return Err(Failure::input(message)
                    .hint(format!("{} list-units --type=service", self.systemctl())));
            }
        }
        // They find what systemd gives them, and nothing of this shell, which only says where units lie.
        let mut caller = session.caller()?;
        let places = caller.env.get(PLACES).cloned();
        (caller.cwd, caller.env) = ("/".into(), self.env.clone());
        if let Some(places) = places {
            caller.env.set(PLACES, places);
        }
        let (mut all, mut paths) = (Vec::new(), Vec::new());
        for told in in_order(told) {
            let (one, path) = self.candidate(&told, &caller)?;
            all.push(one);
            paths.extend(path);
        }
        let Some((first, further)) = paths.split_first() else { return Ok(all) };
        let further: Vec<_> = further.iter().map(PathBuf::as_path).collect();
        let read = read::load_all(first, &further, &caller, &Overrides::default());
        let mut apps = read.map_err(|diagnosis| unusable(&diagnosis))?.apps;
        settings::lay_over(session, &mut apps);
        for app in &mut apps {
            app.env.unset(PLACES);
        }
        for one in all.iter_mut().filter(|one| one.stays.is_none()) {
            match apps.iter().find(|app| app.name.as_str() == one.name) {
                Some(app) => {
                    one.namespace = app.namespace.to_string();
                    one.apps = vec![(app.clone(), Existing::Refuse)];
                }
                None => {
                    one.stays =
                        Some("nothing of it can be run here: `pm check` its file tells why".into());
                }
            }
        }
        Ok(all)
    }

    fn stop(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        self.ask(&["stop", "--", &one.name], patience(one.takes))?;
        match self.state(&one.name)?.as_str() {
            "inactive" | "failed" => Ok(()),
            state => Err(Failure::failed(format!(
                "could not stop {} in systemd: it is {state}",
                one.name
            ))),
        }
    }

    fn start(&mut self, one: &ThereProcess) -> Result<(), Failure> {
        self.ask(&["start", "--", &one.name], patience(one.takes))?;
        match self.state(&one.name)?.as_str() {
            "failed" => {
                let why = format!("could not start {} in systemd: it failed there", one.name);
                Err(Failure::failed(why).hint(format!("{} status {}", self.systemctl(), one.name)))
            }
            _ => Ok(()),
        }
    }

    fn farewell(&self) -> Vec<String> {
        vec![format!("{} disable {}", self.systemctl(), self.units.join(" "))]
    }
}

fn takes(app: &AppSpec) -> Span {
    app.stop.timeout.max(app.restart.min_uptime)
}

/// What is different here.
fn notes(read: &Import, told: &ToldUnit) -> Vec<String> {
    let tells = |fate: &Fate| matches!(fate, Fate::Changed(_) | Fate::Unsupported(_));
    // How units wait for each other is the same here, as far as they are named together.
    let own = read.notes.iter().filter(|note| tells(&note.fate) && !note.key.starts_with("[Unit]"));
    let own = own.map(|note| format!("{}: {}", note.key, note.fate.why()));
    let stale = (of(told, "NeedDaemonReload") == "yes")
        .then(|| "its file was changed since systemd read it, and counts".to_owned());
    stale.into_iter().chain(own).collect()
}
