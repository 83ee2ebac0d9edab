//! The grammar of the command line: clap types only, one file per group of verbs. Nothing is done here.

mod boot;
mod closed;
mod compose;
mod deploy;
mod domain;
mod engine;
mod export;
mod foreign;
mod help;
mod hosts;
mod import;
mod keys;
mod later;
mod logs;
pub(crate) mod parse;
mod project;
mod serve;
mod settings;
mod show;
mod start;
mod stay;
mod takeover;
mod talk;
mod verbs;
mod web;

pub(crate) use boot::{BootArgs, StartupArgs, UnstartupArgs};
pub(crate) use compose::{
    CommandFlags, ComposeUpFlags, ConfigArgs, ExecArgs, ModelFormat, PsArgs, WaitArgs,
};
pub(crate) use deploy::DeployArgs;
pub(crate) use domain::{
    DomainAddArgs, DomainArgs, DomainRemoveArgs, DomainVerb, ProxyFlags, ProxyKind,
};
pub(crate) use engine::{EngineFlag, ProfileFlag};
pub(crate) use export::ExportArgs;
pub(crate) use foreign::AnyArgs;
#[cfg(test)]
pub(crate) use help::COMMANDS;
pub(crate) use help::EXAMPLES;
pub(crate) use hosts::{BootstrapArgs, HostFlags, RemoteArgs};
pub(crate) use import::ImportArgs;
pub(crate) use later::Later;
pub(crate) use logs::LogsArgs;
pub(crate) use project::{AddArgs, InitArgs, LogrotateArgs, PullArgs};
pub(crate) use serve::ServeArgs;
pub(crate) use settings::{GetArgs, MultisetArgs, SetArgs, UnsetArgs};
pub(crate) use show::{
    EnvArgs, EventsArgs, HistoryArgs, IdArgs, ListArgs, OneArgs, PidArgs, PortArgs, SlistArgs,
    WhyArgs,
};
pub(crate) use start::{StartArgs, StartFlags};
pub(crate) use stay::{DevArgs, RuntimeArgs};
pub(crate) use takeover::{FormerKind, TakeoverArgs};
pub(crate) use talk::{AttachArgs, SendArgs, TriggerArgs};
pub(crate) use verbs::{
    ApplyArgs, ApplyFlags, CheckArgs, CompletionArgs, DaemonArgs, DownArgs, EventPoolArgs,
    FlushArgs, GuardianArgs, MonitArgs, RestartArgs, ResurrectArgs, RunArgs, SaveArgs, ScaleArgs,
    SelectArgs, SendSignalArgs, TargetArgs, UpArgs,
};
pub(crate) use web::WebArgs;
#[cfg(feature = "panel")]
pub(crate) use web::{
    WebAlertVerb, WebAuditArgs, WebChannelArgs, WebLinkArgs, WebPlaceArgs, WebSessionsArgs,
    WebTokenVerb, WebUserVerb, WebVerb,
};

use clap::{ArgAction, Parser, Subcommand};

/// Keep apps running: start them, restart them when they fail, write their logs.
#[derive(Debug, Parser)]
#[command(
    name = "pm",
    version,
    disable_version_flag = true,
    subcommand_value_name = "COMMAND",
    args_override_self = true,
    arg_required_else_help = false
)]
pub(crate) struct Grammar<C: Subcommand> {
    /// Print the version
    #[arg(short = 'v', long = "version", action = ArgAction::Version)]
    version: Option<bool>,
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<C>,
}

/// With all commands.
pub(crate) type Cli = Grammar<Verb>;

