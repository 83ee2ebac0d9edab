//! What a file is put together from: variables filled in, `defaults`, `include`, several files, profiles.

use pm_config::{Ecosystem, Overrides, Severity, read};
use pm_spec::AppSpec;

use crate::desk::{Desk, one, text, texts};

fn value(spec: &AppSpec, name: &str) -> Option<String> {
    spec.env.get(name).map(text)
}

fn names(ecosystem: &Ecosystem) -> Vec<&str> {
    ecosystem.apps.iter().map(|app| app.name.as_str()).collect()
}

/// The first lines of problems.
fn told(problems: &str) -> Vec<&str> {
    problems
        .lines()
        .filter(|line| line.contains(" error: ") || line.contains(" warning: "))
        .collect()
}

#[test]
fn variables_are_filled_in_where_a_file_asks_for_it() {
    let desk = Desk::new();
    desk.write(".env", "DB='db host'\nSHELL_ONLY=dotenv\n");
    for (name, document) in [
        ("a.json5", "{interpolate: true, apps: [{script: 'app', name: 'x${SUFFIX:-y}', instances: '${N:-2}', autorestart: '${AUTO:-false}',
           args: ['$HOME', '$$', '${DB}'], env: {A: '${DB}', B: '${SHELL_ONLY}', '${KEY}': '$$${DB}', C: 1}}]}"),
        ("a.yaml", "interpolate: true\napps:\n- script: app\n  name: x${SUFFIX:-y}\n  instances: ${N:-2}\n  autorestart: ${AUTO:-false}\n  \
           args: [$HOME, $$, '${DB}']\n  env: {A: '${DB}', B: '${SHELL_ONLY}', '${KEY}': '$$${DB}', C: 1}\n"),
        ("a.toml", "interpolate = true\n[[apps]]\nscript = 'app'\nname = 'x${SUFFIX:-y}'\ninstances = '${N:-2}'\nautorestart = '${AUTO:-false}'\n\
           args = ['$HOME', '$$', '${DB}']\nenv = {A = '${DB}', B = '${SHELL_ONLY}', '${KEY}' = '$$${DB}', C = 1}\n"),
    ] {
        desk.write(name, document);
        let (spec, warnings) = one(desk.load(name));
        assert_eq!((spec.name.as_str(), spec.instances, warnings.as_str()), ("xy", 2, ""), "{name}");
        assert!(!spec.restart.autorestart, "{name}");
        assert_eq!(texts(&spec.args), ["$HOME", "$", "db host"], "{name}");
        let env = ["A", "B", "${KEY}", "C"].map(|it| value(&spec, it).unwrap());
        assert_eq!(env, ["db host", "yes", "$db host", "1"], "{name}: the shell counts more than .env");
        assert_eq!(texts(&spec.hidden_env), ["${KEY}", "A"], "{name}: what came from .env is a secret");
    }
}

#[test]
fn without_being_asked_nothing_is_filled_in() {
    let desk = Desk::new();
    desk.write(".env", "A=1\n");
    let (spec, warnings) =
        desk.app("{script: 'echo ${A} $A', env: {X: '${A}', Y: '${A:-1}', Z: '${'}, name: 'a'}");
    assert_eq!(value(&spec, "X").as_deref(), Some("${A}"));
    assert_eq!(texts(&spec.args), ["-c", "echo ${A} $A"]);
    assert_eq!(told(&warnings), ["stdin:1:35: warning: `${A}` is taken as it stands here"]);
    assert!(warnings.contains("hint: `interpolate: true` beside `apps`"), "{warnings}");
    let (_, warnings) =
        desk.app("{interpolate: false, script: 'app', env: {Z: '${', Y: '${a b}', X: '$A'}}");
    assert_eq!(warnings, "");
    desk.write("a.config.js", "module.exports = {apps: [{script: 'app', env: {A: '${A}'}}]}");
    let (spec, warnings) = one(desk.load("a.config.js"));
    assert_eq!((value(&spec, "A").as_deref(), warnings.as_str()), (Some("${A}"), ""));
}

