//! What becomes of each key in jobs of Nomad.

use crate::fate::ExportFate;
use crate::key::ExportKey;

const SET: &str = "a script that sets it before it `exec`s the program";

/// What becomes of a key, unless its value is special.
#[rustfmt::skip]
pub(crate) fn fate(key: ExportKey) -> ExportFate {
    use ExportKey as K;
    match key {
        K::Name => ExportFate::same("Job.ID"),
        K::Namespace => ExportFate::same("Job.Namespace, which has to be there"),
        K::Script | K::Args => ExportFate::same("Config.command and Config.args of raw_exec"),
        K::Interpreter | K::InterpreterArgs => ExportFate::changed("it is Config.command, before the script"),
        K::Cwd => ExportFate::same("Config.work_dir"),
        K::Instances => ExportFate::same("TaskGroups.Count"),
        K::InstanceVar => ExportFate::same("Env: ${NOMAD_ALLOC_INDEX}"),
        K::Env => ExportFate::same("Env"),
        K::Uid => ExportFate::same("Tasks.User"),
        K::PostStart | K::PreStop | K::PostStop => ExportFate::missing("tasks with the lifecycle hooks `poststart` and `poststop`"),
        K::Secrets => ExportFate::missing("a `template` into `secrets/`"),
        K::ReloadCanary => ExportFate::changed("Update.Canary with AutoPromote: they begin beside the old ones"),
        K::PreStart => ExportFate::changed("a task with the lifecycle hook `prestart`: once for each allocation"),
        K::MemLimit => ExportFate::changed("Resources.MemoryMB: whole MiB, which are also set aside"),
        K::MaxMemoryRestart => ExportFate::changed("Resources.MemoryMB: who takes more is killed, and started again"),
        K::Cpus => ExportFate::missing("only whole ones can be set aside: Resources.Cores"),
        K::Autostart => ExportFate::changed("TaskGroups.Count: 0"),
        K::Restart | K::Autorestart => ExportFate::changed("RestartPolicy; what is not started again is a job of type batch"),
        K::MaxRestarts | K::StartRetries => ExportFate::changed("RestartPolicy.Attempts: within Interval, not in a row"),
        K::MinUptime => ExportFate::changed("RestartPolicy.Interval: so many attempts, each so long"),
        K::RestartDelay => ExportFate::same("RestartPolicy.Delay"),
        K::ReloadOrder => ExportFate::changed("Update.Canary, which is promoted by itself"),
        K::ReloadParallelism => ExportFate::same("Update.MaxParallel"),
        K::ReloadMonitor => ExportFate::same("Update.MinHealthyTime"),
        K::KillSignal => ExportFate::same("KillSignal"),
        K::KillTimeout => ExportFate::same("KillTimeout"),
        K::LogMaxSize => ExportFate::changed("LogConfig.MaxFileSizeMB: whole MiB"),
        K::LogKeep => ExportFate::same("LogConfig.MaxFiles, which counts the open one"),
        K::Ready => ExportFate::changed("a check of Services: the update waits until it passes"),
        K::ReadyTimeout => ExportFate::same("Update.HealthyDeadline"),
        K::Healthcheck => ExportFate::changed("a check of Services, by a port of its own or, for commands, through Consul"),
        K::Unhealthy => ExportFate::same("no CheckRestart"),
        K::Schedule => ExportFate::same("Periodic.Specs"),
        K::CronTimezone => ExportFate::same("Periodic.TimeZone"),
        K::Retries => ExportFate::same("RestartPolicy.Attempts of a batch job"),
        K::Overlap => ExportFate::missing("Periodic.ProhibitOverlap leaves a time out, and is written"),
        K::TimeLimit => ExportFate::missing("`timeout` before its command"),
        K::CatchUp => ExportFate::missing("a missed launch is made up for when a leader is there again"),
        K::RandomDelay => ExportFate::missing("`sleep` in the command of the job"),
        K::CronRestart => ExportFate::missing("a periodic job that runs `nomad job restart NAME`"),
        K::Gid | K::Groups => ExportFate::missing("a task runs with the groups of its user"),
        K::Listen => ExportFate::missing("it opens its sockets itself; Networks gives it ports"),
        K::Umask | K::Nice | K::Ioprio | K::Rlimits | K::OomScoreAdj | K::Cpuset => ExportFate::missing(SET),
        K::PidsLimit | K::Isolate | K::WritePaths | K::PrivateTmp | K::Network => ExportFate::missing("the drivers exec and docker keep tasks apart"),
        K::DependsOn => ExportFate::missing("a prestart task that waits for a service"),
        K::StopExitCodes => ExportFate::missing("a service is started again whatever its code"),
        K::ReloadSignal => ExportFate::missing("`nomad alloc signal -s SIGHUP` sends it"),
        K::Treekill => ExportFate::missing("the first process is told, and all others end with it"),
        K::OutFile | K::ErrorFile => ExportFate::missing("Nomad keeps the output: `nomad alloc logs`"),
        K::Watchdog => ExportFate::missing("a check of Services"),
    }
}
