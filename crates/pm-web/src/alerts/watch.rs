//! The thread that sees and tells: it sleeps until the daemon has news or something is due. Without a channel it asks nobody
//! anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::{Datelike, Local, Timelike};
use pm_client::{Client, Deadline, Feed, Subscription, ThreadWaker};
use pm_protocol::{Change, Describe, Home, Host, Row};
use pm_spec::{AlertChannel, AlertWishes, Select, Status};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::desk::{AlertDesk, DeskMemory};
use super::letter::AlertLetter;
use super::post::{AlertMessage, LocalMoment};
use super::send::{SendError, deliver, try_once};
use super::settings::{AlertError, AlertSettings};
use super::watchman::Sighting;
use crate::clock::now_ms;
use crate::store::{self, FileMark};

/// How often figures are taken where a rule needs them, in ms.
const FIGURES_EVERY: u32 = 30_000;
/// How often to look for a daemon where none answers.
const LOOK: Duration = Duration::from_secs(2);
/// So long it may take to say how an app ended.
const PATIENCE: Duration = Duration::from_secs(5);
/// What was told is kept up to twice this, in bytes.
const TOLD_SIZE: u64 = 128 << 10;

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Alerts(ThreadWaker);

impl Alerts {
    /// Starts it; it lives as long as the panel.
    pub(crate) fn start(home: &Home, host: &str) -> io::Result<Self> {
        let waker = ThreadWaker::new()?;
        let folder = store::folder(home.root())?;
        let memory: AlertMemory = store::load(&folder.join("alerts-told.json")).unwrap_or_default();
        let thread = AlertThread {
            home: home.clone(),
            host: host.to_owned(),
            folder,
            waker: waker.clone(),
            settings: AlertSettings::default(),
            mark: FileMark::default(),
            desks: memory.resume(),
            rows: BTreeMap::new(),
            disk: None,
            ends: BTreeMap::new(),
            feed: None,
            is_up: false,
        };
        thread::Builder::new().name("alerts".into()).spawn(move || thread.run())?;
        Ok(Self(waker))
    }

    /// Somebody has changed what is wanted.
    pub(crate) fn recheck(&self) {
        self.0.wake();
    }
}

/// What outlives the panel.
#[derive(Debug, Default, Serialize, Deserialize)]
struct AlertMemory {
    #[serde(flatten)]
    typed: DeskMemory,
    #[serde(default)]
    files: BTreeMap<String, DeskMemory>,
}

impl AlertMemory {
    fn resume(self) -> BTreeMap<String, AlertDesk> {
        let typed = (String::new(), self.typed);
        let all = [typed].into_iter().chain(self.files);
        all.map(|(file, memory)| (file, AlertDesk::resume(memory))).collect()
    }
}

struct AlertThread {
    home: Home,
    host: String,
    folder: PathBuf,
    waker: ThreadWaker,
    settings: AlertSettings,
    mark: FileMark,
    /// By the file their wishes come from; none: they were typed.
    desks: BTreeMap<String, AlertDesk>,
    rows: BTreeMap<u32, Row>,
    disk: Option<f64>,
    /// Ends nobody asked for, until they were looked at.
    ends: BTreeMap<u32, String>,
    feed: Option<(Subscription, Option<u32>)>,
    /// Whether the daemon has told everything.
    is_up: bool,
}

impl AlertThread {
    fn run(mut self) {
        loop {
            self.waker.clear();
            self.read();
            self.subscribe();
            self.hear();
            let now_ms = now_ms();
            let wakes_ms = if self.is_on() { self.look(now_ms) } else { None };
            self.sleep(wakes_ms.map(|at| Duration::from_millis(at.saturating_sub(now_ms))));
        }
    }

    fn is_on(&self) -> bool {
        self.settings.each().next().is_some()
    }

    fn read(&mut self) {
        let path = AlertSettings::path(self.home.root());
        let mark = store::mark(&path);
        if mark != self.mark {
            // What can't be read tells nobody anything.
            self.settings = store::load(&path).unwrap_or_default();
            self.mark = mark;
            let known: BTreeSet<&str> = self.settings.each().map(|(file, ..)| file).collect();
            self.desks.retain(|file, _| file.is_empty() || known.contains(file.as_str()));
        }
    }

