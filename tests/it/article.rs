//! The founding article's two gunicorn apps, as it has them: the `ecosystem.config.js`, names, arguments, folders,
//! interpreter, environment, stamps. PATH holds no `node`.
//! It needs `/usr/bin/python3` with its venv module, and pip's index once; their absence is a failure, not a reason to
//! skip.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use pm_protocol::{Row, Usage};
use pm_testkit::{Home, is_alive, signal};

const ECOSYSTEM: &str = r#"module.exports = {
  apps: [
    {
      name: "web-app-1",
      script: "gunicorn",
      args: "--workers 4 --bind 0.0.0.0:5000 app:app",
      cwd: "./project1/",
      interpreter: "/usr/bin/python3",
      autorestart: true,
      log_date_format: "YYYY-MM-DD HH:mm:ss",
    },
    {
      name: "web-app-2", 
      script: "gunicorn",
      args: "--workers 2 --bind 0.0.0.0:5001 app:app",
      cwd: "./project2/",
      interpreter: "/usr/bin/python3",
      autorestart: true,
      env: {
        "DATABASE_URL": "postgresql://localhost/mydb"
      }
    }
  ]
};
"#;

const APP: &str = r#"
import os

def app(environ, start_response):
    print("asked for", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%s in %s" % (os.environ.get("DATABASE_URL"), os.getcwd())).encode()]
"#;

/// A venv with gunicorn, uvicorn, hypercorn, daphne, granian, uwsgi (its wheel, which takes no compiler), celery and Django under `target/`, made once. The lock is held as long as the ports are in
/// use.
pub(crate) fn venv() -> (PathBuf, File) {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&target).unwrap();
    let lock = File::create(target.join("venv-gunicorn.lock")).unwrap();
    lock.lock().unwrap();
    let venv = target.join("venv-gunicorn");
    let is_made = venv.join("made-with-eight");
    if !is_made.exists() {
        // What a broken attempt left.
        fs::remove_dir_all(&venv).ok();
        let python = "/usr/bin/python3";
        command(Command::new(python).args(["-m", "venv"]).arg(&venv));
        let servers = [
            "gunicorn",
            "uvicorn",
            "hypercorn",
            "daphne",
            "granian",
            "pyuwsgi",
            "celery",
            "django",
        ];
        command(Command::new(venv.join("bin/python")).args(["-m", "pip", "install"]).args(servers));
        fs::write(is_made, "").unwrap();
    }
    (venv, lock)
}

pub(crate) fn command(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "could not run {command:?}: {error}\nthis test needs python3 with venv and pip (Debian: python3-venv)"
        )
    });
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}\nthis test needs python3 with venv and pip (Debian: python3-venv)",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The body a port answers with; `None` while nobody does.
fn get(port: u16) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(b"GET /hello HTTP/1.0\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    (head.split(' ').nth(1) == Some("200")).then(|| body.to_owned())
}

pub(crate) fn wait_answer(home: &Home, port: u16) -> String {
    let mut body = None;
    home.wait_until(&format!("an answer on port {port}"), || {
        body = get(port);
        body.is_some()
    });
    body.unwrap()
}

