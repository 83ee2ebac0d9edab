//! One file per verb, or per few that are alike: parsed arguments -> requests -> [`Report`]. Nothing is printed here
//! but talk, progress and what streams (logs).

mod act;
mod amend;
mod apply;
mod attach;
mod care;
mod changes;
mod check;
mod checkout;
mod completion;
mod daemon;
mod deploy;
mod described;
mod dev;
mod dump;
mod foreground;
mod foreign;
mod init;
mod last_words;
mod logrotate;
mod logs;
mod mark;
mod monit;
mod nodes;
mod pick;
mod progress;
mod recheck;
mod regular;
mod report;
mod runtime;
mod serve;
mod settings;
mod show;
mod start;
mod startup;
mod talk;
mod targets;
mod users;

use std::time::Duration;

use pm_client::{Client, Deadline};
use pm_config::Caller;
use pm_protocol::{Call, Home, List, Listing};
use pm_spec::{ByteString, Environment};
use std::os::unix::ffi::OsStringExt;

use crate::called::as_called;
use crate::cli::{Command, Engine, EngineFlag, Guise};
use crate::failure::{Exit, Failure};
use crate::launch;
use crate::report::Report;
use crate::stage::Stage;

/// Calls that only look or note something down are answered at once; a daemon that can't is not well.
const QUICK: Duration = Duration::from_secs(30);

/// Does what was asked for.
pub(crate) fn run(
    command: Command,
    stage: Stage,
    home: Home,
    guise: Guise,
) -> Result<Report, Failure> {
    let session = Session { stage, home, guise };
    match command {
        Command::Start(args) => start::start(&session, &args),
        Command::Runtime(args) => runtime::runtime(&session, args.into_inner()),
        Command::Dev(args) => dev::dev(&session, args.into_inner()),
        Command::Stop(args) => act::stop(&session, &args),
        Command::Restart(args) | Command::StartOrRestart(args) => act::restart(&session, &args),
        Command::Reload(args) | Command::StartOrReload(args) => act::reload(&session, &args),
        Command::Delete(args) => act::delete(&session, &args),
        Command::Scale(args) => act::scale(&session, &args),
        Command::Reset(args) => act::reset(&session, &args),
        Command::SendSignal(args) => act::signal(&session, &args),
        Command::Send(args) => talk::send(&session, &args),
        Command::Attach(args) => attach::attach(&session, &args),
        Command::Trigger(args) => talk::trigger(&session, args.into_inner()),
        Command::List(args) => show::list(&session, &args),
        Command::Jlist => show::jlist(&session),
        Command::Prettylist => show::prettylist(&session),
        Command::Slist(args) => show::slist(&session, &args),
        Command::Describe(args) => show::describe(&session, &args),
        Command::Env(args) => show::env(&session, &args),
        Command::Pid(args) => show::pid(&session, &args),
        Command::Id(args) => show::id(&session, &args),
        Command::Logs(args) => logs::logs(&session, &args),
        Command::Flush(args) => care::flush(&session, &args),
        Command::ReloadLogs => care::reload_logs(&session),
        Command::Monit(args) => monit::monit(&session, &args),
        Command::Save(args) => care::save(&session, &args),
        Command::Resurrect(args) => care::resurrect(&session, &args),
        Command::Startup(args) => startup::startup(&session, &args),
        Command::Unstartup(args) => startup::unstartup(&session, &args),
        Command::Cleardump => care::cleardump(&session),
        Command::Inspect(args) => act::inspect(&session, &args),
        Command::Kill => care::kill(&session),
        Command::Ping => care::ping(&session),
        Command::Update => care::update(&session),
        Command::Hosted(_) => foreign::hosted(),
        Command::Monitor(args) => mark::mark(&session, &args, mark::Mark::Set),
        Command::Unmonitor(args) => mark::mark(&session, &args, mark::Mark::Removed),
        Command::Install(args) => foreign::install(&args.words),
        Command::Uninstall(args) => foreign::uninstall(&args.words),
        Command::Modules(_) => foreign::modules(),
        Command::Profile(_) => foreign::profile(),
        Command::Telemetry(_) => foreign::telemetry(),
        Command::Apply(args) => apply::apply(&session, &args),
        Command::Check(args) => check::check(&session, &args),
        Command::Completion(args) => completion::completion(&args),
        Command::Init(args) => init::init(&session, &args),
        Command::Report => report::report(&session),
        Command::Pull(args) => checkout::pull(&session, &args),
        Command::Backward(args) => checkout::step(&session, &args.app, checkout::Step::Backward),
        Command::Forward(args) => checkout::step(&session, &args.app, checkout::Step::Forward),
        Command::Logrotate(args) => logrotate::logrotate(&session, &args),
        Command::Examples => Ok(foreign::examples()),
        Command::Create(_) => foreign::create(),
        Command::Autoinstall(_) => foreign::autoinstall(),
        Command::DeepUpdate(_) => foreign::deep_update(),
        Command::Set(args) => settings::set(&session, &args),
        Command::Get(args) => settings::get(&session, &args),
        Command::Unset(args) => settings::unset(&session, &args),
        Command::Multiset(args) => settings::multiset(&session, &args),
        Command::Conf(args) => settings::conf(&session, &args),
        Command::Deploy(args) => deploy::deploy(&session, &args),
        Command::Serve(args) => serve::serve(&session, &args),
        Command::ServeFiles => serve::serve_files(),
        Command::Guardian(args) => daemon::guardian(&session.home, &args),
        Command::Daemon(args) => daemon::daemon(&session.home, &args),
    }
}

