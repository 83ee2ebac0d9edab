//! A Procfile with its `.env`: a line of shell for each app, and the variables all of them have.

use std::collections::BTreeMap;

use pm_spec::AppSpec;

use crate::draft::AppDraft;
use crate::environment::origin;
use crate::fate::ExportFate;
use crate::files::TargetFiles;
use crate::key::ExportKey;
use crate::{names, program};

const ALL: &str = "whoever runs a Procfile ends everything when one ends; what runs that (a unit of systemd) starts it again";
const SHELL: &str = "write it into the line, before the program";

/// What becomes of each key.
#[rustfmt::skip]
pub(crate) fn fate(key: ExportKey) -> ExportFate {
    use ExportKey as K;
    match key {
        K::Name => ExportFate::same("NAME: ..."),
        K::Script | K::Args => ExportFate::same("the line, in quotes of a shell"),
        K::Interpreter | K::InterpreterArgs => ExportFate::changed("it stands in the line, before the script"),
        K::Cwd => ExportFate::changed("`cd` in the line"),
        K::Umask => ExportFate::changed("`umask` in the line"),
        K::Nice => ExportFate::changed("`nice` in the line"),
        K::PostStart | K::PreStop | K::PostStop => ExportFate::missing("nothing is run beside a line"),
        K::Secrets => ExportFate::missing("files that only its user may read"),
        K::PreStart => ExportFate::changed("it stands in the line, before the program"),
        K::Env => ExportFate::changed("`.env`, or in the line where apps differ"),
        K::Instances => ExportFate::missing("`foreman start -m NAME=N` says how many"),
        K::InstanceVar => ExportFate::missing("who runs it counts ports, not instances"),
        K::Namespace => ExportFate::missing("a Procfile has no groups"),
        K::Listen => ExportFate::missing("it opens its sockets itself, at PORT"),
        K::Uid | K::Gid | K::Groups => ExportFate::missing("all run as whoever runs the Procfile"),
        K::Rlimits | K::Ioprio | K::OomScoreAdj | K::Cpuset => ExportFate::missing(SHELL),
        K::MemLimit | K::Cpus | K::PidsLimit | K::Isolate | K::WritePaths | K::PrivateTmp | K::Network | K::MaxMemoryRestart => {
            ExportFate::missing("a limit of whatever runs the Procfile holds for all")
        }
        K::Autostart => ExportFate::missing("`foreman start -m all=1,NAME=0` leaves it out"),
        K::DependsOn => ExportFate::missing("all begin at once: let the app itself try again"),
        K::Restart | K::Autorestart | K::MaxRestarts | K::StartRetries | K::MinUptime | K::RestartDelay | K::StopExitCodes => ExportFate::missing(ALL),
        K::ReloadSignal | K::ReloadOrder | K::ReloadParallelism | K::ReloadMonitor | K::ReloadCanary => ExportFate::missing("nothing is reloaded"),
        K::KillSignal | K::KillTimeout | K::Treekill => ExportFate::missing("SIGTERM, and SIGKILL after five seconds (foreman)"),
        K::OutFile | K::ErrorFile | K::LogMaxSize | K::LogKeep => ExportFate::missing("everything goes to the output of whoever runs it"),
        K::Ready | K::ReadyTimeout | K::Healthcheck | K::Watchdog | K::Unhealthy => ExportFate::missing("nobody asks"),
        K::Schedule | K::Overlap | K::TimeLimit | K::Retries | K::CatchUp | K::RandomDelay | K::CronRestart | K::CronTimezone => {
            ExportFate::missing("cron(8) with `foreman run NAME`; a job is written as a comment, for it would begin at once")
        }
    }
}

