//! What becomes of each key in a Compose file.

use crate::fate::ExportFate;
use crate::key::ExportKey;

const JOB: &str = "cron(8) with `docker compose run --rm NAME`; it is written with no replicas";

/// What becomes of each key.
#[rustfmt::skip]
pub(crate) fn fate(key: ExportKey) -> ExportFate {
    use ExportKey as K;
    match key {
        K::Name => ExportFate::same("services.NAME"),
        K::Script | K::Args => ExportFate::same("command, in an image of that name, which has to be built"),
        K::Interpreter | K::InterpreterArgs => ExportFate::changed("it stands in `command`, before the script"),
        K::Cwd => ExportFate::same("working_dir, which has to be in the image"),
        K::Instances => ExportFate::same("deploy.replicas"),
        K::Uid | K::Gid => ExportFate::same("user"),
        K::Groups => ExportFate::same("group_add"),
        K::Env => ExportFate::same("environment"),
        K::Rlimits => ExportFate::same("ulimits"),
        K::OomScoreAdj => ExportFate::same("oom_score_adj"),
        K::MemLimit => ExportFate::same("mem_limit"),
        K::Cpus => ExportFate::same("cpus"),
        K::Cpuset => ExportFate::same("cpuset"),
        K::PidsLimit => ExportFate::same("pids_limit"),
        K::Network => ExportFate::same("network_mode: none"),
        K::Autostart => ExportFate::changed("deploy.replicas: 0"),
        K::DependsOn => ExportFate::same("depends_on"),
        K::Restart => ExportFate::same("restart"),
        K::Autorestart => ExportFate::changed("restart: \"no\""),
        K::StopExitCodes => ExportFate::changed("restart: on-failure, if 0 is among them"),
        K::MaxRestarts | K::StartRetries => ExportFate::changed("restart: on-failure:N, where ends with 0 are no failures; else without end"),
        K::RestartDelay => ExportFate::missing("Docker's pauses grow by its own rules"),
        K::ReloadOrder => ExportFate::same("deploy.update_config.order"),
        K::ReloadParallelism => ExportFate::same("deploy.update_config.parallelism"),
        K::ReloadMonitor => ExportFate::same("deploy.update_config.monitor"),
        K::KillSignal => ExportFate::same("stop_signal"),
        K::KillTimeout => ExportFate::same("stop_grace_period"),
        K::Treekill => ExportFate::same("x-pm; Docker tells the first process, and all others end with it"),
        K::LogMaxSize => ExportFate::same("logging.options.max-size"),
        K::LogKeep => ExportFate::same("logging.options.max-file, which counts the open one"),
        K::OutFile | K::ErrorFile => ExportFate::changed("logging: the engine keeps the output, `docker compose logs` shows it"),
        K::Healthcheck => ExportFate::same("healthcheck"),
        K::Unhealthy => ExportFate::changed("x-pm; Docker shows who is unhealthy and leaves it alone"),
        K::Namespace => ExportFate::missing("all services of a file are of one project"),
        K::InstanceVar => ExportFate::missing("replicas are alike: an app that needs its number takes it from its host name"),
        K::Listen => ExportFate::missing("it opens its sockets itself; `ports` publishes them"),
        K::Umask => ExportFate::missing("`umask` in the entrypoint of the image"),
        K::Nice | K::Ioprio => ExportFate::missing("`cpu_shares` and `blkio_config` weigh containers"),
        K::Isolate | K::WritePaths | K::PrivateTmp => ExportFate::missing("a container has files of its own; `read_only`, `cap_drop` and `security_opt` go further"),
        K::PostStart | K::PreStop | K::PostStop => ExportFate::missing("Compose's own `post_start` and `pre_stop` run inside of the container: write them by hand"),
        K::Secrets => ExportFate::missing("`secrets` of the file and of the service, which lie in /run/secrets"),
        K::ReloadCanary => ExportFate::missing("all instances are replaced, `parallelism` at a time"),
        K::PreStart => ExportFate::missing("a service of its own, and `depends_on` with `service_completed_successfully`"),
        K::MinUptime => ExportFate::missing("Docker counts ten seconds as a success"),
        K::ReloadSignal => ExportFate::missing("`docker compose kill -s HUP NAME` sends it"),
        K::Ready | K::ReadyTimeout => ExportFate::missing("a `healthcheck`, and `depends_on` with `service_healthy`"),
        K::Watchdog => ExportFate::missing("a `healthcheck`"),
        K::MaxMemoryRestart => ExportFate::changed("mem_limit: who takes more is killed, and restarted by its rule"),
        K::Schedule | K::Overlap | K::TimeLimit | K::Retries | K::CatchUp | K::RandomDelay | K::CronTimezone => ExportFate::missing(JOB),
        K::CronRestart => ExportFate::missing("cron(8) with `docker compose restart NAME`"),
    }
}