#[test]
fn what_can_not_be_filled_in_is_told_with_its_place() {
    let desk = Desk::new();
    desk.write(".env", "A=1\nB='hunter2\n");
    let problems = desk.problems(
        "{interpolate: true, apps: [{script: 'app',\n env: {A: '${NONE:?where is it}',\n B: '${A',\n C: 'x${}',\n D: '${NONE}'}}]}",
    );
    assert_eq!(
        told(&problems),
        [
            "stdin:2:11: error: the variable `NONE` is not set or is empty: where is it",
            "stdin:3:5: error: `${` without its `}`",
            "stdin:4:5: error: `${` must be followed by the name of a variable; a dollar itself is `$$`",
            "stdin:5:5: warning: the variable `NONE` is not set; nothing stands in its place",
            "/desk/.env:2:3: error: the value of `B` has no closing quote",
        ]
    );
    assert!(!problems.contains("hunter2"), "{problems}");
    assert!(
        desk.problems("{interpolate: 1, apps: []}").contains("`interpolate` must be true or false")
    );
    // Who only wants the names needs no variable.
    desk.write("a.yaml", "interpolate: true\napps: [{script: app, env: {A: '${NONE:?x}'}}]\n");
    let known = read::names(&desk.path("a.yaml"), &desk.caller, &Overrides::default()).unwrap();
    assert_eq!(known.len(), 1);
}

#[test]
fn defaults_lie_under_every_app() {
    let desk = Desk::new();
    let ecosystem = desk
        .parse(
            "{name: 'shop', defaults: {cmd: 'app', env: {A: 1, B: 1}, kill_timeout: '9s', args: ['x'], maxRestarts: 3},
              apps: [{name: 'a', env: {B: 2}, args: ['y']}, {name: 'b', script: './app', max_restarts: 4, kill_timeout: null}]}",
        )
        .unwrap();
    assert!(ecosystem.warnings.is_empty(), "{:?}", ecosystem.warnings);
    let [a, b] = ecosystem.apps.as_slice() else { panic!("two apps") };
    assert_eq!(
        [value(a, "A"), value(a, "B"), value(b, "B")],
        [Some("1".into()), Some("2".into()), Some("1".into())]
    );
    assert_eq!((texts(&a.args), texts(&b.args)), (vec!["y".into()], vec!["x".into()]));
    assert_eq!(
        (a.stop.timeout.as_millis(), b.stop.timeout.as_millis()),
        (9000, 1600),
        "null is not set"
    );
    assert_eq!((a.restart.max_restarts, b.restart.max_restarts), (3, 4), "of all spellings");
    let problems = desk.problems(
        "{defaults: {kill_timeout: 'soon', nmae: 'x', name: 'y'},\n apps: [{script: 'app'}, {script: 'app', name: 'b'}]}",
    );
    let told = told(&problems);
    assert_eq!(told.iter().filter(|line| line.contains("kill_timeout")).count(), 1, "{problems}");
    assert_eq!(told.iter().filter(|line| line.contains("nmae")).count(), 1, "{problems}");
    assert!(problems.contains("`defaults` can't name the apps"), "{problems}");
    assert!(
        desk.problems("{defaults: [], apps: [{script: 'app'}]}")
            .contains("must be an object of keys")
    );
}

#[test]
fn included_files_bring_their_apps_and_see_paths_from_where_they_lie() {
    let desk = Desk::new();
    desk.program("db/run", "\x7fELF");
    desk.program("queue/run", "\x7fELF");
    desk.write(
        "db/eco.yaml",
        "defaults: {kill_timeout: 7s}\napps:\n- {name: db, script: ./run, env: {A: 1, B: 1}}\n",
    );
    desk.write(
        "queue/eco.config.js",
        "module.exports = {apps: [{name: 'queue', script: './run'}]}",
    );
    desk.write(
        "eco.json5",
        "{include: ['db/eco.yaml', './queue/eco.config.js'], apps: [{name: 'web', script: 'app'}, {name: 'db', env: {B: 2}}]}",
    );
    let ecosystem = desk.load("eco.json5").unwrap();
    assert!(ecosystem.warnings.is_empty(), "{:?}", ecosystem.warnings);
    assert_eq!(names(&ecosystem), ["db", "queue", "web"]);
    let db = &ecosystem.apps[0];
    assert_eq!(
        (text(&db.script), text(&db.cwd)),
        (desk.path("db/run").display().to_string(), desk.path("db").display().to_string())
    );
    assert_eq!(
        (value(db, "A"), value(db, "B"), db.stop.timeout.as_millis()),
        (Some("1".into()), Some("2".into()), 7000)
    );
    assert_eq!(
        ecosystem.apps[2].stop.timeout.as_millis(),
        1600,
        "defaults are those of their own file"
    );
    assert_eq!(db.source.as_ref().map(text), Some(desk.path("eco.json5").display().to_string()));
    desk.write("only.yaml", "include: db/eco.yaml\n");
    assert_eq!(names(&desk.load("only.yaml").unwrap()), ["db"]);
}