/// The Procfile and its variables.
pub(crate) fn export(apps: &[AppSpec]) -> TargetFiles {
    let may_be = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let names = names::all(apps.iter().map(|app| app.name.as_str()), may_be, 63);
    let mut drafts: Vec<_> =
        apps.iter().zip(names).map(|(app, name)| AppDraft::new(app, name)).collect();
    let common = common(&drafts);
    let mut exported = TargetFiles::default();
    let mut lines = String::from("# written by pm export\n");
    let mut secrets = BTreeMap::<String, String>::new();
    for draft in &mut drafts {
        let shown = draft.name.clone();
        draft.called(&shown);
        let is_job = draft.app.schedule.as_ref().is_some_and(|it| it.job);
        let sign = if is_job { "# " } else { "" };
        let line = line(draft, &common);
        lines.extend([format!("{sign}{shown}: {line}\n")]);
        let hidden: Vec<_> = draft
            .variables
            .secret
            .iter()
            .map(|(name, source)| (name.clone(), origin(*source)))
            .collect();
        for (name, origin) in hidden {
            draft.secret(
                &name,
                format!("write {name}=... into `.env`, which belongs into no repository{origin}"),
            );
            secrets.insert(name, origin);
        }
        for name in std::mem::take(&mut draft.variables.bytes) {
            draft.unwritten(&name, "its value is no UTF-8");
        }
    }
    exported.file("Procfile", lines);
    if !(common.is_empty() && secrets.is_empty()) {
        let pairs = common.iter().map(|(name, value)| format!("{name}={}\n", dotenv(value)));
        let secrets = secrets.iter().map(|(name, origin)| format!("# {name}: a secret{origin}\n"));
        exported.file(".env", pairs.chain(secrets).collect::<String>());
    }
    exported.notes = drafts.into_iter().flat_map(|draft| draft.notes(fate)).collect();
    exported
}

/// The variables that have one value wherever they are, in every app, and that a file of variables can hold.
fn common(drafts: &[AppDraft<'_>]) -> BTreeMap<String, String> {
    let mut values = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in drafts.iter().flat_map(|draft| &draft.variables.plain) {
        values.entry(name.clone()).or_default().push(value);
    }
    let is_common =
        |all: &[&String]| all.len() == drafts.len() && all.iter().all(|it| it == &all[0]);
    // A backslash before the quote that closes is taken for part of the value.
    let fits = |value: &str| !value.contains(['\'', '\\', '\n', '\r']);
    values
        .into_iter()
        .filter(|(_, all)| is_common(all) && fits(all[0]))
        .map(|(name, all)| (name, all[0].clone()))
        .collect()
}

/// In quotes in which nothing means anything.
fn dotenv(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@,+".contains(c);
    if value.chars().all(is_plain) { value.into() } else { format!("'{value}'") }
}

/// A word of a shell; an end of a line can't be in a Procfile, whose lines are apps.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn line(draft: &mut AppDraft<'_>, common: &BTreeMap<String, String>) -> String {
    let app = draft.app;
    let words = |words: &[String]| words.iter().map(|it| word(it)).collect::<Vec<_>>().join(" ");
    let mut parts = Vec::new();
    parts.push(format!("cd {} &&", word(&app.cwd.display())));
    parts.extend(app.umask.map(|mask| format!("umask {mask:03o} &&")));
    if let Some(before) = &app.pre_start {
        let before: Vec<_> = before.command.iter().map(|it| it.display().into_owned()).collect();
        parts.push(format!("{} &&", words(&before)));
    }
    let own: Vec<_> =
        draft.variables.plain.iter().filter(|(name, _)| !common.contains_key(name)).collect();
    let mut program = vec!["exec".to_owned()];
    if !own.is_empty() {
        program.push("env".into());
        program.extend(own.iter().map(|(name, value)| word(&format!("{name}={value}"))));
    }
    program.extend(app.nice.map(|nice| format!("nice -n {nice}")));
    let command = program::texts(draft);
    program.push(words(&command));
    parts.push(program.join(" "));
    let line = parts.join(" ");
    if line.contains(['\n', '\r']) {
        draft.changed(
            ExportKey::Args,
            "ends of lines became blanks: a Procfile has one line for each app",
        );
    }
    line.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        for (text, written) in [
            ("a-b=1", "a-b=1"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's $HOME", "'it'\\''s $HOME'"),
            ("#", "'#'"),
            ("~", "'~'"),
        ] {
            assert_eq!(word(text), written);
        }
        assert_eq!((dotenv("a$b"), dotenv("x")), ("'a$b'".into(), "x".into()));
    }
}
