//! From what the core wants to what the kernel and the log plane need: argv, environment, paths, sinks. Pure.

use std::ffi::{CString, NulError, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use pm_core::InstanceId;
use pm_logs::stamp::StampFormat;
use pm_logs::{LineFormat, LogDestination, Sink, Stream, WhenFull};
use pm_protocol::Home;
use pm_spec::{
    AppSpec, ByteString, Environment, ListenSocket, LogFormat, LogFull, LogTarget, Mode,
};

/// Which of an app's instances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunNumbers<'a> {
    pub(crate) instance: InstanceId,
    pub(crate) slot: u16,
    pub(crate) restarts: u32,
    /// The number of the run.
    pub(crate) run: u32,
    /// The script that cluster workers load first, if it could be written where they can read it.
    pub(crate) preload: Option<&'a Path>,
}

/// The descriptor at which an app finds its sockets, and behind them its channel: the first after the three of every
/// program.
const FIRST_HANDED: usize = 3;

/// The program and everything it is told.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub(crate) program: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Vec<CString>,
    pub(crate) cwd: CString,
}

/// The log files of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogPaths {
    pub(crate) out: Option<ByteString>,
    pub(crate) error: Option<ByteString>,
    pub(crate) combined: Option<ByteString>,
}

/// The person an app runs as, for its environment.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: Vec<u8>,
    pub(crate) home: Vec<u8>,
}

/// Argv, environment and folder of one run. Arguments are never joined: each stays one string (pain 51).
///
/// Added to the environment (the whole set, pain 77): `name`, `namespace`, `pm_id`, the instance variable,
/// `increment_var`'s, `restart_time`, `pm_exec_path`, `pm_cwd`, `pm_out_log_path`, `pm_err_log_path`, `pm_pid_path`,
/// `PM2_HOME`, `PM_HOME` (not in a home with PM2's names); and `HOME`, `USER`, `LOGNAME` for another user.
pub(crate) fn command_line(
    app: &AppSpec,
    numbers: RunNumbers<'_>,
    home: &Home,
    person: Option<&Person>,
) -> Result<CommandLine, NulError> {
    let text = |bytes: &ByteString| CString::new(bytes.as_bytes());
    let program = app.interpreter.as_ref().unwrap_or(&app.script);
    let mut argv = vec![text(program)?];
    if let Some(preload) = numbers.preload {
        argv.push(c"--require".to_owned());
        argv.push(CString::new(preload.as_os_str().as_bytes())?);
    }
    if app.interpreter.is_some() {
        if app.serving.source_maps {
            argv.push(c"--enable-source-maps".to_owned());
        }
        for argument in &app.interpreter_args {
            argv.push(text(&inspected(argument, program, numbers.slot))?);
        }
        argv.push(text(&app.script)?);
    }
    for argument in &app.run_args() {
        argv.push(text(argument)?);
    }
    let mut env = app.env.clone();
    if let Some(person) = person {
        env.set("HOME", person.home.clone());
        env.set("USER", person.name.clone());
        env.set("LOGNAME", person.name.clone());
    }
    env.set("name", app.name.as_str());
    env.set("namespace", app.namespace.as_str());
    env.set("pm_id", numbers.instance.0.to_string());
    env.set("restart_time", numbers.restarts.to_string());
    places(&mut env, app, numbers.instance, home);
    env.set(&app.instance_var.display(), numbers.slot.to_string());
    if let Some((variable, value)) = app.counted(numbers.slot) {
        env.set(&variable, value.to_string());
    }
    channel(&mut env, app, numbers);
    sockets(&mut env, app);
    if app.checks.has_notices() {
        // Those of a caller who says to somebody else how it is; its own are added when it is made.
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            env.unset(name);
        }
    }
    let entry = |(name, value): (&str, &ByteString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
    };
    Ok(CommandLine {
        program: text(program)?,
        argv,
        env: env.iter().map(entry).collect::<Result<_, _>>()?,
        cwd: text(&app.cwd)?,
    })
}

