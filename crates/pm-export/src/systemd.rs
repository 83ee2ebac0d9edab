//! Units of systemd: a service for each app, with a timer for its times, sockets for what it shares, and a target over
//! several instances.

mod calendar;
mod fates;
mod hooks;
mod kernel;
mod quote;
mod timers;
mod words;

use pm_spec::{AppSpec, Delay, LinePattern, ListenAddress, LogTarget, Readiness, Span};

use crate::draft::AppDraft;
use crate::environment::{SecretPlace, origin};
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::{names, probes, program};

use words::{ABOUT, commands, time};

pub(crate) use fates::fate;

/// One unit file on its way.
#[derive(Debug, Default)]
struct UnitText {
    unit: Vec<String>,
    service: Vec<String>,
    install: Vec<String>,
}

impl UnitText {
    fn text(&self, about: &str) -> String {
        let mut text = format!("# {about}\n");
        for (name, lines) in
            [("Unit", &self.unit), ("Service", &self.service), ("Install", &self.install)]
        {
            if !lines.is_empty() {
                text.extend([format!("[{name}]\n{}\n\n", lines.join("\n"))]);
            }
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    }
}

/// The units of all of them.
pub(crate) fn export(apps: &[AppSpec]) -> TargetFiles {
    let may_be = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let names = names::all(apps.iter().map(|app| app.name.as_str()), may_be, 200);
    let mut exported = TargetFiles::default();
    for (app, name) in apps.iter().zip(&names) {
        let mut draft = AppDraft::new(app, name.clone());
        draft.called(name);
        units(&mut draft, &UnitNames { apps, names: &names }, &mut exported);
        exported.notes.extend(draft.notes(fate));
    }
    exported
}

struct UnitNames<'a> {
    apps: &'a [AppSpec],
    names: &'a [String],
}

impl UnitNames<'_> {
    /// What brings all of another app up.
    fn unit(&self, name: &pm_spec::AppName) -> Option<String> {
        let found = self.apps.iter().zip(self.names).find(|(app, _)| app.name == *name);
        found.map(|(app, name)| {
            format!("{name}.{}", if app.instances > 1 { "target" } else { "service" })
        })
    }
}

fn is_job(app: &AppSpec) -> bool {
    app.schedule.as_ref().is_some_and(|it| it.job)
}

fn units(draft: &mut AppDraft<'_>, others: &UnitNames<'_>, exported: &mut TargetFiles) {
    let app = draft.app;
    let name = draft.name.clone();
    let mut unit = UnitText::default();
    unit.unit.push(format!(
        "Description={}",
        quote::line(app.name.as_str()).unwrap_or_else(|| name.clone())
    ));
    depends(draft, others, &mut unit);
    begins(draft, &mut unit);
    restarts(draft, &mut unit);
    unit.service.extend(kernel::lines(draft));
    unit.service.extend(outputs(draft));
    unit.service.extend(environment(draft));
    let sockets = sockets(draft, exported);
    unit.service.extend(sockets.iter().map(|socket| format!("Sockets={socket}")));
    let is_several = app.instances > 1;
    if app.autostart && !is_job(app) && !is_several {
        unit.install.push("WantedBy=multi-user.target".into());
    }
    let file = if is_several { format!("{name}@.service") } else { format!("{name}.service") };
    if is_several {
        unit.unit.push(format!("PartOf={name}.target"));
    }
    exported.file(file, unit.text(ABOUT));
    if is_several {
        let slots: Vec<_> =
            (0..app.instances).map(|slot| format!("{name}@{slot}.service")).collect();
        let mut target = UnitText::default();
        target.unit.push(format!("Description=All instances of {name}"));
        target.unit.push(format!("Wants={}", slots.join(" ")));
        target.unit.push(format!("After={}", slots.join(" ")));
        if app.autostart {
            target.install.push("WantedBy=multi-user.target".into());
        }
        exported.file(format!("{name}.target"), target.text(ABOUT));
    }
    timers::write(draft, exported);
}

fn depends(draft: &mut AppDraft<'_>, others: &UnitNames<'_>, unit: &mut UnitText) {
    for need in &draft.app.depends_on {
        let Some(other) = others.unit(&need.app) else {
            draft.missing(ExportKey::DependsOn, format!("{} is not in this export", need.app));
            continue;
        };
        let word = if need.required { "Requires" } else { "Wants" };
        unit.unit.extend([format!("{word}={other}"), format!("After={other}")]);
        unit.unit.extend(need.restart.then(|| format!("PartOf={other}")));
    }
    if !draft.app.outside.is_empty() {
        draft.missing(
            ExportKey::DependsOn,
            "what is no unit is waited for by nobody: an `ExecStartPre=` that asks",
        );
    }
}

