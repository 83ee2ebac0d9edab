//! What config files ask to be different: compared with what is known before anything is done, told afterwards.

use std::collections::BTreeSet;
use std::path::PathBuf;

use pm_client::Client;
use pm_config::{Ecosystem, EcosystemAlerts, Overrides, Severity, path_of};
use pm_protocol::{Existing, Outcome, Patience, Start, Status};
use pm_spec::{AppName, AppSpec, ByteString, Effort, Mode};

use crate::commands::support::targets::Target;
use crate::commands::support::{described, resend};
use crate::prelude::{Failure, Session};
use crate::render::json;
use crate::render::plan::{PlanStep, Planned};
use crate::render::safe;

/// Apps of config files.
#[derive(Debug, Default)]
pub(crate) struct Configs {
    pub(crate) apps: Vec<AppSpec>,
    /// The files of which all apps are here: nothing of them was left out by `--only`.
    whole: BTreeSet<ByteString>,
    /// The projects of those files, each with the folder of its file.
    projects: BTreeSet<ProjectHome>,
    /// Apps of them whose profiles are off: they are left alone.
    off: Vec<AppName>,
    /// What those files want to be told of their apps.
    pub(crate) alerts: Vec<(PathBuf, Option<EcosystemAlerts>)>,
    /// Whether apps of them are left out because of their mistakes (PM2).
    pub(crate) is_partial: bool,
}

impl Configs {
    /// Adds the apps of one file.
    pub(crate) fn add(&mut self, ecosystem: Ecosystem, overrides: &Overrides) {
        let is_partial = ecosystem.warnings.iter().any(|one| one.severity == Severity::Error);
        self.is_partial |= is_partial;
        if overrides.only.is_empty() && !is_partial {
            self.whole.extend(ecosystem.apps.iter().filter_map(|app| app.source.clone()));
            self.projects.extend(ecosystem.apps.iter().filter_map(project));
        }
        self.off.extend(ecosystem.off);
        self.alerts.extend(ecosystem.source.map(|file| (file, ecosystem.alerts)));
        self.apps.extend(ecosystem.apps);
    }

    /// Reads these; what is no config is passed over.
    pub(crate) fn load(
        session: &Session,
        targets: &[Target],
        overrides: &Overrides,
    ) -> Result<Self, Failure> {
        let caller = session.caller()?;
        let mut configs = Self::default();
        for target in targets {
            if let Some(ecosystem) = target.load(session, &caller, overrides)? {
                configs.add(ecosystem, overrides);
            }
        }
        Ok(configs)
    }

    /// What would become of each app, and of those that are gone from their file.
    pub(crate) fn plan(&self, known: &[KnownApp], existing: Existing) -> Vec<Planned> {
        let own = self.apps.iter().map(|app| {
            let known = known.iter().find(|one| one.is(app));
            planned(app, known, existing)
        });
        let gone = self.gone(known).into_iter().map(|one| Planned {
            name: one.spec.name.to_string(),
            step: PlanStep::Gone,
            edits: Vec::new(),
            spec: None,
        });
        own.chain(gone).collect()
    }

    /// Apps that came from one of the files and are not in it any more, or from one of the same project that is not
    /// there any more: it was renamed.
    pub(crate) fn gone<'k>(&self, known: &'k [KnownApp]) -> Vec<&'k KnownApp> {
        let is_ours = |spec: &AppSpec| {
            let file = spec.source.as_ref();
            let is_lost = || {
                file.is_some_and(|file| !path_of(file).exists())
                    && project(spec).is_some_and(|project| self.projects.contains(&project))
            };
            file.is_some_and(|file| self.whole.contains(file)) || is_lost()
        };
        let is_gone = |one: &&KnownApp| {
            is_ours(&one.spec)
                && !self.off.contains(&one.spec.name)
                && !self.apps.iter().any(|app| one.is(app))
        };
        known.iter().filter(is_gone).collect()
    }

    /// Says which of the apps to be changed came from another file: two files may mean two apps by one name.
    pub(crate) fn warn(&self, session: &Session, known: &[KnownApp], plan: &[Planned]) {
        for (app, planned) in self.apps.iter().zip(plan) {
            let changes = planned.step != PlanStep::Keep || !planned.edits.is_empty();
            let known = known.iter().find(|one| one.is(app)).filter(|_| changes);
            let Some(was) = known.and_then(|one| one.spec.source.as_ref()) else { continue };
            if let Some(is) = app.source.as_ref().filter(|is| is_another(is, was)) {
                session.console.talk(&format!(
                    "warning: app `{}` was started from {}, which is still there; it becomes that of {}\n\
                     hint: if they are two apps, rename one or give it a namespace of its own; if not, delete it first",
                    planned.name,
                    safe(was),
                    safe(is)
                ));
            }
        }
    }

    /// What somebody who starts or restarts these files wants to know: what changed, and who is gone.
    pub(crate) fn news(
        &self,
        session: &Session,
        client: &mut Client,
        existing: Existing,
    ) -> Result<Vec<Planned>, Failure> {
        let known = known(client)?;
        let plan = self.plan(&known, existing);
        self.warn(session, &known, &plan);
        let tells = |one: &Planned| !one.edits.is_empty() || one.step == PlanStep::Gone;
        Ok(plan.into_iter().filter(tells).collect())
    }

    /// Restarts or reloads them: every field is taken over (pain 12).
    pub(crate) fn again(
        self,
        session: &Session,
        client: &mut Client,
        (existing, wait, no_deps): (Existing, Patience, bool),
    ) -> Result<(Vec<Outcome>, Vec<Planned>), Failure> {
        if self.apps.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let news = self.news(session, client, existing)?;
        let start = Start { apps: self.apps, existing, wait, no_deps };
        Ok((resend::start(client, start)?.outcomes, news))
    }
}

