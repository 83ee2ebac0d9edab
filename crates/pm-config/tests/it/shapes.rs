//! The shapes and formats a config may have, and the golden renderings of good and bad fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use pm_config::{
    Beside, ConfigFormat, ConfigPlace, Diagnosis, Ecosystem, Overrides, Severity, Typed, read,
};

use crate::desk::Desk;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/ecosystem").join(kind);
    let folder = folder.canonicalize().unwrap();
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    assert!(files.len() > 4, "{files:?}");
    files
}

/// Reads a fixture as somebody who stands beside it.
fn load(path: &Path) -> (Result<Ecosystem, Diagnosis>, String) {
    load_as(path, &Overrides::default())
}

fn load_as(path: &Path, overrides: &Overrides) -> (Result<Ecosystem, Diagnosis>, String) {
    let desk = Desk::new();
    let mut caller = desk.caller.clone();
    path.parent().unwrap().clone_into(&mut caller.cwd);
    caller.env.set("PATH", "/bin");
    caller.env.unset("SHELL_ONLY");
    let name = path.file_name().unwrap();
    let result = read::load(Path::new(name), &caller, overrides);
    (result, desk.path("").display().to_string())
}

/// The same on every machine.
fn neutral(text: &str, folder: &Path, desk: &str) -> String {
    text.replace(folder.to_str().unwrap(), "/fixtures").replace(desk, "/desk/")
}

#[test]
fn good_fixtures_become_specs() {
    for path in fixtures("good") {
        let (result, desk) = load(&path);
        let ecosystem = result.unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
        let warnings: Vec<_> = ecosystem.warnings.iter().map(ToString::to_string).collect();
        let specs = serde_json::to_string_pretty(&ecosystem.apps).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let text =
            neutral(&format!("{}\n{specs}", warnings.join("\n")), path.parent().unwrap(), &desk);
        insta::assert_snapshot!(format!("good-{name}"), text);
    }
}

#[test]
fn bad_fixtures_are_diagnosed() {
    for path in fixtures("bad") {
        let (result, desk) = load(&path);
        let Err(diagnosis) = result else { panic!("{} is good", path.display()) };
        assert!(diagnosis.diagnostics.iter().any(|d| d.severity == Severity::Error));
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = neutral(&diagnosis.to_string(), path.parent().unwrap(), &desk);
        insta::assert_snapshot!(format!("bad-{name}"), text);
    }
}

#[test]
fn the_same_mistakes_are_found_in_every_format() {
    let messages = |name: &str| -> Vec<String> {
        let path = fixtures("bad").into_iter().find(|path| path.ends_with(name)).unwrap();
        let (Err(diagnosis), desk) = load(&path) else { panic!("{name} is good") };
        let machine = |c: char| c.is_ascii_digit();
        let plain = |text: String| text.replace(&desk, "/desk/").replace(machine, "");
        let mut messages: Vec<_> =
            diagnosis.diagnostics.into_iter().map(|d| plain(d.message)).collect();
        messages.sort();
        messages
    };
    let json5 = messages("mistakes.json5");
    assert!(json5.len() > 20, "{json5:#?}");
    for other in ["mistakes.yaml", "mistakes.toml"] {
        assert_eq!(messages(other), json5, "{other}");
    }
}

#[test]
fn all_shapes_are_read() {
    let desk = Desk::new();
    for text in [
        "{apps: [{script: 'app', name: 'x'}]}",
        "{apps: {script: 'app', name: 'x'}}",
        "{pm2: [{script: 'app', name: 'x'}], name: 'package', version: '1'}",
        "{pm2: {apps: [{script: 'app', name: 'x'}]}}",
        "[{script: 'app', name: 'x'}]",
        "{script: 'app', name: 'x'}",
    ] {
        let (spec, warnings) = desk.app(text);
        assert_eq!((spec.name.as_str(), warnings.as_str()), ("x", ""), "{text}");
    }
    let ecosystem = desk.parse("[]").unwrap();
    assert!(ecosystem.apps.is_empty() && ecosystem.warnings[0].message.contains("no apps"));
    for text in ["3", "'x'", "null", "{apps: 3}", "[3]", "{apps: [[]]}"] {
        assert!(desk.parse(text).is_err(), "{text}");
    }
}

#[test]
fn only_takes_a_subset_and_a_broken_neighbour_does_not_matter() {
    let mut desk = Desk::new();
    let text =
        "[{script: 'app', name: 'a'}, {script: 'gone', name: 'b'}, {script: 'app', name: 'c'}]";
    assert!(desk.parse(text).is_err());
    desk.overrides.only = vec!["a,c".into()];
    let names: Vec<_> =
        desk.parse(text).unwrap().apps.iter().map(|app| app.name.to_string()).collect();
    assert_eq!(names, ["a", "c"]);
    desk.overrides.only = vec!["a".into(), "cc".into()];
    let problems = desk.problems(text);
    assert!(problems.contains("--only: error: there is no app `cc`"), "{problems}");
    assert!(problems.contains("did you mean `c`?"), "{problems}");
}

