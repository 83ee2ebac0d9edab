//! What a world does: apps, what people ask when, how each run behaves, when the daemon dies.
//!
//! Decoded from a tape of small numbers, so that shrinking the tape shrinks the schedule; kept as JSON.

use pm_core::{Ending, Existing, Patience};
use pm_spec::{
    AppName, AppSpec, ByteString, Bytes, Checks, Condition, Delay, Dependency, Door, HealthCheck,
    HookEvent, HookStage, JobPolicy, Limits, ListenSocket, Mode, OnUnhealthy, OutsideNeed, Overlap,
    Probe, Question, Readiness, ReloadOrder, ReloadPolicy, RestartPolicy, RestartRule,
    Schedule as Clock, Select, Serving, Signal, Span, StopPolicy, TimedCommand, Watch,
};
use serde::{Deserialize, Serialize};

use super::common::app;

/// Bugs live at round numbers, at limits and beside them.
const TIMES: [u64; 22] = [
    0, 1, 2, 10, 99, 100, 101, 500, 999, 1000, 1001, 1599, 1600, 1601, 2599, 2600, 4999, 15_000,
    29_999, 30_000, 30_001, 60_000,
];
const SHORT: [u64; 6] = [1, 0, 2, 10, 100, 1600];

/// Everything.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Schedule {
    pub(crate) apps: Vec<Setup>,
    pub(crate) scripts: Vec<Script>,
    pub(crate) acts: Vec<Act>,
    pub(crate) deaths: Vec<Death>,
}

/// One app's policies.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub(crate) struct Setup {
    pub(crate) instances: u16,
    pub(crate) autostart: bool,
    pub(crate) memory: Option<u64>,
    pub(crate) restart: RestartPolicy,
    pub(crate) timeout: u64,
    pub(crate) tree: bool,
    #[serde(default)]
    pub(crate) clock: Option<AfterStop>,
    /// A job, which nothing but its times and `run` begins.
    #[serde(default)]
    pub(crate) job: bool,
    /// How it is run.
    #[serde(default)]
    pub(crate) runs: JobPolicy,
    #[serde(default)]
    pub(crate) watched: bool,
    #[serde(default)]
    pub(crate) serving: Serving,
    #[serde(default)]
    pub(crate) shares_sockets: bool,
    #[serde(default)]
    pub(crate) checks: Checks,
    pub(crate) reload_signal: Option<Signal>,
    #[serde(default)]
    pub(crate) reload: ReloadPolicy,
    /// It has a command for all that can happen.
    #[serde(default)]
    pub(crate) hooks: bool,
    /// It depends on the apps with these numbers.
    #[serde(default)]
    pub(crate) needs: Vec<NeedSetup>,
    /// It needs what is outside.
    #[serde(default)]
    pub(crate) outside: Vec<OutsideSetup>,
    /// It has a command for these moments of each run.
    #[serde(default)]
    pub(crate) staged: Vec<HookStage>,
    /// A command is run to its end before each run.
    #[serde(default)]
    pub(crate) prepared: bool,
}

/// One thing an app depends on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NeedSetup {
    pub(crate) on: usize,
    pub(crate) condition: Condition,
    pub(crate) required: bool,
    pub(crate) restart: bool,
}

/// One thing outside; it comes so long after somebody begins to wait for it, or never.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OutsideSetup {
    pub(crate) comes: Option<u64>,
    pub(crate) within: u64,
    pub(crate) required: bool,
}

/// Whether a schedule moves what a person has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AfterStop {
    Stays,
    Starts,
}

/// How one run behaves; times in ms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) spawns: Spawning,
    pub(crate) after: u64,
    pub(crate) lives: Option<u64>,
    pub(crate) ending: Ending,
    pub(crate) ready: Option<u64>,
    pub(crate) weighs: Option<(u64, u64)>,
    pub(crate) on_ask: Option<u64>,
    pub(crate) on_force: Option<u64>,
    pub(crate) children: Children,
    /// What it answers when it is asked, and when that is told.
    #[serde(default)]
    pub(crate) answers: Vec<(u64, Answer)>,
    /// When it says that it ends by itself; so each comes to rest that has to give signs of life.
    #[serde(default)]
    pub(crate) leaves: u64,
    /// How long it takes to replace its workers.
    #[serde(default)]
    pub(crate) replaces: Option<u64>,
    /// How long a command that goes with it takes.
    #[serde(default)]
    pub(crate) hook: u64,
}

