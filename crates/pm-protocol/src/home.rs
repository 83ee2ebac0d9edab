//! Where everything lies under `PM_HOME`, or under `PM2_HOME` with the names PM2 gives its files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use pm_spec::fingerprint;

/// The folder all state lives in, and the names within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    socket: PathBuf,
    layout: Layout,
}

/// Whose names the files of a home have.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Layout {
    Ours,
    /// PM2's, with what its variables move elsewhere: name of the variable and absolute path.
    Pm2(BTreeMap<&'static str, PathBuf>),
}

/// The variables that move one file or folder of a PM2 home elsewhere (PM2: `PM2_<KEY>`).
pub const PM2_PATHS: [&str; 7] = [
    "PM2_PID_FILE_PATH",
    "PM2_LOG_FILE_PATH",
    "PM2_MODULE_CONF_FILE",
    "PM2_DUMP_FILE_PATH",
    "PM2_DUMP_BACKUP_FILE_PATH",
    "PM2_DEFAULT_LOG_PATH",
    "PM2_DEFAULT_PID_PATH",
];

/// How the names of all crash files of an instance begin; what follows is the moment in ms since 1970 and `.json`.
pub fn crash_prefix(app: &str, id: u32) -> String {
    let is_odd = |c: char| c == '/' || c.is_control();
    let name: String = app.chars().map(|c| if is_odd(c) { '-' } else { c }).take(60).collect();
    format!("{}-{id}-", name.trim_start_matches('.'))
}

/// Why there is no home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// Neither `PM_HOME` nor `HOME` is set, and the user has no folder either.
    #[error("find a home: neither PM_HOME nor HOME is set, and this user has no home folder")]
    Unset,
    /// A relative path would mean another home in each folder.
    #[error("use {0} as home: the path must be absolute")]
    Relative(PathBuf),
}

/// `sockaddr_un` holds 108 bytes with a final NUL (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

