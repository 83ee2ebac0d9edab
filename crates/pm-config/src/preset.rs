//! Which server an app is, seen from what it runs, and the keys that follow where nobody wrote them.

use std::path::Path;

use pm_spec::{AppSpec, ByteString, FOLLOWING, HABITS, Preset, options};

use crate::caller::Beside;
use crate::fields::AppFields;
use crate::go_program;
use crate::ground::ConfigGround;
use crate::paths;
use crate::runtime::Runtime;
use crate::words;

/// The key is as written or as recognised, and what nobody wrote follows it. Called as `pm2`, nothing is recognised: a
/// stand-in must not surprise.
pub(crate) fn settle(app: &mut AppFields<'_>, ground: &ConfigGround<'_>, spec: &mut AppSpec) {
    if app.get("preset").is_none() {
        spec.preset = match ground.overrides.beside {
            Beside::All => recognised(spec),
            Beside::Pm2s => Preset::None,
        };
        if spec.preset != Preset::None {
            spec.derived.push("preset".into());
        }
    }
    let is_written = |name: &'static str| {
        let knob = options::key(name).and_then(|key| key.knob);
        let by_knob = knob.and_then(|knob| ground.caller.env.get(knob));
        app.get(name).is_some() || by_knob.is_some_and(|text| !text.is_empty())
    };
    let free: Vec<_> = FOLLOWING.into_iter().filter(|name| !is_written(name)).collect();
    follow(spec, &free);
}

/// The same for a known app of which some keys have been changed.
pub(crate) fn settle_again(spec: &mut AppSpec, is_given: impl Fn(&str) -> bool) {
    let is_derived =
        |spec: &AppSpec, name: &str| spec.derived.iter().any(|key| *key == name.into());
    spec.derived.retain(|key| !is_one_of(key) || !is_given(&key.display()));
    if !is_given("preset") {
        if !is_derived(spec, "preset") {
            return;
        }
        spec.preset = recognised(spec);
    }
    let usual = AppSpec::usual();
    let is_usual = |spec: &AppSpec, name: &str| {
        options::key(name).is_some_and(|key| key.value(spec) == key.value(&usual))
    };
    let free = FOLLOWING
        .into_iter()
        .filter(|name| !is_given(name) && (is_derived(spec, name) || is_usual(spec, name)));
    let free: Vec<_> = free.collect();
    follow(spec, &free);
}

/// Whether it is the preset or a key that follows it.
pub(crate) fn is_one_of(key: &ByteString) -> bool {
    let mut all = FOLLOWING.iter().chain(&["preset"]);
    all.any(|name| name.as_bytes() == key.as_bytes())
}

/// These keys are as the preset has them.
fn follow(spec: &mut AppSpec, free: &[&'static str]) {
    let mut model = AppSpec::usual();
    if let Some(habits) = spec.preset.habits() {
        (model.stop.signal, model.stop.timeout) = (habits.stop, habits.grace);
        // Its new workers would run the code that was loaded before.
        model.reload_signal = habits.reload.filter(|_| !preloads(spec));
    }
    let usual = AppSpec::usual();
    for key in free.iter().filter_map(|name| options::key(name)) {
        key.take(spec, &model);
        spec.derived.retain(|name| *name != key.name.into());
        if key.changed(&model, &usual).is_some() {
            spec.derived.push(key.name.into());
        }
    }
}

/// What is run, as the server it is.
fn recognised(spec: &AppSpec) -> Preset {
    let command = command(spec);
    let Some((program, args)) = command.split_first() else { return Preset::None };
    let name = name_of(program);
    let is_it = |known: &&str| known.as_bytes() == name;
    let found = HABITS.iter().find(|habits| habits.programs.iter().any(is_it));
    let preset = found.map_or(Preset::None, |habits| habits.preset);
    let has = |word: &str| args.iter().any(|it| it.as_bytes() == word.as_bytes());
    let is_it = match preset {
        Preset::Celery => has("worker"),
        Preset::Django => has("runserver"),
        Preset::Flask => has("run"),
        Preset::None
        | Preset::Gunicorn
        | Preset::Uvicorn
        | Preset::Hypercorn
        | Preset::Granian
        | Preset::Daphne
        | Preset::Uwsgi
        | Preset::Go => true,
    };
    if !is_it {
        Preset::None
    } else if preset == Preset::None && is_of_go(spec, program) {
        Preset::Go
    } else {
        preset
    }
}

/// Whether what is run was built by Go. Whose container runs below it, asks that in its own way.
fn is_of_go(spec: &AppSpec, program: &ByteString) -> bool {
    const ENGINES: [&[u8]; 2] = [b"docker", b"podman"];
    let name = name_of(program);
    if ENGINES.iter().any(|engine| name.starts_with(engine)) {
        return false;
    }
    let (path, cwd) = (paths::from_bytes(program), paths::from_bytes(&spec.cwd));
    if program.as_bytes().contains(&b'/') {
        return go_program::is_one(&paths::absolute(path, cwd));
    }
    paths::search(path.as_os_str(), &spec.env, cwd).is_some_and(|path| go_program::is_one(&path))
}

/// The program and its arguments behind interpreter, `-m` and a shell that is replaced by its only command.
pub(crate) fn command(spec: &AppSpec) -> Vec<ByteString> {
    let interpreter = spec.interpreter.iter().chain(&spec.interpreter_args);
    let before: Vec<_> =
        if spec.interpreter.is_some() { interpreter.collect() } else { Vec::new() };
    let all = before.into_iter().chain([&spec.script]).chain(&spec.args);
    let mut all: Vec<ByteString> = all.cloned().collect();
    if let [shell, dash, line, ..] = all.as_slice()
        && Runtime::of(paths::from_bytes(shell)) == Runtime::Shell
        && dash.as_bytes() == b"-c"
    {
        all = if is_plain(line.as_bytes()) { words::split(line.as_bytes()) } else { Vec::new() };
        let is_before = |word: &ByteString| word.as_bytes() == b"exec" || is_assignment(word);
        let begin = all.iter().take_while(|word| is_before(word)).count();
        all.drain(..begin);
    }
    match all.first() {
        Some(first) if Runtime::of(paths::from_bytes(first)) == Runtime::Python => {
            let program = script_of_python(&all);
            program.map(|at| all.split_off(at)).unwrap_or_default()
        }
        Some(_) | None => all,
    }
}

/// Where the words of a call of Python say what is run: after `-m`, or the first that is no option.
fn script_of_python(all: &[ByteString]) -> Option<usize> {
    let mut at = 1;
    loop {
        match all.get(at)?.as_bytes() {
            b"-m" => return Some(at + 1).filter(|at| *at < all.len()),
            b"-W" | b"-X" => at += 2,
            b"-c" | b"-" => return None,
            word if word.starts_with(b"-") => at += 1,
            _ => return Some(at),
        }
    }
}

/// Whether a shell line is one command and nothing else, which a shell executes in its own place.
fn is_plain(line: &[u8]) -> bool {
    let mut quote = None;
    for byte in line {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b'|' | b'&' | b';' | b'(' | b')' | b'`' | b'\n') => return false,
            (_, _) => {}
        }
    }
    quote.is_none()
}

