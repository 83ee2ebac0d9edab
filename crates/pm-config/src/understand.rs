//! An app as written to an app as run: everything is resolved here, in the client, so that the daemon reads no config.
//!
//! It asks the parts (program, environment, logs, policy, user) one after the other and goes on after each problem.

use std::path::{Path, PathBuf};

use pm_spec::{AppName, AppSpec, ByteString};

use crate::caller::Overrides;
use crate::diagnose::{Finding, Findings, quoted};
use crate::ecosystem::AppTable;
use crate::env::Variables;
use crate::fields::AppFields;
use crate::ground::ConfigGround;
use crate::interpreter::Choice;
use crate::paths::{self, PathKind};
use crate::program::{self, Module, Program, SERVE_VERB};
use crate::runtime::Runtime;
use crate::venv::Venv;
use crate::{
    checks, dependencies, env, hooks, interpreter, limits, listen, logs, package, policy, preset,
    rows, secrets, senses, serving, user,
};

/// The name of an app: as set, else made from its script as PM2 does.
pub(crate) fn name(
    table: &AppTable,
    overrides: &Overrides,
    findings: &mut Findings,
) -> Option<AppName> {
    let mut app = AppFields::new(table.at, &table.entries, findings);
    let (given, at) = if app.get("name").is_some() {
        (app.text("name").map(str::to_owned)?, app.place("name"))
    } else {
        // A wrong script is reported where it is looked for, and so are wrong arguments.
        let script = app.get("script")?.node.value.as_text().filter(|text| !text.is_empty())?;
        let mut apart = Findings::default();
        let module = Module::read(&mut AppFields::new(table.at, &table.entries, &mut apart));
        let module = module.and_then(|module| module.name).map(|name| one_line(&name.display()));
        (module.unwrap_or_else(|| derived(&script.display())), app.place("script"))
    };
    let suffix = match &overrides.env_name {
        Some(profile) if app.switch("append_env_to_name") == Some(true) => format!("-{profile}"),
        _ => String::new(),
    };
    let parsed = AppName::parse(&(given + &suffix));
    app.findings.take(parsed.map_err(|error| Finding::error(at, error.to_string())))
}

/// A name made from a script; a shell line may hold more than a name can.
fn derived(script: &str) -> String {
    one_line(basename(script))
}

/// As much of it as a name can hold.
fn one_line(text: &str) -> String {
    let harmless = text.replace(char::is_control, " ");
    harmless[..harmless.floor_char_boundary(255)].to_owned()
}

/// The last part of a path, up to its last dot; what PM2 names an app that has no name.
fn basename(script: &str) -> &str {
    let last = script.trim_end_matches('/').rsplit('/').next().unwrap_or(script);
    match last.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => last,
    }
}

