//! `pm run --rm APP COMMAND`: a command once, in place of an app, at this terminal; in no list, then or later (Compose).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use pm_client::Deadline;
use pm_config::{ContainerFront, Overrides};
use pm_protocol::{Existing, Patience, Start};
use pm_spec::{AppSpec, ByteString};

use crate::cli::RunArgs;
use crate::commands::exec;
use crate::commands::support::changes::Configs;
use crate::commands::support::in_place::{self, InstancePlace};
use crate::commands::support::targets::{self, Target};
use crate::commands::support::{
    compose_files, described, finish, progress, resend, selectors, well,
};
use crate::prelude::{Failure, Report, Session};
use crate::report::ReportExit;

/// Has the engine make what the container needs, and becomes its client.
const ENGINE: &str = r#"e=$0; eval "$1"; shift; exec "$e" run "$@""#;

pub(super) fn run(session: &Session, args: &RunArgs) -> Result<Report, Failure> {
    let [name] = args.apps.as_slice() else {
        return Err(Failure::input("`--rm` takes one app, and the command behind it"));
    };
    let (app, all) = app(session, name)?;
    if !args.no_deps
        && let Some(failed) = needed(session, &app, &all)?
    {
        return Ok(failed);
    }
    let words = |words: &[ByteString]| -> Vec<OsString> {
        words.iter().map(|word| OsString::from_vec(word.as_bytes().to_vec())).collect()
    };
    let kept = if args.command.is_empty() { usize::MAX } else { entrypoint(session, &app)? };
    let Some(front) = ContainerFront::of(&app) else {
        let mut own = words(app.interpreter.as_slice());
        own.extend(words(&app.interpreter_args));
        own.extend(words(std::slice::from_ref(&app.script)));
        own.extend(words(&app.args));
        own.truncate(kept);
        own.extend(args.command.iter().cloned());
        let place = InstancePlace { app: &app, slot: 0, pid: None };
        return in_place::run(session, place, (&own, &args.how));
    };
    let (flags, image, own) = front.parts();
    let mut line: Vec<OsString> = ["-c", ENGINE].map(OsString::from).to_vec();
    line.extend(words(&[front.engine.clone(), front.before.clone()]));
    line.extend(["--name".into(), called(&app).into()]);
    line.extend(words(&unpublished(flags)));
    line.extend(exec::flags(&args.how));
    line.extend(words(std::slice::from_ref(image)));
    // The first word of an entrypoint is a flag.
    line.extend(words(own).into_iter().take(kept.saturating_sub(usize::from(kept != usize::MAX))));
    line.extend(args.command.iter().cloned());
    Ok(in_place::run_engine(&"/bin/sh".into(), Some(&app), &line))
}

/// `PROJECT-SERVICE-run-NUMBER`; our number is ours as long as the container runs.
fn called(app: &AppSpec) -> String {
    format!("{}-{}-run-{}", app.namespace, app.name, std::process::id())
}

/// The flags of a container, without the ports, which its service has (Compose), and the engine's way of logging, which no terminal has.
fn unpublished(flags: &[ByteString]) -> Vec<ByteString> {
    let mut kept = Vec::new();
    let mut flags = flags.iter();
    while let Some(flag) = flags.next() {
        match flag.as_bytes() {
            b"--publish" => drop(flags.next()),
            b"--log-driver=passthrough" | b"--restart=no" => {}
            b"com.docker.compose.oneoff=False" => {
                kept.push("com.docker.compose.oneoff=True".into());
            }
            _ => kept.push(flag.clone()),
        }
    }
    kept
}

/// The app of this name in the config that lies here, with all others of it, whatever their profiles; else the one that is known.
fn app(session: &Session, name: &str) -> Result<(AppSpec, Vec<AppSpec>), Failure> {
    let caller = session.caller()?;
    if let Some((file, over)) = targets::default_files(&caller.cwd) {
        let overrides = Overrides { profiles: vec!["*".into()], ..Overrides::default() };
        let configs = Configs::load(session, &[Target::File(file, over)], &overrides)?;
        if let Some(app) = configs.apps.iter().find(|app| app.name.as_str() == name) {
            return Ok((app.clone(), configs.apps.clone()));
        }
    }
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &[name.to_owned()])?;
    let known = described::described(&mut client, select)?.descriptions;
    let first = known.into_iter().next();
    let app = first.ok_or_else(|| Failure::failed(format!("no app is called {name}")))?;
    Ok((app.spec, Vec::new()))
}

/// Brings up what it depends on; else what became of that.
fn needed(session: &Session, app: &AppSpec, all: &[AppSpec]) -> Result<Option<Report>, Failure> {
    let (mut wanted, mut open) = (BTreeSet::new(), vec![app]);
    while let Some(one) = open.pop() {
        for need in &one.depends_on {
            let next = all.iter().find(|it| it.name == need.app && it.namespace == one.namespace);
            open.extend(next.filter(|it| wanted.insert(it.name.as_str())));
        }
    }
    let is_wanted = |it: &&AppSpec| wanted.contains(it.name.as_str());
    let apps: Vec<_> = all.iter().filter(is_wanted).cloned().collect();
    if apps.is_empty() {
        return Ok(None);
    }
    let mut client = session.daemon()?;
    let asked = resend::now();
    let (existing, wait) = (Existing::Converge, Patience::Settled);
    let start = Start { apps: apps.clone(), existing, wait, no_deps: false };
    let outcomes =
        progress::during(session, "starting", || resend::start(&mut client, start))?.outcomes;
    let done = finish::done(session, &mut client, outcomes, asked, "nothing to start")?;
    let report = done.report(session.console);
    if report.ending != ReportExit::Well {
        return Ok(Some(report));
    }
    let needing: Vec<_> = apps.iter().chain([app]).cloned().collect();
    well::wait(session, (&apps, &needing), Deadline::NEVER)?;
    Ok(None)
}

/// How many words of what it runs stay where another command is given: those of its entrypoint.
fn entrypoint(session: &Session, app: &AppSpec) -> Result<usize, Failure> {
    let caller = session.caller()?;
    if targets::own_file(&caller.cwd).is_some() {
        return Ok(0);
    }
    let files = compose_files::files(&[], &caller);
    if files.is_empty() || app.project.is_none() {
        return Ok(0);
    }
    let paths: Vec<_> = files.iter().map(std::path::PathBuf::as_path).collect();
    // Its warnings are told already.
    let read = pm_config::ComposeProject::load(&paths, &caller, &["*".into()], None);
    let (project, _) = read.map_err(|diagnosis| targets::unusable(&diagnosis))?;
    Ok(project.entrypoint_words(app.name.as_str()))
}