/// What is run, as whom and where.
fn begins(draft: &mut AppDraft<'_>, unit: &mut UnitText) {
    let app = draft.app;
    let service = &mut unit.service;
    let is_notified = app.checks.ready.as_deref() == Some(&Readiness::Notifies);
    let kind = match (is_job(app), is_notified) {
        (true, _) => "oneshot",
        (false, true) => "notify",
        (false, false) => "exec",
    };
    service.push(format!("Type={kind}"));
    if app.checks.has_notices() {
        service.push("NotifyAccess=all".into());
    }
    if let Some(before) = &app.pre_start {
        let words: Vec<_> = before.command.iter().map(|it| it.display().into_owned()).collect();
        service.push(format!("ExecStartPre={}", commands(&words)));
    }
    let words = program::texts(draft);
    service.push(format!("ExecStart={}", commands(&words)));
    service.extend(until_ready(draft));
    hooks::written(draft, service);
    if let Some(signal) = app.reload_signal {
        let line = format!("kill -{} $MAINPID", signal.number());
        service.push(format!("ExecReload={}", commands(&["/bin/sh".into(), "-c".into(), line])));
    }
    let mut put = |draft: &mut AppDraft<'_>, key, name: &str, text: &str| match quote::line(text) {
        Some(value) => service.push(format!("{name}={value}")),
        None => draft.missing(key, format!("{text:?} can't be written in a unit")),
    };
    put(draft, ExportKey::Cwd, "WorkingDirectory", &app.cwd.display());
    if let Some(user) = &app.user {
        if let Some(uid) = &user.uid {
            put(draft, ExportKey::Uid, "User", &uid.to_string());
        }
        if let Some(gid) = &user.gid {
            put(draft, ExportKey::Gid, "Group", &gid.to_string());
        }
        let groups: Vec<_> = user.groups.iter().map(ToString::to_string).collect();
        if !groups.is_empty() {
            put(draft, ExportKey::Groups, "SupplementaryGroups", &groups.join(" "));
        }
    }
}

/// A loop that asks what pm would ask.
fn until_ready(draft: &mut AppDraft<'_>) -> Option<String> {
    let ready = draft.app.checks.ready.as_deref()?;
    let words = match ready {
        Readiness::Answers(question) => probes::argv(&question.probe),
        Readiness::Notifies => {
            draft.same(ExportKey::Ready, "Type=notify");
            return None;
        }
        Readiness::Prints(LinePattern::Text(_) | LinePattern::Regex(_)) => {
            draft
                .missing(ExportKey::Ready, "no line of a log is waited for; sd_notify(3) tells it");
            return None;
        }
    };
    let front = ["/bin/sh", "-c", "until \"$@\"; do sleep 1; done", "sh"].map(str::to_owned);
    Some(format!("ExecStartPost={}", commands(&[front.to_vec(), words].concat())))
}

/// When it is started again, and how it ends.
fn restarts(draft: &mut AppDraft<'_>, unit: &mut UnitText) {
    let app = draft.app;
    let restart = &app.restart;
    let job = &app.job;
    let service = &mut unit.service;
    let codes = &restart.stop_exit_codes;
    let is_again = restart.autorestart && !is_job(app);
    let word = match (is_again, job.retries > 0) {
        (true, _) if codes.len() == 1 && codes.contains(&0) => "on-failure",
        (true, _) => "always",
        (false, true) => "on-failure",
        (false, false) => "no",
    };
    service.push(format!("Restart={word}"));
    if word != "on-failure" && !codes.is_empty() {
        let codes: Vec<_> = codes.iter().map(u8::to_string).collect();
        service.push(format!("RestartPreventExitStatus={}", codes.join(" ")));
    }
    let pause = match restart.delay {
        Delay::Fixed(span) => Some(span),
        Delay::Automatic | Delay::Exponential(_) => None,
    };
    service.extend(pause.map(|span| format!("RestartSec={}", time(span))));
    let most =
        if is_again { restart.gives_up_after() } else { Some(job.retries.saturating_add(1)) };
    match most {
        None => unit.unit.push("StartLimitIntervalSec=0".into()),
        Some(_) if is_job(app) && job.retries == 0 => {}
        Some(runs) => {
            // So many runs that each are too short to count, and the pauses between them.
            let one =
                restart.min_uptime.as_millis().saturating_add(pause.map_or(100, Span::as_millis));
            let all = one.saturating_mul(runs.into());
            unit.unit.push(format!("StartLimitIntervalSec={}", time(Span::from_millis(all))));
            unit.unit.push(format!("StartLimitBurst={runs}"));
        }
    }
    let name = app.stop.signal.to_string();
    let number = || app.stop.signal.number().to_string();
    let signal = if name.starts_with("SIG") { name } else { number() };
    service.push(format!("KillSignal={signal}"));
    service.push(format!("KillMode={}", if app.stop.tree { "control-group" } else { "mixed" }));
    service.push(format!("TimeoutStopSec={}", time(app.stop.timeout)));
    match (is_job(app), job.time_limit) {
        (true, Some(limit)) => service.push(format!("TimeoutStartSec={}", time(limit))),
        (true, None) => service.push("TimeoutStartSec=infinity".into()),
        (false, limit) => {
            service.extend(limit.map(|limit| format!("RuntimeMaxSec={}", time(limit))));
            let is_waited = app.checks.ready.is_some();
            service.extend(
                is_waited.then(|| format!("TimeoutStartSec={}", time(app.checks.ready_timeout))),
            );
        }
    }
    service.extend(app.checks.watchdog.map(|span| format!("WatchdogSec={}", time(span))));
}

