//! What runs say of themselves over their notification sockets (`sd_notify(3)`). Each run that is to has one, whose name it
//! finds in `NOTIFY_SOCKET`; the guardian keeps it, so that what is said while no daemon runs is read by the next.
//!
//! Only who is of the run's tree is heard.

use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use pm_os::tag::{self, Tag};
use pm_spec::AppSpec;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SocketAddrUnix, SocketFlags, SocketType, bind, recvmsg, socket_with, sockopt,
};
use tokio::io::Interest;
use tokio::net::UnixDatagram;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::inlet::Inlet;
use crate::self_report::SelfReport;
use crate::tree_job::{Tree, TreeJob};

/// No message is longer (systemd: `NOTIFY_BUFFER_MAX`).
const LONGEST: usize = 4096;
/// So many are read at once; then, and after one of a stranger, there is a pause.
const AT_ONCE: usize = 16;
const PAUSE: Duration = Duration::from_millis(20);

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
        let listener = NoticeListener { tree, trees, outlet };
        let task = tokio::spawn(listener.listen(Arc::clone(&socket))).abort_handle();
        Ok(Self { socket, task })
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
}

/// One message, who sent it, and what came with it: whoever waits until that is closed (`BARRIER=1`) waits until the
/// message was heard.
struct Arrived {
    sender: i32,
    text: Vec<u8>,
    _attached: Vec<OwnedFd>,
}

impl NoticeListener {
    async fn listen(self, socket: Arc<UnixDatagram>) {
        let mut count = 0;
        loop {
            let arrived = socket.async_io(Interest::READABLE, || receive(&socket)).await;
            let is_heard = match arrived {
                Ok(Some(arrived)) => self.hear(&arrived).await,
                Ok(None) | Err(_) => false,
            };
            count += 1;
            if !is_heard || count == AT_ONCE {
                count = 0;
                sleep(PAUSE).await;
            }
        }
    }

    /// Whether it was of one of the run's.
    async fn hear(&self, arrived: &Arrived) -> bool {
        let notice = SelfReport::parse(&arrived.text);
        if notice.is_empty() {
            return true;
        }
        let is_heard = self.is_own(arrived.sender).await;
        if is_heard {
            // The loop may have ended: then nobody wants to know.
            self.outlet.send(Inlet::Noticed(self.tree.run, notice)).await.ok();
        }
        is_heard
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

/// The next message; `None`: one that is too long, or of nobody.
fn receive(socket: &UnixDatagram) -> io::Result<Option<Arrived>> {
    let mut text = vec![0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let got = recvmsg(socket, &mut [IoSliceMut::new(&mut text)], &mut control, flags)?;
    let (mut sender, mut attached) = (None, Vec::new());
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmCredentials(who) => sender = Some(who.pid.as_raw_pid()),
            RecvAncillaryMessage::ScmRights(descriptors) => attached.extend(descriptors),
            _ => {}
        }
    }
    text.truncate(got.bytes);
    let is_whole = !got.flags.contains(ReturnFlags::TRUNC);
    let sender = sender.filter(|_| is_whole);
    Ok(sender.map(|sender| Arrived { sender, text, _attached: attached }))
}