/// Options that may stand anywhere.
#[derive(Clone, Debug, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag people type")]
pub(crate) struct Global {
    /// Print nothing but errors
    #[arg(short = 's', long, global = true)]
    pub(crate) silent: bool,
    /// No colours (also: `NO_COLOR`)
    #[arg(long = "no-color", alias = "no-colour", global = true)]
    pub(crate) no_color: bool,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print the list as blocks of `key : value`
    #[arg(short = 'm', long = "mini-list", global = true)]
    pub(crate) mini: bool,
    #[command(flatten)]
    pub(crate) on: HostFlags,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start apps: a config file, a script, or what is known already
    Start(Later<StartArgs>),
    /// Run apps in the foreground, as the main program of a container
    Runtime(Later<RuntimeArgs>),
    /// Run apps in the foreground, apart from others, while you work on them
    Dev(Later<DevArgs>),
    /// Run jobs now, whatever their times; waits for their end and ends as they did
    Run(Later<RunArgs>),
    /// Run a command beside an app that runs: with its variables, folder and user, or in its container
    Exec(Later<ExecArgs>),
    /// Wait until apps are down, and end as the last of them did
    Wait(Later<WaitArgs>),
    /// Stop apps; returns when their process trees are gone
    Stop(Later<TargetArgs>),
    /// Restart apps
    Restart(Later<RestartArgs>),
    /// Restart apps instance after instance
    Reload(Later<RestartArgs>),
    /// Restart the apps of a config file, start those that are down
    #[command(name = "startOrRestart", visible_alias = "start-or-restart")]
    StartOrRestart(Later<RestartArgs>),
    /// Reload the apps of a config file, start those that are down
    #[command(name = "startOrReload", visible_aliases = ["start-or-reload", "startOrGracefulReload"])]
    StartOrReload(Later<RestartArgs>),
    /// Stop apps and forget them
    #[command(visible_alias = "del")]
    Delete(Later<TargetArgs>),
    /// Have so many instances of an app: N, +N or -N
    Scale(Later<ScaleArgs>),
    /// Set restart counters to zero
    Reset(Later<SelectArgs>),
    /// Send a signal to the main processes of apps
    #[command(name = "sendSignal", visible_alias = "send-signal")]
    SendSignal(Later<SendSignalArgs>),
    /// Write a line to the standard input of apps
    Send(Later<SendArgs>),
    /// Show what an app writes, and pass on to it what is typed
    Attach(Later<AttachArgs>),
    /// Have Node apps do something they offer, and show what they return
    Trigger(Later<TriggerArgs>),
    /// List the apps
    #[command(visible_aliases = ["ls", "l", "status"])]
    List(Later<ListArgs>),
    /// List the services of the Compose project that is up here; without one, what `list` does
    Ps(Later<PsArgs>),
    /// List the apps as JSON, in PM2's shape
    Jlist,
    /// List the apps as Node prints objects, in PM2's shape
    Prettylist,
    /// Show figures of the machine, in PM2's shape
    #[command(visible_alias = "sysinfos")]
    Slist(Later<SlistArgs>),
    /// Show everything about an app
    #[command(visible_aliases = ["desc", "info", "show"])]
    Describe(Later<OneArgs>),
    /// Tell in a few lines why an app runs or does not
    Why(Later<WhyArgs>),
    /// Tell what happened: starts, ends and why, reloads, health, jobs; newest last
    Events(Later<EventsArgs>),
    /// Tell what happened to an app, equal ends as one line
    History(Later<HistoryArgs>),
    /// Show the environment of an instance, secrets included
    Env(Later<EnvArgs>),
    /// Show the pids of apps
    Pid(Later<PidArgs>),
    /// Show the ids of an app's instances
    Id(Later<IdArgs>),
    /// Show the processes of apps, each with what it uses
    Top(Later<SelectArgs>),
    /// Show the addresses an app listens on now
    Port(Later<PortArgs>),
    /// Show logs and follow them
    #[command(visible_alias = "log")]
    Logs(Later<LogsArgs>),
    /// Empty log files: of the given apps, or all and the daemon's own
    Flush(Later<FlushArgs>),
    /// Open all log files anew, after something else rotated them
    #[command(name = "reloadLogs", visible_alias = "reload-logs")]
    ReloadLogs,
    /// Watch and steer the apps in a full screen
    #[command(visible_aliases = ["dash", "dashboard", "imonit"])]
    Monit(Later<MonitArgs>),
    /// Save the list of apps for `resurrect`
    #[command(visible_alias = "dump")]
    Save(Later<SaveArgs>),
    /// Start what was saved and is not known
    Resurrect(Later<ResurrectArgs>),
    /// Have the machine start the saved list when it boots
    Startup(Later<StartupArgs>),
    /// Undo `startup`
    Unstartup(Later<UnstartupArgs>),
    /// Save an empty list
    Cleardump,
    /// Open a Node app for a debugger
    Inspect(Later<IdArgs>),
    /// Stop all apps and the daemon
    Kill,
    /// Start the daemon if need be and ask whether it answers
    Ping,
    /// Replace the running daemon by this program; apps run on
    #[command(visible_alias = "updatePM2")]
    Update,
    /// Look at a folder, make its venv, write its ecosystem file, and start what lies there
    Add(Later<AddArgs>),
    /// Bring a project up as its config file says: only what differs is restarted, what it no longer names goes
    Up(Later<UpArgs>),
    /// `up --watch`: what `develop.watch` of a Compose file says is done, in the background, until the next `up`
    Watch(Later<UpArgs>),
    /// Stop a project's apps and forget them
    Down(Later<DownArgs>),
    /// Run what config files say; only what differs is restarted
    Apply(Later<ApplyArgs>),
    /// Check config files and report every problem
    Check(Later<CheckArgs>),
    /// Write another manager's file as an ecosystem file, and tell what becomes of each of its keys
    Import(Later<ImportArgs>),
    /// Take over the running programs of Supervisor or PM2, one by one; --undo gives them back
    Takeover(Later<TakeoverArgs>),
    /// Write apps as files of another manager or engine, and tell what becomes of each of their keys
    Export(Later<ExportArgs>),
    /// Print a completion script for a shell
    Completion(Later<CompletionArgs>),
    /// Keep a setting; `app:key`: a variable of an app, which restarts
    Set(Later<SetArgs>),
    /// Show settings
    Get(Later<GetArgs>),
    /// Remove settings
    Unset(Later<UnsetArgs>),
    /// Keep several settings
    Multiset(Later<MultisetArgs>),
    /// Print a Compose project as it is understood: variables filled in, files laid over each other
    Config(Later<ConfigArgs>),
    /// Show or keep a setting
    Conf(Later<SetArgs>),
    /// Write an ecosystem file to begin with
    #[command(visible_alias = "ecosystem")]
    Init(Later<InitArgs>),
    /// Tell everything that a question about pm needs; secrets are masked
    Report,
    /// Bring an app's git repository to its newest commit, then reload it
    Pull(Later<PullArgs>),
    /// Bring an app's git repository one commit back, then reload it
    Backward(Later<IdArgs>),
    /// Bring an app's git repository one commit forward, then reload it
    Forward(Later<IdArgs>),
    /// Write a file for logrotate(8)
    Logrotate(Later<LogrotateArgs>),
    /// Show what can be typed
    Examples,
    /// There are no sample projects
    #[command(hide = true)]
    Create(Later<AnyArgs>),
    /// There are no modules
    #[command(hide = true)]
    Autoinstall(Later<AnyArgs>),
    /// Nothing is fetched from the network
    #[command(name = "deepUpdate", hide = true)]
    DeepUpdate(Later<AnyArgs>),
    /// Bring a git repository to hosts over ssh, with hooks
    Deploy(Later<DeployArgs>),
    /// Serve a folder over HTTP, as an app
    #[command(visible_alias = "expose")]
    Serve(Later<ServeArgs>),
    /// The panel in the browser: starts it and prints a link that lets you in
    Web(Later<WebArgs>),
    /// Have Caddy or nginx lead a domain to an app; what either refuses is undone
    Domain(Later<DomainArgs>),
    /// The file server itself
    #[command(name = "serve-files", hide = true)]
    ServeFiles,
    /// An event listener of Supervisor, and what it is told
    #[command(name = pm_config::EVENT_VERB, hide = true)]
    EventPool(Later<EventPoolArgs>),
    /// PM2's hosted dashboard is not part of pm
    #[command(name = "link", aliases = ["unlink", "open", "plus", "register", "login", "logout"], hide = true)]
    Hosted(Later<AnyArgs>),
    /// Mark apps for PM2's hosted dashboard; the mark is shown in `jlist`, and that is all
    #[command(hide = true)]
    Monitor(Later<SelectArgs>),
    /// Take the mark away
    #[command(hide = true)]
    Unmonitor(Later<SelectArgs>),
    /// Names what is built in instead of a module of PM2
    #[command(alias = "module:install", aliases = ["module:update"], hide = true)]
    Install(Later<AnyArgs>),
    /// There are no modules
    #[command(alias = "module:uninstall", hide = true)]
    Uninstall(Later<AnyArgs>),
    /// There are no modules
    #[command(name = "package", aliases = ["publish", "module:publish", "module:generate"], hide = true)]
    Modules(Later<AnyArgs>),
    /// The daemon is no JavaScript
    #[command(name = "profile:cpu", alias = "profile:mem", hide = true)]
    Profile(Later<AnyArgs>),
    /// Nothing is injected into apps
    #[command(name = "install-otel", alias = "uninstall-otel", hide = true)]
    Telemetry(Later<AnyArgs>),
    /// Bring this program to other machines over ssh, and have it start at boot there
    Bootstrap(Later<BootstrapArgs>),
    /// What a `pm` on another machine asks for
    #[command(hide = true)]
    Remote(Later<RemoteArgs>),
    /// The half that never dies
    #[command(hide = true)]
    Guardian(Later<GuardianArgs>),
    /// The half that may
    #[command(hide = true)]
    Daemon(Later<DaemonArgs>),
}

#[cfg(test)]
mod man_tests;
#[cfg(test)]
mod tests;

#[cfg(feature = "panel")]
#[cfg(test)]
mod deed_tests;
