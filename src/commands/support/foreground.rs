//! Apps in the foreground, for containers (`pm runtime`) and for people who develop (`pm dev`): starts them, shows what
//! they write, ends when they have ended or when told to, and takes over their exit code. Guardian and daemon are the same
//! as ever; this is a client of theirs that stays, and the parent of whoever is orphaned where it is process 1.

mod exit_code;
mod signals;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use pm_client::{CallError, Client, Deadline, Feed, Subscription};
use pm_protocol::{
    Change, Code, Delete, Describe, Existing, LogSource, Logs, Patience, ReloadLogs, Row, Start,
    Status, Stop,
};
use pm_spec::{AppSpec, Select};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::commands::kill;
use crate::commands::logs::{Form, Streaming};
use crate::commands::support::{listing, resend, resurrection};
use crate::console;
use crate::launch;
use crate::mailbox::Mailbox;
use crate::prelude::{Failure, Report, Session, quick};
use crate::session::QUICK;

use signals::ForegroundSignals;
pub(crate) use signals::{ear, heard};

/// How often to look whether there is a daemon again while there is none.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// So many looks without anybody: the home has lost guardian and daemon at once.
const LOOKS: u32 = 40;

/// What is to run, and how it ends.
#[derive(Debug)]
pub(crate) struct Stay {
    /// What is started; the saved list if that is nothing.
    pub(crate) apps: Vec<AppSpec>,
    pub(crate) form: Form,
    /// Whether to end when no app is up or coming up any more.
    pub(crate) auto_exit: bool,
    /// Whether to go once they are started and leave them to the daemon.
    pub(crate) leaves: bool,
    /// Wait so long before anything is started.
    pub(crate) delay: Duration,
    pub(crate) scope: Scope,
    pub(crate) post_exec: Option<PostExec>,
}

impl Stay {
    /// Until we are told to end.
    pub(crate) fn new(apps: Vec<AppSpec>, form: Form, scope: Scope) -> Self {
        let delay = Duration::ZERO;
        Self { apps, form, auto_exit: false, leaves: false, delay, scope, post_exec: None }
    }
}

/// A shell's command for each restart.
#[derive(Debug)]
pub(crate) struct PostExec {
    pub(crate) command: String,
    /// Whether nobody wants to see what it writes.
    pub(crate) is_silent: bool,
}

/// Whose the home is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Ours alone: whatever is in it ends with us.
    Home,
    /// Others may run apps of theirs beside ours.
    Apps,
    /// Whatever was and will be in it ends with us.
    All,
}

/// Why it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StayEnd {
    /// Nothing runs any more.
    Ended,
    /// We were told to end.
    Told,
    /// Somebody ended the daemon and all apps.
    Killed,
}

/// Starts the apps and stays until they have ended.
pub(crate) fn stay(session: &Session, plan: &Stay) -> Result<Report, Failure> {
    let signals = ForegroundSignals::subscribe()
        .map_err(|error| Failure::failed(format!("could not watch for signals: {error}")))?;
    if wait_for_end(&signals, plan.delay) {
        return Ok(Report::ended(0));
    }
    let mut client = client(session, plan.scope)?;
    let ended = live(session, plan, &mut client, signals);
    if ended.is_err() && plan.scope == Scope::Home {
        // Nobody else would end what we started; why we can't go on is what counts.
        kill::run(session).ok();
    }
    ended
}

/// From the start of the apps to their end.
fn live(
    session: &Session,
    plan: &Stay,
    client: &mut Client,
    signals: ForegroundSignals,
) -> Result<Report, Failure> {
    let asked = resend::now();
    let outcomes = if plan.apps.is_empty() {
        let report = resurrection::run(session)?;
        // Nobody has to listen.
        console::show(&report.shown).ok();
        Vec::new()
    } else {
        let apps = plan.apps.clone();
        let start =
            Start { apps, existing: Existing::Restart, wait: Patience::Spawned, no_deps: false };
        resend::start(client, start)?.outcomes
    };
    for outcome in &outcomes {
        if let Some(why) = outcome.what.why() {
            session.console.complain(&format!("error: {} failed: {why}", outcome.name));
        }
    }
    if plan.leaves {
        return Ok(Report::default());
    }
    let ids: Vec<u32> = outcomes.iter().map(|outcome| outcome.id).collect();
    let select = match plan.scope {
        Scope::Home | Scope::All => Vec::new(),
        Scope::Apps => ids.iter().map(|id| Select::Id(*id)).collect(),
    };
    let failed = |error: io::Error| Failure::failed(format!("could not watch the apps: {error}"));
    let mut watch = ForegroundWatch {
        session,
        plan,
        signals,
        news: Mailbox::open("news", Subscription::open(&session.home, None)?).map_err(failed)?,
        rows: BTreeMap::new(),
        ids,
        looks: None,
    };
    watch.rows = listing::rows(client)?.into_iter().map(|row| (row.id, row)).collect();
    let sources = sources(client, &select).unwrap_or_default();
    let form = plan.form.clone();
    let shown = Streaming::start(session, form, asked, (select.clone(), sources))?;
    let over = watch.until_over(client)?;
    watch.end(over, shown, &select)
}