/// A project's name, and the folder of the file it came from: another folder may have one of that name.
pub(crate) type ProjectHome = (ByteString, PathBuf);

/// The project an app belongs to.
pub(crate) fn project(app: &AppSpec) -> Option<ProjectHome> {
    let folder = path_of(app.source.as_ref()?).parent()?;
    Some((app.project.clone()?, folder.to_owned()))
}

/// Whether these are two files and the second one is still there.
fn is_another(is: &ByteString, was: &ByteString) -> bool {
    let real = |file: &ByteString| path_of(file).canonicalize();
    is != was && real(was).is_ok_and(|was| real(is).is_ok_and(|is| is != was))
}

/// An app the daemon knows.
#[derive(Debug)]
pub(crate) struct KnownApp {
    pub(crate) spec: AppSpec,
    pub(crate) ids: Vec<u32>,
    is_up: bool,
    /// A job that waits for its schedule or has done its work: it is as it should be.
    rests: bool,
}

impl KnownApp {
    fn is(&self, app: &AppSpec) -> bool {
        (&self.spec.name, &self.spec.namespace) == (&app.name, &app.namespace)
    }
}

/// All apps the daemon knows.
pub(crate) fn known(client: &mut Client) -> Result<Vec<KnownApp>, Failure> {
    let mut all: Vec<KnownApp> = Vec::new();
    for one in described::known(client)?.descriptions {
        let is_up = match one.row.status {
            Status::Online | Status::Launching | Status::WaitingRestart => true,
            Status::Stopping | Status::Stopped | Status::Errored => false,
        };
        if let Some(known) = all.iter_mut().find(|known| known.is(&one.spec)) {
            known.ids.push(one.row.id);
            known.is_up |= is_up;
            known.rests &= one.rests;
        } else {
            all.push(KnownApp { spec: one.spec, ids: vec![one.row.id], is_up, rests: one.rests });
        }
    }
    Ok(all)
}

/// Whether it is a job that has run and waits for its schedule, for which a start of its file is no reason to run.
pub(crate) fn awaits_schedule(app: &AppSpec, known: &[KnownApp]) -> bool {
    app.is_job() && known.iter().any(|known| known.is(app) && known.rests)
}

fn planned(app: &AppSpec, known: Option<&KnownApp>, existing: Existing) -> Planned {
    let name = app.name.to_string();
    let Some(known) = known else {
        let starts = app.autostart && !app.waits_for_its_time();
        let step = if starts { PlanStep::Start } else { PlanStep::Add };
        return Planned { name, step, edits: Vec::new(), spec: Some(json::spec(app)) };
    };
    let edits: Vec<_> = known.spec.edits(app).iter().map(ToString::to_string).collect();
    // One that is done is run again if it is another one now; one that waits for its time is that at its time.
    let rests = existing == Existing::Converge
        && known.rests
        && (app.is_job() || known.spec.effort(app) != Effort::Renewal);
    let step = match (existing, known.spec.effort(app)) {
        (_, Effort::Nothing) if rests => PlanStep::Keep,
        _ if rests => PlanStep::Change,
        // What was stopped waits for its times again.
        _ if !known.is_up && app.waits_for_its_time() => PlanStep::Add,
        (_, Effort::Nothing) if app.waits_for_its_time() => PlanStep::Keep,
        _ if app.waits_for_its_time() => PlanStep::Change,
        _ if !known.is_up && app.autostart => PlanStep::Start,
        (Existing::Converge, Effort::Renewal) if app.serving.mode == Mode::Cluster => {
            PlanStep::Reload
        }
        (Existing::Restart, _) | (Existing::Converge, Effort::Renewal) => PlanStep::Restart,
        (Existing::Reload, _) => PlanStep::Reload,
        (Existing::Converge, Effort::Live) => PlanStep::Change,
        (Existing::Converge, Effort::Nothing) => PlanStep::Keep,
        (Existing::Keep | Existing::Refuse | Existing::Duplicate, _) => {
            return Planned { name, step: PlanStep::Keep, edits: Vec::new(), spec: None };
        }
    };
    Planned { name, step, edits, spec: None }
}
