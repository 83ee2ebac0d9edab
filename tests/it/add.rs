//! `pm add` and `pm init`: a folder becomes apps that run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use pm_protocol::Status;
use pm_testkit::{Home, Invocation, free_port, signal};
use serde_json::Value;

use crate::article::{self, wait_answer};
use crate::homes::as_nobody;

const WSGI: &str = r#"
import os

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s in %s" % (os.environ.get("GREETING"), os.getcwd())).encode()]
"#;

const FLASK: &str = "from flask import Flask\napp = Flask(__name__)\n";

/// What an installer hears from its environment is the test's own.
fn as_installer(mut call: Invocation) -> Invocation {
    let is_of_installers = |name: &str| {
        name.starts_with("PIP_")
            || name.starts_with("SSL_")
            || name.to_lowercase().ends_with("_proxy")
    };
    for (name, value) in std::env::vars().filter(|(name, _)| is_of_installers(name)) {
        call = call.env(name, value);
    }
    call
}

/// A folder and everything in it, by names.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut all: Vec<_> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    all.sort();
    all
}

#[test]
fn a_plan_is_shown_and_nothing_is_done() {
    let home = Home::new();
    home.file("shop/app.py", FLASK);
    home.file("shop/requirements.txt", "flask\n");
    home.file("shop/.env", "SECRET=hunter2\nPORT=8123\n");
    home.file("shop/compose.yaml", "services: {}");
    let run = home.run(["add", "shop", "--dry-run"]).ok();
    let run = run.says("shop: Flask, port 8123 (.env:2)");
    let run = run.says("app.py:2 app = Flask(...)").says("gunicorn is not among the requirements");
    let run = run.says("compose.yaml is Compose's, and nothing is taken from it");
    let run = run.says("env_file: \"./.env\"").says("ready: \"tcp://127.0.0.1:8123\"");
    let run = run.says("-m venv .venv").says("install --no-input -r requirements.txt");
    assert!(!run.out().contains("hunter2"));
    let json = home.run(["add", "shop", "--dry-run", "--json"]).ok().json();
    assert_eq!(json["apps"][0]["stack"], "flask");
    assert_eq!(json["apps"][0]["given_port"]["number"], 8123);
    assert_eq!(json["commands"].as_array().unwrap().len(), 3);
    assert_eq!(json["file"]["after"], json["file"]["lines"]);
    // Without a terminal nobody can be asked.
    let run = home.run(["add", "shop"]).ends(2).complains("nothing was done").complains("--yes");
    run.complains("would write");
    assert_eq!(
        names(&home.work().join("shop")),
        [".env", "app.py", "compose.yaml", "requirements.txt"]
    );
    assert!(!home.home().socket().exists(), "looking started a daemon");
}

