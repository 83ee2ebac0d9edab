//! A project by its folder: what may be looked into, that what was shown is what is done, and that it is an app that ends.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use pm_protocol::Status;
use pm_testkit::{Home, free_port};
use serde_json::{Value, json};

use super::desk::{Desk, ask, audit, code, desk, desk_of, key, value};

const PAGE: &str = "<h1>shop</h1>";

/// A panel over a folder of sites, with a link that leads out of it.
fn sites(home: &Home) -> (Desk, PathBuf) {
    home.file("sites/shop/index.html", PAGE);
    home.file("others/index.html", PAGE);
    let work = fs::canonicalize(home.work()).unwrap();
    symlink(work.join("others"), work.join("sites/out")).unwrap();
    home.run(["ping"]).ok();
    let place = ["web", "--foreground", "--listen", "127.0.0.1:0", "--folders"];
    let sites = work.join("sites");
    let words = place.iter().map(OsStr::new).chain([sites.as_os_str()]);
    (desk_of(home.pm(words)), work)
}

#[test]
fn s09_folders_are_names_beneath_a_root_and_for_who_sees_all() {
    let home = Home::new();
    let (desk, work) = sites(&home);
    let at = |below: &str| format!("{}/{below}", work.display());
    let admin = key(&home, desk.port, &[]);
    let get = |path: &str, key: &str| ask(desk.port, "GET", path, key, "");
    let send = |path: &str, body: &Value| ask(desk.port, "POST", path, &admin, &body.to_string());

    // Names below the root, and nothing beyond it, whatever leads there.
    let folders = value(&get("/api/folders", &admin));
    assert_eq!(folders["folders"], json!([{ "name": "shop", "marks": ["HTML"] }]));
    for bad in ["/etc", &at("sites/out"), &at("sites/../others"), &at("sites/shop/../../others")] {
        let looked = get(&format!("/api/folders?path={bad}"), &admin);
        assert_eq!(code(&looked), "folder_outside", "{bad}");
        assert_eq!(code(&send("/api/scout", &json!({ "folder": bad }))), "folder_outside", "{bad}");
    }

    // Who sees some apps only has no say here, and neither has an operator.
    for words in [["--role", "operator"], ["--apps", "ns:shop"]] {
        let guest = key(&home, desk.port, &words);
        assert_eq!(code(&get("/api/folders", &guest)), "not_allowed", "{words:?}");
    }
}

#[test]
fn s10_s14_a_folder_becomes_an_app_as_it_was_shown() {
    let home = Home::new();
    let (desk, work) = sites(&home);
    let at = |below: &str| format!("{}/{below}", work.display());
    let admin = key(&home, desk.port, &[]);
    let send = |path: &str, body: &Value| ask(desk.port, "POST", path, &admin, &body.to_string());

    // What is shown: the file it will be, and a token that stands for it.
    let free = free_port();
    let choice = json!({ "folder": at("sites/shop"), "name": "shop", "port": free });
    let plan = value(&send("/api/scout", &choice));
    assert_eq!(plan["apps"][0]["stack"], "static", "{plan:#}");
    let wish = |token: &Value| {
        let mut wish = choice.clone();
        wish["start"] = true.into();
        wish["token"] = token.clone();
        wish
    };
    // A value is never a flag, and what has changed meanwhile is not done.
    let strange = json!({ "folder": at("sites/shop"), "name": "--no-start" });
    assert_ne!(send("/api/scout", &strange).status, 500);
    home.file("sites/shop/ecosystem.json5", "{ apps: [{ name: 'a', script: 'true' }] }");
    assert_eq!(code(&send("/api/projects", &wish(&plan["token"]))), "changed");
    fs::remove_file(work.join("sites/shop/ecosystem.json5")).unwrap();
    assert_eq!(code(&send("/api/projects", &wish(&json!("x")))), "changed");
    assert!(home.rows().is_empty(), "nothing was begun");

    // Done as shown, by an app that ends; the file is the one that was shown.
    let done = value(&send("/api/projects", &wish(&plan["token"])));
    assert_eq!((&done["exit"], &done["job"]), (&json!(0), &json!("setup-shop")), "{done:#}");
    home.wait_until("it is set up and up", || {
        let rows = home.rows();
        let is =
            |name: &str, status| rows.iter().any(|row| row.name == name && row.status == status);
        is("setup-shop", Status::Stopped) && is("shop", Status::Online)
    });
    let written = fs::read_to_string(work.join("sites/shop/ecosystem.json5")).unwrap();
    assert_eq!(plan["file"]["after"], written);
    let deeds = audit(&home);
    assert!(deeds.iter().any(|line| line["deed"] == done["argv"]), "{deeds:#?}");

    // The same folder once more has nothing to add, and says so.
    assert!(send("/api/scout", &choice).text().contains("shop"), "who has it is told");
}

#[test]
fn as_root_nothing_is_offered_until_somebody_says_where() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    let desk = desk(&home);
    let admin = key(&home, desk.port, &[]);
    let refused = ask(desk.port, "GET", "/api/folders", &admin, "");
    assert_eq!((refused.status, code(&refused).as_str()), (404, "no_folders"));
}
