//! `[program:x]`: an app for each of its copies, in our keys.

use pm_spec::{AppName, ByteString, Environment};

use super::expand::Expansions;
use super::fcgi;
use super::ini::{IniSection, IniSections};
use super::lexing;
use super::listeners;
use super::logs;
use super::options::{self, SectionOptions, shown};
use super::settings::{self, SupervisorSetting};
use super::values;
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings};
use crate::ecosystem::AppTable;
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// More copies of one program nobody has.
const MOST: i64 = 10_000;

/// What all programs have of `[supervisord]`.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// Its `environment`.
    pub(crate) env: Vec<TableEntry>,
    /// Entries of a table that say what programs inherit: `cwd`, `umask`, `uid`, `rlimits`.
    pub(crate) inherited: Vec<TableEntry>,
    /// Where clients of Supervisor call.
    pub(crate) server: Option<String>,
}

/// One copy of a program.
#[derive(Debug)]
pub(crate) struct ProgramCopy {
    pub(crate) priority: i64,
    /// Its `process_name`.
    pub(crate) process: String,
    pub(crate) table: AppTable,
    /// Whether it is one more instance of the app of another copy: what shares a socket is one app.
    pub(crate) is_more: bool,
    /// What its keys say, for clients of Supervisor.
    pub(crate) settings: Vec<(String, SupervisorSetting)>,
}

/// What reading programs stands on.
pub(crate) struct ProgramGround<'a> {
    pub(crate) sections: &'a IniSections,
    pub(crate) caller: &'a Caller,
    pub(crate) names: &'a Expansions,
    pub(crate) common: &'a Common,
}

