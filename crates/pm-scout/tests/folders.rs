//! Small folders, and what is found in them.
#![expect(clippy::unwrap_used, clippy::format_collect, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use pm_scout::{Proposal, Survey, SurveyLimits, Weight, survey};

/// Files by their path, `=` and what is in them; `\n` in it ends a line.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let (path, text) = file.split_once('=').unwrap_or((file, ""));
        write(folder.path(), path, text.as_bytes());
    }
    folder
}

fn write(folder: &Path, path: &str, bytes: &[u8]) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn look(folder: &Path) -> Survey {
    survey(folder, SurveyLimits::default(), None).unwrap()
}

/// `folder stack/role: variables program arguments @port from +installed`.
fn shown(survey: &Survey) -> Vec<String> {
    let mut all = Vec::new();
    for project in &survey.projects {
        for one in &project.proposals {
            let role = one.role.as_ref().map(|role| format!("/{role}")).unwrap_or_default();
            let line = one.start.filled(one.port.as_ref().map(|port| port.number), 3);
            let mut words: Vec<_> = line.env.iter().map(|(n, v)| format!("{n}={v}")).collect();
            words.push(line.program);
            words.extend(line.args);
            let from = one.port.as_ref().map(|port| {
                let from =
                    port.evidence.as_ref().map(|it| format!(" from {}:{}", it.file, it.line));
                let fixed = if port.is_fixed { " fixed" } else { "" };
                format!(" @{}{}{fixed}", port.number, from.unwrap_or_default())
            });
            let extra: String = one.extra.iter().map(|name| format!(" +{name}")).collect();
            let cwd =
                if one.cwd == project.folder { String::new() } else { format!(" in {}", one.cwd) };
            let (name, words, from) = (one.stack.name(), words.join(" "), from.unwrap_or_default());
            let folder = &project.folder;
            all.push(format!("{folder}|{name}{role}: {words}{from}{extra}{cwd}"));
        }
    }
    all
}

/// What lies there is exactly this.
fn holds(files: &[&str], found: &[&str]) {
    let folder = folder(files);
    assert_eq!(shown(&look(folder.path())), found, "{files:#?}");
}

const FLASK: &str = "app.py=from flask import Flask\napp = Flask(__name__)\n";
const GUNICORN: &str = "gunicorn --bind 127.0.0.1:5000 --workers 3 --access-logfile -";
const FASTAPI: &str = "from fastapi import FastAPI\napp = FastAPI()\n";

#[test]
fn flask_in_its_usual_forms() {
    let command = |rest: &str| format!("|Flask: {GUNICORN} {rest}");
    for (files, rest) in [
        (&[FLASK, "requirements.txt=flask\ngunicorn"][..], "app:app @5000"),
        (&[FLASK, "requirements.txt=flask"], "app:app @5000 +gunicorn"),
        (&[FLASK], "app:app @5000 +flask +gunicorn"),
        (
            &[
                "shop/__init__.py=import flask\ndef create_app():\n  return flask.Flask('x')",
                "requirements.txt=gunicorn",
            ],
            "shop:create_app() @5000",
        ),
        (
            &[
                "shop/__init__.py=import flask\ndef create_app():\n  return flask.Flask('x')",
                "wsgi.py=from shop import create_app\napplication = create_app()",
                "requirements.txt=gunicorn",
            ],
            "wsgi:application @5000",
        ),
        (
            &[
                "shop/core.py=import flask\nsite = flask.Flask('x')",
                "wsgi.py=from shop.core import site as app",
                "requirements.txt=gunicorn",
            ],
            "wsgi:app @5000",
        ),
        (
            &[
                FLASK,
                "helper.py=from flask import Flask\nx = Flask('y')",
                "test_app.py=from flask import Flask\napp = Flask('y')",
                "requirements.txt=gunicorn",
            ],
            "app:app @5000",
        ),
    ] {
        holds(files, &[&command(rest)]);
    }
    let port = "app.py=from flask import Flask\napp = Flask(__name__)\nif __name__ == '__main__':\n  app.run(port=5001)";
    let line = GUNICORN.replace("5000", "5001");
    holds(
        &[port, "requirements.txt=gunicorn"],
        &[&format!("|Flask: {line} app:app @5001 from app.py:4")],
    );
    let line = GUNICORN.replace("5000", "9000");
    holds(
        &[port, "requirements.txt=gunicorn", ".env=X=1\nPORT=9000"],
        &[&format!("|Flask: {line} app:app @9000 from .env:2")],
    );
    holds(
        &[FLASK, "requirements.txt=waitress"],
        &["|Flask: waitress-serve --listen=127.0.0.1:5000 app:app @5000"],
    );
}

