//! A temporary project folder with a caller in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use pm_config::{Caller, ConfigFormat, Diagnosis, Ecosystem, Overrides, Typed, read};
use pm_spec::{AppSpec, ByteString, Environment};

/// One project folder.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    pub(crate) caller: Caller,
    pub(crate) overrides: Overrides,
}

impl Desk {
    /// An empty folder; the caller stands in it, with two small programs in PATH beside the system's shell.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut env = Environment::new();
        env.set("PATH", format!("{}:{}", root.join("bin").display(), root.join("sys").display()));
        env.set("HOME", root.join("home").display().to_string());
        env.set("SHELL_ONLY", "yes");
        let mut caller = Caller::new(root.clone(), env, root.join("pm home"));
        caller.cpus = Some(4);
        caller.passwd = root.join("passwd");
        caller.group = root.join("group");
        let desk = Self { folder, caller, overrides: Overrides::default() };
        desk.write("passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:\n");
        desk.write("group", "root:x:0:\nstaff:x:50:alice\n");
        desk.program("app", "\x7fELF");
        // Of the machine only the shells: what else is installed must not matter.
        desk.link("sys/sh", "/bin/sh");
        desk.link("sys/bash", "/bin/bash");
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A file that may be executed.
    pub(crate) fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn link(&self, name: &str, target: impl AsRef<Path>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// A virtual environment as `python -m venv` leaves it, its python being a shell in disguise.
    pub(crate) fn venv(&self, name: &str) {
        self.write(&format!("{name}/pyvenv.cfg"), "home = /usr/bin\n");
        self.link(&format!("{name}/bin/python3"), "/bin/sh");
        self.link(&format!("{name}/bin/python"), "python3");
    }

    /// Gives a key as the command line does.
    pub(crate) fn give(&mut self, key: &str, words: &[&str]) {
        let words = words.iter().map(|word| ByteString::from(*word)).collect();
        self.overrides.given.set(key, Typed::Words(words));
    }

    pub(crate) fn load(&self, name: &str) -> Result<Ecosystem, Diagnosis> {
        read::load(Path::new(name), &self.caller, &self.overrides)
    }

    pub(crate) fn parse(&self, text: &str) -> Result<Ecosystem, Diagnosis> {
        read::parse(text.as_bytes(), ConfigFormat::Json5, "stdin", &self.caller, &self.overrides)
    }

    pub(crate) fn script(&self, target: &str) -> Result<Ecosystem, Diagnosis> {
        read::script(target, &self.caller, &self.overrides)
    }

    /// The one app of a text.
    pub(crate) fn app(&self, text: &str) -> (AppSpec, String) {
        one(self.parse(text))
    }

    /// A text's problems with the folder's name taken out.
    pub(crate) fn plain(&self, text: &str) -> String {
        text.replace(self.path("").to_str().unwrap(), "/desk/")
    }

    /// The problems of a text that must have an error.
    pub(crate) fn problems(&self, text: &str) -> String {
        match self.parse(text) {
            Ok(ecosystem) => panic!("no problem: {:?}", ecosystem.apps),
            Err(diagnosis) => self.plain(&diagnosis.to_string()),
        }
    }
}

/// The one app of a good config, and its warnings as text.
pub(crate) fn one(result: Result<Ecosystem, Diagnosis>) -> (AppSpec, String) {
    let mut ecosystem = result.unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    assert_eq!(ecosystem.apps.len(), 1);
    let warnings: Vec<_> = ecosystem.warnings.iter().map(ToString::to_string).collect();
    (ecosystem.apps.remove(0), warnings.join("\n"))
}

pub(crate) fn text(bytes: &ByteString) -> String {
    bytes.display().into_owned()
}

pub(crate) fn texts(list: &[ByteString]) -> Vec<String> {
    list.iter().map(text).collect()
}