#[test]
fn flags_replace_what_the_file_says_where_pm2_lets_them() {
    let mut desk = Desk::new();
    desk.write("sub/app", "#!/bin/sh\n");
    desk.overrides.beside = Beside::Pm2s;
    for (key, word) in
        [("cwd", "sub"), ("uid", "alice"), ("namespace", "ns"), ("name", "x"), ("instances", "7")]
    {
        desk.give(key, &[word]);
    }
    let (spec, _) = desk.app("{script: 'app', cwd: '/', user: 'root'}");
    assert_eq!(crate::desk::text(&spec.cwd), desk.path("sub").display().to_string());
    assert_eq!((spec.name.as_str(), spec.namespace.as_str(), spec.instances), ("app", "ns", 1));
    let user = serde_json::to_value(spec.user.unwrap()).unwrap();
    assert_eq!(user["uid"]["name"], "alice");
    let (spec, _) = desk.app("{script: 'app', namespace: 'own'}");
    assert_eq!(spec.namespace.as_str(), "own");
    desk.give("uid", &["alcie"]);
    assert!(desk.problems("{script: 'app'}").contains("--uid: error: there is no user `alcie`"));
}

#[test]
fn what_flags_replace_is_told_unless_nobody_typed_them() {
    let mut desk = Desk::new();
    let text =
        "[{script: 'app', name: 'a', cron: '* * * * *', exp_backoff_restart_delay: 5, watch: true},
        {script: 'app', name: 'b', watch: false}]";
    desk.give("restart_delay", &["7s"]);
    desk.give("cron_restart", &["0 3 * * *"]);
    desk.overrides.given.or("watch", || Typed::word(""));
    let read = desk.parse(text).unwrap();
    let told: Vec<_> = read.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        told.join("\n"),
        "--cron-restart: warning: it replaces what the file says of `cron_restart`\n\
         --restart-delay: warning: it replaces what the file says of `restart_delay`"
    );
    for app in &read.apps {
        assert_eq!(app.restart.delay, pm_spec::Delay::Fixed(pm_spec::Span::from_secs(7)));
        assert_eq!(app.schedule.as_ref().unwrap().pattern, "0 3 * * *");
        assert!(app.watch.as_ref().unwrap().on);
    }
}

#[test]
fn names_are_read_though_everything_else_is_wrong() {
    let desk = Desk::new();
    desk.write(
        "eco.yaml",
        "- {name: a, script: gone, cwd: /gone, kill_timeout: x}\n- script: b.py\n",
    );
    let names = read::names(Path::new("eco.yaml"), &desk.caller, &desk.overrides).unwrap();
    assert_eq!(names.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b"]);
    let broken = read::names_of(b"[", ConfigFormat::Json5, "stdin", &desk.caller, &desk.overrides);
    assert!(broken.unwrap_err().to_string().starts_with("stdin:1:2: error: the file ends"));
}

#[test]
fn folders_may_be_served_without_any_app() {
    let desk = Desk::new();
    let folder = "static: [{path: '.', port: 8081, name: 'pages'}]";
    for written in [
        format!("{{{folder}}}"),
        format!("{{apps: [], {folder}}}"),
        format!("{{{folder}, apps: null}}"),
        format!("{{{folder}, deploy: {{}}}}"),
    ] {
        let (spec, warnings) = desk.app(&written);
        assert_eq!((spec.name.as_str(), warnings.as_str()), ("pages", ""), "{written}");
    }
}

#[test]
fn static_folders_and_serve_are_apps_of_our_own() {
    let mut desk = Desk::new();
    desk.caller.argv = vec![pm_spec::ByteString::from("/usr/bin/pm")];
    let text = "{ apps: [{ name: 'docs', script: 'serve', env: { PM2_SERVE_PATH: './docs' } }],
        static: [{ path: './www', port: 9000, spa: true, basic_auth: { username: 'u', password: 'p' } },
                 { name: 'plain', path: '.' , nope: 1 }] }";
    let ecosystem = desk.parse(text).unwrap();
    let shown = |index: usize| {
        let app = &ecosystem.apps[index];
        let env = app.declared_env.iter().map(|name| {
            let name = name.display().into_owned();
            format!("{}={}", name.replace("PM2_SERVE_", ""), app.env.get(&name).unwrap().display())
        });
        let env: Vec<_> = env.collect();
        let args: Vec<_> = app.args.iter().map(|arg| arg.display().into_owned()).collect();
        format!("{}: {} {} {}", app.name, app.script.display(), args.join(" "), env.join(" "))
    };
    assert_eq!(shown(0), "docs: /usr/bin/pm serve-files PATH=./docs");
    assert_eq!(
        shown(1),
        "static-page-server-9000: /usr/bin/pm serve-files BASIC_AUTH=true BASIC_AUTH_PASSWORD=p BASIC_AUTH_USERNAME=u PATH=./www PORT=9000 SPA=true"
    );
    assert_eq!(shown(2), "plain: /usr/bin/pm serve-files PATH=.");
    let warnings: Vec<_> = ecosystem.warnings.iter().map(|one| one.message.clone()).collect();
    assert_eq!(warnings, ["unknown key `nope` of a folder; it is ignored"]);
    assert!(
        desk.problems("{ apps: [], static: 5 }").contains("`static` must be a list of folders")
    );
}