#[test]
fn other_python_servers() {
    let uvicorn = "uvicorn --host 127.0.0.1 --port 8000";
    for (files, found) in [
        (vec![format!("main.py={FASTAPI}"), "requirements.txt=fastapi\nuvicorn[standard]".into()], format!("|FastAPI: {uvicorn} main:app @8000")),
        (vec![format!("main.py={FASTAPI}"), "requirements.txt=fastapi[standard]".into()], format!("|FastAPI: {uvicorn} main:app @8000")),
        (vec![format!("app/main.py={FASTAPI}"), "app/__init__.py=".into(), "requirements.txt=fastapi".into()], format!("|FastAPI: {uvicorn} app.main:app @8000 +uvicorn")),
        (vec![format!("src/shop/main.py={FASTAPI}"), "src/shop/__init__.py=".into(), "pyproject.toml=[project]\ndependencies = ['uvicorn']".into()], format!("|FastAPI: PYTHONPATH=src {uvicorn} shop.main:app @8000")),
        (vec![format!("backend/main.py=import models\n{FASTAPI}"), "backend/models.py=".into(), "x.py=".into(), "requirements.txt=uvicorn".into()], format!("|FastAPI: {uvicorn} main:app @8000 in backend")),
        (vec!["main.py=from fastapi import FastAPI\ndef create_app():\n  return FastAPI()".into(), "requirements.txt=uvicorn".into()], format!("|FastAPI: {uvicorn} --factory main:create_app @8000")),
        (vec![format!("main.py={FASTAPI}"), "requirements.txt=hypercorn".into()], "|FastAPI: hypercorn --bind 127.0.0.1:8000 main:app @8000".into()),
        (vec!["server.py=from sanic import Sanic\napp = Sanic('x')".into(), "requirements.txt=sanic".into()], "|Sanic: sanic server:app --host 127.0.0.1 --port 8000 @8000".into()),
        (vec!["s.py=from aiohttp import web\napp = web.Application()\nweb.run_app(app, port=9001)".into(), "requirements.txt=aiohttp".into()], "|aiohttp: s.py @9001 from s.py:3 fixed".into()),
        (vec!["s.py=import tornado.web, os\ndef make_app():\n  return tornado.web.Application([])\nif __name__ == '__main__':\n  make_app().listen(int(os.environ.get('PORT', '8889')))".into(), "requirements.txt=tornado".into()], "|Tornado: s.py @8889 from s.py:5".into()),
        (vec!["ui.py=import streamlit as st\nst.title('x')".into(), "pages/a.py=import streamlit".into(), "requirements.txt=streamlit".into()], "|Streamlit: streamlit run ui.py --server.address 127.0.0.1 --server.port 8501 --server.headless true --browser.gatherUsageStats false @8501".into()),
        (vec!["ui.py=import gradio as gr\ndemo = gr.Interface(f)\ndemo.launch()".into(), "requirements.txt=gradio".into()], "|Gradio: GRADIO_SERVER_NAME=127.0.0.1 GRADIO_SERVER_PORT=7860 GRADIO_ANALYTICS_ENABLED=False ui.py @7860".into()),
        (vec!["app.py=def app(environ, start_response):\n  pass".into(), "venv/pyvenv.cfg=".into(), "venv/bin/python=".into(), "venv/bin/gunicorn=".into()], format!("|WSGI app: {} app:app @8000", GUNICORN.replace("5000", "8000"))),
    ] {
        let files: Vec<_> = files.iter().map(String::as_str).collect();
        holds(&files, &[&found]);
    }
}

