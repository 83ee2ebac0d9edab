//! What differs between two specs of one app, and what it takes to make a running one as the new spec says.
//!
//! The shell an app happened to be started from is no part of its specification: only variables that the file or the
//! command line declares are compared.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::{
    AppSpec, ByteString, Delay, Environment, Identifier, LogFormat, LogSpec, LogTarget, Schedule,
    Serving, looks_secret,
};

/// What it takes to bring a change about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Nothing: there is no change, or nobody but a reader sees it.
    Nothing,
    /// It holds from now on; the run goes on.
    Live,
    /// A new run.
    Renewal,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The attribute as it is called in a file; `env.NAME` for a variable.
    pub what: String,
    /// What it takes.
    pub effort: Effort,
    /// The old value for people, secrets masked; `None`: it was not set.
    pub from: Option<String>,
    /// The new value likewise.
    pub to: Option<String>,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => write!(f, "{what} {from} -> {to}"),
            (None, Some(to)) => write!(f, "{what} added: {to}"),
            (Some(_), None) => write!(f, "{what} removed"),
            (None, None) => f.write_str(what),
        }
    }
}

/// A longer value is cut where it is shown.
const SHOWN: usize = 60;

impl AppSpec {
    /// What is different in `new`, in the order of the manual.
    pub fn edits(&self, new: &Self) -> Vec<Edit> {
        let mut edits = Edits(Vec::new());
        edits.program(self, new);
        edits.environment(self, new);
        edits.policy(self, new);
        edits.senses(self, new);
        edits.serving(&self.serving, &new.serving);
        edits.logs(&self.logs, &new.logs);
        edits.rest(self, new);
        edits.0
    }

    /// What it takes to make a run of this one as `new` says.
    pub fn effort(&self, new: &Self) -> Effort {
        self.edits(new).iter().map(|edit| edit.effort).max().unwrap_or(Effort::Nothing)
    }

    /// `new` for a run that goes on: with the environment it was started with.
    #[must_use]
    pub fn carried_on(&self, new: Self) -> Self {
        Self { env: self.env.clone(), ..new }
    }

    /// The environment with a shell's laid over it (PM2: `--update-env`). What came from the shell before and is not in
    /// it any more goes; what the file declares stays where the shell says nothing else.
    pub fn seen_from(&self, shell: &Environment) -> Environment {
        let mut env = shell.clone();
        for (name, value) in self.env.iter() {
            let is_declared =
                self.declared_env.iter().any(|known| known.as_bytes() == name.as_bytes());
            if env.get(name).is_none() && (is_declared || is_ours(name)) {
                env.set(name, value.clone());
            }
        }
        env
    }
}

/// A variable that we set ourselves for the language of the app, not its shell.
fn is_ours(name: &str) -> bool {
    name == "PYTHONUNBUFFERED"
}

struct Edits(Vec<Edit>);

impl Edits {
    /// Notes a value if it changed; `show` says it for people.
    fn note<T: PartialEq + ?Sized>(
        &mut self,
        what: &str,
        effort: Effort,
        (old, new): (&T, &T),
        show: impl Fn(&T) -> Option<String>,
    ) {
        if old != new {
            let (from, to) = (show(old).map(short), show(new).map(short));
            self.0.push(Edit { what: what.into(), effort, from, to });
        }
    }

    /// A value that shows itself.
    fn plain<T: PartialEq + fmt::Display>(&mut self, what: &str, effort: Effort, pair: (&T, &T)) {
        self.note(what, effort, pair, |value| Some(value.to_string()));
    }

    fn program(&mut self, old: &AppSpec, new: &AppSpec) {
        let renewal = Effort::Renewal;
        let bytes = |value: &ByteString| Some(value.display().into_owned());
        let maybe = |value: &Option<ByteString>| value.as_ref().map(|it| it.display().into_owned());
        self.note("script", renewal, (&old.script, &new.script), bytes);
        self.note("args", renewal, (&*old.args, &*new.args), words);
        self.note("interpreter", renewal, (&old.interpreter, &new.interpreter), maybe);
        let pair = (&*old.interpreter_args, &*new.interpreter_args);
        self.note("interpreter_args", renewal, pair, words);
        self.note("cwd", renewal, (&old.cwd, &new.cwd), bytes);
        self.plain("instances", Effort::Live, (&old.instances, &new.instances));
        self.note("instance_var", renewal, (&old.instance_var, &new.instance_var), bytes);
        self.note("increment_var", renewal, (&old.increment_var, &new.increment_var), maybe);
    }

    fn environment(&mut self, old: &AppSpec, new: &AppSpec) {
        let names: BTreeSet<_> = old.declared_env.iter().chain(&new.declared_env).collect();
        for name in names {
            let name = name.display();
            let pair = (&old.env.get(&name).cloned(), &new.env.get(&name).cloned());
            let show = |value: &Option<ByteString>| {
                let value = value.as_ref()?;
                let hidden = looks_secret(&name);
                Some(if hidden { "***".into() } else { value.display().into_owned() })
            };
            self.note(&format!("env.{name}"), Effort::Renewal, pair, show);
        }
    }

