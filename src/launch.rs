//! Finds the daemon, or starts a guardian and waits for its one byte. The lock, not the socket, decides who is the
//! guardian, so any number of these may run at once (pain 15). It decides nothing about apps.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs::{DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_client::{Client, ConnectError, ForeignPm2};
use pm_os::session::{Launch, LaunchError, launch};
use pm_os::tree::{Depth, ProcScan};
use pm_protocol::Home;

use crate::failure::{Exit, Failure};

/// The variables a guardian and its daemon may see. Apps get theirs with each `start`; the rest of the first caller's
/// shell is nobody's business later (pain 77).
const KEPT: [&str; 11] = [
    "HOME",
    "PATH",
    "TZ",
    "LANG",
    "LC_ALL",
    "USER",
    "LOGNAME",
    "XDG_RUNTIME_DIR",
    "PM_GUARDIAN_PATIENCE",
    "NOTIFY_SOCKET",
    "RUST_BACKTRACE",
];

/// A machine that needs longer to start a guardian than this has other worries.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a guardian reports when another one was faster; its socket listens.
const EXISTING: &str = "\u{1}";

/// The daemon of this home, if one runs.
pub(crate) fn find(home: &Home) -> Result<Option<Client>, Failure> {
    match Client::open(home) {
        Ok(client) => Ok(Some(client)),
        Err(error) if error.is_no_daemon() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The daemon of this home, if one runs or ought to: where it and its guardian were killed together and apps of theirs
/// live on, a new pair is started, which adopts them.
pub(crate) fn find_or_adopt(home: &Home) -> Result<Option<Client>, Failure> {
    let found = find(home)?;
    if found.is_some() || !lives_on(home) {
        return Ok(found);
    }
    find_or_start(home).map(Some)
}

/// Whether processes bear the mark of this home. A home without its number never had any; an unreadable `/proc` shows none.
fn lives_on(home: &Home) -> bool {
    let Ok(number) = std::fs::read_to_string(home.id_file()) else { return false };
    let Ok(number) = number.trim().parse() else { return false };
    let scan = ProcScan::take(Depth::Tags, &[]);
    scan.is_ok_and(|scan| scan.of_home(number).any(|(_, seen)| seen.alive))
}

/// The daemon of this home, started if need be.
pub(crate) fn find_or_start(home: &Home) -> Result<Client, Failure> {
    if let Some(client) = find(home)? {
        return Ok(client);
    }
    begin(home, &[])?;
    match Client::open(home) {
        Err(ConnectError::NoDaemon { .. }) => {
            let message = "could not start the daemon: it ended at once";
            Err(Failure::new(Exit::NoDaemon, message).hint(diary_hint(home)))
        }
        opened => Ok(opened?),
    }
}

/// Starts a guardian with these words besides, unless one is faster; returns when its socket listens.
pub(crate) fn begin(home: &Home, words: &[&CStr]) -> Result<(), Failure> {
    alone(home)?;
    prepare(home)?;
    start(home, words)
}

/// That no real PM2 lives in this home: both would run what is saved there, and each overwrite the other's files.
pub(crate) fn alone(home: &Home) -> Result<(), Failure> {
    let Some(ForeignPm2 { pid }) = ForeignPm2::find(home) else { return Ok(()) };
    let pid = pid.map(|pid| format!(", pid {pid}")).unwrap_or_default();
    let message = format!("could not use {}: PM2 itself runs there{pid}", home.root().display());
    Err(Failure::failed(message).hint(
        "end it with PM2's own `pm2 kill` after `pm2 save`, then `pm resurrect` here takes its list over; or set PM_HOME",
    ))
}

/// What a folder is for, and how it is looked at.
type FolderUse = (&'static str, fn(&Path) -> io::Result<Metadata>);

/// May be a link, for whoever set it meant what it leads to.
const HOME: FolderUse = ("home", |folder| std::fs::metadata(folder));

/// Has a name that others can guess, in a folder where they may write: a link is theirs.
const SOCKETS: FolderUse = ("socket folder", |folder| std::fs::symlink_metadata(folder));

/// Makes the home, or makes sure that it is ours alone.
pub(crate) fn prepare(home: &Home) -> Result<(), Failure> {
    own(home.root(), HOME)?;
    for folder in [home.logs(), home.pids()] {
        // What can't be made is missed, and complained about, by the first app that needs it.
        DirBuilder::new().mode(0o700).create(folder).ok();
    }
    if home.is_pm2() {
        // PM2 says by the first that it was here before; scripts read and edit the second.
        for (file, text) in [(home.root().join("touch"), ""), (home.module_conf(), "{}")] {
            let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
            new.and_then(|mut file| file.write_all(text.as_bytes())).ok();
        }
    }
    match home.socket().parent() {
        Some(folder) if folder != home.root() => own(folder, SOCKETS),
        Some(_) | None => Ok(()),
    }
}

/// Creates a folder with mode 0700, or refuses one that someone else could change: who can write there can make us
/// run commands (pain 10, 37). One of ours that others could only look into is closed to them: apps' environments and
/// output are inside.
fn own(folder: &Path, (what, look): FolderUse) -> Result<(), Failure> {
    let shown = folder.display();
    let failed = |error: io::Error| {
        Failure::failed(format!("could not use {shown} as {what}: {error}"))
            .hint("set PM_HOME to a folder you can write")
    };
    let meta = match look(folder) {
        Ok(meta) => meta,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
            look(folder).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let you = rustix::process::geteuid().as_raw();
    if !meta.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    if meta.uid() != you {
        let owner = meta.uid();
        let message = format!(
            "could not use {shown} as {what}: it belongs to uid {owner}, you are uid {you}"
        );
        return Err(Failure::failed(message)
            .hint("become that user, or set PM_HOME to a folder of your own"));
    }
    if meta.mode() & 0o022 != 0 {
        let mode = meta.mode() & 0o7777;
        let message =
            format!("could not use {shown} as {what}: others can write to it (mode {mode:04o})");
        return Err(Failure::failed(message).hint(format!("chmod 700 {shown}")));
    }
    if meta.mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

fn start(home: &Home, words: &[&CStr]) -> Result<(), Failure> {
    let program = own_program()?;
    let text = |bytes: &OsStr| CString::new(bytes.as_bytes()).map_err(|_| nul(bytes));
    let mut env = Vec::new();
    for (name, path) in home.variables() {
        env.push(variable(name, path.as_os_str())?);
    }
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            env.push(variable(name, &value)?);
        }
    }
    let diary = home.diary();
    let mut argv = vec![text(program.as_os_str())?, c"guardian".into(), c"--ready".into()];
    argv.extend(words.iter().map(|word| CString::from(*word)));
    let plan = Launch { program: text(program.as_os_str())?, argv, env, log: Some(&diary) };
    let told = launch(&plan).and_then(|launched| launched.wait(PATIENCE));
    match told {
        Ok(()) => Ok(()),
        Err(LaunchError::Told(text)) if text == EXISTING => Ok(()),
        Err(error) => {
            let reason = crate::failure::chain(&error);
            Err(Failure::new(Exit::NoDaemon, format!("could not start the daemon: {reason}"))
                .hint(diary_hint(home)))
        }
    }
}

fn variable(name: &str, value: &OsStr) -> Result<CString, Failure> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(b'=');
    bytes.extend_from_slice(value.as_bytes());
    CString::new(bytes).map_err(|_| nul(value))
}

/// No path or variable of a running process can hold a NUL, so this is only for the type's sake.
fn nul(text: &OsStr) -> Failure {
    Failure::input(format!("could not pass on {}: it holds a NUL", text.display()))
}

fn diary_hint(home: &Home) -> String {
    format!("{} may say more", home.diary().display())
}

/// The file of this program. After it was replaced on disk the kernel calls ours "(deleted)"; what lies at that path
/// now is its successor, and the right one to start.
pub(crate) fn own_program() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe().map_err(|error| {
        Failure::failed(format!("could not find this program's own file: {error}"))
    })?;
    let bytes = path.into_os_string().into_vec();
    let bytes = bytes.strip_suffix(b" (deleted)").map(<[u8]>::to_vec).unwrap_or(bytes);
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{chown, symlink};

    #[test]
    fn a_home_is_made_private() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join("a b/c");
        let mode = |folder: &Path| std::fs::metadata(folder).unwrap().mode() & 0o7777;
        own(&home, HOME).unwrap();
        assert_eq!(mode(&home), 0o700);
        own(&home, HOME).unwrap();
        // One that was made otherwise, perhaps by PM2.
        std::fs::set_permissions(&home, Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(home.join("logs")).unwrap();
        prepare(&Home::at(home.clone(), None).unwrap()).unwrap();
        assert_eq!((mode(&home), mode(&home.join("pids"))), (0o700, 0o700));
    }

    #[test]
    fn a_home_may_be_a_link_but_the_folder_of_sockets_may_not() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", &link).unwrap();
        own(&link, HOME).unwrap();
        own(&link, SOCKETS).unwrap_err();
        let dangling = dir.path().join("dangling");
        symlink("nowhere", &dangling).unwrap();
        own(&dangling, SOCKETS).unwrap_err();
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn p37_a_home_of_others_is_refused_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let failure = own(&open, HOME).unwrap_err();
        assert!(failure.message.contains("mode 0777"), "{failure}");
        assert!(failure.hint.unwrap().starts_with("chmod 700"));
        // Only root can give a folder away; anyone else looks at one that is root's.
        let (theirs, owner) = if chown(&open, Some(12345), None).is_ok() {
            (open.as_path(), 12345)
        } else {
            (Path::new("/"), 0)
        };
        let failure = own(theirs, HOME).unwrap_err();
        assert!(failure.message.contains(&format!("belongs to uid {owner}")), "{failure}");
    }

    #[test]
    fn a_file_is_no_home() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(own(file.path(), HOME).is_err());
    }
}
