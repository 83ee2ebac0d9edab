//! Supervisor's file as it stands: every key acts or is told, and what is wrong has its place.

use pm_config::Diagnosis;
use pm_spec::{AppSpec, LogTarget, Signal, Span};

use crate::desk::{Desk, text, texts};

fn desk() -> Desk {
    let desk = Desk::new();
    for name in ["bin/web", "bin/app", "sys/cat"] {
        desk.program(name, "\x7fELF");
    }
    desk
}

/// Apps and warnings of `supervisord.conf`.
fn read(desk: &Desk, conf: &str) -> (Vec<AppSpec>, String) {
    desk.write("supervisord.conf", conf);
    let read = desk.load("supervisord.conf").unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    let warnings: Vec<_> = read.warnings.iter().map(ToString::to_string).collect();
    (read.apps, desk.plain(&warnings.join("\n")))
}

fn problems(desk: &Desk, conf: &str) -> String {
    desk.write("supervisord.conf", conf);
    let Err(Diagnosis { diagnostics, .. }) = desk.load("supervisord.conf") else {
        panic!("no problem")
    };
    let told: Vec<_> = diagnostics.iter().map(|one| first_line(&one.to_string())).collect();
    desk.plain(&told.join("\n"))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn env(app: &AppSpec, name: &str) -> Option<String> {
    app.env.get(name).map(text)
}

const ALL: &str = r#"
[supervisord]
environment = LEVEL="all",WHO=%(ENV_SHELL_ONLY)s ; of all
umask = 027
[program:web]
command = web --name "a b" %(ENV_MODE)s %(process_num)d
    --percent 50%% ; a comment
process_name = %(program_name)s_%(process_num)02d
numprocs = 2
numprocs_start = 8
directory = %(here)s/srv
environment = MODE="fast,er",WHO=me
priority = 2
autostart = false
startsecs = 3
startretries = 5
autorestart = true
stopsignal = QUIT
stopwaitsecs = 7
stopasgroup = true
user = alice
umask = 002
serverurl = http://localhost:1
stdout_logfile = %(here)s/%(program_name)s.%(process_num)d.log
stdout_logfile_maxbytes = 1MB
stdout_logfile_backups = 2
stderr_logfile = NONE
[program:app]
command = app
[program:b]
command = %(here)s/bin/app
exitcodes = 0,2
redirect_stderr = yes
[program:a]
command = cat
autorestart = no
redirect_stderr = yes
stdout_logfile = NONE
[group:g]
programs = b, a
priority = 1
"#;

#[test]
fn every_key_of_a_program_acts() {
    let desk = desk();
    desk.write("srv/x", "");
    let (apps, warnings) = read(&desk, ALL);
    assert_eq!(warnings, "");
    let names: Vec<_> = apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["g:a", "g:b", "web:web_08", "web:web_09", "app"], "in order of priority");
    let web = &apps[3];
    assert_eq!(text(&web.script), desk.path("bin/web").to_str().unwrap());
    assert_eq!(texts(&web.args), ["--name", "a b", "fast,er", "9", "--percent", "50%"]);
    assert_eq!(web.interpreter, None);
    assert_eq!(web.namespace.as_str(), "web");
    assert_eq!(text(&web.cwd), desk.path("srv").to_str().unwrap());
    for (name, value) in [
        ("MODE", Some("fast,er")),
        ("WHO", Some("me")),
        ("LEVEL", Some("all")),
        ("SUPERVISOR_ENABLED", Some("1")),
        ("SUPERVISOR_PROCESS_NAME", Some("web_09")),
        ("SUPERVISOR_GROUP_NAME", Some("web")),
        ("SUPERVISOR_SERVER_URL", Some("http://localhost:1")),
    ] {
        assert_eq!(env(web, name).as_deref(), value, "{name}");
    }
    let restart = &web.restart;
    assert_eq!((restart.autorestart, web.autostart), (true, false));
    assert_eq!((restart.min_uptime, restart.start_retries), (Span::from_secs(3), Some(5)));
    assert!(restart.stop_exit_codes.is_empty());
    let stop = &web.stop;
    assert_eq!(
        (stop.signal, stop.timeout, stop.tree),
        (Signal::parse("QUIT").unwrap(), Span::from_secs(7), true)
    );
    assert_eq!(web.umask, Some(0o002));
    assert_eq!(web.user.as_ref().unwrap().to_string(), "alice");
    let log = LogTarget::File(desk.path("web.9.log").to_str().unwrap().into());
    assert_eq!((&web.logs.out, &web.logs.error), (&log, &LogTarget::Discard));
    let rotation = &web.logs.rotation;
    assert_eq!(rotation.max_size.unwrap().get(), 1 << 20);
    assert_eq!((rotation.keep, rotation.compress), (2, false));
}