/// What a run answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// Whether it is ready: no.
    Unready,
    /// Whether it is well: yes.
    Good,
    /// No.
    Bad,
    /// It is alive, by itself.
    Alive,
    /// It is not well, by itself.
    Unwell,
}

/// Who is left when the main process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Children {
    Nobody,
    /// Some, until they are signalled.
    Staying,
    /// Some, who go by themselves after so long.
    Leaving(u64),
}

/// What comes of a spawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Spawning {
    Well,
    Refused,
    Short,
}

/// What people do, and how long after the thing before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Act {
    pub(crate) after: u64,
    pub(crate) what: What,
}

/// What people do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum What {
    Start {
        app: usize,
        existing: Existing,
        patience: Patience,
        instances: u16,
    },
    StartAll,
    Restart(Pick, Patience),
    Reload(Pick),
    Run(Pick, bool),
    Stop(Pick),
    Delete(Pick),
    Scale(Pick, u16),
    Reset(Pick),
    Signal(Pick),
    Restore,
    Leave,
    /// A time of an app's schedule comes, so many times in a row.
    Due(usize, u8),
    /// A file of an app changes.
    Touch(usize),
    /// The client of the last request goes away.
    Withdraw,
    /// A fact about a run that is over, or a fact once more.
    Stale(u8, usize),
}

/// Whom they mean.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) enum Pick {
    All,
    App(usize),
    Id(u32),
}

/// The daemon dies before performing its n-th order from its birth and is back after so many ms.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Death {
    pub(crate) orders: u32,
    pub(crate) down: u64,
}

impl Script {
    /// What runs do when there is nothing scripted any more.
    pub(crate) const GOOD: Self = Self {
        spawns: Spawning::Well,
        after: 1,
        lives: None,
        ending: Ending::Exited(0),
        ready: None,
        weighs: None,
        on_ask: Some(1),
        on_force: Some(1),
        children: Children::Nobody,
        answers: Vec::new(),
        leaves: 1,
        replaces: Some(1),
        hook: 1,
    };
}

impl Setup {
    /// As the core sees it.
    pub(crate) fn spec(&self, number: usize) -> AppSpec {
        let socket = ListenSocket::parse(b"tcp://127.0.0.1:80").expect("a socket");
        let command = || {
            let command = vec![ByteString::from("/bin/true")];
            TimedCommand { command, timeout: TimedCommand::TIMEOUT }
        };
        AppSpec {
            instances: self.instances,
            autostart: self.autostart,
            limits: Limits { memory: self.memory.map(Bytes::new) },
            restart: RestartPolicy {
                autorestart: self.restart.autorestart && !self.job,
                // Configs refuse it beside a schedule.
                start_retries: self.restart.start_retries.filter(|_| !self.job),
                ..self.restart.clone()
            },
            stop: StopPolicy {
                signal: Signal::INT,
                timeout: Span::from_millis(self.timeout),
                tree: self.tree,
                by_message: false,
            },
            schedule: (self.job || self.clock.is_some()).then(|| Clock {
                pattern: "* * * * *".into(),
                zone: None,
                after_stop: self.clock == Some(AfterStop::Starts),
                job: self.job,
                ..Clock::default()
            }),
            job: self.runs.clone(),
            watch: self.watched.then(|| Watch {
                on: true,
                paths: vec![ByteString::from("/srv")],
                ignore: Vec::new(),
                extensions: Vec::new(),
                delay: Span::ZERO,
                poll: None,
                follow_links: true,
            }),
            serving: self.serving.clone(),
            listen: self.shares_sockets.then_some(socket).into_iter().collect(),
            checks: self.checks.clone(),
            reload_signal: self.reload_signal,
            reload: self.reload,
            hooks: HookEvent::ALL
                .into_iter()
                .filter(|_| self.hooks)
                .map(|event| (event, vec![ByteString::from("/bin/true")]))
                .collect(),
            pre_start: self.prepared.then(command),
            staged: self.staged.iter().map(|stage| (*stage, command())).collect(),
            depends_on: self.needs.iter().map(NeedSetup::dependency).collect(),
            outside: (0..).zip(&self.outside).map(|(at, thing)| thing.need(at)).collect(),
            ..app(&format!("app{number}"))
        }
    }
}

