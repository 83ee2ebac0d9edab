//! What becomes of each key of process-compose; whatever is not here, nobody knows.

use crate::import_note::Fate::{self, Changed, Idle, Same, Unsupported};
use crate::tree::Value;

const SCREEN: &str =
    "it is about the screen and the server of process-compose: `pm monit`, `pm web`";
const OWN_LOG: &str = "each process has a log of its own; `pm logs` shows all of them";
const LINES: &str = "its lines are written as they are, without JSON around them";
const FORM: &str = "lines are written as they are; `log_date_format` stamps them, `log_type: \"json\"` is one object a line";
const ROTATED: &str = "rotated parts are called NAME__DATE.log";
const ENDS_ALL: &str =
    "what ends here ends alone: `pm wait NAME` ends as it did, and `pm down` ends the others";
const NO_TERMINAL: &str = "apps have no terminal; `pm attach NAME` has its input and output";
const ASKED: &str = "it is asked every second until it first answers well, and goes on as long as it does not fail so often; by curl where it is no address of this machine or TLS";
const PRINTED: &str = "printed anew at each start of a process; one that fails fails the start";
const TEMPLATES: &str = "`{{.NAME}}` and `{{\"text\"}}` are filled in, other templates are errors";
const COUNTED: &str = "counted anew once a run has been up for `min_uptime`";
const COMMAND: &str = "run before the signal, in the time of `timeout_seconds`";
const MODEL: &str = "no tools for models are served";
const WATCHED: &str =
    "`ignore_watch` says what does not count; a folder of dependencies or a log never does";

/// Often meant.
pub(super) const OFTEN: [&str; 24] = [
    "command",
    "entrypoint",
    "working_dir",
    "environment",
    "env_file",
    "depends_on",
    "availability",
    "restart",
    "backoff_seconds",
    "max_restarts",
    "readiness_probe",
    "liveness_probe",
    "http_get",
    "exec",
    "shutdown",
    "signal",
    "timeout_seconds",
    "replicas",
    "namespace",
    "is_daemon",
    "disabled",
    "log_location",
    "processes",
    "schedule",
];

/// Whether a key of a process, or of the project if that has no name, has keys of its own below it.
pub(super) fn has_keys(process: &str, key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    let of_process = [
        "availability",
        "shutdown",
        "readiness_probe",
        "liveness_probe",
        "exec",
        "http_get",
        "log_configuration",
        "rotation",
        "schedule",
        "watch",
    ];
    if process.is_empty() { key == "shell" } else { of_process.contains(&last) }
}

/// A key by the way to it; `None`: process-compose has no such key.
pub(super) fn of(process: &str, key: &str, value: &Value) -> Option<Fate> {
    if process.is_empty() {
        return of_project(key);
    }
    let is_off = value.is_falsy();
    let text = value.as_word().map(|text| text.display().into_owned()).unwrap_or_default();
    match key.split_once('.') {
        Some(("readiness_probe" | "liveness_probe", probe)) => of_probe(probe),
        Some(("log_configuration", form)) => of_log(form, is_off),
        Some((of_what, below)) => of_rule((of_what, below), &text, is_off),
        None => of_process(key, value, &text),
    }
}

fn of_process(key: &str, value: &Value, text: &str) -> Option<Fate> {
    let is_off = value.is_falsy();
    Some(match key {
        "description" | "launch_timeout_seconds" => Idle("nothing here shows or needs it"),
        "original_config" | "replica_num" | "replica_name" | "executable" | "args" => {
            Idle("process-compose sets it itself")
        }
        "disable_ansi_colors" | "monitor_for" | "monitor_silence_threshold" => Idle(SCREEN),
        "vars" => Changed(TEMPLATES),
        "replicas" if text != "1" => Changed("each copy is an app of its own, NAME-0, NAME-1 ..."),
        "namespace" if value.as_list().is_some_and(|all| all.len() > 1) => Unsupported(
            "an app has one namespace, here the first; `profiles` choose groups that overlap",
        ),
        "is_daemon" if !is_off => Changed(
            "a process that sleeps stands for it; its processes end with it, and `liveness_probe` says whether it is well",
        ),
        "is_foreground" if !is_off => Changed("it is only made known: `pm start NAME` begins it"),
        "is_elevated" if !is_off => Unsupported(
            "nobody is asked for a password: `pm` as root starts it as root, and `uid` says who runs the others",
        ),
        "is_tty" | "is_interactive" if !is_off => Unsupported(NO_TERMINAL),
        "mcp" => Unsupported(MODEL),
        "log_location" => Changed(LINES),
        "truncate_log" if !is_off => Unsupported("logs are kept; `pm flush NAME` empties them"),
        "success_exit_codes" => {
            Changed("it is not started again after these; who waits for its success wants 0")
        }
        "command"
        | "entrypoint"
        | "environment"
        | "env_file"
        | "working_dir"
        | "depends_on"
        | "disabled"
        | "is_disabled"
        | "extends"
        | "is_dotenv_disabled"
        | "is_template_disabled"
        | "name"
        | "replicas"
        | "namespace"
        | "is_daemon"
        | "is_foreground"
        | "is_elevated"
        | "is_tty"
        | "is_interactive"
        | "truncate_log"
        | "ready_log_line" => Same,
        _ => return None,
    })
}

