//! The founding article: two gunicorn apps in two project folders, each with its venv.

use pm_spec::LogFormat;

use crate::desk::{Desk, text, texts};

const FILE: &str = r#"{
  apps: [
    {
      name: "project1",
      script: "gunicorn",
      args: "app:app --workers 2 --bind 0.0.0.0:5000",
      interpreter: "/usr/bin/python3",
      cwd: "./project1/",
      env: { FLASK_ENV: "production", PORT: 5000 },
      log_date_format: "YYYY-MM-DD HH:mm:ss",
    },
    {
      name: "project2",
      script: "gunicorn",
      args: "app:app --workers 2 --bind 0.0.0.0:5001",
      interpreter: "/usr/bin/python3",
      cwd: "./project2/",
      env: { FLASK_ENV: "production", PORT: 5001 },
      log_date_format: "YYYY-MM-DD HH:mm:ss",
    },
  ],
}"#;

fn desk(file: &str) -> Desk {
    let desk = Desk::new();
    desk.link("usr/bin/python3", "/bin/sh");
    desk.write("ecosystem.json5", file.replace("/usr/bin", desk.path("usr/bin").to_str().unwrap()));
    for (project, venv) in [("project1", "venv"), ("project2", ".venv")] {
        desk.venv(&format!("{project}/{venv}"));
        desk.program(&format!("{project}/{venv}/bin/gunicorn"), "#!/gone/python\n");
    }
    desk
}

#[test]
fn both_gunicorns_run_with_the_python_of_their_venv() {
    let mut desk = desk(FILE);
    // Called from elsewhere: the file's folder counts.
    desk.caller.cwd = "/".into();
    let ecosystem = desk.load(desk.path("ecosystem.json5").to_str().unwrap()).unwrap();
    for (app, (project, venv)) in
        ecosystem.apps.iter().zip([("project1", "venv"), ("project2", ".venv")])
    {
        let path = |rest: &str| desk.path(&format!("{project}{rest}")).display().to_string();
        assert_eq!(app.name.as_str(), project);
        assert_eq!(text(&app.script), path(&format!("/{venv}/bin/gunicorn")));
        let interpreter = app.interpreter.as_ref().map(text);
        assert_eq!(interpreter, Some(path(&format!("/{venv}/bin/python"))));
        assert_eq!(text(&app.cwd), path(""));
        assert_eq!(texts(&app.args)[..3], ["app:app", "--workers", "2"]);
        assert_eq!(app.env.get("FLASK_ENV").map(text).as_deref(), Some("production"));
        assert_eq!(app.env.get("PYTHONUNBUFFERED").map(text).as_deref(), Some("1"));
        assert_eq!(app.env.get("SHELL_ONLY").map(text).as_deref(), Some("yes"));
        assert_eq!(texts(&app.declared_env), ["FLASK_ENV", "PORT"]);
        assert_eq!(app.logs.format, LogFormat::Stamped("YYYY-MM-DD HH:mm:ss".into()));
        assert_eq!(
            app.source.as_ref().map(text),
            Some(desk.path("ecosystem.json5").display().to_string())
        );
    }
    let warnings: Vec<_> = ecosystem.warnings.iter().map(|w| w.message.clone()).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings.iter().all(|w| w.contains("belongs to a venv")), "{warnings:?}");
}

#[test]
fn without_an_interpreter_gunicorn_runs_itself_and_nothing_needs_saying() {
    let desk = desk(&FILE.replace("interpreter:", "// interpreter:"));
    for venv in ["project1/venv", "project2/.venv"].map(|venv| desk.path(venv)) {
        let python = venv.join("bin/python");
        desk.program(
            venv.join("bin/gunicorn").to_str().unwrap(),
            &format!("#!{}\n", python.display()),
        );
    }
    let ecosystem = desk.load("ecosystem.json5").unwrap();
    assert!(ecosystem.warnings.is_empty(), "{:?}", ecosystem.warnings);
    for app in &ecosystem.apps {
        assert_eq!(app.interpreter, None);
        assert_eq!(app.env.get("PYTHONUNBUFFERED").map(text).as_deref(), Some("1"));
    }
}

#[test]
fn a_gunicorn_of_the_system_keeps_the_interpreter_it_was_given() {
    let desk = desk(FILE);
    std::fs::remove_dir_all(desk.path("project1/venv")).unwrap();
    desk.program("bin/gunicorn", "#!/usr/bin/python3\n");
    let ecosystem = desk.load("ecosystem.json5").unwrap();
    let app = &ecosystem.apps[0];
    assert_eq!(text(&app.script), desk.path("bin/gunicorn").display().to_string());
    let interpreter = app.interpreter.as_ref().map(text);
    assert_eq!(interpreter, Some(desk.path("usr/bin/python3").display().to_string()));
}