#[test]
fn problems_of_included_files_name_those() {
    let desk = Desk::new();
    desk.write("a/eco.json5", "{apps: [\n {name: 'x', script: 'app', kill_timeout: 'soon'},\n {name: 'web', script: 'nope.py'}]}");
    desk.write("b.json5", "{apps: [{name: 'x', script: 'app'}]}");
    desk.write("c.yaml", "apps: [\n");
    desk.write(
        "eco.json5",
        "{include: ['a/eco.json5', 'b.json5', 'none.yaml', 'c.yaml', 3], apps: []}",
    );
    let Err(diagnosis) = desk.load("eco.json5") else { panic!("good") };
    let problems = desk.plain(&diagnosis.to_string());
    let told = told(&problems);
    assert!(told.contains(&"a/eco.json5:2:43: error: `kill_timeout` must be a duration: milliseconds (3000) or \"250ms\", \"3s\", \"1.5m\", \"2h\", not `soon`"), "{problems}");
    assert!(
        problems.contains("  2 |  {name: 'x', script: 'app', kill_timeout: 'soon'},"),
        "{problems}"
    );
    assert!(told.iter().any(|line| line.starts_with("a/eco.json5:3:24: error: ")), "{problems}");
    assert!(
        told.contains(&"b.json5:1:16: error: the name `x` is taken by the app of a/eco.json5:2"),
        "{problems}"
    );
    assert!(
        told.contains(&"eco.json5:1:38: error: `include` `none.yaml`: no such file"),
        "{problems}"
    );
    assert!(told.iter().any(|line| line.starts_with("c.yaml:")), "{problems}");
    assert!(
        told.contains(
            &"eco.json5:1:61: error: `include` is the path of a config file, or a list of paths"
        ),
        "{problems}"
    );
}

#[test]
fn files_that_include_each_other_are_refused() {
    let desk = Desk::new();
    desk.write("a.json5", "{include: 'b.json5'}");
    desk.write("b.json5", "{include: ['./a.json5']}");
    desk.write("self.json5", "{include: 'link.json5'}");
    desk.link("link.json5", "self.json5");
    for (file, circle) in [
        (
            "a.json5",
            "b.json5:1:12: error: files include each other in a circle: /desk/a.json5 -> /desk/b.json5 -> /desk/a.json5",
        ),
        (
            "self.json5",
            "self.json5:1:11: error: files include each other in a circle: /desk/self.json5 -> /desk/self.json5",
        ),
    ] {
        let Err(diagnosis) = desk.load(file) else { panic!("good") };
        assert_eq!(told(&desk.plain(&diagnosis.to_string())), [circle]);
    }
    for number in 0..20 {
        desk.write(&format!("{number}.json5"), format!("{{include: '{}.json5'}}", number + 1));
    }
    let Err(diagnosis) = desk.load("0.json5") else { panic!("good") };
    assert!(diagnosis.to_string().contains("more than 16 deep"), "{diagnosis}");
    // Twice is no circle.
    desk.write("one.json5", "{apps: [{name: 'one', script: 'app'}]}");
    desk.write("two.json5", "{include: 'one.json5', apps: [{name: 'two', script: 'app'}]}");
    desk.write("three.json5", "{include: 'two.json5', apps: [{name: 'one', args: 'x'}]}");
    assert_eq!(names(&desk.load("three.json5").unwrap()), ["one", "two"]);
}

