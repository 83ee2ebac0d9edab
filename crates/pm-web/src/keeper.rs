//! The thread that owns what the gate knows: links, sessions, users, failures, and the audit. It sleeps until it is asked.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use std::{io, thread};

use tokio::sync::oneshot;

use crate::audit::{AuditLine, AuditLog};
use crate::clock::now_ms;
use crate::delays::Delays;
use crate::download_wish::DownloadWish;
use crate::link::{GOOD_FOR, LinkGuest, OpenLinks, TICKET_GOOD_FOR};
use crate::password::PasswordHash;
use crate::secret::{digest, hex, new_key, random};
use crate::session::{LONGEST_MS, SessionRecord, SessionView, Sessions, Streams};
use crate::store;
use crate::tokens::AccessTokens;
use crate::users::Users;

/// A session that was found, and its streams.
pub(crate) type Admitted = (SessionRecord, Streams);

/// A session that began: its key, told once.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) key: String,
    pub(crate) session: SessionRecord,
}

/// What it is asked.
#[derive(Debug)]
enum KeeperCall {
    Admit {
        digest: String,
        answer: oneshot::Sender<Option<Admitted>>,
    },
    Link {
        guest: LinkGuest,
        answer: oneshot::Sender<Option<String>>,
    },
    UseLink {
        digest: String,
        from: String,
        answer: oneshot::Sender<Option<Begun>>,
    },
    Ticket {
        wish: DownloadWish,
        answer: oneshot::Sender<Option<String>>,
    },
    UseTicket {
        digest: String,
        answer: oneshot::Sender<Option<DownloadWish>>,
    },
    Attempt {
        keys: [String; 2],
        name: String,
        answer: oneshot::Sender<Result<PasswordHash, Duration>>,
    },
    SignIn {
        keys: [String; 2],
        name: String,
        from: String,
        answer: oneshot::Sender<Option<Begun>>,
    },
    End {
        id: String,
        answer: oneshot::Sender<usize>,
    },
    List {
        answer: oneshot::Sender<Vec<SessionView>>,
    },
    Recheck {
        answer: oneshot::Sender<usize>,
    },
    Change(AuditLine),
    Refusal(AuditLine),
}

/// The way to it; a copy for each who asks.
#[derive(Clone, Debug)]
pub(crate) struct Keeper(Sender<KeeperCall>);

impl Keeper {
    /// Starts it, for the home at `root`.
    pub(crate) fn start(root: &Path, users: Users, tokens: AccessTokens) -> io::Result<Self> {
        let folder = store::folder(root)?;
        let log = AuditLog::open(folder.join("audit.jsonl"), Instant::now())?;
        let books = Books {
            links: OpenLinks::new(GOOD_FOR),
            tickets: OpenLinks::new(TICKET_GOOD_FOR),
            sessions: Sessions::open(folder.join("sessions.json")),
            users,
            tokens,
            delays: Delays::default(),
            log,
            complained: None,
        };
        let (sender, errands) = channel();
        thread::Builder::new().name("keeper".into()).spawn(move || books.keep(&errands))?;
        Ok(Self(sender))
    }

    /// Who has this key.
    pub(crate) async fn admit(&self, key: &str) -> Option<Admitted> {
        let digest = digest(key);
        self.ask(|answer| KeeperCall::Admit { digest, answer }).await?
    }

    /// A new one-time link's secret.
    pub(crate) async fn link(&self, guest: LinkGuest) -> Option<String> {
        self.ask(|answer| KeeperCall::Link { guest, answer }).await?
    }

    /// A session for a link.
    pub(crate) async fn use_link(&self, secret: &str, from: &str) -> Option<Begun> {
        let (digest, from) = (digest(secret), from.to_owned());
        self.ask(|answer| KeeperCall::UseLink { digest, from, answer }).await?
    }

    /// A new ticket for a download.
    pub(crate) async fn ticket(&self, wish: DownloadWish) -> Option<String> {
        self.ask(|answer| KeeperCall::Ticket { wish, answer }).await?
    }

    /// What a ticket is for; it is used up.
    pub(crate) async fn use_ticket(&self, secret: &str) -> Option<DownloadWish> {
        let digest = digest(secret);
        self.ask(|answer| KeeperCall::UseTicket { digest, answer }).await?
    }

    /// What a password is to be compared with, or how long none is heard.
    pub(crate) async fn attempt(&self, name: &str, from: &str) -> Result<PasswordHash, Duration> {
        let (keys, name) = (guesses(name, from), name.to_owned());
        let told = self.ask(|answer| KeeperCall::Attempt { keys, name, answer }).await;
        told.unwrap_or(Err(Duration::ZERO))
    }

    /// A session for a user whose password was right.
    pub(crate) async fn sign_in(&self, name: &str, from: &str) -> Option<Begun> {
        let (keys, name, from) = (guesses(name, from), name.to_owned(), from.to_owned());
        self.ask(|answer| KeeperCall::SignIn { keys, name, from, answer }).await?
    }

    /// Ends the sessions with this number, or of this name; says how many.
    pub(crate) async fn end(&self, id: &str) -> usize {
        let id = id.to_owned();
        self.ask(|answer| KeeperCall::End { id, answer }).await.unwrap_or(0)
    }

    /// The sessions there are.
    pub(crate) async fn list(&self) -> Vec<SessionView> {
        self.ask(|answer| KeeperCall::List { answer }).await.unwrap_or_default()
    }

    /// Ends the sessions of users who are no longer the same; says how many.
    pub(crate) async fn recheck(&self) -> usize {
        self.ask(|answer| KeeperCall::Recheck { answer }).await.unwrap_or(0)
    }