#[test]
fn django_with_its_workers() {
    let manage =
        "manage.py=import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')";
    let wsgi = "shop/wsgi.py=from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()";
    let asgi = "shop/asgi.py=from django.core.asgi import get_asgi_application\napplication = get_asgi_application()";
    let settings = "shop/settings.py=DEBUG = True\n";
    let base = [manage, wsgi, asgi, settings, "shop/__init__.py="];
    let gunicorn = GUNICORN.replace("5000", "8000");
    holds(
        &[&base[..], &["requirements.txt=django\ngunicorn"]].concat(),
        &[&format!("|Django: {gunicorn} shop.wsgi:application @8000")],
    );
    holds(
        &[&base[..], &["requirements.txt=django\nuvicorn"]].concat(),
        &["|Django: uvicorn --host 127.0.0.1 --port 8000 shop.asgi:application @8000"],
    );
    let celery = "shop/celery.py=from celery import Celery\napp = Celery('shop')\napp.conf.beat_schedule = {}";
    let found = look(
        folder(&[&base[..], &[celery, "requirements.txt=django\ngunicorn\ncelery"]].concat())
            .path(),
    );
    assert_eq!(
        shown(&found),
        [
            format!("|Django: {gunicorn} shop.wsgi:application @8000"),
            "|Celery/worker: celery -A shop worker --loglevel INFO".into(),
            "|Celery/beat: celery -A shop beat --loglevel INFO --pidfile=".into(),
        ]
    );
    let django = &found.projects[0].proposals[0];
    let evidence: Vec<_> = django.evidence.iter().map(ToString::to_string).collect();
    assert_eq!(
        evidence,
        [
            "manage.py:2 shop.settings",
            "shop/wsgi.py:2 application = get_wsgi_application(...)",
            "requirements.txt:2 gunicorn",
        ]
    );
    assert!(says(django, "DEBUG = True in shop/settings.py:1"));
    holds(
        &["tasks.py=from celery import Celery\nqueue = Celery('x')", "requirements.txt=celery"],
        &["|Celery/worker: celery -A tasks:queue worker --loglevel INFO"],
    );
}

fn says(one: &Proposal, words: &str) -> bool {
    one.doubts.iter().any(|doubt| doubt.text.contains(words))
}

#[test]
fn scripts_node_go_pages_and_procfiles() {
    for (files, found) in [
        (&["bot.py=import telegram\n"][..], &["|Python script: bot.py"][..]),
        (
            &["x.py=if __name__ == '__main__':\n  f()", "y.py=def f(): pass"],
            &["|Python script: x.py"],
        ),
        (&["pkg/__main__.py=f()", "pkg/__init__.py="], &["|Python script: python -m pkg"]),
        (
            &[
                "main.py=import os\nport = int(os.environ['PORT'])\nif __name__ == '__main__':\n  f()",
            ],
            &["|Python script: main.py @8000"],
        ),
        (
            &[FLASK, "bot.py=if __name__ == '__main__':\n  f()", "requirements.txt=gunicorn"],
            &["|Flask: GUNICORN app:app @5000", "|Python script/bot: bot.py"],
        ),
        (
            &[
                "package.json={\"scripts\": {\n\"start\": \"node server.js --x\"}}",
                "server.js=app.listen(process.env.PORT || 3001)",
            ],
            &["|Node: server.js --x @3001 from server.js:1"],
        ),
        (
            &["package.json={\"scripts\": {\"start\": \"next start\"}}", "yarn.lock="],
            &["|Node: yarn start @3000"],
        ),
        (
            &["package.json={\"main\": \"a.js\"}", "a.js=http.createServer().listen(8123)"],
            &["|Node: a.js @8123 from a.js:1 fixed"],
        ),
        (&["package.json={\"main\": \"lib.js\"}", "lib.js=module.exports = 1"], &[]),
        (
            &[
                "package.json={\"scripts\": {\"start\": \"react-scripts start\"}}",
                "build/index.html=",
            ],
            &["|static files: build @8080"],
        ),
        (
            &[
                "go.mod=module x.com/shop\n",
                "main.go=package main\nfunc main() { http.ListenAndServe(\":8081\", nil) }",
            ],
            &["|Go: bin/shop @8081 from main.go:2 fixed"],
        ),
        (
            &[
                "go.mod=module x.com/shop\n",
                "cmd/api/main.go=// x\npackage main",
                "lib.go=package shop",
            ],
            &["|Go: bin/api"],
        ),
        (&["index.html="], &["|static files: . @8080"]),
        (
            &["Procfile=web: gunicorn app:app\nworker: python w.py\nrelease: ./migrate\n", FLASK],
            &["|Procfile: gunicorn app:app @5000", "|Procfile/worker: python w.py"],
        ),
        (&["README.md=# nothing"], &[]),
        (&["x.py=", "a/b/run.py=", "lib/y.py=if __name__ == '__main__':\n  f()"], &[]),
        (&["-c.py=def app(environ, start_response): pass"], &[]),
    ] {
        let found: Vec<_> = found.iter().map(|it| it.replace("GUNICORN", GUNICORN)).collect();
        let found: Vec<_> = found.iter().map(String::as_str).collect();
        holds(files, &found);
    }
}