/// One app; `None` if it can't run, each reason being among the findings.
pub(crate) fn app(
    table: &AppTable,
    ground: &ConfigGround<'_>,
    findings: &mut Findings,
) -> Option<AppSpec> {
    let name = name(table, ground.overrides, findings);
    let mut app = AppFields::new(table.at, &table.entries, findings);
    app.judge_keys(&table.entries, ground.overrides.strict);
    let namespace = namespace(&mut app);
    // Which are on is known already; here they only have to be words.
    app.words("profiles");
    let cwd = cwd(&mut app, ground);
    let mut env = env::environment(&mut app, ground);
    let program = cwd.as_deref().and_then(|cwd| program::find(&mut app, cwd, &env, ground));
    let choice = match (&program, &cwd) {
        (Some(program), Some(cwd)) => interpreter::choose(&mut app, program, cwd, &env, ground),
        _ => None,
    };
    if let Some(choice) = &choice {
        choice.runtime.settle(&mut env.all);
    }
    let base = cwd.as_deref().unwrap_or(ground.folder);
    if let (Some(program), Some(choice)) = (&program, &choice)
        && let Some(venv) = entered(program, choice, (base, ground.folder), &env)
    {
        venv.enter(&mut env);
    }
    names_folder(&mut env, base);
    let called = name.clone().unwrap_or_else(AppName::default_namespace);
    let mut spec = AppSpec::new(called, "", paths::to_bytes(base));
    rows::read(&mut app, &mut spec, &ground.caller.env);
    if spec.project.is_none() {
        spec.project = ground.project.map(|name| name.as_str().into());
    }
    spec.interpreter_args = app.words("interpreter_args");
    spec.args = app.words("args");
    spec.instances = policy::instances(&mut app, ground).unwrap_or(1);
    spec.restart.delay = policy::delay(&mut app, ground.caller.delay);
    policy::said_once(&mut app, &spec);
    policy::stays_up(&mut app);
    let runtime = choice.as_ref().map_or(Runtime::Other, |choice| choice.runtime);
    serving::settle(&mut app, runtime, ground.overrides.beside, &mut spec.serving);
    spec.listen = listen::sockets(&mut app, &spec.cwd, &ground.caller.env);
    logs::settle(&mut app, name.as_ref(), ground, &mut spec);
    spec.derived.extend(unwritten_cwd(&app, table, ground));
    let seen_from = checks::Ground { cwd: base, env: &ground.caller.env, by_name: false };
    (spec.depends_on, spec.outside) = dependencies::read(&mut app, seen_from);
    spec.schedule = senses::schedule(&mut app);
    spec.restart.autorestart &= spec.schedule.as_ref().is_none_or(|schedule| !schedule.job);
    spec.job.time_limit = senses::time_limit(&mut app, &spec);
    spec.watch = senses::watch(&mut app, base, &ground.caller.env);
    checks::settle(&mut app, seen_from, &mut spec);
    spec.user = user::choice(&mut app, ground.caller);
    hooks::settle(&mut app, (base, &env.all), &mut spec);
    limits::read(&mut app, &mut spec.kernel, base, ground);
    spec.secrets = secrets::files(&mut app, ground);
    let (Some(_), Some(_), program, choice) = (name, cwd, program?, choice?) else { return None };
    let interpreter = choice.interpreter.as_deref().map(paths::to_bytes);
    (spec.interpreter, spec.script, spec.args) = command(&program, interpreter, spec.args);
    let before = choice.args.into_iter().chain(spec.interpreter_args);
    // They are among a module's words already.
    spec.interpreter_args = before.filter(|_| !matches!(program, Program::Module(_))).collect();
    (spec.env, spec.source) = (env.all, ground.source.map(paths::to_bytes));
    preset::settle(&mut app, ground, &mut spec);
    if app.get("listen").is_none() {
        listen::follow(&mut spec);
    }
    Some(AppSpec {
        namespace: namespace.unwrap_or_else(AppName::default_namespace),
        version: version(&program),
        declared_env: env.declared.iter().map(|name| ByteString::from(name.as_str())).collect(),
        hidden_env: env.hidden.iter().map(|name| ByteString::from(name.as_str())).collect(),
        secret_files: env.secret_files,
        secret_commands: env.secret_commands,
        ..spec
    })
}

fn namespace(app: &mut AppFields<'_>) -> Option<AppName> {
    let text = app.text("namespace")?;
    let at = app.place("namespace");
    let parsed = AppName::parse(text);
    app.findings.take(parsed.map_err(|error| Finding::error(at, format!("`namespace`: {error}"))))
}