/// `NAME=value` before a command.
fn is_assignment(word: &ByteString) -> bool {
    let name = word.as_bytes().split(|byte| *byte == b'=').next().unwrap_or_default();
    let has_value = name.len() < word.as_bytes().len();
    has_value && !name.is_empty() && name.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'_')
}

fn name_of(program: &ByteString) -> &[u8] {
    program.as_bytes().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// Whether gunicorn loads the app before it makes its workers: said on its command line, in its variable, or in its file.
fn preloads(spec: &AppSpec) -> bool {
    if spec.preset != Preset::Gunicorn {
        return false;
    }
    let mut all = command(spec);
    if let Some(more) = spec.env.get("GUNICORN_CMD_ARGS") {
        all.extend(words::split(more.as_bytes()));
    }
    if all.iter().any(|word| word.as_bytes() == b"--preload") {
        return true;
    }
    let mut file = None;
    let mut rest = all.iter().map(ByteString::as_bytes);
    while let Some(word) = rest.next() {
        file = match word {
            b"-c" | b"--config" => rest.next(),
            _ => word.strip_prefix(b"--config=").or(file),
        };
    }
    let file = file.map_or(&b"gunicorn.conf.py"[..], |it| it.strip_prefix(b"file:").unwrap_or(it));
    let path =
        paths::absolute(paths::from_bytes(&ByteString::from(file)), paths::from_bytes(&spec.cwd));
    says_preload(&path)
}

/// Whether a settings file of gunicorn has a line `preload_app = True`. What it computes is found out at the reload.
fn says_preload(path: &Path) -> bool {
    /// In bytes; settings are shorter.
    const READ: usize = 64 << 10;
    let text = paths::head(path, READ).unwrap_or_default();
    text.split(|byte| *byte == b'\n').any(|line| {
        let value = line.strip_prefix(b"preload_app").map(<[u8]>::trim_ascii_start);
        let value = value.and_then(|rest| rest.strip_prefix(b"=")).map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| value.starts_with(b"True") || value.starts_with(b"1"))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use pm_spec::{AppName, Signal, Span};

    fn spec(command: &[&str]) -> AppSpec {
        let name = AppName::parse("web").unwrap();
        let words = |words: &[&str]| words.iter().map(|word| ByteString::from(*word)).collect();
        let (script, args) = command.split_first().unwrap();
        AppSpec { args: words(args), ..AppSpec::new(name, *script, "/srv") }
    }

    #[test]
    fn servers_are_known_by_what_is_executed() {
        let bash = |line: &'static str| vec!["/bin/bash", "-c", line];
        for (command, preset) in [
            (vec!["/srv/.venv/bin/gunicorn", "app:app"], Preset::Gunicorn),
            (vec!["/usr/bin/python3", "-m", "gunicorn", "app:app"], Preset::Gunicorn),
            (vec!["/usr/bin/python3", "-X", "dev", "-u", "/v/bin/uvicorn", "a:a"], Preset::Uvicorn),
            (vec!["/usr/bin/python3", "app.py", "gunicorn"], Preset::None),
            (vec!["/usr/bin/python3", "-c", "gunicorn"], Preset::None),
            (vec!["/usr/bin/python3", "-m"], Preset::None),
            (vec!["/usr/bin/gunicorn3", "app:app"], Preset::Gunicorn),
            (vec!["/srv/gunicorn.py"], Preset::None),
            (bash("gunicorn 'app:make(1)' -w 2"), Preset::Gunicorn),
            (bash("PORT=1 exec .venv/bin/hypercorn a:a"), Preset::Hypercorn),
            (bash("python -m celery -A x worker"), Preset::Celery),
            (bash("./migrate && gunicorn app:app"), Preset::None),
            (bash("gunicorn app:app | cat"), Preset::None),
            (vec!["/v/bin/celery", "-A", "x", "beat"], Preset::None),
            (vec!["/v/bin/python", "/srv/manage.py", "runserver", "8001"], Preset::Django),
            (bash("python -m django runserver"), Preset::Django),
            (vec!["/v/bin/flask", "--app", "x", "run"], Preset::Flask),
            (vec!["/v/bin/flask", "db", "upgrade"], Preset::None),
            (vec!["/v/bin/python", "/srv/manage.py", "migrate"], Preset::None),
            (vec!["/usr/bin/env", "gunicorn"], Preset::None),
            (vec!["/usr/bin/uwsgi", "--ini", "x.ini"], Preset::Uwsgi),
            (vec!["/usr/local/bin/server"], Preset::None),
        ] {
            assert_eq!(recognised(&spec(&command)), preset, "{command:?}");
        }
    }

    #[test]
    fn a_program_of_go_is_known_wherever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let of = |command: &[&str]| {
            let mut spec = spec(command);
            spec.cwd = paths::to_bytes(folder.path());
            spec.env.set("PATH", paths::to_bytes(folder.path()));
            recognised(&spec)
        };
        for name in ["server", "docker", "podman-remote", "gunicorn"] {
            let path = folder.path().join(name);
            std::fs::write(&path, go_program::tests::sample()).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = folder.path().join("server");
        let line = |line: &'static str| ["/bin/sh", "-c", line];
        assert_eq!(of(&[path.to_str().unwrap(), "--port", "80"]), Preset::Go);
        assert_eq!(of(&line("PORT=80 exec ./server")), Preset::Go);
        assert_eq!(of(&line("server | cat")), Preset::None);
        assert_eq!(of(&line("server --port 80")), Preset::Go);
        // Its container is asked, not itself; and a name says more.
        assert_eq!(of(&line("docker run web")), Preset::None);
        assert_eq!(of(&line("podman-remote run web")), Preset::None);
        assert_eq!(of(&line("gunicorn app:app")), Preset::Gunicorn);
        assert_eq!(of(&["/bin/sh", "server"]), Preset::None);
        let go = followed(&[path.to_str().unwrap()]);
        assert_eq!(
            (go.stop.signal, go.stop.timeout, go.reload_signal),
            (Signal::TERM, Span::from_secs(30), None)
        );
    }

    /// What follows where all keys are free.
    fn followed(command: &[&str]) -> AppSpec {
        let mut spec = spec(command);
        spec.preset = recognised(&spec);
        follow(&mut spec, &FOLLOWING);
        spec
    }

    #[test]
    fn what_nobody_wrote_follows() {
        let gunicorn = followed(&["gunicorn", "app:app"]);
        let stop = (gunicorn.stop.signal, gunicorn.stop.timeout.to_string());
        assert_eq!(stop, (Signal::TERM, "30s".into()));
        assert_eq!(gunicorn.derived, FOLLOWING.map(ByteString::from));
    }

    #[test]
    fn a_hangup_reloads_gunicorn_unless_it_preloads() {
        let gunicorn = followed(&["gunicorn", "app:app"]);
        assert_eq!(gunicorn.reload_signal, Some(Signal::HUP));
        for command in [
            vec!["gunicorn", "--preload", "app:app"],
            vec!["/bin/sh", "-c", "gunicorn --preload app:app"],
        ] {
            let spec = followed(&command);
            assert_eq!((spec.reload_signal, spec.stop.signal), (None, Signal::TERM), "{command:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gunicorn.conf.py");
        let mut spec = AppSpec { cwd: paths::to_bytes(folder.path()), ..gunicorn };
        for (text, reloads) in [
            ("workers = 2\npreload_app = True\n", false),
            ("preload_app=False\n# preload_app = True\n", true),
        ] {
            std::fs::write(&file, text).unwrap();
            follow(&mut spec, &FOLLOWING);
            assert_eq!(spec.reload_signal.is_some(), reloads, "{text}");
        }
    }
}
