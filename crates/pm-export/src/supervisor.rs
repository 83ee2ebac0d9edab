//! Supervisor's file: a program for each app, a group for each namespace.

mod value;

use std::collections::BTreeMap;

use pm_spec::{AppSpec, LogSpec, LogTarget, RestartPolicy, StopPolicy};

use crate::draft::AppDraft;
use crate::environment::origin;
use crate::fate::ExportFate;
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::names;
use crate::order::depths;
use crate::program;

use value::{IniValue, quoted, variable, written};

/// What becomes of each key.
#[rustfmt::skip]
pub(crate) fn fate(key: ExportKey) -> ExportFate {
    use ExportKey as K;
    match key {
        K::Name => ExportFate::same("[program:NAME]"),
        K::Namespace => ExportFate::changed("[group:NAME]: its programs are called GROUP:NAME"),
        K::Script | K::Args => ExportFate::same("command"),
        K::Interpreter | K::InterpreterArgs => ExportFate::changed("it stands in `command`, before the script"),
        K::Cwd => ExportFate::same("directory"),
        K::Instances => ExportFate::changed("numprocs: each is a process NAME:NAME_00 of its own"),
        K::InstanceVar => ExportFate::changed("a variable in `environment`, if there are several processes"),
        K::Umask => ExportFate::same("umask"),
        K::Uid => ExportFate::same("user"),
        K::Env => ExportFate::same("environment"),
        K::Autostart => ExportFate::same("autostart"),
        K::Autorestart => ExportFate::same("autorestart"),
        K::Restart => ExportFate::changed("autorestart, exitcodes and startretries: without end once it has been up for `startsecs`"),
        K::MaxRestarts => ExportFate::changed("startretries: only starts that fail count"),
        K::StartRetries => ExportFate::same("startretries"),
        K::MinUptime => ExportFate::same("startsecs"),
        K::StopExitCodes => ExportFate::same("exitcodes, with autorestart=unexpected"),
        K::KillSignal => ExportFate::same("stopsignal"),
        K::KillTimeout => ExportFate::same("stopwaitsecs"),
        K::Treekill => ExportFate::same("stopasgroup"),
        K::DependsOn => ExportFate::changed("priority: the order alone; nobody waits until another one is ready"),
        K::OutFile => ExportFate::same("stdout_logfile"),
        K::ErrorFile => ExportFate::same("stderr_logfile"),
        K::LogMaxSize => ExportFate::same("stdout_logfile_maxbytes, stderr_logfile_maxbytes"),
        K::LogKeep => ExportFate::same("stdout_logfile_backups, stderr_logfile_backups"),
        K::Gid | K::Groups => ExportFate::missing("it runs with the groups of its user; `command=setpriv --regid ...` sets others"),
        K::Listen => ExportFate::missing("it opens its sockets itself; [fcgi-program:x] gives one at descriptor 0"),
        K::Nice => ExportFate::missing("write `nice -n N` before its command"),
        K::Ioprio => ExportFate::missing("write `ionice -c N` before its command"),
        K::Cpuset => ExportFate::missing("write `taskset -c LIST` before its command"),
        K::Rlimits => ExportFate::missing("write `prlimit` before its command; `minfds` of [supervisord] holds for all"),
        K::OomScoreAdj => ExportFate::missing("write `choom -n N --` before its command"),
        K::MemLimit | K::Cpus | K::PidsLimit => ExportFate::missing("a limit of the unit that runs supervisord holds for all of them"),
        K::Isolate | K::WritePaths | K::PrivateTmp | K::Network => ExportFate::missing("write `bwrap` or `systemd-run` before its command"),
        K::PostStart | K::PreStop | K::PostStop => ExportFate::missing("an event listener for PROCESS_STATE, or a script around the program"),
        K::Secrets => ExportFate::missing("files that only its user may read"),
        K::PreStart => ExportFate::missing("a script that runs it and then `exec`s the program"),
        K::RestartDelay => ExportFate::missing("it waits 1, 2, 3 ... s between starts that fail"),
        K::ReloadSignal => ExportFate::missing("`supervisorctl signal HUP NAME` sends it"),
        K::ReloadOrder | K::ReloadParallelism | K::ReloadMonitor | K::ReloadCanary => ExportFate::missing("a restart has a gap there; processes of a group can be restarted one by one"),
        K::Ready | K::ReadyTimeout => ExportFate::missing("who has been up for `startsecs` counts as RUNNING"),
        K::Healthcheck | K::Watchdog | K::Unhealthy => ExportFate::missing("superlance's `httpok` restarts who does not answer"),
        K::MaxMemoryRestart => ExportFate::missing("superlance's `memmon` restarts who takes too much"),
        K::Schedule | K::Overlap | K::TimeLimit | K::Retries | K::CatchUp | K::RandomDelay | K::CronTimezone => {
            ExportFate::missing("cron(8) with `supervisorctl start NAME`; it is written with autostart=false")
        }
        K::CronRestart => ExportFate::missing("cron(8) with `supervisorctl restart NAME`"),
    }
}

