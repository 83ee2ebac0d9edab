//! Days on which something dies, is full, is away or was changed meanwhile: nothing is half done, and nobody is shut out.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;

use pm_protocol::Status;
use pm_testkit::{Home, Mishap, Prey, Trap, pm, signal};
use serde_json::{Value, json};

use super::desk::{Desk, ask, desk, desk_of, key, link, request, state, value};

const LIVES: &str = "if __name__ == '__main__':\n    import time\n    time.sleep(1000)\n";
/// An installer that waits until the test lets it go on.
const WAITS: &str = "touch begun; while [ ! -e go ]; do sleep 0.05; done";

/// A `PATH` on which a `uv` makes a venv as it should, and installs as the test says.
fn installer(home: &Home, install: &str) -> OsString {
    let venv = "for last; do :; done; /usr/bin/python3 -m venv --without-pip \"$last\"";
    home.script("bin/uv", &format!("case $1 in venv) {venv} ;; *) {install} ;; esac"));
    let mut path = home.work().join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// A project that needs something, and the folder it is in.
fn project(home: &Home) -> PathBuf {
    home.file("sites/shop/main.py", LIVES);
    home.file("sites/shop/requirements.txt", "something\n");
    fs::canonicalize(home.work().join("sites")).unwrap()
}

fn panel_over(home: &Home, sites: &OsStr, path: &OsStr) -> Desk {
    let words = ["web", "--foreground", "--listen", "127.0.0.1:0", "--folders"].map(OsStr::new);
    desk_of(home.pm(words.into_iter().chain([sites])).env("PATH", path))
}

/// What the page sends for this folder, once it has been shown what that does.
fn set_up(desk: &Desk, admin: &str, sites: &OsStr) -> Value {
    let mut wish =
        json!({ "folder": format!("{}/shop", sites.display()), "name": "shop", "start": true });
    let send =
        |path: &str, wish: &Value| value(&ask(desk.port, "POST", path, admin, &wish.to_string()));
    wish["token"] = send("/api/scout", &wish)["token"].take();
    let done = send("/api/projects", &wish);
    assert_eq!((&done["exit"], &done["job"]), (&json!(0), &json!("setup-shop")), "{done:#}");
    done
}

fn names(folder: PathBuf) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

fn is(home: &Home, name: &str, status: Status) -> bool {
    home.rows().iter().any(|row| row.name == name && row.status == status)
}

#[test]
fn an_install_outlives_the_panel_and_the_daemon() {
    let home = Home::new();
    let sites = project(&home).into_os_string();
    let path = installer(&home, WAITS);
    home.run(["ping"]).ok();
    let first = panel_over(&home, &sites, &path);
    let admin = key(&home, first.port, &[]);
    set_up(&first, &admin, &sites);
    let shop = home.work().join("sites/shop");
    home.wait_until("it installs", || shop.join("begun").exists());
    let job = home.row("setup-shop").pid;
    signal(first.running.pid(), 9);
    signal(home.hello().pid, 9);
    home.wait_until("the next daemon has it", || home.row("setup-shop").pid == job);
    assert!(!shop.join("ecosystem.json5").exists());
    fs::write(shop.join("go"), "").unwrap();
    home.wait_until("it is set up and up", || {
        is(&home, "setup-shop", Status::Stopped) && is(&home, "shop", Status::Online)
    });
    // Who comes back with the same key reads what was said meanwhile.
    let second = panel_over(&home, &sites, &path);
    let lines = ask(second.port, "GET", "/api/logs?apps=setup-shop&stream=both", &admin, "");
    let texts: Vec<_> = value(&lines)["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["text"].to_string())
        .collect();
    assert!(texts.iter().any(|it| it.contains("shop (1) started")), "{texts:#?}");
}

#[test]
fn what_can_not_be_installed_says_why_leaves_nothing_and_may_be_tried_again() {
    let home = Home::new();
    let sites = project(&home).into_os_string();
    let shop = || home.work().join("sites/shop");
    let before = names(shop());
    home.run(["ping"]).ok();
    let path = installer(&home, "exit 1");
    let desk = panel_over(&home, &sites, &path);
    let admin = key(&home, desk.port, &[]);
    for said in [
        "error: command gcc failed: no such file",
        "error: failed to fetch https://index.invalid/simple/something/: dns error",
    ] {
        installer(&home, &format!("echo '{said}' >&2; exit 2"));
        set_up(&desk, &admin, &sites);
        home.wait_until("it has given up", || home.row("setup-shop").pid == 0);
        let lines = ask(desk.port, "GET", "/api/logs?apps=setup-shop&stream=both", &admin, "");
        assert!(lines.text().contains(said), "{}", lines.text());
        assert!(lines.text().contains("no file was written"), "{}", lines.text());
        assert_eq!(names(shop()), before);
        assert!(!home.rows().iter().any(|row| row.name == "shop"));
    }
    installer(&home, "exit 0");
    set_up(&desk, &admin, &sites);
    home.wait_until("it is up", || is(&home, "shop", Status::Online));
}

/// `pm add` meets this at each of its calls: how it ended, and what lay in the folder then.
fn add_meets(home: &Home, mishap: Mishap, check: impl Fn(i32, &str)) {
    let path = installer(home, WAITS);
    let shop = fs::canonicalize(home.work().join("sites/shop")).unwrap();
    // No child of the test: who traces it would be told of its end in place of the test.
    let add = format!(
        "{} add sites/shop --yes --no-start & echo $! > pid; wait $!; echo $? > code",
        pm().display()
    );
    home.script("adding", &add);
    let told = |name: &str| -> i32 {
        let file = home.work().join(name);
        let number = || fs::read_to_string(&file).ok()?.trim().parse().ok();
        home.wait_until(name, || number().is_some());
        let told = number().unwrap();
        fs::remove_file(&file).unwrap();
        told
    };
    for at in 1.. {
        home.pm(["start", "./adding", "--no-autorestart", "--no-wait"])
            .env("PATH", &path)
            .run()
            .ok();
        let pid = told("pid");
        home.wait_until("it installs", || shop.join("begun").exists());
        let trap = Trap::set(pid.unsigned_abs(), Prey::Itself, mishap, at);
        fs::write(shop.join("go"), "").unwrap();
        let code = told("code");
        home.run(["delete", "adding"]).ok();
        let is_sprung = trap.remove();
        let said = format!("{mishap:?} at call {at}: {code}, {:?}", names(shop.clone()));
        let file = shop.join("ecosystem.json5");
        if file.exists() {
            home.run(["check".into(), file.into_os_string()]).ok().says("shop");
        }
        check(code, &said);
        for name in names(shop.clone()) {
            match name.as_str() {
                "main.py" | "requirements.txt" => {}
                ".venv" => fs::remove_dir_all(shop.join(name)).unwrap(),
                _ => fs::remove_file(shop.join(name)).unwrap(),
            }
        }
        if !is_sprung {
            assert!(code == 0 && at > 2, "{said}");
            return;
        }
    }
}

#[test]
fn the_file_of_a_project_is_whole_or_not_there_on_a_full_disk() {
    let home = Home::new();
    project(&home);
    let file = home.work().join("sites/shop/ecosystem.json5");
    add_meets(&home, Mishap::NoRoom, |code, said| {
        assert_eq!(code == 0, file.exists(), "{said}");
        assert!(!file.with_extension("json5.new").exists(), "{said}");
    });
}

#[test]
fn the_file_of_a_project_is_whole_or_not_there_when_it_is_killed() {
    let home = Home::new();
    project(&home);
    add_meets(&home, Mishap::Death, |_, _| {});
}

#[test]
fn a_panel_that_died_while_it_wrote_still_knows_everybody() {
    let home = Home::new();
    home.run(["ping"]).ok();
    let first = desk(&home);
    let admin = key(&home, first.port, &[]);
    drop(first);
    for at in 1.. {
        let desk = desk(&home);
        let known = ask(desk.port, "GET", "/api/session", &admin, "");
        assert_eq!(known.status, 200, "after a death at call {}: {}", at - 1, known.text());
        let one = json!({ "link": link(&home, &[]) }).to_string();
        let trap = Trap::set(desk.running.pid(), Prey::Itself, Mishap::Death, at);
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", desk.port)) {
            stream.write_all(request("POST", "/api/session", "", &one).as_bytes()).ok();
            stream.read_to_end(&mut Vec::new()).ok();
        }
        if !trap.remove() {
            assert!(at > 3, "nothing is written by who comes in");
            return;
        }
        let sessions = fs::read(state(&home).join("sessions.json")).unwrap();
        serde_json::from_slice::<Value>(&sessions).unwrap();
    }
}

#[test]
fn a_file_that_was_to_be_replaced_stays_where_there_is_no_room() {
    let home = Home::new();
    let file = home.file("ecosystem.json5", "{ apps: [] }");
    home.file("app.py", LIVES);
    // The first byte that is written to a file is one too many.
    let line = format!("ulimit -f 0; exec {} init --force", pm().display());
    let mut typed = Command::new("sh");
    typed.args(["-c", &line]).current_dir(home.work()).env("PM_HOME", home.home().root());
    assert!(!typed.output().unwrap().status.success());
    assert_eq!(fs::read_to_string(file).unwrap(), "{ apps: [] }");
}