#[test]
fn what_is_not_said_is_as_supervisor_has_it() {
    let desk = desk();
    desk.write("srv/x", "");
    let (apps, _) = read(&desk, ALL);
    let app = &apps[4];
    assert_eq!((app.namespace.as_str(), env(app, "WHO")), ("default", Some("yes".into())));
    assert_eq!(text(&app.cwd), text(&desk.caller.cwd.to_str().unwrap().into()));
    let restart = &app.restart;
    assert_eq!((restart.autorestart, app.autostart), (true, true));
    assert_eq!((restart.min_uptime, restart.start_retries), (Span::from_secs(1), Some(3)));
    assert_eq!(restart.stop_exit_codes, [0].into());
    let stop = &app.stop;
    assert_eq!((stop.signal, stop.timeout, stop.tree), (Signal::TERM, Span::from_secs(10), false));
    assert_eq!((app.umask, &app.user), (Some(0o027), &None));
    assert_eq!(env(app, "SUPERVISOR_SERVER_URL"), None);
    let rotation = &app.logs.rotation;
    assert_eq!((rotation.max_size.unwrap().get(), rotation.keep), (50 << 20, 10));
    let [a, b] = [&apps[0], &apps[1]];
    assert_eq!((&a.logs.out, &a.logs.error), (&LogTarget::Discard, &LogTarget::Discard));
    assert_eq!((b.restart.autorestart, a.restart.autorestart), (true, false));
    assert_eq!(b.restart.stop_exit_codes, [0, 2].into());
    assert_eq!(b.logs.out, b.logs.error);
    assert!(
        matches!(&b.logs.out, LogTarget::File(path) if text(path).ends_with("logs/g:b-out.log"))
    );
}

#[test]
fn files_are_included_and_a_folder_means_the_file_in_it() {
    let desk = desk();
    desk.write("etc/conf.d/b.conf", "[program:two]\ncommand = %(here)s/run\n");
    desk.program("etc/conf.d/run", "\x7fELF");
    desk.write("etc/conf.d/.hidden.conf", "[program:no]\ncommand = cat\n");
    desk.write("etc/conf.d/a.conf", "[program:one]\ncommand = app\n[program:zero]\nautostart=no\n");
    let conf = "[include]\nfiles = conf.d/*.conf\n  none/*.ini\n[program:zero]\ncommand = cat\n";
    desk.write("etc/supervisord.conf", conf);
    let read = desk.load("etc").unwrap();
    let names: Vec<_> = read.apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["one", "two", "zero"]);
    assert_eq!(text(&read.apps[1].script), desk.path("etc/conf.d/run").to_str().unwrap());
    assert!(!read.apps[2].autostart, "a later file counts more");
    let told: Vec<_> = read.warnings.iter().map(|it| first_line(&it.to_string())).collect();
    assert_eq!(told, ["etc/supervisord.conf:2:9: warning: nothing matches `none/*.ini`"]);
    // A fragment alone, whatever it is called.
    desk.write("x.ini.bak", "; c\n\n[program:p]\ncommand=cat\n");
    assert_eq!(desk.load("x.ini.bak").unwrap().apps[0].name.as_str(), "p");
    assert!(!pm_config::is_config(&desk.path("bin/app")), "a program is none");
}

