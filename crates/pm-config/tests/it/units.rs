//! Units of systemd as they stand: every setting acts or is told, and what is wrong has its place.

use std::path::Path;

use pm_config::{Diagnosis, Ecosystem, import, read};
use pm_spec::{AppSpec, Delay, HookStage, LogTarget, SecretSource, Signal, Span};

use crate::desk::{Desk, text, texts};

fn desk() -> Desk {
    let mut desk = Desk::new();
    desk.caller.env.set("USER", "alice");
    desk.write("home/x", "");
    desk
}

fn loaded(desk: &Desk, unit: &str) -> Ecosystem {
    desk.write("web.service", unit);
    desk.load("web.service").unwrap_or_else(|diagnosis| panic!("{diagnosis}"))
}

fn app(desk: &Desk, unit: &str) -> AppSpec {
    loaded(desk, unit).apps.remove(0)
}

fn told(desk: &Desk, name: &str) -> String {
    let diagnostics = match desk.load(name) {
        Ok(read) => read.warnings,
        Err(Diagnosis { diagnostics, .. }) => diagnostics,
    };
    let all: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    desk.plain(&all.join("\n"))
}

const ALL: &str = r#"
# a comment
[Unit]
Description=the web
After=network.target
StartLimitIntervalSec=20
StartLimitBurst=4
[Service]
Type=notify
ExecStartPre=/bin/sh -c 'echo "before"'
ExecStart=/bin/sh -c "exec sleep 1" --name %p \
  --percent %% $$HOME
ExecReload=/bin/kill -HUP $MAINPID
ExecStop=/bin/kill -s QUIT $MAINPID
Environment="GREETING=hello world" MODE=fast
Environment=MODE=slow
EnvironmentFile=-/nowhere/at/all
WorkingDirectory=/tmp
UMask=0027
Nice=5
Restart=on-failure
RestartSec=2s
SuccessExitStatus=7
RestartPreventExitStatus=9
TimeoutStartSec=1min
TimeoutStopSec=20
KillMode=mixed
WatchdogSec=30
LimitNOFILE=1024:2048
LimitCORE=infinity
MemoryMax=64M
CPUQuota=50%
TasksMax=20
CPUAffinity=0-2
CPUAffinity=4 2
PrivateTmp=yes
StandardOutput=append:/tmp/web.log
StandardError=null
[Install]
WantedBy=multi-user.target
"#;

#[test]
fn every_setting_of_a_service_acts() {
    let desk = desk();
    let web = app(&desk, ALL);
    assert_eq!(web.name.as_str(), "web");
    assert_eq!(text(&web.script), "/bin/sh");
    assert_eq!(
        texts(&web.args),
        ["-c", "exec sleep 1", "--name", "web", "--percent", "%", "$HOME"]
    );
    let env = |name: &str| web.env.get(name).map(text);
    assert_eq!(env("GREETING").as_deref(), Some("hello world"));
    assert_eq!(env("MODE").as_deref(), Some("slow"));
    assert_eq!(text(&web.cwd), "/tmp");
    assert_eq!((web.umask, web.stop.signal), (Some(0o027), Signal::parse("QUIT").unwrap()));
    assert_eq!((web.stop.timeout, web.stop.tree), (Span::from_secs(20), false));
    let restart = &web.restart;
    assert!(restart.autorestart);
    assert_eq!(restart.stop_exit_codes.iter().copied().collect::<Vec<_>>(), [0, 7, 9]);
    assert_eq!(restart.delay, Delay::Fixed(Span::from_secs(2)));
    assert_eq!((restart.max_restarts, restart.min_uptime), (4, Span::from_secs(3)));
    let before = web.pre_start.as_ref().unwrap();
    assert_eq!(texts(&before.command), ["/bin/sh", "-c", "echo \"before\""]);
    assert_eq!(before.timeout, Span::from_secs(60));
    assert!(web.checks.ready.is_some(), "it says so itself");
    let warnings = told(&desk, "web.service");
    assert_eq!(warnings, "");
}