/// `--inspect` of instance *k* is on the *k*th port from the one that was asked for; Node's own is 9229.
fn inspected(argument: &ByteString, interpreter: &ByteString, slot: u16) -> ByteString {
    let name = path_of(interpreter);
    let is_node = name.file_name().is_some_and(|name| name == "node" || name == "nodejs");
    let written = argument.display();
    let (flag, place) = written.split_once('=').unwrap_or((&*written, ""));
    let flags = ["--inspect", "--inspect-brk", "--inspect-wait", "--inspect-port", "--debug-port"];
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) => (format!("{host}:"), port),
        None if place.parse::<u16>().is_ok() => (String::new(), place),
        None if place.is_empty() => (String::new(), "9229"),
        None => (format!("{place}:"), "9229"),
    };
    match port.parse::<u16>() {
        // Port 0 is any free one.
        Ok(port) if port > 0 && slot > 0 && is_node && flags.contains(&flag) => {
            ByteString::from(format!("{flag}={host}{}", port.saturating_add(slot)))
        }
        Ok(_) | Err(_) => argument.clone(),
    }
}

/// Where its files lie, under PM2's names.
fn places(env: &mut Environment, app: &AppSpec, instance: InstanceId, home: &Home) {
    let logs = log_paths(app, instance);
    let pid = pid_file(app, instance).map(|path| ByteString::new(path.into_os_string().into_vec()));
    let root = ByteString::from(home.root().as_os_str().as_bytes());
    for (name, value) in [
        ("pm_exec_path", Some(app.script.clone())),
        ("pm_cwd", Some(app.cwd.clone())),
        ("pm_out_log_path", logs.out),
        ("pm_err_log_path", logs.error),
        ("pm_pid_path", pid),
        ("PM2_HOME", Some(root.clone())),
        ("PM_HOME", (!home.is_pm2()).then_some(root)),
    ] {
        match value {
            Some(value) => env.set(name, value),
            // What an app gave on to an app it started is not true of that one.
            None => env.unset(name),
        }
    }
}

/// Node's variables: where the channel is, and that this is a cluster worker. Those of a caller who is itself a child
/// of Node would name a descriptor that is not there.
fn channel(env: &mut Environment, app: &AppSpec, numbers: RunNumbers<'_>) {
    for name in ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE", "NODE_UNIQUE_ID"] {
        env.unset(name);
    }
    if app.serving.channel {
        env.set("NODE_CHANNEL_FD", (FIRST_HANDED + app.listen.len()).to_string());
        env.set("NODE_CHANNEL_SERIALIZATION_MODE", "json");
    }
    if app.serving.mode == Mode::Cluster {
        env.set("NODE_UNIQUE_ID", numbers.run.saturating_add(1).to_string());
    }
    if numbers.preload.is_some() {
        env.set(pm_node::MARK, "1");
    }
}

/// What `sd_listen_fds(3)` looks for in the environment, but for `LISTEN_PID`, which is known when there is a process.
fn sockets(env: &mut Environment, app: &AppSpec) {
    if app.listen.is_empty() {
        return;
    }
    env.unset("LISTEN_PID");
    env.set("LISTEN_FDS", app.listen.len().to_string());
    let name = |socket: &ListenSocket| socket.name.clone().unwrap_or_else(|| "unknown".into());
    let names: Vec<_> = app.listen.iter().map(name).collect();
    env.set("LISTEN_FDNAMES", names.join(":"));
}

/// Inserts `-<id>` before `ending`, as PM2 names the files of one instance.
fn numbered(path: &ByteString, instance: InstanceId, ending: &str) -> ByteString {
    let bytes = path.as_bytes();
    let (stem, ending) = match bytes.strip_suffix(ending.as_bytes()) {
        Some(stem) => (stem, ending.as_bytes()),
        None => (bytes, &b""[..]),
    };
    ByteString::new([stem, format!("-{}", instance.0).as_bytes(), ending].concat())
}

/// Where the output of one instance goes.
pub(crate) fn log_paths(app: &AppSpec, instance: InstanceId) -> LogPaths {
    let place = |path: &ByteString| {
        if app.logs.merge { path.clone() } else { numbered(path, instance, ".log") }
    };
    let target = |target: &LogTarget| match target {
        LogTarget::File(path) => Some(place(path)),
        LogTarget::Discard => None,
    };
    LogPaths {
        out: target(&app.logs.out),
        error: target(&app.logs.error),
        combined: app.logs.combined.as_ref().map(place),
    }
}