/// The file of all of them.
pub(crate) fn export(apps: &[AppSpec]) -> TargetFiles {
    let may_be = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    let names = names::all(apps.iter().map(own_name), may_be, 200);
    let depths = depths(apps);
    let is_ordered = depths.iter().any(|depth| *depth > 0);
    let mut exported = TargetFiles::default();
    let mut text =
        "; written by pm export; `supervisord -c` this file runs it\n[supervisord]\n".to_owned();
    let mut groups = BTreeMap::<String, Vec<String>>::new();
    for ((app, name), depth) in apps.iter().zip(names).zip(depths) {
        let mut draft = AppDraft::new(app, name);
        let group = (app.namespace != pm_spec::AppName::default_namespace())
            .then(|| names::all([app.namespace.as_str()], may_be, 200).concat());
        let shown =
            group.as_ref().map_or_else(|| draft.name.clone(), |it| format!("{it}:{}", draft.name));
        draft.called(&shown);
        groups.entry(group.unwrap_or_default()).or_default().push(draft.name.clone());
        let priority = is_ordered.then_some(100 + depth);
        text += &section(&mut draft, priority);
        exported.notes.extend(draft.notes(fate));
    }
    groups.remove("");
    for (group, programs) in groups {
        text.extend([format!("\n[group:{group}]\nprograms = {}\n", programs.join(","))]);
    }
    exported.file("supervisord.conf", text);
    exported
}

/// Its name within its group.
fn own_name(app: &AppSpec) -> &str {
    let rest = app.name.as_str().strip_prefix(app.namespace.as_str());
    rest.and_then(|rest| rest.strip_prefix(':')).unwrap_or(app.name.as_str())
}

fn section(draft: &mut AppDraft<'_>, priority: Option<usize>) -> String {
    let app = draft.app;
    let mut lines = Vec::new();
    let words: Vec<_> = program::texts(draft).iter().map(|word| quoted(word)).collect();
    lines.push(("command", words.join(" ")));
    let mut put = |draft: &mut AppDraft<'_>, key, option, text: &str| match written(text) {
        IniValue::Fits(value) => lines.push((option, value)),
        IniValue::Refused(why) => draft.missing(key, format!("{text:?}: {why}")),
    };
    put(draft, ExportKey::Cwd, "directory", &app.cwd.display());
    if let Some(user) = app.user.as_ref().and_then(|user| user.uid.as_ref()) {
        put(draft, ExportKey::Uid, "user", &user.to_string());
    }
    for (key, option, target) in [
        (ExportKey::OutFile, "stdout_logfile", &app.logs.out),
        (ExportKey::ErrorFile, "stderr_logfile", &app.logs.error),
    ] {
        let is_derived = app.derived.iter().any(|it| it.as_bytes() == key.name().as_bytes());
        match target {
            LogTarget::File(_) if is_derived => {}
            // Supervisor fills these in twice.
            LogTarget::File(path) if path.as_bytes().contains(&b'%') => {
                draft.missing(key, "Supervisor can't write to a path with `%` in it");
            }
            LogTarget::File(path) => put(draft, key, option, &path.display()),
            LogTarget::Discard => put(draft, key, option, "NONE"),
        }
    }
    if app.instances > 1 {
        lines.push(("numprocs", app.instances.to_string()));
        lines.push(("process_name", "%(program_name)s_%(process_num)02d".into()));
    }
    lines.extend(starts(draft));
    lines.extend(stops(draft));
    lines.extend(app.umask.map(|mask| ("umask", format!("{mask:03o}"))));
    lines.extend(priority.map(|number| ("priority", number.to_string())));
    lines.extend(rotation(&app.logs));
    let env = environment(draft);
    if !env.is_empty() {
        lines.push(("environment", env.join(",\n  ")));
    }
    let lines: Vec<_> = lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!("\n[program:{}]\n{}", draft.name, lines.concat())
}