/// A setting of which a table says that it is taken over, and which nothing reads, is found here.
#[test]
fn each_setting_of_a_service_makes_a_difference() {
    let desk = desk();
    let whole = app(&desk, ALL);
    let service = ALL.split("[Service]\n").nth(1).unwrap();
    let service = service.split("[Install]").next().unwrap();
    let lines = service.lines().filter(|line| line.starts_with(char::is_uppercase));
    let without = |line: &str| app(&desk, &ALL.replace(&format!("{line}\n"), ""));
    let lines = lines.filter(|line| !line.starts_with("ExecStart="));
    let idle: Vec<_> = lines.filter(|line| without(line) == whole).collect();
    assert_eq!(idle, ["EnvironmentFile=-/nowhere/at/all"]);
}

#[test]
fn commands_around_a_unit_have_its_times_and_its_name_of_the_main_process() {
    let desk = desk();
    let unit = "[Service]\nExecStart=/bin/sh -c true\nTimeoutStartSec=5\nTimeoutStopSec=7\n\
        ExecStartPost=-/bin/sh -c 'exit 3'\nExecStop=/bin/sh -c 'kill -INT $$MAINPID'\n\
        ExecStop=/bin/kill -QUIT $MAINPID\nExecStopPost=/bin/sh -c true\n\
        LoadCredential=token:/etc/token\nLoadCredential=other\n";
    desk.write("web.service", unit);
    let told = told(&desk, "web.service");
    assert!(
        told.contains(":10:1: warning: `[Service] LoadCredential` has no effect: only `NAME:/PATH"),
        "{told}"
    );
    let web = app(&desk, unit);
    let line = |stage: HookStage| {
        let command = &web.staged[&stage];
        (texts(&command.command).join(" "), command.timeout)
    };
    assert_eq!(
        line(HookStage::PostStart),
        ("/bin/sh -c set -f; { /bin/sh -c 'exit 3' || :; }".into(), Span::from_secs(5))
    );
    let stop = "/bin/sh -c export MAINPID=\"$PM_PID\"; set -f; /bin/sh -c 'kill -INT ''$'MAINPID && /bin/kill -QUIT $MAINPID";
    assert_eq!(line(HookStage::PreStop), (stop.into(), Span::from_secs(7)));
    assert_eq!(line(HookStage::PostStop), ("/bin/sh -c true".into(), Span::from_secs(7)));
    assert_eq!(web.stop.signal, Signal::TERM, "what is a command is no signal");
    let secrets: Vec<_> = web.secrets.iter().map(|(name, from)| (name.as_str(), from)).collect();
    assert_eq!(secrets, [("token", &SecretSource::File("/etc/token".into()))]);
}

#[test]
fn what_follows_a_oneshot_is_part_of_it_and_nothing_stops_it() {
    let desk = desk();
    let unit = "[Service]\nType=oneshot\nExecStart=/bin/sh -c true\nExecStartPost=/bin/sh -c false\n\
        ExecStop=/bin/sh -c true\n";
    let job = app(&desk, unit);
    assert_eq!(text(&job.args[1]), "set -f; /bin/sh -c true && /bin/sh -c false");
    assert!(job.staged.is_empty());
    let told = told(&desk, "web.service");
    assert!(told.contains(":5:1: warning: `ExecStop` of `Type=oneshot` is not run"), "{told}");
}

#[test]
fn what_a_service_may_use_and_where_it_writes_are_kept() {
    let web = app(&desk(), ALL);
    assert!(web.kernel.private_tmp && web.kernel.mem_limit.is_some());
    assert_eq!(web.kernel.pids_limit, Some(20));
    assert_eq!(web.kernel.cpuset.to_string(), "0-2,4", "what several lines say is added up");
    assert_eq!(web.kernel.rlimits.len(), 2);
    assert_eq!(web.logs.out, LogTarget::File("/tmp/web.log".into()));
    assert_eq!(web.logs.error, LogTarget::Discard);
}

#[test]
fn a_semicolon_ends_a_command_unless_it_is_quoted_or_behind_a_backslash() {
    let desk = desk();
    let plain = r#"ExecStart=/bin/sh ";" ';' \; a"#;
    let web = app(&desk, &format!("[Service]\n{plain}\n"));
    assert_eq!(texts(&web.args), [";", ";", ";", "a"]);
}

