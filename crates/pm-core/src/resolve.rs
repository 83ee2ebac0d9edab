//! Which instances a selector means.
//!
//! A word that could mean different sets is refused with all candidates rather than guessed (pain 52).

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use pm_spec::Select;

use crate::app::App;
use crate::id::{AppId, InstanceId};
use crate::instance::Instance;
use crate::order::Refused;

type Ids = BTreeSet<InstanceId>;

/// Where a selector looks.
pub(crate) struct Resolver<'a> {
    pub(crate) apps: &'a BTreeMap<AppId, App>,
    pub(crate) instances: &'a BTreeMap<InstanceId, Box<Instance>>,
}

impl Resolver<'_> {
    pub(crate) fn resolve(&self, selects: &[Select]) -> Result<Vec<InstanceId>, Refused> {
        let mut ids = Ids::new();
        for select in selects {
            let meant = match select {
                Select::All => {
                    ids.extend(self.instances.keys());
                    continue;
                }
                Select::Name(name) => self.of_apps(|app| app.spec.name.as_str() == name),
                Select::Namespace(name) => self.of_apps(|app| app.spec.namespace.as_str() == name),
                Select::Id(id) => self.of_id(*id),
                Select::Word(word) => self.of_word(select, word)?,
            };
            if meant.is_empty() {
                return Err(Refused::NoMatch(select.clone()));
            }
            ids.extend(meant);
        }
        Ok(ids.into_iter().collect())
    }

    fn of_apps(&self, such: impl Fn(&App) -> bool) -> Ids {
        let apps = self.apps.values().filter(|app| such(app));
        apps.flat_map(|app| app.slots.values().copied()).collect()
    }

    fn of_id(&self, id: u32) -> Ids {
        let id = InstanceId(id);
        self.instances.contains_key(&id).then_some(id).into_iter().collect()
    }

    /// PM2's three kinds: name or script, namespace, number.
    fn of_word(&self, select: &Select, word: &str) -> Result<Ids, Refused> {
        let named = |app: &App| {
            app.spec.name.as_str() == word || app.spec.script.as_bytes() == word.as_bytes()
        };
        let by_name = self.of_apps(named);
        let by_namespace = self.of_apps(|app| app.spec.namespace.as_str() == word);
        let by_id = word.parse().map_or_else(|_| Ids::new(), |id| self.of_id(id));
        let mut kinds = [&by_name, &by_namespace, &by_id].into_iter().filter(|ids| !ids.is_empty());
        let first = kinds.next().cloned().unwrap_or_default();
        if kinds.all(|ids| *ids == first) {
            return Ok(first);
        }
        let mut candidates: Vec<(String, Vec<InstanceId>)> = self.by_names(&by_name);
        if !by_namespace.is_empty() {
            candidates.push((format!("ns:{word}"), by_namespace.iter().copied().collect()));
        }
        candidates.extend(by_id.iter().map(|id| (format!("id:{}", id.0), [*id].into())));
        Err(Refused::Ambiguous { select: select.clone(), candidates })
    }

    /// These instances, by the names of their apps.
    fn by_names(&self, ids: &Ids) -> Vec<(String, Vec<InstanceId>)> {
        let mut names: BTreeMap<String, Vec<InstanceId>> = BTreeMap::new();
        for id in ids {
            if let Some(instance) = self.instances.get(id) {
                names.entry(format!("name:{}", instance.spec.name)).or_default().push(*id);
            }
        }
        names.into_iter().collect()
    }
}