impl NeedSetup {
    fn dependency(&self) -> Dependency {
        let Self { on, condition, required, restart } = *self;
        let app = AppName::parse(&format!("app{on}")).expect("a good name");
        Dependency { app, condition, required, restart }
    }
}

impl OutsideSetup {
    /// The need at this place of an app's list.
    fn need(&self, at: usize) -> OutsideNeed {
        let probe = Probe::Connect(Door::Tcp(format!("localhost:{}", at + 1)));
        let Self { within, required, .. } = *self;
        OutsideNeed { within: Span::from_millis(within), required, ..OutsideNeed::on(probe) }
    }
}

/// Small numbers, and zeros when they are used up.
struct Tape<'a>(std::slice::Iter<'a, u16>);

impl Tape<'_> {
    fn below(&mut self, limit: u16) -> u16 {
        self.0.next().map_or(0, |number| number % limit)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let limit = u16::try_from(from.len()).expect("lists are short");
        from[usize::from(self.below(limit))]
    }

    /// One time in `n`.
    fn rarely(&mut self, n: u16) -> bool {
        self.below(n) == n - 1
    }

    fn many<T>(&mut self, most: u16, one: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }
}

impl Schedule {
    /// What the tape says; `mortal`: the daemon dies now and then.
    pub(crate) fn read(tape: &[u16], mortal: bool) -> Self {
        let mut tape = Tape(tape.iter());
        let deaths = if mortal { tape.many(5, death) } else { Vec::new() };
        let mut apps = vec![setup(&mut tape)];
        apps.extend(tape.many(2, setup));
        depend(&mut tape, &mut apps);
        let mut acts = vec![Act { after: 0, what: What::StartAll }];
        let count = u16::try_from(apps.len()).expect("few apps");
        acts.extend(tape.many(9, |tape| act(tape, count)));
        let scripts = tape.many(24, script);
        Self { apps, scripts, acts, deaths }
    }

    /// The same for one app of three instances that serve, and are then reloaded with some of them going first: by chance
    /// that is rare.
    pub(crate) fn with_canaries(self, canary: u32) -> Self {
        let reload = ReloadPolicy {
            order: ReloadOrder::StartFirst,
            parallelism: 3,
            canary,
            monitor: Span::from_secs(1),
        };
        let shared = |app: Setup| Setup {
            instances: 3,
            autostart: true,
            job: false,
            clock: None,
            reload_signal: None,
            needs: Vec::new(),
            outside: Vec::new(),
            shares_sockets: true,
            reload,
            ..app
        };
        let apps: Vec<_> = self.apps.into_iter().take(1).map(shared).collect();
        let serves = Script { ready: Some(10), ..Script::GOOD };
        let scripts = std::iter::repeat_n(serves, 3).chain(self.scripts).collect();
        let reload = Act { after: 60_000, what: What::Reload(Pick::All) };
        let acts = self.acts.iter().take(1).chain([&reload]).chain(self.acts.iter().skip(1));
        Self { apps, scripts, acts: acts.cloned().collect(), deaths: self.deaths }
    }
}

/// Some apps depend on others, mostly on those with greater numbers; what has to come to an end may.
fn depend(tape: &mut Tape<'_>, apps: &mut [Setup]) {
    let count = u16::try_from(apps.len()).expect("few apps");
    for number in 0..apps.len() {
        for _ in 0..tape.pick(&[0, 1, 0, 2]) {
            let on = usize::from(tape.below(count));
            // Of circles there are few, for they are refused.
            let is_back = on <= number && !tape.rarely(12);
            let (started, completed) = (Condition::Started, Condition::Completed);
            let all = [started, Condition::Ready, completed, Condition::Healthy];
            let mut condition = tape.pick(&all);
            // Of what is refused for want of a check there is little.
            let is_asked = apps[on].checks.health.is_some() || tape.rarely(12);
            if condition == Condition::Healthy && !is_asked {
                condition = Condition::Ready;
            }
            let need =
                NeedSetup { on, condition, required: !tape.rarely(4), restart: tape.rarely(3) };
            if is_back {
                continue;
            }
            apps[on].restart.autorestart &= condition != Condition::Completed;
            apps[number].needs.push(need);
        }
    }
}

fn death(tape: &mut Tape<'_>) -> Death {
    Death { orders: u32::from(tape.below(24)), down: tape.pick(&[0, 1, 10, 1000, 5000]) }
}

