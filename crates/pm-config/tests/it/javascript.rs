//! Configs that are programs, run by the built-in engine unless a test says otherwise. PATH holds no `node`.

use std::path::Path;
use std::time::Duration;

use pm_config::{ScriptEngine, read};
use pm_spec::ByteString;

use crate::desk::{Desk, one, text, texts};

const CONFIG: &str = "ecosystem.config.js";

/// A desk with this config.
fn desk(source: &str) -> Desk {
    let desk = Desk::new();
    desk.write(CONFIG, source);
    desk
}

/// A variable of the one app that a config has.
fn variable(desk: &Desk, file: &str, name: &str) -> String {
    let (app, _) = one(desk.load(file));
    app.env.get(name).map_or_else(|| "unset".into(), text)
}

fn problem(desk: &Desk, file: &str) -> String {
    let diagnosis = desk.load(file).unwrap_err();
    desk.plain(&diagnosis.to_string())
}

/// A desk whose PATH has the machine's node as well.
fn with_node(mut desk: Desk) -> Desk {
    let path = std::env::var("PATH").unwrap();
    let node = std::env::split_paths(&path).map(|folder| folder.join("node"));
    let node = node
        .into_iter()
        .find(|node| node.is_file())
        .unwrap_or_else(|| panic!("these tests need node in PATH"));
    desk.link("bin/node", node);
    desk.overrides.engine = ScriptEngine::Auto;
    desk.caller.argv = ["/usr/bin/pm", "start", "x"].map(ByteString::from).to_vec();
    desk
}

#[test]
fn the_articles_config_is_run_as_it_stands() {
    let desk = desk(
        r#"module.exports = {
  apps: [
    {
      name: "web-app-1",
      script: "gunicorn",
      args: "--workers 4 --bind 0.0.0.0:5000 app:app",
      cwd: "./project1/",
      interpreter: "none",
      autorestart: true,
      log_date_format: "YYYY-MM-DD HH:mm:ss",
    },
    {
      name: "web-app-2", 
      script: "gunicorn",
      args: "--workers 2 --bind 0.0.0.0:5001 app:app",
      cwd: "./project2/",
      interpreter: "none",
      autorestart: true,
      env: {
        "DATABASE_URL": "postgresql://localhost/mydb"
      }
    }
  ]
};
"#,
    );
    desk.program("bin/gunicorn", "#!/bin/sh\n");
    desk.write("project1/app.py", "");
    desk.write("project2/app.py", "");
    let ecosystem = desk.load(CONFIG).unwrap();
    let names: Vec<_> = ecosystem.apps.iter().map(|app| app.name.to_string()).collect();
    assert_eq!(names, ["web-app-1", "web-app-2"]);
    let [first, second] = ecosystem.apps.as_slice() else { panic!("two apps") };
    assert_eq!(texts(&first.args), ["--workers", "4", "--bind", "0.0.0.0:5000", "app:app"]);
    assert_eq!(text(&first.cwd), desk.path("project1").to_str().unwrap());
    assert_eq!(text(second.env.get("DATABASE_URL").unwrap()), "postgresql://localhost/mydb");
    assert_eq!(ecosystem.warnings, []);
}