#[test]
fn variables_of_the_deploy_section_count_least() {
    let mut desk = Desk::new();
    desk.overrides.env_name = Some("production".into());
    let (app, warnings) = desk.app(
        "{ apps: [{ script: 'app', env: { B: 'env' }, env_production: { C: 'profile' } }],
           deploy: { production: { env: { A: 'deploy', B: 'deploy', C: 'deploy', SHELL_ONLY: 'deploy' } } } }",
    );
    let value = |name| app.env.get(name).unwrap().display().into_owned();
    assert_eq!(["A", "B", "C", "SHELL_ONLY"].map(value), ["deploy", "env", "profile", "yes"]);
    assert_eq!(warnings, "");
}

#[test]
fn keys_of_other_managers_are_told_what_to_write_here() {
    let desk = Desk::new();
    for (written, here) in [
        ("restart_policy: 'always'", "here it is `restart`"),
        ("environment: {}", "here it is `env: {"),
        ("requires: ['db']", "here it is `depends_on`"),
        ("livenessProbe: {}", "here it is `healthcheck`"),
        ("stdout_logfile: 'x'", "here it is `out_file`"),
        ("dir: '/x'", "here it is `cwd`"),
        ("WorkingDirectory: '/x'", "here it is `cwd`"),
    ] {
        let (_, warnings) = desk.app(&format!("{{script: 'app', {written}}}"));
        assert!(warnings.contains("unknown key") && warnings.contains(here), "{warnings}");
    }
}

#[test]
fn what_only_strictness_refuses_says_so() {
    let mut desk = Desk::new();
    desk.overrides.strict = true;
    for written in ["{script: 'app', odd: 1}", "{apps: [{script: 'app'}], odd: 1}"] {
        let problems = desk.problems(written);
        assert!(problems.contains("(strict: otherwise it is ignored)"), "{problems}");
    }
}

#[test]
fn what_a_deployment_lacks_is_told_by_who_is_strict() {
    let mut desk = Desk::new();
    let written = "{\n  apps: [{script: 'app'}],\n  deploy: {\n    production: {host: 'h', rpeo: 'r', \
                   ref: 'm'},\n    staging: 'x',\n  },\n}\n";
    assert_eq!(desk.app(written).1, "", "`start` has no use for it");
    desk.overrides.strict = true;
    let problems = desk.problems(written);
    for told in [
        "stdin:4:5: error: `repo` is not set (strict: only `deploy` needs it)",
        "stdin:4:5: error: `path` is not set",
        "stdin:4:29: error: unknown key `rpeo`; it is ignored (strict",
        "did you mean `repo`?",
        "stdin:5:14: error: `staging` must be an object, not a string",
    ] {
        assert!(problems.contains(told), "{told} is missing:\n{problems}");
    }
    let whole = "{host: 'h', repo: 'r', ref: 'm', path: '/srv'}";
    desk.app(&format!("{{apps: [{{script: 'app'}}], deploy: {{production: {whole}}}}}"));
}

#[test]
fn what_check_calls_an_error_does_not_start_unless_it_says_strict() {
    let errors = |path: &Path, strict| {
        let (result, desk) = load_as(path, &Overrides { strict, ..Overrides::default() });
        let all = result.map_or_else(|bad| bad.diagnostics, |good| good.warnings);
        let errors = all.into_iter().filter(|one| one.severity == Severity::Error);
        let mut messages: Vec<_> = errors.map(|one| one.message.replace(&desk, "/desk/")).collect();
        messages.retain(|message| !message.contains("(strict: "));
        messages
    };
    for path in fixtures("bad").into_iter().chain(fixtures("good")) {
        assert_eq!(errors(&path, true), errors(&path, false), "{}", path.display());
    }
}

