//! Parcels: made of the `pm` of this build, installed with the ordinary tool of each kind into a place of its own, used, and
//! removed without a trace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pm_testkit::{Home, pm};

/// Where the parcels lie, made once for each test that asks.
struct Parcels {
    folder: tempfile::TempDir,
}

impl Parcels {
    fn made(kinds: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (pages, binary) = (folder.path().join("man"), folder.path().join("pm"));
        fs::create_dir(&pages).unwrap();
        fs::write(pages.join("pm.1"), ".TH pm 1\n").unwrap();
        // Without names for a debugger it is a fifth of the size, and what is packed is read and squeezed several times.
        done(Command::new("strip").arg(pm()).arg("-o").arg(&binary));
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut build = Command::new(root.join("parcels/build.py"));
        build.arg(binary).arg(pages).arg(folder.path().join("out")).args(kinds);
        done(build.env("SOURCE_DATE_EPOCH", "1800000000").env("PARCEL_LEVEL", "1"));
        Parcels { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The only parcel whose name ends so.
    fn parcel(&self, ending: &str) -> PathBuf {
        let entries = fs::read_dir(self.path("out")).unwrap().map(|entry| entry.unwrap().path());
        let mut found =
            entries.filter(|path| path.file_name().unwrap().to_string_lossy().ends_with(ending));
        let (first, second) = (found.next(), found.next());
        assert!(second.is_none(), "{first:?} and {second:?}");
        first.unwrap_or_else(|| panic!("no parcel {ending}"))
    }
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// It starts an app, lists it and ends with it.
fn works(program: &Path) {
    let home = Home::new().with_program(program);
    home.run(["start", "sleep 1000", "--name", "web"]).ok();
    home.run(["list"]).ok().says("web");
}

#[test]
fn a_debian_package_is_installed_used_and_removed() {
    let parcels = Parcels::made(&["deb"]);
    let (root, package) = (parcels.path("root"), parcels.parcel(".deb"));
    for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let dpkg = |words: &[&str]| {
        let mut command = Command::new("dpkg");
        // A root of our own, and nobody needs to be root for it.
        command.arg(format!("--root={}", root.display())).arg("--force-not-root").args(words);
        done(command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
    };
    dpkg(&["-i", package.to_str().unwrap()]);
    works(&root.join("usr/bin/pm"));
    for file in ["man/man1/pm.1.gz", "bash-completion/completions/pm", "doc/pm/copyright"] {
        assert!(root.join("usr/share").join(file).is_file(), "{file}");
    }
    dpkg(&["--purge", "pm"]);
    assert!(!root.join("usr").exists(), "dpkg leaves no folder that has become empty");
}

#[test]
fn a_wheel_and_an_npm_package_bring_the_same_program() {
    let parcels = Parcels::made(&["wheel", "npm"]);
    let venv = parcels.path("venv");
    done(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    let pip = || {
        let mut pip = Command::new(venv.join("bin/pip"));
        pip.args(["--disable-pip-version-check", "--quiet"]);
        pip
    };
    done(pip().args(["install", "--no-index"]).arg(parcels.parcel(".whl")));
    works(&venv.join("bin/pm"));
    done(pip().args(["uninstall", "--yes", "pm-ecosystem"]));
    assert!(!venv.join("bin/pm").exists());

    let prefix = parcels.path("npm");
    let npm = |words: &[&str], what: &Path| {
        let mut command = Command::new("npm");
        command.args(words).arg("--prefix").arg(&prefix).arg(what);
        done(command.env("npm_config_cache", parcels.path("cache")).env("NO_UPDATE_NOTIFIER", "1"))
    };
    npm(&["install", "--global", "--offline", "--no-audit", "--no-fund"], &parcels.parcel(".tgz"));
    works(&prefix.join("bin/pm"));
    npm(&["uninstall", "--global"], Path::new("pm-ecosystem"));
    assert!(!prefix.join("bin/pm").exists());
}

#[test]
fn equal_programs_make_equal_parcels() {
    let of = |parcels: &Parcels| {
        let mut told = Vec::new();
        for ending in [".tar.gz", ".cdx.json", ".whl"] {
            told.push(fs::read(parcels.parcel(ending)).unwrap());
        }
        told
    };
    let kinds = ["tar", "sbom", "wheel"];
    let (one, other) = (Parcels::made(&kinds), Parcels::made(&kinds));
    assert!(of(&one) == of(&other));
    let parts = String::from_utf8(fs::read(one.parcel(".cdx.json")).unwrap()).unwrap();
    assert!(parts.contains("pkg:cargo/serde_json@") && parts.contains("CycloneDX"));
    assert!(!parts.contains("proptest"), "what only tests need is not shipped");
}