#[test]
fn several_projects_in_one_folder_are_told_apart() {
    let gunicorn =
        |folder: &str| format!("{folder}|Flask: {GUNICORN} app:app @5000 +flask +gunicorn");
    let app = |folder: &str| format!("{folder}/{FLASK}");
    let files = [app("one"), app("two")];
    holds(&[&files[0], &files[1]], &[&gunicorn("one"), &gunicorn("two")]);
    let found = look(
        folder(&[
            &files[0],
            "one/requirements.txt=flask\ngunicorn",
            "one/.env=A=1",
            "api/main.py=from fastapi import FastAPI\napp = FastAPI()",
            "api/.venv/pyvenv.cfg=",
            "api/.venv/bin/python=",
            "web/package.json={\"scripts\": {\"start\": \"node x.js\"}}",
            "web/x.js=",
            "compose.yaml=",
            "one/supervisord.conf=",
            "ecosystem.json5=",
        ])
        .path(),
    );
    assert_eq!(
        shown(&found),
        [
            "api|FastAPI: uvicorn --host 127.0.0.1 --port 8000 main:app @8000 +uvicorn".to_owned(),
            format!("one|Flask: {GUNICORN} app:app @5000"),
            "web|Node: x.js @3000".into(),
        ]
    );
    let python = found.projects[0].python.as_ref().unwrap();
    assert_eq!(python.venv.as_ref().unwrap().path, "api/.venv");
    assert_eq!(found.projects[1].env_file.as_deref(), Some("one/.env"));
    let near: Vec<_> =
        found.neighbours.iter().map(|it| (it.path.as_str(), format!("{:?}", it.kind))).collect();
    let near: Vec<_> = near.iter().map(|(path, kind)| format!("{path} {kind}")).collect();
    assert_eq!(
        near,
        ["compose.yaml Compose", "ecosystem.json5 Ecosystem", "one/supervisord.conf Supervisor"]
    );
}

#[test]
fn what_is_needed_is_read_in_every_usual_form() {
    for (files, form, wanted) in [
        (
            &["requirements.txt=-r base.txt\n", "base.txt=flask==3 # x\n--hash=x"][..],
            "requirements",
            &[][..],
        ),
        (
            &["requirements/prod.txt=-r base.txt", "requirements/base.txt=flask"],
            "requirements",
            &[],
        ),
        (
            &[
                "pyproject.toml=[project]\nrequires-python = '>=3.10'\ndependencies = [\n'flask>=3',\n'gunicorn']",
            ],
            "project",
            &["flask>=3", "gunicorn"],
        ),
        (
            &[
                "pyproject.toml=[tool.poetry.dependencies]\npython = '^3.10'\nflask = {version = '^3.0', extras = ['async']}\n",
            ],
            "poetry",
            &["flask[async]>=3.0,<4"],
        ),
        (
            &["pyproject.toml=[project]\ndependencies = ['flask']", "uv.lock="],
            "uv-lock",
            &["flask"],
        ),
        (
            &["Pipfile=[packages]\nflask = '*'\n[requires]\npython_version = '3.10'"],
            "pipfile",
            &["flask"],
        ),
        (
            &[
                "setup.cfg=[options]\npython_requires = >=3.10\ninstall_requires =\n  flask>=3\n  gunicorn\n[x]",
            ],
            "setup-cfg",
            &["flask>=3", "gunicorn"],
        ),
        (
            &["pyproject.toml=[project]\ndependencies = ['--index-url=http://x', '-r x', 'flask']"],
            "project",
            &["flask"],
        ),
        (&["setup.py=setup(install_requires=['flask'])"], "setup-py", &[]),
        (&["environment.yml=dependencies: [flask]"], "conda", &[]),
    ] {
        let folder = folder(&[files, &[FLASK]].concat());
        let found = look(folder.path());
        let python = found.projects[0].python.clone().unwrap();
        let json = serde_json::to_value(python.requirements.unwrap()).unwrap();
        assert_eq!(json["form"], form, "{files:?}");
        assert_eq!(
            json["wanted"].as_array().map_or(0, Vec::len),
            wanted.len(),
            "{files:?}: {json}"
        );
        for (at, one) in wanted.iter().enumerate() {
            assert_eq!(json["wanted"][at], *one, "{files:?}");
        }
        let asks = files.iter().any(|file| file.contains("3.10"));
        assert_eq!(python.wish.is_some(), asks, "{files:?}");
    }
}