    fn subscribe(&mut self) {
        if !self.is_on() {
            (self.feed, self.is_up) = (None, false);
            return;
        }
        let wants = |wishes: &AlertWishes| wishes.read_rules().wants_figures();
        let wanted = self.settings.each().any(|(_, wishes, _)| wants(wishes));
        let wanted = wanted.then_some(FIGURES_EVERY);
        if self.feed.as_ref().is_some_and(|(_, every)| *every == wanted) {
            return;
        }
        // Where no daemon runs there is nothing to watch; it is looked for again.
        let open = Subscription::open(&self.home, wanted).ok();
        (self.feed, self.is_up) = (open.map(|feed| (feed, wanted)), false);
    }

    fn hear(&mut self) {
        while let Some((feed, _)) = &mut self.feed {
            match feed.next_before(Deadline::after(Duration::ZERO)) {
                Ok(Some(Feed::Change(change))) => self.take(change),
                Ok(Some(Feed::Reconnecting)) => self.is_up = false,
                Ok(None) => return,
                Err(_) => (self.feed, self.is_up) = (None, false),
            }
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Snapshot(rows) => {
                self.rows = rows.into_iter().map(|row| (row.id, row)).collect();
                self.is_up = true;
            }
            Change::Changed(row) => {
                let was = self.rows.get(&row.id).map(|row| row.status);
                let has_stopped = row.status == Status::Stopped && row.job.is_none();
                if has_stopped && was.is_some_and(|was| was != Status::Stopped) {
                    self.ends.extend(unasked_end(&self.home, row.id).map(|end| (row.id, end)));
                }
                self.rows.insert(row.id, row);
            }
            Change::Removed(id) => drop(self.rows.remove(&id)),
            Change::Usage(figures) => {
                for (id, usage) in figures {
                    self.rows.entry(id).and_modify(|row| row.usage = usage);
                }
            }
            Change::Host(host) => self.disk = full(&host),
            Change::Leaving => {}
        }
    }

    /// Looks, tells what is due, and says when to look again.
    fn look(&mut self, now_ms: u64) -> Option<u64> {
        let ends = std::mem::take(&mut self.ends);
        let seen: Vec<_> = self.rows.values().map(|row| sighting(row, ends.get(&row.id))).collect();
        let now = (now_ms, local_now());
        let (mut is_news, mut messages, mut wakes) = (false, Vec::new(), Vec::new());
        for (file, wishes, apps) in self.settings.each() {
            let desk = self.desks.entry(file.to_owned()).or_default();
            if self.is_up {
                is_news |= desk.look((wishes, apps), &seen, self.disk, now_ms);
            }
            messages.extend(desk.due(wishes, now).map(|message| (wishes.clone(), message)));
            wakes.extend(desk.next_at(wishes, now, self.is_up));
        }
        if is_news || !messages.is_empty() {
            self.remember();
        }
        for (wishes, message) in messages {
            self.send(wishes, message, now_ms);
        }
        let is_away = self.feed.as_ref().is_none_or(|(feed, _)| feed.fd().is_none());
        let again = is_away.then(|| now_ms + u64::try_from(LOOK.as_millis()).unwrap_or(0));
        // A moment later at the least: what is due now has been seen to.
        wakes.into_iter().chain(again).min().map(|at| at.max(now_ms + 100))
    }

    fn remember(&self) {
        let of = |(file, desk): (&String, &AlertDesk)| (file.clone(), desk.memory());
        let mut files: BTreeMap<_, _> = self.desks.iter().map(of).collect();
        let memory = AlertMemory { typed: files.remove("").unwrap_or_default(), files };
        // Without it the next panel tells some things once more.
        store::save(&self.folder.join("alerts-told.json"), &memory).ok();
    }

    /// To all channels, beside what goes on here: a channel may take its time.
    fn send(&self, wishes: AlertWishes, message: AlertMessage, at_ms: u64) {
        let is_chinese = wishes.lang == "zh";
        let host = self.host.clone();
        let letter = AlertLetter { message, host, is_chinese, at_ms, is_test: false };
        let (channels, folder) = (wishes.channels, self.folder.clone());
        let telling = move || {
            let ended = |channel: &AlertChannel| {
                let done = deliver(channel, &letter, &folder);
                (
                    channel.name.clone(),
                    Value::from(done.map_or_else(|it| it.to_string(), |()| "ok".into())),
                )
            };
            let ends: serde_json::Map<_, _> = channels.iter().map(ended).collect();
            note(&folder, &json!({ "at_ms": at_ms, "text": letter.text(), "channels": ends }));
        };
        // A machine without a thread to spare has other troubles.
        thread::Builder::new().name("letter".into()).spawn(telling).ok();
    }