#[test]
fn a_pool_of_fastcgi_is_one_app_whose_socket_is_at_descriptor_0() {
    let desk = desk();
    let (apps, warnings) = read(
        &desk,
        "[fcgi-program:f]\ncommand=cat x\nsocket=unix://%(here)s/%(program_name)s.sock\nsocket_mode=0770\nsocket_backlog=7\n\
         numprocs=3\nprocess_name=%(program_name)s_%(process_num)02d\nenvironment=N=\"%(process_num)d\"\n\
         [fcgi-program:g]\ncommand=cat\nsocket=tcp://localhost:9000\n[group:two]\nprograms=g\n",
    );
    let names: Vec<_> = apps.iter().map(|app| app.name.as_str()).collect();
    assert_eq!(names, ["f", "two:g"]);
    let [pool, alone] = apps.as_slice() else { panic!() };
    assert_eq!((pool.instances, alone.instances, text(&pool.script)), (3, 1, "/bin/sh".into()));
    let args = texts(&pool.args);
    assert!(
        args[1].ends_with("exec \"$@\" <&3 3<&-") && args[3].ends_with("cat") && args[4] == "x",
        "{args:?}"
    );
    let listen: Vec<_> = [pool, alone]
        .iter()
        .map(|app| text(&(&app.listen[0]).into()))
        .map(|it| desk.plain(&it))
        .collect();
    assert_eq!(listen, ["unix:///desk/f.sock?mode=770&backlog=7", "tcp://127.0.0.1:9000"]);
    assert!(
        warnings
            .contains(":8:13: warning: `environment` is the same for all processes of the pool"),
        "{warnings}"
    );
    for (section, why) in [
        ("command=cat\n", "error: the program has no `socket`"),
        (
            "command=cat\nsocket=tcp://:9\nsocket_mode=0700\n",
            "`socket_mode` is for unix sockets only",
        ),
        ("command=cat\nsocket=udp://:9\n", "begins with tcp:// or unix://"),
        ("command=cat\nsocket=unix:///s\nsocket_backlog=0\n", "`socket_backlog` must be"),
        ("command=cat\nsocket=unix:///s\nsocket_mode=9\n", "octal mode"),
    ] {
        let told = problems(&desk, &format!("[fcgi-program:f]\n{section}"));
        assert!(told.contains(why), "{section}: {told}");
    }
}

