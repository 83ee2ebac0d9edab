//! An app with nothing special about it. Tests of every crate take it from here: those of the core by path, for the core
//! and this crate are also built alone (by the mutants' runner), the others from `pm_testkit::samples`.
#![allow(unreachable_pub, reason = "pm-testkit passes it on")]

use pm_spec::{
    AppName, AppSpec, ByteString, Environment, Limits, LogFormat, LogFull, LogSpec, LogTarget,
    RestartPolicy, Rotation, Serving, StopPolicy,
};

/// An app of that name, `/srv/NAME.js`, with all defaults, an empty environment and no logs.
pub fn app(name: &str) -> AppSpec {
    AppSpec {
        name: AppName::parse(name).expect("tests use good names"),
        namespace: AppName::default_namespace(),
        script: ByteString::from(format!("/srv/{name}.js")),
        interpreter: None,
        interpreter_args: Vec::new(),
        args: Vec::new(),
        cwd: "/srv".into(),
        env: Environment::new(),
        declared_env: Vec::new(),
        instances: 1,
        instance_var: "NODE_APP_INSTANCE".into(),
        increment_var: None,
        autostart: true,
        restart: RestartPolicy::default(),
        stop: StopPolicy::default(),
        limits: Limits::default(),
        serving: Serving::default(),
        schedule: None,
        watch: None,
        logs: LogSpec {
            out: LogTarget::Discard,
            error: LogTarget::Discard,
            combined: None,
            merge: true,
            format: LogFormat::Raw,
            rotation: Rotation::default(),
            full: LogFull::Drop,
        },
        pid_file: None,
        user: None,
        version: None,
        source: None,
    }
}