fn setup(tape: &mut Tape<'_>) -> Setup {
    let style = tape.below(6);
    let delay = match style {
        0..=3 => Delay::Automatic,
        4 => Delay::Fixed(Span::from_millis(tape.pick(&[0, 100, 3000]))),
        _ => Delay::Exponential(Span::from_millis(tape.pick(&[100, 1, 0, 20_000]))),
    };
    let stop_code = tape.rarely(5).then_some(3);
    Setup {
        instances: tape.pick(&[1, 2, 1, 3]),
        autostart: !tape.rarely(10),
        memory: tape.rarely(4).then_some(100),
        restart: RestartPolicy {
            autorestart: !tape.rarely(6),
            max_restarts: tape.pick(&[16, 3, 1, 2, 0]),
            min_uptime: Span::from_millis(tape.pick(&[1000, 0, 1, 5000, 100, 40_000])),
            delay,
            stop_exit_codes: stop_code.into_iter().collect(),
            rule: tape.pick(&[RestartRule::Unsaid, RestartRule::Unsaid, RestartRule::Always]),
            start_retries: (style == 3).then_some(2),
            flapping_limit: tape.pick(&[10, 3, 1]),
        },
        timeout: tape.pick(&[1600, 0, 1, 1000, 10_000]),
        tree: !tape.rarely(5),
        clock: tape.pick(&[None, Some(AfterStop::Stays), None, Some(AfterStop::Starts)]),
        job: tape.rarely(4),
        runs: JobPolicy {
            overlap: tape.pick(&[Overlap::Skip, Overlap::Queue, Overlap::Kill]),
            time_limit: tape.pick(&[None, Some(1000), None, Some(100)]).map(Span::from_millis),
            retries: tape.pick(&[0, 1, 0, 3]),
        },
        watched: tape.rarely(3),
        serving: serving(tape),
        shares_sockets: tape.rarely(3),
        checks: checks(tape),
        reload_signal: tape.rarely(3).then_some(Signal::HUP),
        hooks: tape.rarely(3),
        needs: Vec::new(),
        outside: if tape.rarely(4) { tape.many(2, outside) } else { Vec::new() },
        reload: reload(tape),
        staged: HookStage::ALL.into_iter().filter(|_| tape.rarely(4)).collect(),
        prepared: tape.rarely(4),
    }
}

fn outside(tape: &mut Tape<'_>) -> OutsideSetup {
    OutsideSetup {
        comes: tape.pick(&[Some(0), Some(100), None, Some(1000), Some(5000)]),
        within: tape.pick(&[1000, 100, 0, 3000]),
        required: !tape.rarely(3),
    }
}

fn checks(tape: &mut Tape<'_>) -> Checks {
    let probe = Probe::Connect(Door::Tcp("localhost:1".into()));
    let question = Question { probe: probe.clone(), timeout: Span::from_secs(1) };
    let ready = tape.rarely(4).then(|| Box::new(Readiness::Answers(question)));
    let health = HealthCheck {
        retries: tape.pick(&[1, 2, 3, 0]),
        start_period: Span::from_millis(tape.pick(&[0, 100, 1000])),
        ..HealthCheck::new(probe)
    };
    Checks {
        ready,
        ready_timeout: Span::from_millis(tape.pick(&[3000, 0, 100])),
        health: tape.rarely(3).then(|| Box::new(health)),
        watchdog: tape.rarely(3).then(|| Span::from_millis(tape.pick(&[1000, 100, 5000]))),
        on_unhealthy: tape.pick(&[OnUnhealthy::Restart, OnUnhealthy::Nothing]),
    }
}

fn reload(tape: &mut Tape<'_>) -> ReloadPolicy {
    use ReloadOrder::{StartFirst, StopFirst, Unsaid};
    let order = tape.pick(&[Unsaid, StartFirst, Unsaid, StopFirst]);
    let parallelism = tape.pick(&[0, 2, 0, 1]);
    let monitor = tape.pick(&[0, 1000, 0, 100]);
    // Taken from the tape, it would give another meaning to the schedules that were kept.
    let canary = u32::from(monitor == 100);
    ReloadPolicy { order, parallelism, canary, monitor: Span::from_millis(monitor) }
}

