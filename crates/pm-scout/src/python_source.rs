//! What one Python file says about the app it may be part of.

use std::collections::BTreeSet;

use crate::python_objects::{AppObject, Imports, function, imports, object};
use crate::python_ports::{WrittenPort, port};
use crate::python_text::{PyStatement, PyToken, statements};

/// A Python file, understood as far as it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PySource {
    /// From the folder that is looked at.
    pub(crate) path: String,
    /// The first parts of what it imports.
    pub(crate) modules: BTreeSet<String>,
    /// What a server could be told to serve.
    pub(crate) objects: Vec<AppObject>,
    /// Names it has from elsewhere, with the line.
    pub(crate) imported: Vec<(String, usize)>,
    /// The line of `if __name__ == "__main__"`.
    pub(crate) main: Option<usize>,
    /// A call of the module itself that never returns: `app.run()`, `demo.launch()`.
    pub(crate) runs: Option<usize>,
    /// The ports it names.
    pub(crate) ports: Vec<WrittenPort>,
    /// Whether it asks for the variable PORT.
    pub(crate) reads_port: bool,
    /// What it says of `DJANGO_SETTINGS_MODULE`.
    pub(crate) settings: Option<(String, usize)>,
    /// The line of `DEBUG = True`.
    pub(crate) debug: Option<usize>,
    /// The line where jobs of Celery have a schedule.
    pub(crate) schedule: Option<usize>,
}

impl PySource {
    /// Reads a text.
    pub(crate) fn of(path: &str, text: &str) -> Self {
        let all = statements(text);
        let mut names = Imports::new();
        for one in &all {
            imports(one, &mut names);
        }
        let tops = names.values().filter_map(|full| full.split('.').next());
        let modules = tops.filter(|top| !top.is_empty()).map(String::from).collect();
        let mut source = Self { path: path.into(), modules, ..Self::default() };
        for (at, one) in all.iter().enumerate() {
            let body = all.get(at + 1..).unwrap_or_default();
            let found = object(one, &names, &source.objects);
            if let Some(found) = found.or_else(|| function(one, body, &names)) {
                // What is assigned again is what it is at last.
                source.objects.retain(|it| it.name != found.name);
                source.objects.push(found);
            }
            source.take(one);
        }
        source
    }

