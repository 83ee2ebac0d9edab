//! Keys that no other engine has anything like, or that had done their work when the file was read.

const READ: &str = "it had done its work when the file was read";
const NODE: &str = "a part of pm's Node support; plain processes there";
const LOGS: &str = "the logs are the engine's; how they are kept is set there";
const EVENTS: &str = "the engine's own events and alerts tell it";
const DEPLOY: &str = "restart it from whoever changes its files";

/// Why no engine has anything like this key, and what instead; none: some have, or nobody knows it.
pub fn why(key: &str) -> Option<&'static str> {
    Some(match key {
        "profiles" | "filter_env" | "append_env_to_name" | "env_file" | "port"
        | "execute_command" | "disable_logs" | "time" => READ,
        "project" => "what goes together is one file there",
        "exec_mode" => {
            "Node's cluster is pm's; its workers are plain instances there, behind a load balancer or `reusePort`"
        }
        "sched" | "cluster_preload" | "channel" | "shutdown_with_message" => NODE,
        "source_map_support" | "disable_source_map_support" => {
            "write `--enable-source-maps` into `interpreter_args`"
        }
        "increment_var" => "nothing counts up there; an app adds the number of its instance itself",
        "wait_ready" | "listen_timeout" => {
            "Node's `process.send('ready')` is told to pm alone; a `ready` by HTTP or TCP has counterparts"
        }
        "exp_backoff_restart_delay" => "pauses between restarts grow by the engine's own rules",
        "preset" => "its signals and times are written out",
        "flapping_limit" | "on_ready" | "on_exit" | "on_flapping" | "on_gave_up"
        | "on_unhealthy" | "on_job_failed" => EVENTS,
        "post_update" | "watch" | "ignore_watch" | "ext" | "watch_delay" | "watch_options" => {
            DEPLOY
        }
        "log_file" | "merge_logs" | "log_type" | "log_date_format" | "log_compress"
        | "log_full" => LOGS,
        "pid_file" => "the engine knows the pid",
        "cron_after_stop" => "what is stopped there stays so",
        _ => return None,
    })
}