/// A daemon that has nothing but what we start.
fn client(session: &Session, scope: Scope) -> Result<Client, Failure> {
    let home = &session.home;
    if scope != Scope::Home {
        return session.daemon();
    }
    if let Some(mut client) = session.find()? {
        let count = listing::rows(&mut client)?.len();
        if count == 0 {
            return Ok(client);
        }
        let message = format!(
            "could not take {} for ourselves: its daemon looks after {count} apps already",
            home.root().display()
        );
        return Err(
            Failure::failed(message).hint("`pm kill` ends them; PM_HOME chooses another home")
        );
    }
    if rustix::process::getpid() == rustix::process::Pid::INIT {
        // Process 1 is the first of its world: what a journal tells of was in another one.
        for journal in [home.journal(), home.journal().with_extension("old")] {
            // Nobody has written one before the first start.
            std::fs::remove_file(journal).ok();
        }
    }
    let mut client = session.daemon()?;
    let left: Vec<_> = listing::rows(&mut client)?.iter().map(|row| Select::Id(row.id)).collect();
    if !left.is_empty() {
        // Of somebody before us who was killed.
        client.call(&Delete { select: left }, Deadline::NEVER)?;
    }
    Ok(client)
}

fn sources(client: &mut Client, select: &[Select]) -> Result<Vec<LogSource>, Failure> {
    Ok(quick(client, &Logs { select: select.to_vec() })?.sources)
}

/// Lets time pass; true if we were told to end meanwhile.
fn wait_for_end(signals: &ForegroundSignals, span: Duration) -> bool {
    let timeout = Timespec::try_from(span).unwrap_or(LOOK);
    let mut fds = [PollFd::new(&signals.end, PollFlags::IN)];
    matches!(poll(&mut fds, Some(&timeout)), Ok(1..))
}

/// Us, while the apps run.
struct ForegroundWatch<'a> {
    session: &'a Session,
    plan: &'a Stay,
    signals: ForegroundSignals,
    news: Mailbox<Feed>,
    rows: BTreeMap<u32, Row>,
    /// What we started.
    ids: Vec<u32>,
    /// Looks in vain since the daemon is away; `None`: it is there.
    looks: Option<u32>,
}