impl ProgramGround<'_> {
    /// The copies of a program that belongs to this group.
    pub(crate) fn copies(
        &self,
        section: &IniSection,
        group: &str,
        findings: &mut Findings,
    ) -> Vec<ProgramCopy> {
        let (sections, mut names) = (self.sections, self.names.clone());
        let program = section.parts().1.trim();
        names.text("program_name", program);
        names.text("group_name", group);
        let mut options = SectionOptions { sections, section, names, findings };
        if let Some(why) = values::misnamed(program) {
            let message = format!("a program can't be called so: {why}");
            options.findings.add(Finding::error(section.at, message));
            return Vec::new();
        }
        let is_listener = section.parts().0 == "eventlistener";
        let priority = options.number("priority", if is_listener { -1 } else { 999 }, i64::MIN);
        let mut rules = rules(&mut options);
        let first = options.number("numprocs_start", 0, i64::MIN);
        let mut count = options.number("numprocs", 1, 0);
        if is_listener && count > 1 {
            let message = "one process serves this pool here";
            options.findings.add(Finding::warning(options.place("numprocs"), message));
            count = 1;
        }
        if count > MOST {
            options.error("numprocs", &format!("`numprocs` must be at most {MOST}"));
            return Vec::new();
        }
        let given = options.option("process_name");
        if count > 1 && given.is_none_or(|it| !it.text.contains("%(process_num)")) {
            let at = options.place(if given.is_some() { "process_name" } else { "numprocs" });
            let finding = Finding::error(at, "more than one copy, all of the same name");
            let hint = "write process_name = %(program_name)s_%(process_num)02d";
            options.findings.add(finding.hint(hint));
            return Vec::new();
        }
        options.names.number("numprocs", count);
        if section.parts().0 == "fcgi-program" {
            let Some(socket) = fcgi::entries(&mut options, count) else { return Vec::new() };
            rules.extend(socket);
        }
        let is_pool = rules.iter().any(|entry| entry.key == "instances");
        let one = |number: i64| {
            options.names.number("process_num", number);
            let (process, table) = self.copy(&mut options, group, &rules)?;
            let settings = settings::all(&options);
            let is_more = is_pool && number != first;
            Some(ProgramCopy { priority, process, table, is_more, settings })
        };
        (first..first.saturating_add(count)).filter_map(one).collect()
    }

    /// One copy: its process name and its table.
    fn copy(
        &self,
        options: &mut SectionOptions<'_>,
        group: &str,
        rules: &[TableEntry],
    ) -> Option<(String, AppTable)> {
        let at = options.section.at;
        let process = match options.option("process_name") {
            Some(_) => options.text("process_name")?.trim().to_owned(),
            None => options.section.parts().1.trim().to_owned(),
        };
        if let Some(why) = values::misnamed(&process) {
            options.error("process_name", &format!("a process can't be called `{process}`: {why}"));
            return None;
        }
        let is_pool = rules.iter().any(|entry| entry.key == "instances");
        let called = if is_pool { options.section.parts().1.trim() } else { process.as_str() };
        let shown_name =
            if called == group { called.to_owned() } else { format!("{group}:{called}") };
        let name = AppName::parse(&shown_name).map_err(|error| {
            options.findings.add(Finding::error(at, error.to_string()));
        });
        let name = name.ok()?;
        let env = self.environment(options, group, called)?;
        let name_at = options.place("process_name");
        let mut entries = vec![TableEntry::new("name", name_at, Value::text(name.as_str()))];
        if called != group {
            entries.push(TableEntry::new("namespace", at, Value::text(group)));
        }
        let inherited =
            |key: &str| self.common.inherited.iter().find(|entry| entry.key == key).cloned();
        let cwd = options.text("directory").map(|text| {
            let path = paths::written(&text.into(), &self.caller.cwd, &self.caller.env);
            TableEntry::new("cwd", options.place("directory"), Value::text(shown(&path)))
        });
        let here = || TableEntry::new("cwd", at, Value::text(shown(&self.caller.cwd)));
        entries.push(cwd.or_else(|| inherited("cwd")).unwrap_or_else(here));
        entries.extend(self.command(options, &env)?);
        let others = ["umask", "uid"].map(|key| {
            let own = rules.iter().any(|entry| entry.key == key);
            inherited(key).filter(|_| !own)
        });
        entries.extend(others.into_iter().flatten().chain(inherited("rlimits")));
        entries.extend(rules.iter().cloned());
        entries.extend(logs::entries(options, &name, self.caller));
        entries.push(TableEntry::new("env", options.place("environment"), Value::Table(env)));
        Some((process, AppTable { at, entries }))
    }

    /// The variables of a copy besides those of the caller, and the names they have in its other values.
    fn environment(
        &self,
        options: &mut SectionOptions<'_>,
        group: &str,
        process: &str,
    ) -> Option<Vec<TableEntry>> {
        let at = options.section.at;
        let mut env = Vec::new();
        let own = |name: &str, value: &str| TableEntry::new(name, at, Value::text(value));
        env.push(own("SUPERVISOR_ENABLED", "1"));
        let given = options.text("serverurl").filter(|it| !it.eq_ignore_ascii_case("auto"));
        if let Some(url) = given.or_else(|| self.common.server.clone()) {
            env.push(own("SUPERVISOR_SERVER_URL", &url));
        }
        env.push(own("SUPERVISOR_PROCESS_NAME", process));
        env.push(own("SUPERVISOR_GROUP_NAME", group));
        let mut set = |entry: TableEntry| match env.iter_mut().find(|it| it.key == entry.key) {
            Some(known) => *known = entry,
            None => env.push(entry),
        };
        self.common.env.iter().cloned().for_each(&mut set);
        for entry in variables(options)? {
            options
                .names
                .text(&format!("ENV_{}", entry.key), entry.node.value.to_bytes().display());
            set(entry);
        }
        Some(env)
    }

    /// What runs: split as a shell would, run by none.
    fn command(
        &self,
        options: &mut SectionOptions<'_>,
        env: &[TableEntry],
    ) -> Option<Vec<TableEntry>> {
        let Some(option) = options.option("command") else {
            let finding = Finding::error(options.section.at, "the program has no `command`");
            options.findings.add(finding);
            return None;
        };
        let at = option.value_at;
        let text = options.fill(option)?;
        let words = match lexing::words(&text) {
            Ok(words) => words,
            Err(why) => {
                options.error("command", &format!("`command` can't be split into words: {why}"));
                return None;
            }
        };
        let Some((program, args)) = words.split_first() else {
            options.error("command", "`command` is empty");
            return None;
        };
        let node = |text: &String| ConfigNode { at, value: Value::text(text.as_str()) };
        let program = self.found(program, env);
        if options.section.parts().0 == "eventlistener" {
            let (own, mut before) = listeners::front(options, self.caller)?;
            before.push(program);
            let before = before.into_iter().map(|word| ConfigNode { at, value: Value::text(word) });
            return Some(run(own, before.chain(args.iter().map(node)).collect(), at));
        }
        if options.section.parts().0 == "fcgi-program" {
            let before = fcgi::FRONT.map(|word| ConfigNode { at, value: Value::text(word) });
            let program = ConfigNode { at, value: Value::text(program) };
            let words = before.into_iter().chain([program]).chain(args.iter().map(node));
            return Some(run(fcgi::SHELL.into(), words.collect(), at));
        }
        Some(run(program, args.iter().map(node).collect(), at))
    }

    /// A bare name in the PATH of the program or else of the caller; what is not there is told of by who reads the app.
    fn found(&self, program: &str, env: &[TableEntry]) -> ByteString {
        if program.contains('/') {
            return program.into();
        }
        let mut path = Environment::new();
        let own = env.iter().find(|entry| entry.key == "PATH");
        let own = own.map(|entry| entry.node.value.to_bytes());
        if let Some(list) = own.or_else(|| self.caller.env.get("PATH").cloned()) {
            path.set("PATH", list);
        }
        let found = paths::search(program.as_ref(), &path, &self.caller.cwd);
        found.map_or_else(|| program.into(), |path| paths::to_bytes(&path))
    }
}

