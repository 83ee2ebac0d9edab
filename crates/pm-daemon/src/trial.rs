//! Whether the new version of an app loads: its server is asked before its main process is told to take it, or to end. gunicorn
//! ends altogether when its new workers can't boot.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use pm_core::{Ask, Core, Existing, InstanceId, InstanceView};
use pm_os::wait::Termination;
use pm_protocol::{Code, Home, Refusal};
use pm_spec::{AppSpec, Check, Effort, Reload, Start};

use crate::command_end::{CommandEnd, Finish};
use crate::kernel_orders;
use crate::plan::RunNumbers;
use crate::short_command::{Bond, Ears, Heard, ShortCommand, request_beside};

/// So many of its last lines are shown.
const SHOWN: usize = 8;

/// An app to be tried.
#[derive(Debug)]
pub(crate) struct Trial {
    app: Arc<AppSpec>,
    check: Check,
    instance: InstanceId,
    numbers: (u16, u32, u32),
    pid: u32,
}

/// The apps that are to take new code and have no old run left if it does not work, each once.
pub(crate) fn trials(core: &Core, ask: &Ask) -> Vec<Trial> {
    let mut of_apps = BTreeMap::new();
    if let Ask::Reload(Reload { select, env: None, force: false, .. }) = ask {
        // What can't be resolved the core refuses.
        let ids = core.resolve(select).unwrap_or_default();
        of_apps.extend(ids.iter().filter_map(|id| core.instance(*id)).map(|it| (it.app_id, it)));
    }
    if let Ask::Start(Start { apps, existing: Existing::Reload, .. }) = ask {
        let goes_on = |instance: &InstanceView<'_>| {
            let own = instance.app;
            let mut new =
                apps.iter().filter(|app| app.name == own.name && app.namespace == own.namespace);
            new.any(|app| own.effort(app) != Effort::Renewal)
        };
        of_apps.extend(core.instances().filter(goes_on).map(|it| (it.app_id, it)));
    }
    of_apps.values().filter_map(Trial::of).collect()
}

impl Trial {
    /// The trial of an instance that is up, if its server can make one.
    fn of(instance: &InstanceView<'_>) -> Option<Self> {
        let habits = instance.app.preset.habits()?;
        let (run, identity) = instance.run?;
        let pid = identity?.pid;
        let stays = !instance.app.listen.is_empty();
        Some(Self {
            app: Arc::clone(instance.app),
            check: habits.check.filter(|check| !stays && fits(*check, instance.app))?,
            instance: instance.id,
            numbers: (instance.slot, instance.restarts, run.0),
            pid,
        })
    }

    /// Why it must not be told to take what lies there. Blocks for as long as its `kill_timeout` at most.
    pub(crate) fn refusal(&self, home: &Home) -> Option<Refusal> {
        let patience = Duration::from_millis(self.app.stop.timeout.as_millis());
        let end = self.begin(home).and_then(|trial| trial.wait(patience, usize::MAX));
        let why = match end {
            Ok(CommandEnd { finish: Finish::Ended(Termination::Exited(0)), out, .. }) => {
                if self.app.reload_signal.is_none() || !preloads(&out) {
                    return None;
                }
                "it loads its app before it makes its workers (preload_app), so new workers would run the old code; \
                 `pm restart` stops and starts it"
                    .into()
            }
            Ok(CommandEnd { finish: Finish::Ended(_), error, .. }) => {
                format!("its new version does not load{}", last_words(&error))
            }
            Ok(CommandEnd { error, .. }) => {
                let within = self.app.stop.timeout;
                format!("trying its new version did not end within {within}{}", last_words(&error))
            }
            Err(why) => format!("its new version could not be tried: {why}"),
        };
        Some(Refusal {
            code: Code::Unable,
            message: format!("could not reload {}: {why}", self.app.name),
            hint: Some(
                "nothing was touched: what runs goes on; --force reloads without trying first"
                    .into(),
            ),
        })
    }