impl ForegroundWatch<'_> {
    fn until_over(&mut self, client: &mut Client) -> Result<StayEnd, Failure> {
        loop {
            if self.plan.auto_exit && self.looks.is_none() && self.is_over() {
                return Ok(StayEnd::Ended);
            }
            self.wait();
            if heard(&self.signals.child) {
                signals::reap();
            }
            if heard(&self.signals.end) {
                return Ok(StayEnd::Told);
            }
            if heard(&self.signals.reopen)
                && let Err(failure) = quick(client, &ReloadLogs {})
            {
                self.session.console.complain(&failure.to_string());
            }
            for news in self.news.take() {
                self.learn(news);
            }
            if self.look()? {
                return Ok(StayEnd::Killed);
            }
        }
    }

    fn wait(&self) {
        let ForegroundSignals { end, reopen, child } = &self.signals;
        let ears = [end.as_fd(), reopen.as_fd(), child.as_fd(), self.news.as_fd()];
        let mut fds = ears.map(|ear| PollFd::from_borrowed_fd(ear, PollFlags::IN));
        // An interruption is as good as news.
        poll(&mut fds, self.looks.map(|_| &LOOK)).ok();
    }

    /// Nothing is up, and nothing will be by itself.
    fn is_over(&self) -> bool {
        let mut ours = self.rows.values().filter(|row| self.is_ours(row.id));
        ours.all(|row| matches!(row.status, Status::Stopped | Status::Errored))
    }

    fn is_ours(&self, id: u32) -> bool {
        match self.plan.scope {
            Scope::Home | Scope::All => true,
            Scope::Apps => self.ids.contains(&id),
        }
    }

    fn learn(&mut self, news: Feed) {
        match news {
            Feed::Reconnecting => self.looks = Some(0),
            Feed::Change(Change::Snapshot(rows)) => {
                self.looks = None;
                self.rows = rows.into_iter().map(|row| (row.id, row)).collect();
            }
            Feed::Change(Change::Changed(row)) => {
                let before = self.rows.insert(row.id, row.clone());
                if self.is_ours(row.id) && before.is_some_and(|it| it.restarts < row.restarts) {
                    self.after_restart(&row);
                }
            }
            Feed::Change(Change::Removed(id)) => {
                self.rows.remove(&id);
            }
            Feed::Change(Change::Usage(_) | Change::Host(_) | Change::Leaving) => {}
        }
    }

    fn after_restart(&self, row: &Row) {
        let Some(PostExec { command, is_silent }) = &self.plan.post_exec else { return };
        self.session.console.talk(&format!("{}: restarted; {command}", row.name));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).stdin(Stdio::null());
        if *is_silent {
            shell.stdout(Stdio::null()).stderr(Stdio::null());
        }
        // It is reaped like any other child; how it ends is its own business.
        if let Err(error) = shell.spawn() {
            self.session.console.complain(&format!("error: could not run {command}: {error}"));
        }
    }

    /// While the daemon is away: true if it was ended on purpose. If guardian and daemon are both gone, new ones are
    /// started, and find the apps.
    fn look(&mut self) -> Result<bool, Failure> {
        let Some(looks) = self.looks else { return Ok(false) };
        let home = &self.session.home;
        if pm_os::lock::holder(&home.lock()).is_some() {
            self.looks = Some(0);
            return Ok(false);
        }
        // A guardian that leaves takes its socket along; one that dies can't.
        if !home.socket().exists() {
            return Ok(true);
        }
        self.looks = Some(looks + 1);
        if looks > 0 && looks.is_multiple_of(LOOKS) {
            launch::begin(home, &[])?;
        }
        Ok(false)
    }

    /// Ends everything that is ours, shows the rest, and takes over an exit code.
    fn end(self, over: StayEnd, shown: Streaming, select: &[Select]) -> Result<Report, Failure> {
        let mut last = Vec::new();
        let mut code = 0;
        if let Some(mut client) = self.session.find()?.filter(|_| over != StayEnd::Killed) {
            last = sources(&mut client, select).unwrap_or_default();
            code = self.code(&mut client, over, select)?;
            self.end_apps(&mut client, select)?;
        }
        shown.finish(last);
        signals::reap();
        Ok(Report::ended(code))
    }

    /// That of the app that ended last; if we were told to end (PM2: 0), of those that end now.
    fn code(&self, client: &mut Client, over: StayEnd, select: &[Select]) -> Result<u8, Failure> {
        let is_told = over == StayEnd::Told;
        if is_told && (self.plan.scope != Scope::Home || self.session.called_as.is_pm2()) {
            return Ok(0);
        }
        let since = if is_told { resend::now() } else { 0 };
        let call = Describe { select: select.to_vec(), known: false };
        let ended = if is_told {
            client.call(&Stop { select: vec![Select::All] }, Deadline::NEVER).map(drop)
        } else {
            Ok(())
        };
        match ended.and_then(|()| client.call(&call, Deadline::after(QUICK))) {
            Ok(all) => Ok(exit_code::of(&all.descriptions, since)),
            // Somebody ends everything, and the apps were the first.
            Err(error) if self.is_left(&error)? => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether there was no answer because the daemon leaves, or has left for good.
    fn is_left(&self, error: &CallError) -> Result<bool, Failure> {
        Ok(match error {
            CallError::Refused(refusal) => refusal.code == Code::Leaving,
            CallError::Connect(error) => error.is_no_daemon(),
            CallError::Lost => launch::find(&self.session.home)?.is_none(),
            CallError::Late
            | CallError::Version { .. }
            | CallError::Protocol(_)
            | CallError::Answer(_)
            | CallError::Io(_) => false,
        })
    }

    fn end_apps(&self, client: &mut Client, select: &[Select]) -> Result<(), Failure> {
        if self.plan.scope == Scope::Apps {
            match client.call(&Delete { select: select.to_vec() }, Deadline::NEVER) {
                // Somebody else has deleted some of them.
                Ok(_) | Err(CallError::Refused(_)) => {}
                Err(error) if self.is_left(&error)? => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if !listing::rows(client)?.is_empty() {
                return Ok(());
            }
        }
        kill::run(self.session).map(drop)
    }
}