#[test]
fn what_configs_use_of_node_is_there() {
    let mut desk = desk(
        r"#!/usr/bin/env node
        const path = require('path');
        const os = require('node:os');
        const { readFileSync, existsSync, readdirSync, statSync, promises } = require('node:fs');
        const { inherits, format, promisify } = require('util');
        const { fileURLToPath, pathToFileURL } = require('url');
        const { name, version } = require('./package.json');
        const ports = require('./lib/ports');
        const byFolder = require('./lib');
        const parsed = JSON.parse(readFileSync(path.join(__dirname, 'package.json')));
        let code;
        try { readFileSync('/no/such/file', 'utf8'); } catch (error) { code = error.code + ' ' + error.syscall; }
        const seen = {
          join: path.join('/a', '..', 'b', './c/'), rel: path.relative('/a/b/c', '/a/d'), ext: path.extname('x/.a.b.js'),
          base: path.basename('/a/b.js', '.js'), up: path.dirname('/a/b/'), res: path.resolve('x/../y'), parse: path.parse('/h/f.tar.gz'),
          norm: path.normalize('./a//b/../..'), posix: path.posix === path,
          cpus: os.cpus().length, eol: os.EOL, home: os.homedir(), user: os.userInfo().username, mem: os.totalmem() > 1e6,
          host: os.hostname().length > 0,
          pkg: name + version + parsed.name, ports, byFolder, code,
          exists: [existsSync('package.json'), existsSync('nope')], dir: readdirSync(__dirname + '/lib').join(),
          stat: [statSync('lib').isDirectory(), statSync('package.json').size > 0, statSync('x', { throwIfNoEntry: false }) === undefined],
          file: path.relative(process.cwd(), __filename), argv: process.argv.slice(2), cwd: process.cwd() === __dirname,
          platform: process.platform, node: /^v\d+\.\d+/.test(process.version), unset: process.env.NOPE ?? 'none', set: process.env.SHELL_ONLY,
          same: module.exports === exports && require('os') === os && typeof promisify(format) === 'function',
          url: fileURLToPath(pathToFileURL('/a b').href), format: format('%s is %d%%', 'x', 5),
          modern: [1, 2].at(-1) + [3].findLast(Boolean), group: Object.groupBy([1, 2], (n) => (n % 2 ? 'odd' : 'even')).odd[0],
        };
        module.exports = { apps: [{ script: 'app', env: { SEEN: JSON.stringify(seen) } }] };
        ",
    );
    desk.write("package.json", r#"{"name": "shop", "version": "1.2.3"}"#);
    desk.write("lib/ports.js", "exports.web = require('..' + '/lib/base.js') + 1;");
    desk.write("lib/base.js", "module.exports = 4000;");
    desk.write("lib/index.js", "module.exports = { index: __filename.endsWith('/lib/index.js') };");
    desk.caller.argv = ["pm", "start", CONFIG, "--", "--x"].map(ByteString::from).to_vec();
    let seen: serde_json::Value = serde_json::from_str(&variable(&desk, CONFIG, "SEEN")).unwrap();
    let home = desk.path("home");
    assert_eq!(
        seen,
        serde_json::json!({
            "join": "/b/c/", "rel": "../../d", "ext": ".js", "base": "b", "up": "/a",
            "res": desk.path("y"), "norm": ".", "posix": true,
            "parse": { "root": "/", "dir": "/h", "base": "f.tar.gz", "ext": ".gz", "name": "f.tar" },
            "cpus": 4, "eol": "\n", "home": home, "user": "root", "mem": true, "host": true,
            "pkg": "shop1.2.3shop", "ports": { "web": 4001 }, "byFolder": { "index": true },
            "code": "ENOENT open", "exists": [true, false], "dir": "base.js,index.js,ports.js",
            "stat": [true, true, true], "file": CONFIG, "argv": ["start", CONFIG, "--", "--x"],
            "cwd": true, "platform": "linux", "node": true, "unset": "none", "set": "yes",
            "same": true, "url": "/a b", "format": "x is 5%", "modern": 5, "group": 1,
        })
    );
}

#[test]
fn every_way_to_export_is_understood() {
    let app = "{ script: 'app', env: { HOW: 'it' } }";
    for (file, source) in [
        (CONFIG, format!("module.exports = {{ apps: [{app}] }}")),
        (CONFIG, format!("exports.apps = [{app}]")),
        (CONFIG, format!("module.exports = {app}")),
        (CONFIG, format!("module.exports = () => ({{ apps: [{app}] }})")),
        (CONFIG, format!("module.exports = async () => [{app}]")),
        (CONFIG, format!("module.exports = Promise.resolve({{ apps: {app} }})")),
        (
            CONFIG,
            format!(
                "Object.defineProperty(exports, '__esModule', {{ value: true }}); exports.default = [{app}]"
            ),
        ),
        (
            CONFIG,
            format!("import path from 'path';\nexport default {{ apps: [{app}], x: path.sep }}"),
        ),
        ("pm.config.cjs", format!("module.exports = {{ apps: [{app}] }}")),
        ("pm.config.mjs", format!("export default {{ apps: [{app}] }}")),
        ("pm.config.mjs", format!("export const apps = [{app}];")),
        ("pm.config.mjs", format!("export default async function () {{ return [{app}]; }}")),
        (
            "pm.config.mjs",
            format!("const it = await Promise.resolve([{app}]); export {{ it as apps }};"),
        ),
        ("a.config.js.local", format!("module.exports = {app}")),
    ] {
        let desk = Desk::new();
        desk.write(file, &source);
        let (app, _) = one(desk.load(file));
        assert_eq!(app.env.get("HOW").map(text).as_deref(), Some("it"), "{source}");
    }
}

#[test]
fn es_modules_import_everything() {
    let desk = Desk::new();
    desk.write(
        "sub/pm.config.mjs",
        r"import fs, { existsSync } from 'node:fs';
        import * as path from 'path';
        import { createRequire } from 'module';
        import { fileURLToPath } from 'url';
        import ports, { web } from './ports.cjs';
        import { other } from './other.mjs';
        import data from './data.json' with { type: 'json' };
        import 'dotenv/config';
        const require = createRequire(import.meta.url);
        const late = await import('./other.mjs');
        const here = path.dirname(fileURLToPath(import.meta.url));
        const seen = [existsSync(here), fs.existsSync(import.meta.filename), here === import.meta.dirname,
          ports.web + web, other, data.n, require('./ports.cjs').web, late.other, process.env.FROM_DOTENV];
        export const apps = [{ script: '../app', env: { SEEN: seen.join() } }];",
    );
    desk.write("sub/ports.cjs", "module.exports = { web: 1, default: 2, 'not-a-name': 3 };");
    desk.write("sub/other.mjs", "export const other = import.meta.url.startsWith('file:///');");
    desk.write("sub/data.json", "{\"n\": 7}");
    desk.write("node_modules/dotenv/config.js", "process.env.FROM_DOTENV = 5;");
    desk.write(
        "node_modules/dotenv/package.json",
        r#"{"exports": {".": "./main.js", "./config": "./config.js"}}"#,
    );
    assert_eq!(variable(&desk, "sub/pm.config.mjs", "SEEN"), "true,true,true,2,true,7,1,true,5");
    desk.write("sub/package.json", r#"{"type": "module"}"#);
    desk.write(
        "sub/eco.config.js",
        "export default { script: '../app', env: { A: typeof module } }",
    );
    assert_eq!(variable(&desk, "sub/eco.config.js", "A"), "undefined");
}

#[test]
fn what_a_config_does_to_its_environment_its_apps_inherit() {
    let desk = desk(
        "process.env.FROM_FILE = 12; delete process.env.SHELL_ONLY; process.env.HOME = '/x';
        module.exports = { script: 'app', env: { HOME: '/mine' } };",
    );
    let (app, _) = one(desk.load(CONFIG));
    assert_eq!(app.env.get("FROM_FILE").map(text).as_deref(), Some("12"));
    assert_eq!(app.env.get("SHELL_ONLY"), None);
    assert_eq!(app.env.get("HOME").map(text).as_deref(), Some("/mine"));
    assert_eq!(texts(&app.declared_env), ["FROM_FILE", "HOME"]);
}

#[test]
fn values_that_json_does_not_know_are_left_out() {
    let desk = desk(
        "module.exports = { apps: [{ script: 'app', cwd: undefined, max_restarts: NaN, f() {},
          env: { A: undefined, D: new Date(0), N: 1.50, B: true, O: { a: [1] } } }] };",
    );
    let (app, warnings) = one(desk.load(CONFIG));
    let declared: Vec<_> = app
        .declared_env
        .iter()
        .map(|name| {
            let name = text(name);
            let value = app.env.get(&name).map(text).unwrap();
            format!("{name}={value}")
        })
        .collect();
    assert_eq!(declared, ["B=true", "D=1970-01-01T00:00:00.000Z", "N=1.5", "O={\"a\":[1]}"]);
    assert_eq!(warnings, "");
}