#[test]
fn what_a_service_does_not_say_is_as_systemd_has_it() {
    let desk = desk();
    let web = app(&desk, "[Service]\nExecStart=/bin/sh -c true\n");
    assert!(!web.restart.autorestart && web.autostart);
    assert_eq!((web.stop.signal, web.stop.timeout), (Signal::TERM, Span::from_secs(90)));
    assert_eq!(text(&web.cwd), desk.path("home").to_str().unwrap());
    let always = app(&desk, "[Service]\nExecStart=/bin/sh -c true\nRestart=always\n");
    assert_eq!(always.restart.delay, Delay::Fixed(Span::from_millis(100)));
    assert_eq!(
        (always.restart.max_restarts, always.restart.min_uptime),
        (5, Span::from_millis(1900))
    );
    let slow = "[Service]\nExecStart=/bin/sh -c true\nRestart=always\nRestartSec=5\n";
    assert_eq!(app(&desk, slow).restart.min_uptime, Span::ZERO, "five in ten seconds can't be");
}

#[test]
fn variables_of_a_unit_are_filled_in_when_it_runs_and_are_nobodys_business() {
    let desk = desk();
    desk.write("vars", "TOKEN='s3cret'\nMODE=of the file\n");
    desk.write("odd", "PART=a$b\n");
    let vars = desk.path("vars");
    let odd = desk.path("odd");
    let unit = format!(
        "[Service]\nExecStart=/bin/sh -c true --t=${{TOKEN}} $OPTS\nEnvironment=MODE=x OPTS=a\nEnvironmentFile={}\nEnvironmentFile={}\n",
        vars.display(),
        odd.display()
    );
    let web = app(&desk, &unit);
    let line = texts(&web.args).join(" ");
    assert_eq!(line, "-c set -f; exec /bin/sh -c true --t=\"${TOKEN}\" $OPTS");
    for (name, value) in [("TOKEN", "s3cret"), ("MODE", "of the file"), ("PART", "a$b")] {
        assert_eq!(web.env.get(name).map(text).as_deref(), Some(value), "{name}");
        assert!(web.hidden_env.iter().any(|it| text(it) == name), "{name}");
    }
    let read = import(Path::new("web.service"), &desk.caller).unwrap();
    assert!(!format!("{:?}{:?}", read.notes, read.apps).contains("s3cret"));
}

#[test]
fn units_that_are_read_together_wait_for_each_other() {
    let desk = desk();
    let run = "ExecStart=/bin/sh -c true\n";
    desk.write("db.service", format!("[Unit]\nBefore=web.service\n[Service]\nType=notify\n{run}"));
    desk.write("init.service", format!("[Service]\nType=oneshot\n{run}{run}"));
    desk.write(
        "web.service",
        format!("[Unit]\nRequires=init.service gone.service\nAfter=init.service\n[Service]\n{run}"),
    );
    let [web, db, init] = ["web.service", "db.service", "init.service"].map(Path::new);
    let read = read::load_all(web, &[db, init], &desk.caller, &desk.overrides).unwrap();
    let web = read.apps.iter().find(|app| app.name.as_str() == "web").unwrap();
    let needs: Vec<_> = web
        .depends_on
        .iter()
        .map(|need| format!("{} {:?} {}", need.app, need.condition, need.required))
        .collect();
    assert_eq!(needs, ["init Completed true", "db Ready false"]);
    let init = read.apps.iter().find(|app| app.name.as_str() == "init").unwrap();
    assert_eq!(texts(&init.args)[1], "set -f; /bin/sh -c true && /bin/sh -c true");
    // One that waits for itself through another is refused.
    desk.write("db.service", format!("[Unit]\nAfter=web.service\n[Service]\n{run}"));
    desk.write("web.service", format!("[Unit]\nAfter=db.service\n[Service]\n{run}"));
    let [web, db] = ["web.service", "db.service"].map(Path::new);
    let circle = read::load_all(web, &[db], &desk.caller, &desk.overrides).unwrap_err();
    assert!(circle.to_string().contains("none of them can be the first"), "{circle}");
}

