//! What `script` and `interpreter` lead to, in files and on the command line.

use pm_config::{Overrides, Typed, read};
use pm_spec::{AppSpec, Preset, Signal};

use crate::desk::{Desk, one, text, texts};

/// Interpreter and script with the desk's folder taken out.
fn runs(desk: &Desk, written: &str) -> (Option<String>, String, String) {
    let (spec, warnings) = desk.app(written);
    let plain = |bytes| desk.plain(&text(bytes));
    (spec.interpreter.as_ref().map(plain), plain(&spec.script), desk.plain(&warnings))
}

/// A desk with interpreters in PATH that do nothing.
fn desk() -> Desk {
    let desk = Desk::new();
    for name in ["python3", "node", "ruby", "perl", "php", "bash"] {
        desk.program(&format!("bin/{name}"), "");
    }
    desk
}

#[test]
fn the_interpreter_is_chosen_by_shebang_then_by_exact_ending() {
    let desk = desk();
    for (file, content, executable, interpreter) in [
        ("a.py", "print()", false, Some("/desk/bin/python3")),
        ("a.js", "", true, Some("/desk/bin/node")),
        ("a.mjs", "", false, Some("/desk/bin/node")),
        ("a.cjs", "", false, Some("/desk/bin/node")),
        ("a.ts", "", false, Some("/desk/bin/node")),
        ("a.sh", "", false, Some("/desk/bin/bash")),
        ("a.rb", "", false, Some("/desk/bin/ruby")),
        ("a.pl", "", false, Some("/desk/bin/perl")),
        ("a.php", "", false, Some("/desk/bin/php")),
        // Never by a part of the name (pain 22).
        ("home/ubuntu/bun.py.d/run", "\x7fELF", true, None),
        ("a.python", "\x7fELF", true, None),
        // The kernel reads the shebang of what may be executed.
        ("b.py", "#!/bin/sh\n", true, None),
        ("c", "#!/usr/bin/env ruby\n", true, None),
        // And we read it for what may not.
        ("d", "#!/usr/bin/env -S perl -w\n", false, Some("/desk/bin/perl")),
        ("e.js", "#!/bin/sh -e\n", false, Some("/bin/sh")),
    ] {
        if executable {
            desk.program(file, content);
        } else {
            desk.write(file, content);
        }
        let (got, script, warnings) = runs(&desk, &format!("{{script: '{file}'}}"));
        assert_eq!(got.as_deref(), interpreter, "{file}");
        assert_eq!((script, warnings), (format!("/desk/{file}"), String::new()));
    }
    let (spec, _) = desk.app("{script: 'd', interpreter_args: '-T'}");
    assert_eq!(texts(&spec.interpreter_args), ["-w", "-T"]);
}

#[test]
fn what_nothing_can_run_is_an_error_with_a_way_out() {
    let desk = Desk::new();
    desk.write("a.rb", "");
    desk.write("b", "text");
    desk.write("c", "#!/usr/bin/env nopython\n");
    desk.write("d", "#!/gone/perl\n");
    desk.program("e", "#!/gone/perl\n");
    insta::assert_snapshot!(desk.problems(
        "[{script: 'a.rb'},\n {script: 'b'},\n {script: 'c'},\n {script: 'd'},\n {script: 'e'},\n \
         {script: 'app', name: 'f', interpreter: './b'}]"
    ));
}

#[test]
fn python_runs_in_the_venv_beside_the_app() {
    let desk = desk();
    desk.write("plain.py", "");
    desk.write("one/app.py", "");
    desk.venv("one/venv");
    desk.program("two/src/app.py", "#!/usr/bin/env python3\n");
    desk.venv("two/.venv");
    desk.program("three/app.py", "#!/opt/own/python3\n");
    desk.venv("three/venv");
    desk.write("four/app.py", "");
    desk.write("four/venv/bin/python", "no venv: nothing to execute, no pyvenv.cfg");
    let python = |written: &str| runs(&desk, written).0;
    assert_eq!(python("{script: 'plain.py'}").unwrap(), "/desk/bin/python3");
    assert_eq!(python("{script: 'one/app.py'}").unwrap(), "/desk/one/venv/bin/python");
    assert_eq!(python("{script: 'app.py', cwd: 'one'}").unwrap(), "/desk/one/venv/bin/python");
    let in_venv = "{script: 'src/app.py', cwd: 'two', interpreter: 'python3'}";
    assert_eq!(python(in_venv).unwrap(), "/desk/two/.venv/bin/python3");
    assert_eq!(python("{script: 'src/app.py', cwd: 'two'}").unwrap(), "/desk/two/.venv/bin/python");
    assert_eq!(python("{script: 'app.py', cwd: 'four'}").unwrap(), "/desk/bin/python3");
    // A python of somebody's own choice is replaced only where it is missing, and that is told.
    let (interpreter, _, warnings) = runs(&desk, "{script: 'app.py', cwd: 'three'}");
    assert_eq!(interpreter.unwrap(), "/desk/three/venv/bin/python");
    assert!(warnings.contains("there is no `/opt/own/python3`"), "{warnings}");
}

