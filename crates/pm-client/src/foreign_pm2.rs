//! A real PM2 in the same home: two managers there would start every app twice. It only looks, and asks it nothing.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::{ConnectOptions, GenericFilePath, ToFsName};
use pm_protocol::Home;

/// The daemon of a real PM2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignPm2 {
    /// Its pid; `None` if it listens outside our world of pids.
    pub pid: Option<u32>,
}

/// What the daemon of PM2 calls itself in its command line begins with this; ours never does.
const TITLE: &[u8] = b"PM2 v";

impl ForeignPm2 {
    /// The PM2 that lives in this home: its socket `rpc.sock` takes connections, or `pm2.pid` names it.
    pub fn find(home: &Home) -> Option<Self> {
        let pid_file = home.pm2_pid().unwrap_or_else(|| home.root().join("pm2.pid"));
        named(&pid_file).or_else(|| listening(home.root().join("rpc.sock")))
    }
}

/// Whom the pid file names, if that is a PM2: such files outlive their daemons, and pids come again.
fn named(pid_file: &Path) -> Option<ForeignPm2> {
    let pid: u32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    let mut title = [0; TITLE.len()];
    File::open(format!("/proc/{pid}/cmdline")).ok()?.read_exact(&mut title).ok()?;
    (title == TITLE).then_some(ForeignPm2 { pid: Some(pid) })
}

/// Who listens; a file that a killed PM2 left refuses. A full queue leaves us unconnected, and is somebody's.
fn listening(socket: PathBuf) -> Option<ForeignPm2> {
    let name = socket.to_fs_name::<GenericFilePath>().ok()?;
    let options = ConnectOptions::new()
        .name(name)
        .wait_mode(ConnectWaitMode::Deferred)
        .nonblocking_stream(true);
    let stream = options.connect_sync().ok()?;
    let pid = stream.peer_creds().ok().and_then(|peer| peer.pid());
    Some(ForeignPm2 { pid: pid.and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn only_a_living_pm2_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path().into(), None).unwrap();
        assert_eq!(ForeignPm2::find(&home), None);
        // Ourselves by the pid of an old file, which is no PM2.
        let us = std::process::id();
        fs::write(dir.path().join("pm2.pid"), us.to_string()).unwrap();
        assert_eq!(ForeignPm2::find(&home), None);
        let listener = UnixListener::bind(dir.path().join("rpc.sock")).unwrap();
        assert_eq!(ForeignPm2::find(&home), Some(ForeignPm2 { pid: Some(us) }));
        drop(listener);
        assert_eq!(ForeignPm2::find(&home), None, "a socket without a listener is left over");
    }
}
