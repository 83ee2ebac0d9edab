//! What a user asks for: one app.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::serving::LISTEN_TIMEOUT;

use crate::{
    AppName, ByteString, Checks, Dependency, Environment, HookCommands, JobPolicy, KernelRules,
    Limits, ListenSocket, LogSpec, Mode, OutsideNeed, Preset, ReloadOrder, ReloadPolicy,
    RestartPolicy, Schedule, SecretSource, Serving, Signal, Span, StagedCommands, StopPolicy,
    TimedCommand, Watch, looks_secret,
};

/// Everything that is needed to run an app, complete: restart, adoption and resurrection use this record alone
/// (pain 32). All paths are absolute and stored as given; symlinks are followed at each start (pain 44).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSpec {
    /// What it is called.
    pub name: AppName,
    /// The group it belongs to.
    pub namespace: AppName,
    /// The project it belongs to (Compose): what `up` and `down` bring and take away together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ByteString>,
    /// The script or program as the user means it; shown as "script path".
    pub script: ByteString,
    /// What runs the script; `None`: the script is executed itself.
    pub interpreter: Option<ByteString>,
    /// Arguments before the script (PM2: `node_args`).
    pub interpreter_args: Vec<ByteString>,
    /// Arguments after the script.
    pub args: Vec<ByteString>,
    /// The folder it runs in.
    pub cwd: ByteString,
    /// The complete environment, without what is added for each instance at its start.
    pub env: Environment,
    /// The names of `env` that the file or the command line set, not the caller's shell; for showing.
    pub declared_env: Vec<ByteString>,
    /// The names of `env` whose values came from a file of variables (Compose: `env_file`): nobody is shown them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_env: Vec<ByteString>,
    /// Further variables: their names, and the files (absolute) in which their values are, read at each start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_files: BTreeMap<String, ByteString>,
    /// Further ones: their values are what these commands print at each start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secret_commands: BTreeMap<String, TimedCommand>,
    /// What it finds as files of its own at each start, in a folder in memory (Compose: `secrets`, systemd: `LoadCredential=`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretSource>,
    /// The keys that nobody wrote and whose values were made from others: a change of these alone is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<ByteString>,
    /// How many instances, 1 to 65535.
    pub instances: u16,
    /// The variable that tells an instance its number (PM2: `instance_var`, `NODE_APP_INSTANCE`).
    pub instance_var: ByteString,
    /// A variable that counts up with the instance number, from its value in `env` or 0 (PM2: `increment_var`).
    pub increment_var: Option<ByteString>,
    /// The permissions that new files do not get; the daemon's own mask if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Its niceness, -20 to 19; the daemon's own if not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nice: Option<i32>,
    /// What else the kernel is told about its processes.
    #[serde(default, skip_serializing_if = "KernelRules::is_empty")]
    pub kernel: KernelRules,
    /// Whether it runs as soon as it is known (PM2: `autostart`).
    pub autostart: bool,
    /// Which apps come before it, in the order they were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
    /// What else has to be there before it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<OutsideNeed>,
    /// When it is restarted.
    pub restart: RestartPolicy,
    /// How it is stopped.
    pub stop: StopPolicy,
    /// The server it is, as written or as recognised.
    #[serde(default, skip_serializing_if = "is_none")]
    pub preset: Preset,
    /// Has its main process replace its workers by ones with the new code; `None`: a reload is a new run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reload_signal: Option<Signal>,
    /// How a reload replaces its runs.
    #[serde(default, skip_serializing_if = "ReloadPolicy::is_usual")]
    pub reload: ReloadPolicy,
    /// What restarts it although it runs.
    pub limits: Limits,
    /// How it serves, and how it talks to us.
    #[serde(default)]
    pub serving: Serving,
    /// Sockets that its runs find open and share.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listen: Vec<ListenSocket>,
    /// What it has to show of itself.
    #[serde(default, skip_serializing_if = "Checks::is_empty")]
    pub checks: Checks,
    /// When the clock starts it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// How it runs to its end.
    #[serde(default, skip_serializing_if = "JobPolicy::is_usual")]
    pub job: JobPolicy,
    /// Which files start it anew when they change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch>,
    /// What is run when something happens to it.
    #[serde(default, skip_serializing_if = "HookCommands::is_empty")]
    pub hooks: HookCommands,
    /// What is run to its good end before each run begins (systemd: `ExecStartPre=`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_start: Option<TimedCommand>,
    /// What is run along with each run.
    #[serde(default, skip_serializing_if = "StagedCommands::is_empty")]
    pub staged: StagedCommands,
    /// Where its output goes.
    pub logs: LogSpec,
    /// A file that holds the pid while it runs; the daemon adds `-<id>` before `.pid` (PM2: `pid_file`).
    pub pid_file: Option<ByteString>,
    /// Whom it runs as, if not as us.
    pub user: Option<UserChoice>,
    /// The version of the package the script belongs to, for showing (PM2: `version`).
    pub version: Option<ByteString>,
    /// The config file it came from, for showing.
    pub source: Option<ByteString>,
    /// Keys that a `null` on the command line took away (PM2): its lists do not show them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub nulled: BTreeSet<String>,
}

