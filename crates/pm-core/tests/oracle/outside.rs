//! What is outside comes before a run: nobody begins without what it requires, and nobody waits for what is there.
//!
//! Part of the oracle, which hears what was found and knows since when somebody has waited.

use std::collections::{BTreeMap, BTreeSet};

use pm_spec::{AppSpec, Status};

use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::end::Cause;
use crate::fact::{Ask, Fact};
use crate::id::{InstanceId, Time};

/// What was found of what an instance waits for.
#[derive(Clone, Debug)]
struct Search {
    since: Time,
    /// When people last started whoever waits.
    created: Time,
    found: BTreeSet<String>,
}

/// All who wait.
#[derive(Clone, Debug, Default)]
pub(super) struct OutsideLaws {
    searches: BTreeMap<InstanceId, Search>,
    /// Counters are set to zero, which gives nobody more time.
    resets: bool,
    /// Something else is asked.
    asks: bool,
}

impl OutsideLaws {
    pub(super) fn fact(&mut self, fact: &Fact) {
        self.resets = matches!(fact, Fact::Asked(_, Ask::Reset(_), _));
        self.asks = matches!(fact, Fact::Asked(..)) && !self.resets;
        if let Fact::Outside(id, probe, Ok(())) = fact
            && let Some(search) = self.searches.get_mut(id)
        {
            search.found.insert(probe.to_string());
        }
    }

    /// A run is to be made, and nothing frees it from waiting.
    pub(super) fn may_begin(
        &self,
        now: Time,
        id: InstanceId,
        app: &AppSpec,
    ) -> Result<(), BrokenLaw> {
        for need in &app.outside {
            let search = self.searches.get(&id);
            let is_found =
                search.is_some_and(|it| it.found.contains(&need.question.probe.to_string()));
            let waited = search.map_or(0, |it| now.0.saturating_sub(it.since.0));
            let is_done_without = !need.required && waited >= need.within.as_millis();
            law(is_found || is_done_without, || {
                format!("instance {} begins only with {need}: {search:?}", id.0)
            })?;
        }
        Ok(())
    }

    pub(super) fn rest(&mut self, now: Time, core: &Core) -> Result<(), BrokenLaw> {
        let waits = |id: &InstanceId| core.instance(*id).is_some_and(|it| !it.outside.is_empty());
        self.searches.retain(|id, _| waits(id));
        for instance in core.instances().filter(|it| !it.outside.is_empty()) {
            let broken = |what: &str| format!("instance {} waits outside: {what}", instance.id.0);
            law(instance.wanted && instance.run.is_none(), || broken("only who is to begin"))?;
            law(instance.obstacles.is_empty(), || broken("apps come first"))?;
            let search = self.searches.entry(instance.id);
            let search = search.or_insert_with(|| Search {
                since: now,
                created: instance.created,
                found: BTreeSet::new(),
            });
            // A person asked anew.
            if search.created != instance.created {
                search.created = instance.created;
                search.since = if self.resets { search.since } else { now };
            } else if self.asks && search.created == now {
                // After a reset in this very millisecond only the core knows whether that was asked of this one.
                let own = core.instances.get(&instance.id).and_then(|it| it.outside.as_ref());
                search.since = own.map_or(search.since, |wait| wait.since);
            }
            let waited = now.0.saturating_sub(search.since.0);
            let missing = instance.outside.iter().filter(|thing| !thing.is_there);
            let known = |name: &String| search.found.contains(name);
            let is_late =
                |thing: &&crate::outside::OutsideThing| waited >= thing.need.within.as_millis();
            law(missing.clone().any(|it| it.need.required || !is_late(&it)), || {
                broken("nobody waits for nothing")
            })?;
            let mut names = missing.clone().map(|thing| thing.need.question.probe.to_string());
            law(!names.any(|name| known(&name)), || broken("what was found is there"))?;
            let is_told = matches!(instance.failure, Some(Cause::Outside { .. }));
            let errored = instance.status == Status::Errored;
            let is_due = missing.clone().any(|it| it.need.required && is_late(&it));
            law(is_due == is_told && is_due == errored, || broken("it is told when it is late"))?;
        }
        Ok(())
    }

    /// The next daemon asks and waits anew.
    pub(super) fn died(&mut self) {
        self.searches.clear();
    }
}