#[test]
fn the_python_that_is_wanted_is_read_from_many_files() {
    for (file, text) in [
        (".python-version=3.12.4\n", "3.12.4"),
        ("runtime.txt=python-3.11.2", "3.11.2"),
        (".tool-versions=nodejs 20\npython 3.11.1", "3.11.1"),
        ("Dockerfile=# x\nFROM docker.io/python:3.9-slim AS x", "3.9"),
    ] {
        let found = look(folder(&[FLASK, file]).path());
        let wish = found.projects[0].python.clone().unwrap().wish.unwrap();
        assert_eq!(wish.text, text);
    }
}

/// All doubts of a kind, and what they say.
fn doubts(survey: &Survey, weight: Weight) -> String {
    let of_project = survey.projects.iter().flat_map(|it| &it.doubts);
    let of_apps = survey.projects.iter().flat_map(|it| &it.proposals).flat_map(|it| &it.doubts);
    let all = of_project.chain(of_apps).filter(|it| it.weight == weight);
    all.map(|it| it.text.clone() + "\n").collect()
}

#[test]
fn doubts_are_questions_with_choices() {
    let two =
        [FLASK, "main.py=from flask import Flask\napp = Flask('x')", "requirements.txt=gunicorn"];
    let folder = folder(&two);
    let found = look(folder.path());
    let doubt = &found.projects[0].proposals[0].doubts[0];
    assert_eq!(
        (doubt.weight, doubt.choices.join(" ")),
        (Weight::Question, "app:app main:app".into())
    );
    let found = survey(folder.path(), SurveyLimits::default(), Some("main:app")).unwrap();
    assert!(shown(&found)[0].contains("main:app") && doubts(&found, Weight::Question).is_empty());
    for (files, weight, words) in [
        (
            &["app.py=from flask import Flask\ndef create_app(conf):\n  return Flask(conf)"][..],
            Weight::Blocker,
            "create_app wants conf",
        ),
        (
            &["a.py=if __name__ == '__main__': f()", "b.py=if __name__ == '__main__': f()"],
            Weight::Question,
            "a.py, b.py could be",
        ),
        (
            &[FLASK, "requirements.txt=-r b.txt", "b.txt=-r requirements.txt"],
            Weight::Blocker,
            "include each other",
        ),
        (
            &[FLASK, "requirements.txt=-r nosuch.txt"],
            Weight::Blocker,
            "nosuch.txt, which requirements.txt includes",
        ),
        (
            &[FLASK, "requirements.txt=-r ../../etc/passwd"],
            Weight::Blocker,
            "leads out of the folder",
        ),
        (&["package.json={ nope"], Weight::Blocker, "package.json can't be read: "),
        (
            &[FLASK, "pyproject.toml=[project\n"],
            Weight::Blocker,
            "pyproject.toml can't be read: line 1",
        ),
        (&[FLASK, "venv/pyvenv.cfg="], Weight::Blocker, "a venv whose Python is gone"),
        (&[FLASK, ".env.example=A="], Weight::Remark, ".env.example is there and .env is not"),
        (&[FLASK], Weight::Remark, "no file says which packages"),
        (&[FLASK, "environment.yml="], Weight::Blocker, "conda"),
    ] {
        let found = look(self::folder(files).path());
        let told = doubts(&found, weight);
        assert!(told.contains(words), "{files:?}: {told}{found:#?}");
    }
}

