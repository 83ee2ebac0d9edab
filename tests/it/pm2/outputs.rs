//! Logs: what files are called, what lines look like, and the verbs about them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Files below a folder, with the folder's own name, sorted.
fn listing(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            names.extend(listing(&path).iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// Digits made 0, so that times are alike.
fn shape(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or("no file".into())
}

/// Names of files under `logs/` and `pids/` by how an app was started, and what is in them.
fn file_names(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.sh", "probe.sh");
    for (key, options, lives) in [
        ("plain", "--name plain", 1),
        ("instances", "--name many -i 2", 2),
        ("merged", "--name merged -i 2 --merge-logs", 2),
        ("odd_name", "--name a_b@c:d~e", 1),
        ("own_files", "--name own -o sub/o.log -e e.log", 1),
        ("own_files_of_two", "--name two -o o.log -e e.log -i 2", 2),
        ("combined", "--name comb -l both.log", 1),
        ("combined_bare", "--name bare --log", 1),
        ("null", "--name null -o NULL -e /dev/null", 1),
        ("disabled", "--name none --disable-logs", 1),
        ("own_pid", "--name pid -p own.pid", 1),
    ] {
        tool.words(&[vec!["start", "probe.sh"], options.split(' ').collect()].concat()).run();
        tool.wait_lives(lives);
        let complete = || {
            let text = read(tool.work().join("probe"));
            text.matches(" up ").count() >= lives
        };
        tool.wait("all up", complete);
        let work =
            listing(&tool.work()).into_iter().filter(|name| name != "probe" && name != "probe.sh");
        notes.put(&format!("{key}.work"), json!(work.collect::<Vec<_>>()));
        notes.put(&format!("{key}.logs"), json!(listing(&tool.home().join("logs"))));
        notes.put(&format!("{key}.pids"), json!(listing(&tool.home().join("pids"))));
        notes.put(&format!("{key}.paths"), paths(tool));
        tool.ok("delete all");
        for folder in [tool.home().join("logs"), tool.work()] {
            for name in listing(&folder) {
                if name != "probe.sh" {
                    fs::remove_file(folder.join(name)).unwrap();
                }
            }
        }
        fs::remove_dir(tool.work().join("sub")).ok();
    }
}

/// Where `jlist` says the files are.
fn paths(tool: &Tool) -> Value {
    let of = |entry: &Value| {
        let keys = ["pm_out_log_path", "pm_err_log_path", "pm_log_path", "pm_pid_path"];
        let path = |key: &str| entry["pm2_env"][key].as_str().map(|path| tool.neutral(path));
        json!(keys.map(path))
    };
    tool.jlist().iter().map(of).collect()
}

/// An app that says the same lines in each form.
fn line_forms(tool: &Tool, notes: &mut Notes) {
    // Written at once: PM2 makes one object of what it reads at once.
    tool.file("two.txt", "one\ntwo\n");
    tool.file("say.sh", "cat two.txt; echo wrong >&2; exec sleep 1000\n");
    for (name, options) in [
        ("raw", vec![]),
        ("stamped", vec!["--log-date-format", "YYYY-MM-DD HH:mm:ss.SSS"]),
        ("words", vec!["--log-date-format", "[at] DD.MM.YY"]),
        ("time", vec!["--time"]),
        ("json", vec!["--log-type", "json"]),
        ("jsonstamp", vec!["--log-type", "json", "--log-date-format", "YYYY"]),
    ] {
        tool.words(&[vec!["start", "say.sh", "--name", name], options].concat()).run();
        for (stream, last) in [("out", "two"), ("error", "wrong")] {
            let path = tool.home().join(format!("logs/{name}-{stream}.log"));
            tool.wait(&format!("the last line of {name}"), || read(&path).contains(last));
            notes.put(&format!("{name}.{stream}"), shape(&read(&path)));
        }
    }
}

fn log_verb(tool: &Tool, notes: &mut Notes) {
    tool.file(
        "say.sh",
        "for i in 1 2 3 4 5; do echo line $i; done; echo wrong >&2; exec sleep 1000\n",
    );
    tool.ok("start say.sh --name web");
    tool.ok("start say.sh --name other");
    for name in ["web", "other"] {
        let path = |stream: &str| tool.home().join(format!("logs/{name}-{stream}.log"));
        tool.wait("the lines", || {
            read(path("out")).contains("line 5") && read(path("error")).contains("wrong")
        });
    }
    for (key, options) in [
        ("plain", "web"),
        ("lines", "web --lines 2"),
        ("out", "web --out"),
        ("err", "web --err"),
        ("raw", "web --raw --out --lines 2"),
        ("by_id", "0 --lines 1 --out"),
    ] {
        let text = super::lists::plain(&tool.ok(&format!("logs {options} --nostream")).out());
        // PM2's headings name files; what matters to scripts is the lines.
        let said = text.lines().filter(|line| line.contains("line ") || line.contains("wrong"));
        let said = said.filter(|line| !line.contains("last") && !line.contains("TAILING"));
        let words = said.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>().join("|"));
        notes.put(key, json!(words.collect::<Vec<_>>()));
    }
}

/// Lines as they come, in each form: the first of each stream.
fn log_streams(tool: &Tool, notes: &mut Notes) {
    tool.file("say.sh", "while :; do echo tick tock; echo wrong >&2; sleep 0.2; done\n");
    tool.ok("start say.sh --name web");
    for (key, words) in [
        ("format", &["--format"][..]),
        ("json", &["--json"]),
        ("timestamp", &["--timestamp", "--lines", "0"]),
        ("own_timestamp", &["--lines", "0", "--timestamp", "[at] HH"]),
        ("highlight", &["--lines", "0", "--highlight", "tick"]),
        ("err", &["--lines", "0", "--err"]),
    ] {
        let mut run = tool.words(&[&["logs", "web"], words].concat()).background();
        let wanted: &[&str] = if key == "err" { &["wrong"] } else { &["tick tock", "wrong"] };
        for word in wanted {
            // To the end of a line.
            let line = |seen: &str| {
                let seen = super::lists::plain(seen);
                let mut lines = seen.split_inclusive('\n').filter(|line| line.ends_with('\n'));
                lines.find(|line| line.contains(word)).map(|line| line.trim_end().to_owned())
            };
            let seen = run.wait_until(word, |seen| line(seen).is_some());
            let line = line(&seen).unwrap();
            notes.put(&format!("{key} {word}"), told(&line));
        }
    }
}

/// A line of a log without what differs from time to time.
fn told(line: &str) -> Value {
    if let Ok(Value::Object(mut object)) = serde_json::from_str(line) {
        object["timestamp"] = shape(object["timestamp"].as_str().unwrap()).into();
        return Value::Object(object);
    }
    line.split('|').map(|part| shape(part.trim())).collect::<Vec<_>>().into()
}

fn flush_and_reload(tool: &Tool, notes: &mut Notes) {
    // Whole lines: `print` writes its newline by itself when Python is told not to buffer.
    tool.file("say.py", "import sys, time\nfor i in range(100000):\n    sys.stdout.write('tick\\n')\n    sys.stdout.flush()\n    time.sleep(0.02)\n");
    tool.file("quiet.sh", "echo something; exec sleep 1000\n");
    tool.ok("start say.py --name loud");
    tool.ok("start quiet.sh --name quiet");
    let (loud, quiet) =
        (tool.home().join("logs/loud-out.log"), tool.home().join("logs/quiet-out.log"));
    tool.wait("lines", || read(&loud).contains("tick") && read(&quiet).contains("something"));
    notes.put("flush_one", tool.call("flush loud").code);
    notes.put("other_is_kept", read(&quiet));
    notes.put("flush_all", tool.call("flush").code);
    notes.put("quiet_is_empty", read(&quiet));
    tool.wait("lines after the flush", || read(&loud).starts_with("tick"));
    fs::rename(&loud, tool.work().join("moved.log")).unwrap();
    notes.put("reload", tool.call("reloadLogs").code);
    tool.wait("a new file", || read(&loud).starts_with("tick"));
    notes.put("new_file", true);
}

#[test]
fn logs_side_by_side() {
    compare("logs", &scenarios![file_names, line_forms, log_verb, log_streams, flush_and_reload]);
}
