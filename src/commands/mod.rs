//! One file per verb: parsed arguments -> requests -> [`Report`]. Nothing is printed here but talk, progress and what
//! streams (logs). What several verbs need lies in `support`.

mod add;
mod apply;
mod attach;
mod backward;
mod bootstrap;
mod check;
mod cleardump;
mod completion;
mod conf;
mod config;
mod daemon;
mod delete;
#[cfg_attr(not(feature = "deploy"), path = "left_out/deploy.rs")]
mod deploy;
mod describe;
mod dev;
mod domain;
mod down;
mod env;
mod events;
mod examples;
mod exec;
mod export;
mod flush;
mod forward;
mod get;
mod guardian;
mod history;
pub(crate) mod hosts;
mod id;
mod import;
mod init;
mod inspect;
mod install;
mod jlist;
mod kill;
mod list;
mod logrotate;
mod logs;
mod monit;
mod monitor;
mod multiset;
mod pid;
mod ping;
mod port;
mod prettylist;
mod ps;
mod pull;
mod reload;
mod reload_logs;
mod report;
mod reset;
mod restart;
mod resurrect;
mod run;
mod runtime;
mod save;
mod scale;
mod send;
mod send_signal;
#[cfg_attr(not(feature = "serve"), path = "left_out/serve.rs")]
mod serve;
#[cfg_attr(not(feature = "serve"), path = "left_out/serve_files.rs")]
mod serve_files;
mod set;
mod slist;
mod start;
mod startup;
mod stop;
pub(crate) mod supervisorctl;
mod support;
mod takeover;
mod top;
mod trigger;
mod uninstall;
mod unmonitor;
mod unset;
mod unstartup;
mod up;
mod update;
mod wait;
#[cfg_attr(not(feature = "panel"), path = "left_out/web.rs")]
pub(crate) mod web;
mod why;

use pm_pm2::absent;

use crate::cli::Verb;
use crate::commands::support::unknown;
use crate::prelude::{Failure, Report, Session};

/// Does what was asked for.
pub(crate) fn run(session: &Session, command: Verb) -> Result<Report, Failure> {
    // These do all or nothing.
    let changes = matches!(
        command,
        Verb::Run(_)
            | Verb::Stop(_)
            | Verb::Restart(_)
            | Verb::Reload(_)
            | Verb::Delete(_)
            | Verb::Reset(_)
    );
    verb(session, command).map_err(|failure| unknown::explained(session, failure, changes))
}

