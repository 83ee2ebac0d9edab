//! `pm runtime`: what a container executes (pain 30). Output goes to our own streams, as it was written and each to its
//! own; the exit code is the app's.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_config::{path_bytes, path_of};
use pm_protocol::Home;
use pm_spec::{AppSpec, ByteString, Bytes, LogTarget, Rotation};

use crate::called::as_called;
use crate::cli::{RuntimeArgs, StartArgs};
use crate::commands::logs::{Form, LineShape};
use crate::commands::start;
use crate::commands::support::foreground::{Scope, Stay, stay};
use crate::commands::web::rpc;
use crate::prelude::{Exit, Failure, Report, Session};

/// What apps write passes through files. Nobody keeps them, so a few small parts are enough for a reader that is busy.
const PASSING: Rotation =
    Rotation { max_size: Some(Bytes::new(4 << 20)), keep: 5, compress: false };

/// `pm runtime [start] WHAT`.
pub(super) fn run(session: &Session, mut args: RuntimeArgs) -> Result<Report, Failure> {
    let session = &at_home(session)?;
    warn(session, &args);
    drop_start(&mut args.start);
    let delay = args.delay.unwrap_or(0.0);
    let delay = Duration::try_from_secs_f32(delay).map_err(|_| {
        Failure::input(format!("could not wait {delay} seconds")).hint("--delay 2.5")
    })?;
    let mut apps = start::apps(session, &args.start)?;
    // As with Supervisor, whose clients may start what has ended, it stays until it is told to end.
    if let Some(file) = args.start.targets.first().filter(|_| args.supervisor_rpc) {
        apps.extend(rpc::app_of_file(session, Path::new(file))?);
    }
    for app in &mut apps {
        pass_through(app, &session.home);
    }
    // A job that rests between two times of its schedule is not over.
    let has_jobs = apps.iter().any(|app| app.schedule.is_some());
    let plan = Stay {
        auto_exit: !args.no_auto_exit && !has_jobs,
        // PM2's way to look at what its images run.
        leaves: session.called_as.is_pm2() && variable("PM2_RUNTIME_DEBUG").is_some(),
        delay,
        ..Stay::new(apps, form(session, &args), Scope::Home)
    };
    stay(session, &plan)
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// With a home that can be written. A container's root may be read-only: unless a variable names one, a private folder
/// among those that don't outlive the machine has to do.
fn at_home(session: &Session) -> Result<Session, Failure> {
    let usual = session.home.root();
    if variable("PM_HOME").or_else(|| variable("PM2_HOME")).is_some() || can_be_made(usual, true) {
        return Ok(session.clone());
    }
    let runtime = variable("XDG_RUNTIME_DIR").map(PathBuf::from);
    let uid = rustix::process::geteuid().as_raw();
    let folders = runtime.iter().map(|folder| folder.join("pm-runtime"));
    let folders = folders.chain([std::env::temp_dir().join(format!("pm-runtime-{uid}"))]);
    // Anybody may have made something of this name; whose it is, is looked at before it is used.
    let is_ours = |folder: &PathBuf| {
        folder.symlink_metadata().is_ok_and(|meta| meta.is_dir() && meta.uid() == uid)
    };
    let Some(folder) = folders.into_iter().find(|it| can_be_made(it, false) && is_ours(it)) else {
        // Whoever needs it says why it can't be used.
        return Ok(session.clone());
    };
    session.console.talk(&format!(
        "warning: could not write {}: the home of this run is {}; PM_HOME names another one",
        usual.display(),
        folder.display()
    ));
    let home = Home::at(folder, runtime.as_deref())
        .map_err(|error| Failure::could_not(Exit::Input, &error))?;
    Ok(Session { home, ..session.clone() })
}

/// Whether a folder is there, made now if need be, and can be written.
fn can_be_made(folder: &Path, with_parents: bool) -> bool {
    // One that is there already is as good.
    DirBuilder::new().recursive(with_parents).mode(0o700).create(folder).ok();
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

/// `start` in front changes nothing (PM2), unless it is all there is.
pub(super) fn drop_start(args: &mut StartArgs) {
    if args.targets.first().is_some_and(|word| word == "start") {
        args.targets.remove(0);
    }
}

fn warn(session: &Session, args: &RuntimeArgs) {
    let talk = |text: &str| session.console.talk(&format!("warning: {text}"));
    if args.web.is_some() {
        talk(&as_called(
            "--web has no effect: pm has no HTTP interface; `pm jlist` in the container tells the same",
        ));
    }
    let keys = [args.secret.is_some(), args.public.is_some(), args.machine_name.is_some()];
    if keys.contains(&true) {
        talk(
            "--secret, --public and --machine-name have no effect: there is no dashboard to send to",
        );
    }
}

fn form(session: &Session, args: &RuntimeArgs) -> Form {
    if args.format {
        return Form { shape: LineShape::Pairs, ..Form::new(session.console, false) };
    }
    let split = !args.formatted && !session.console.json;
    Form { split, ..Form::new(session.console, !args.formatted) }
}

/// Output that was to go nowhere, or to our own streams, goes to a file of ours and from there to our streams. One
/// the user named is written as well.
fn pass_through(app: &mut AppSpec, home: &Home) {
    let folder = home.logs();
    let name = app.name.in_file_names();
    let logs = &mut app.logs;
    let mut passes = false;
    for (target, stream) in [(&mut logs.out, "out"), (&mut logs.error, "error")] {
        let (is_nowhere, is_usual) = match target {
            LogTarget::Discard => (true, false),
            LogTarget::File(path) => (is_stream(path), path_of(path).starts_with(&folder)),
        };
        if is_nowhere {
            let path = folder.join(format!("{name}-{stream}.log"));
            *target = LogTarget::File(path_bytes(&path));
        }
        passes |= is_nowhere || is_usual;
    }
    logs.combined = logs.combined.take().filter(|path| !is_stream(path));
    if passes && logs.rotation == Rotation::default() {
        logs.rotation = PASSING;
    }
}

/// Whether a path means a stream of whoever opens it.
fn is_stream(path: &ByteString) -> bool {
    let path = path_of(path);
    path == Path::new("/dev/stdout")
        || path == Path::new("/dev/stderr")
        || ["/dev/fd", "/proc/self/fd", "/proc/1/fd"].iter().any(|folder| path.starts_with(folder))
}