#[test]
fn sockets_that_cannot_be_are_told_with_their_place() {
    let desk = Desk::new();
    let long = "x".repeat(200);
    for (listen, told) in [
        ("8000", "`listen` must be a URL such as \"tcp://127.0.0.1:8000\", or a list of them"),
        ("'8000'", "`listen` begins with tcp:// or unix://"),
        ("['tcp://example.org:80']", "takes addresses in numbers"),
        ("['tcp://127.0.0.1']", "needs a port, 1 to 65535"),
        ("{name: 'x'}", "must be an object with a `url`"),
        ("{url: 'tcp://:80', colour: 'red'}", "knows `name`, `mode` and `backlog`, not \"colour\""),
        ("{url: 'tcp://:80', mode: '600'}", "that for unix sockets only"),
        ("['tcp://:80', 'tcp://[::]:80?name=x']", "`listen` has tcp://[::]:80 twice"),
        (&format!("'unix://{long}'"), "the kernel takes 107 bytes"),
    ] {
        let problems = desk.problems(&format!("{{script: 'app', listen: {listen}}}"));
        assert!(problems.contains(told), "{listen}: {problems}");
    }
    desk.program("bin/node", "\x7fELF");
    desk.write("app.js", "");
    let cluster = "{script: 'app.js', exec_mode: 'cluster', listen: 'tcp://:80'}";
    assert!(desk.problems(cluster).contains("cluster workers share their ports by themselves"));
}

#[test]
fn a_yes_that_is_no_truth_is_told_what_to_write() {
    let desk = Desk::new();
    for (word, hint) in
        [("yes", "write `true`"), ("off", "write `false`"), ("true", "without quotes")]
    {
        let problems = desk.problems(&format!("{{script: 'app', autostart: '{word}'}}"));
        assert!(problems.contains("`autostart` must be true or false"), "{problems}");
        assert!(problems.contains(hint), "{problems}");
    }
}

/// Texts of YAML, and what is said of the line where they are wrong.
const FAULTS: [(&str, &str); 12] = [
    (
        "apps:\n  - name: a\n   script: b\n",
        "3: line 3 is indented by 3 blanks, as no line above it is; with 4 blanks it stands under `name` in line 2",
    ),
    (
        "apps:\n  - name: a\n      script: b\n",
        "3: line 3 is indented deeper than line 2, which is complete; with 4 blanks it stands under `name` in line 2",
    ),
    (
        "apps:\n  - name: a\n  script: b\n",
        "3: line 3 stands under the `-` of line 2 and begins with none; 4 blanks before it make it a part of that entry, `- ` begins the next one",
    ),
    (
        "name: a\n  script: b\n",
        "2: line 2 is indented deeper than line 1, which is complete; with no blanks it stands under `name` in line 1",
    ),
    (
        "apps:\n  - name: a\n    env:\n      A: 1\n     B: 2\n",
        "5: line 5 is indented by 5 blanks, as no line above it is; with 6 blanks it stands under `A` in line 4",
    ),
    (
        "apps:\n\t- name: a\n",
        "2: line 2 is indented with a tab, and YAML takes blanks only; write blanks in its place",
    ),
    (
        "name: a\n- script: b\n",
        "2: line 2 begins with `-` and stands under line 1, which is no entry of a list; indent it under what it belongs to, or take the `-` out",
    ),
    ("name: a\nscript:b\nargs: c\n", "2: a blank is missing behind the `:` in line 2; `script: b`"),
    (
        "name: a\nscript b\nargs: c\n",
        "2: line 2 is no `key: value`; a key ends with `:`, and its value follows after a blank",
    ),
    (
        "name: a\nargs: echo x: y\n",
        "2: the value of `args` has a `:` in it, as only keys have; put the value into quotes",
    ),
    (
        "name: a\nschedule: * * * * *\n",
        "2: a value that begins with `*` or `&` is a reference; put it into quotes: \"* * * * *\"",
    ),
    ("name: a\nscript: @x\n", "2: a value can't begin so; put it into quotes"),
];

#[test]
fn what_is_wrong_with_the_lines_of_a_yaml_file_is_said_of_lines() {
    let desk = Desk::new();
    for (text, expected) in FAULTS {
        desk.write("a.yaml", text);
        let Err(Diagnosis { diagnostics, .. }) = desk.load("a.yaml") else { panic!("{text}") };
        let [first] = diagnostics.as_slice() else { panic!("{diagnostics:?}") };
        let ConfigPlace::Line { line, .. } = first.place else { panic!("{first:?}") };
        let hint = first.hint.as_deref().unwrap_or_default();
        assert_eq!(format!("{line}: {}; {hint}", first.message), expected, "{text}");
    }
}