#[test]
fn a_timer_beside_a_service_says_when_it_runs() {
    let desk = desk();
    desk.write("job.service", "[Service]\nType=oneshot\nExecStart=/bin/sh -c true\n");
    let timer = "[Timer]\nOnCalendar=Mon..Fri 08:30 Europe/Berlin\nPersistent=true\nRandomizedDelaySec=5min\n";
    desk.write("job.timer", timer);
    for name in ["job.service", "job.timer"] {
        let read = desk.load(name).unwrap();
        let [job] = read.apps.as_slice() else { panic!() };
        let schedule = job.schedule.as_ref().unwrap();
        assert_eq!(schedule.pattern, "30 8 * * 1,2,3,4,5", "{name}");
        assert!(schedule.job && schedule.catch_up, "{schedule:?}");
    }
    desk.write("job.timer", "[Timer]\nOnCalendar=*-*~1\nOnBootSec=5\n");
    let warnings = told(&desk, "job.service");
    for line in ["job.timer:2:1: warning: `[Timer] OnCalendar`", "job.timer:3:1: warning: `[Timer]"]
    {
        assert!(warnings.contains(line), "{warnings}");
    }
    desk.write("alone.timer", "[Timer]\nOnCalendar=daily\n");
    assert!(told(&desk, "alone.timer").contains("there is no `alone.service`"));
}

#[test]
fn drop_ins_and_instances_of_templates_are_read() {
    let desk = desk();
    desk.write("w@.service", "[Service]\nExecStart=/bin/sh -c %i %I\nEnvironment=A=1\n");
    desk.link("w@a-b.service", "w@.service");
    desk.write("w@.service.d/1.conf", "[Service]\nEnvironment=B=1\n");
    desk.write(
        "w@a-b.service.d/2.conf",
        "[Service]\nExecStart=\nExecStart=/bin/sh %i %I\nrubbish\n",
    );
    desk.write("w@a-b.service.d/no.txt", "[Service]\nEnvironment=C=1\n");
    let read = desk.load("w@a-b.service").unwrap();
    let [one] = read.apps.as_slice() else { panic!() };
    assert_eq!((one.name.as_str(), texts(&one.args).join(" ")), ("w@a-b", "a-b a/b".into()));
    let env = |name: &str| one.env.get(name).map(text);
    assert_eq!((env("A"), env("B"), env("C")), (Some("1".into()), Some("1".into()), None));
    assert!(told(&desk, "w@a-b.service").contains("w@a-b.service.d/2.conf:4:1: warning: this is"));
    assert!(told(&desk, "w@.service").contains("it is a template"));
}

#[test]
fn drop_ins_and_timers_lie_where_systemd_looks() {
    let mut desk = desk();
    let all = format!("{}:{}", desk.path("etc").display(), desk.path("lib").display());
    desk.caller.env.set("SYSTEMD_UNIT_PATH", all);
    desk.write("lib/w.service", "[Service]\nType=oneshot\nExecStart=/bin/sh\nEnvironment=A=1\n");
    desk.write("lib/w.service.d/10.conf", "[Service]\nEnvironment=A=2 L=1\n");
    desk.write("etc/w.service.d/20.conf", "[Service]\nEnvironment=A=3\n");
    desk.write("lib/w.service.d/30.conf", "[Service]\nEnvironment=A=lib\n");
    desk.write("etc/w.service.d/30.conf", "[Service]\nEnvironment=E=1\n");
    desk.write("lib/w.service.d/40.conf", "[Service]\nEnvironment=A=4\n");
    desk.link("etc/w.service.d/40.conf", "/dev/null");
    desk.write("etc/w.timer", "[Timer]\nOnCalendar=*-01-01 00:00\n");
    desk.link("etc/multi-user.target.wants/w.service", desk.path("lib/w.service"));
    for name in ["lib/w.service", "etc/multi-user.target.wants/w.service"] {
        let [app] = &desk.load(name).unwrap().apps[..] else { panic!() };
        let env = ["A", "L", "E"].map(|name| app.env.get(name).map(text));
        assert_eq!(env, ["3", "1", "1"].map(|it| Some(it.to_owned())), "{name}");
        assert!(app.schedule.is_some(), "{name}: its timer is read");
    }
    // Whoever lies elsewhere has what lies beside it.
    desk.write("mine/w.service", "[Service]\nExecStart=/bin/sh\n");
    assert_eq!(desk.load("mine/w.service").unwrap().apps[0].env.get("E"), None);
}