    fn sleep(&self, time: Option<Duration>) {
        let mut fds = vec![PollFd::new(&self.waker, PollFlags::IN)];
        let feed = self.feed.as_ref().and_then(|(feed, _)| feed.fd());
        fds.extend(feed.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let timeout = time.and_then(|time| Timespec::try_from(time).ok());
        // An interruption is as good a reason to look as any.
        poll(&mut fds, timeout.as_ref()).ok();
    }
}

fn sighting(row: &Row, end: Option<&String>) -> Sighting {
    let is_measured = row.pid != 0 && row.usage.processes > 0;
    Sighting {
        id: row.id,
        app: row.name.clone(),
        namespace: row.namespace.clone(),
        standing: row.standing(),
        is_up: row.status == Status::Online,
        restarts: row.restarts,
        cpu: is_measured.then_some(row.usage.cpu),
        memory: is_measured.then_some(row.usage.memory),
        job_failed: row.job.as_ref().is_some_and(|job| job.failed),
        unasked_end: end.cloned(),
        note: row.note.clone().unwrap_or_default(),
    }
}

/// How an app ended that has just stopped; `None` if somebody told it to, or it has done its work.
fn unasked_end(home: &Home, id: u32) -> Option<String> {
    let mut client = Client::open(home).ok()?;
    let call = Describe { select: vec![Select::Id(id)], known: true };
    let described = client.call(&call, Deadline::after(PATIENCE)).ok()?.descriptions.pop()?;
    let end = described.ends.iter().max_by_key(|end| end.at)?;
    let is_asked = ["stopped ", "restarted "].iter().any(|word| end.why.starts_with(word));
    (end.code != Some(0) && !is_asked).then(|| end.why.clone())
}

/// How full the disk is, in per cent, as `df` counts it.
fn full(host: &Host) -> Option<f64> {
    let free = host.disk_free.unwrap_or(host.disk_total.saturating_sub(host.disk_used));
    let all = host.disk_used.saturating_add(free);
    // Sizes of disks are no secret of the last byte.
    #[expect(clippy::cast_precision_loss, reason = "a per cent of it is enough")]
    (all > 0).then(|| host.disk_used as f64 * 100.0 / all as f64)
}

fn local_now() -> LocalMoment {
    let now = Local::now();
    let minute = u16::try_from(now.hour() * 60 + now.minute()).unwrap_or(0);
    LocalMoment { day: i64::from(now.num_days_from_ce()), minute }
}

/// What was told, and whether it arrived: a line each, the older half forgotten once there is too much.
fn note(folder: &Path, line: &Value) {
    let path = folder.join("alerts.jsonl");
    if std::fs::metadata(&path).is_ok_and(|it| it.len() > TOLD_SIZE) {
        std::fs::rename(&path, folder.join("alerts.jsonl.1")).ok();
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    // It was told; that it can't be looked up is no reason to tell nothing.
    file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes())).ok();
}

/// The last messages, newest first.
pub(crate) fn last_told(root: &Path, most: usize) -> Vec<Value> {
    let read =
        |name: &str| std::fs::read_to_string(root.join("web").join(name)).unwrap_or_default();
    let all = read("alerts.jsonl.1") + &read("alerts.jsonl");
    let lines = all.lines().rev().filter_map(|line| serde_json::from_str(line).ok());
    lines.take(most).collect()
}

/// Tries a channel, once; `host` is the machine's name.
pub fn send_test(root: &Path, name: &str, host: &str) -> Result<Result<(), SendError>, AlertError> {
    let settings = AlertSettings::open(root)?;
    let (channel, wishes) = settings.channel(name)?;
    let message = AlertMessage { news: Vec::new(), left_out: 0, is_last: false };
    let (host, is_chinese) = (host.to_owned(), wishes.lang == "zh");
    let letter = AlertLetter { message, host, is_chinese, at_ms: now_ms(), is_test: true };
    Ok(try_once(channel, &letter, &root.join("web")))
}