fn starts(draft: &mut AppDraft<'_>) -> Vec<(&'static str, String)> {
    let app = draft.app;
    let RestartPolicy { autorestart, min_uptime, stop_exit_codes: codes, .. } = &app.restart;
    let is_job = app.schedule.as_ref().is_some_and(|it| it.job);
    let seconds = draft.seconds(ExportKey::MinUptime, *min_uptime);
    let again = match (*autorestart && !is_job, codes.is_empty()) {
        (false, _) => "false",
        (true, true) => "true",
        (true, false) => "unexpected",
    };
    let most = u32::try_from(i32::MAX).unwrap_or_default();
    let retries = app.restart.gives_up_after().map_or(most, |runs| runs.saturating_sub(1));
    let mut lines = vec![
        ("autostart", (app.autostart && !is_job).to_string()),
        ("autorestart", again.into()),
        ("startsecs", seconds.to_string()),
        ("startretries", retries.to_string()),
    ];
    if again == "false" && !codes.is_empty() {
        draft.missing(ExportKey::StopExitCodes, "nothing begins it again, whatever its code");
    } else if !codes.is_empty() {
        let codes: Vec<_> = codes.iter().map(u8::to_string).collect();
        lines.push(("exitcodes", codes.join(",")));
    }
    lines
}

fn stops(draft: &mut AppDraft<'_>) -> Vec<(&'static str, String)> {
    let StopPolicy { signal, timeout, tree, by_message: _ } = draft.app.stop;
    let seconds = draft.seconds(ExportKey::KillTimeout, timeout);
    let name = signal.to_string();
    let name = name.strip_prefix("SIG").map_or_else(|| signal.number().to_string(), str::to_owned);
    vec![
        ("stopsignal", name),
        ("stopwaitsecs", seconds.to_string()),
        ("stopasgroup", tree.to_string()),
        ("killasgroup", "true".into()),
    ]
}

/// The same for both streams.
fn rotation(logs: &LogSpec) -> Vec<(&'static str, String)> {
    let size = logs.rotation.max_size.map_or(0, pm_spec::Bytes::get).to_string();
    let keep = logs.rotation.keep.to_string();
    vec![
        ("stdout_logfile_maxbytes", size.clone()),
        ("stdout_logfile_backups", keep.clone()),
        ("stderr_logfile_maxbytes", size),
        ("stderr_logfile_backups", keep),
    ]
}

/// The variables; secrets are those of supervisord.
fn environment(draft: &mut AppDraft<'_>) -> Vec<String> {
    const OWN: [&str; 4] = [
        "SUPERVISOR_ENABLED",
        "SUPERVISOR_PROCESS_NAME",
        "SUPERVISOR_GROUP_NAME",
        "SUPERVISOR_SERVER_URL",
    ];
    let mut pairs = Vec::new();
    if draft.app.instances > 1 {
        pairs.push(format!("{}=\"%(process_num)d\"", draft.app.instance_var.display()));
    }
    let variables = std::mem::take(&mut draft.variables);
    for (name, value) in variables.plain.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
        match variable(name, value) {
            IniValue::Fits(pair) => pairs.push(pair),
            IniValue::Refused(why) => draft.unwritten(name, why),
        }
    }
    for (name, source) in &variables.secret {
        if matches!(variable(name, ""), IniValue::Fits(_)) {
            pairs.push(format!("{name}=\"%(ENV_{name})s\""));
            let how = format!("supervisord's own environment has to have it{}", origin(*source));
            draft.secret(name, how);
        } else {
            draft.unwritten(name, "`environment` has no such names");
        }
    }
    for name in &variables.bytes {
        draft.unwritten(name, "its value is no UTF-8");
    }
    draft.variables = variables;
    pairs
}
