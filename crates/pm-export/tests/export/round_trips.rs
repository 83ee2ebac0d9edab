//! Any apps, written and read back.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use pm_export::ExportTarget;
use pm_spec::{
    AppName, AppSpec, ByteString, Bytes, Condition, CpuSet, Cpus, Dependency, Door, HealthCheck,
    Identifier, LogTarget, Probe, ResourceKind, ResourceLimit, RestartRule, Signal, Span,
    UserChoice,
};

use crate::back::{compare, runs_alike};

/// Any text a program can be given, with what files have signs for more often than not.
fn text() -> impl Strategy<Value = String> {
    let hostile = r#"[ a-z;#%$"'\\`,=:{}\[\]\n\t!&*|>~@-]{0,10}"#;
    let any = any::<String>().prop_map(|text| text.replace('\0', ""));
    let words = prop_oneof![
        Just("yes"),
        Just("null"),
        Just("1e3"),
        Just("0x1f"),
        Just("%(here)s"),
        Just("${HOME}"),
        Just("%h $$x")
    ];
    prop_oneof![4 => hostile, 1 => any, 1 => words.prop_map(str::to_owned)]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![(1_u64..90_000).prop_map(Span::from_millis), (1_u64..90).prop_map(Span::from_secs)]
}

fn user() -> impl Strategy<Value = UserChoice> {
    let id = || {
        prop_oneof![
            (0_u32..60_000).prop_map(Identifier::Number),
            Just(Identifier::Name("app".into()))
        ]
    };
    (option::of(id()), option::of(id()), vec(id(), 0..2))
        .prop_map(|(uid, gid, groups)| UserChoice { uid, gid, groups })
}

fn rule() -> impl Strategy<Value = RestartRule> {
    prop_oneof![
        3 => Just(RestartRule::Unsaid),
        1 => Just(RestartRule::No),
        1 => Just(RestartRule::Always),
        1 => Just(RestartRule::UnlessStopped),
        1 => option::of(1_u32..9).prop_map(RestartRule::OnFailure),
    ]
}

prop_compose! {
    fn runs()(
        args in vec(text(), 0..4),
        // Of these letters no name is made that looks like one of a secret, whose value no file has.
        env in vec(("[ABZ][ABZ_]{0,4}", text()), 0..4),
        cwd in prop_oneof![Just("/"), Just("/usr"), Just("/tmp")],
        umask in option::of(0_u32..0o777),
        user in option::of(user()),
        instances in prop_oneof![4 => Just(1_u16), 1 => 1_u16..4],
    ) -> AppSpec {
        let mut app = AppSpec::new(AppName::default_namespace(), "/bin/sh", cwd);
        app.args = args.into_iter().map(Into::into).collect();
        for (name, value) in env {
            app.env.set(&name, value);
            app.declared_env.push(name.into());
        }
        app.umask = umask;
        app.user = user;
        app.instances = instances;
        app
    }
}

prop_compose! {
    fn rules()(
        mut app in runs(),
        rule in rule(),
        (retries, uptime, codes) in (option::of(0_u32..20), span(), proptest::collection::btree_set(0_u8..9, 0..3)),
        (signal, timeout, tree) in (1_u8..65, span(), any::<bool>()),
        (size, keep, out) in (option::of(1_u64..1 << 40), 1_u32..50, option::of("/log/[a-z %;]{1,6}x")),
        (autostart, autorestart) in (any::<bool>(), any::<bool>()),
    ) -> AppSpec {
        app.restart.autorestart = autorestart;
        app.restart.stop_exit_codes = codes;
        app.restart.min_uptime = uptime;
        app.restart.start_retries = retries;
        app.restart.follow(rule);
        app.stop.signal = Signal::try_from(signal).unwrap();
        app.stop.timeout = timeout;
        app.stop.tree = tree;
        app.logs.rotation.max_size = size.map(Bytes::new);
        app.logs.rotation.keep = keep;
        app.logs.out = out.map_or(LogTarget::Discard, |path| LogTarget::File(path.into()));
        app.logs.error = app.logs.out.clone();
        app.autostart = autostart;
        app
    }
}