#[test]
fn nothing_is_dropped_silently() {
    let desk = desk();
    let (apps, warnings) = read(
        &desk,
        "[supervisord]\nnodaemon=true\npidfile=x\n[inet_http_server]\nport=*:9001\n[program:p]\ncommand=cat\n\
         stdout_logfile=/dev/stdout\nstderr_syslog=true\nstdout_events_enabled=true\nstdout_capture_maxbytes=1MB\n\
         colour=red\n[eventlistener:l]\ncommand=cat\nevents=EVENT,PROCESS_LOG\nnumprocs=2\nresult_handler=a:b\n[fcgi-program:f]\ncommand=cat\nsocket=unix:///tmp/f.sock\nsocket_owner=x\n[programme:x]\na=b\n",
    );
    assert_eq!(apps.len(), 3);
    for part in [
        "settings of supervisord itself, without effect here: [supervisord] nodaemon, [supervisord] pidfile",
        "nobody is answered there: `username` and `password` are missing",
        "supervisord.conf:9:1: warning: `stderr_syslog` has no effect",
        "supervisord.conf:10:1: warning: `stdout_events_enabled` has no effect",
        "supervisord.conf:11:1: warning: `stdout_capture_maxbytes` has no effect",
        "supervisord.conf:12:1: warning: unknown key `colour` of [program:p]; it is ignored",
        "supervisord.conf:15:8: warning: PROCESS_LOG never comes",
        "supervisord.conf:16:10: warning: one process serves this pool here",
        "supervisord.conf:17:1: warning: `result_handler` has no effect",
        "supervisord.conf:21:14: warning: `socket_owner` has no effect",
        "supervisord.conf:22:1: warning: unknown section `[programme:x]`; it is ignored",
    ] {
        assert!(warnings.contains(part), "{part}\nis not in\n{warnings}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_place_all_at_once() {
    let desk = desk();
    desk.write("conf.d/more.conf", "[group:two]\nprograms=p\n\n[program:q]\ncommand=date +%H\n");
    let told = problems(
        &desk,
        "[include]\nfiles=conf.d/*.conf\n[group:one]\nprograms=p,nobody\n[program:p]\ncommand=cat 'x\n\
         startsecs=soon\nstopsignal=NOPE\nautorestart=maybe\nexitcodes=300\nenvironment=A\nnumprocs=2\n\
         [program:r r]\ncommand=cat\n[program:s]\nstopasgroup=true\nkillasgroup=false\n[program:t]\ncommand=cat\nnumprocs=2\n[program:fine]\ncommand=cat\n",
    );
    let expected = "\
supervisord.conf:4:10: error: there is no program `nobody`
supervisord.conf:7:11: error: `startsecs` must be a whole number, 0 or more, not `soon`
supervisord.conf:8:12: error: `stopsignal` must be a signal such as TERM or 15, not `NOPE`
supervisord.conf:9:13: error: `autorestart` must be true, false or unexpected, not `maybe`
supervisord.conf:10:11: error: `exitcodes` must be a list of exit codes, 0 to 255, not `300`
supervisord.conf:12:10: error: more than one copy, all of the same name
supervisord.conf:13:1: error: a program can't be called so: it must not hold ` `
supervisord.conf:15:1: error: the program has no `command`
supervisord.conf:17:13: error: `killasgroup` can't be false where `stopasgroup` is true
supervisord.conf:20:10: error: more than one copy, all of the same name
conf.d/more.conf:2:10: error: `p` belongs to the group of line 4 already
conf.d/more.conf:5:15: error: `command`: a `%` alone: write `%%` for a percent sign";
    assert_eq!(told, expected);
    let told = problems(
        &desk,
        "[program:p]\ncommand=cat 'x\nexitcodes=300\n[program:e]\ncommand=cat\nenvironment=A\n[program:fine]\ncommand=cat\n",
    );
    let expected = "\
supervisord.conf:2:9: error: `command` can't be split into words: a quote is not closed
supervisord.conf:3:11: error: `exitcodes` must be a list of exit codes, 0 to 255, not `300`
supervisord.conf:6:13: error: `environment`: it is not of the form NAME=value,OTHER=\"a value\"";
    assert_eq!(told, expected);
    let told = problems(&desk, "[include]\nfiles=*.conf\n[program:p]\ncommand=no-such-program\n");
    assert!(
        told.contains("supervisord.conf:2:7: error: supervisord.conf includes itself"),
        "{told}"
    );
}

/// A program that is not installed yet fails when it is started, and no other with it.
#[test]
fn what_is_missing_is_missed_when_it_starts() {
    let desk = desk();
    desk.write("plain", "no program");
    let (apps, warnings) = read(
        &desk,
        "[program:a]\ncommand=/nowhere/x\n[program:b]\ncommand=no-such-program\n[program:c]\ncommand=%(here)s/plain\n\
         [program:d]\ncommand=cat\ndirectory=/nowhere\n",
    );
    let scripts: Vec<_> = apps.iter().map(|app| desk.plain(&text(&app.script))).collect();
    assert_eq!(scripts, ["/nowhere/x", "/desk/no-such-program", "/desk/plain", "/desk/sys/cat"]);
    assert_eq!(text(&apps[3].cwd), "/nowhere");
    for part in [
        "supervisord.conf:2:9: warning: there is no script /nowhere/x",
        "supervisord.conf:4:9: warning: there is no script /desk/no-such-program and no program `no-such-program`",
        "supervisord.conf:6:9: warning: /desk/plain can't be executed",
        "supervisord.conf:9:11: warning: `cwd` /nowhere: no such file or directory",
    ] {
        assert!(warnings.contains(part), "{part}\nis not in\n{warnings}");
    }
}

#[test]
fn names_need_nothing_else_to_be_right() {
    let desk = desk();
    desk.write("supervisord.conf", "[program:p]\ncommand=no-such-program\nuser=nobody-here\n");
    let overrides = pm_config::Overrides::default();
    let path = std::path::Path::new("supervisord.conf");
    let names = pm_config::read::names(path, &desk.caller, &overrides).unwrap();
    assert_eq!(names[0].as_str(), "p");
}

#[test]
fn a_file_of_mistakes_is_not_also_said_to_have_no_apps() {
    let desk = desk();
    let conf = "[program:a]\ncommand=cat\nenvironment=P=\"a'\\\"b\"\n";
    let told = problems(&desk, conf);
    assert!(
        told.starts_with("supervisord.conf:3:15: error: `environment`: Supervisor knows no `\\\"`"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
}
