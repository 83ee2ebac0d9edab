//! What an instance waits for outside before it begins: plain data, there only while it waits.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use pm_spec::OutsideNeed;

use crate::end::Cause;
use crate::id::{Time, after};

/// One thing outside that an instance waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideThing {
    /// What.
    pub need: OutsideNeed,
    /// It is there.
    pub is_there: bool,
    /// What was seen in its place.
    pub saw: Option<String>,
}

impl OutsideThing {
    /// What it is, and what was seen in its place.
    pub fn seen(&self) -> String {
        let what = &self.need.question.probe;
        self.saw.as_ref().map_or_else(|| format!("{what}"), |saw| format!("{what}: {saw}"))
    }
}

/// A wait for things outside.
#[derive(Clone, Debug)]
pub(crate) struct OutsideWait {
    pub(crate) since: Time,
    pub(crate) things: Vec<OutsideThing>,
    /// Nothing of it keeps anybody from beginning.
    pub(crate) is_over: bool,
    /// What did not come in its time; it is waited for all the same.
    pub(crate) late: Option<Cause>,
    /// When the time of the next one is over.
    pub(crate) next: Option<Time>,
}

impl OutsideWait {
    pub(crate) fn new(now: Time, needs: &[OutsideNeed]) -> Self {
        let thing =
            |need: &OutsideNeed| OutsideThing { need: need.clone(), is_there: false, saw: None };
        let things = needs.iter().map(thing).collect();
        Self { since: now, things, is_over: false, late: None, next: None }
    }

    pub(crate) fn is_for(&self, needs: &[OutsideNeed]) -> bool {
        self.things.iter().map(|thing| &thing.need).eq(needs)
    }

    /// Sees what time has made of it; whether it is another matter now.
    pub(crate) fn look(&mut self, now: Time) -> bool {
        let missing = || self.things.iter().filter(|thing| !thing.is_there);
        let due = |thing: &OutsideThing| after(self.since, thing.need.within);
        let late = missing().find(|thing| thing.need.required && due(thing) <= now);
        let late =
            late.map(|thing| Cause::Outside { within: thing.need.within, saw: thing.seen() });
        self.is_over = missing().all(|thing| !thing.need.required && due(thing) <= now);
        self.next = missing().map(due).filter(|due| *due > now).min();
        let is_news = self.late != late;
        self.late = late;
        is_news
    }
}