#[test]
fn a_further_file_is_laid_over_the_first() {
    let desk = Desk::new();
    desk.program("base/run", "\x7fELF");
    desk.write("base/eco.yaml", "name: shop\napps:\n- {name: web, script: ./run, args: [a, b], env: {A: 1, B: 1}}\n- {name: job, script: ./run}\n");
    desk.write("prod.toml", "[[apps]]\nname = 'web'\nargs = ['c']\nenv = {B = 2}\n[[apps]]\nname = 'new'\nscript = 'app'\n");
    let (base, prod) = (desk.path("base/eco.yaml"), desk.path("prod.toml"));
    let all = |further: &[&std::path::Path]| {
        read::load_all(&base, further, &desk.caller, &desk.overrides)
    };
    let ecosystem = all(&[&prod]).unwrap();
    assert_eq!(names(&ecosystem), ["web", "job", "new"]);
    let web = &ecosystem.apps[0];
    assert_eq!(
        (texts(&web.args), value(web, "A"), value(web, "B")),
        (vec!["c".into()], Some("1".into()), Some("2".into()))
    );
    assert_eq!(text(&web.script), desk.path("base/run").display().to_string());
    assert_eq!(
        text(&ecosystem.apps[2].cwd),
        desk.path("").display().to_string().trim_end_matches('/')
    );
    desk.write("bad.json5", "[{name: 'web', kill_timeout: 'x'}, {name: 'none'}]");
    let Err(diagnosis) = all(&[&desk.path("bad.json5")]) else { panic!("good") };
    let problems = desk.plain(&diagnosis.to_string());
    assert!(problems.contains("/desk/bad.json5:1:30: error: `kill_timeout`"), "{problems}");
    assert!(problems.contains("/desk/bad.json5:1:36: error: "), "{problems}");
}

#[test]
fn apps_with_profiles_are_on_where_one_is_asked_for() {
    let mut desk = Desk::new();
    let file = "[{script: 'app', name: 'web'}, {script: 'app', name: 'mail', profiles: ['dev', 'test']}, {script: 'app', name: 'db', profiles: 'db, all'}]";
    let mut on = |flags: &[&str], only: &[&str], variable: &str| {
        desk.overrides.profiles = flags.iter().map(|it| (*it).to_owned()).collect();
        desk.overrides.only = only.iter().map(|it| (*it).to_owned()).collect();
        desk.caller.env.set("PM_PROFILES", variable);
        let ecosystem = desk.parse(file).unwrap();
        let off: Vec<_> = ecosystem.off.iter().map(ToString::to_string).collect();
        let warnings: Vec<_> = ecosystem.warnings.iter().map(ToString::to_string).collect();
        (names(&ecosystem).join(" "), off.join(" "), warnings.join("\n"))
    };
    let is = |on: &str, off: &str| (on.to_owned(), off.to_owned(), String::new());
    assert_eq!(on(&[], &[], ""), is("web", "mail db"));
    assert_eq!(on(&["dev"], &[], "db"), is("web mail", "db"), "the flag counts, not the variable");
    assert_eq!(on(&[], &[], "test,db"), is("web mail db", ""));
    assert_eq!(on(&["test,db"], &[], ""), is("web mail db", ""));
    assert_eq!(on(&["*"], &[], ""), is("web mail db", ""));
    assert_eq!(on(&[], &["mail"], ""), is("mail", ""), "who is named is on");
    let (names, _, warnings) = on(&["dve"], &[], "");
    assert_eq!(names, "web");
    assert_eq!(
        warnings,
        "--profile: warning: no app has the profile `dve`\n  hint: did you mean `dev`?"
    );
    let problems = desk.problems("{script: 'app', profiles: {dev: true}}");
    assert!(problems.contains("`profiles` must be a string or a list of strings"), "{problems}");
}

#[test]
fn the_project_has_a_name_beside_apps_and_a_bare_app_has_its_own() {
    let desk = Desk::new();
    let ecosystem = desk.parse("{name: 'shop', apps: [{script: 'app'}]}").unwrap();
    assert!(ecosystem.warnings.is_empty(), "{:?}", ecosystem.warnings);
    assert_eq!(desk.app("{name: 'x', script: 'app'}").0.name.as_str(), "x");
    let ecosystem = desk.parse("{nmae: 'shop', apps: [{script: 'app'}]}").unwrap();
    assert_eq!(ecosystem.warnings[0].severity, Severity::Warning);
}