fn probe() -> impl Strategy<Value = Probe> {
    prop_oneof![
        vec(text(), 0..3).prop_map(|words| Probe::Exec(
            [vec!["/bin/true".into()], words.into_iter().map(Into::into).collect()].concat()
        )),
        text().prop_map(|line| Probe::Shell(format!("x{line}").into())),
        Just(Probe::Connect(Door::Tcp("localhost:80".into()))),
    ]
}

prop_compose! {
    fn kept()(
        mut app in rules(),
        check in option::of((probe(), span(), span(), 1_u32..9)),
        (oom, network) in (option::of(-1000_i16..1000), any::<bool>()),
        (memory, cpus, pids) in (option::of(1_u64..1 << 40), option::of(10_u32..9000), option::of(1_u32..9999)),
        cpuset in option::of((0_u16..9, 0_u16..9)),
        limit in option::of((0_u64..1 << 40, 0_u64..1 << 40)),
        (parallelism, monitor) in (0_u32..4, span()),
        needs in option::of((any::<bool>(), any::<bool>(), 0_u8..3)),
    ) -> AppSpec {
        app.checks.health = check.map(|(probe, interval, start_period, retries)| {
            Box::new(HealthCheck { interval, start_period, retries, ..HealthCheck::new(probe) })
        });
        app.kernel.oom_score_adj = oom;
        app.kernel.network = network;
        app.kernel.mem_limit = memory.map(Bytes::new);
        app.kernel.cpus = cpus.and_then(|cpus| Cpus::parse(&format!("{}.{:03}", cpus / 1000, cpus % 1000)));
        app.kernel.pids_limit = pids;
        if let Some((one, other)) = cpuset {
            app.kernel.cpuset = CpuSet::parse(&format!("{one},{other}-9")).unwrap();
        }
        if let Some((one, other)) = limit {
            let limit = ResourceLimit { soft: Some(one.min(other)), hard: Some(one.max(other)) };
            app.kernel.rlimits.insert(ResourceKind::Nofile, limit);
        }
        app.reload.parallelism = parallelism;
        app.reload.monitor = monitor;
        app.depends_on = needs.map(|(required, restart, condition)| {
            let condition = [Condition::Started, Condition::Ready, Condition::Completed][usize::from(condition)];
            Dependency { app: AppName::parse("base").unwrap(), condition, required, restart }
        }).into_iter().collect();
        app
    }
}

/// `base` and some that may need it.
fn some() -> impl Strategy<Value = Vec<AppSpec>> {
    (runs(), vec(kept(), 0..3)).prop_map(|(base, others)| {
        let named =
            |(app, name): (AppSpec, &str)| AppSpec { name: AppName::parse(name).unwrap(), ..app };
        let mut base = AppSpec { instances: 1, ..base };
        // It ends, so that it may be waited for.
        base.restart.follow(RestartRule::No);
        [base].into_iter().chain(others).zip(["base", "web", "api", "job"]).map(named).collect()
    })
}

/// An app that tells where it runs and with what, and is no job.
fn telling(mut app: AppSpec) -> AppSpec {
    let mut args: Vec<ByteString> = vec!["-c".into(), TELL.into(), "sh".into()];
    args.append(&mut app.args);
    AppSpec { args, user: None, instances: 1, ..app }
}

const TELL: &str = "pwd; umask; for it; do printf \"[%s]\" \"$it\"; done; \
                    for it in A B Z A_ AA; do eval \"printf \\\"<%s>\\\" \\\"\\$$it\\\"\"; done";

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn supervisor_s_file_is_read_back_as_it_was_meant(apps in some()) {
        compare(&apps, &ExportTarget::Supervisor.export(&apps));
    }

    #[test]
    fn units_are_read_back_as_they_were_meant(apps in some()) {
        compare(&apps, &ExportTarget::Systemd.export(&apps));
    }

    #[test]
    fn a_procfile_runs_what_was_meant(apps in some()) {
        let apps: Vec<_> = apps.into_iter().map(telling).collect();
        runs_alike(&apps, &ExportTarget::Procfile.export(&apps));
    }

    #[test]
    fn a_compose_file_is_read_back_as_it_was_meant(apps in some()) {
        compare(&apps, &ExportTarget::Compose.export(&apps));
    }
}