/// The pid file of one instance.
pub(crate) fn pid_file(app: &AppSpec, instance: InstanceId) -> Option<PathBuf> {
    app.pid_file.as_ref().map(|path| path_of(&numbered(path, instance, ".pid")))
}

/// Bytes as a path.
pub(crate) fn path_of(bytes: &ByteString) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes.as_bytes()))
}

/// The streams of an app's run that somebody reads: one if both go to the same place, none for what goes nowhere.
pub(crate) fn streams(app: &AppSpec, instance: InstanceId) -> Vec<Stream> {
    let sinks = sinks(app, instance, None);
    let count = if one_pipe(&sinks) { 1 } else { 2 };
    let streams = [Stream::Out, Stream::Err].into_iter().zip(&sinks).take(count);
    streams.filter(|(_, sink)| !sink.is_nowhere()).map(|(stream, _)| stream).collect()
}

/// What the log plane needs to know of both streams, standard output first.
pub(crate) fn sinks(
    app: &AppSpec,
    instance: InstanceId,
    owner: Option<pm_logs::FileOwner>,
) -> [Sink; 2] {
    let paths = log_paths(app, instance);
    let format = match &app.logs.format {
        LogFormat::Raw => LineFormat::Raw,
        LogFormat::Stamped(format) => LineFormat::Stamped(StampFormat::new(format)),
        LogFormat::Json(format) => LineFormat::Json {
            app: app.name.as_str().into(),
            instance: u64::from(instance.0),
            stamp: format.as_deref().map(StampFormat::new),
        },
    };
    let (rotation, full) = (rotation(app), when_full(app));
    let sink = |path: Option<ByteString>| Sink {
        place: path
            .map_or(LogDestination::Discard, |path| LogDestination::File(path_of(&path).into())),
        format: format.clone(),
        combined: paths.combined.as_ref().map(|path| path_of(path).into()),
        rotation,
        full,
        owner,
    };
    [sink(paths.out.clone()), sink(paths.error.clone())]
}

/// What it needs to know of one of them.
pub(crate) fn sink(
    app: &AppSpec,
    key: (InstanceId, Stream),
    owner: Option<pm_logs::FileOwner>,
) -> Sink {
    let [out, error] = sinks(app, key.0, owner);
    match key.1 {
        Stream::Out => out,
        Stream::Err => error,
    }
}

/// When an app's logs are rotated.
pub(crate) fn rotation(app: &AppSpec) -> pm_logs::LogRotation {
    match app.logs.rotation.max_size {
        None => pm_logs::LogRotation::NEVER,
        Some(size) => pm_logs::LogRotation {
            max_size: size.get(),
            keep: usize::try_from(app.logs.rotation.keep).unwrap_or(usize::MAX),
            compress: app.logs.rotation.compress,
            ..pm_logs::LogRotation::STANDARD
        },
    }
}

/// What becomes of an app's output while the disk is full.
pub(crate) fn when_full(app: &AppSpec) -> WhenFull {
    match app.logs.full {
        LogFull::Drop => WhenFull::Drop,
        LogFull::Block => WhenFull::Block,
    }
}

/// Whether both streams share one pipe, which keeps the order in which the app wrote. JSON lines say which
/// stream they came from, so there each keeps its own.
pub(crate) fn one_pipe([out, error]: &[Sink; 2]) -> bool {
    out == error && !matches!(out.format, LineFormat::Json { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_worker_is_inspected_on_a_port_of_its_own() {
        let of = |written: &str, slot| {
            inspected(&written.into(), &"/usr/bin/node".into(), slot).display().into_owned()
        };
        for (written, second) in [
            ("--inspect", "--inspect=9231"),
            ("--inspect=9300", "--inspect=9302"),
            ("--inspect-brk=0.0.0.0:9300", "--inspect-brk=0.0.0.0:9302"),
            ("--inspect=[::1]:9300", "--inspect=[::1]:9302"),
            ("--inspect=localhost", "--inspect=localhost:9231"),
            ("--inspect=0", "--inspect=0"),
            ("--inspector", "--inspector"),
        ] {
            assert_eq!(of(written, 2), second);
            assert_eq!(of(written, 0), written);
        }
        let other = inspected(&"--inspect".into(), &"/usr/bin/python3".into(), 2);
        assert_eq!(other.display(), "--inspect");
    }
}