fn serving(tape: &mut Tape<'_>) -> Serving {
    let mode = tape.pick(&[Mode::Fork, Mode::Cluster]);
    let wait_ready = tape.rarely(4);
    let listen_timeout = Span::from_millis(tape.pick(&[3000, 0, 100, 1000]));
    Serving { mode, wait_ready, listen_timeout, ..Serving::default() }
}

fn act(tape: &mut Tape<'_>, apps: u16) -> Act {
    let after = tape.pick(&TIMES);
    let app = usize::from(tape.below(apps));
    let patience = tape.pick(&[Patience::Settled, Patience::Spawned]);
    let pick = match tape.below(6) {
        0..=2 => Pick::App(app),
        3 => Pick::All,
        _ => Pick::Id(u32::from(tape.below(5))),
    };
    let what = match tape.below(30) {
        0..=3 => What::Stop(pick),
        4..=9 => What::Restart(pick, patience),
        10 | 11 => What::Delete(pick),
        12..=14 => {
            let all = [
                Existing::Restart,
                Existing::Keep,
                Existing::Refuse,
                Existing::Duplicate,
                Existing::Converge,
                Existing::Reload,
                Existing::Converge,
            ];
            let (existing, instances) = (tape.pick(&all), 1 + tape.below(3));
            What::Start { app, existing, patience, instances }
        }
        15 | 16 => What::Reload(pick),
        17 => What::Scale(pick, tape.pick(&[1, 3, 2])),
        18 => What::Reset(pick),
        19 => What::Signal(pick),
        20 => What::Restore,
        21 => What::Withdraw,
        22 => What::Stale(u8::try_from(tape.below(6)).expect("small"), usize::from(tape.below(8))),
        23..=25 => What::Due(app, tape.pick(&[1, 2])),
        26 => What::Touch(app),
        27 => What::Run(pick, true),
        28 => What::Run(Pick::App(app), tape.rarely(2)),
        _ if tape.rarely(2) => What::Leave,
        _ => What::Stop(Pick::All),
    };
    Act { after, what }
}

fn script(tape: &mut Tape<'_>) -> Script {
    let spawns = tape.pick(&[
        Spawning::Well,
        Spawning::Well,
        Spawning::Well,
        Spawning::Well,
        Spawning::Refused,
        Spawning::Short,
    ]);
    let lives = (!tape.rarely(4)).then(|| tape.pick(&TIMES));
    let ending = tape.pick(&[
        Ending::Exited(1),
        Ending::Exited(0),
        Ending::Exited(3),
        Ending::Signaled { signal: 11, core: true },
        Ending::OutOfMemory { code: None, limit: Bytes::new(1) },
        Ending::OutOfMemory { code: Some(3), limit: Bytes::new(1) },
        Ending::Unknown,
    ]);
    let children = match tape.below(6) {
        4 => Children::Staying,
        5 => Children::Leaving(tape.pick(&TIMES)),
        _ => Children::Nobody,
    };
    Script {
        spawns,
        after: tape.pick(&SHORT),
        lives,
        ending,
        ready: tape.rarely(3).then(|| tape.pick(&TIMES)),
        weighs: tape.rarely(4).then(|| (tape.pick(&TIMES), tape.pick(&[101, 100, 5000]))),
        on_ask: (!tape.rarely(4)).then(|| tape.pick(&TIMES)),
        on_force: (!tape.rarely(6)).then(|| tape.pick(&[1, 0, 999, 1000, 2600, 20_000])),
        children,
        answers: tape.many(5, |tape| {
            let all = [
                Answer::Bad,
                Answer::Good,
                Answer::Bad,
                Answer::Unready,
                Answer::Alive,
                Answer::Alive,
                Answer::Unwell,
            ];
            (tape.pick(&TIMES), tape.pick(&all))
        }),
        leaves: tape.pick(&TIMES),
        replaces: (!tape.rarely(4)).then(|| tape.pick(&TIMES)),
        hook: tape.pick(&TIMES),
    }
}

/// Whom a command means.
pub(super) fn select(pick: Pick) -> Vec<Select> {
    match pick {
        Pick::All => vec![Select::All],
        Pick::App(app) => vec![Select::Name(name(app).as_str().into())],
        Pick::Id(id) => vec![Select::Id(id)],
    }
}

/// What the app of this number is called.
pub(super) fn name(app: usize) -> AppName {
    AppName::parse(&format!("app{app}")).expect("a good name")
}