    /// Writes a change down.
    pub(crate) fn note(&self, line: AuditLine) {
        // It ends with the process only.
        self.0.send(KeeperCall::Change(line)).ok();
    }

    /// Writes a refusal down.
    pub(crate) fn refused(&self, line: AuditLine) {
        self.0.send(KeeperCall::Refusal(line)).ok();
    }

    async fn ask<T>(&self, errand: impl FnOnce(oneshot::Sender<T>) -> KeeperCall) -> Option<T> {
        let (answer, told) = oneshot::channel();
        self.0.send(errand(answer)).ok()?;
        told.await.ok()
    }
}

fn guesses(name: &str, from: &str) -> [String; 2] {
    [format!("name {name}"), format!("from {from}")]
}

/// What it owns.
#[derive(Debug)]
struct Books {
    links: OpenLinks<LinkGuest>,
    tickets: OpenLinks<DownloadWish>,
    sessions: Sessions,
    users: Users,
    tokens: AccessTokens,
    delays: Delays,
    log: AuditLog,
    complained: Option<io::ErrorKind>,
}

impl Books {
    fn keep(mut self, errands: &Receiver<KeeperCall>) {
        while let Ok(errand) = errands.recv() {
            self.run(errand);
        }
    }

    /// Whoever no longer waits for an answer needs none.
    fn run(&mut self, errand: KeeperCall) {
        match errand {
            KeeperCall::Admit { digest, answer } => {
                answer.send(self.admit(&digest)).ok();
            }
            KeeperCall::Link { guest, answer } => {
                let secret = new_key().ok();
                if let Some(secret) = &secret {
                    self.links.add(digest(secret), guest, Instant::now());
                }
                answer.send(secret).ok();
            }
            KeeperCall::UseLink { digest, from, answer } => {
                let guest = self.links.take(&digest, Instant::now());
                answer.send(guest.and_then(|guest| self.begin(guest, None, from))).ok();
            }
            KeeperCall::Ticket { wish, answer } => {
                let secret = new_key().ok();
                if let Some(secret) = &secret {
                    self.tickets.add(digest(secret), wish, Instant::now());
                }
                answer.send(secret).ok();
            }
            KeeperCall::UseTicket { digest, answer } => {
                answer.send(self.tickets.take(&digest, Instant::now())).ok();
            }
            KeeperCall::Attempt { keys, name, answer } => {
                self.users.refresh();
                let heard =
                    self.delays.attempt(keys.each_ref().map(String::as_str), Instant::now());
                answer.send(heard.map(|()| self.users.hash_of(&name))).ok();
            }
            KeeperCall::SignIn { keys, name, from, answer } => {
                self.delays.succeeded(keys.each_ref().map(String::as_str));
                let begun = self.users.get(&name).and_then(|(user, version)| {
                    let guest = LinkGuest { name, role: user.role, apps: user.apps, stays: None };
                    self.begin(guest, Some(version), from)
                });
                answer.send(begun).ok();
            }
            KeeperCall::End { id, answer } => {
                let ended = self.sessions.end_of(|it| it.id == id || it.name == id, now_ms());
                answer.send(ended).ok();
            }
            KeeperCall::List { answer } => drop(answer.send(self.sessions.list(now_ms()))),
            KeeperCall::Recheck { answer } => {
                self.users.refresh();
                self.tokens.refresh();
                self.sessions.end_streams(|digest| self.tokens.has(digest));
                let is_other = |it: &SessionRecord| {
                    let version = self.users.get(&it.name).map(|(_, version)| version);
                    it.version.is_some() && it.version != version
                };
                answer.send(self.sessions.end_of(is_other, now_ms())).ok();
            }
            KeeperCall::Change(line) => {
                let written = self.log.change(line);
                self.complain(written);
            }
            KeeperCall::Refusal(line) => {
                let written = self.log.refusal(line, Instant::now());
                self.complain(written);
            }
        }
    }

    fn admit(&mut self, digest: &str) -> Option<Admitted> {
        self.users.refresh();
        self.tokens.refresh();
        if let Some(token) = self.tokens.admit(digest, now_ms()) {
            return Some((token, self.sessions.streams(digest)));
        }
        let version_of = |name: &str| self.users.get(name).map(|(_, version)| version);
        self.sessions.admit(digest, now_ms(), version_of)
    }

    /// What can't be written down is said in the panel's own log, once for each reason.
    #[expect(clippy::print_stderr, reason = "the app's error log is where this belongs")]
    fn complain(&mut self, written: io::Result<()>) {
        let failed = written.err();
        if let Some(error) = failed.as_ref().filter(|error| self.complained != Some(error.kind())) {
            eprintln!("warning: could not write the audit: {error}");
        }
        self.complained = failed.map(|error| error.kind());
    }

    fn begin(&mut self, guest: LinkGuest, version: Option<String>, from: String) -> Option<Begun> {
        let key = new_key().ok()?;
        let began_ms = now_ms();
        let stays = guest.stays.map_or(LONGEST_MS, |it| u64::try_from(it.as_millis()).unwrap_or(0));
        let session = SessionRecord {
            id: hex(&random::<4>().ok()?),
            name: guest.name,
            role: guest.role,
            apps: guest.apps,
            version,
            from,
            began_ms,
            used_ms: began_ms,
            until_ms: began_ms.saturating_add(stays.min(LONGEST_MS)),
        };
        // A disk that is full keeps nobody out; a restart of the panel does then.
        self.sessions.add(digest(&key), session.clone()).ok();
        Some(Begun { key, session })
    }
}
