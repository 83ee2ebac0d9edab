//! Sees what apps are like and says when something has become worth an alert, or is no longer. Pure, on whatever clock it is
//! given: what must last has to last without a break, and what is well again has to stay so, so that who flaps is told of once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pm_spec::{AlertRules, RuleLimit};
use serde::{Deserialize, Serialize};

use super::scope::AlertScope;

/// So long must be well what was not, in ms.
const SETTLED: u64 = 60_000;

/// What stands for the machine where instances have their ids.
const MACHINE: u32 = u32::MAX;

/// An instance as it is now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sighting {
    pub(crate) id: u32,
    pub(crate) app: String,
    pub(crate) namespace: String,
    /// As `pm list` says it.
    pub(crate) standing: &'static str,
    pub(crate) is_up: bool,
    pub(crate) restarts: u32,
    /// Whether it has failed so often in a row that it is called out, and not run for long since.
    pub(crate) flaps: bool,
    /// Per cent of one core, if it was measured.
    pub(crate) cpu: Option<f32>,
    /// Bytes, if they were measured.
    pub(crate) memory: Option<u64>,
    /// Whether the last run of a job failed.
    pub(crate) job_failed: bool,
    /// How it ended just now, if nobody told it to.
    pub(crate) unasked_end: Option<String>,
    /// Why it is not up.
    pub(crate) note: String,
}

/// Something has become bad, or good again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AlertNews {
    pub(crate) rule: String,
    pub(crate) app: String,
    pub(crate) namespace: String,
    pub(crate) id: u32,
    /// `false`: it is well again.
    pub(crate) is_raised: bool,
    pub(crate) detail: String,
    pub(crate) at_ms: u64,
    /// Since when it is bad, or was.
    pub(crate) since_ms: u64,
}

/// Something that is bad, or was a moment ago.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AlertCase {
    since_ms: u64,
    /// Whether it was told.
    is_raised: bool,
    #[serde(default)]
    good_since_ms: Option<u64>,
    news: AlertNews,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(crate) struct Watchman {
    cases: BTreeMap<(String, u32), AlertCase>,
    restarts: BTreeMap<u32, (u32, VecDeque<u64>)>,
    /// With how many restarts those that flap were seen last.
    flapping: BTreeMap<u32, u32>,
    /// Those that ended unasked and are not up again.
    stopped: BTreeMap<u32, String>,
}

/// One thing about one instance.
struct AlertFinding<'a> {
    rule: &'static str,
    of: &'a Sighting,
    /// What is bad about it.
    bad: Option<String>,
    /// So long it has to be so.
    hold_ms: u64,
    /// So long it has to be otherwise.
    settle_ms: u64,
}

impl Watchman {
    /// Goes on with what was told before.
    pub(crate) fn resume(raised: Vec<AlertNews>) -> Self {
        let case = |news: AlertNews| {
            let since_ms = news.since_ms;
            let key = (news.rule.clone(), news.id);
            (key, AlertCase { since_ms, is_raised: true, good_since_ms: None, news })
        };
        Self { cases: raised.into_iter().map(case).collect(), ..Self::default() }
    }

    /// What was told and is not well again.
    pub(crate) fn raised(&self) -> Vec<AlertNews> {
        let raised = self.cases.values().filter(|case| case.is_raised);
        raised.map(|case| case.news.clone()).collect()
    }

