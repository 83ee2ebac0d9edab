//! Django's server for development itself, from a venv (`article.rs` says what that needs): what serves is a process that the
//! main one makes, and both live for a while before the port is asked for.

use std::net::TcpListener;
use std::os::unix::fs::symlink;

use pm_testkit::{Home, free_port};

use crate::article;

const MANAGE: &str = r#"
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"#;

const SETTINGS: &str = r#"
SECRET_KEY = "x"
DEBUG = True
ROOT_URLCONF = "urls"
"#;

fn project(home: &Home) -> std::fs::File {
    let (venv, lock) = article::venv();
    symlink(venv, home.work().join("venv")).unwrap();
    home.file("manage.py", MANAGE);
    home.file("settings.py", SETTINGS);
    home.file("urls.py", "urlpatterns = []\n");
    lock
}

#[test]
fn a_port_that_is_taken_is_no_start() {
    let home = Home::new();
    let _lock = project(&home);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    for more in [&["runserver", &at][..], &["runserver", &at, "--noreload"]] {
        let start = ["start", "manage.py", "--name", "web", "--"];
        let run = home.run(start.iter().chain(more)).ends(1);
        run.says("web (0) failed: exited with code 1").complains("is taken by ");
        home.run(["delete", "web"]).ok();
    }
}

#[test]
fn a_start_is_over_when_it_listens() {
    let home = Home::new();
    let _lock = project(&home);
    let port = free_port().to_string();
    // Longer than a start usually takes.
    home.file("urls.py", "import time\ntime.sleep(1.5)\nurlpatterns = []\n");
    let run = home.run(["start", "manage.py", "--name", "web", "--", "runserver", &port]).ok();
    run.says("web (0) started").says(&format!("listens on 127.0.0.1:{port}"));
    home.run(["describe", "web"]).ok().says("django, recognised");
}

/// A stand-in of flask's server, which finds out as late that the port is taken.
#[test]
fn flask_is_up_when_it_listens() {
    let home = Home::new();
    let serve = "import http.server, sys, time\ntime.sleep(1.3)\nhttp.server.test(port=int(sys.argv[-1]))\n";
    home.file("serve.py", serve);
    home.script("flask", "exec python3 serve.py \"$@\"");
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = home.run(["start", "./flask", "--", "run", "-p", &port]).ends(1);
    run.says("flask (0) failed: exited with code 1").complains("is taken by ");
    home.run(["delete", "flask"]).ok();
    let port = free_port().to_string();
    let run = home.run(["start", "./flask", "--", "run", "-p", &port]).ok();
    run.says("flask (0) started").says(&format!("listens on 0.0.0.0:{port}"));
}
