//! celery itself, from a venv (`article.rs` says what that needs): a reload loses no task and cuts none in two.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use pm_protocol::Status;
use pm_testkit::{Home, free_port, signal};

use crate::article;

/// Its queue is a folder.
const TASKS: &str = r#"
import time
from celery import Celery

version = open("version").read()
if version == "broken":
    import nothing_of_that_name
folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {**folders, "polling_interval": 0.05}

def note(*words):
    with open("done", "a") as file:
        file.write(" ".join(words) + "\n")

@app.task
def work(number):
    note("begin", str(number))
    time.sleep(0.15)
    note("end", str(number), version)
"#;

const CALLER: &str = r#"
import os, tasks, time

number = 0
while not os.path.exists("enough"):
    tasks.work.delay(number)
    number += 1
    time.sleep(0.1)
print(number)
"#;

fn done(home: &Home) -> String {
    fs::read_to_string(home.work().join("done")).unwrap_or_default()
}

fn ended_by(home: &Home, version: &str) {
    let ending = format!(" {version}\n");
    home.wait_until("a task is done by that version", || done(home).contains(&ending));
}

#[test]
fn no_task_is_lost_or_cut_in_two() {
    let home = Home::new();
    let (venv, _) = article::venv();
    home.file("tasks.py", TASKS);
    home.file("version", "v1");
    for folder in ["queue", "control"] {
        fs::create_dir(home.work().join(folder)).unwrap();
    }
    symlink(&venv, home.work().join("venv")).unwrap();
    let start = ["start", "celery", "--name", "worker", "--", "-A", "tasks", "worker", "-c", "2"];
    home.run(start).ok();
    let mut caller = Command::new(venv.join("bin/python"));
    caller.args(["-c", CALLER]).current_dir(home.work()).stdout(Stdio::piped());
    let caller = caller.spawn().unwrap();
    ended_by(&home, "v1");
    for turn in 2..=6 {
        home.file("version", format!("v{turn}"));
        let before = home.row("worker").pid;
        let mut reload = home.pm(["reload", "worker"]).background();
        if turn == 4 {
            home.wait_until("it was asked to go", || {
                let row = home.row("worker");
                row.pid != before || row.status == Status::Stopping
            });
            signal(home.hello().pid, 9);
        }
        assert_eq!(reload.wait(), 0, "{}", reload.seen());
        ended_by(&home, &format!("v{turn}"));
    }
    let before = home.row("worker").pid;
    home.file("version", "broken");
    let run = home.run(["reload", "worker"]).ends(1).complains("does not load");
    run.complains("No module named 'nothing_of_that_name'").complains("what runs goes on");
    assert_eq!(home.row("worker").pid, before);

    home.file("enough", "");
    let said = caller.wait_with_output().unwrap().stdout;
    let count: usize = String::from_utf8(said).unwrap().trim().parse().unwrap();
    home.wait_until("all tasks are done", || done(&home).matches("end ").count() >= count);
    let mut notes: BTreeMap<String, usize> = BTreeMap::new();
    for line in done(&home).lines() {
        let words: Vec<&str> = line.split(' ').take(2).collect();
        *notes.entry(words.join(" ")).or_default() += 1;
    }
    let expected =
        (0..count).flat_map(|number| ["begin", "end"].map(|it| format!("{it} {number}")));
    assert_eq!(notes, expected.map(|note| (note, 1)).collect());
}

/// Those that fail do so after longer than a start usually takes.
#[test]
fn a_start_is_over_when_it_has_loaded_its_app_and_reached_its_broker() {
    let home = Home::new();
    let (venv, _lock) = article::venv();
    symlink(&venv, home.work().join("venv")).unwrap();
    let nobody = free_port();
    let start = |app: &str, more: &[&str]| {
        let words = ["start", "celery", "--name", "worker", "--preset", "celery"];
        let args = ["--", "-A", app, "worker", "-c", "1"];
        home.run(words.iter().chain(more).chain(&args))
    };
    let late = "import time\ntime.sleep(1.2)\n";
    home.file("missing.py", format!("{late}import no_such_module\n"));
    home.file("other.py", late);
    let broker = format!(
        "from celery import Celery\napp = Celery('x', broker='amqp://127.0.0.1:{nobody}//')\n"
    );
    let once = "app.conf.broker_connection_retry_on_startup = False\n";
    home.file("once.py", format!("{late}{broker}{once}"));
    for app in ["missing", "other", "once"] {
        start(app, &[]).ends(1).says("worker (0) failed: exited with code");
        home.run(["delete", "worker"]).ok();
    }
    // It tries again and again, and may have it in the end.
    home.file("patient.py", &broker);
    let run = start("patient", &["--ready-timeout", "3s"]).ends(1).says("goes on as launching");
    run.says("it has no connection to its broker yet").complains("Cannot connect to amqp://");
    home.run(["delete", "worker"]).ok();
    // Whoever has no event loop asks no server.
    home.file("alone.py", "from celery import Celery\napp = Celery('x', broker='memory://')\n");
    start("alone", &[]).ok().says("worker (0) started");
    home.run(["delete", "worker"]).ok();
}

/// A stand-in of one that waits for what a broker of the network says.
const WAITS: &str = r#"
import os, select, signal, socket, sys, time
set = select.epoll()
for number in [signal.SIGTERM, signal.SIGUSR1]:
    signal.signal(number, lambda *_: os._exit(0))
time.sleep(1.2)
broker = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
set.register(broker, select.EPOLLIN)
open("connected", "w").close()
set.poll()
"#;

#[test]
fn a_worker_is_up_when_its_event_loop_waits_for_its_broker() {
    let home = Home::new();
    home.file("waits.py", WAITS);
    home.script("celery", "exec python3 waits.py \"$@\"");
    let broker = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = broker.local_addr().unwrap().port().to_string();
    home.run(["start", "./celery", "--name", "worker", "--", "worker", &port]).ok();
    assert!(home.work().join("connected").exists());
    home.run(["describe", "worker"]).ok().says("celery, recognised");
}
