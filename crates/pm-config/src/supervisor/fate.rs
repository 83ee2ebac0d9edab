//! What becomes of each key of Supervisor's file under `pm`; whatever is not here, nobody knows.

use crate::import_note::Fate::{self, Changed, Idle, Same, Unsupported};

const OWN_CLIENT: &str = "`supervisorctl`, a link to `pm`, needs no server";
const SERVER: &str = "`pm web --supervisor-rpc FILE` answers there, which `supervisord`, a link to `pm`, starts by itself";
const OWN_LOG: &str = "the log of `pm` itself is pm.log in PM_HOME";
const PLUGIN: &str =
    "plugins in Python are not loaded; `pm ... --json` and `on_exit` and its like serve scripts";
const SYSLOG: &str = "the output goes to a file of `pm` instead of syslog";
const EVENTS: &str = "what programs write is no event here; listeners hear how processes stand, `pm logs` shows what they write";
const ROTATED: &str = "rotated parts are called NAME__DATE.log instead of NAME.log.1";
const OWNER: &str = "the socket belongs to the user of the program";
const POOL: &str = "its processes are instances of one app, which share the socket; $NODE_APP_INSTANCE counts them";
const AUTO: &str = "the log lies in the folder of logs of `pm`, and is kept over restarts";

/// The key of a section of this kind with this value; `None`: Supervisor has no such key.
pub(crate) fn of(kind: &str, key: &str, value: &str) -> Option<Fate> {
    match kind {
        "program" => program(key, value),
        "eventlistener" => match key {
            "events" | "buffer_size" => Some(Same),
            "result_handler" if value.ends_with(":default_handler") => Some(Same),
            "result_handler" => Some(Unsupported(PLUGIN)),
            "numprocs" if value.trim() != "1" => Some(Unsupported("one process serves a pool")),
            _ => program(key, value),
        },
        "fcgi-program" => match key {
            "socket" | "socket_mode" | "socket_backlog" => Some(Same),
            "socket_owner" => Some(Changed(OWNER)),
            "numprocs" if value.trim() != "1" => Some(Changed(POOL)),
            _ => program(key, value),
        },
        "group" => group(key),
        "supervisord" => daemon(key, value),
        "include" => (key == "files").then_some(Same),
        "unix_http_server" => {
            let known = ["file", "chmod", "chown", "username", "password"].contains(&key);
            known.then_some(Changed(SERVER))
        }
        "inet_http_server" => {
            let known = ["port", "username", "password"].contains(&key);
            known.then_some(Changed(SERVER))
        }
        "supervisorctl" => {
            const KEYS: [&str; 5] = ["serverurl", "username", "password", "prompt", "history_file"];
            KEYS.contains(&key).then_some(Idle(OWN_CLIENT))
        }
        // The standard one stands in every file.
        "rpcinterface" if value.ends_with("make_main_rpcinterface") => Some(Changed(SERVER)),
        // Other keys are the plugin's.
        "rpcinterface" | "ctlplugin" => Some(Unsupported(PLUGIN)),
        _ => None,
    }
}

/// Whether sections of this kind are Supervisor's.
pub(crate) fn is_kind(kind: &str) -> bool {
    const KINDS: [&str; 11] = [
        "supervisord",
        "supervisorctl",
        "unix_http_server",
        "inet_http_server",
        "include",
        "rpcinterface",
        "ctlplugin",
        "program",
        "group",
        "eventlistener",
        "fcgi-program",
    ];
    KINDS.contains(&kind)
}

fn group(key: &str) -> Option<Fate> {
    match key {
        "programs" => Some(Same),
        "priority" => Some(Changed(ORDER)),
        _ => None,
    }
}

const ORDER: &str = "apps begin in this order and end together; `depends_on` waits until one is ready, and for the end of those that need it";

fn program(key: &str, value: &str) -> Option<Fate> {
    let is_on = super::values::boolean(value).unwrap_or(false);
    let is_none = value.trim_start_matches(['0', ' ']).is_empty();
    Some(match key {
        "priority" => Changed(ORDER),
        "numprocs" if value.trim() != "1" => {
            Changed("each copy is an app of its own, named as in Supervisor")
        }
        "user" => Changed("HOME, USER and LOGNAME are those of the user, not the daemon's"),
        "stopasgroup" if !is_on => {
            Changed("children are told once the main process has gone; none is left behind")
        }
        "killasgroup" if !is_on => Changed("none of its children is left behind"),
        "command" | "process_name" | "numprocs" | "numprocs_start" | "autostart" | "startsecs"
        | "startretries" | "autorestart" | "exitcodes" | "stopsignal" | "stopwaitsecs"
        | "stopasgroup" | "killasgroup" | "umask" | "directory" | "environment" | "serverurl"
        | "redirect_stderr" => Same,
        _ => {
            let stream = key.strip_prefix("stdout_").or_else(|| key.strip_prefix("stderr_"))?;
            match stream {
                "logfile" => logfile(value),
                "logfile_backups" if is_none => Same,
                "logfile_backups" => Changed(ROTATED),
                "syslog" if is_on => Unsupported(SYSLOG),
                "events_enabled" if is_on => Unsupported(EVENTS),
                "capture_maxbytes" if !is_none => Unsupported(EVENTS),
                "logfile_maxbytes" | "syslog" | "events_enabled" | "capture_maxbytes" => Same,
                _ => return None,
            }
        }
    })
}

fn logfile(value: &str) -> Fate {
    match value.to_lowercase().as_str() {
        "auto" => Changed(AUTO),
        "syslog" => Unsupported(SYSLOG),
        _ if super::values::is_own_output(value) => Changed(
            "the log lies in the folder of logs of `pm`; `pm runtime FILE` shows it on its own output",
        ),
        _ => Same,
    }
}

fn daemon(key: &str, value: &str) -> Option<Fate> {
    Some(match key {
        "logfile" | "logfile_maxbytes" | "logfile_backups" | "loglevel" => Idle(OWN_LOG),
        "pidfile" => Idle("the pid of the daemon is in pm.pid in PM_HOME"),
        "nodaemon" | "silent" => Idle("`pm runtime FILE` runs it in the foreground"),
        "minfds" | "minprocs" => Changed("it raises the limits of the apps, not of the daemon"),
        "childlogdir" | "nocleanup" => Idle(AUTO),
        "strip_ansi" if super::values::boolean(value).unwrap_or(false) => {
            Unsupported("bytes stay as the app writes them; `pm logs` shows no escapes but colours")
        }
        "identifier" | "strip_ansi" | "umask" | "directory" | "user" | "environment" => Same,
        "profile_options" => Idle("it is for those who work on Supervisor"),
        _ => return None,
    })
}
