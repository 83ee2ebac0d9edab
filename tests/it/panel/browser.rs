//! The page in a real browser: Debian's Chromium, driven by `playwright-core` (`browser/*.mjs`), and what `axe` has to say.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use pm_testkit::{Home, free_port, pm};

use crate::article;

const SCRIPTS: &str = "tests/it/panel/browser";

/// Where the driver's packages are, installed once under `target/` for each lock file.
fn packages() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("target/panel-browser");
    fs::create_dir_all(&folder).unwrap();
    let lock = File::create(root.join("target/panel-browser.lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read(root.join(SCRIPTS).join("package-lock.json")).unwrap();
    if fs::read(folder.join("made")).ok().as_ref() != Some(&wanted) {
        for name in ["package.json", "package-lock.json"] {
            fs::copy(root.join(SCRIPTS).join(name), folder.join(name)).unwrap();
        }
        let done = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder)
            .output()
            .unwrap_or_else(|error| {
                panic!("could not run npm: {error}\nthis test drives a browser from node")
            });
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        fs::write(folder.join("made"), wanted).unwrap();
    }
    folder.join("node_modules")
}

/// The browser. There is no running without it: what nobody looked at is not known to work.
fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser"];
    let mut all =
        std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = all.find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs a browser: apt-get install chromium"))
}

/// Runs a script in the work folder of a home of its own.
fn in_browser(script: &str, more: &[(&str, &str)]) {
    let home = Home::named("panel");
    let work = home.work();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPTS)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), work.join(entry.file_name())).unwrap();
    }
    symlink(packages(), work.join("node_modules")).unwrap();
    let folder = work.parent().unwrap();
    // Everything else of the test's environment stays outside, as for any call of pm.
    let done = Command::new("node")
        .arg(script)
        .current_dir(&work)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder.join("run"))
        .envs(more.iter().copied())
        .env("PM", pm())
        .env("PM_HOME", home.home().root())
        .env("PORT", free_port().to_string())
        .env("CHROMIUM", chromium())
        .output()
        .unwrap_or_else(|error| panic!("could not run node: {error}"));
    if !done.status.success() {
        let said = [done.stdout, done.stderr].concat();
        home.fail(&format!("{script}: {}\n{}", done.status, String::from_utf8_lossy(&said)));
    }
}

#[test]
fn a_day_with_the_panel_and_what_others_try() {
    in_browser("story.mjs", &[]);
}

#[test]
fn each_screen_fits_and_reads_well_at_each_width_in_both_languages() {
    in_browser("looks.mjs", &[]);
}

#[test]
fn one_changed_row_of_a_thousand_touches_no_other() {
    in_browser("many.mjs", &[]);
}

#[test]
fn a_phone_that_sleeps_asks_for_nothing_and_shows_what_is_so_when_it_wakes() {
    in_browser("sleep.mjs", &[]);
}

#[test]
fn two_gunicorn_apps_from_two_folders_without_a_terminal() {
    let (venv, _lock) = article::venv();
    let ports = format!("{},{}", free_port(), free_port());
    in_browser("adding.mjs", &[("VENV", &venv.to_string_lossy()), ("PORTS", &ports)]);
}

#[test]
fn a_domain_for_an_app_in_both_languages() {
    let ports = [free_port(), free_port(), free_port(), free_port()].map(|port| port.to_string());
    in_browser("domains.mjs", &[("PORTS", &ports.join(","))]);
}
