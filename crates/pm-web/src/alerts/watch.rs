//! The thread that sees and tells: it sleeps until the hub has news of the daemon or something is due. Without a channel it asks
//! nobody anything.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use chrono::{Datelike, Local, Timelike};
use pm_client::{Client, Deadline};
use pm_protocol::{Change, Describe, Home, Host, Row};
use pm_spec::{AlertChannel, AlertWishes, Select, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::desk::{AlertDesk, DeskMemory};
use super::letter::AlertLetter;
use super::post::{AlertMessage, LocalMoment};
use super::record;
use super::send::{SendError, deliver, try_once};
use super::settings::{AlertError, AlertSettings};
use super::watchman::{AlertNews, Sighting};
use crate::clock::now_ms;
use crate::ears::{EAR_QUEUE, HubNeed, HubNews};
use crate::hub_call::HubEar;
use crate::store::{self, FileMark};

/// So long it may take to say how an app ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Alerts(SyncSender<AlertCall>);

/// What it is told.
#[derive(Debug)]
enum AlertCall {
    HubNews(HubNews),
    /// Somebody has changed what is wanted.
    Recheck,
}

impl From<HubNews> for AlertCall {
    fn from(heard: HubNews) -> Self {
        Self::HubNews(heard)
    }
}

impl Alerts {
    /// Starts it; it lives as long as the panel.
    pub(crate) fn start(home: &Home, host: &str, ear: HubEar) -> io::Result<Self> {
        let folder = store::folder(home.root())?;
        let memory: AlertMemory = store::load(&folder.join("alerts-told.json")).unwrap_or_default();
        let (calls, inbox) = sync_channel(EAR_QUEUE);
        let thread = AlertThread {
            home: home.clone(),
            host: host.to_owned(),
            folder,
            ear,
            calls: calls.clone(),
            settings: AlertSettings::default(),
            mark: FileMark::default(),
            desks: memory.resume(),
            rows: BTreeMap::new(),
            disk: None,
            ends: BTreeMap::new(),
            need: None,
            is_up: false,
        };
        thread::Builder::new().name("alerts".into()).spawn(move || thread.run(&inbox))?;
        Ok(Self(calls))
    }

    /// Somebody has changed what is wanted.
    pub(crate) fn recheck(&self) {
        // Who has so much to hear looks anyway.
        self.0.try_send(AlertCall::Recheck).ok();
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
    ear: HubEar,
    calls: SyncSender<AlertCall>,
    settings: AlertSettings,
    mark: FileMark,
    /// By the file their wishes come from; none: they were typed.
    desks: BTreeMap<String, AlertDesk>,
    rows: BTreeMap<u32, Row>,
    disk: Option<f64>,
    /// Ends nobody asked for, until they were looked at.
    ends: BTreeMap<u32, String>,
    /// What the hub knows we need.
    need: Option<HubNeed>,
    /// Whether the daemon has told everything.
    is_up: bool,
}

impl AlertThread {
    fn run(mut self, inbox: &Receiver<AlertCall>) {
        loop {
            self.read();
            self.listen();
            let now_ms = now_ms();
            let wakes_ms = if self.is_on() { self.look(now_ms) } else { None };
            let left = wakes_ms.map(|at| Duration::from_millis(at.saturating_sub(now_ms)));
            let call = match left {
                Some(left) => inbox.recv_timeout(left),
                None => inbox.recv().map_err(RecvTimeoutError::from),
            };
            for call in call.into_iter().chain(inbox.try_iter()) {
                self.take(call);
            }
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

    /// Tells the hub what is needed, which is nothing where nobody is told.
    fn listen(&mut self) {
        let need = |wishes: &AlertWishes| {
            if wishes.read_rules().wants_figures() { HubNeed::Trend } else { HubNeed::Changes }
        };
        let need = self.settings.each().map(|(_, wishes, _)| need(wishes)).max();
        if need == self.need {
            return;
        }
        self.need = need;
        if let Some(need) = need {
            return self.ear.hear(need, &self.calls);
        }
        self.ear.rest();
        self.rows.clear();
        self.is_up = false;
    }

    fn take(&mut self, call: AlertCall) {
        match call {
            AlertCall::HubNews(HubNews::Change(change)) if self.need.is_some() => {
                self.hear(*change);
            }
            AlertCall::HubNews(HubNews::Away) => self.is_up = false,
            AlertCall::HubNews(_) | AlertCall::Recheck => {}
        }
    }

    fn hear(&mut self, change: Change) {
        match change {
            Change::Snapshot(rows) => {
                let ids: BTreeSet<u32> = rows.iter().map(|row| row.id).collect();
                self.rows.retain(|id, _| ids.contains(id));
                for row in rows {
                    self.stand(row);
                }
                self.is_up = true;
            }
            Change::Changed(row) => self.stand(row),
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

    fn stand(&mut self, row: Row) {
        let was = self.rows.get(&row.id).filter(|was| was.name == row.name).map(|was| was.status);
        let has_stopped = row.status == Status::Stopped && row.job.is_none();
        if has_stopped && was.is_some_and(|was| was != Status::Stopped) {
            self.ends.extend(unasked_end(&self.home, row.id).map(|end| (row.id, end)));
        }
        self.rows.insert(row.id, row);
    }

    /// Looks, tells what is due, and says when to look again.
    fn look(&mut self, now_ms: u64) -> Option<u64> {
        let ends = std::mem::take(&mut self.ends);
        let seen: Vec<_> = self.rows.values().map(|row| sighting(row, ends.get(&row.id))).collect();
        let now = (now_ms, local_now());
        let (mut news, mut messages, mut wakes) = (Vec::new(), Vec::new(), Vec::new());
        for (file, wishes, apps) in self.settings.each() {
            let desk = self.desks.entry(file.to_owned()).or_default();
            if self.is_up {
                news.extend(desk.look((wishes, apps), &seen, self.disk, now_ms));
            }
            messages.extend(desk.due(wishes, now).map(|message| (wishes.clone(), message)));
            wakes.extend(desk.next_at(wishes, now, self.is_up));
        }
        if !news.is_empty() || !messages.is_empty() {
            self.remember(&news);
        }
        for (wishes, message) in messages {
            self.send(wishes, message, now_ms);
        }
        // A moment later at the least: what is due now has been seen to.
        wakes.into_iter().min().map(|at| at.max(now_ms + 100))
    }

    fn remember(&self, news: &[AlertNews]) {
        for one in news {
            if let Some(row) = self.rows.get(&one.id) {
                record::seen(&self.folder, one, row.slot);
            }
        }
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
            record::told(
                &folder,
                &json!({ "at_ms": at_ms, "text": letter.text(), "channels": ends }),
            );
        };
        // A machine without a thread to spare has other troubles.
        thread::Builder::new().name("letter".into()).spawn(telling).ok();
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
        flaps: row.flapping,
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

/// Tries a channel, once; `host` is the machine's name.
pub fn send_test(root: &Path, name: &str, host: &str) -> Result<Result<(), SendError>, AlertError> {
    let settings = AlertSettings::open(root)?;
    let (channel, wishes) = settings.channel(name)?;
    let message = AlertMessage { news: Vec::new(), left_out: 0, is_last: false };
    let (host, is_chinese) = (host.to_owned(), wishes.lang == "zh");
    let letter = AlertLetter { message, host, is_chinese, at_ms: now_ms(), is_test: true };
    Ok(try_once(channel, &letter, &root.join("web")))
}