#[test]
fn a_version_that_is_asked_for_is_not_replaced_by_that_of_the_venv() {
    let desk = desk();
    desk.write("one/app.py", "");
    desk.venv("one/venv");
    desk.write("one/venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.11.4\n");
    let asked =
        |name: &str| runs(&desk, &format!("{{script: 'one/app.py', interpreter: '{name}'}}"));
    for name in ["python", "python3", "python3.11", "python3.11.4"] {
        let (interpreter, _, told) = asked(name);
        assert!(interpreter.unwrap().starts_with("/desk/one/venv/bin/python"), "{name}");
        assert_eq!(told, "", "{name}");
    }
    let problems = desk.problems("{script: 'one/app.py', interpreter: 'python3.9'}");
    let other = "`python3.9` is not the Python of /desk/one/venv, which is 3.11.4";
    assert!(problems.contains("there is no interpreter `python3.9`"), "{problems}");
    assert!(problems.contains(other), "{problems}");
    desk.program("bin/python3.9", "");
    let (interpreter, _, told) = asked("python3.9");
    assert_eq!(interpreter.unwrap(), "/desk/bin/python3.9");
    assert!(told.contains(other) && told.contains("runs it without"), "{told}");
    // A first line asks in the same way.
    desk.write("one/tool", "#!/usr/bin/env python3.9\n");
    assert_eq!(runs(&desk, "{script: 'one/tool'}").0.unwrap(), "/desk/bin/python3.9");
    desk.write("one/tool", "#!/usr/bin/env python3.11\n");
    assert_eq!(runs(&desk, "{script: 'one/tool'}").0.unwrap(), "/desk/one/venv/bin/python");
}

#[test]
fn virtual_env_counts_most_when_the_app_sets_it_and_least_when_the_shell_does() {
    let mut desk = desk();
    desk.write("one/app.py", "");
    desk.venv("one/venv");
    desk.write("two/app.py", "");
    desk.venv("shells");
    desk.venv("named");
    desk.caller.env.set("VIRTUAL_ENV", desk.path("shells").display().to_string());
    let python = |written: &str| runs(&desk, written).0.unwrap();
    assert_eq!(python("{script: 'one/app.py'}"), "/desk/one/venv/bin/python");
    assert_eq!(python("{script: 'two/app.py'}"), "/desk/shells/bin/python");
    let named = "{script: 'one/app.py', env: {VIRTUAL_ENV: './named'}}";
    assert_eq!(python(named), "/desk/named/bin/python");
}

#[test]
fn python_apps_print_at_once_unless_they_were_told_otherwise() {
    let desk = desk();
    desk.write("a.py", "");
    desk.program("bin/env", "");
    desk.write("a.sh", "");
    desk.write("a.js", "");
    desk.program("b", "#!/usr/bin/env python3\n");
    let buffered = |written: &str| desk.app(written).0.env.get("PYTHONUNBUFFERED").map(text);
    assert_eq!(buffered("{script: 'a.py'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'b'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'b', interpreter: 'none'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'a.py', env: {PYTHONUNBUFFERED: ''}}").as_deref(), Some(""));
    assert_eq!(buffered("{script: 'python3', args: 'a.py'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'python3 a.py'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'env', args: 'python3 a.py'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'a.sh'}").as_deref(), Some("1"));
    assert_eq!(buffered("{script: 'a.js'}"), None);
}

#[test]
fn an_existing_file_wins_over_shell_text_and_over_programs() {
    let desk = desk();
    desk.program("my app", "#!/bin/sh\n");
    desk.program("node", "#!/bin/sh\n");
    assert_eq!(runs(&desk, "{script: './my app'}").1, "/desk/my app");
    assert_eq!(runs(&desk, "{script: 'my app'}").1, "/desk/my app");
    assert_eq!(runs(&desk, "{script: 'node'}").1, "/desk/node");
    assert_eq!(runs(&desk, "{script: 'ruby'}").1, "/desk/bin/ruby");
}

