//! Apps to export: one that says nothing, one that says something else in every key, and any.

use pm_spec::{
    AppName, AppSpec, Bytes, Checks, Condition, CpuSet, Cpus, Delay, Dependency, HealthCheck,
    Identifier, IoPriority, Isolate, JobPolicy, KernelRules, Limits, ListenSocket, LogTarget,
    OnUnhealthy, Overlap, Probe, Question, Readiness, ReloadOrder, ReloadPolicy, ResourceKind,
    ResourceLimit, RestartPolicy, RestartRule, Rotation, Schedule, Signal, Span, StopPolicy,
    TimedCommand, UserChoice,
};

/// Two instances of something that is healthy, and nothing else is said.
pub(crate) fn plain(name: &str) -> AppSpec {
    let mut app = AppSpec::new(AppName::parse(name).unwrap(), "/bin/sh", "/");
    app.instances = 2;
    app.checks.health = Some(Box::new(HealthCheck::new(Probe::Exec(vec!["/bin/true".into()]))));
    app
}

/// Another value of every key.
pub(crate) fn other() -> AppSpec {
    let name = AppName::parse("other").unwrap();
    AppSpec {
        namespace: AppName::parse("group").unwrap(),
        interpreter: Some("/usr/bin/env".into()),
        interpreter_args: vec!["-i".into()],
        args: vec!["x".into()],
        instances: 3,
        instance_var: "SLOT".into(),
        umask: Some(0o27),
        nice: Some(5),
        kernel: kernel(),
        autostart: false,
        depends_on: vec![Dependency {
            condition: Condition::Healthy,
            ..Dependency::on(AppName::parse("base").unwrap())
        }],
        restart: RestartPolicy {
            autorestart: false,
            max_restarts: 4,
            min_uptime: Span::from_secs(7),
            delay: Delay::Fixed(Span::from_secs(3)),
            stop_exit_codes: [0, 3].into(),
            rule: RestartRule::Always,
            start_retries: Some(8),
            flapping_limit: 7,
        },
        stop: StopPolicy {
            signal: Signal::HUP,
            timeout: Span::from_secs(9),
            tree: false,
            by_message: false,
        },
        reload_signal: Some(Signal::USR1),
        reload: ReloadPolicy {
            order: ReloadOrder::StartFirst,
            parallelism: 2,
            monitor: Span::from_secs(4),
            canary: 1,
        },
        limits: Limits { memory: Some(Bytes::new(32 << 20)) },
        listen: vec![ListenSocket::parse(b"tcp://127.0.0.1:8000?name=web").unwrap()],
        checks: checks(),
        schedule: Some(schedule()),
        job: JobPolicy {
            overlap: Overlap::Kill,
            time_limit: Some(Span::from_secs(600)),
            retries: 2,
        },
        pre_start: Some(ended()),
        staged: pm_spec::HookStage::ALL.map(|stage| (stage, ended())).into(),
        secrets: [("key".to_owned(), pm_spec::SecretSource::File("/etc/key".into()))].into(),
        logs: pm_spec::LogSpec {
            out: LogTarget::File("/var/log/o.log".into()),
            error: LogTarget::File("/var/log/e.log".into()),
            rotation: Rotation { max_size: Some(Bytes::new(5 << 20)), keep: 3, compress: true },
            ..pm_spec::LogSpec::default()
        },
        user: Some(UserChoice {
            uid: Some(Identifier::Name("nobody".into())),
            gid: Some(Identifier::Number(100)),
            groups: vec![Identifier::Number(4)],
        }),
        ..AppSpec::new(name, "/bin/echo", "/usr")
    }
}

fn ended() -> TimedCommand {
    TimedCommand { command: vec!["/bin/true".into()], timeout: Span::from_secs(5) }
}

fn kernel() -> KernelRules {
    let limit = ResourceLimit { soft: Some(7), hard: Some(9) };
    KernelRules {
        rlimits: [(ResourceKind::Nofile, limit)].into(),
        ioprio: Some(IoPriority::BestEffort(6)),
        oom_score_adj: Some(300),
        mem_limit: Some(Bytes::new(64 << 20)),
        cpus: Cpus::parse("0.5"),
        cpuset: CpuSet::parse("0-2,4").unwrap(),
        pids_limit: Some(40),
        isolate: Isolate::Strict,
        write_paths: vec!["/var/lib/x".into()],
        private_tmp: true,
        network: false,
    }
}

fn schedule() -> Schedule {
    Schedule {
        pattern: "5 4 * * 1-5".into(),
        zone: Some("Europe/Berlin".into()),
        after_stop: false,
        job: true,
        catch_up: true,
        random_delay: Span::from_secs(60),
    }
}

fn checks() -> Checks {
    let probe = Probe::Shell("exit 0".into());
    let timeout = Span::from_secs(2);
    Checks {
        ready: Some(Box::new(Readiness::Answers(Question { probe: probe.clone(), timeout }))),
        ready_timeout: Span::from_secs(11),
        health: Some(Box::new(HealthCheck {
            interval: Span::from_secs(12),
            ..HealthCheck::new(probe)
        })),
        watchdog: Some(Span::from_secs(13)),
        on_unhealthy: OnUnhealthy::Nothing,
    }
}