    fn policy(&mut self, old: &AppSpec, new: &AppSpec) {
        let live = Effort::Live;
        let (was, is) = (&old.restart, &new.restart);
        self.plain("autostart", live, (&old.autostart, &new.autostart));
        self.plain("autorestart", live, (&was.autorestart, &is.autorestart));
        self.plain("max_restarts", live, (&was.max_restarts, &is.max_restarts));
        self.plain("min_uptime", live, (&was.min_uptime, &is.min_uptime));
        self.note("restart_delay", live, (&was.delay, &is.delay), |delay| match delay {
            Delay::Automatic => Some("automatic".into()),
            Delay::Fixed(span) => Some(span.to_string()),
            Delay::Exponential(span) => Some(format!("{span} growing")),
        });
        self.note("stop_exit_codes", live, (&was.stop_exit_codes, &is.stop_exit_codes), |codes| {
            let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
            (!codes.is_empty()).then(|| codes.join(" "))
        });
        self.note("max_memory_restart", live, (&old.limits.memory, &new.limits.memory), |limit| {
            limit.map(|limit| limit.to_string())
        });
        let (was, is) = (&old.stop, &new.stop);
        self.plain("kill_signal", live, (&was.signal, &is.signal));
        self.plain("kill_timeout", live, (&was.timeout, &is.timeout));
        self.plain("treekill", live, (&was.tree, &is.tree));
        self.plain("shutdown_with_message", live, (&was.by_message, &is.by_message));
    }

    fn senses(&mut self, old: &AppSpec, new: &AppSpec) {
        let live = Effort::Live;
        self.note("cron_restart", live, (&old.schedule, &new.schedule), |schedule| {
            let Schedule { pattern, zone, after_stop } = schedule.as_ref()?;
            let zone = zone.as_ref().map_or(String::new(), |zone| format!(" {zone}"));
            let stopped = if *after_stop { " after stop too" } else { "" };
            Some(format!("{pattern}{zone}{stopped}"))
        });
        self.note("watch", live, (&old.watch, &new.watch), |watch| {
            let watch = watch.as_ref().filter(|watch| watch.on)?;
            words(&watch.paths)
        });
    }

    fn serving(&mut self, old: &Serving, new: &Serving) {
        // All of it, so that nothing that is added later is forgotten here.
        let Serving {
            mode,
            sched,
            channel,
            preload,
            wait_ready,
            listen_timeout,
            source_maps,
            // No file says it, and nobody acts on it.
            monitored: _,
        } = old;
        let renewal = Effort::Renewal;
        self.note("exec_mode", renewal, (mode, &new.mode), |mode| Some(mode.as_str().into()));
        self.note("sched", renewal, (sched, &new.sched), |sched| Some(format!("{sched:?}")));
        self.plain("channel", renewal, (channel, &new.channel));
        self.plain("cluster_preload", renewal, (preload, &new.preload));
        self.plain("wait_ready", Effort::Live, (wait_ready, &new.wait_ready));
        self.plain("listen_timeout", Effort::Live, (listen_timeout, &new.listen_timeout));
        self.plain("source_map_support", renewal, (source_maps, &new.source_maps));
    }

    fn logs(&mut self, old: &LogSpec, new: &LogSpec) {
        let LogSpec { out, error, combined, merge, format, rotation, full } = old;
        let (renewal, live) = (Effort::Renewal, Effort::Live);
        self.note("out_file", renewal, (out, &new.out), target);
        self.note("error_file", renewal, (error, &new.error), target);
        self.note("log_file", renewal, (combined, &new.combined), |path| {
            path.as_ref().map(|path| path.display().into_owned())
        });
        self.plain("merge_logs", renewal, (merge, &new.merge));
        self.note("log_date_format", renewal, (format, &new.format), |format| match format {
            LogFormat::Raw => None,
            LogFormat::Stamped(stamp) => Some(stamp.clone()),
            LogFormat::Json(stamp) => Some(format!("json {}", stamp.as_deref().unwrap_or(""))),
        });
        let (was, is) = (rotation, &new.rotation);
        self.note("log_max_size", live, (&was.max_size, &is.max_size), |size| {
            size.map(|size| size.to_string())
        });
        self.plain("log_keep", live, (&was.keep, &is.keep));
        self.plain("log_compress", live, (&was.compress, &is.compress));
        self.note("log_full", live, (full, &new.full), |full| {
            Some(format!("{full:?}").to_lowercase())
        });
    }

    /// The pid file and the user; and all fields once more, so that one that is added later has to be looked at here.
    fn rest(&mut self, old: &AppSpec, new: &AppSpec) {
        let AppSpec {
            name: _,
            namespace: _,
            script: _,
            interpreter: _,
            interpreter_args: _,
            args: _,
            cwd: _,
            env: _,
            declared_env: _,
            instances: _,
            instance_var: _,
            increment_var: _,
            autostart: _,
            restart: _,
            stop: _,
            limits: _,
            schedule: _,
            watch: _,
            serving: _,
            logs: _,
            pid_file,
            user,
            version: _,
            source: _,
        } = old;
        self.note("pid_file", Effort::Renewal, (pid_file, &new.pid_file), |path| {
            path.as_ref().map(|path| path.display().into_owned())
        });
        self.note("uid", Effort::Renewal, (user, &new.user), |user| {
            let user = user.as_ref()?;
            let name = |one: &Identifier| match one {
                Identifier::Number(number) => number.to_string(),
                Identifier::Name(name) => name.display().into_owned(),
            };
            let parts: Vec<_> = [&user.uid, &user.gid].into_iter().flatten().map(name).collect();
            Some(parts.join(":"))
        });
    }
}

fn words(words: &[ByteString]) -> Option<String> {
    let words: Vec<_> = words.iter().map(ByteString::display).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

fn target(target: &LogTarget) -> Option<String> {
    match target {
        LogTarget::File(path) => Some(path.display().into_owned()),
        LogTarget::Discard => None,
    }
}

fn short(text: String) -> String {
    if text.is_empty() {
        return "\"\"".into();
    }
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