/// When it runs, how it ends, and what it watches.
fn of_rule(key: (&str, &str), text: &str, is_off: bool) -> Option<Fate> {
    Some(match key {
        ("availability", "restart") if text == "exit_on_failure" => Unsupported(ENDS_ALL),
        ("availability", "max_restarts") if !is_off => Changed(COUNTED),
        ("availability", "exit_on_end" | "exit_on_skipped") if !is_off => Unsupported(ENDS_ALL),
        ("shutdown", "command") => Changed(COMMAND),
        ("shutdown", "send_keys") => Unsupported(NO_TERMINAL),
        ("schedule", "interval") => Changed("counted from the full minute, hour or day"),
        ("schedule", "run_on_start") if !is_off => Unsupported("`pm run NAME` runs it now"),
        ("schedule", "max_concurrent") if text != "1" && !is_off => {
            Unsupported("it runs once at a time; `overlap` says what becomes of the next time")
        }
        ("watch", "cascade") if !is_off => {
            Unsupported("`depends_on: { NAME: { restart: true } }` is restarted with it")
        }
        ("watch", "disable_default_excludes") if !is_off => Unsupported(WATCHED),
        ("watch", "max_entries" | "buffer_size") => Idle("the kernel's own limits hold"),
        (
            "availability",
            "restart" | "backoff_seconds" | "max_restarts" | "exit_on_end" | "exit_on_skipped",
        )
        | ("shutdown", "signal" | "timeout_seconds" | "parent_only")
        | ("schedule", "cron" | "timezone" | "run_on_start" | "max_concurrent")
        | ("watch", "paths" | "debounce" | "cascade" | "disable_default_excludes") => Same,
        _ => return None,
    })
}

fn of_project(key: &str) -> Option<Fate> {
    Some(match key {
        "name"
        | "environment"
        | "shell.shell_command"
        | "shell.shell_argument"
        | "is_strict"
        | "disable_env_expansion"
        | "extends" => Same,
        "vars" => Changed(TEMPLATES),
        "env_cmds" => Changed(PRINTED),
        "ordered_shutdown" => Changed("the end comes in reverse anyway"),
        "version" => Idle("there is one version"),
        "shell.elevated_shell_command" | "shell.elevated_shell_argument" => {
            Idle("nothing is elevated")
        }
        "log_level" | "log_length" | "log_format" | "is_tui_disabled" => Idle(SCREEN),
        "file_names" | "env_file_names" | "dot_env_vars" => Idle("process-compose sets it itself"),
        "log_location" | "log_configuration" => Unsupported(OWN_LOG),
        "mcp_server" => Unsupported(MODEL),
        _ => return None,
    })
}

fn of_probe(key: &str) -> Option<Fate> {
    Some(match key {
        "exec.command"
        | "exec.working_dir"
        | "http_get.host"
        | "http_get.path"
        | "http_get.scheme"
        | "http_get.port"
        | "http_get.num_port"
        | "http_get.headers"
        | "http_get.status_code"
        | "timeout_seconds"
        | "period_seconds" => Same,
        "initial_delay_seconds" | "failure_threshold" => Changed(ASKED),
        "success_threshold" => Idle("process-compose makes nothing of it"),
        _ => return None,
    })
}

fn of_log(key: &str, is_off: bool) -> Option<Fate> {
    Some(match key {
        "rotation.max_size_mb" | "rotation.max_backups" => Changed(ROTATED),
        "rotation.directory" | "rotation.filename" => Unsupported("`log_location` says where"),
        "rotation.max_age_days" => Unsupported("`log_keep` says how many parts are kept"),
        "add_timestamp" => Changed("the stamp is YYYY-MM-DDTHH:mm:ss"),
        "fields_order" | "timestamp_format" => Unsupported(FORM),
        "disable_json" | "no_color" | "no_metadata" if is_off => Unsupported(FORM),
        "rotation.compress" | "disable_json" | "no_color" | "no_metadata" | "flush_each_line" => {
            Same
        }
        _ => return None,
    })
}
