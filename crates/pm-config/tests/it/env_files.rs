//! `env_file`: where variables come from, which of them counts, and what is said of those that can't be read.

use std::collections::BTreeMap;

use pm_config::{Beside, Severity, Typed, amended};
use pm_spec::AppSpec;

use crate::desk::{Desk, one, text, texts};

fn desk() -> Desk {
    let desk = Desk::new();
    desk.write(".env", "A=file\nB=file\nC=${SHELL_ONLY}-${A}\nSHELL_ONLY\nNOWHERE\n");
    desk
}

/// The variables that are not the shell's.
fn declared(spec: &AppSpec) -> BTreeMap<String, String> {
    let pairs = texts(&spec.declared_env).into_iter();
    pairs.map(|name| (name.clone(), spec.env.get(&name).map(text).unwrap())).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn a_file_counts_more_than_the_shell_and_less_than_env() {
    let mut desk = desk();
    desk.caller.env.set("A", "shell");
    let app = "{script: 'app', env_file: '.env', env: {B: 'env'}, env_prod: {A: 'prod'}}";
    let (spec, warnings) = desk.app(app);
    let expected = [("A", "file"), ("B", "env"), ("C", "yes-file"), ("SHELL_ONLY", "yes")];
    assert_eq!((declared(&spec), warnings), (pairs(expected), String::new()));
    assert_eq!(texts(&spec.hidden_env), ["A", "C"], "what `env` and the shell say is shown");
    desk.overrides.env_name = Some("prod".into());
    let (spec, _) = desk.app(app);
    assert_eq!(spec.env.get("A").map(text).as_deref(), Some("prod"));
    assert_eq!(texts(&spec.hidden_env), ["C"]);
}

#[test]
fn later_files_count_more_and_some_may_be_missing() {
    let desk = desk();
    desk.write("conf/two.env", "B=two # said last\nD=\"${A} and\n${B}\"\n");
    desk.write("conf/raw", "E=\"$A\" # all of it\n");
    desk.write(
        "sub/eco.yaml",
        "apps:\n- script: ../app\n  env_file:\n  - ../.env\n  - {path: ../none.env, required: false}\n  \
         - ../conf/two.env\n  - {path: ../conf/raw, format: raw}\n",
    );
    let (spec, warnings) = one(desk.load("sub/eco.yaml"));
    assert_eq!(warnings, "");
    let expected = [
        ("A", "file"),
        ("B", "two"),
        ("C", "yes-file"),
        ("D", "file and\ntwo"),
        ("E", "\"$A\" # all of it"),
        ("SHELL_ONLY", "yes"),
    ];
    assert_eq!(declared(&spec), pairs(expected));
    for nothing in ["null", "''", "[]", "[{path: 'none', required: false}]"] {
        let (spec, warnings) = desk.app(&format!("{{script: 'app', env_file: {nothing}}}"));
        assert_eq!((declared(&spec), warnings), (BTreeMap::new(), String::new()), "{nothing}");
    }
}

#[test]
fn problems_name_the_file_they_are_in() {
    let desk = desk();
    desk.write("bad.env", "A=1\nSECRET='hunter2\nTWO WORDS=hunter2\nC=$HUNTER\n");
    let problems = desk.problems("{script: 'app',\n env_file: ['none.env', 'bad.env', 3, {}]}");
    let told: Vec<_> = problems
        .lines()
        .filter(|line| line.contains("error: ") || line.contains("warning: "))
        .collect();
    assert_eq!(
        told,
        [
            "stdin:2:13: error: `env_file` /desk/none.env: no such file",
            "stdin:2:36: error: `env_file` is a path, a list of paths, or of { path: \"...\", required: false }",
            "stdin:2:39: error: there is no `path`",
            "/desk/bad.env:2:8: error: the value of `SECRET` has no closing quote",
            "/desk/bad.env:3:4: error: this can't be in the name of a variable",
            "/desk/bad.env:4:3: warning: the variable `HUNTER` is not set; nothing stands in its place",
        ]
    );
    assert!(
        problems
            .contains("hint: if it may be missing: { path: \"/desk/none.env\", required: false }")
    );
    assert!(!problems.contains("hunter2"), "a value is a secret: {problems}");
    let near = desk.problems("{script: 'app', env_file: [{path: '.env', requierd: false}]}");
    assert!(
        near.contains("unknown key `requierd`") && near.contains("did you mean `required`?"),
        "{near}"
    );
    for (wrong, told) in [
        ("{path: '.env', required: 'no'}", "`required` must be true or false"),
        ("{path: '.env', format: 'cooked'}", "`format` can only be \"raw\""),
        ("'sys'", "/desk/sys: is a directory"),
    ] {
        let problems = desk.problems(&format!("{{script: 'app', env_file: [{wrong}]}}"));
        assert!(problems.contains(told), "{wrong}: {problems}");
    }
    desk.write("latin1.env", b"A=\xe4\n");
    let problems = desk.problems("{script: 'app', env_file: 'latin1.env'}");
    assert!(problems.contains("/desk/latin1.env:1:3: error: this is not UTF-8"), "{problems}");
}

#[test]
fn a_table_is_an_environment_as_before() {
    let mut desk = desk();
    let app = "{script: 'app', env_file: {A: 'table'}}";
    let (spec, warnings) = desk.app(app);
    assert_eq!((declared(&spec), warnings), (BTreeMap::new(), String::new()));
    for beside in [Beside::All, Beside::Pm2s] {
        desk.overrides.beside = beside;
        desk.overrides.env_name = Some("file".into());
        assert_eq!(declared(&desk.app(app).0), pairs([("A", "table")]));
    }
}

#[test]
fn the_flag_reads_a_file_for_scripts_files_and_known_apps() {
    let mut desk = desk();
    desk.write("sub/eco.json5", "{script: '../app', env_file: '../other.env', env: {B: 'env'}}");
    desk.overrides.given.set("env_file", Typed::word(".env"));
    let (spec, _) = one(desk.script("app"));
    assert_eq!(spec.env.get("A").map(text).as_deref(), Some("file"));
    let ecosystem = desk.load("sub/eco.json5").unwrap();
    assert!(ecosystem.warnings[0].message.contains("it replaces what the file says of `env_file`"));
    assert_eq!(ecosystem.warnings[0].severity, Severity::Warning);
    let spec = &ecosystem.apps[0];
    assert_eq!(
        (spec.env.get("A").map(text), spec.env.get("B").map(text)),
        (Some("file".into()), Some("env".into()))
    );
    desk.write("new.env", "A=new\nB=new\nF=new\n");
    desk.overrides.given.set("env_file", Typed::word("new.env"));
    let (spec, _) = amended(spec, &desk.caller, &desk.overrides).unwrap();
    let value = |name| spec.env.get(name).map(text).unwrap();
    assert_eq!((value("A"), value("B"), value("F")), ("new".into(), "env".into(), "new".into()));
    assert_eq!(texts(&spec.hidden_env), ["C", "A", "F"]);
}
