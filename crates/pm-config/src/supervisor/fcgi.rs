//! `[fcgi-program:x]`: a pool whose processes find one socket at descriptor 0.

use super::options::SectionOptions;
use crate::diagnose::Finding;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What hands over the first socket of `listen` at descriptor 0, and is gone then.
pub(crate) const SHELL: &str = "/bin/sh";
pub(crate) const FRONT: [&str; 3] =
    ["-c", "unset LISTEN_FDS LISTEN_PID LISTEN_FDNAMES; exec \"$@\" <&3 3<&-", "sh"];

/// Keys whose values can differ from process to process in Supervisor.
const OF_EACH: [&str; 5] =
    ["command", "environment", "directory", "stdout_logfile", "stderr_logfile"];

/// The socket and how many share it; `None`: what is wrong is told.
pub(crate) fn entries(options: &mut SectionOptions<'_>, count: i64) -> Option<Vec<TableEntry>> {
    let Some(url) = options.text("socket").map(|text| text.trim().to_owned()) else {
        let finding = Finding::error(options.section.at, "the program has no `socket`");
        options.findings.add(finding.hint("socket=unix:///run/NAME.sock, or tcp://127.0.0.1:9000"));
        return None;
    };
    let at = options.place("socket");
    let is_unix = url.starts_with("unix://");
    let mut socket = vec![TableEntry::new("url", at, Value::text(url.as_str()))];
    let mode = options.text("socket_mode");
    let owner = options.text("socket_owner");
    for (key, is_set) in [("socket_mode", mode.is_some()), ("socket_owner", owner.is_some())] {
        if is_set && !is_unix {
            options.error(key, &format!("`{key}` is for unix sockets only"));
            return None;
        }
    }
    if is_unix {
        let mode = mode.unwrap_or_else(|| "0700".into());
        socket.push(TableEntry::new(
            "mode",
            options.place("socket_mode"),
            Value::text(mode.trim()),
        ));
    }
    let user = options.text("user").unwrap_or_default();
    let is_users = |owner: &str| owner.split(':').next().unwrap_or_default().trim() == user.trim();
    if owner.is_some_and(|owner| !is_users(&owner)) {
        let message = "`socket_owner` has no effect: the socket belongs to the user of the program";
        let finding = Finding::warning(options.place("socket_owner"), message);
        options
            .findings
            .add(finding.hint("`user` is whom both belong to; `socket_mode` lets others in"));
    }
    if options.option("socket_backlog").is_some() {
        let backlog = options.number("socket_backlog", 1, 1);
        let at = options.place("socket_backlog");
        socket.push(TableEntry::new("backlog", at, Value::Integer(backlog.into())));
    }
    for key in OF_EACH {
        let option = options.option(key).filter(|_| count > 1);
        if option.is_some_and(|option| option.text.contains("%(process_num)")) {
            let message = format!("`{key}` is the same for all processes of the pool here");
            let finding = Finding::warning(options.place(key), message);
            options.findings.add(finding.hint("$NODE_APP_INSTANCE counts them, from 0"));
        }
    }
    let listen = Value::List(vec![ConfigNode { at, value: Value::Table(socket) }]);
    let mut entries = vec![TableEntry::new("listen", at, listen)];
    if count > 1 {
        let at = options.place("numprocs");
        entries.push(TableEntry::new("instances", at, Value::Integer(count.into())));
        // As they would all write to the file that is named.
        entries.push(TableEntry::new("merge_logs", at, Value::Bool(true)));
    }
    Some(entries)
}
