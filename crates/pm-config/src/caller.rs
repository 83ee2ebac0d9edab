//! Who calls and what the command line adds: facts that the config reader is given instead of finding them out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use pm_spec::{AppName, ByteString, Delay, Environment};

use crate::given::Given;

/// The facts of who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The folder the command was given in, absolute.
    pub cwd: PathBuf,
    /// Where programs of Supervisor run that do not say it, if not there: where supervisord would have been started.
    pub supervisord: Option<PathBuf>,
    /// The shell's environment; apps inherit it.
    pub env: Environment,
    /// `PM_HOME`, absolute.
    pub home: PathBuf,
    /// Where logs lie by default: `logs` in the home, but for PM2's variables.
    pub logs: PathBuf,
    /// Where pid files lie by default: `pids` in the home, but for PM2's variables.
    pub pids: PathBuf,
    /// The names of the apps that are known, in the order of their numbers; they matter only where we are called as PM2.
    pub names: Vec<AppName>,
    /// How many CPUs `instances: "max"` means, at least 1; as many as this process may use, if nobody says: to find that
    /// out takes some twenty system calls.
    pub cpus: Option<u16>,
    /// The pause between runs of which nothing is said; PM2 makes none.
    pub delay: Delay,
    /// User names and ids; `/etc/passwd` but in tests.
    pub passwd: PathBuf,
    /// Group names and ids; `/etc/group` but in tests.
    pub group: PathBuf,
    /// The words of the command line from our program on; a config that is a program sees them as `process.argv`.
    pub argv: Vec<ByteString>,
    /// A config that is a program may run so long; 10 s but in tests.
    pub patience: Duration,
}

/// What runs a config that is a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ScriptEngine {
    /// The built-in engine, and `node` for what that lacks.
    #[default]
    Auto,
    /// The built-in engine only.
    Builtin,
    /// `node` only.
    Node,
}

impl Caller {
    /// A caller on this machine.
    pub fn new(cwd: PathBuf, env: Environment, home: PathBuf) -> Self {
        let passwd = PathBuf::from("/etc/passwd");
        let (logs, pids) = (home.join("logs"), home.join("pids"));
        let (group, argv) = (PathBuf::from("/etc/group"), Vec::new());
        let patience = Duration::from_secs(10);
        let (names, cpus, delay) = (Vec::new(), None, Delay::Automatic);
        let supervisord = None;
        Self {
            cwd,
            supervisord,
            env,
            home,
            logs,
            pids,
            names,
            cpus,
            delay,
            passwd,
            group,
            argv,
            patience,
        }
    }

    /// How many CPUs `instances: "max"` means.
    pub(crate) fn cpus(&self) -> u16 {
        let usable = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.cpus.unwrap_or_else(|| u16::try_from(usable()).unwrap_or(u16::MAX)).max(1)
    }
}

/// What else the command line says.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--only a,b`: names of the apps to take; split at commas and blanks. No effect on a script.
    pub only: Vec<String>,
    /// `--profile a,b`: profiles that are on; `PM_PROFILES` if there are none.
    pub profiles: Vec<String>,
    /// `--env NAME`: lays `env_NAME` over `env`. No effect on a script.
    pub env_name: Option<String>,
    /// `--config-runtime`: what runs a config that is a program. No effect on others.
    pub engine: ScriptEngine,
    /// `pm check`, `--strict`: unknown keys are errors.
    pub strict: bool,
    /// `up --watch`: what Compose's `develop.watch` says is done. No effect on other configs.
    pub develop: bool,
    /// `--no-deps`: what apps depend on need not be known.
    pub no_deps: bool,
    /// How the apps should be.
    pub given: Given,
    /// What of that reaches the apps of a config file, and whether what means nothing is refused.
    pub beside: Beside,
}

/// Which flags act on the apps of a config file, and what becomes of those that can't act.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    /// All; each says what it replaces. One that means nothing is refused.
    #[default]
    All,
    /// Those that do in PM2; the others are told of.
    Pm2s,
}

/// The caller with the environment that the config left behind: apps inherit that one, as in PM2.
pub(crate) fn changed<'a>(
    caller: &'a Caller,
    env: &BTreeMap<String, Option<String>>,
) -> Cow<'a, Caller> {
    let mut caller = Cow::Borrowed(caller);
    for (name, value) in env {
        let env = &mut caller.to_mut().env;
        match value {
            Some(value) => env.set(name, value.as_str()),
            None => env.unset(name),
        }
    }
    caller
}
