//! The keys of an app. Each target says in a `match` of its own what becomes of each, so that a new one has to be decided for all.

macro_rules! keys {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A key of an app that an engine may have a counterpart for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "docs/keys.md says what each means")]
        pub enum ExportKey {
            $($variant),*
        }

        impl ExportKey {
            /// All of them, in the order of the registry.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in an ecosystem file.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }
        }
    };
}

keys! {
    Name = "name", Namespace = "namespace", Script = "script", Args = "args", Cwd = "cwd",
    Interpreter = "interpreter", InterpreterArgs = "interpreter_args", Instances = "instances", Listen = "listen",
    Umask = "umask", Nice = "nice", Uid = "uid", Gid = "gid", Groups = "groups",
    Env = "env", InstanceVar = "instance_var",
    PreStart = "pre_start", PostStart = "post_start", PreStop = "pre_stop", PostStop = "post_stop",
    Secrets = "secrets",
    Rlimits = "rlimits", Ioprio = "ioprio", OomScoreAdj = "oom_score_adj", MemLimit = "mem_limit", Cpus = "cpus",
    Cpuset = "cpuset", PidsLimit = "pids_limit", Isolate = "isolate", WritePaths = "write_paths", PrivateTmp = "private_tmp",
    Network = "network",
    Autostart = "autostart", DependsOn = "depends_on", Restart = "restart", Autorestart = "autorestart",
    MaxRestarts = "max_restarts", StartRetries = "start_retries", MinUptime = "min_uptime",
    RestartDelay = "restart_delay", StopExitCodes = "stop_exit_codes", ReloadSignal = "reload_signal",
    ReloadOrder = "reload_order", ReloadParallelism = "reload_parallelism", ReloadMonitor = "reload_monitor",
    ReloadCanary = "reload_canary",
    KillSignal = "kill_signal", KillTimeout = "kill_timeout", Treekill = "treekill",
    OutFile = "out_file", ErrorFile = "error_file", LogMaxSize = "log_max_size", LogKeep = "log_keep",
    Ready = "ready", ReadyTimeout = "ready_timeout", Healthcheck = "healthcheck", Watchdog = "watchdog",
    Unhealthy = "unhealthy",
    MaxMemoryRestart = "max_memory_restart", Schedule = "schedule", Overlap = "overlap", TimeLimit = "time_limit",
    Retries = "retries", CronRestart = "cron_restart", CronTimezone = "cron_timezone", CatchUp = "catch_up",
    RandomDelay = "random_delay",
}

impl ExportKey {
    /// The key of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|key| key.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use pm_spec::options::{self, KeyKind};

    use super::*;
    use crate::nowhere;

    #[test]
    fn every_key_of_the_registry_is_here_or_has_a_reason_why_nothing_is_like_it() {
        for row in options::keys().filter(|row| !matches!(row.kind, KeyKind::Unused)) {
            let is_here = ExportKey::named(row.name).is_some();
            assert!(
                is_here != nowhere::why(row.name).is_some(),
                "`{}`: decide what becomes of it",
                row.name
            );
        }
        for key in ExportKey::ALL {
            assert!(
                options::key(key.name()).is_some(),
                "nothing is called `{}` any more",
                key.name()
            );
        }
    }
}