/// A program and its arguments, run by nothing else.
fn run(program: ByteString, args: Vec<ConfigNode>, at: ConfigPlace) -> Vec<TableEntry> {
    vec![
        TableEntry::new("script", at, Value::text(program)),
        TableEntry::new("args", at, Value::List(args)),
        TableEntry::new("interpreter", at, Value::text("none")),
    ]
}

/// The variables of `environment`, each at the place of all.
pub(crate) fn variables(options: &mut SectionOptions<'_>) -> Option<Vec<TableEntry>> {
    let Some(option) = options.option("environment") else { return Some(Vec::new()) };
    let at = option.value_at;
    let text = options.fill(option)?;
    match lexing::pairs(&text) {
        Ok(pairs) => {
            let entry = |(name, value): &(String, String)| {
                TableEntry::new(name, at, Value::text(value.as_str()))
            };
            Some(pairs.iter().map(entry).collect())
        }
        Err((offset, why)) => {
            // Where names were filled in, places are others.
            let before = text.get(..offset).filter(|_| text == option.text);
            let at = options::along(at, before.unwrap_or_default());
            options.findings.add(Finding::error(at, format!("`environment`: {why}")));
            None
        }
    }
}

/// What is the same for all copies: how it starts, restarts and stops, and as whom.
fn rules(options: &mut SectionOptions<'_>) -> Vec<TableEntry> {
    let mut entries = Vec::new();
    let mut put = |key: &str, at: ConfigPlace, value: Value| {
        entries.push(TableEntry::new(key, at, value));
    };
    put("autostart", options.place("autostart"), Value::Bool(options.switch("autostart", true)));
    let again = restarts(options);
    put("autorestart", options.place("autorestart"), Value::Bool(again != Again::Never));
    if again == Again::Unexpected {
        let what = "a list of exit codes, 0 to 255";
        let codes = options.read("exitcodes", what, values::exit_codes).unwrap_or_else(|| vec![0]);
        let at = options.place("exitcodes");
        let node = |code: &u8| ConfigNode { at, value: Value::Integer((*code).into()) };
        put("stop_exit_codes", at, Value::List(codes.iter().map(node).collect()));
    }
    let seconds = options.number("startsecs", 1, 0).saturating_mul(1000);
    put("min_uptime", options.place("startsecs"), Value::Integer(seconds.into()));
    let retries = options.number("startretries", 3, 0);
    put("start_retries", options.place("startretries"), Value::Integer(retries.into()));
    let signal = options.read("stopsignal", "a signal such as TERM or 15", values::signal);
    let signal = signal.unwrap_or(pm_spec::Signal::TERM);
    // Those of real time have no names.
    let name = Some(signal.to_string()).filter(|name| name.starts_with("SIG"));
    let signal = name.map_or_else(|| Value::Integer(signal.number().into()), Value::text);
    put("kill_signal", options.place("stopsignal"), signal);
    let seconds = options.number("stopwaitsecs", 10, 0).saturating_mul(1000);
    put("kill_timeout", options.place("stopwaitsecs"), Value::Integer(seconds.into()));
    let is_asked = options.switch("stopasgroup", false);
    if is_asked && !options.switch("killasgroup", true) {
        options.error("killasgroup", "`killasgroup` can't be false where `stopasgroup` is true");
    }
    // A listener and what is in front of it end together.
    let is_listener = options.section.parts().0 == "eventlistener";
    put("treekill", options.place("stopasgroup"), Value::Bool(is_asked || is_listener));
    if let Some(mask) = options.read("umask", "an octal mask such as 022", values::mask) {
        put("umask", options.place("umask"), Value::text(format!("{mask:03o}").as_str()));
    }
    if let Some(user) = options.text("user") {
        put("uid", options.place("user"), Value::text(user.as_str()));
    }
    entries
}

/// When a program that has begun is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Never,
    Always,
    /// When its exit code is none of those that are expected.
    Unexpected,
}

fn restarts(options: &mut SectionOptions<'_>) -> Again {
    let parse = |text: &str| match values::boolean(text) {
        Some(true) => Some(Again::Always),
        Some(false) => Some(Again::Never),
        None => text.eq_ignore_ascii_case("unexpected").then_some(Again::Unexpected),
    };
    options.read("autorestart", "true, false or unexpected", parse).unwrap_or(Again::Unexpected)
}
