//! What runs say of themselves over their notification sockets (`sd_notify(3)`). Each run that is to has one, whose name it
//! finds in `NOTIFY_SOCKET`; the guardian keeps it, so that what is said while no daemon runs is read by the next.
//!
//! Only who is of the run's tree is heard. A message is taken out of the socket when what it says is done and written
//! down: until then the next daemon would read it again, which changes nothing.

use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use pm_os::identity::{self, ProcIdentity};
use pm_os::tag::{self, Tag};
use pm_spec::AppSpec;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SocketAddrUnix, SocketFlags, SocketType, bind, recvmsg, socket_with, sockopt,
};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::inlet::{Inlet, Notice};
use crate::self_report::SelfReport;
use crate::tree_job::{Tree, TreeJob};

/// No message is longer (systemd: `NOTIFY_BUFFER_MAX`).
const LONGEST: usize = 4096;
/// So many are read at once; then, and after one of a stranger, there is a pause.
const AT_ONCE: usize = 16;
const PAUSE: Duration = Duration::from_millis(20);
/// So many that wait are read when a main process has ended.
const LAST_WORDS: usize = 64;

/// Abstract, so that it needs no folder that whoever the app runs as may enter, and leaves nothing behind; and the same
/// for each daemon, so that one that has lost the socket makes it again.
fn name(tag: Tag) -> String {
    format!("pm/notify/{tag}")
}

/// Makes the socket of a run.
pub(crate) fn open(tag: Tag) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    sockopt::set_socket_passcred(&socket, true)?;
    bind(&socket, &SocketAddrUnix::new_abstract_name(name(tag).as_bytes())?)?;
    Ok(socket)
}

/// What a run finds in its environment. Without `WATCHDOG_PID` the interval is for whoever reads it.
pub(crate) fn variables(tag: Tag, app: &AppSpec) -> impl Iterator<Item = CString> {
    let micros = app.checks.watchdog.map(|span| span.as_millis().saturating_mul(1000));
    let interval = micros.map(|micros| format!("WATCHDOG_USEC={micros}"));
    let socket = format!("NOTIFY_SOCKET=@{}", name(tag));
    [Some(socket), interval].into_iter().flatten().filter_map(|entry| CString::new(entry).ok())
}