fn outputs(draft: &mut AppDraft<'_>) -> Vec<String> {
    let app = draft.app;
    let mut lines = Vec::new();
    for (key, name, target) in [
        (ExportKey::OutFile, "StandardOutput", &app.logs.out),
        (ExportKey::ErrorFile, "StandardError", &app.logs.error),
    ] {
        let is_derived = app.derived.iter().any(|it| it.as_bytes() == key.name().as_bytes());
        match target {
            LogTarget::File(_) if is_derived => {}
            LogTarget::File(path) => match quote::line(&path.display()) {
                Some(path) => lines.push(format!("{name}=append:{path}")),
                None => draft.missing(key, "such a path can't be written in a unit"),
            },
            LogTarget::Discard => lines.push(format!("{name}=null")),
        }
    }
    lines
}

/// The variables; secrets are in a file that only root reads, or are credentials.
fn environment(draft: &mut AppDraft<'_>) -> Vec<String> {
    let variables = std::mem::take(&mut draft.variables);
    let mut lines = Vec::new();
    if draft.app.instances > 1 {
        lines.push(format!("Environment={}=%i", draft.app.instance_var.display()));
    }
    for (name, value) in &variables.plain {
        match quote::variable(name, value) {
            Some(pair) => lines.push(format!("Environment={pair}")),
            None => draft
                .unwritten(name, "`Environment=` takes no such names and no control characters"),
        }
    }
    let file = format!("/etc/{}.env", draft.name);
    let mut names = Vec::new();
    for (name, source) in &variables.secret {
        if let SecretPlace::File(path) = source {
            lines.push(format!("LoadCredential={name}:{}", quote::path(&path.display())));
            draft.secret(
                name,
                format!("a credential, the file $CREDENTIALS_DIRECTORY/{name}, not a variable"),
            );
        } else {
            draft.secret(
                name,
                format!("write {name}=... into {file}, with mode 600{}", origin(*source)),
            );
            names.push(name.as_str());
        }
    }
    if !names.is_empty() {
        lines.push(format!("# {}", names.join(", ")));
        lines.push(format!("EnvironmentFile={file}"));
    }
    for name in &variables.bytes {
        draft.unwritten(name, "its value is no UTF-8");
    }
    draft.variables = variables;
    lines
}

/// A unit for each socket: each has a name of its own.
fn sockets(draft: &mut AppDraft<'_>, exported: &mut TargetFiles) -> Vec<String> {
    let app = draft.app;
    if app.instances > 1 && !app.listen.is_empty() {
        draft.missing(
            ExportKey::Listen,
            "instances of a unit share no socket: let the app listen with `reusePort`",
        );
        return Vec::new();
    }
    let mut units = Vec::new();
    for (socket, number) in app.listen.iter().zip(1..) {
        let at = match &socket.at {
            ListenAddress::Tcp(at) => at.to_string(),
            ListenAddress::Unix(path) => path.display().into_owned(),
        };
        let Some(at) = quote::line(&at) else {
            draft.missing(ExportKey::Listen, format!("{at:?} can't be written in a unit"));
            continue;
        };
        let mut lines =
            vec![format!("ListenStream={at}"), format!("Service={}.service", draft.name)];
        lines.extend(
            socket
                .name
                .as_ref()
                .map(|name| format!("FileDescriptorName={}", name.replace('%', "%%"))),
        );
        lines.extend(socket.mode.map(|mode| format!("SocketMode={mode:04o}")));
        lines.extend(socket.backlog.map(|backlog| format!("Backlog={backlog}")));
        let unit = format!("{}-{number}.socket", draft.name);
        let text = format!(
            "# {ABOUT}\n[Socket]\n{}\n\n[Install]\nWantedBy=sockets.target\n",
            lines.join("\n")
        );
        exported.file(unit.clone(), text);
        units.push(unit);
    }
    units
}
