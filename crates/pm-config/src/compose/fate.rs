//! What becomes of each key of a Compose service that runs on this machine itself.

use crate::import_note::Fate::{self, Changed, Idle, Same, Unsupported};
use crate::tree::Value;

const CONTAINER: &str = "only a container has it; this service runs on the machine itself";
const NO_CGROUP: &str =
    "a process of this machine is held to `x-pm: { mem_limit, cpus, pids_limit }` and nothing else";
const NOT_HANDED: &str = "it is not handed to the engine";
const MEMORY: &str =
    "it is restarted when its processes together take more, instead of being killed by the kernel";
const NAMED: &str = "an app is called as its service, in the namespace of the project";
const LISTENS: &str = "a process of this machine listens where it says itself";
const LABELS: &str = "apps have no labels";
const ROTATED: &str =
    "the log lies in the folder of logs of `pm`; rotated parts are called NAME__DATE.log";
const LOGGED: &str = "the output goes to a file of `pm` instead";
const HOOKS: &str = "a failure is told and ends nothing; `pre_stop` has 30 s: `x-pm: { pre_stop: { command, timeout } }`";
const HOOK: &str =
    "no container of its own is run; `x-pm: { pre_start: [PROGRAM, ...] }` is run before each run";
const CONFIG: &str = "nothing is mounted; a process of this machine reads the file itself";
const SECRET: &str = "those of a file are in $CREDENTIALS_DIRECTORY instead of /run/secrets, and only the user of the app reads them";
const WATCHED: &str =
    "`pm watch` (`pm up --watch`) restarts it when its files change; nothing is copied";

/// A key of a service, or one below `deploy`, with this value.
pub(crate) fn of(key: &str, value: &Value) -> Fate {
    let text = value.as_text().map(|text| text.display().into_owned()).unwrap_or_default();
    match key {
        "command"
        | "entrypoint"
        | "environment"
        | "env_file"
        | "working_dir"
        | "depends_on"
        | "healthcheck"
        | "restart"
        | "stop_signal"
        | "stop_grace_period"
        | "profiles"
        | "scale"
        | "group_add"
        | "ulimits"
        | "oom_score_adj"
        | "cpuset"
        | "deploy"
        | "deploy.replicas"
        | "deploy.restart_policy" => Same,
        "image" | "build" | "provider" => Idle("`x-pm` has it run on this machine itself"),
        "user" => Changed("HOME, USER and LOGNAME are those of the user"),
        "mem_limit" | "deploy.resources" => Changed(MEMORY),
        "deploy.update_config" => {
            Changed("`order`, `parallelism` and `monitor` say how `pm reload` goes about it")
        }
        "logging" => match value.get("driver").map(|node| node.value.to_bytes()) {
            None => Changed(ROTATED),
            Some(driver) => match driver.as_bytes() {
                b"json-file" | b"local" => Changed(ROTATED),
                b"none" => Same,
                _ => Unsupported(LOGGED),
            },
        },
        "network_mode" => match text.as_str() {
            "host" => Same,
            "none" => Changed("it makes local sockets only"),
            _ => Unsupported(CONTAINER),
        },
        "container_name" | "hostname" | "domainname" => Idle(NAMED),
        "ports" | "expose" | "networks" | "links" | "init" | "pull_policy" | "platform" => {
            Idle(LISTENS)
        }
        "labels" | "annotations" | "label_file" | "attach" => Idle(LABELS),
        "deploy.labels"
        | "deploy.placement"
        | "deploy.endpoint_mode"
        | "deploy.rollback_config" => Idle("Compose itself makes nothing of it"),
        "deploy.mode" if text == "replicated" => Same,
        "post_start" | "pre_stop" => Changed(HOOKS),
        "pre_start" => Unsupported(HOOK),
        "secrets" => Changed(SECRET),
        "configs" => Unsupported(CONFIG),
        "develop" => Changed(WATCHED),
        _ if value.is_falsy() => Same,
        "cpus" | "cpu_shares" | "cpu_quota" | "cpu_period" | "cpu_count" | "cpu_percent"
        | "cpu_rt_period" | "cpu_rt_runtime" | "pids_limit" | "mem_reservation"
        | "memswap_limit" | "mem_swappiness" | "blkio_config" | "oom_kill_disable" => {
            Unsupported(NO_CGROUP)
        }
        _ => Unsupported(CONTAINER),
    }
}

/// The same of a service that runs in a container, where most of them are the engine's business.
pub(crate) fn contained(key: &str, value: &Value) -> Fate {
    match key {
        "healthcheck" => {
            Changed("`pm` asks, by a command in the container; that of an image is not looked at")
        }
        "restart" | "deploy.restart_policy" => Changed("`pm` starts it again, not the engine"),
        "secrets" | "configs" => Changed("those of a file are mounted, other ones are not"),
        "build.context" | "build.dockerfile" | "build.target" | "build.network"
        | "build.shm_size" | "build.isolation" | "build.no_cache" | "build.pull" | "build.args"
        | "build.labels" | "build.tags" => Same,
        _ if key.starts_with("build.") && !value.is_falsy() => Unsupported(NOT_HANDED),
        "post_start" | "pre_stop" => Changed(HOOKS),
        "pre_start" | "develop" => of(key, value),
        "links" | "attach" | "container_name" => Same,
        "external_links" | "credential_spec" | "blkio_config" | "gpus" | "use_api_socket"
        | "models" | "cpu_count" | "cpu_percent" | "oom_kill_disable" | "pull_refresh_after"
        | "label_file"
            if !value.is_falsy() =>
        {
            Unsupported(NOT_HANDED)
        }
        _ if key == "logging" || key.starts_with("deploy.") => match (key, of(key, value)) {
            ("deploy.resources", _) => Same,
            (_, fate) => fate,
        },
        _ => Same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::service_keys::SERVICE_ROWS;

    #[test]
    fn what_is_taken_over_is_tried() {
        let tried = include_str!("../../tests/it/compose.rs");
        for row in SERVICE_ROWS {
            let is_taken = matches!(of(row.key, &Value::text("x")), Same | Changed(_));
            let is_tried = tried.contains(&format!("{}:", row.key));
            assert!(!is_taken || is_tried, "`{}` stands nowhere in tests/it/compose.rs", row.key);
        }
    }
}
