//! `pm dev`: apps in a home of their own while somebody works on them. They are restarted after a second, shown as they
//! write, and deleted when that person has enough.

use pm_config::Typed;
use pm_protocol::Home;
use pm_spec::{Delay, Ignore, Span};

use crate::cli::DevArgs;
use crate::commands::logs::Form;
use crate::commands::support::foreground::{PostExec, Scope, Stay, stay};
use crate::commands::{runtime, start};
use crate::prelude::{Exit, Failure, Report, Session};

/// The pause before a restart (PM2): a file that is saved again and again ends no app by its restarts.
const PAUSE: Span = Span::from_secs(1);

/// `pm dev [start] WHAT`.
pub(super) fn run(session: &Session, mut args: DevArgs) -> Result<Report, Failure> {
    runtime::drop_start(&mut args.start);
    let session = Session { home: home(session)?, ..session.clone() };
    // The bare flag: each app's own folder.
    args.start.flags.keys.given.or("watch", || Typed::word(""));
    let mut apps = start::apps(&session, &args.start)?;
    let ignored = args.ignore.iter().flat_map(|list| list.split(',')).map(str::trim);
    let ignored: Vec<_> = ignored.filter(|word| !word.is_empty()).collect();
    for app in &mut apps {
        if let Some(watch) = &mut app.watch {
            watch.ignore.extend(ignored.iter().map(|word| Ignore::Glob((*word).into())));
        }
        if matches!(app.restart.delay, Delay::Automatic | Delay::Fixed(Span::ZERO)) {
            app.restart.delay = Delay::Fixed(PAUSE);
        }
    }
    let form = Form::new(session.console, args.raw);
    let form = args.timestamp.iter().fold(form, |form, format| form.stamped(format));
    let post_exec = args.post_exec.map(|command| PostExec { command, is_silent: args.silent_exec });
    let plan = Stay::new(apps, form, Scope::Apps);
    let (auto_exit, leaves) = (args.auto_exit, args.test_mode);
    stay(&session, &Stay { auto_exit, leaves, post_exec, ..plan })
}

/// Beside the usual home, with `-dev` at the end of its name: `~/.pm-dev`. `pm2-dev` does so where no variable names a
/// home (PM2: `~/.pm2-dev`), so that `pm2` sees what it runs in one that was given.
fn home(session: &Session) -> Result<Home, Failure> {
    let usual = &session.home;
    let is_named = ["PM_HOME", "PM2_HOME"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    if session.called_as.is_pm2() && is_named {
        return Ok(usual.clone());
    }
    let mut name = usual.root().file_name().unwrap_or_default().to_os_string();
    name.push("-dev");
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(std::path::PathBuf::from);
    Home::at(usual.root().with_file_name(name), runtime.as_deref())
        .map_err(|error| Failure::could_not(Exit::Input, &error))
}