#[test]
fn nothing_outside_is_read_and_nothing_hangs() {
    let outside =
        folder(&["app.py=from flask import Flask\napp = Flask('x')", "requirements.txt=gunicorn"]);
    let folder = folder(&["bot.py=", "sub/x.txt="]);
    let path = folder.path();
    symlink(outside.path().join("app.py"), path.join("app.py")).unwrap();
    symlink(outside.path().join("requirements.txt"), path.join("requirements.txt")).unwrap();
    symlink(outside.path(), path.join("other")).unwrap();
    symlink(path, path.join("sub/up")).unwrap();
    symlink("loop", path.join("loop")).unwrap();
    symlink("bot.py", path.join("run.py")).unwrap();
    let pipe = Command::new("mkfifo").arg(path.join("main.py")).status().unwrap();
    assert!(pipe.success());
    write(path, "server.py", b"\0\x01binary");
    write(path, "latin.py", b"# caf\xe9\nx = 1\n");
    let found = look(path);
    assert_eq!(shown(&found), ["|Python script: bot.py"]);
    assert_eq!(
        found.remarks,
        ["latin.py was passed over: it is no text", "server.py was passed over: it is no text"]
    );
    let loops = survey(&path.join("loop"), SurveyLimits::default(), None).unwrap_err();
    assert!(loops.to_string().contains("loop"), "{loops}");
    for (name, words) in [("nosuch", "No such file"), ("bot.py", "no folder")] {
        let error = survey(&path.join(name), SurveyLimits::default(), None).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn much_is_looked_at_within_limits() {
    let folder = folder(&[]);
    for number in 0..300 {
        fs::write(folder.path().join(format!("upload-{number}")), "").unwrap();
    }
    write(folder.path(), "manage.py", b"x('DJANGO_SETTINGS_MODULE', 'a.b')");
    write(folder.path(), "requirements.txt", b"django");
    let limits = SurveyLimits { names: 50, ..SurveyLimits::default() };
    let found = survey(folder.path(), limits, None).unwrap();
    assert_eq!(shown(&found), ["|Django: manage.py runserver --noreload 127.0.0.1:8000 @8000"]);
    assert!(found.remarks[0].contains("more names than are looked at (50 in all)"));
    // Projects beside each other are found although the first of them takes all.
    let beside = self::folder(&[
        "z/app.py=from flask import Flask\napp = Flask('x')",
        "z/requirements.txt=gunicorn",
    ]);
    for number in 0..100 {
        write(beside.path(), &format!("a/upload-{number}"), b"");
    }
    let found = survey(beside.path(), SurveyLimits { names: 50, ..limits }, None).unwrap();
    assert_eq!(shown(&found), [format!("z|Flask: {GUNICORN} app:app @5000")]);
    assert_eq!(found.remarks.len(), 1, "{:?}", found.remarks);
    let limits = SurveyLimits { bytes: 10, ..SurveyLimits::default() };
    let found = survey(folder.path(), limits, None).unwrap();
    assert!(found.projects.is_empty() || !found.projects[0].proposals.is_empty());
}

#[test]
fn what_was_left_out_is_named_with_the_reason() {
    let wsgi = "def application(environ, start_response):\n    return []";
    let found = folder(&[
        &format!("a/wsgi.py={wsgi}"),
        "a/requirements.txt=gunicorn",
        "b/app.py=def app(environ, respond):\n    return []",
        "c/util.py=def helper():\n    pass",
        "d/lib/x.rb=",
        "e/notes.txt=",
        "f/pyproject.toml=",
        "f/shared.py=x = 1",
    ]);
    let found = look(found.path());
    assert_eq!(shown(&found).len(), 2, "{:?}", shown(&found));
    let python = "was left out: its Python has no app object";
    let wanted =
        [format!("c/ {python}"), "d/ was left out: no Python".into(), format!("f/ {python}")];
    assert_eq!(found.remarks.len(), wanted.len(), "{:?}", found.remarks);
    for (told, wanted) in found.remarks.iter().zip(wanted) {
        assert!(told.starts_with(&wanted), "{told}");
    }
    // What lies beside the code of an app belongs to it.
    let one =
        folder(&["app.py=from flask import Flask\napp = Flask('x')", "lib/x.py=", "web/x.js="]);
    assert_eq!(look(one.path()).remarks, Vec::<String>::new());
}