/// Reads what a run says, for as long as this is kept.
#[derive(Debug)]
pub(crate) struct NoticeReader {
    socket: Arc<UnixDatagram>,
    has_ended: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for NoticeReader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl NoticeReader {
    /// Begins; whoever calls is in the loop.
    pub(crate) fn begin(
        socket: OwnedFd,
        tree: Tree,
        trees: Sender<TreeJob>,
        outlet: mpsc::Sender<Inlet>,
    ) -> io::Result<Self> {
        let socket = Arc::new(UnixDatagram::from_std(socket.into())?);
        let has_ended = Arc::new(Notify::new());
        let listener = NoticeListener { tree, trees, outlet, socket: Arc::clone(&socket) };
        let task = tokio::spawn(listener.listen(Arc::clone(&has_ended))).abort_handle();
        Ok(Self { socket, has_ended, task })
    }

    /// Its main process has ended: what it said before is to be heard first, and told to be (`Inlet::Heard`).
    pub(crate) fn hear_last_words(&self) {
        self.has_ended.notify_one();
    }

    /// What the guardian keeps.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

struct NoticeListener {
    tree: Tree,
    trees: Sender<TreeJob>,
    outlet: mpsc::Sender<Inlet>,
    socket: Arc<UnixDatagram>,
}

/// One message, who sent it, and what came with it: whoever waits until that is closed (`BARRIER=1`) waits until the
/// message was heard.
struct Arrived {
    sender: i32,
    user: u32,
    text: Vec<u8>,
    _attached: Vec<OwnedFd>,
}

impl NoticeListener {
    async fn listen(mut self, has_ended: Arc<Notify>) {
        let mut count = 0;
        loop {
            let is_heard = tokio::select! { biased;
                () = has_ended.notified() => {
                    self.hear_last_words().await;
                    continue;
                }
                arrived = self.socket.async_io(Interest::READABLE, || receive(&self.socket, Take::Look)) => {
                    self.take(arrived).await
                }
            };
            count += 1;
            if !is_heard || count == AT_ONCE {
                count = 0;
                sleep(PAUSE).await;
            }
        }
    }

    async fn hear_last_words(&mut self) {
        for _ in 0..LAST_WORDS {
            match receive(&self.socket, Take::Look) {
                Err(_) => break,
                arrived @ Ok(_) => _ = self.take(arrived).await,
            }
        }
        self.outlet.send(Inlet::Heard(self.tree.run)).await.ok();
    }

    /// Hears a message, and only then takes it out. Whether it was of one of the run's.
    async fn take(&mut self, arrived: io::Result<Option<Arrived>>) -> bool {
        let is_heard = match &arrived {
            Ok(Some(arrived)) => self.hear(arrived).await,
            Ok(None) => false,
            Err(_) => return false,
        };
        receive(&self.socket, Take::Out).ok();
        is_heard
    }

    async fn hear(&mut self, arrived: &Arrived) -> bool {
        let mut report = SelfReport::parse(&arrived.text);
        if report.is_empty() {
            return true;
        }
        if !self.is_own(arrived.sender).await {
            return false;
        }
        let is_main = |pid: &i32| self.tree.leader.is_some_and(|leader| leader.pid == *pid);
        let main = match report.main.take().filter(|pid| !is_main(pid)) {
            Some(pid) => Some(self.named(pid, arrived.user).await),
            None => None,
        };
        let (done, is_done) = oneshot::channel();
        self.outlet.send(Inlet::Noticed(self.tree.run, Notice { report, main, done })).await.ok();
        // The loop may have ended: then it stays for the next daemon.
        let Ok(leader) = is_done.await else { return std::future::pending().await };
        self.tree.leader = leader;
        true
    }

    /// The process that is to be the main one. Anybody can wear a mark, so it takes the app's user, too, for what ends
    /// an app, and for whoever says so.
    async fn named(&self, pid: i32, teller: u32) -> Result<(ProcIdentity, OwnedFd), String> {
        let told = |why: &str| format!("process {pid} does not become it: {why}");
        let gone = |_| told("there is no such process");
        let named = identity::of(pid).map_err(gone)?;
        let opened = named.open().map_err(gone)?;
        if !self.is_own(pid).await {
            return Err(told("it is not one of its processes"));
        }
        let user = self.tree.user.unwrap_or_else(|| rustix::process::geteuid().as_raw());
        let is_user = |other: u32| other == user || other == 0;
        let of = identity::user_of(pid).ok_or_else(|| told("it has ended"))?;
        if let Some(other) = [of, teller].into_iter().find(|other| !is_user(*other)) {
            return Err(told(&format!("user {other} is not that of the app, {user}")));
        }
        // What was asked of its number was asked of it, and it has not ended.
        if identity::has_ended(&opened) {
            return Err(told("it has ended"));
        }
        Ok((named, opened))
    }

    async fn is_own(&self, pid: i32) -> bool {
        let is_main = self.tree.leader.is_some_and(|leader| leader.pid == pid);
        if is_main || tag::of(pid) == Some(self.tree.tag) {
            return true;
        }
        // Who has lost its mark (`su`) is found by those who look at everybody.
        let (reply, pids) = oneshot::channel();
        self.trees.send(TreeJob::Pids(self.tree, reply)).ok();
        let pid = u32::try_from(pid).unwrap_or(0);
        pids.await.is_ok_and(|pids| pids.contains(&pid))
    }
}

/// Whether a message stays where it is.
#[derive(Clone, Copy)]
enum Take {
    Look,
    Out,
}

/// The next message; `None`: one that is too long, or of nobody.
fn receive(socket: &UnixDatagram, take: Take) -> io::Result<Option<Arrived>> {
    let mut text = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let stays = match take {
        Take::Look => RecvFlags::PEEK,
        Take::Out => RecvFlags::empty(),
    };
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT | stays;
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut control, flags)?;
    let (mut sender, mut attached) = (None, Vec::new());
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmCredentials(who) => {
                sender = Some((who.pid.as_raw_pid(), who.uid.as_raw()));
            }
            RecvAncillaryMessage::ScmRights(descriptors) => attached.extend(descriptors),
            _ => {}
        }
    }
    text.truncate(got.bytes);
    let is_whole = !got.flags.contains(ReturnFlags::TRUNC);
    let sender = sender.filter(|_| is_whole);
    Ok(sender.map(|(sender, user)| Arrived { sender, user, text, _attached: attached }))
}