/// Who calls, where it all lies, and where to speak.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) stage: Stage,
    pub(crate) home: Home,
    pub(crate) guise: Guise,
}

impl Session {
    /// The daemon, if one runs. Looking at things starts none (pain 37).
    pub(crate) fn find(&self) -> Result<Option<Client>, Failure> {
        launch::find(&self.home)
    }

    /// The daemon, which must run.
    pub(crate) fn need(&self) -> Result<Client, Failure> {
        match Client::open(&self.home) {
            Err(error) if error.is_no_daemon() => {
                Err(launch::alone(&self.home).err().unwrap_or(error.into()))
            }
            opened => Ok(opened?),
        }
    }

    /// Where no daemon is fine: somebody who sees an empty list is told that a real PM2 has this home.
    pub(crate) fn warn_of_rival(&self) {
        if let Err(Failure { message, hint, .. }) = launch::alone(&self.home) {
            let hint = as_called(&hint.unwrap_or_default());
            self.stage.talk(&format!("warning: {message}\nhint: {hint}"));
        }
    }

    /// The daemon, started if need be.
    pub(crate) fn daemon(&self) -> Result<Client, Failure> {
        launch::find_or_start(&self.home)
    }

    /// The facts the config reader wants to know.
    pub(crate) fn caller(&self) -> Result<Caller, Failure> {
        let cwd = std::env::current_dir().map_err(|error| {
            Failure::new(Exit::Failed, format!("could not find the current folder: {error}"))
                .hint("it may have been removed; `cd` somewhere else")
        })?;
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cpus = u16::try_from(cpus).unwrap_or(u16::MAX);
        let mut caller = Caller::new(cwd, environment(), self.home.root().into(), cpus);
        caller.argv = std::env::args_os().map(|word| ByteString::new(word.into_vec())).collect();
        if let (Ok(program), Some(first)) = (std::env::current_exe(), caller.argv.first_mut()) {
            *first = ByteString::new(program.into_os_string().into_vec());
        }
        (caller.logs, caller.pids) = (self.home.logs(), self.home.pids());
        Ok(caller)
    }

    /// How things stand, for showing after something was done; `None` where nobody wants to see it.
    pub(crate) fn listing(&self, client: &mut Client) -> Result<Option<Listing>, Failure> {
        if self.stage.json || self.stage.silent {
            return Ok(None);
        }
        let list = List { select: Vec::new(), usage: true, host: false };
        let mut listing = quick(client, &list)?;
        crate::render::Order::NAME.sort(&mut listing.rows);
        users::name(self, listing.rows.iter_mut().collect());
        self.heed(&listing);
        Ok(Some(listing))
    }

    /// Says what the daemon wants everybody to know.
    pub(crate) fn heed(&self, listing: &Listing) {
        if let Some(warning) = &listing.warning {
            self.stage.talk(&format!("warning: {warning}"));
        }
    }
}

/// Asks what is answered at once.
pub(crate) fn quick<C: Call + Clone>(client: &mut Client, call: &C) -> Result<C::Reply, Failure> {
    Ok(client.call(call, Deadline::after(QUICK))?)
}

/// This shell's environment. A name that is not UTF-8 can't be set by any config and is left out.
pub(crate) fn environment() -> Environment {
    let mut environment = Environment::new();
    for (name, value) in std::env::vars_os() {
        if let Some(name) = name.to_str() {
            environment.set(name, ByteString::new(value.into_vec()));
        }
    }
    environment
}

/// The engine for configs that are programs.
pub(crate) fn engine(flag: EngineFlag) -> pm_config::Engine {
    match flag.engine {
        Engine::Auto => pm_config::Engine::Auto,
        Engine::Builtin => pm_config::Engine::Builtin,
        Engine::Node => pm_config::Engine::Node,
    }
}

/// Whether only `all` is meant, which no daemon at all satisfies (pain 79).
pub(crate) fn is_all(words: &[String]) -> bool {
    words.iter().all(|word| word == "all")
}