    /// Looks at everything; `disk` is how full it is in per cent.
    pub(crate) fn look(
        &mut self,
        (rules, apps): (&AlertRules, AlertScope<'_>),
        seen: &[Sighting],
        disk: Option<f64>,
        now_ms: u64,
    ) -> Vec<AlertNews> {
        let seen: Vec<_> = seen.iter().filter(|it| apps.admits(&it.namespace, &it.app)).collect();
        let ids: BTreeSet<u32> = seen.iter().map(|it| it.id).collect();
        // What somebody deleted is nothing to tell of.
        self.cases.retain(|(_, id), _| *id == MACHINE || ids.contains(id));
        self.restarts.retain(|id, _| ids.contains(id));
        self.stopped.retain(|id, _| ids.contains(id));
        self.flapping.retain(|id, _| ids.contains(id));
        self.set_back(now_ms);
        let mut news = Vec::new();
        for one in seen {
            for finding in self.findings(rules, one, now_ms) {
                news.extend(self.judge(finding, now_ms));
            }
        }
        let machine = Sighting { id: MACHINE, ..Sighting::default() };
        let full =
            |limit: &RuleLimit| disk.map(|disk| (disk, u32::try_from(limit.most).unwrap_or(100)));
        if let Some((disk, most)) = rules.disk.as_ref().and_then(full) {
            let bad = (disk > f64::from(most)).then(|| format!("{disk:.0}% > {most}%"));
            let finding =
                AlertFinding { rule: "disk", of: &machine, bad, hold_ms: 0, settle_ms: SETTLED };
            news.extend(self.judge(finding, now_ms));
        }
        news
    }

    /// On a clock that was set back nothing began later than now: it would last until the clock comes there again.
    fn set_back(&mut self, now_ms: u64) {
        for case in self.cases.values_mut() {
            case.since_ms = case.since_ms.min(now_ms);
            case.good_since_ms = case.good_since_ms.map(|since| since.min(now_ms));
        }
        for at in self.restarts.values_mut().flat_map(|(_, times)| times) {
            *at = now_ms.min(*at);
        }
    }

    fn findings<'a>(
        &mut self,
        rules: &AlertRules,
        one: &'a Sighting,
        now_ms: u64,
    ) -> Vec<AlertFinding<'a>> {
        let mut all = Vec::new();
        let mut add = |rule, is_on: bool, bad: Option<String>, hold_ms, settle_ms| {
            if is_on {
                all.push(AlertFinding { rule, of: one, bad, hold_ms, settle_ms });
            }
        };
        if let Some(end) = &one.unasked_end {
            self.stopped.insert(one.id, end.clone());
        } else if one.is_up {
            self.stopped.remove(&one.id);
        }
        let note = || one.note.clone();
        add("errored", rules.errored, (one.standing == "errored").then(note), 0, SETTLED);
        let is_flapping = self.flaps(one);
        add("flapping", rules.flapping, is_flapping.then(note), 0, SETTLED);
        add("stopped", rules.stopped, self.stopped.get(&one.id).cloned(), 0, SETTLED);
        add("job_failed", rules.job_failed, one.job_failed.then(note), 0, 0);
        let was_unhealthy = self.is_raised("unhealthy", one.id) && !one.is_up;
        let is_unhealthy = one.standing == "unhealthy" || was_unhealthy;
        add("unhealthy", rules.unhealthy, is_unhealthy.then(note), 0, SETTLED);
        if let Some(limit) = rules.restarts {
            let count = self.restarts_in(one, limit.ms, now_ms);
            let is_bad = count >= limit.most || (self.is_raised("restarts", one.id) && count > 0);
            add("restarts", true, is_bad.then(|| count.to_string()), 0, 0);
        }
        if let Some(limit) = rules.memory {
            let over = one.memory.filter(|memory| *memory > limit.most);
            let detail = |memory| {
                format!("{} > {}", pm_spec::Bytes::new(memory), pm_spec::Bytes::new(limit.most))
            };
            add("memory", true, over.map(detail), limit.ms, SETTLED);
        }
        if let Some(limit) = rules.cpu {
            let most = f64::from(u32::try_from(limit.most).unwrap_or(u32::MAX));
            let over = one.cpu.map(f64::from).filter(|cpu| *cpu > most);
            add("cpu", true, over.map(|cpu| format!("{cpu:.0}% > {most:.0}%")), limit.ms, SETTLED);
        }
        all
    }

    fn is_raised(&self, rule: &str, id: u32) -> bool {
        self.cases.get(&(rule.to_owned(), id)).is_some_and(|case| case.is_raised)
    }

    /// Whether it fails again and again: up to its next failure it looks well, and who was told of it and is not up is not well.
    fn flaps(&mut self, one: &Sighting) -> bool {
        let seen = self.flapping.insert(one.id, one.restarts);
        let is_new = one.flaps && (!one.is_up || seen.is_none_or(|seen| seen < one.restarts));
        is_new || (self.is_raised("flapping", one.id) && !one.is_up)
    }

    /// How often it was restarted within this time.
    fn restarts_in(&mut self, one: &Sighting, within_ms: u64, now_ms: u64) -> u64 {
        let (last, times) =
            self.restarts.entry(one.id).or_insert_with(|| (one.restarts, VecDeque::new()));
        // A counter that was reset begins anew.
        let more = one.restarts.saturating_sub(*last);
        *last = one.restarts;
        times.extend((0..more.min(10_000)).map(|_| now_ms));
        while times.front().is_some_and(|at| now_ms.saturating_sub(*at) >= within_ms) {
            times.pop_front();
        }
        u64::try_from(times.len()).unwrap_or(u64::MAX)
    }

    /// What is new about one thing.
    fn judge(&mut self, finding: AlertFinding<'_>, now_ms: u64) -> Option<AlertNews> {
        let AlertFinding { rule, of, bad, hold_ms, settle_ms } = finding;
        let key = (rule.to_owned(), of.id);
        let Some(detail) = bad else {
            let case = self.cases.get_mut(&key)?;
            let good_since = *case.good_since_ms.get_or_insert(now_ms);
            if case.is_raised && now_ms.saturating_sub(good_since) < settle_ms {
                return None;
            }
            let case = self.cases.remove(&key)?;
            let news = AlertNews { is_raised: false, at_ms: now_ms, ..case.news };
            return case.is_raised.then_some(news);
        };
        let new = || AlertCase {
            since_ms: now_ms,
            is_raised: false,
            good_since_ms: None,
            news: AlertNews {
                rule: rule.into(),
                app: of.app.clone(),
                namespace: of.namespace.clone(),
                id: of.id,
                is_raised: true,
                detail: String::new(),
                at_ms: now_ms,
                since_ms: now_ms,
            },
        };
        let case = self.cases.entry(key).or_insert_with(new);
        case.good_since_ms = None;
        if case.is_raised || now_ms.saturating_sub(case.since_ms) < hold_ms {
            return None;
        }
        case.is_raised = true;
        (case.news.detail, case.news.at_ms) = (detail, now_ms);
        Some(case.news.clone())
    }

    /// When to look again although nothing is heard, in ms since 1970.
    pub(crate) fn next_at(&self, rules: &AlertRules) -> Option<u64> {
        let limit = |rule: &str| match rule {
            "memory" => rules.memory,
            "cpu" => rules.cpu,
            _ => None,
        };
        let case = |((rule, _), case): (&(String, u32), &AlertCase)| {
            let settled = case.good_since_ms.map(|since| since + SETTLED);
            let held =
                limit(rule).filter(|_| !case.is_raised).map(|limit| case.since_ms + limit.ms);
            settled.or(held)
        };
        let window = rules.restarts.map_or(0, |limit| limit.ms);
        let restarts = self.restarts.values().filter_map(|(_, times)| times.front());
        self.cases.iter().filter_map(case).chain(restarts.map(|at| at + window)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_pattern::AppPattern;

    fn one(standing: &'static str) -> Sighting {
        let (app, namespace) = ("web".to_owned(), "default".to_owned());
        let is_up = ["online", "unhealthy"].contains(&standing);
        Sighting { app, namespace, standing, is_up, note: "exit 1".into(), ..Sighting::default() }
    }

    struct World(Watchman, AlertRules, AppPattern);

    impl World {
        fn with(name: &str, text: &str) -> Self {
            let off = pm_spec::ALERT_RULES.map(|(name, _)| (name.to_owned(), "off".to_owned()));
            let mut said: BTreeMap<_, _> = off.into();
            said.insert(name.into(), text.into());
            let rules = AlertRules::read(&said).unwrap();
            Self(Watchman::default(), rules, AppPattern::default())
        }

        /// `+rule` and `-rule` for what is told.
        fn at(&mut self, seconds: u64, seen: &Sighting) -> String {
            self.all(seconds, std::slice::from_ref(seen), None)
        }

        fn all(&mut self, seconds: u64, seen: &[Sighting], disk: Option<f64>) -> String {
            let news =
                self.0.look((&self.1, AlertScope::Pattern(&self.2)), seen, disk, seconds * 1000);
            let told =
                |it: &AlertNews| format!("{}{}", if it.is_raised { '+' } else { '-' }, it.rule);
            news.iter().map(told).collect::<Vec<_>>().join(" ")
        }
    }

    #[test]
    fn who_flaps_is_told_of_once_and_its_recovery_once() {
        let mut world = World::with("errored", "on");
        assert_eq!(world.at(0, &one("online")), "");
        assert_eq!(world.at(1, &one("errored")), "+errored");
        for second in 2..50 {
            let standing = if second % 2 == 0 { "online" } else { "errored" };
            assert_eq!(world.at(second, &one(standing)), "");
        }
        assert_eq!(world.at(50, &one("online")), "");
        assert_eq!(world.0.next_at(&world.1), Some(110_000));
        assert_eq!(world.at(109, &one("online")), "");
        assert_eq!(world.at(110, &one("online")), "-errored");
        assert_eq!(
            (world.at(111, &one("online")), world.0.next_at(&world.1)),
            (String::new(), None)
        );
    }

    #[test]
    fn who_fails_again_and_again_is_told_of_once_and_is_well_when_it_has_run_for_long() {
        let mut world = World::with("flapping", "on");
        let app = |standing, restarts, flaps| Sighting { restarts, flaps, ..one(standing) };
        assert_eq!(world.at(0, &app("online", 9, false)), "");
        assert_eq!(world.at(1, &app("waiting restart", 9, true)), "+flapping");
        for second in 2..50 {
            // Only its runs are seen, each well as far as one can see.
            assert_eq!(
                world.at(second, &app("online", 9 + u32::try_from(second).unwrap(), true)),
                ""
            );
        }
        assert_eq!(world.at(50, &app("errored", 58, true)), "");
        assert_eq!(world.at(200, &app("errored", 58, true)), "", "down is not well");
        assert_eq!(world.at(201, &app("online", 59, false)), "");
        assert_eq!(world.0.next_at(&world.1), Some(261_000));
        assert_eq!(world.at(261, &app("online", 59, false)), "-flapping");
        assert_eq!(world.at(262, &app("online", 59, false)), "");
        let mut world = World::with("flapping", "on");
        assert_eq!(world.at(0, &app("online", 59, true)), "+flapping", "the first that is seen");
    }

    #[test]
    fn what_must_last_lasts_without_a_break() {
        for (name, text, over, under) in [
            (
                "memory",
                "1M for 60s",
                Sighting { memory: Some(2 << 20), ..one("online") },
                one("online"),
            ),
            ("cpu", "90% for 60s", Sighting { cpu: Some(95.0), ..one("online") }, one("online")),
        ] {
            let mut world = World::with(name, text);
            assert_eq!(world.at(0, &over), "");
            assert_eq!(world.0.next_at(&world.1), Some(60_000));
            assert_eq!(world.at(59, &under), "", "a break");
            assert_eq!(world.at(60, &over), "");
            assert_eq!(world.at(119, &over), "");
            assert_eq!(world.at(120, &over), format!("+{name}"));
            assert_eq!(world.at(500, &over), "");
            assert_eq!(world.at(501, &under), "");
            assert_eq!(world.at(561, &under), format!("-{name}"));
        }
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_last_longer() {
        let mut world = World::with("memory", "1K for 60s");
        let over = Sighting { memory: Some(5000), ..one("online") };
        let fine = Sighting { memory: Some(5), ..one("online") };
        assert_eq!(world.at(90_000, &over), "");
        assert_eq!(world.at(10, &over), "");
        assert_eq!(world.at(70, &over), "+memory");
        assert_eq!(world.at(80, &fine), "");
        assert_eq!(world.at(20, &fine), "");
        assert_eq!(world.at(80, &fine), "-memory");
        let mut world = World::with("restarts", "2 in 60s");
        let restarted = |restarts| Sighting { restarts, ..one("online") };
        world.at(90_000, &restarted(0));
        world.at(90_000, &restarted(1));
        assert_eq!(world.at(10, &restarted(1)), "");
        assert_eq!(world.at(80, &restarted(2)), "", "the first one was longer ago");
    }

    #[test]
    fn restarts_are_counted_in_their_window() {
        let mut world = World::with("restarts", "3 in 10m");
        let app = |restarts| Sighting { restarts, ..one("online") };
        assert_eq!(world.at(0, &app(7)), "", "those of before");
        assert_eq!(world.at(1, &app(8)), "");
        assert_eq!(world.at(2, &app(9)), "");
        assert_eq!(world.at(602, &app(10)), "", "the first two are too old");
        assert_eq!(world.at(603, &app(12)), "+restarts");
        assert_eq!(world.at(604, &app(0)), "", "a reset is none");
        assert_eq!(world.at(1202, &app(0)), "");
        assert_eq!(world.at(1203, &app(0)), "-restarts");
    }

    #[test]
    fn each_of_the_others_is_raised_and_recovers() {
        let mut world = World::with("stopped", "on");
        let end = Sighting { unasked_end: Some("exited with code 1".into()), ..one("stopped") };
        assert_eq!(world.at(0, &one("stopped")), "", "somebody said so");
        assert_eq!(world.at(1, &end), "+stopped");
        assert_eq!(world.at(100, &one("stopped")), "", "it still is");
        assert_eq!(world.at(101, &one("online")), "");
        assert_eq!(world.at(161, &one("online")), "-stopped");
        let mut world = World::with("job_failed", "on");
        assert_eq!(world.at(0, &Sighting { job_failed: true, ..one("failed") }), "+job_failed");
        assert_eq!(world.at(9, &one("scheduled")), "-job_failed");
        let mut world = World::with("unhealthy", "on");
        assert_eq!(world.at(0, &one("unhealthy")), "+unhealthy");
        assert_eq!(world.at(100, &one("errored")), "", "down is not well");
        assert_eq!(world.at(200, &one("errored")), "");
        world.at(201, &one("online"));
        assert_eq!(world.at(261, &one("online")), "-unhealthy");
        let mut world = World::with("disk", "90%");
        assert_eq!(world.all(0, &[], Some(90.0)), "");
        assert_eq!(world.all(1, &[], Some(91.0)), "+disk");
        assert_eq!(world.all(2, &[], Some(50.0)), "");
        assert_eq!(world.all(62, &[], Some(50.0)), "-disk");
    }

    #[test]
    fn what_is_deleted_or_not_meant_is_not_told_and_what_was_told_is_remembered() {
        let mut world = World::with("errored", "on");
        world.2 = AppPattern::from("db".to_owned());
        assert_eq!(world.at(0, &one("errored")), "");
        world.2 = AppPattern::default();
        assert_eq!(world.at(1, &one("errored")), "+errored");
        let told = world.0.raised();
        assert_eq!(world.all(2, &[], None), "");
        assert!(world.0.raised().is_empty());
        world.0 = Watchman::resume(told);
        assert_eq!(world.at(3, &one("errored")), "", "another panel told it");
        assert_eq!(world.at(4, &one("online")), "");
        assert_eq!(world.at(64, &one("online")), "-errored");
    }
}
