//! What tests share: an app to look at, and goldens.
//!
//! Goldens are tests against files: what is shown must be what lies in `src/golden/`. `PM_BLESS=1 cargo test -p pm` writes them anew.

use std::fs;
use std::path::Path;

use pm_protocol::{Description, Pulse, Row};
use pm_spec::{
    AppName, AppSpec, ByteString, Bytes, Delay, Environment, Limits, LogFormat, LogSpec, LogTarget,
    RestartPolicy, Span,
};

/// `shown` is what the golden file of this name says.
pub(crate) fn check(name: &str, shown: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden").join(name);
    if std::env::var_os("PM_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, shown).unwrap();
        return;
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == shown,
        "{} differs; PM_BLESS=1 takes what is shown now:\n--- golden\n{golden}--- shown\n{shown}",
        path.display()
    );
}

/// All about an instance of [`spec`] of which nothing is known but its row.
pub(crate) fn described(row: Row) -> Description {
    Description {
        rests: false,
        spec: spec(&row.name),
        row,
        out: None,
        error: None,
        combined: None,
        pid_file: None,
        pids: Vec::new(),
        ends: Vec::new(),
        last_delay: 0,
        next_start: None,
        next_cron: None,
        stopped_by: None,
        status: None,
        pulse: Pulse::default(),
    }
}

/// An app with something in every corner.
pub(crate) fn spec(name: &str) -> AppSpec {
    let mut env = Environment::new();
    env.set("PORT", "5000");
    env.set("API_KEY", "hunter2");
    env.set("PATH", "/usr/bin");
    env.set("status", "mine");
    let name = AppName::parse(name).unwrap();
    AppSpec {
        interpreter: Some("/srv/app/venv/bin/python3".into()),
        interpreter_args: vec!["-u".into()],
        args: ["-w", "2", "--bind", "0.0.0.0:5000", "my app:app"].map(ByteString::from).to_vec(),
        env,
        declared_env: vec!["API_KEY".into(), "PORT".into()],
        restart: RestartPolicy {
            delay: Delay::Fixed(Span::from_secs(3)),
            stop_exit_codes: [0, 2].into(),
            ..RestartPolicy::default()
        },
        limits: Limits { memory: Some(Bytes::new(200 << 20)) },
        logs: LogSpec {
            out: LogTarget::File("/srv/app/out.log".into()),
            format: LogFormat::Stamped("YYYY-MM-DD HH:mm:ss".into()),
            ..LogSpec::default()
        },
        pid_file: Some("/h/pids/web.pid".into()),
        version: Some("1.2.3".into()),
        source: Some("/srv/app/ecosystem.json5".into()),
        ..AppSpec::new(name, "/srv/app/venv/bin/gunicorn", "/srv/app")
    }
}