    fn take(&mut self, one: &PyStatement<'_>) {
        let tokens = one.tokens.as_slice();
        let has = |text: &str| tokens.contains(&PyToken::Text(text));
        if one.indent == 0 {
            self.take_of_module(one);
        }
        self.reads_port |= has("PORT");
        self.ports.extend(port(one));
        if has("DJANGO_SETTINGS_MODULE") {
            let texts = tokens.iter().filter_map(|token| match token {
                PyToken::Text(text) => Some(*text),
                PyToken::Name(_) | PyToken::Number(_) | PyToken::Sign(_) => None,
            });
            let module = texts.skip_while(|text| *text != "DJANGO_SETTINGS_MODULE").nth(1);
            self.settings = module.map(|module| (module.into(), one.line));
        }
        let is_schedule = |token: &PyToken<'_>| {
            matches!(
                token,
                PyToken::Name(
                    "beat_schedule"
                        | "CELERY_BEAT_SCHEDULE"
                        | "CELERYBEAT_SCHEDULE"
                        | "add_periodic_task"
                )
            ) || *token == PyToken::Text("beat_schedule")
        };
        if self.schedule.is_none() && tokens.iter().any(is_schedule) {
            self.schedule = Some(one.line);
        }
    }

    fn take_of_module(&mut self, one: &PyStatement<'_>) {
        match one.tokens.as_slice() {
            [PyToken::Name("if"), PyToken::Name("__name__"), ..] => self.main = Some(one.line),
            [PyToken::Name("DEBUG"), PyToken::Sign('='), PyToken::Name("True")] => {
                self.debug = Some(one.line);
            }
            [PyToken::Name("from" | "import"), ..] => {
                let mut names = Imports::new();
                imports(one, &mut names);
                self.imported.extend(names.into_keys().map(|name| (name, one.line)));
            }
            tokens => {
                let is_run = |pair: &[PyToken<'_>]| {
                    let run = matches!(
                        pair.first(),
                        Some(PyToken::Name(
                            "run"
                                | "run_app"
                                | "run_forever"
                                | "run_polling"
                                | "infinity_polling"
                                | "launch"
                                | "serve_forever"
                                | "start_polling"
                                | "start"
                        ))
                    );
                    run && pair.get(1).is_some_and(|token| token.is('('))
                };
                if self.runs.is_none() && tokens.windows(2).any(is_run) {
                    self.runs = Some(one.line);
                }
            }
        }
    }

    /// Whether something that can be waited for happens when it is run.
    pub(crate) fn is_script(&self) -> bool {
        self.main.or(self.runs).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proposal::Stack;

    /// Name, kind, whether it makes one; `?` is a kind that is not known.
    fn objects(text: &str) -> Vec<String> {
        let source = PySource::of("app.py", text);
        let word = |it: &AppObject| {
            let stack = it.stack.map_or("?", Stack::name);
            let factory = if it.is_factory { "()" } else { "" };
            format!("{}{factory}: {stack}@{}", it.name, it.line)
        };
        source.objects.iter().map(word).collect()
    }

    #[test]
    fn app_objects_are_known_by_what_makes_them() {
        for (text, found) in [
            ("from flask import Flask\napp = Flask(__name__)", "app: Flask@2"),
            ("import flask as f\napp: f.Flask = f.Flask(__name__)", "app: Flask@2"),
            ("from fastapi import (\n  FastAPI as F,\n)\napi = F(title='x')", "api: FastAPI@4"),
            ("from aiohttp import web\napp = web.Application()", "app: aiohttp@2"),
            ("import tornado.web\napp = tornado.web.Application([])", "app: Tornado@2"),
            ("import gradio as gr\nwith gr.Blocks() as demo:\n  pass", "demo: Gradio@2"),
            ("from x import create_app\napp = create_app()", "app: ?@2"),
            ("def app(environ, start_response):\n  pass", "app: WSGI app@1"),
            ("async def app(scope, receive, send):\n  pass", "app: ASGI app@1"),
            (
                "from flask import Flask\ndef create_app(conf=None, **more):\n  a = Flask(__name__)\n  return a",
                "create_app(): Flask@2",
            ),
            (
                "from flask import Flask\napp = Flask(__name__)\nfrom w import Fix\napp = Fix(app)",
                "app: Flask@4",
            ),
            ("from dash import Dash\nd = Dash()\nserver = d.server", "server: WSGI app@3"),
            // No apps of the module:
            ("# app = Flask(x)\n'''\napp = Flask(__name__)\n'''", ""),
            ("from flask import Flask\ndef f():\n  app = Flask(__name__)", ""),
            ("class Flask: pass\napp = Flask()", ""),
            ("from flask import Flask\nif app == Flask(1): pass", ""),
            ("from flask import Flask\nx.app = Flask(1)", ""),
        ] {
            assert_eq!(objects(text).join(" "), found, "{text}");
        }
        let source = PySource::of(
            "a.py",
            "from flask import Flask\ndef create_app(a, b=1, *, c):\n  return Flask(a)",
        );
        assert_eq!(source.objects[0].needs, ["a", "c"]);
    }

    #[test]
    fn ports_stand_in_calls_that_listen() {
        for (text, found) in [
            ("app.run(host='0.0.0.0', port=5001)", Some(5001)),
            (
                "uvicorn.run('main:app', host='::', port=int(os.environ.get('PORT', '8001')))",
                Some(8001),
            ),
            ("web.run_app(app, port=9000)", Some(9000)),
            ("server.listen(8888)", Some(8888)),
            ("demo.launch(server_port=7861)", Some(7861)),
            ("HTTPServer(('', 8010), Handler).serve_forever()", Some(8010)),
            ("bind = '0.0.0.0:8005'", Some(8005)),
            ("redis.Redis(host='x', port=6379)", None),
            ("app.run(debug=True)", None),
            ("asyncio.run(main())", None),
            ("app.run(threads=4)", None),
        ] {
            let source = PySource::of("a.py", text);
            assert_eq!(source.ports.first().map(|it| it.number), found, "{text}");
        }
        let source = PySource::of("a.py", "import os\nport = os.environ['PORT']");
        assert!(source.reads_port && source.ports.is_empty());
    }

    #[test]
    fn what_django_and_celery_say_is_found() {
        let text = "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n";
        let source = PySource::of("manage.py", text);
        assert_eq!(source.settings, Some(("shop.settings".into(), 3)));
        let source = PySource::of(
            "s.py",
            "DEBUG = True\napp.conf.beat_schedule = {}\nif __name__ == '__main__':\n  x()",
        );
        assert_eq!((source.debug, source.schedule, source.main), (Some(1), Some(2), Some(3)));
    }
}