impl Home {
    /// The home of the caller: `PM_HOME`, else `PM2_HOME`, else `~/.pm2` if called as `pm2`, else `~/.pm`.
    ///
    /// A home that `PM2_HOME` names, or that was found by the name `pm2`, has PM2's file names. `variable` reads the
    /// environment, and may know a `HOME` where that has none; `called_as` is the program's own file name.
    pub fn find(
        called_as: &str,
        mut variable: impl FnMut(&str) -> Option<OsString>,
    ) -> Result<Self, HomeError> {
        let mut set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let (ours, theirs) = (set("PM_HOME"), set("PM2_HOME"));
        let runtime = set("XDG_RUNTIME_DIR").map(PathBuf::from);
        let folder = |name: &str, home: Option<OsString>| {
            Ok::<_, HomeError>(PathBuf::from(home.ok_or(HomeError::Unset)?).join(name))
        };
        let (root, is_pm2) = match (ours, theirs) {
            // Apps of ours have both, so that libraries find PM2's variable.
            (Some(ours), _) => (PathBuf::from(ours), false),
            (None, Some(theirs)) => (PathBuf::from(theirs), true),
            (None, None) if called_as.starts_with("pm2") => (folder(".pm2", set("HOME"))?, true),
            (None, None) => (folder(".pm", set("HOME"))?, false),
        };
        let home = Self::at(root, runtime.as_deref())?;
        if !is_pm2 {
            return Ok(home);
        }
        let moved = PM2_PATHS.iter().filter_map(|name| {
            let path = PathBuf::from(set(name)?);
            path.is_absolute().then_some((*name, path))
        });
        Ok(Self { layout: Layout::Pm2(moved.collect()), ..home })
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
        Ok(Self { root, socket, layout: Layout::Ours })
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

    /// What guardian and daemon say about themselves (PM2: `pm2.log`).
    pub fn diary(&self) -> PathBuf {
        self.named("PM2_LOG_FILE_PATH", "pm.log", "pm2.log")
    }

    /// What happened to apps; what was put aside of it is beside it, as `events.old`.
    pub fn events(&self) -> PathBuf {
        self.root.join("events")
    }

    /// A file for each of the last failures.
    pub fn crashes(&self) -> PathBuf {
        self.root.join("crashes")
    }

    /// When the schedules came last that are made up for, one file each.
    pub fn schedules(&self) -> PathBuf {
        self.root.join("schedules")
    }

    /// Default folder of app logs.
    pub fn logs(&self) -> PathBuf {
        self.named("PM2_DEFAULT_LOG_PATH", "logs", "logs")
    }

    /// Default folder of pid files.
    pub fn pids(&self) -> PathBuf {
        self.named("PM2_DEFAULT_PID_PATH", "pids", "pids")
    }

    /// What `pm set` keeps (PM2: `module_conf.json`).
    pub fn module_conf(&self) -> PathBuf {
        self.named("PM2_MODULE_CONF_FILE", "module_conf.json", "module_conf.json")
    }

    /// PM2's pid file of the daemon, in a home with PM2's names.
    pub fn pm2_pid(&self) -> Option<PathBuf> {
        self.is_pm2().then(|| self.named("PM2_PID_FILE_PATH", "", "pm2.pid"))
    }

    /// PM2's saved list, in a home with PM2's names; written beside ours, never instead of it.
    pub fn pm2_dump(&self) -> Option<PathBuf> {
        self.is_pm2().then(|| self.named("PM2_DUMP_FILE_PATH", "", "dump.pm2"))
    }

    /// PM2's saved list before that, in a home with PM2's names.
    pub fn pm2_dump_backup(&self) -> Option<PathBuf> {
        self.is_pm2().then(|| self.named("PM2_DUMP_BACKUP_FILE_PATH", "", "dump.pm2.bak"))
    }

    /// Whether the files have PM2's names.
    pub fn is_pm2(&self) -> bool {
        matches!(self.layout, Layout::Pm2(_))
    }

    /// The variables that lead another program of ours to this home: name and value.
    pub fn variables(&self) -> Vec<(&'static str, &Path)> {
        match &self.layout {
            Layout::Ours => vec![("PM_HOME", self.root())],
            Layout::Pm2(moved) => {
                let moved = moved.iter().map(|(name, path)| (*name, path.as_path()));
                [("PM2_HOME", self.root())].into_iter().chain(moved).collect()
            }
        }
    }

    fn named(&self, variable: &str, ours: &str, theirs: &str) -> PathBuf {
        match &self.layout {
            Layout::Ours => self.root.join(ours),
            Layout::Pm2(moved) => {
                moved.get(variable).cloned().unwrap_or_else(|| self.root.join(theirs))
            }
        }
    }

    /// Spools and time indexes of logs.
    pub fn log_state(&self) -> PathBuf {
        self.root.join("log-state")
    }

    /// Everything we write ourselves, the files beside which a generation is kept included. A moved one is elsewhere.
    pub fn written(&self) -> Vec<PathBuf> {
        let plain = ["node-preload.js", "touch"].map(|name| self.root.join(name));
        let moved = [self.pm2_pid(), self.pm2_dump(), self.pm2_dump_backup()];
        let named = [
            self.socket.clone(),
            self.lock(),
            self.journal(),
            self.saved(),
            self.diary(),
            self.events(),
            self.crashes(),
            self.schedules(),
            self.logs(),
            self.pids(),
            self.module_conf(),
            self.log_state(),
            self.id_file(),
        ];
        named.into_iter().chain(plain).chain(moved.into_iter().flatten()).collect()
    }

    /// A random number that tells our tags from those of other homes.
    pub fn id_file(&self) -> PathBuf {
        self.root.join("salt")
    }
}

impl From<Home> for OsString {
    fn from(home: Home) -> Self {
        Self::from_vec(home.root.into_os_string().into_vec())
    }
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
    fn a_home_is_found_by_variable_then_by_name() {
        let vars = [("PM2_HOME", "/two"), ("HOME", "/home/u")];
        assert_eq!(find("pm", &vars).unwrap().root(), Path::new("/two"));
        assert!(find("pm", &vars).unwrap().is_pm2());
        let vars = [("PM2_HOME", "/two"), ("PM_HOME", "/one")];
        let home = find("pm2", &vars).unwrap();
        assert_eq!((home.root(), home.is_pm2()), (Path::new("/one"), false));
        let vars = [("HOME", "/home/u")];
        assert_eq!(find("pm", &vars).unwrap().root(), Path::new("/home/u/.pm"));
        assert_eq!(find("pm2-runtime", &vars).unwrap().root(), Path::new("/home/u/.pm2"));
        assert!(find("pm", &[]).is_err());
        assert!(find("pm", &[("PM_HOME", "here")]).is_err());
    }

    #[test]
    fn a_pm2_home_has_pm2s_names_and_its_variables_move_them() {
        let vars = [
            ("PM2_HOME", "/two"),
            ("PM2_LOG_FILE_PATH", "/var/log/pm2.log"),
            ("PM2_DEFAULT_PID_PATH", "relative"),
        ];
        let home = find("pm", &vars).unwrap();
        assert_eq!(home.diary(), Path::new("/var/log/pm2.log"));
        assert_eq!(
            home.pids(),
            Path::new("/two/pids"),
            "a relative one would move with the caller"
        );
        assert_eq!(home.pm2_pid().unwrap(), Path::new("/two/pm2.pid"));
        assert_eq!(home.pm2_dump().unwrap(), Path::new("/two/dump.pm2"));
        // The same home again, as guardian and daemon find it.
        let given: Vec<_> =
            home.variables().iter().map(|(name, path)| (*name, path.to_str().unwrap())).collect();
        assert_eq!(find("pm", &given).unwrap(), home);
        let ours = find("pm", &[("PM_HOME", "/one")]).unwrap();
        assert_eq!((ours.diary().as_path(), ours.pm2_pid()), (Path::new("/one/pm.log"), None));
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
