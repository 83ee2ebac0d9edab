//! One app on its way into a file: who writes says only where its value becomes something else than its key usually does.

use std::borrow::Cow;

use pm_spec::{AppSpec, Readiness, Span};

use crate::environment::{SortedVariables, sorted};
use crate::fate::{ExportFate, ExportNote};
use crate::key::ExportKey;
use crate::probes::secret_headers;
use crate::said;

/// One app, its name there, and what is told of it.
#[derive(Debug)]
pub(crate) struct AppDraft<'a> {
    pub(crate) app: &'a AppSpec,
    /// What it is called there.
    pub(crate) name: String,
    /// Its variables by how they may be written.
    pub(crate) variables: SortedVariables<'a>,
    told: Vec<(ExportKey, String, ExportFate)>,
}

impl<'a> AppDraft<'a> {
    pub(crate) fn new(app: &'a AppSpec, name: String) -> Self {
        let mut draft = Self { app, variables: sorted(app), told: Vec::new(), name };
        let ready = app.checks.ready.as_deref().and_then(|ready| match ready {
            Readiness::Answers(question) => Some((ExportKey::Ready, question)),
            Readiness::Notifies | Readiness::Prints(_) => None,
        });
        let health = app.checks.health.as_deref();
        let health = health.map(|check| (ExportKey::Healthcheck, &check.question));
        for (key, question) in ready.into_iter().chain(health) {
            for name in secret_headers(&question.probe) {
                let why =
                    "it looks like a secret, which is in no file: write it in where the file is";
                draft.told.push((key, format!("header {name}"), ExportFate::missing(why)));
            }
        }
        draft
    }

    /// Under which name people see it there.
    pub(crate) fn called(&mut self, shown: &str) {
        if shown != self.app.name.as_str() {
            self.changed(ExportKey::Name, format!("it is called {shown} there"));
        }
    }

    /// In whole seconds, as most engines count.
    pub(crate) fn seconds(&mut self, key: ExportKey, span: Span) -> u64 {
        let millis = span.as_millis();
        if !millis.is_multiple_of(1000) {
            self.changed(
                key,
                format!("{span} became {} s: whole seconds count there", millis.div_ceil(1000)),
            );
        }
        millis.div_ceil(1000)
    }

    /// Its value means the same there, as what.
    pub(crate) fn same(&mut self, key: ExportKey, to: &'static str) {
        self.told.push((key, String::new(), ExportFate::same(to)));
    }

    /// Its value acts in another way: how.
    pub(crate) fn changed(&mut self, key: ExportKey, how: impl Into<Cow<'static, str>>) {
        self.told.push((key, String::new(), ExportFate::Changed(how.into())));
    }

    /// Its value can't be written: why.
    pub(crate) fn missing(&mut self, key: ExportKey, why: impl Into<Cow<'static, str>>) {
        self.told.push((key, String::new(), ExportFate::Missing(why.into())));
    }

    /// A secret is somewhere else: where.
    pub(crate) fn secret(&mut self, name: &str, place: impl Into<Cow<'static, str>>) {
        self.told.push((ExportKey::Env, name.into(), ExportFate::Changed(place.into())));
    }

    /// A part of its value can't be written: why.
    pub(crate) fn part_missing(&mut self, key: ExportKey, part: &str, why: &'static str) {
        self.told.push((key, part.into(), ExportFate::missing(why)));
    }

    /// A variable can't be written: why.
    pub(crate) fn unwritten(&mut self, name: &str, why: impl Into<Cow<'static, str>>) {
        self.told.push((ExportKey::Env, name.into(), ExportFate::Missing(why.into())));
    }

    /// The report on it: each key that says something, in the order of the registry.
    pub(crate) fn notes(self, usual: fn(ExportKey) -> ExportFate) -> Vec<ExportNote> {
        let app = self.app.name.as_str();
        let note = |key: &str, fate| ExportNote { app: app.into(), key: key.into(), fate };
        let mut notes = Vec::new();
        let said = said::keys(self.app);
        for key in ExportKey::ALL {
            let told: Vec<_> = self.told.iter().filter(|(about, ..)| about == key).collect();
            let is_whole = told.iter().any(|(_, part, _)| part.is_empty());
            let is_said = said.contains(&key.name());
            if is_said && !is_whole && (*key != ExportKey::Env || !self.variables.plain.is_empty())
            {
                notes.push(note(key.name(), usual(*key)));
            }
            // What nobody wrote is told only where a part of it is another thing there.
            let told = told.into_iter().filter(|(_, part, _)| is_said || !part.is_empty());
            for (_, part, fate) in told {
                let name = format!("{} {part}", key.name());
                notes.push(note(name.trim_end(), fate.clone()));
            }
        }
        let nowhere = said.iter().filter_map(|key| Some((*key, crate::nowhere::why(key)?)));
        notes.extend(nowhere.map(|(key, why)| note(key, ExportFate::missing(why))));
        notes
    }
}