impl AppSpec {
    /// What an app has where nothing is said.
    pub fn usual() -> Self {
        Self::new(AppName::default_namespace(), "", "")
    }

    /// An app with all defaults, an empty environment and no logs.
    pub fn new(name: AppName, script: impl Into<ByteString>, cwd: impl Into<ByteString>) -> Self {
        Self {
            name,
            namespace: AppName::default_namespace(),
            project: None,
            script: script.into(),
            interpreter: None,
            interpreter_args: Vec::new(),
            args: Vec::new(),
            cwd: cwd.into(),
            env: Environment::new(),
            declared_env: Vec::new(),
            hidden_env: Vec::new(),
            secret_files: BTreeMap::new(),
            secret_commands: BTreeMap::new(),
            secrets: BTreeMap::new(),
            derived: Vec::new(),
            instances: 1,
            instance_var: "NODE_APP_INSTANCE".into(),
            increment_var: None,
            umask: None,
            nice: None,
            kernel: KernelRules::default(),
            autostart: true,
            depends_on: Vec::new(),
            outside: Vec::new(),
            restart: RestartPolicy::default(),
            stop: StopPolicy::default(),
            preset: Preset::None,
            reload_signal: None,
            reload: ReloadPolicy::default(),
            limits: Limits::default(),
            serving: Serving::default(),
            listen: Vec::new(),
            checks: Checks::default(),
            schedule: None,
            job: JobPolicy::default(),
            watch: None,
            hooks: HookCommands::new(),
            pre_start: None,
            staged: StagedCommands::new(),
            logs: LogSpec::default(),
            pid_file: None,
            user: None,
            version: None,
            source: None,
            nulled: BTreeSet::new(),
        }
    }

    /// Whether the value of a variable is masked where it is shown.
    pub fn hides(&self, name: &str) -> bool {
        looks_secret(name) || self.hidden_env.iter().any(|it| it.as_bytes() == name.as_bytes())
    }

    /// Whether a reload may begin a new run beside the old one.
    pub fn may_overlap(&self) -> bool {
        match self.reload.order {
            ReloadOrder::Unsaid => self.serving.mode == Mode::Cluster || !self.listen.is_empty(),
            ReloadOrder::StartFirst => true,
            ReloadOrder::StopFirst => false,
        }
    }

    /// Whether a run has to show that it is up, and is not before (`ready`, `wait_ready`, or a server that is known).
    pub const fn shows_ready(&self) -> bool {
        self.checks.ready.is_some() || self.serving.wait_ready || self.is_seen_to_serve()
    }

    /// Whether it is a server that runs for a while before it is up, and is seen to be: gunicorn's workers give a sign, who is in an event
    /// loop of uvicorn, hypercorn and daphne waits for callers of the sockets it was given, one of celery's for what its broker
    /// has to say, and the others listen.
    pub const fn is_seen_to_serve(&self) -> bool {
        let is_seen = match self.preset {
            Preset::Gunicorn
            | Preset::Uvicorn
            | Preset::Hypercorn
            | Preset::Daphne
            | Preset::Granian
            | Preset::Celery
            | Preset::Django
            | Preset::Flask => true,
            Preset::None | Preset::Uwsgi | Preset::Go => false,
        };
        is_seen && self.checks.ready.is_none() && !self.serving.wait_ready
    }

    /// Whether that is all it has to show: that it listens.
    pub const fn is_up_when_it_listens(&self) -> bool {
        let does = match self.preset {
            Preset::Uvicorn | Preset::Hypercorn | Preset::Daphne => self.listen.is_empty(),
            Preset::Granian | Preset::Django | Preset::Flask => true,
            Preset::None | Preset::Gunicorn | Preset::Uwsgi | Preset::Celery | Preset::Go => false,
        };
        does && self.is_seen_to_serve()
    }