#[expect(clippy::too_many_lines, reason = "a line for each verb")]
fn verb(session: &Session, command: Verb) -> Result<Report, Failure> {
    match command {
        Verb::Start(args) => start::run(session, &args),
        Verb::Runtime(args) => runtime::run(session, args.into_inner()),
        Verb::Dev(args) => dev::run(session, args.into_inner()),
        Verb::Run(args) => run::run(session, &args),
        Verb::Exec(args) => exec::run(session, &args),
        Verb::Wait(args) => wait::run(session, &args),
        Verb::Stop(args) => stop::run(session, &args),
        Verb::Restart(args) | Verb::StartOrRestart(args) => restart::run(session, &args),
        Verb::Reload(args) | Verb::StartOrReload(args) => reload::run(session, &args),
        Verb::Delete(args) => delete::run(session, &args),
        Verb::Scale(args) => scale::run(session, &args),
        Verb::Reset(args) => reset::run(session, &args),
        Verb::SendSignal(args) => send_signal::run(session, &args),
        Verb::Send(args) => send::run(session, &args),
        Verb::Attach(args) => attach::run(session, &args),
        Verb::Trigger(args) => trigger::run(session, args.into_inner()),
        Verb::List(args) => list::run(session, &args),
        Verb::Ps(args) => ps::run(session, &args),
        Verb::Jlist => jlist::run(session),
        Verb::Prettylist => prettylist::run(session),
        Verb::Slist(args) => slist::run(session, &args),
        Verb::Describe(args) => describe::run(session, &args),
        Verb::Why(args) => why::run(session, &args),
        Verb::Events(args) => events::run(session, &args),
        Verb::History(args) => history::run(session, &args),
        Verb::Env(args) => env::run(session, &args),
        Verb::Pid(args) => pid::run(session, &args),
        Verb::Id(args) => id::run(session, &args),
        Verb::Top(args) => top::run(session, &args),
        Verb::Port(args) => port::run(session, &args),
        Verb::Logs(args) => logs::run(session, &args),
        Verb::Flush(args) => flush::run(session, &args),
        Verb::ReloadLogs => reload_logs::run(session),
        Verb::Monit(args) => monit::run(session, &args),
        Verb::Save(args) => save::run(session, &args),
        Verb::Resurrect(args) => resurrect::run(session, &args),
        Verb::Startup(args) => startup::run(session, &args),
        Verb::Unstartup(args) => unstartup::run(session, &args),
        Verb::Cleardump => cleardump::run(session),
        Verb::Inspect(args) => inspect::run(session, &args),
        Verb::Kill => kill::run(session),
        Verb::Ping => ping::run(session),
        Verb::Update => update::run(session),
        Verb::Add(args) => add::run(session, &args),
        Verb::Up(args) => up::run(session, args.into_inner()),
        Verb::Watch(args) => up::watch(session, args.into_inner()),
        Verb::Down(args) => down::run(session, &args),
        Verb::Apply(args) => apply::run(session, &args),
        Verb::Check(args) => check::run(session, &args),
        Verb::Import(args) => import::run(session, &args),
        Verb::Takeover(args) => takeover::run(session, &args),
        Verb::Export(args) => export::run(session, &args),
        Verb::Completion(args) => completion::run(session, &args),
        Verb::Set(args) => set::run(session, &args),
        Verb::Get(args) => get::run(session, &args),
        Verb::Unset(args) => unset::run(session, &args),
        Verb::Multiset(args) => multiset::run(session, &args),
        Verb::Config(args) => config::run(session, args.into_inner()),
        Verb::Conf(args) => conf::run(session, &args),
        Verb::Init(args) => init::run(session, &args),
        Verb::Report => report::run(session),
        Verb::Pull(args) => pull::run(session, &args),
        Verb::Backward(args) => backward::run(session, &args),
        Verb::Forward(args) => forward::run(session, &args),
        Verb::Logrotate(args) => logrotate::run(session, &args),
        Verb::Deploy(args) => deploy::run(session, &args),
        Verb::Serve(args) => serve::run(session, args.into_inner()),
        Verb::Domain(args) => domain::run(session, &args),
        Verb::Web(args) => web::run(session, args.into_inner()),
        Verb::Monitor(args) => monitor::run(session, &args),
        Verb::Unmonitor(args) => unmonitor::run(session, &args),
        Verb::Install(args) => install::run(session, &args),
        Verb::Uninstall(args) => uninstall::run(session, &args),
        Verb::Examples => Ok(examples::run(session)),
        Verb::EventPool(args) => supervisorctl::event_pool::run(session, &args),
        Verb::ServeFiles => serve_files::run(),
        Verb::Bootstrap(args) => bootstrap::run(session, &args),
        Verb::Remote(args) => hosts::remote(&args),
        Verb::Guardian(args) => guardian::run(&session.home, &args),
        Verb::Daemon(args) => daemon::run(&session.home, &args),
        Verb::Hosted(_) => Err(absent::HOSTED.refusal().into()),
        Verb::Create(_) => Err(absent::CREATE.refusal().into()),
        Verb::Autoinstall(_) => Err(absent::AUTOINSTALL.refusal().into()),
        Verb::DeepUpdate(_) => Err(absent::DEEP_UPDATE.refusal().into()),
        Verb::Modules(_) => Err(absent::MODULES.refusal().into()),
        Verb::Profile(_) => Err(absent::PROFILE.refusal().into()),
        Verb::Telemetry(_) => Err(absent::TELEMETRY.refusal().into()),
    }
}
