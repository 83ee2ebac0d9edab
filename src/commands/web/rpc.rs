//! `pm web --supervisor-rpc WHERE`: clients made for Supervisor are answered, by an app of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::Parser;
use pm_config::{SupervisorServer, SupervisorServers, SupervisorSocket, supervisor_programs};
use pm_protocol::Row;
use pm_spec::{AppSpec, Select};
use pm_xmlrpc::{RpcError, RpcLogin, RpcPlace, RpcSocket};

use super::control;
use super::foreground::ready;
use crate::cli::{Cli, StartArgs, Verb, WebPlaceArgs};
use crate::commands::supervisorctl::rpc::RpcDesk;
use crate::commands::support::own_apps::{NAMESPACE, RPC};
use crate::commands::support::targets::unusable;
use crate::commands::{delete, start};
use crate::console;
use crate::failure::chain;
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::report::ReportExit;

/// The variables that name who may call where no file does, as Supervisor's own clients read them.
const LOGIN: [&str; 2] = ["SUPERVISOR_USERNAME", "SUPERVISOR_PASSWORD"];

/// Where to answer, for whom, and for which file.
struct RpcPlan {
    places: Vec<RpcPlace>,
    /// Whom the unix sockets are to belong to.
    owners: Vec<(PathBuf, String)>,
    file: Option<PathBuf>,
    identifier: String,
}

/// Starts the app, or is it.
pub(super) fn run(session: &Session, args: &WebPlaceArgs) -> Result<Report, Failure> {
    let plan = plan(session, &args.supervisor_rpc)?;
    if args.foreground {
        return serve(session, plan);
    }
    let places: Vec<_> = plan.places.iter().map(|place| place.socket.to_string()).collect();
    launch::prepare(&session.home)?;
    begin(session, &args.supervisor_rpc, plan.file)?;
    let shown = format!("clients of Supervisor are answered at {}\n", places.join(" "));
    Ok(Report::new(session.console, || shown, || serde_json::json!({ "listen": places })))
}

/// What `supervisord` does besides: its file's servers answer, if it has any.
pub(crate) fn of_file(session: &Session, file: &Path) -> Result<(), Failure> {
    let Some(file) = with_servers(session, file)? else { return Ok(()) };
    launch::prepare(&session.home)?;
    begin(session, &[], Some(file))
}

/// The same in the foreground: the app, if there is to be one.
pub(crate) fn app_of_file(session: &Session, file: &Path) -> Result<Vec<AppSpec>, Failure> {
    match with_servers(session, file)? {
        Some(file) => start::apps(session, &words(session, &[], Some(file))?),
        None => Ok(Vec::new()),
    }
}

/// The file's path, if it has servers. What is wrong with it is told by who starts it.
fn with_servers(session: &Session, file: &Path) -> Result<Option<PathBuf>, Failure> {
    let caller = session.caller()?;
    let read = supervisor_programs(file, &caller);
    let has_servers = read.is_ok_and(|(_, servers)| !servers.servers.is_empty());
    Ok(has_servers.then(|| pm_config::absolute(file, &caller.cwd)))
}

fn plan(session: &Session, words: &[OsString]) -> Result<RpcPlan, Failure> {
    let caller = session.caller()?;
    let (mut sockets, mut file) = (Vec::new(), None);
    for word in words {
        let text = word.to_string_lossy();
        let path = pm_config::absolute(Path::new(word), &caller.cwd);
        match text.parse::<RpcSocket>() {
            Ok(socket) => sockets.push(socket),
            Err(_) if path.is_file() => file = Some(path),
            Err(why) => {
                let message =
                    format!("could not answer at {why}, or a supervisord.conf that is there");
                return Err(Failure::input(message));
            }
        }
    }
    let servers = file.as_deref().map(|file| {
        let read = supervisor_programs(file, &caller);
        read.map(|(_, servers)| servers).map_err(|diagnosis| unusable(&diagnosis))
    });
    let SupervisorServers { identifier, servers } = servers.transpose()?.unwrap_or_default();
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let login = match LOGIN.map(variable) {
        [Some(name), Some(password)] => Some(RpcLogin::new(name, password)),
        _ => None,
    };
    let own = |socket| RpcPlace { socket, mode: 0o700, login: login.clone() };
    let mut owners = Vec::new();
    let places: Vec<_> = if sockets.is_empty() {
        servers.into_iter().map(|server| place(server, &mut owners)).collect()
    } else {
        sockets.into_iter().map(own).collect()
    };
    if places.is_empty() {
        return Err(Failure::input("the file has no [unix_http_server] and no [inet_http_server]")
            .hint("say where: `pm web --supervisor-rpc unix:PATH --supervisor-rpc FILE`"));
    }
    if let Some(open) = places.iter().find(|it| it.socket.is_open() && it.login.is_none()) {
        let message = format!(
            "could not answer at {}: others than this machine would come in without a password",
            open.socket
        );
        return Err(Failure::input(message).hint(format!(
            "set username and password in the file, or {} and {}, or listen on 127.0.0.1",
            LOGIN[0], LOGIN[1]
        )));
    }
    let identifier = if identifier.is_empty() { "supervisor".into() } else { identifier };
    Ok(RpcPlan { places, owners, file, identifier })
}