#[test]
fn two_folders_become_one_file_and_run() {
    let (venv, _lock) = article::venv();
    let home = Home::new();
    let ports = [free_port(), free_port()];
    for (number, port) in ports.iter().enumerate() {
        let folder = format!("project{}", number + 1);
        home.file(format!("{folder}/app.py"), WSGI);
        home.file(format!("{folder}/.env"), format!("GREETING=hello-{number}\n"));
        symlink(&venv, home.work().join(&folder).join("venv")).unwrap();
        let port = port.to_string();
        let words = ["add", &folder, "--into", "ecosystem.json5", "--port", &port, "--yes"];
        let run = home.run(words).ok().says("started");
        run.says(&format!("project{} is at http://127.0.0.1:{port}", number + 1)).says("pm save");
    }
    for (number, port) in ports.iter().enumerate() {
        let cwd = home.work().join(format!("project{}", number + 1));
        assert_eq!(wait_answer(&home, *port), format!("hello-{number} in {}", cwd.display()));
    }
    home.run(["apply", "ecosystem.json5", "--dry-run"])
        .ok()
        .says("project1: unchanged")
        .says("project2: unchanged");
    // The same by hand: the file, and the command that was shown.
    let other = Home::new();
    fs::remove_dir(other.work()).unwrap();
    symlink(home.work(), other.work()).unwrap();
    home.run(["kill"]).ok();
    let file = home.work().join("ecosystem.json5");
    other
        .run(["apply".into(), file.into_os_string(), "--only".into(), "project1,project2".into()])
        .ok();
    let shown = |home: &Home| {
        let rows = home.rows().into_iter().map(|row| (row.name, row.status == Status::Online));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(shown(&other), [("project1".into(), true), ("project2".into(), true)]);
    // Once more there is nothing to add, and a port that is taken is told with who has it.
    other
        .run(["add", "project1", "--into", "ecosystem.json5", "--yes"])
        .ends(1)
        .complains("nothing to add");
    let taken = ports[0].to_string();
    let words = ["add", "project1", "--name", "more", "--port", &taken, "--yes"];
    other.run(words).ends(1).complains("is taken by project1, an app of yours");
    let mut words = words.to_vec();
    words.drain(4..6);
    words.push("--no-start");
    home.file("project1/.env", format!("PORT={taken}\n"));
    other.run(words).ok().says("pm up");
    let text = fs::read_to_string(home.work().join("project1/ecosystem.json5")).unwrap();
    assert!(!text.contains(&format!(":{taken} ")) && text.contains("name: \"more\""), "{text}");
}

#[test]
fn a_venv_is_made_and_requirements_are_installed() {
    let (_, _lock) = article::venv();
    let home = Home::new();
    let port = free_port().to_string();
    home.file(
        "shop/app.py",
        FLASK.to_owned() + "@app.get('/hello')\ndef hello():\n    return 'from flask'\n",
    );
    home.file("shop/requirements.txt", "flask\ngunicorn\n");
    let run = as_installer(home.pm(["add", "shop", "--port", &port, "--yes"])).run().ok();
    let run = run.complains("-m venv .venv").complains("Successfully installed");
    run.says("shop is at http://127.0.0.1:");
    assert_eq!(wait_answer(&home, port.parse().unwrap()), "from flask");
    let left = names(&home.work().join("shop"));
    let left: Vec<_> = left.iter().filter(|name| *name != "__pycache__").collect();
    assert_eq!(left, [".venv", "app.py", "ecosystem.json5", "requirements.txt"]);
}

/// A `uv` that makes a venv as it should and then does what the test says.
fn uv(home: &Home, install: &str) -> std::ffi::OsString {
    let venv = "for last; do :; done; /usr/bin/python3 -m venv --without-pip \"$last\"";
    home.script("bin/uv", &format!("case $1 in venv) {venv} ;; *) {install} ;; esac"));
    let mut path = home.work().join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

#[test]
fn what_fails_leaves_nothing_behind() {
    let home = Home::new();
    home.file("shop/main.py", "if __name__ == '__main__': import time; time.sleep(1000)\n");
    home.file("shop/requirements.txt", "nosuch-package\n");
    let before = names(&home.work().join("shop"));
    let add = |path: &std::ffi::OsString| home.pm(["add", "shop", "--yes"]).env("PATH", path);
    let run = add(&uv(&home, "echo no such package >&2; exit 3")).run().ends(1);
    let run = run.complains("no such package").complains("exit status: 3");
    run.complains(".venv is removed, no file was written");
    assert_eq!(names(&home.work().join("shop")), before);
    // Interrupted: the installer is told, and nothing stays.
    let hanging = uv(&home, "touch begun; exec sleep 1000");
    let begun = home.work().join("shop/begun");
    let mut running = add(&hanging).background();
    home.wait_until("it installs", || begun.exists());
    signal(running.pid(), 15);
    assert_eq!(running.wait(), 1);
    fs::remove_file(&begun).unwrap();
    assert_eq!(names(&home.work().join("shop")), before);
    // Killed: the next one makes it anew.
    let mut running = add(&hanging).background();
    home.wait_until("it installs", || begun.exists());
    signal(running.pid(), 9);
    running.wait();
    fs::remove_file(&begun).unwrap();
    fs::write(home.work().join("shop/.venv/left"), "").unwrap();
    add(&uv(&home, "exit 0")).run().ok().says("started");
    assert!(!home.work().join("shop/.venv/left").exists(), "what was left is used");
    assert_eq!(home.row("shop").status, Status::Online);
}

#[test]
fn what_does_not_start_is_told_with_its_reason_and_the_way_on() {
    let home = Home::new();
    // It is waited for until it listens, or ends.
    let server = "import os, http.server as it\n\
        it.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), it.SimpleHTTPRequestHandler).serve_forever()\n";
    home.file("bot/main.py", format!("import nosuchmodule\n{server}"));
    home.file("bot/.env", format!("PORT={}\n", free_port()));
    let run = home.run(["add", "bot", "--yes"]).ends(1).complains("No module named 'nosuchmodule'");
    let run = run.complains("it needs no packages that are known");
    run.complains("ecosystem.json5 stays; after a cure");
    home.file("bot/main.py", server);
    home.pm(["up"]).dir(home.work().join("bot")).run().ok();
    home.wait_until("it is up", || home.row("bot").status == Status::Online);
}

#[test]
fn a_file_that_is_there_keeps_what_is_in_it() {
    let (venv, _lock) = article::venv();
    let home = Home::new();
    home.file("app.py", WSGI);
    symlink(venv, home.work().join("venv")).unwrap();
    for (name, before, kept) in [
        (
            "ecosystem.json5",
            "{\n  // mine\n  apps: [{ name: 'other', script: './x' }],\n}\n",
            "// mine",
        ),
        ("a.yaml", "# mine\napps:\n  - name: other\n    script: ./x # it\n", "script: ./x # it"),
        ("a.toml", "# mine\n[[apps]]\nname = 'other'\nscript = './x'\n", "# mine"),
        ("a.json", "{\"apps\": [{\"name\": \"other\", \"script\": \"./x\"}]}", "\"other\""),
    ] {
        let file = home.file(name, before);
        home.run(["add", ".", "--name", "web", "--into", name, "--yes", "--no-start"]).ok();
        let after = fs::read_to_string(file).unwrap();
        assert!(after.contains(kept) && after.len() > before.len(), "{name}: {after}");
        home.script("x", "exec sleep 1000");
        home.run(["check", name]).ok().says("2 apps: other, web");
    }
    for (name, before) in [
        ("ecosystem.config.js", "module.exports = { apps: [] }"),
        ("b.json5", "{ name: 'alone', script: './x' }"),
    ] {
        let file = home.file(name, before);
        let run = home.run(["add", ".", "--name", "web", "--into", name, "--yes"]).ends(1);
        run.complains("put the lines above into it");
        assert_eq!(fs::read_to_string(file).unwrap(), before);
    }
    let broken = home.file("c.json5", "{ apps: [");
    home.run(["add", ".", "--into", "c.json5", "--yes"]).ends(2).complains("c.json5:1:");
    assert_eq!(fs::read_to_string(broken).unwrap(), "{ apps: [");
}

#[test]
fn mistakes_are_told_before_anything_is_done() {
    let home = Home::new();
    home.file("two/a.py", FLASK);
    home.file("two/b.py", FLASK);
    home.file("two/requirements.txt", "gunicorn\n");
    home.file("bad/package.json", "{ nope");
    home.file("circle/requirements.txt", "-r more.txt\n");
    home.file("circle/more.txt", "-r requirements.txt\n");
    home.file("circle/app.py", FLASK);
    home.file("old/app.py", FLASK);
    home.file("old/.python-version", "2.6\n");
    home.file("empty/readme.md", "");
    home.file("binary/app.py", b"\0\0\0");
    home.file("file", "");
    symlink("loop", home.work().join("loop")).unwrap();
    for (words, code, told) in [
        (&["add", "nosuch", "--yes"][..], 2, "No such file"),
        (&["add", "file", "--yes"], 2, "it is no folder"),
        (&["add", "file", "--yes"], 2, "/file` starts what one file is"),
        (&["add", "loop", "--yes"], 2, "symbolic links"),
        (&["add", "empty", "--yes"], 1, "could not find an app in"),
        (&["add", "binary", "--yes"], 1, "app.py was passed over: it is no text"),
        (&["add", "two", "--yes"], 2, "--app a:app"),
        (&["add", "two", "--app", "c:app", "--yes"], 2, "could not find c:app"),
        (&["add", "two", "--app", "b:app", "--only", "x", "--yes"], 2, "there is two"),
        (&["add", "two", "--app", "b:app", "--into", "x.txt", "--yes"], 2, "no config by its name"),
        (&["add", "bad", "--yes"], 1, "package.json can't be read: "),
        (&["add", "circle", "--yes"], 1, "include each other"),
        (&["add", "old", "--yes"], 1, "Python 2.6 is wanted (.python-version:1)"),
        (&["add", "two", "--app", "b:app", "--python", "nosuch", "--yes"], 1, "no Python `nosuch`"),
        (&["add", "two", "--name", "\u{1}", "--yes"], 2, "control characters"),
        (&["add", "two", "--port", "0", "--yes"], 2, "0"),
    ] {
        let run = home.run(words).ends(code);
        assert!(run.err.contains(told), "{words:?}: {}", run.err);
    }
    home.file("worker/Procfile", "worker: python3 w.py\n");
    let named = home.run(["add", "worker", "--dry-run"]).ok();
    assert!(!named.out().contains("worker-worker"), "{}", named.out());
    let chosen = home.run(["add", "two", "--app", "b:app", "--dry-run"]).ok();
    chosen.says("b:app");
    assert_eq!(names(&home.work().join("two")), ["a.py", "b.py", "requirements.txt"]);
    assert!(!home.home().socket().exists(), "a mistake started a daemon");
    // Doubts about other folders stand in nobody's way.
    let run = home.run(["add", ".", "--only", "two", "--app", "b:app", "--dry-run"]).ok();
    run.says("- bad/package.json can't be read");
    let private = home.work().join("private");
    fs::create_dir(&private).unwrap();
    fs::set_permissions(&private, fs::Permissions::from_mode(0o700)).unwrap();
    let output = as_nobody(&home, &["add", private.to_str().unwrap(), "--dry-run"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("private: Permission denied"), "{told}");
    let folder = home.work().join("two");
    let output =
        as_nobody(&home, &["add", folder.to_str().unwrap(), "--app", "b:app", "--dry-run"]);
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no right to write in"), "{told}");
}

#[test]
fn init_writes_what_lies_here() {
    let home = Home::new();
    for (path, text) in [
        ("shop-flask/app.py", FLASK),
        ("shop-flask/requirements.txt", "flask\ngunicorn\n"),
        ("api-fastapi/main.py", "from fastapi import FastAPI\napp = FastAPI()\n"),
        ("api-fastapi/requirements.txt", "fastapi\nuvicorn\n"),
        (
            "blog-django/manage.py",
            "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'blog.settings')\n",
        ),
        (
            "blog-django/blog/wsgi.py",
            "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
        ),
        ("blog-django/requirements.txt", "django\ngunicorn\n"),
        ("worker/main.py", "if __name__ == '__main__':\n    pass\n"),
        ("worker/requirements.txt", "requests\n"),
        ("job/job.py", "if __name__ == '__main__':\n    pass\n"),
        ("job/requirements.txt", "requests\n"),
    ] {
        home.file(path, text);
    }
    let run =
        home.run(["init"]).ok().says("shop-flask: Flask, port").says("api-fastapi: FastAPI, port");
    run.says("-m venv .venv").says("pm up");
    let text = fs::read_to_string(home.work().join("ecosystem.json5")).unwrap();
    for name in ["shop-flask", "api-fastapi", "blog-django", "worker", "job"] {
        assert!(text.contains(&format!("cwd: \"./{name}\"")), "{name}: {text}");
    }
    home.run(["init"]).ends(1).complains("it is there already");
    home.run(["init", "--force", "--format", "yaml"]).ok().says("ecosystem.yaml");
    let json: Value = home.run(["init", "--force", "--json"]).ok().json();
    assert_eq!(json["plan"]["apps"].as_array().unwrap().len(), 5);
    // Called as `pm2` it is PM2's sample.
    let pm2 = home.work().join("bin/pm2");
    fs::create_dir_all(pm2.parent().unwrap()).unwrap();
    symlink(pm_testkit::pm(), &pm2).unwrap();
    let home = home.with_program(pm2);
    home.run(["init"]).ok();
    let text = fs::read_to_string(home.work().join("ecosystem.config.js")).unwrap();
    assert!(text.contains("./index.js"), "{text}");
}