#[test]
fn what_is_thrown_is_told_with_its_place() {
    let mut wrong = Vec::new();
    for (source, told) in [
        (
            "module.exports = {\n  apps: [nope],\n};",
            "ecosystem.config.js:2:10: error: ReferenceError: nope is not defined\n  2 |   apps: [nope],\n    |          ^",
        ),
        ("const a = {;", "ecosystem.config.js:1:12: error: SyntaxError: "),
        (
            "let a;\nlet b = a.c.d;",
            "ecosystem.config.js:2:9: error: TypeError: cannot read property 'c' of undefined",
        ),
        (
            "\nthrow new Error('no\\x1b[2J way')",
            "ecosystem.config.js:2:11: error: Error: no\u{fffd}[2J way",
        ),
        ("throw Object.create(null)", "error: it threw an object without text"),
        ("throw { toString() { throw 1 } }", "error: it threw an object without text"),
        ("throw 'just text'", "ecosystem.config.js: error: it threw just text"),
        ("module.exports = async () => { throw new RangeError('far') }", "RangeError: far"),
        (
            "require('./missing')",
            "ecosystem.config.js:1:1: error: Error: Cannot find module './missing'\n",
        ),
        (
            "require('./broken.js')",
            "ecosystem.config.js:1:1: error: TypeError: not a function (/desk/broken.js:2:1)",
        ),
        ("process.exit(3)", "error: the config called process.exit(3)"),
        ("const a = {}; a.a = a; module.exports = { apps: [a] }", "TypeError: circular reference"),
        (
            "exports.apps",
            "error: it exports nothing\n  hint: write module.exports = { apps: [...] }",
        ),
        ("module.exports = 5", "a config is a list of apps or `{ apps: [...] }`, not a number"),
        (
            "module.exports = new Promise(() => {})",
            "error: it waits for something that never comes",
        ),
        (
            "module.exports = { apps: [{ name: 'web', script: 'app', max_restarts: 'x' }, { script: 'nope' }] }",
            "web: `max_restarts` must be a whole number, 0 or more, not `x`",
        ),
    ] {
        let desk = desk(source);
        desk.write("broken.js", "const f = 1;\nf();");
        let problem = problem(&desk, CONFIG);
        if !problem.contains(told) {
            wrong.push(format!("{source}\n-- says\n{problem}-- not\n{told}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn time_and_memory_end() {
    let mut desk = desk("for (;;);");
    desk.caller.patience = Duration::from_millis(50);
    let problem_ = problem(&desk, CONFIG);
    assert!(problem_.contains("it ran longer than 50ms"), "{problem_}");
    desk.write(
        CONFIG,
        "(async () => { for (;;) await 1; })(); module.exports = new Promise(() => {});",
    );
    let problem_ = problem(&desk, CONFIG);
    assert!(problem_.contains("it ran longer than 50ms"), "{problem_}");
    desk.caller.patience = Duration::from_mins(1);
    desk.write(CONFIG, "const all = []; for (;;) all.push(new Array(1 << 20).fill(7));");
    let problem_ = problem(&desk, CONFIG);
    assert!(
        problem_.contains("out of memory") || problem_.contains("more than 256 MiB"),
        "{problem_}"
    );
    desk.write(CONFIG, "const f = () => f() + 1; f();");
    let problem_ = problem(&desk, CONFIG);
    assert!(problem_.contains("call stack"), "{problem_}");
}

#[test]
fn what_the_engine_lacks_is_named() {
    for (source, name) in [
        (
            "const { execSync } = require('child_process'); execSync('true')",
            "`child_process.execSync`",
        ),
        ("require('fs').writeFileSync('/tmp/x', '')", "`fs.writeFileSync`"),
        ("new TextEncoder()", "`TextEncoder`"),
    ] {
        let desk = desk(source);
        let problem = problem(&desk, CONFIG);
        let hint = format!("hint: the built-in engine has no {name}");
        assert!(problem.contains(&hint), "{source}\n{problem}");
    }
    // Looking whether something is there is no failure.
    let desk = desk(
        "const crypto = require('crypto'); module.exports = { script: 'app', env: { A: typeof fetch } }",
    );
    assert_eq!(variable(&desk, CONFIG, "A"), "undefined");
}

#[test]
fn node_runs_what_the_engine_lacks() {
    let desk = with_node(desk(
        "const { execSync } = require('child_process');
        process.env.BY = 'process';
        console.log('printed');
        module.exports = { script: 'app', env: {
          OUT: execSync('echo it').toString().trim(), HEX: Buffer.from('a').toString('hex'),
          URL: new URL('file:///x').pathname, ARGV: process.argv.slice(1).join(' ') } };",
    ));
    let (app, _) = one(desk.load(CONFIG));
    let value = |name| app.env.get(name).map(text).unwrap();
    assert_eq!(
        [value("OUT"), value("HEX"), value("URL"), value("BY")],
        ["it", "61", "/x", "process"]
    );
    assert_eq!(value("ARGV"), "/usr/bin/pm start x");
    assert_eq!(texts(&app.declared_env), ["ARGV", "BY", "HEX", "OUT", "URL"]);
}

#[test]
fn node_is_asked_only_if_need_be_and_when_told_to() {
    let mut desk = desk(
        "module.exports = { script: 'app', env: { E: process.versions.quickjs ? 'builtin' : 'node' } }",
    );
    desk.overrides.engine = ScriptEngine::Node;
    assert!(problem(&desk, CONFIG).contains("there is no `node` in PATH"));
    let mut desk = with_node(desk);
    for (engine, name) in [
        (ScriptEngine::Auto, "builtin"),
        (ScriptEngine::Builtin, "builtin"),
        (ScriptEngine::Node, "node"),
    ] {
        desk.overrides.engine = engine;
        assert_eq!(variable(&desk, CONFIG, "E"), name);
    }
    desk.write(
        "pm.config.mjs",
        "export const apps = [{ script: 'app', env: { E: typeof require } }]",
    );
    desk.write(
        "f.config.cjs",
        "module.exports = async () => ({ apps: { script: 'app', env: { E: 'f' } } })",
    );
    assert_eq!(variable(&desk, "f.config.cjs", "E"), "f");
    assert!(desk.load("pm.config.mjs").is_ok());
}

#[test]
fn what_fails_in_node_is_told_as_well() {
    let mut desk =
        with_node(desk("const a = 1;\nsetInterval(() => {}, 1);\nthrow new Error('late');"));
    assert!(
        problem(&desk, CONFIG)
            .starts_with("ecosystem.config.js:3:7: error: Error: late\n  3 | throw")
    );
    desk.write(CONFIG, "const x = {;");
    assert!(
        problem(&desk, CONFIG).starts_with("ecosystem.config.js:1:1"),
        "{}",
        problem(&desk, CONFIG)
    );
    desk.overrides.engine = ScriptEngine::Node;
    desk.write(CONFIG, "process.exit(7)");
    assert!(problem(&desk, CONFIG).contains("node ended with exit status: 7 before"));
    desk.caller.patience = Duration::from_millis(300);
    desk.write(CONFIG, "for (;;);");
    assert!(problem(&desk, CONFIG).contains("it ran longer than 300ms"));
}

#[test]
fn typescript_needs_a_node_that_can() {
    let mut desk = Desk::new();
    desk.write("pm.config.ts", "const apps: object[] = [{ script: 'app', env: { T: 'types' } }];\nexport default { apps };");
    assert!(
        problem(&desk, "pm.config.ts")
            .contains("need node 22.6 or newer in PATH, and there is none")
    );
    desk.overrides.engine = ScriptEngine::Builtin;
    assert!(problem(&desk, "pm.config.ts").contains("runs JavaScript only"));
    desk.program("bin/node", "#!/bin/sh\necho v20.1.0\n");
    desk.overrides.engine = ScriptEngine::Auto;
    assert!(problem(&desk, "pm.config.ts").contains("/desk/bin/node is 20.1"));
    // What a newer one is called with, and how its answer comes.
    desk.program(
        "bin/node",
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo v22.6.0; exit; fi\ncase \"$*\" in *--experimental-strip-types*) ;; *) exit 1;; esac\nwhile [ \"$1\" != -- ]; do shift; done\necho not this\neval \"echo '{\\\"value\\\":{\\\"script\\\":\\\"app\\\",\\\"env\\\":{\\\"T\\\":\\\"types\\\"}}}' >&$2\"\n",
    );
    assert_eq!(variable(&desk, "pm.config.ts", "T"), "types");
}

#[test]
fn names_come_from_programs_too() {
    let desk =
        desk("module.exports = { apps: ['a', 'b'].map((name) => ({ name, script: 'gone' })) }");
    let names = read::names(Path::new(CONFIG), &desk.caller, &desk.overrides).unwrap();
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
}

#[cfg(target_os = "linux")]
#[test]
fn node_may_not_take_all_memory() {
    let mut desk = with_node(desk(
        "const all = []; for (let i = 0; i < 40; i += 1) all.push(Buffer.alloc(64 << 20, 1));
        module.exports = { script: 'app' };",
    ));
    desk.caller.patience = Duration::from_mins(1);
    desk.overrides.engine = ScriptEngine::Node;
    let told = problem(&desk, CONFIG);
    assert!(told.contains("allocation failed") || told.contains("node ended with"), "{told}");
}

#[test]
fn an_app_sees_its_own_folder_as_pwd() {
    let mut desk = desk("module.exports = { script: 'app' }");
    desk.caller.env.set("PWD", "/elsewhere");
    assert_eq!(variable(&desk, CONFIG, "PWD"), desk.caller.cwd.display().to_string());
    desk.write(CONFIG, "module.exports = { script: 'app', env: { PWD: '/mine' } }");
    assert_eq!(variable(&desk, CONFIG, "PWD"), "/mine");
}

#[test]
fn globals_that_configs_use_are_there_and_do_what_those_of_node_do() {
    let expressions = [
        "new URL('HTTP://u:p%40@Ex.org:80/a/../b c?q=1&r=a+b#h').href",
        "new URL('../x?y#z', 'https://h:8443/a/b/c').href",
        "new URL('postgres://me:pw@db:5432/shop?ssl=1').hostname",
        "new URL('postgres://me:pw@db:5432/shop').pathname",
        "new URL('file:///a/b').pathname",
        "new URL('//other/x', 'http://h/').href + new URL('?a', 'http://h/p').href",
        "(() => { const u = new URL('http://h'); u.port = 81; u.pathname = 'a b'; u.searchParams.set('k', 'v w'); return u.href })()",
        "URL.canParse('nope') + ',' + URL.canParse('a:b') + ',' + URL.canParse('http://')",
        "new URL('http://h:81/x').origin",
        "new URLSearchParams({ a: '1 2', b: '\u{00e4}' }).toString()",
        "[...new URLSearchParams('?a=1&b=2&a=3')].join('|') + new URLSearchParams('a=1&a=2').getAll('a')",
        "Buffer.from('h\u{00e4}\u{8ba2}').toString('hex')",
        "Buffer.from('h\u{00e4}\u{8ba2}!').toString('base64')",
        "Buffer.from('user:pass').toString('base64url')",
        "Buffer.from('aGkgdGhlcmU=', 'base64').toString()",
        "Buffer.from([104, 255, 105]).toString()",
        "Buffer.from('ff00', 'hex').length + ':' + Buffer.byteLength('\u{8ba2}')",
        "Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()",
        "JSON.stringify(Buffer.from('a'))",
        "JSON.stringify(structuredClone({ a: [1, { b: 2 }], d: new Date(0) }))",
        "require('url').pathToFileURL('/a b').href + require('buffer').Buffer.from('a')",
    ];
    let all = expressions.map(|it| format!("() => {it}")).join(",\n");
    let source = format!(
        "const all = [{all}]; module.exports = {{ script: 'app', env: {{ ALL: all.map((it) => it()).join('\\n') }} }};"
    );
    let ours = desk(&source);
    let mut nodes = with_node(desk(&source));
    nodes.overrides.engine = ScriptEngine::Node;
    let (ours, theirs) = (variable(&ours, CONFIG, "ALL"), variable(&nodes, CONFIG, "ALL"));
    for ((ours, theirs), expression) in ours.lines().zip(theirs.lines()).zip(expressions) {
        assert_eq!(ours, theirs, "{expression}");
    }
    assert_eq!(ours.lines().count(), expressions.len());
}

#[test]
fn timers_come_before_the_result_is_read_the_earliest_first() {
    let desk = desk(
        "const env = { A: '' };
        const add = (text) => { env.A += text; };
        setTimeout(add, 100, 'c'); setTimeout(add, 1, 'a'); setImmediate(() => setTimeout(add, 5, 'b'));
        clearTimeout(setTimeout(add, 2, 'never'));
        const forever = () => setTimeout(forever, 1);
        module.exports = new Promise((done) => setTimeout(() => done({ script: 'app', env }), 3000)).then((it) => { forever(); return it; });",
    );
    assert_eq!(variable(&desk, CONFIG, "A"), "abc");
    desk.write(
        CONFIG,
        "setTimeout(() => { throw new Error('late') }); module.exports = { script: 'app' }",
    );
    assert!(problem(&desk, CONFIG).contains("Error: late"));
}