#[test]
fn what_is_wrong_with_a_unit_is_told_with_its_place() {
    let desk = desk();
    for (line, complaint) in [
        ("ExecStart=/bin/sh 'a", "web.service:2:1: error: `ExecStart`: a quote is not closed"),
        ("ExecStart=/bin/sh %q", "web.service:2:1: error: `ExecStart`: `%q` is not filled in"),
        ("ExecStart=/bin/sh %", "web.service:2:1: error: `ExecStart`: a `%` stands at the end"),
        ("ExecStart=", "error: `web.service` has no `ExecStart`"),
        ("ExecStart=-", "web.service:2:1: error: `ExecStart`: there is no program"),
        ("ExecStart=/no/such/thing", "web.service:2:1: error: there is no script"),
        ("ExecStart=/bin/sh\nExecStart=/bin/sh", "more than one `ExecStart`"),
        ("ExecStart=/bin/sh\nType=forking", "web.service:3:1: warning: `web.service` is left out"),
        ("ExecStart=/bin/sh\nType=odd", "web.service:3:1: error: `Type` can't be `odd`"),
        ("ExecStart=/bin/sh\nRestart=maybe", "web.service:3:1: error: `Restart` can't be `maybe`"),
        (
            "ExecStart=/bin/sh\nTimeoutStopSec=x",
            "web.service:3:1: error: `TimeoutStopSec` must be a time",
        ),
        (
            "ExecStart=/bin/sh\nExecStrat=x",
            "web.service:3:1: warning: unknown key `ExecStrat` of [Service]; it is ignored\n  3 | ExecStrat=x",
        ),
        (
            "ExecStart=/bin/sh\nProtectSystem=full",
            "web.service:3:1: warning: `[Service] ProtectSystem` has no effect",
        ),
        (
            "ExecStart=/bin/sh\nEnvironment=s3cret",
            "web.service:3:1: error: `Environment` is NAME=value",
        ),
        (
            "ExecStart=/bin/sh\nEnvironmentFile=rel",
            "web.service:3:1: error: `EnvironmentFile` `rel`: the path has",
        ),
        (
            "ExecStart=/bin/sh\nEnvironmentFile=/no/such",
            "web.service:3:1: error: `EnvironmentFile` `/no/such`: no such",
        ),
        (
            "ExecStart=/bin/sh\n[Odd]\nA=1",
            "web.service:4:1: warning: `[Odd] A` of an unknown section",
        ),
    ] {
        desk.write("web.service", format!("[Service]\n{line}\n"));
        let told = told(&desk, "web.service");
        assert!(told.contains(complaint), "{line}\n{told}");
    }
    // Large and odd, and yet an answer.
    let long = format!("[Service]\nExecStart=/bin/sh {}\n", "\\\n a".repeat(50_000));
    desk.write("web.service", long);
    assert_eq!(desk.load("web.service").unwrap().apps[0].args.len(), 50_000);
    desk.write("web.service", "[Service]\nExecStart=/bin/sh\nEnvironmentFile=/dev/zero\n");
    assert!(told(&desk, "web.service").contains("larger than 1 MiB"));
}

#[test]
fn each_setting_of_a_unit_has_its_line_in_the_report() {
    let desk = desk();
    desk.write("web.service", ALL);
    let read = import(Path::new("web.service"), &desk.caller).unwrap();
    let lines: Vec<_> = read
        .notes
        .iter()
        .map(|note| format!("{} {}: {}", note.place, note.key, note.fate.word()))
        .collect();
    for line in [
        "web.service:4 [Unit] Description: no effect",
        "web.service:5 [Unit] After: changed",
        "web.service:11 [Service] ExecStart: same",
        "web.service:13 [Service] ExecReload: changed",
        "web.service:37 [Service] StandardOutput: changed",
        "web.service:40 [Install] WantedBy: no effect",
    ] {
        assert!(lines.iter().any(|it| it == line), "{line}\n{}", lines.join("\n"));
    }
}