#[test]
fn text_with_blanks_is_a_line_for_the_shell() {
    let desk = desk();
    let (spec, warnings) = desk.app("{script: 'echo \"$1\" && sleep 1', args: ['a b']}");
    assert_eq!(desk.plain(&text(&spec.script)), "/desk/bin/bash");
    let shell = text(&spec.script);
    assert_eq!(texts(&spec.args), ["-c", "echo \"$1\" && sleep 1", &shell, "a b"]);
    assert_eq!((spec.interpreter, warnings.as_str()), (None, ""));
    assert_eq!(spec.name.as_str(), "echo \"$1\" && sleep 1");
    let (_, warnings) = desk.app("{script: 'echo x', name: 'x', interpreter: 'python3'}");
    assert!(warnings.contains("run by the shell"), "{warnings}");
}

#[test]
fn what_is_found_only_from_elsewhere_is_used_with_a_warning() {
    let mut desk = desk();
    desk.write("conf/eco.json5", "{script: './bin/ruby', cwd: 'sub'}");
    desk.write("conf/sub/x", "");
    let (spec, warnings) = one(desk.load("conf/eco.json5"));
    assert_eq!(desk.plain(&text(&spec.script)), "/desk/bin/ruby");
    assert!(warnings.contains("is found only from where you call"), "{warnings}");
    desk.program("conf/bin/ruby", "");
    let (spec, warnings) = one(desk.load("conf/eco.json5"));
    assert_eq!(desk.plain(&text(&spec.script)), "/desk/conf/bin/ruby");
    assert!(warnings.contains("is found only from the folder of the config"), "{warnings}");
    desk.write("conf/eco.json5", "{script: '/bin/sh', cwd: 'elsewhere'}");
    desk.write("call/elsewhere/x", "");
    desk.caller.cwd = desk.path("call");
    let (spec, warnings) = one(desk.load("../conf/eco.json5"));
    assert_eq!(desk.plain(&text(&spec.cwd)), "/desk/call/elsewhere");
    assert!(warnings.contains("`cwd` `elsewhere` is found only from where you call"), "{warnings}");
}

#[test]
fn an_interpreter_by_path_is_seen_from_the_app_and_else_from_the_config() {
    let desk = desk();
    desk.write("one/app.rb", "");
    let written = "{script: 'app.rb', cwd: 'one', interpreter: './bin/ruby'}";
    let (interpreter, _, warnings) = runs(&desk, written);
    assert_eq!(interpreter.as_deref(), Some("/desk/bin/ruby"));
    assert!(warnings.contains("`interpreter` is found only as /desk/bin/ruby"), "{warnings}");
    desk.program("one/bin/ruby", "");
    let (interpreter, _, warnings) = runs(&desk, written);
    assert_eq!(interpreter.as_deref(), Some("/desk/one/bin/ruby"));
    assert_eq!(warnings, "");
}

#[test]
fn symlinks_are_kept_and_circles_are_told() {
    let desk = desk();
    desk.write("releases/1/app.py", "");
    desk.link("current", "releases/1");
    let (_, script, _) = runs(&desk, "{script: 'app.py', cwd: 'current'}");
    assert_eq!(script, "/desk/current/app.py");
    desk.link("round", "round");
    let problems = desk.problems("[{script: './round'}, {script: 'app', name: 'b', cwd: 'round'}]");
    assert_eq!(problems.matches("too many levels of symbolic links").count(), 2, "{problems}");
    desk.link("dangling.json5", "gone");
    let failed = desk.load("dangling.json5").unwrap_err().to_string();
    let expected = "dangling.json5: error: could not read it: no such file or directory\n";
    assert_eq!(failed, expected);
    assert!(desk.load("current").unwrap_err().to_string().contains("is a directory"));
    desk.link("round.json5", "round.json5");
    assert!(desk.load("round.json5").unwrap_err().to_string().contains("symbolic links"));
}

#[test]
fn a_version_of_node_is_named_and_node_is_used() {
    let desk = desk();
    desk.write("a.js", "");
    let (interpreter, _, warnings) = runs(&desk, "{script: 'a.js', interpreter: 'node@18'}");
    assert_eq!(interpreter.as_deref(), Some("/desk/bin/node"));
    assert!(warnings.contains("version `18` is not supported yet"), "{warnings}");
}

