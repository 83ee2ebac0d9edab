//! Two apps of one file that want the same port.

use crate::desk::Desk;

fn warnings(text: &str) -> Vec<String> {
    let desk = Desk::new();
    desk.program("bin/python3", "");
    for name in ["uvicorn", "gunicorn", "celery"] {
        desk.program(&format!("bin/{name}"), "");
    }
    let read = desk.parse(text).unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    read.warnings.iter().map(ToString::to_string).collect()
}

#[test]
fn both_places_are_told() {
    let told = warnings(
        "[\n  { name: 'web', script: './app', env: { PORT: 8000 } },\n  { name: 'api', script: './app', args: '--port 8000' },\n]",
    );
    assert_eq!(told.len(), 1, "{told:?}");
    let wanted = "stdin:3:41: warning: `api` wants port 8000, and so does `web` (line 2, column 48): only one gets it";
    assert!(told[0].starts_with(wanted), "{}", told[0]);
    assert!(told[0].ends_with("hint: give one of them another port"), "{}", told[0]);
}

#[test]
fn a_port_is_known_however_it_is_written() {
    let web = "{name: 'web', script: './app', args: '--port=8000'}";
    for other in [
        "script: 'gunicorn', args: '-b :8000 app:app'",
        "script: 'gunicorn -w 2 --bind=0.0.0.0:8000 app:app'",
        "script: 'gunicorn', args: ['--bind', 'localhost:8000', 'a:a']",
        "script: './app', listen: 'tcp://127.0.0.1:8000'",
        "script: 'uvicorn', args: 'a:a --port 8000'",
        "script: 'uvicorn', args: 'a:a'",
        "script: './app', env: {PORT: '8000'}",
        "script: './app', env: {PORT: 7999}, increment_var: 'PORT', instances: 2",
        "script: 'python3 manage.py runserver --noreload 0.0.0.0:8000'",
        "script: 'python3 -m http.server 8000'",
    ] {
        let told = warnings(&format!("[{web}, {{name: 'api', {other}}}]"));
        assert_eq!(told.len(), 1, "{other}: {told:?}");
        assert!(told[0].contains("`api` wants port 8000, and so does `web`"), "{told:?}");
    }
}

#[test]
fn what_does_not_hinder_is_not_told() {
    let one = "{name: 'web', script: './app', args: '--bind 127.0.0.1:8000'}";
    for text in [
        // Instances of one app.
        "[{name: 'web', script: './app', args: '--port 8000', instances: 4}]".to_owned(),
        format!("[{one}, {{name: 'api', script: './app', args: '--bind 10.0.0.1:8000'}}]"),
        format!("[{one}, {{name: 'api', script: './app', args: '--port 8000 --reuse-port'}}]"),
        format!("[{one}, {{name: 'api', script: './app', args: '--port 8001', env: {{PORT: 8000}}}}]"),
        format!("[{one}, {{name: 'job', script: './app', env: {{PORT: 8000}}, schedule: '0 3 * * *'}}]"),
        format!("[{one}, {{name: 'w', script: 'celery', args: '-A x worker', env: {{PORT: 8000}}}}]"),
        format!("[{one}, {{name: 'cli', script: './app', args: 'port 8000'}}]"),
        // Said once for all.
        "{defaults: {env: {PORT: 8000}}, apps: [{name: 'a', script: './app'}, {name: 'b', script: './app'}]}".to_owned(),
    ] {
        assert_eq!(warnings(&text), Vec::<String>::new(), "{text}");
    }
}