    /// So long that may take, or a new process of a reload to serve.
    pub const fn ready_within(&self) -> Span {
        let is_usual = self.serving.listen_timeout.as_millis() == LISTEN_TIMEOUT.as_millis();
        if self.checks.ready.is_some() || (self.is_seen_to_serve() && is_usual) {
            self.checks.ready_timeout
        } else {
            self.serving.listen_timeout
        }
    }

    /// The variable that counts up, and its value in one instance.
    pub fn counted(&self, slot: u16) -> Option<(String, i64)> {
        let name = self.increment_var.as_ref()?.display().into_owned();
        let base = self.env.get(&name).and_then(|value| value.display().trim().parse::<i64>().ok());
        let value = base.unwrap_or(0).saturating_add(slot.into());
        Some((name, value))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_none(preset: &Preset) -> bool {
    *preset == Preset::None
}

/// Another user to run as; names are looked up when the app starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserChoice {
    /// PM2: `uid` or `user`.
    pub uid: Option<Identifier>,
    /// PM2: `gid`; the user's own group if not set.
    pub gid: Option<Identifier>,
    /// Groups besides those the user has anyway (Compose: `group_add`, systemd: `SupplementaryGroups=`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Identifier>,
}

/// A user or group by number or name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identifier {
    /// By number.
    Number(u32),
    /// By name.
    Name(ByteString),
}

impl fmt::Display for UserChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.uid {
            write!(f, "{user}")?;
        }
        self.gid.as_ref().map_or(Ok(()), |group| write!(f, ":{group}"))
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => f.write_str(&name.display()),
        }
    }
}

/// Reads a list of specs of which most have the same environment, and keeps one copy of it: at no time are there a
/// thousand. For `#[serde(deserialize_with)]`.
pub fn read_apps<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AppSpec>, D::Error> {
    struct Apps;
    impl<'de> Visitor<'de> for Apps {
        type Value = Vec<AppSpec>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of apps")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<AppSpec>, A::Error> {
            let mut apps = Vec::<AppSpec>::new();
            while let Some(mut app) = seq.next_element::<AppSpec>()? {
                if let Some(before) = apps.last() {
                    app.share(before);
                }
                apps.push(app);
            }
            Ok(apps)
        }
    }
    deserializer.deserialize_seq(Apps)
}

#[cfg(test)]
mod tests {
    use alloc::boxed::Box;

    use super::*;
    use crate::options::{self, KeyKind};
    use crate::{
        Bytes, Delay, Door, HealthCheck, HookEvent, HookStage, Ignore, IoPriority, Isolate,
        LogFormat, LogFull, LogTarget, OnUnhealthy, Overlap, Probe, Question, Readiness,
        ResourceKind, ResourceLimit, RestartRule, Rotation, Sched, Signal, Span,
    };
    use crate::{CpuSet, Cpus};

    type Field = (String, fn(&mut AppSpec, &AppSpec));

    /// All fields of a spec, those of the structs in it one by one. One that is missing here does not compile.
    macro_rules! fields {
        ($($field:ident $(: $inner:ident $parts:tt)?),* $(,)?) => {{
            #[expect(unused_variables, reason = "they are only named")]
            fn all(app: AppSpec) {
                let AppSpec { $($field),* } = app;
                $($(fields!(@all $field $inner $parts);)?)*
            }
            let _: fn(AppSpec) = all;
            let mut list: Vec<Field> = Vec::new();
            $(fields!(@list list $field $($parts)?);)*
            list
        }};
        (@all $field:ident Option { $struct:ident { $($part:ident),* } }) => {
            if let Some($struct { $($part),* }) = $field {}
        };
        (@all $field:ident $struct:ident { $($part:ident),* }) => {
            let $struct { $($part),* } = $field;
        };
        (@list $list:ident $field:ident) => {
            let copy = |to: &mut AppSpec, from: &AppSpec| to.$field = from.$field.clone();
            $list.push((stringify!($field).into(), copy));
        };
        (@list $list:ident $field:ident { $struct:ident { $($part:ident),* } }) => {
            $($list.push((alloc::format!("{}.{}", stringify!($field), stringify!($part)), |to, from| {
                if let (Some(to), Some(from)) = (&mut to.$field, &from.$field) {
                    to.$part = from.$part.clone();
                }
            }));)*
        };
        (@list $list:ident $field:ident { $($part:ident),* }) => {
            $($list.push((alloc::format!("{}.{}", stringify!($field), stringify!($part)), |to, from| {
                to.$field.$part = from.$field.$part.clone();
            }));)*
        };
    }

