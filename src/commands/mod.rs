//! One file per verb: parsed arguments -> requests -> [`Report`]. Nothing is printed here but talk, progress and what
//! streams (logs). What several verbs need lies in `support`.

mod apply;
mod attach;
mod backward;
mod check;
mod cleardump;
mod completion;
mod conf;
mod daemon;
mod delete;
#[cfg_attr(not(feature = "deploy"), path = "left_out/deploy.rs")]
mod deploy;
mod describe;
mod dev;
mod env;
mod examples;
mod flush;
mod forward;
mod get;
mod guardian;
mod id;
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
mod prettylist;
mod pull;
mod reload;
mod reload_logs;
mod report;
mod reset;
mod restart;
mod resurrect;
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
mod support;
mod trigger;
mod uninstall;
mod unmonitor;
mod unset;
mod unstartup;
mod update;

use pm_pm2::absent;

use crate::cli::Command;
use crate::prelude::{Failure, Report, Session};

/// Does what was asked for.
pub(crate) fn run(session: &Session, command: Command) -> Result<Report, Failure> {
    match command {
        Command::Start(args) => start::run(session, &args),
        Command::Runtime(args) => runtime::run(session, args.into_inner()),
        Command::Dev(args) => dev::run(session, args.into_inner()),
        Command::Stop(args) => stop::run(session, &args),
        Command::Restart(args) | Command::StartOrRestart(args) => restart::run(session, &args),
        Command::Reload(args) | Command::StartOrReload(args) => reload::run(session, &args),
        Command::Delete(args) => delete::run(session, &args),
        Command::Scale(args) => scale::run(session, &args),
        Command::Reset(args) => reset::run(session, &args),
        Command::SendSignal(args) => send_signal::run(session, &args),
        Command::Send(args) => send::run(session, &args),
        Command::Attach(args) => attach::run(session, &args),
        Command::Trigger(args) => trigger::run(session, args.into_inner()),
        Command::List(args) => list::run(session, &args),
        Command::Jlist => jlist::run(session),
        Command::Prettylist => prettylist::run(session),
        Command::Slist(args) => slist::run(session, &args),
        Command::Describe(args) => describe::run(session, &args),
        Command::Env(args) => env::run(session, &args),
        Command::Pid(args) => pid::run(session, &args),
        Command::Id(args) => id::run(session, &args),
        Command::Logs(args) => logs::run(session, &args),
        Command::Flush(args) => flush::run(session, &args),
        Command::ReloadLogs => reload_logs::run(session),
        Command::Monit(args) => monit::run(session, &args),
        Command::Save(args) => save::run(session, &args),
        Command::Resurrect(args) => resurrect::run(session, &args),
        Command::Startup(args) => startup::run(session, &args),
        Command::Unstartup(args) => unstartup::run(session, &args),
        Command::Cleardump => cleardump::run(session),
        Command::Inspect(args) => inspect::run(session, &args),
        Command::Kill => kill::run(session),
        Command::Ping => ping::run(session),
        Command::Update => update::run(session),
        Command::Apply(args) => apply::run(session, &args),
        Command::Check(args) => check::run(session, &args),
        Command::Completion(args) => completion::run(session, &args),
        Command::Set(args) => set::run(session, &args),
        Command::Get(args) => get::run(session, &args),
        Command::Unset(args) => unset::run(session, &args),
        Command::Multiset(args) => multiset::run(session, &args),
        Command::Conf(args) => conf::run(session, &args),
        Command::Init(args) => init::run(session, &args),
        Command::Report => report::run(session),
        Command::Pull(args) => pull::run(session, &args),
        Command::Backward(args) => backward::run(session, &args),
        Command::Forward(args) => forward::run(session, &args),
        Command::Logrotate(args) => logrotate::run(session, &args),
        Command::Deploy(args) => deploy::run(session, &args),
        Command::Serve(args) => serve::run(session, &args),
        Command::Monitor(args) => monitor::run(session, &args),
        Command::Unmonitor(args) => unmonitor::run(session, &args),
        Command::Install(args) => install::run(session, &args),
        Command::Uninstall(args) => uninstall::run(session, &args),
        Command::Examples => Ok(examples::run(session)),
        Command::ServeFiles => serve_files::run(),
        Command::Guardian(args) => guardian::run(&session.home, &args),
        Command::Daemon(args) => daemon::run(&session.home, &args),
        Command::Hosted(_) => Err(absent::HOSTED.refusal().into()),
        Command::Create(_) => Err(absent::CREATE.refusal().into()),
        Command::Autoinstall(_) => Err(absent::AUTOINSTALL.refusal().into()),
        Command::DeepUpdate(_) => Err(absent::DEEP_UPDATE.refusal().into()),
        Command::Modules(_) => Err(absent::MODULES.refusal().into()),
        Command::Profile(_) => Err(absent::PROFILE.refusal().into()),
        Command::Telemetry(_) => Err(absent::TELEMETRY.refusal().into()),
    }
}