#[test]
fn node_apps_with_instances_are_clusters_and_others_are_not() {
    use pm_spec::Mode::{Cluster, Fork};
    let desk = desk();
    desk.write("a.js", "");
    desk.write("a.py", "");
    let mode = |written: &str| desk.app(written).0.serving.mode;
    assert_eq!(mode("{script: 'a.js', instances: 2}"), Cluster);
    assert_eq!(mode("{script: 'a.js', instances: 1}"), Cluster);
    assert_eq!(mode("{script: 'a.js', exec_mode: 'cluster'}"), Cluster);
    assert_eq!(mode("{script: 'a.js'}"), Fork);
    assert_eq!(mode("{script: 'a.js', instances: 2, exec_mode: 'fork'}"), Fork);
    assert_eq!(mode("{script: 'app', instances: 2}"), Fork);
    let forced = "{script: 'a.js', instances: 2, exec_mode: 'cluster', execute_command: true}";
    assert_eq!(mode(forced), Fork);
    let warnings = |written: &str| runs(&desk, written).2;
    assert!(warnings("{script: 'app', exec_mode: 'cluster'}").contains("separate processes"));
    assert_eq!(warnings("{script: 'a.js', instances: 2}"), "");
}

#[test]
fn node_shows_source_maps_unless_told_not_to() {
    let desk = desk();
    desk.write("a.js", "");
    let shows = |written: &str| desk.app(written).0.serving.source_maps;
    assert!(shows("{script: 'a.js'}") && shows("{script: 'a.js', source_map_support: true}"));
    assert!(!shows("{script: 'a.js', disable_source_map_support: true}"));
    assert!(!shows("{script: 'a.js', source_map_support: false}"));
    assert!(!shows("{script: 'app', source_map_support: true}"), "it is not Node");
}

#[test]
fn who_gets_a_channel() {
    let desk = desk();
    desk.write("a.js", "");
    let serving = |written: &str| desk.app(written).0.serving;
    assert!(serving("{script: 'a.js'}").channel && serving("{script: 'a.js'}").preload);
    assert!(!serving("{script: 'a.js', channel: false}").channel);
    assert!(!serving("{script: 'app'}").channel && !serving("{script: 'app'}").preload);
    assert!(serving("{script: 'app', channel: true}").channel);
    let ready = serving("{script: 'app', wait_ready: true, listen_timeout: '5s'}");
    assert!(ready.channel && ready.wait_ready);
    assert_eq!(ready.listen_timeout, pm_spec::Span::from_secs(5));
}

#[test]
fn flags_make_an_app_as_a_file_would() {
    let mut desk = desk();
    desk.write("src/app.py", "");
    for (key, words) in [
        ("name", &["web"][..]),
        ("namespace", &["ns"]),
        ("cwd", &["src"]),
        ("interpreter_args", &["-u -O"]),
        ("instances", &["max"]),
        ("max_restarts", &["3"]),
        ("min_uptime", &["5s"]),
        ("restart_delay", &["1s"]),
        ("stop_exit_codes", &["0,3", "4 5"]),
        ("kill_timeout", &["2s"]),
        ("kill_signal", &["TERM"]),
        ("max_memory_restart", &["1G"]),
        ("log_file", &[""]),
        ("out_file", &["o.log"]),
        ("uid", &["alice"]),
    ] {
        desk.give(key, words);
    }
    let given = &mut desk.overrides.given;
    given.set("args", Typed::Words(vec!["--x".into(), "a b".into(), (&b"\xff"[..]).into()]));
    given.set("env", Typed::Variables(vec![("A".into(), "1".into())]));
    for (key, on) in
        [("autorestart", false), ("treekill", false), ("time", true), ("autostart", false)]
    {
        given.set(key, Typed::Switch(on));
    }
    desk.overrides.env_name = Some("production".into());
    desk.overrides.only = vec!["ignored".into()];
    let (spec, warnings) = one(desk.script("app.py"));
    assert_eq!(warnings, "");
    assert_eq!(spec.args[2].as_bytes(), b"\xff");
    let spec: AppSpec = AppSpec { args: spec.args[..2].to_vec(), ..spec };
    insta::assert_snapshot!(desk.plain(&serde_json::to_string_pretty(&spec).unwrap()));
}