    fn every_field() -> Vec<Field> {
        fields! {
            name, namespace, project, script, interpreter, interpreter_args, args, cwd, env, declared_env,
            hidden_env, secret_files, secret_commands, secrets, derived, instances, instance_var, increment_var, umask, nice,
            kernel: KernelRules { rlimits, ioprio, oom_score_adj, mem_limit, cpus, cpuset, pids_limit, isolate, write_paths, private_tmp, network },
            autostart, depends_on, outside,
            restart: RestartPolicy { autorestart, max_restarts, min_uptime, delay, stop_exit_codes, rule, start_retries, flapping_limit },
            stop: StopPolicy { signal, timeout, tree, by_message },
            preset, reload_signal,
            reload: ReloadPolicy { order, parallelism, canary, monitor },
            limits: Limits { memory },
            serving: Serving {
                mode, sched, channel, preload, wait_ready, listen_timeout, source_maps, marks
            },
            listen,
            schedule: Option { Schedule { pattern, zone, after_stop, job, catch_up, random_delay } },
            checks: Checks { ready, ready_timeout, health, watchdog, on_unhealthy },
            job: JobPolicy { overlap, time_limit, retries },
            watch: Option { Watch { on, paths, ignore, extensions, delay, poll, follow_links } },
            logs: LogSpec { out, error, combined, merge, format, rotation, full },
            pid_file,
            user: Option { UserChoice { uid, gid, groups } },
            version, source, nulled, hooks, pre_start, staged,
        }
    }

    /// What no file says: it is only shown.
    const NO_KEYS: [&str; 6] =
        ["hidden_env", "derived", "serving.marks", "version", "source", "nulled"];

    fn usual() -> AppSpec {
        let mut app = AppSpec::new(AppName::default_namespace(), "a", "/");
        app.schedule = Some(Schedule { pattern: "0 0 * * *".into(), ..Schedule::default() });
        app.watch = Some(Watch {
            on: false,
            paths: Vec::new(),
            ignore: Vec::new(),
            extensions: Vec::new(),
            delay: Span::ZERO,
            poll: None,
            follow_links: true,
        });
        app.user = Some(UserChoice { uid: None, gid: None, groups: Vec::new() });
        app.declared_env = Vec::from(["A".into()]);
        app
    }

    fn other_serving() -> Serving {
        Serving {
            mode: Mode::Cluster,
            sched: Sched::Slot,
            channel: true,
            preload: false,
            wait_ready: true,
            listen_timeout: Span::ZERO,
            source_maps: true,
            marks: [(0, true)].into(),
        }
    }

    fn other_reload() -> ReloadPolicy {
        let (order, monitor) = (ReloadOrder::StartFirst, Span::from_secs(1));
        ReloadPolicy { order, parallelism: 2, canary: 1, monitor }
    }

    fn other_kernel() -> KernelRules {
        let limit = ResourceLimit { soft: Some(1), hard: None };
        KernelRules {
            rlimits: [(ResourceKind::Nofile, limit)].into(),
            ioprio: Some(IoPriority::Idle),
            oom_score_adj: Some(-1),
            mem_limit: Some(Bytes::new(3)),
            cpus: Cpus::parse("0.5"),
            cpuset: CpuSet::parse("1").unwrap(),
            pids_limit: Some(4),
            isolate: Isolate::Strict,
            write_paths: Vec::from(["/b".into()]),
            private_tmp: true,
            network: false,
        }
    }

    fn other_schedule() -> Schedule {
        Schedule {
            pattern: "* * * * *".into(),
            zone: Some("UTC".into()),
            after_stop: true,
            job: true,
            catch_up: true,
            random_delay: Span::from_secs(9),
        }
    }

    fn other_checks() -> Checks {
        let probe = Probe::Connect(Door::Tcp("localhost:1".into()));
        let question = Question { probe: probe.clone(), timeout: Span::from_secs(1) };
        Checks {
            ready: Some(Box::new(Readiness::Answers(question))),
            ready_timeout: Span::ZERO,
            health: Some(Box::new(HealthCheck::new(probe))),
            watchdog: Some(Span::from_secs(1)),
            on_unhealthy: OnUnhealthy::Nothing,
        }
    }

    fn other_job() -> JobPolicy {
        let time_limit = Some(Span::from_secs(1));
        JobPolicy { overlap: Overlap::Kill, time_limit, retries: 1 }
    }

    fn other_watch() -> Watch {
        Watch {
            on: true,
            paths: Vec::from(["/b".into()]),
            ignore: Vec::from([Ignore::Glob("b".into())]),
            extensions: Vec::from(["b".into()]),
            delay: Span::from_secs(1),
            poll: Some(Span::from_secs(1)),
            follow_links: false,
        }
    }