fn place(server: SupervisorServer, owners: &mut Vec<(PathBuf, String)>) -> RpcPlace {
    let login = server.login.map(|(name, password)| RpcLogin::new(name, password));
    match server.socket {
        SupervisorSocket::Unix { path, mode, owner } => {
            owners.extend(owner.map(|owner| (path.clone(), owner)));
            RpcPlace { socket: RpcSocket::Unix(path), mode, login }
        }
        SupervisorSocket::Inet(host, port) => {
            RpcPlace { socket: RpcSocket::Tcp(host, port), mode: 0, login }
        }
    }
}

/// Answers until it is told to stop.
fn serve(session: &Session, plan: RpcPlan) -> Result<Report, Failure> {
    let RpcPlan { places, owners, file, identifier } = plan;
    let shown: Vec<_> = places.iter().map(|place| place.socket.to_string()).collect();
    let desk = RpcDesk::new(session, file, identifier);
    let listening = || {
        for (path, owner) in &owners {
            if let Err(why) = give(path, owner) {
                let path = path.display();
                session.console.complain(&format!("could not give {path} to {owner}: {why}"));
            }
        }
        // A log nobody reads is no reason not to serve.
        console::show(&format!("answering at {}\n", shown.join(" "))).ok();
        ready();
    };
    pm_xmlrpc::run(desk, places, listening).map_err(|error| {
        let failure = Failure::failed(format!("could not {}", chain(&error)));
        match error {
            RpcError::Listen { .. } => Failure { exit: Exit::Input, ..failure },
            RpcError::Runtime(_) => failure,
        }
    })?;
    Ok(Report::default())
}

/// Makes a socket somebody's: `user` or `user:group`.
fn give(path: &Path, owner: &str) -> Result<(), String> {
    let (user, group) = owner.split_once(':').unwrap_or((owner, ""));
    let account = pm_os::user::find(user).map_err(|error| error.to_string())?;
    let group = match group {
        "" => account.gid,
        group => pm_os::user::find_group(group).map_err(|error| error.to_string())?,
    };
    std::os::unix::fs::chown(path, Some(account.uid), Some(group))
        .map_err(|error| error.to_string())
}

/// Starts the app anew; what it was started with before is gone.
fn begin(session: &Session, given: &[OsString], file: Option<PathBuf>) -> Result<(), Failure> {
    let mut client = session.daemon()?;
    if let Some(Row { id, .. }) = control::app(&mut client, RPC)? {
        delete::surely(&mut client, vec![Select::Id(id)])?;
    }
    let report = start::run(session, &words(session, given, file)?)?;
    if report.ending == ReportExit::Well {
        return Ok(());
    }
    Err(Failure::failed(report.shown + &report.aside))
}

/// How the app is started.
fn words(
    session: &Session,
    words: &[OsString],
    file: Option<PathBuf>,
) -> Result<StartArgs, Failure> {
    let mut all: Vec<OsString> = ["pm", "start"].map(OsString::from).to_vec();
    all.push(launch::own_program()?.into_os_string());
    let flags = [
        ["--name", RPC],
        ["--namespace", NAMESPACE],
        ["--interpreter", "none"],
        ["--ready", "notify"],
        // A place it may not or can't listen at is not free by trying again.
        ["--stop-exit-codes", "2"],
    ];
    all.extend(flags.iter().flatten().map(OsString::from));
    // Paths of a file are seen from where it was started.
    all.extend(["--cwd".into(), session.caller()?.cwd.into_os_string()]);
    all.extend(["--", "web", "--foreground"].map(OsString::from));
    let is_file = |word: &&OsString| word.to_string_lossy().parse::<RpcSocket>().is_err();
    let places = words.iter().filter(|word| !is_file(word)).cloned();
    let places = places.chain(file.map(PathBuf::into_os_string));
    all.extend(places.flat_map(|word| ["--supervisor-rpc".into(), word]));
    let Some(Verb::Start(start)) = Cli::try_parse_from(all).ok().and_then(|cli| cli.command) else {
        return Err(Failure::failed("could not start the app: this is a fault of pm"));
    };
    Ok(start.into_inner())
}
