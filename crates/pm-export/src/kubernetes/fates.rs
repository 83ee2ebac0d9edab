//! What becomes of each key in manifests of Kubernetes.

use crate::fate::ExportFate;
use crate::key::ExportKey;

const SET: &str = "an entrypoint of the image that sets it before it `exec`s the program";

/// What becomes of a key, unless its value is special.
#[rustfmt::skip]
pub(crate) fn fate(key: ExportKey) -> ExportFate {
    use ExportKey as K;
    match key {
        K::Name => ExportFate::same("metadata.name"),
        K::Namespace => ExportFate::same("metadata.namespace, which has to be there"),
        K::Script | K::Args => ExportFate::same("command, in an image of that name, which has to be built"),
        K::Interpreter | K::InterpreterArgs => ExportFate::changed("it stands in `command`, before the script"),
        K::Cwd => ExportFate::same("workingDir, which has to be in the image"),
        K::Instances => ExportFate::same("replicas, with a PodDisruptionBudget; of a job completions"),
        K::Env => ExportFate::same("a ConfigMap"),
        K::Uid => ExportFate::same("securityContext.runAsUser"),
        K::Gid => ExportFate::same("securityContext.runAsGroup"),
        K::Groups => ExportFate::same("securityContext.supplementalGroups"),
        K::PostStart | K::PreStop | K::PostStop => ExportFate::missing("`lifecycle.postStart` and `preStop` run inside of the container: write them by hand"),
        K::Secrets => ExportFate::missing("a Secret, mounted as a volume"),
        K::ReloadCanary => ExportFate::missing("a second Deployment with the new version, or Argo Rollouts"),
        K::PreStart => ExportFate::changed("an init container: before the first run of a pod only"),
        K::MemLimit => ExportFate::same("resources.limits.memory"),
        K::Cpus => ExportFate::same("resources.limits.cpu"),
        K::MaxMemoryRestart => ExportFate::changed("resources.limits.memory: who takes more is killed, and started again"),
        K::Isolate => ExportFate::changed("allowPrivilegeEscalation: false; for `strict` also no capabilities and seccompProfile RuntimeDefault"),
        K::PrivateTmp => ExportFate::changed("emptyDir at /tmp and /var/tmp, which live as long as the pod"),
        K::Network => ExportFate::changed("a NetworkPolicy that permits nothing, where the cluster heeds such"),
        K::Autostart => ExportFate::changed("replicas: 0; of jobs `suspend`"),
        K::Restart | K::Autorestart => ExportFate::changed("what is started again is a Deployment, without end; what is not, a Job"),
        K::ReloadOrder => ExportFate::same("strategy.rollingUpdate: maxSurge or maxUnavailable"),
        K::ReloadParallelism => ExportFate::same("strategy.rollingUpdate"),
        K::ReloadMonitor => ExportFate::same("minReadySeconds"),
        K::KillTimeout => ExportFate::same("terminationGracePeriodSeconds"),
        K::Ready => ExportFate::same("readinessProbe"),
        K::ReadyTimeout => ExportFate::changed("progressDeadlineSeconds: of the whole rollout"),
        K::Healthcheck => ExportFate::same("livenessProbe"),
        K::Unhealthy => ExportFate::changed("no livenessProbe is written, for it restarts"),
        K::Schedule => ExportFate::same("a CronJob: schedule"),
        K::CronTimezone => ExportFate::same("timeZone"),
        K::Overlap => ExportFate::same("concurrencyPolicy: Forbid or Replace"),
        K::TimeLimit => ExportFate::same("activeDeadlineSeconds of a job"),
        K::Retries => ExportFate::same("backoffLimit of a job"),
        K::CatchUp => ExportFate::changed("no startingDeadlineSeconds, which else is 60"),
        K::CronRestart => ExportFate::missing("a CronJob that runs `kubectl rollout restart`"),
        K::RandomDelay => ExportFate::missing("`sleep` in the command of the job"),
        K::InstanceVar => ExportFate::missing("replicas are alike; pods of a StatefulSet have numbers in their names"),
        K::Listen => ExportFate::missing("it opens its sockets itself; a Service publishes them"),
        K::Umask | K::Nice | K::Ioprio | K::Rlimits | K::OomScoreAdj | K::Cpuset => ExportFate::missing(SET),
        K::PidsLimit => ExportFate::missing("podPidsLimit of the kubelet holds for all pods of a node"),
        K::WritePaths => ExportFate::missing("a PersistentVolumeClaim for what has to last"),
        K::DependsOn => ExportFate::missing("who is not ready is tried again; an init container can wait for a Service"),
        K::StopExitCodes => ExportFate::missing("a Deployment starts what ended again, whatever its code"),
        K::MaxRestarts | K::StartRetries | K::MinUptime | K::RestartDelay => ExportFate::missing("CrashLoopBackOff: pauses of 10 s, 20 s ... 5 min, without end"),
        K::ReloadSignal => ExportFate::missing("`kubectl exec POD -- kill -HUP 1` sends it"),
        K::KillSignal => ExportFate::missing("STOPSIGNAL of the image says it; SIGTERM if that says nothing"),
        K::Treekill => ExportFate::missing("the first process is told, and all others end with it"),
        K::OutFile | K::ErrorFile | K::LogMaxSize | K::LogKeep => ExportFate::missing("the kubelet keeps and rotates what is written to the streams: `kubectl logs`"),
        K::Watchdog => ExportFate::missing("a livenessProbe"),
    }
}