    fn other_user() -> UserChoice {
        UserChoice {
            uid: Some(Identifier::Number(1)),
            gid: Some(Identifier::Number(1)),
            groups: Vec::from([Identifier::Number(1)]),
        }
    }

    fn printed() -> TimedCommand {
        TimedCommand { command: ["/c".into()].into(), timeout: TimedCommand::TIMEOUT }
    }

    fn other_stop() -> StopPolicy {
        StopPolicy { signal: Signal::TERM, timeout: Span::ZERO, tree: false, by_message: true }
    }

    /// Different in every field.
    fn other() -> AppSpec {
        let mut env = Environment::new();
        env.set("A", "1");
        env.set("H", "1");
        AppSpec {
            name: AppName::parse("b").unwrap(),
            namespace: AppName::parse("b").unwrap(),
            project: Some("b".into()),
            script: "b".into(),
            interpreter: Some("sh".into()),
            interpreter_args: Vec::from(["-x".into()]),
            args: Vec::from(["b".into()]),
            cwd: "/b".into(),
            env,
            declared_env: Vec::from(["B".into()]),
            hidden_env: Vec::from(["H".into()]),
            secret_files: [(String::from("S"), "/s".into())].into(),
            secret_commands: [(String::from("C"), printed())].into(),
            secrets: [(String::from("T"), SecretSource::File("/t".into()))].into(),
            derived: Vec::from(["pid_file".into()]),
            instances: 2,
            instance_var: "B".into(),
            increment_var: Some("B".into()),
            umask: Some(0o77),
            nice: Some(-1),
            kernel: other_kernel(),
            autostart: false,
            depends_on: Vec::from([Dependency::on(AppName::default_namespace())]),
            outside: Vec::from([OutsideNeed::on(Probe::File("/b".into()))]),
            restart: RestartPolicy {
                autorestart: false,
                max_restarts: 1,
                min_uptime: Span::ZERO,
                delay: Delay::Fixed(Span::ZERO),
                stop_exit_codes: [1].into(),
                rule: RestartRule::No,
                start_retries: Some(1),
                flapping_limit: 1,
            },
            stop: other_stop(),
            preset: Preset::Celery,
            reload_signal: Some(Signal::HUP),
            reload: other_reload(),
            limits: Limits { memory: Some(Bytes::new(1)) },
            serving: other_serving(),
            listen: Vec::from([ListenSocket::parse(b"tcp://127.0.0.1:1?name=b").unwrap()]),
            schedule: Some(other_schedule()),
            checks: other_checks(),
            job: other_job(),
            watch: Some(other_watch()),
            pre_start: Some(printed()),
            staged: HookStage::ALL.map(|stage| (stage, printed())).into(),
            hooks: HookEvent::ALL.map(|event| (event, Vec::from(["/h".into()]))).into(),
            logs: LogSpec {
                out: LogTarget::File("/o".into()),
                error: LogTarget::File("/e".into()),
                combined: Some("/c".into()),
                merge: false,
                format: LogFormat::Stamped("HH".into()),
                rotation: Rotation { max_size: None, keep: 1, compress: false },
                full: LogFull::Block,
            },
            pid_file: Some("/p".into()),
            user: Some(other_user()),
            version: Some("2".into()),
            source: Some("/s".into()),
            nulled: [String::from("b")].into(),
        }
    }

    /// Whether some row tells these apart.
    fn is_seen(old: &AppSpec, new: &AppSpec) -> bool {
        let told = old.edits(new);
        told.iter().any(|edit| edit.what.starts_with("env."))
            || options::keys().any(|key| key.value(old) != key.value(new))
    }

    #[test]
    fn no_field_lacks_its_row() {
        for (name, copy) in every_field() {
            let mut old = usual();
            if name == "watch.paths" {
                // Where nothing is watched they are nobody's.
                old.watch.as_mut().unwrap().on = true;
            }
            let mut new = old.clone();
            copy(&mut new, &other());
            assert_ne!(new, old, "`other` has nothing of its own for {name}");
            let is_key = !NO_KEYS.contains(&name.as_str()) && name != "declared_env";
            assert_eq!(is_seen(&old, &new), is_key, "{name}");
        }
    }

    #[test]
    fn what_a_flag_says_is_taken_over() {
        for key in options::keys().filter(|key| key.flag.is_some()) {
            let mut app = usual();
            key.take(&mut app, &other());
            let is_unused = matches!(key.kind, KeyKind::Unused);
            assert_eq!(app == usual(), is_unused, "{}", key.name);
        }
    }
}