#[test]
fn wrong_flags_are_told_by_their_names() {
    let mut desk = desk();
    for (key, word) in [("max_memory_restart", "1X"), ("kill_timeout", "soon"), ("cwd", "gone")] {
        desk.give(key, &[word]);
    }
    insta::assert_snapshot!(desk.plain(&desk.script("app").unwrap_err().to_string()), @r#"
    --cwd: error: `cwd` /desk/gone: no such file or directory
    --kill-timeout: error: `kill_timeout` must be a duration: milliseconds (3000) or "250ms", "3s", "1.5m", "2h", not `soon`
    --max-memory-restart: error: `max_memory_restart` must be a size: bytes (1048576) or "200M", "1.5G", "50MB", not `1X`
    "#);
    desk.overrides = Overrides::default();
    desk.write("server.py", "");
    insta::assert_snapshot!(desk.plain(&desk.script("sever.py").unwrap_err().to_string()), @r"
    SCRIPT: error: there is no script /desk/sever.py and no program `sever.py`
      hint: did you mean `server.py`?
    ");
}

#[test]
fn a_script_on_the_command_line_need_not_be_utf8() {
    use std::os::unix::ffi::OsStrExt as _;
    let desk = desk();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.py");
    std::fs::write(desk.path("").join(name), "").unwrap();
    let (spec, _) = one(read::script(name, &desk.caller, &desk.overrides));
    assert!(spec.script.as_bytes().ends_with(b"caf\xe9.py"));
    assert_eq!(spec.name.as_str(), "caf\u{fffd}");
}

/// The log files of the apps of a text.
fn logs(desk: &Desk, written: &str) -> Vec<String> {
    let apps = desk.parse(written).unwrap_or_else(|diagnosis| panic!("{diagnosis}")).apps;
    let file = |app: &AppSpec| match &app.logs.out {
        pm_spec::LogTarget::File(path) => {
            desk.plain(&text(path)).replace("/desk/pm home/logs/", "")
        }
        pm_spec::LogTarget::Discard => String::new(),
    };
    apps.iter().map(file).collect()
}

#[test]
fn apps_of_different_names_share_no_file() {
    let mut desk = desk();
    let names = ["\u{7532}\u{4e59}", "\u{4e19}\u{4e01}", "a/b", "a-b", "a b", "a_b", "-x", ".x"];
    let apps: Vec<_> =
        names.iter().map(|name| format!("{{script: 'app', name: '{name}'}}")).collect();
    let all = format!("[{}]", apps.join(","));
    let expected =
        ["\u{7532}\u{4e59}", "\u{4e19}\u{4e01}", "a%2Fb", "a-b", "a b", "a_b", "%2Dx", "%2Ex"];
    assert_eq!(logs(&desk, &all), expected.map(|name| format!("{name}-out.log")));
    desk.overrides.beside = pm_config::Beside::Pm2s;
    let files = logs(&desk, &all);
    assert_eq!(files[..3], ["\u{7532}\u{4e59}-out.log", "\u{4e19}\u{4e01}-out.log", "a-b-out.log"]);
    let distinct: std::collections::BTreeSet<_> = files.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{files:?}");
    assert!(files[3..6].iter().all(|file| file.starts_with("a-b~")), "{files:?}");
    // Who was there first keeps its file.
    desk.caller.names = ["a_b", "a-b"].map(|name| pm_spec::AppName::parse(name).unwrap()).into();
    assert_eq!(logs(&desk, "{script: 'app', name: 'a_b'}"), ["a-b-out.log"]);
    assert!(logs(&desk, "{script: 'app', name: 'a-b'}")[0].starts_with("a-b~"));
}

/// `PATH` up to its first colon, and `VIRTUAL_ENV`.
fn entered(desk: &Desk, written: &str) -> (String, String) {
    let env = desk.app(written).0.env;
    let get = |name| desk.plain(&env.get(name).map(text).unwrap_or_default());
    (get("PATH").split(':').next().unwrap_or("").into(), get("VIRTUAL_ENV"))
}

#[test]
fn a_server_is_recognised_and_stopped_as_it_likes_unless_something_else_is_written() {
    let mut desk = Desk::new();
    desk.venv(".venv");
    desk.program(".venv/bin/gunicorn", "");
    desk.write("gunicorn.py", "");
    let of = |desk: &Desk, text: &str| {
        let (spec, warnings) = desk.app(text);
        assert_eq!(warnings, "");
        (spec.preset, spec.stop.signal, spec.stop.timeout.to_string(), spec.derived.len())
    };
    let usual = (Preset::None, Signal::INT, "1600ms".to_owned());
    let all = (Preset::Gunicorn, Signal::TERM, "30s".to_owned());
    let with = |(preset, signal, span): &(Preset, Signal, String), derived: usize| {
        (*preset, *signal, span.clone(), derived)
    };
    let plain = of(&desk, "{script: 'app', name: 'a'}").3;
    for text in [
        "{script: 'gunicorn', name: 'a', args: 'app:app'}",
        "{script: 'gunicorn -w 2 app:app', name: 'a'}",
        "{script: '-m', name: 'a', args: 'gunicorn app:app'}",
        "{script: '.venv/bin/gunicorn', name: 'a', interpreter: 'python3'}",
    ] {
        assert_eq!(of(&desk, text), with(&all, plain + 4), "{text}");
    }
    let text = "{script: 'gunicorn', name: 'a', preset: 'none'}";
    assert_eq!(of(&desk, text), with(&usual, plain));
    assert_eq!(of(&desk, "{script: 'gunicorn.py', name: 'a'}"), with(&usual, plain));
    let text = "{script: 'gunicorn', name: 'a', kill_timeout: '5s', kill_signal: 'QUIT'}";
    let written = (Preset::Gunicorn, Signal::parse("QUIT").unwrap(), "5s".to_owned());
    assert_eq!(of(&desk, text), with(&written, plain + 2));
    let text = "{script: 'app', name: 'a', preset: 'gunicorn'}";
    assert_eq!(of(&desk, text), with(&all, plain + 3));
    // PM2's variable is written, too.
    desk.caller.env.set("PM2_KILL_TIMEOUT", "7000");
    let seven = (Preset::Gunicorn, Signal::TERM, "7s".to_owned());
    assert_eq!(of(&desk, "{script: 'gunicorn', name: 'a'}"), with(&seven, plain + 3));
    // As a stand-in for PM2 nothing is recognised.
    desk.caller.env.unset("PM2_KILL_TIMEOUT");
    desk.overrides.beside = pm_config::Beside::Pm2s;
    assert_eq!(of(&desk, "{script: 'gunicorn', name: 'a'}"), with(&usual, plain));
    assert_eq!(of(&desk, text), with(&all, plain + 3));
}

#[test]
fn a_flag_on_a_known_server_leaves_the_rest_to_its_preset() {
    let mut desk = Desk::new();
    desk.program("celery", "");
    let (known, _) = desk.app("{script: './celery', name: 'a', args: '-A x worker'}");
    assert_eq!(known.preset, Preset::Celery);
    let derives = |spec: &AppSpec, key: &str| spec.derived.iter().any(|it| *key == *it.display());
    desk.give("kill_timeout", &["5m"]);
    let (spec, _) = pm_config::amended(&known, &desk.caller, &desk.overrides).unwrap();
    assert_eq!((spec.stop.timeout.to_string(), spec.stop.signal), ("5m".into(), Signal::TERM));
    assert!(derives(&spec, "preset") && derives(&spec, "kill_signal"));
    assert!(!derives(&spec, "kill_timeout"), "somebody wrote it");
    desk.overrides.given.remove("kill_timeout");
    desk.give("preset", &["none"]);
    let (spec, _) = pm_config::amended(&spec, &desk.caller, &desk.overrides).unwrap();
    assert_eq!((spec.stop.timeout.to_string(), spec.stop.signal), ("5m".into(), Signal::INT));
    assert!(!derives(&spec, "preset") && !derives(&spec, "kill_signal"));
}

#[test]
fn apps_live_in_their_venv_shell_lines_too() {
    let mut desk = desk();
    desk.write("one/app.py", "");
    desk.write("one/run.sh", "exec gunicorn app:app");
    desk.venv("one/.venv");
    desk.program("one/.venv/bin/gunicorn", "");
    desk.write("one/server.js", "");
    let own = ("/desk/one/.venv/bin".to_owned(), "/desk/one/.venv".to_owned());
    for script in ["gunicorn app:app", "app.py", "gunicorn", "run.sh"] {
        let written = format!("{{script: '{script}', name: 'a', cwd: 'one'}}");
        assert_eq!(entered(&desk, &written), own, "{script}");
    }
    let other = ("/desk/bin".to_owned(), String::new());
    assert_eq!(entered(&desk, "{script: 'server.js', cwd: 'one'}"), other);
    assert_eq!(entered(&desk, "{script: 'gunicorn app:app'}"), other);
    // What the file says of these counts.
    let line = "script: 'gunicorn app:app', cwd: 'one'";
    let path = desk.path("one/.venv/bin");
    let written = format!("{{{line}, env: {{PATH: '/mine:{}'}}}}", path.display());
    assert_eq!(entered(&desk, &written).0, "/mine");
    desk.caller.env.set("PATH", "");
    assert_eq!(entered(&desk, "{script: 'app.py', cwd: 'one'}"), own);
}

#[test]
fn a_venv_may_have_any_name_and_lie_above() {
    let desk = desk();
    for (app, venv) in [
        ("a/app.py", "a/env"),
        ("b/app.py", "b/.venv-prod"),
        ("c/app.py", "c/myvenv"),
        ("d/src/web/app.py", "d/.venv"),
        ("e/app.py", "e/venv"),
    ] {
        desk.write(app, "");
        desk.venv(venv);
        let python = runs(&desk, &format!("{{script: '{app}'}}")).0.unwrap();
        assert_eq!(python, format!("/desk/{venv}/bin/python"));
    }
    // The usual names come first.
    desk.venv("e/.venv");
    desk.venv("e/a");
    assert_eq!(runs(&desk, "{script: 'e/app.py'}").0.unwrap(), "/desk/e/.venv/bin/python");
    // Beyond the root of the config only git's root counts.
    desk.write("f/deep/eco.json5", "{script: 'app.py'}");
    desk.write("f/deep/app.py", "");
    desk.venv("f/.venv");
    let python =
        || one(desk.load("f/deep/eco.json5")).0.interpreter.map(|it| desk.plain(&text(&it)));
    assert_eq!(python().unwrap(), "/desk/bin/python3");
    desk.write("f/.git/HEAD", "");
    assert_eq!(python().unwrap(), "/desk/f/.venv/bin/python");
}

#[test]
fn a_venv_that_an_app_could_have_had_is_known() {
    let desk = desk();
    desk.write("one/app.py", "");
    desk.venv("one/env");
    let unused = |written: &str| pm_config::unused_venv(&desk.app(written).0);
    assert_eq!(unused("{script: 'one/app.py'}"), None);
    let python = desk.path("bin/python3");
    let other = format!("{{script: 'one/app.py', interpreter: '{}'}}", python.display());
    assert_eq!(unused(&other), Some(desk.path("one/env")));
}

#[test]
fn where_the_named_interpreter_is_missing_another_one_runs_with_a_warning() {
    let desk = desk();
    for (file, first, interpreter) in [
        ("a.py", "#!/usr/bin/nopython", "python3"),
        ("b.py", "#!/usr/bin/env python", "python3"),
        ("c", "#!/usr/bin/env python", "python3"),
        ("d", "#!/gone/nodejs", "node"),
        ("e.sh", "#!/gone/bash", "bash"),
    ] {
        for executable in [false, true] {
            desk.write(file, format!("{first}\n"));
            if executable {
                desk.program(file, &format!("{first}\n"));
            }
            let (got, _, warnings) = runs(&desk, &format!("{{script: '{file}'}}"));
            assert_eq!(got.unwrap(), format!("/desk/bin/{interpreter}"), "{file}");
            assert!(warnings.contains("which the first line of"), "{warnings}");
        }
    }
    let (got, _, warnings) = runs(&desk, "{script: 'a.py', interpreter: 'python'}");
    assert_eq!(got.unwrap(), "/desk/bin/python3");
    assert!(warnings.contains("there is no interpreter `python`; "), "{warnings}");
    let (_, script, warnings) = runs(&desk, "{script: 'python', args: 'a.py'}");
    assert_eq!(script, "/desk/bin/python3");
    assert!(warnings.contains("there is no program `python`; "), "{warnings}");
}

#[test]
fn a_path_of_an_interpreter_means_that_one() {
    let desk = desk();
    desk.write("a.py", "");
    let told = |file: &str| desk.problems(&format!("{{script: 'a.py', interpreter: '{file}'}}"));
    for file in ["./gone/bin/python", "/gone/python", "/gone/node"] {
        let problems = told(file);
        let told = format!("stdin:1:31: error: there is no interpreter `{file}`");
        assert!(problems.starts_with(&told), "{problems}");
    }
    assert!(told("/gone/node").contains("hint: there is /desk/bin/node"));
    desk.venv("env");
    assert!(told("./gone/bin/python").contains("hint: there is /desk/env/bin/python"));
}

#[test]
fn a_number_of_instances_is_read_as_pm2_reads_it_and_nonsense_is_refused() {
    let mut desk = desk();
    let count = |written: &str| {
        let (spec, warnings) = desk.app(&format!("{{script: 'app', instances: '{written}'}}"));
        (spec.instances, warnings.contains("as in PM2"))
    };
    assert_eq!(count("4,"), (4, true));
    assert_eq!(count("2x"), (2, true));
    assert_eq!(count("-1 "), (3, false));
    assert_eq!(count("-1x"), (3, true));
    assert_eq!(count("0"), (4, false));
    assert_eq!(count("max"), (4, false));
    for (written, hint) in [
        ("twoo", "did you mean `2`?"),
        ("mx", "did you mean `max`?"),
        ("lots", "a number such as 2; `max` is one for each CPU"),
    ] {
        let told = desk.problems(&format!("{{script: 'app', instances: '{written}'}}"));
        let place = "stdin:1:28: error: `instances` must be a number of instances or \"max\", not";
        assert!(told.starts_with(place) && told.contains(hint), "{told}");
    }
    desk.overrides.beside = pm_config::Beside::Pm2s;
    let (spec, warnings) = desk.app("{script: 'app', instances: 'twoo'}");
    assert_eq!((spec.instances, warnings.contains("as in PM2")), (4, true));
    desk.overrides.beside = pm_config::Beside::All;
    desk.give("instances", &["abc"]);
    let told = desk.script("app").unwrap_err().to_string();
    assert!(told.contains("--instances: error: `instances` must be a number"), "{told}");
    desk.overrides.beside = pm_config::Beside::Pm2s;
    let (spec, warnings) = one(desk.script("app"));
    assert_eq!((spec.instances, warnings.contains("taken as \"max\"")), (4, true));
    desk.overrides.beside = pm_config::Beside::All;
    let known = pm_config::amended(&spec, &desk.caller, &desk.overrides);
    assert!(known.unwrap_err().to_string().contains("must be a number"));
}

#[test]
fn a_folder_runs_by_what_its_package_names_by_its_index_or_by_its_main() {
    let desk = desk();
    desk.write("one/package.json", r#"{"main": "lib/start"}"#);
    desk.write("one/lib/start.js", "");
    desk.write("two/index.js", "");
    desk.write("three/package.json", r#"{"main": "./lib/"}"#);
    desk.write("three/lib/index.js", "");
    desk.write("four/__main__.py", "");
    desk.write("five/package.json", "{}");
    desk.write("ruby/index.js", "");
    for (script, cwd, file) in [
        ("./one", ".", "one/lib/start.js"),
        (".", "two", "two/index.js"),
        ("two", ".", "two/index.js"),
        ("three/", ".", "three/lib/index.js"),
        ("four", ".", "four/__main__.py"),
        // A program of that name comes first.
        ("ruby", ".", "bin/ruby"),
    ] {
        let (_, got, _) = runs(&desk, &format!("{{script: '{script}', cwd: '{cwd}', name: 'a'}}"));
        assert_eq!(got, format!("/desk/{file}"), "{script}");
    }
    assert!(desk.problems("{script: 'five'}").contains("is a folder"));
}

#[test]
fn a_module_of_python_runs_however_it_is_asked_for() {
    let desk = desk();
    desk.venv(".venv");
    desk.write("tool/__main__.py", "");
    desk.write("plain.py", "");
    let python = desk.path(".venv/bin/python");
    let python = python.to_str().unwrap();
    for (written, name, args) in [
        ("script: '-m', args: 'http.server 80'", "http.server", "-m http.server 80"),
        ("script: '-m', interpreter: 'python3', args: ['a.b']", "a.b", "-m a.b"),
        ("script: 'a.b', interpreter: 'python3', interpreter_args: '-m'", "a.b", "-m a.b"),
        (
            "script: 'uvicorn', interpreter_args: '-u -m', args: 'x:y'",
            "uvicorn",
            "-u -m uvicorn x:y",
        ),
        ("script: 'tool', interpreter_args: '-m', name: 'n'", "n", "-m tool"),
    ] {
        let (spec, warnings) = desk.app(&format!("{{{written}}}"));
        assert_eq!((spec.name.as_str(), texts(&spec.args).join(" ").as_str()), (name, args));
        let script = text(&spec.script);
        assert!(script == python || script == format!("{python}3"), "{written}: {script}");
        assert!(spec.interpreter.is_none() && spec.interpreter_args.is_empty(), "{written}");
        assert_eq!(spec.env.get("PYTHONUNBUFFERED").map(text).as_deref(), Some("1"));
        assert_eq!(
            spec.env.get("VIRTUAL_ENV").map(text),
            desk.path(".venv").to_str().map(str::to_owned)
        );
        assert_eq!(warnings, "");
        // What is given on the command line later finds the same program.
        let known = pm_config::amended(&spec, &desk.caller, &desk.overrides).unwrap().0;
        assert_eq!(known, spec);
    }
    // A file is a file, and other languages have other options.
    let (spec, _) = desk.app("{script: 'plain.py', interpreter_args: '-m'}");
    assert_eq!((texts(&spec.interpreter_args), texts(&spec.args)), (vec!["-m".into()], vec![]));
    assert!(
        desk.problems("{script: 'a.b', interpreter: 'ruby', interpreter_args: '-m'}")
            .contains("no script")
    );
    assert!(desk.problems("{script: '-m', name: 'a'}").contains("which module"));
}

#[test]
fn a_file_of_variables_is_nothing_to_pm2() {
    let mut desk = desk();
    desk.overrides.beside = pm_config::Beside::Pm2s;
    let (spec, warnings) = desk.app("{script: 'app', env: {A: 1}, env_file: '.env', env_x: 'y'}");
    assert_eq!(spec.env.get("A").map(text).as_deref(), Some("1"));
    assert!(warnings.contains("PM2 reads no file of variables"), "{warnings}");
    assert!(warnings.contains("`env_x` has no effect: it is text"), "{warnings}");
    desk.overrides.env_name = Some("x".into());
    assert!(desk.problems("{script: 'app', env_x: 'y'}").contains("must be an object"));
}
