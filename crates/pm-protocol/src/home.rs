//! Where everything lies under `PM_HOME`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The folder all state lives in, and the names within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    socket: PathBuf,
}

/// Why there is no home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `PM_HOME` nor `HOME` is set.
    #[error("find a home: neither PM_HOME nor HOME is set")]
    Unset,
    /// A relative path would mean another home in each folder.
    #[error("use {0} as home: the path must be absolute")]
    Relative(PathBuf),
}

/// `sockaddr_un` holds 108 bytes with a final NUL (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

impl Home {
    /// The home of the caller: `PM_HOME`, else `PM2_HOME` if called as `pm2`, else `~/.pm`.
    ///
    /// `variable` reads the environment; `called_as` is the program's own file name.
    pub fn find(
        called_as: &str,
        mut variable: impl FnMut(&str) -> Option<OsString>,
    ) -> Result<Self, HomeError> {
        let mut set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let pm2 = called_as.starts_with("pm2");
        let root = match set("PM_HOME").or_else(|| pm2.then(|| set("PM2_HOME")).flatten()) {
            Some(path) => PathBuf::from(path),
            None => PathBuf::from(set("HOME").ok_or(HomeError::Unset)?).join(".pm"),
        };
        let runtime = set("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self::at(root, runtime.as_deref())
    }

    /// A home at this absolute path. A path too long for a socket gets its socket in `runtime` (or in `/tmp`, in a
    /// folder of our own whose owner is checked) under a name made from the path (pain 78).
    pub fn at(root: PathBuf, runtime: Option<&Path>) -> Result<Self, HomeError> {
        if !root.is_absolute() {
            return Err(HomeError::Relative(root));
        }
        let near = root.join("pm.sock");
        let socket = if near.as_os_str().len() <= LONGEST_SOCKET_PATH {
            near
        } else {
            let uid = rustix::process::geteuid().as_raw();
            let base = match runtime {
                Some(dir) if dir.as_os_str().len() < 60 => dir.join("pm"),
                Some(_) | None => PathBuf::from(format!("/tmp/pm-{uid}")),
            };
            base.join(format!("{:016x}.sock", fingerprint(root.as_os_str().as_bytes())))
        };
        Ok(Self { root, socket })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The socket clients connect to.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Locked by the guardian; holds its pid and version for people.
    pub fn lock(&self) -> PathBuf {
        self.root.join("pm.lock")
    }

    /// What must survive the daemon.
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// The saved list (`pm save`).
    pub fn saved(&self) -> PathBuf {
        self.root.join("saved.json")
    }

    /// What guardian and daemon say about themselves.
    pub fn diary(&self) -> PathBuf {
        self.root.join("pm.log")
    }

    /// Default folder of app logs.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// Default folder of pid files.
    pub fn pids(&self) -> PathBuf {
        self.root.join("pids")
    }

    /// Spools and time indexes of logs.
    pub fn log_state(&self) -> PathBuf {
        self.root.join("log-state")
    }

    /// A random number that tells our tags from those of other homes.
    pub fn salt(&self) -> PathBuf {
        self.root.join("salt")
    }
}

impl From<Home> for OsString {
    fn from(home: Home) -> Self {
        Self::from_vec(home.root.into_os_string().into_vec())
    }
}

/// FNV-1a, 64 bits: only to make a short file name.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(called_as: &str, vars: &[(&str, &str)]) -> Result<Home, HomeError> {
        Home::find(called_as, |name| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn pm2_home_counts_only_when_called_as_pm2() {
        let vars = [("PM2_HOME", "/two"), ("HOME", "/home/u")];
        assert_eq!(find("pm", &vars).unwrap().root(), Path::new("/home/u/.pm"));
        assert_eq!(find("pm2", &vars).unwrap().root(), Path::new("/two"));
        let vars = [("PM2_HOME", "/two"), ("PM_HOME", "/one")];
        assert_eq!(find("pm2", &vars).unwrap().root(), Path::new("/one"));
        assert!(find("pm", &[]).is_err());
        assert!(find("pm", &[("PM_HOME", "here")]).is_err());
    }

    #[test]
    fn p78_a_long_home_gets_a_short_socket() {
        let long = format!("/{}", "x".repeat(200));
        let home = find("pm", &[("PM_HOME", &long), ("XDG_RUNTIME_DIR", "/run/user/7")]).unwrap();
        assert!(home.socket().as_os_str().len() < 100);
        assert!(home.socket().starts_with("/run/user/7/pm"));
        let other = find("pm", &[("PM_HOME", &format!("{long}y"))]).unwrap();
        assert_ne!(home.socket().file_name(), other.socket().file_name());
    }
}
