//! Main processes that look after workers are asked to stop first, and get the time to let their workers finish.

use std::fs;

use pm_testkit::Home;

/// Two workers, each at a task that it finishes when its parent says that no more follows. As those of celery and of
/// Python's multiprocessing they die of SIGTERM at once.
const POOL: &str = r"
import os, signal, time
asked, ask = os.pipe()
signal.signal(signal.SIGTERM, lambda *_: os.close(ask))
signal.signal(signal.SIGINT, lambda *_: os.close(ask))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
workers = []
for number in range(2):
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT])
        os.close(ask)
        os.write(1, b'busy\n')
        os.read(asked, 1)
        time.sleep(0.5)
        os.write(1, b'done\n')
        os._exit(0)
    workers.append(pid)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT])
for pid in workers:
    os.waitpid(pid, 0)
os.write(1, b'all done\n')
";

fn stopped(name: &str, verb: &str, program: &[&str]) -> String {
    let home = Home::new();
    home.file("pool.py", POOL);
    home.file("package.json", r#"{ "scripts": { "start": "python3 pool.py && true" } }"#);
    let options = ["--name", "pool", "--kill-timeout", "60s", "--kill-signal", name];
    let words = ["start"].iter().chain(program).chain(&options);
    home.pm(words).dir(home.work()).run().ok();
    let log = home.home().logs().join("pool-out.log");
    home.wait_file(&log, |bytes| bytes == b"busy\nbusy\n");
    home.run([verb, "pool"]).ok();
    fs::read_to_string(log).unwrap().replace("busy\n", "")
}

#[test]
fn a_pool_finishes_its_tasks_whatever_signal_stops_it() {
    for signal in ["SIGTERM", "SIGINT"] {
        assert_eq!(stopped(signal, "stop", &["pool.py"]), "done\ndone\nall done\n", "{signal}");
    }
    assert_eq!(stopped("SIGTERM", "restart", &["pool.py"]), "done\ndone\nall done\n");
}

#[test]
fn a_pool_in_a_shell_line_finishes_its_tasks() {
    // The shell is gone before its child, and must take nobody with it.
    for line in ["python3 pool.py", "true && python3 pool.py; true"] {
        for signal in ["SIGTERM", "SIGINT"] {
            let said = stopped(signal, "stop", &[line]);
            assert_eq!(said, "done\ndone\nall done\n", "`{line}`, {signal}");
        }
    }
}

#[test]
fn a_pool_below_who_ignores_the_signal_finishes_its_tasks() {
    // Ignores SIGINT as long as its program runs, and dies of SIGTERM.
    let line = "perl -e 'system(\"python3\", \"pool.py\")'";
    for signal in ["SIGTERM", "SIGINT"] {
        assert_eq!(stopped(signal, "stop", &[line]), "done\ndone\nall done\n", "{signal}");
    }
}

#[test]
fn a_pool_in_a_script_of_npm_finishes_its_tasks() {
    // npm tells its shell, which tells nobody.
    for signal in ["SIGTERM", "SIGINT"] {
        let said = stopped(signal, "stop", &["npm --silent --no-update-notifier start"]);
        assert_eq!(said, "done\ndone\nall done\n", "{signal}");
    }
}

#[test]
fn workers_whose_main_process_leaves_them_are_asked_after_it() {
    let home = Home::new();
    let script = home.file(
        "app.py",
        "import os, signal\n\
         if os.fork() == 0:\n\
         \x20   def told(*_):\n\
         \x20       os.write(1, b'child\\n')\n\
         \x20       os._exit(0)\n\
         \x20   signal.signal(signal.SIGINT, told)\n\
         \x20   os.write(1, b'up\\n')\n\
         \x20   while True:\n\
         \x20       signal.pause()\n\
         def told(*_):\n\
         \x20   os.write(1, b'main\\n')\n\
         \x20   os._exit(0)\n\
         signal.signal(signal.SIGINT, told)\n\
         while True:\n\
         \x20   signal.pause()\n",
    );
    home.run(["start", script.to_str().unwrap(), "--name", "app", "--kill-timeout", "60s"]).ok();
    let log = home.home().logs().join("app-out.log");
    home.wait_file(&log, |bytes| bytes == b"up\n");
    home.run(["stop", "app"]).ok();
    assert_eq!(fs::read_to_string(log).unwrap(), "up\nmain\nchild\n");
}