/// The pids of an app's tree, as `pm` knows them.
pub(crate) fn tree(home: &Home, name: &str) -> BTreeSet<u32> {
    let described = home.run(["describe", name, "--json"]).ok().json();
    described[0]["pids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pid| u32::try_from(pid.as_u64().unwrap()).unwrap())
        .collect()
}

/// Resident bytes of a process, by `proc_pid_status(5)`.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// `list` counts what the workers use, too (pain 59: within 10 % of what the kernel says).
fn memory_is_the_trees(home: &Home, name: &str, processes: u32) {
    let pids = tree(home, name);
    assert_eq!(pids.len(), processes as usize, "{name} is a master and its workers");
    // Figures may be a second old, from before the workers came.
    let mut usage = Usage::default();
    home.wait_until("the workers are counted", || {
        let listed = home.run(["list", "--json"]).ok().json();
        let rows: Vec<Row> = serde_json::from_value(listed).unwrap();
        usage = rows.iter().find(|row| row.name == name).unwrap().usage.clone();
        usage.processes == processes
    });
    let truth: u64 = pids.iter().map(|pid| resident(*pid)).sum();
    assert!(
        usage.memory.abs_diff(truth) * 10 <= truth,
        "`list` says {} bytes, /proc says {truth}",
        usage.memory
    );
}

/// `2026-11-22 10:00:00: ` before every line.
fn all_stamped(text: &str) -> bool {
    text.lines().all(|line| {
        let shape: String = line
            .chars()
            .take(21)
            .map(|letter| if letter.is_ascii_digit() { '0' } else { letter })
            .collect();
        shape == "0000-00-00 00:00:00: "
    })
}

fn write(home: &Home, venv: &Path) {
    home.file("ecosystem.config.js", ECOSYSTEM);
    for project in ["project1", "project2"] {
        home.file(format!("{project}/app.py"), APP);
        std::os::unix::fs::symlink(venv, home.work().join(project).join("venv")).unwrap();
    }
}

fn both_answer(home: &Home) {
    let work = home.work();
    assert_eq!(wait_answer(home, 5000), format!("None in {}", work.join("project1").display()));
    assert_eq!(
        wait_answer(home, 5001),
        format!("postgresql://localhost/mydb in {}", work.join("project2").display())
    );
}

#[test]
fn the_founding_article_comes_true() {
    let (venv, _ports) = venv();
    let home = Home::new();
    write(&home, &venv);
    home.pm(["start", "ecosystem.config.js"]).env("PATH", home.work()).run().ok();
    both_answer(&home);
    home.wait_until("all workers", || tree(&home, "web-app-1").len() == 5);
    home.wait_until("all workers", || tree(&home, "web-app-2").len() == 3);
    memory_is_the_trees(&home, "web-app-1", 5);
    memory_is_the_trees(&home, "web-app-2", 3);

    let old = tree(&home, "web-app-1");
    let master = home.row("web-app-1").pid;
    signal(master, 9);
    home.wait_new_pid("web-app-1", master);
    let left: Vec<_> = old.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(left.is_empty(), "old workers {left:?} outlived their master into the next run");
    both_answer(&home);

    let log = |name: &str| home.home().logs().join(name);
    let errors = home.wait_file(log("web-app-1-error.log"), |bytes| {
        String::from_utf8_lossy(bytes).matches("Listening at").count() == 2
    });
    assert!(
        all_stamped(&String::from_utf8_lossy(&errors)),
        "{:?}",
        String::from_utf8_lossy(&errors)
    );
    let out = home.wait_file(log("web-app-1-out.log"), |bytes| {
        String::from_utf8_lossy(bytes).matches("asked for /hello").count() >= 2
    });
    assert!(all_stamped(&String::from_utf8_lossy(&out)), "{:?}", String::from_utf8_lossy(&out));

    // Gunicorn goes on telling of its workers and its control socket whenever it pleases, also right after a flush.
    let files =
        ["web-app-1", "web-app-2"].map(|name| ["out", "error"].map(|stream| (name, stream)));
    let files =
        files.concat().into_iter().map(|(name, stream)| log(&format!("{name}-{stream}.log")));
    let is_something = |bytes: &[u8]| !bytes.is_empty();
    let before: Vec<_> = files.map(|file| (home.wait_file(&file, is_something), file)).collect();
    home.run(["flush"]).ok();
    for (old, file) in before {
        let (old, new) = (String::from_utf8(old).unwrap(), fs::read_to_string(&file).unwrap());
        let left: Vec<_> = new.lines().filter(|new| old.lines().any(|old| old == *new)).collect();
        assert!(left.is_empty(), "{} still has {left:?}", file.display());
    }

    home.run(["save"]).ok();
    let trees = ["web-app-1", "web-app-2"].map(|name| tree(&home, name));
    home.run(["kill"]).ok();
    assert!(trees.iter().flatten().all(|pid| !is_alive(*pid)), "something outlived `pm kill`");
    assert!(get(5000).is_none() && get(5001).is_none(), "somebody still answers");
    home.run(["resurrect"]).ok();
    both_answer(&home);
}
