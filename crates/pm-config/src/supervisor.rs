//! Supervisor's file as it stands (`supervisord.conf` with its `conf.d`): its programs become apps in our keys, so that everything
//! after reads them like those of any other config.

mod expand;
mod fate;
mod fcgi;
mod first_file;
mod glob;
mod groups;
mod include;
mod ini;
mod lexing;
mod listeners;
mod logs;
mod options;
mod programs;
mod servers;
mod settings;
mod values;

use std::path::Path;

use self::expand::Expansions;
pub(crate) use self::first_file::FirstFile;
use self::ini::{IniSection, IniSections};
pub(crate) use self::lexing::words as command_words;
use self::options::SectionOptions;
use self::programs::{Common, ProgramGround, variables};
pub use self::servers::{SupervisorServer, SupervisorServers, SupervisorSocket};
pub use self::settings::SupervisorSetting;
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::import_note::{Fate, ImportNote};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What its file in a folder is called.
pub(crate) const FILE: &str = "supervisord.conf";

/// Whether a text is such a file: what it says first is a section, and one of its sections is Supervisor's.
pub(crate) fn is_one(text: &str) -> bool {
    let said = |line: &&str| !line.is_empty() && !line.starts_with([';', '#']);
    let mut lines = text.lines().map(str::trim).filter(said).peekable();
    let begins = lines.peek().is_some_and(|line| ini::header(line).is_some());
    let kind = |line: &str| ini::header(line).is_some_and(is_kind);
    begins && lines.any(kind)
}

/// `[include]` and `[group:x]` are words of others as well.
fn is_kind(header: &str) -> bool {
    let (kind, name) = header.split_once(':').unwrap_or((header, ""));
    let is_plain =
        matches!(kind, "supervisord" | "supervisorctl" | "unix_http_server" | "inet_http_server");
    let is_named = matches!(kind, "program" | "fcgi-program" | "eventlistener");
    is_plain || (is_named && !name.is_empty())
}

/// What a file says.
pub(crate) struct SupervisorFile {
    /// As a config of ours.
    pub(crate) root: ConfigNode,
    /// What became of each of its keys, in the order of the file.
    pub(crate) notes: Vec<ImportNote>,
    /// Its programs, in the order in which Supervisor starts them.
    pub(crate) programs: Vec<SupervisorProgram>,
    /// Where its clients call.
    pub(crate) servers: SupervisorServers,
}

/// A program of Supervisor, one copy of it: what only Supervisor's own client wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupervisorProgram {
    /// The group it is in.
    pub group: String,
    /// What it is called there.
    pub process: String,
    /// The app it is here, or the one whose instance it is.
    pub app: String,
    /// `priority` of the group.
    pub group_priority: i64,
    /// Its own.
    pub priority: i64,
    /// Whether it starts by itself.
    pub autostart: bool,
    /// What its keys say.
    pub settings: Vec<(String, SupervisorSetting)>,
}

/// Reads a file and what it includes.
pub(crate) fn read(
    source: &FirstFile<'_>,
    text: &str,
    (caller, strict): (&Caller, bool),
    findings: &mut Findings,
) -> SupervisorFile {
    let mut sections = IniSections::default();
    sections.read(text, None, source.folder, findings);
    let mut names = Expansions::default();
    for (name, value) in caller.env.iter() {
        names.text(&format!("ENV_{name}"), value.display());
    }
    let host = paths::head(Path::new("/proc/sys/kernel/hostname"), 256).unwrap_or_default();
    names.text("host_node_name", String::from_utf8_lossy(&host).trim());
    include::read(&mut sections, source, &mut names, findings);
    let notes = judged(&sections, source, strict, findings);
    let mut common = common(&sections, &mut names, caller, findings);
    let servers = servers::read(&sections, &names, caller, findings);
    common.server = servers.servers.first().map(|server| server.socket.to_string());
    let ground = ProgramGround { sections: &sections, caller, names: &names, common: &common };
    let (mut apps, mut programs) = (Vec::new(), Vec::new());
    for group in groups::all(&ground, findings) {
        for copy in group.copies {
            let entry = |key: &str| copy.table.entries.iter().find(|entry| entry.key == key);
            let autostart = entry("autostart");
            let app = entry("name").map(|name| name.node.value.to_bytes().display().to_string());
            programs.push(SupervisorProgram {
                group: group.name.clone(),
                app: app.unwrap_or_default(),
                process: copy.process,
                group_priority: group.priority,
                priority: copy.priority,
                autostart: autostart.is_none_or(|it| !it.node.value.is_falsy()),
                settings: copy.settings,
            });
            if copy.is_more {
                continue;
            }
            apps.push(ConfigNode { at: copy.table.at, value: Value::Table(copy.table.entries) });
        }
    }
    let at = ConfigPlace::Line { line: 1, column: 1 };
    let apps = TableEntry::new("apps", at, Value::List(apps));
    let root = ConfigNode { at, value: Value::Table(vec![apps]) };
    SupervisorFile { root, notes, programs, servers }
}

