//! `pm web --foreground`: the panel itself. What goes wrong stands in the app's error log.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;

use pm_spec::Bytes;
use pm_web::{ListenAt, PanelError, PanelSettings};

use crate::cli::WebPlaceArgs;
use crate::console;
use crate::failure::chain;
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};

/// Serves until it is told to stop.
pub(super) fn run(session: &Session, args: &WebPlaceArgs) -> Result<Report, Failure> {
    let settings = settings(session, args)?;
    launch::prepare(&session.home)?;
    // Trying a password takes 19 MiB, which nobody needs afterwards.
    pm_os::memory::tune_allocator();
    let running = pm_web::run(settings, |url| {
        // A log nobody reads is no reason not to serve. The link never stands there: `pm web link` makes one.
        console::show(&format!("panel on {url}\n")).ok();
        ready();
    });
    running.map_err(|error| refused(&error))?;
    Ok(Report::default())
}

/// What is said where, refused if it makes no sense.
pub(super) fn settings(session: &Session, args: &WebPlaceArgs) -> Result<PanelSettings, Failure> {
    let listen = args.listen.as_deref().map(str::parse).transpose();
    let listen: ListenAt =
        listen.map_err(|error| refused(&PanelError::Settings(error)))?.unwrap_or_default();
    let public = args.public_url.as_deref().map(str::parse).transpose();
    let public = public.map_err(|error| refused(&PanelError::Settings(error)))?;
    let uid = rustix::process::geteuid();
    let account = pm_os::user::by_number(uid.as_raw()).ok();
    let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let said = names.iter().filter_map(|name| std::env::var(name).ok());
    let said = said.filter(|value| !value.is_empty()).map(|value| value.to_lowercase()).next();
    let is_chinese = said.is_some_and(|said| said.starts_with("zh"));
    Ok(PanelSettings {
        home: session.home.clone(),
        program: launch::own_program()?,
        user: account.map_or_else(|| uid.as_raw().to_string(), |account| account.name),
        is_root: uid.is_root(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        language: if is_chinese { "zh".into() } else { String::new() },
        folders: folders(args, uid.is_root())?,
        listen: if args.no_listen { ListenAt::Nowhere } else { listen },
        public,
        history_max: history_max(args)?,
    })
}

/// How many bytes of history are kept, if any.
fn history_max(args: &WebPlaceArgs) -> Result<Option<u64>, Failure> {
    let Some(text) = &args.history else { return Ok(None) };
    let size = Bytes::parse(text).map_err(|error| Failure::input(error.to_string()))?;
    Ok(Some(size.get()).filter(|bytes| *bytes > 0))
}

/// Beneath which projects may lie, without links and dots: what is asked for is compared with it.
fn folders(args: &WebPlaceArgs, is_root: bool) -> Result<Vec<PathBuf>, Failure> {
    if args.folders.is_empty() {
        let own = std::env::var_os("HOME").filter(|_| !is_root);
        // A user without a home has nothing to choose from, and a panel all the same.
        return Ok(own.and_then(|home| std::fs::canonicalize(home).ok()).into_iter().collect());
    }
    let real = |path: &PathBuf| {
        std::fs::canonicalize(path).map_err(|error| {
            Failure::input(format!("could not use the folder {}: {error}", path.display()))
        })
    };
    args.folders.iter().map(real).collect()
}

/// Says what is wrong, and what to type instead.
pub(super) fn refused(error: &PanelError) -> Failure {
    match error {
        PanelError::Settings(settings) => {
            Failure::could_not(Exit::Input, error).hint(settings.cure())
        }
        PanelError::Listen { .. } if chain(error).contains("in use") => {
            Failure::could_not(Exit::Input, error).hint("another port: `pm web --listen 9617`")
        }
        PanelError::Listen { .. } => Failure::could_not(Exit::Input, error),
        PanelError::Users(_) | PanelError::Tokens(_) | PanelError::Prepare(_) => {
            Failure::could_not(Exit::Failed, error)
        }
    }
}

/// Tells whoever started it that clients can come (`sd_notify(3)`). Whoever does not listen is not told.
pub(super) fn ready() {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match path.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&path),
    };
    if let (Ok(socket), Ok(address)) = (UnixDatagram::unbound(), address) {
        socket.send_to_addr(b"READY=1\n", &address).ok();
    }
}
