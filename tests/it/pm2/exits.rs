//! Exit codes, which scripts rely on.

use serde_json::json;

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Notes the exit code of each line.
fn codes(tool: &Tool, notes: &mut Notes, lines: &[(&str, &str)]) {
    for (key, line) in lines {
        notes.put(key, tool.call(line).code);
    }
}

fn mistakes(tool: &Tool, notes: &mut Notes) {
    codes(
        tool,
        notes,
        &[
            ("no_command", ""),
            ("unknown_command", "nosuchcommand"),
            ("unknown_option", "list --nosuchoption"),
            ("stop_what", "stop"),
            ("restart_what", "restart"),
            ("delete_what", "delete"),
            ("describe_what", "describe"),
            ("scale_to_what", "scale web"),
            ("signal_what", "sendSignal"),
            ("version", "--version"),
            ("help", "--help"),
        ],
    );
}

fn nothing_is_known(tool: &Tool, notes: &mut Notes) {
    codes(
        tool,
        notes,
        &[
            ("list", "list"),
            ("jlist", "jlist"),
            ("stop_all", "stop all"),
            ("restart_all", "restart all"),
            ("reload_all", "reload all"),
            ("delete_all", "delete all"),
            ("reset_all", "reset all"),
            ("flush", "flush"),
            ("save", "save"),
            ("save_force", "save --force"),
            ("resurrect", "resurrect"),
            ("ping", "ping"),
            ("reload_logs", "reloadLogs"),
            ("logs", "logs --nostream"),
        ],
    );
}

fn unknown_apps(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    tool.ok("start app.sh --name known");
    codes(
        tool,
        notes,
        &[
            ("stop", "stop nosuch"),
            ("stop_id", "stop 77"),
            ("restart", "restart nosuch"),
            ("reload", "reload nosuch"),
            ("delete", "delete nosuch"),
            ("reset", "reset nosuch"),
            ("describe", "describe nosuch"),
            ("env", "env 77"),
            ("pid", "pid nosuch"),
            ("id", "id nosuch"),
            ("flush", "flush nosuch"),
            ("logs", "logs nosuch --nostream"),
            ("signal", "sendSignal SIGHUP nosuch"),
            ("signal_id", "sendSignal SIGHUP 77"),
            ("scale", "scale nosuch 2"),
            ("start_id", "start 77"),
        ],
    );
}

fn known_apps(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    codes(
        tool,
        notes,
        &[
            ("start", "start app.sh --name web"),
            ("start_again", "start app.sh --name web"),
            ("list", "list"),
            ("describe", "describe web"),
            ("pid", "pid web"),
            ("id", "id web"),
            ("env", "env 0"),
            ("scale_equal", "scale web 1"),
            ("restart", "restart web"),
            ("stop", "stop web"),
            ("stop_again", "stop web"),
            ("pid_stopped", "pid web"),
            ("start_stopped", "start web"),
            ("reset", "reset web"),
            ("save", "save"),
            ("several_one_unknown", "stop web nosuch"),
            ("delete", "delete web"),
            ("delete_again", "delete web"),
        ],
    );
}

fn bad_starts(tool: &Tool, notes: &mut Notes) {
    tool.file("torn.json", "{ apps: [");
    tool.file("wrong.json", r#"{ apps: [{ script: "app.sh", instances: {} }] }"#);
    tool.file("app.sh", "exec sleep 1000\n");
    codes(
        tool,
        notes,
        &[
            ("no_script", "start nosuch.js"),
            ("no_program", "start nosuchprogram"),
            ("no_config", "start nosuch.json"),
            ("torn_config", "start torn.json"),
            ("wrong_type", "start wrong.json"),
            ("no_interpreter", "start app.sh --interpreter nosuchinterpreter"),
            ("no_user", "start app.sh --uid nosuchuser"),
            ("bad_kill_timeout", "start app.sh --kill-timeout soon"),
            ("bad_memory", "start app.sh --max-memory-restart much"),
            ("stop_no_config", "stop nosuch.json"),
            ("delete_torn_config", "delete torn.json"),
        ],
    );
    notes.put("left", json!(tool.jlist().len()));
}

#[test]
fn exit_codes_side_by_side() {
    let all = scenarios![mistakes, nothing_is_known, unknown_apps, known_apps, bad_starts];
    compare("exits", &all);
}