    /// Starts it as the app would be, in a session of its own.
    fn begin(&self, home: &Home) -> io::Result<ShortCommand> {
        let app = &*self.app;
        let (slot, restarts, run) = self.numbers;
        let numbers = RunNumbers { instance: self.instance, slot, restarts, run, preload: None };
        let ears = Ears::open(Heard::Both)?;
        let isolation = kernel_orders::isolation(app).map_err(io::Error::other)?;
        let mut request = request_beside(app, (numbers, Some(self.pid)), home, ears.stdio())
            .map_err(|failure| io::Error::other(failure.words()))?;
        request.argv = trial_words(self.check, request.argv);
        request.kernel = kernel_orders::of(app, None);
        request.isolation = isolation.as_ref();
        let born = pm_os::spawn::spawn(&request).map_err(io::Error::other)?;
        Ok(ears.of(born, Bond::Group))
    }
}

/// Whether there is the word that another is to take the place of.
fn fits(check: Check, app: &AppSpec) -> bool {
    let Check::Instead(from, _) = check else { return true };
    // A shell has them in its line.
    let words = app.args.iter().flat_map(|arg| arg.as_bytes().split(|byte| *byte == b' '));
    place(from, &words.collect::<Vec<_>>()).is_some()
}

/// Where a subcommand stands; the app before it may have the same name.
fn place(word: &str, words: &[&[u8]]) -> Option<usize> {
    let is_value = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| words.get(at));
        before.is_some_and(|before| [&b"-A"[..], b"--app"].contains(before))
    };
    (0..words.len()).find(|at| words[*at] == word.as_bytes() && !is_value(*at))
}

/// Behind the app's own arguments, or in their place; a shell has them in its line.
fn trial_words(check: Check, mut argv: Vec<CString>) -> Vec<CString> {
    let is_line = argv.get(1).is_some_and(|word| word.as_bytes() == b"-c");
    if let Some(line) = argv.get_mut(2).filter(|_| is_line) {
        let words: Vec<&[u8]> = line.as_bytes().split(|byte| *byte == b' ').collect();
        // It holds no NUL byte: all parts are texts of C.
        *line = CString::new(changed(check, words).join(&b' ')).unwrap_or_default();
        return argv;
    }
    let words = changed(check, argv.iter().map(CString::as_bytes).collect());
    words.into_iter().filter_map(|word| CString::new(word).ok()).collect()
}

fn changed(check: Check, mut words: Vec<&[u8]>) -> Vec<&[u8]> {
    let word = match check {
        Check::Also(word) => word,
        Check::Instead(from, word) => {
            let at = place(from, &words);
            words.truncate(at.unwrap_or(words.len()));
            word
        }
    };
    words.push(word.as_bytes());
    words
}

/// Whether gunicorn's settings, as it prints them, say so.
fn preloads(out: &[u8]) -> bool {
    let setting = |line: &[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        (words.next(), words.next(), words.next())
            == (Some(b"preload_app"), Some(b"="), Some(b"True"))
    };
    out.split(|byte| *byte == b'\n').any(setting)
}

/// The last lines with something in them, each below the other.
fn last_words(error: &[u8]) -> String {
    let text = String::from_utf8_lossy(error);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default();
    last.iter().flat_map(|line| ["\n  ", line]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_in_its_own_words() {
        let celery = Check::Instead("worker", "report");
        for (check, before, after) in [
            (Check::Also("--print-config"), "gunicorn a:a", "gunicorn a:a --print-config"),
            (celery, "celery -A tasks worker -c 4", "celery -A tasks report"),
            (celery, "python -m celery -A worker worker", "python -m celery -A worker report"),
        ] {
            let argv: Vec<CString> =
                before.split(' ').map(|it| CString::new(it).unwrap()).collect();
            let words = trial_words(check, argv);
            assert_eq!(
                words.iter().map(|it| it.to_str().unwrap()).collect::<Vec<_>>().join(" "),
                after
            );
            let line = [c"sh".into(), c"-c".into(), CString::new(before).unwrap()];
            let words = trial_words(check, line.into());
            assert_eq!(words[2].to_str().unwrap(), after);
        }
    }
}
