//! Flags of the command line become an app table, so that they are read by the same code as a file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_spec::ByteString;

use crate::caller::{Caller, Overrides};
use crate::diagnose::Place;
use crate::paths;
use crate::tree::{Entry, Node, Value};

/// Everything, as one app that runs `target`.
pub(crate) fn script_app(target: &OsStr, overrides: &Overrides) -> Vec<Entry> {
    let mut flags = Flags(vec![]);
    flags.add("script", "SCRIPT", Value::text(target.as_bytes()));
    flags.shared(overrides, overrides.cwd.as_deref());
    flags.text("namespace", "--namespace", overrides.namespace.as_deref());
    flags.command(overrides);
    flags.lifecycle(overrides);
    flags.senses(overrides);
    flags.logs(overrides);
    flags.0
}

/// The few flags that PM2 applies to apps of a file too: they replace what the file says, `--namespace` fills a gap.
pub(crate) fn over_file(app: &mut Vec<Entry>, caller: &Caller, overrides: &Overrides) {
    let mut flags = Flags(vec![]);
    let cwd = overrides.cwd.as_deref().map(|cwd| paths::absolute(cwd, &caller.cwd));
    flags.shared(overrides, cwd.as_deref());
    for flag in &flags.0 {
        app.retain(|entry| crate::keys::canonical(&entry.key) != Some(&flag.key));
    }
    if !app.iter().any(|entry| crate::keys::canonical(&entry.key) == Some("namespace")) {
        flags.text("namespace", "--namespace", overrides.namespace.as_deref());
    }
    app.append(&mut flags.0);
}

struct Flags(Vec<Entry>);

impl Flags {
    fn add(&mut self, key: &str, flag: &'static str, value: Value) {
        let at = Place::Flag(flag);
        self.0.push(Entry { key: key.to_owned(), at, node: Node { at, value } });
    }

    fn text(&mut self, key: &str, flag: &'static str, text: Option<&str>) {
        if let Some(text) = text {
            self.add(key, flag, Value::text(text));
        }
    }

    fn path(&mut self, key: &str, flag: &'static str, path: Option<&Path>) {
        if let Some(path) = path {
            self.add(key, flag, Value::text(path.as_os_str().as_bytes()));
        }
    }

    fn switch(&mut self, key: &str, flag: &'static str, on: Option<bool>) {
        if let Some(on) = on {
            self.add(key, flag, Value::Bool(on));
        }
    }

    fn list(&mut self, key: &str, flag: &'static str, items: Vec<ByteString>) {
        if !items.is_empty() {
            let at = Place::Flag(flag);
            let nodes = items.into_iter().map(|item| Node { at, value: Value::Text(item) });
            self.add(key, flag, Value::List(nodes.collect()));
        }
    }

    fn shared(&mut self, overrides: &Overrides, cwd: Option<&Path>) {
        self.path("cwd", "--cwd", cwd);
        self.text("uid", "--uid", overrides.uid.as_deref());
        self.text("gid", "--gid", overrides.gid.as_deref());
        self.watch(&overrides.watch);
    }

    fn watch(&mut self, paths: &[PathBuf]) {
        let named =
            paths.iter().map(|path| path.as_os_str().as_bytes()).filter(|it| !it.is_empty());
        let named: Vec<_> = named.map(ByteString::from).collect();
        self.switch("watch", "--watch", (!paths.is_empty() && named.is_empty()).then_some(true));
        self.list("watch", "--watch", named);
    }

    fn senses(&mut self, o: &Overrides) {
        self.text("cron_restart", "--cron-restart", o.cron_restart.as_deref());
        self.text("cron_timezone", "--cron-timezone", o.cron_timezone.as_deref());
        self.switch("cron_after_stop", "--cron-after-stop", o.cron_after_stop);
        self.text("ignore_watch", "--ignore-watch", o.ignore_watch.as_deref());
        self.text("ext", "--ext", o.ext.as_deref());
        let delay = o.watch_delay.as_deref().map(str::trim);
        let delay = delay.map(|text| match text.parse::<f64>() {
            Ok(_) => format!("{text}s"),
            Err(_) => text.to_owned(),
        });
        self.text("watch_delay", "--watch-delay", delay.as_deref());
    }

    fn command(&mut self, o: &Overrides) {
        self.text("name", "--name", o.name.as_deref());
        self.list("args", "--", o.args.clone());
        self.text("interpreter", "--interpreter", o.interpreter.as_deref());
        self.text("interpreter_args", "--interpreter-args", o.interpreter_args.as_deref());
        self.text("instances", "--instances", o.instances.as_deref());
        self.switch("execute_command", "--execute-command", o.execute_command);
        self.switch("source_map_support", "--source-map-support", o.source_maps);
        let words = o.filter_env.iter().map(|word| ByteString::from(word.as_str()));
        self.list("filter_env", "--filter-env", words.collect());
        if !o.env.is_empty() {
            let at = Place::Flag("--env");
            let entry = |(name, value): &(String, ByteString)| Entry {
                key: name.clone(),
                at,
                node: Node { at, value: Value::Text(value.clone()) },
            };
            self.add("env", "--env", Value::Table(o.env.iter().map(entry).collect()));
        }
    }

    fn lifecycle(&mut self, o: &Overrides) {
        self.switch("autostart", "--no-autostart", o.autostart);
        self.switch("autorestart", "--no-autorestart", o.autorestart);
        self.text("max_restarts", "--max-restarts", o.max_restarts.as_deref());
        self.text("min_uptime", "--min-uptime", o.min_uptime.as_deref());
        self.text("restart_delay", "--restart-delay", o.restart_delay.as_deref());
        let backoff = o.exp_backoff_restart_delay.as_deref();
        self.text("exp_backoff_restart_delay", "--exp-backoff-restart-delay", backoff);
        let codes = split(&o.stop_exit_codes).map(ByteString::from);
        self.list("stop_exit_codes", "--stop-exit-codes", codes.collect());
        self.text("kill_timeout", "--kill-timeout", o.kill_timeout.as_deref());
        self.text("kill_signal", "--kill-signal", o.kill_signal.as_deref());
        self.switch("shutdown_with_message", "--shutdown-with-message", o.shutdown_with_message);
        self.switch("wait_ready", "--wait-ready", o.wait_ready);
        self.text("listen_timeout", "--listen-timeout", o.listen_timeout.as_deref());
        self.switch("treekill", "--no-treekill", o.treekill);
        self.text("max_memory_restart", "--max-memory-restart", o.max_memory_restart.as_deref());
    }

    fn logs(&mut self, o: &Overrides) {
        self.path("out_file", "--output", o.out_file.as_deref());
        self.path("error_file", "--error", o.error_file.as_deref());
        match &o.log_file {
            Some(path) if path.as_os_str().is_empty() => {
                self.switch("log_file", "--log", Some(true));
            }
            path => self.path("log_file", "--log", path.as_deref()),
        }
        self.switch("merge_logs", "--merge-logs", o.merge_logs);
        self.switch("disable_logs", "--disable-logs", o.disable_logs);
        self.text("log_date_format", "--log-date-format", o.log_date_format.as_deref());
        self.switch("time", "--time", o.time);
        self.text("log_type", "--log-type", o.log_type.as_deref());
        self.path("pid_file", "--pid", o.pid_file.as_deref());
    }
}

/// Words of flags that take lists: `a,b c` and repetition mean the same.
pub(crate) fn split(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().flat_map(|word| word.split([',', ' '])).filter(|word| !word.is_empty())
}