/// Tells of all that nothing follows from, and of what nobody knows.
fn judged(
    sections: &IniSections,
    source: &FirstFile<'_>,
    strict: bool,
    findings: &mut Findings,
) -> Vec<ImportNote> {
    let mut notes = Vec::new();
    let mut idle: Vec<String> = Vec::new();
    let place = |findings: &Findings, at| {
        let line = findings.whereabouts(at).unwrap_or_default();
        line.strip_prefix("line ").map_or(line.clone(), |line| format!("{}:{line}", source.origin))
    };
    for section in sections.all() {
        let (kind, _) = section.parts();
        if !fate::is_kind(kind) {
            let message = format!("unknown section {}", quoted(format!("[{}]", section.name)));
            findings.add(Finding::ignored(section.at, &message, strict));
            continue;
        }
        for option in &section.options {
            let key = format!("[{}] {}", section.name, option.key);
            let Some(fate) = fate::of(kind, &option.key, &option.text) else {
                findings.add(unknown(section, &option.key, option.at, strict));
                continue;
            };
            match &fate {
                Fate::Unsupported(why) => {
                    let message = format!("`{}` has no effect: {why}", option.key);
                    findings.add(Finding::warning(option.at, message));
                }
                Fate::Idle(_) => idle.push(key.clone()),
                Fate::Same | Fate::Changed(_) => {}
            }
            notes.push(ImportNote { place: place(findings, option.at), key, fate });
        }
    }
    if !idle.is_empty() {
        let message =
            format!("settings of supervisord itself, without effect here: {}", idle.join(", "));
        let hint = "`pm import` says why of each, and what becomes of all others";
        findings.add(Finding::warning(ConfigPlace::Whole, message).hint(hint));
    }
    notes
}

fn unknown(section: &IniSection, key: &str, at: ConfigPlace, strict: bool) -> Finding {
    const KEYS: [&str; 37] = [
        "command",
        "process_name",
        "numprocs",
        "numprocs_start",
        "priority",
        "autostart",
        "startsecs",
        "startretries",
        "autorestart",
        "exitcodes",
        "stopsignal",
        "stopwaitsecs",
        "stopasgroup",
        "killasgroup",
        "user",
        "umask",
        "directory",
        "environment",
        "serverurl",
        "socket",
        "socket_owner",
        "socket_mode",
        "socket_backlog",
        "redirect_stderr",
        "stdout_logfile",
        "stdout_logfile_maxbytes",
        "stdout_logfile_backups",
        "stdout_syslog",
        "stdout_capture_maxbytes",
        "stdout_events_enabled",
        "stderr_logfile",
        "stderr_logfile_maxbytes",
        "stderr_logfile_backups",
        "programs",
        "files",
        "logfile",
        "pidfile",
    ];
    let (kind, _) = section.parts();
    let near = crate::keys::near(key, KEYS.into_iter());
    let near = near.into_iter().find(|it| fate::of(kind, it, "").is_some());
    let message = format!("unknown key {} of [{}]", quoted(key), section.name);
    Finding::ignored(at, &message, strict).near(near)
}

/// What `[supervisord]` says of all programs.
fn common(
    sections: &IniSections,
    names: &mut Expansions,
    caller: &Caller,
    findings: &mut Findings,
) -> Common {
    let mut common = Common::default();
    let Some(section) = sections.get("supervisord") else { return common };
    let mut options = SectionOptions { sections, section, names: names.clone(), findings };
    common.env = variables(&mut options).unwrap_or_default();
    for entry in &common.env {
        names.text(&format!("ENV_{}", entry.key), entry.node.value.to_bytes().display());
    }
    let inherited = &mut common.inherited;
    if let Some(text) = options.text("directory") {
        let path = paths::written(&text.into(), &caller.cwd, &caller.env);
        let value = Value::text(options::shown(&path));
        inherited.push(TableEntry::new("cwd", options.place("directory"), value));
    }
    if let Some(mask) = options.read("umask", "an octal mask such as 022", values::mask) {
        let value = Value::text(format!("{mask:03o}").as_str());
        inherited.push(TableEntry::new("umask", options.place("umask"), value));
    }
    if let Some(user) = options.text("user") {
        inherited.push(TableEntry::new("uid", options.place("user"), Value::text(user.as_str())));
    }
    let limits: Vec<_> =
        [("minfds", "nofile", "Max open files"), ("minprocs", "nproc", "Max processes")]
            .into_iter()
            .filter_map(|(key, limit, row)| {
                options.option(key)?;
                let least = options.number(key, 0, 0);
                // As Supervisor does: raised, never lowered.
                let is_less = own_limit(row).is_some_and(|own| own < least);
                is_less.then(|| {
                    TableEntry::new(limit, options.place(key), Value::Integer(least.into()))
                })
            })
            .collect();
    if let Some(first) = limits.first() {
        inherited.push(TableEntry::new("rlimits", first.at, Value::Table(limits)));
    }
    common
}

/// The soft limit of this process, if it has one (`proc_pid_limits(5)`).
fn own_limit(row: &str) -> Option<i64> {
    let text = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(row))?;
    line.split_whitespace().next()?.parse().ok()
}