/// The folder the app runs in. A relative one is seen from the config's folder; PM2 sees it from the caller's, so that is tried
/// too, with a warning.
fn cwd(app: &mut AppFields<'_>, ground: &ConfigGround<'_>) -> Option<PathBuf> {
    let Some(field) = app.get("cwd") else { return Some(ground.folder.to_owned()) };
    let text = app.bytes("cwd")?;
    let at = field.node.at;
    let env = &ground.caller.env;
    let path = paths::written(text, ground.folder, env);
    let error = match paths::look(&path) {
        PathKind::Folder => return Some(path),
        PathKind::File { .. } => "it is no folder".to_owned(),
        PathKind::Missing(error) => paths::cause(&error),
    };
    let beside = paths::written(text, &ground.caller.cwd, env);
    if beside != path && matches!(paths::look(&beside), PathKind::Folder) {
        let message = format!(
            "`cwd` {} is found only from where you call, as {}",
            quoted(text.as_bytes()),
            beside.display()
        );
        let hint = "paths are seen from the folder of this file; write it relative to that";
        app.findings.add(Finding::warning(at, message).hint(hint));
        return Some(beside);
    }
    let finding = Finding::error(at, format!("`cwd` {}: {error}", path.display()));
    let near = program::neighbour(&path).map(|name| path.with_file_name(name));
    let near = near.filter(|near| near.is_dir());
    let finding = finding.maybe(near.map(|near| format!("did you mean {}?", near.display())));
    app.findings.add(if ground.starts_later { finding.later() } else { finding });
    ground.starts_later.then_some(path)
}

/// Whether nobody wrote where it runs: the folder of supervisord is written nowhere.
fn unwritten_cwd(
    app: &AppFields<'_>,
    table: &AppTable,
    ground: &ConfigGround<'_>,
) -> Option<ByteString> {
    let cwd = app.get("cwd").filter(|_| ground.starts_later)?;
    (cwd.node.at == table.at).then(|| "cwd".into())
}

/// Tells it by PWD where it runs, as a shell would.
fn names_folder(env: &mut Variables, cwd: &Path) {
    if !env.declared.contains("PWD") {
        env.all.set("PWD", paths::to_bytes(cwd));
    }
}

/// The virtual environment an app is to live in: that of what runs, and for the shell that of its folder.
fn entered(
    program: &Program,
    choice: &Choice,
    (cwd, root): (&Path, &Path),
    env: &Variables,
) -> Option<Venv> {
    let script = match program {
        Program::Line { .. } | Program::Module(_) => None,
        Program::File { path, .. } => Some(path.as_path()),
        Program::Server(_) => return None,
    };
    let runs = choice.interpreter.as_deref().or(script);
    let own = runs.and_then(Venv::around).or_else(|| script.and_then(Venv::around));
    let is_shell = script.is_none() || choice.runtime == Runtime::Shell;
    own.or_else(|| is_shell.then(|| Venv::of(cwd, script, env, root)).flatten())
}

/// What runs what, and with which arguments. A shell line becomes `-c LINE`; further arguments are `$1` and on. What runs a
/// module is itself the program.
fn command(
    program: &Program,
    interpreter: Option<ByteString>,
    args: Vec<ByteString>,
) -> (Option<ByteString>, ByteString, Vec<ByteString>) {
    let (script, args) = match program {
        Program::File { path, .. } => (paths::to_bytes(path), args),
        Program::Server(own) => (paths::to_bytes(own), vec![ByteString::from(SERVE_VERB)]),
        Program::Module(words) => {
            let python = interpreter.unwrap_or_default();
            return (None, python, words.iter().cloned().chain(args).collect());
        }
        Program::Line { shell, line } => {
            let mut all = vec![ByteString::from("-c"), line.clone()];
            if !args.is_empty() {
                all.push(paths::to_bytes(shell));
                all.extend(args);
            }
            (paths::to_bytes(shell), all)
        }
    };
    (interpreter, script, args)
}

/// The version of the nearest package.json above the script.
fn version(program: &Program) -> Option<ByteString> {
    let Program::File { path, .. } = program else { return None };
    let version = package::above(path)?.version?;
    (!version.chars().any(char::is_control)).then(|| ByteString::from(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apps_without_a_name_are_named_as_in_pm2() {
        for (script, name) in [
            ("./app.py", "app"),
            ("/a/b/server.test.js", "server.test"),
            ("gunicorn", "gunicorn"),
            ("cc hello.c; ./a.out", "a"),
            (".hidden", ".hidden"),
            ("dir/", "dir"),
            ("while :; do\n\tdate\ndone", "while :; do  date done"),
        ] {
            assert_eq!(derived(script), name, "{script}");
        }
        assert_eq!(derived(&"\u{e4}".repeat(200)).len(), 254);
    }
}
