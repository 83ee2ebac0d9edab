//! A daemon that does what the test says over a control socket, and nothing on its own.
//! One line is one command, one line is its answer; `;` separates commands of one line, so that
//! "store ...; die" dies before anybody can have looked.

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};

use pm_guardian::{Arrival, FromGuardian, ItemKind, ItemName, Link, ToGuardian, WaitStatus};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, kill_process, pidfd_open};

use crate::world::{CONTROL, HEIR_LINK};

/// What the puppet holds.
struct Puppet {
    link: Link,
    listener: Option<OwnedFd>,
    writers: BTreeMap<u64, OwnedFd>,
    pidfds: BTreeMap<u64, (i32, OwnedFd)>,
    items: BTreeMap<(u64, u8), (ItemKind, ItemName, Vec<OwnedFd>)>,
}

/// Serves the test until it says otherwise.
pub(crate) fn serve() {
    let control = UnixStream::connect(env::var_os(CONTROL).unwrap()).unwrap();
    let mut puppet = Puppet {
        link: Link::inherit().unwrap(),
        listener: None,
        writers: BTreeMap::new(),
        pidfds: BTreeMap::new(),
        items: BTreeMap::new(),
    };
    let mut answers = control.try_clone().unwrap();
    writeln!(answers, "{}", std::process::id()).unwrap();
    for line in BufReader::new(control).lines() {
        let answer: Vec<String> =
            line.unwrap().split("; ").map(|command| puppet.obey(command)).collect();
        writeln!(answers, "{}", answer.join("; ")).unwrap();
    }
}

/// The tags of this test's home: the kernel's own limits are not mistaken for tags.
const BASE: u64 = 77 << 32;

fn tag(words: &[&str]) -> u64 {
    BASE + words[1].parse::<u64>().unwrap()
}

impl Puppet {
    fn obey(&mut self, command: &str) -> String {
        let words: Vec<&str> = command.split(' ').collect();
        match words[0] {
            "stream" => self.stream(tag(&words), words[2].parse().unwrap(), words[3]),
            "spawn" => return self.spawn(tag(&words), &words[2..].join(" ")),
            "child" => return self.child(tag(&words), &words[2..].join(" ")),
            "redirect" => self.redirect(tag(&words), words[2].parse().unwrap(), words[3]),
            "leader" => self.store_leader(tag(&words)),
            "close" => drop(self.writers.remove(&tag(&words))),
            "list" => return self.list(),
            "hear" => {
                return match self.link.receive().unwrap() {
                    Some((message, descriptors)) => self.note(message, descriptors),
                    None => "gone".to_owned(),
                };
            }
            "hear-now" => {
                return match self.link.receive_now().unwrap() {
                    Arrival::Message(message, descriptors) => self.note(message, descriptors),
                    Arrival::Nothing => "nothing".to_owned(),
                    Arrival::Closed => "gone".to_owned(),
                };
            }
            "adopted" => self.send(&ToGuardian::Adopted),
            "ready" => self.send(&ToGuardian::Ready),
            "here" => self.send(&ToGuardian::Pong),
            "leave" => self.send(&ToGuardian::Leave),
            "update" => self.send(&ToGuardian::Update { path: words[1].as_bytes().into() }),
            "ack" => {
                let pid = words[2].parse().unwrap();
                self.send(&ToGuardian::Ack { tag: tag(&words), pid });
            }
            "drop" => {
                let slot = words.get(2).map(|slot| slot.parse().unwrap());
                self.send(&ToGuardian::Drop { tag: tag(&words), slot });
            }
            "burst" => self.burst(words[1].parse().unwrap()),
            "drain" => return self.drain((tag(&words), words[2].parse().unwrap())),
            "greet" => self.greet(),
            "bequeath" => self.bequeath(),
            "exit" => exit(words[1].parse().unwrap()),
            "die" => kill_process(getpid(), Signal::KILL).unwrap(),
            other => panic!("unknown command {other}"),
        }
        "ok".to_owned()
    }

    fn send(&self, message: &ToGuardian) {
        self.link.send(message, &[]).unwrap();
    }

    fn stream(&mut self, tag: u64, slot: u8, sink: &str) {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let sink = File::options().write(true).create(true).truncate(false).open(sink).unwrap();
        let name = ItemName::parse(format!("stream {}", tag - BASE).as_bytes()).unwrap();
        let message = ToGuardian::Store { tag, slot, kind: ItemKind::Stream, name };
        self.link.send(&message, &[reader.as_fd(), sink.as_fd()]).unwrap();
        self.writers.insert(tag, writer);
    }

    /// `/bin/sh -c script` as the guardian's child, tagged, its output in the run's pipe.
    fn spawn(&mut self, tag: u64, script: &str) -> String {
        let output = self.writers.get(&tag).map(|writer| writer.try_clone().unwrap());
        let output = output.unwrap_or_else(|| File::create("/dev/null").unwrap().into());
        wear(tag);
        let mut pidfd = -1_i32;
        let flags = libc::CLONE_PARENT | libc::CLONE_PIDFD | libc::SIGCHLD;
        // SAFETY: one thread, so the copy may run any code; pidfd is ours.
        let pid =
            unsafe { libc::syscall(libc::SYS_clone, i64::from(flags), 0, &raw mut pidfd, 0, 0) };
        if pid == 0 {
            rustix::process::setsid().ok();
            let error =
                Command::new("/bin/sh").args(["-c", script]).stdout(File::from(output)).exec();
            panic!("{error}");
        }
        wear(libc::RLIM_INFINITY);
        assert!(pid > 0, "clone failed");
        // SAFETY: the kernel has just made it for us.
        let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
        self.pidfds.insert(tag, (i32::try_from(pid).unwrap(), pidfd));
        pid.to_string()
    }

    /// The same as a child of ours, which we never reap.
    #[expect(clippy::zombie_processes, reason = "a zombie is what the test is about")]
    fn child(&mut self, tag: u64, script: &str) -> String {
        let child = Command::new("/bin/sh").args(["-c", script]).spawn().unwrap();
        let number = i32::try_from(child.id()).unwrap();
        let pidfd = pidfd_open(pid(number), PidfdFlags::empty()).unwrap();
        self.pidfds.insert(tag, (number, pidfd));
        number.to_string()
    }

    fn redirect(&self, tag: u64, slot: u8, sink: &str) {
        let sink = File::options().write(true).create(true).truncate(false).open(sink).unwrap();
        self.link.send(&ToGuardian::Redirect { tag, slot }, &[sink.as_fd()]).unwrap();
    }

    fn store_leader(&mut self, tag: u64) {
        let (pid, pidfd) = &self.pidfds[&tag];
        let message = ToGuardian::Store {
            tag,
            slot: 0,
            kind: ItemKind::Pidfd { pid: *pid },
            name: ItemName::EMPTY,
        };
        self.link.send(&message, &[pidfd.as_fd()]).unwrap();
    }

    fn burst(&self, count: u64) {
        let null = File::open("/dev/null").unwrap();
        for tag in 0..count {
            let name = ItemName::parse(tag.to_string().as_bytes()).unwrap();
            let message =
                ToGuardian::Store { tag: BASE + tag, slot: 7, kind: ItemKind::Other, name };
            self.link.send(&message, &[null.as_fd()]).unwrap();
        }
    }

    fn list(&mut self) -> String {
        self.send(&ToGuardian::List);
        let mut heard = Vec::new();
        loop {
            let (message, descriptors) = self.link.receive().unwrap().expect("a guardian");
            if message == FromGuardian::EndOfList {
                return heard.join(", ");
            }
            heard.push(self.note(message, descriptors));
        }
    }

    /// Keeps what came, and puts it into words.
    fn note(&mut self, message: FromGuardian, mut descriptors: Vec<OwnedFd>) -> String {
        match message {
            FromGuardian::Incarnation { number, why } => format!("incarnation {number} {why:?}"),
            FromGuardian::Listener => {
                self.listener = descriptors.pop();
                "listener".to_owned()
            }
            FromGuardian::Item { tag, slot, kind, name } => {
                let count = descriptors.len();
                self.items.insert((tag, slot), (kind, name, descriptors));
                let kind = match kind {
                    ItemKind::Pidfd { pid } => format!("pidfd({pid})"),
                    ItemKind::Stream => "stream".to_owned(),
                    ItemKind::Other => "other".to_owned(),
                };
                format!("item {} {slot} {kind} {count} {name:?}", tag - BASE)
            }
            FromGuardian::EndOfList => "end".to_owned(),
            FromGuardian::Ping => "are you there".to_owned(),
            FromGuardian::Exit(exit) => {
                assert!(exit.unix_ms > 1_600_000_000_000 && exit.boot_ms > 0, "{exit:?}");
                let status = match exit.status {
                    WaitStatus::Wait(raw) => raw.to_string(),
                    WaitStatus::Unknown => "unknown".to_owned(),
                };
                format!("exit {} {} {status}", exit.tag - BASE, exit.pid)
            }
        }
    }

    /// What is still in a listed pipe, until its end.
    fn drain(&mut self, key: (u64, u8)) -> String {
        let (_, _, descriptors) = &self.items[&key];
        let mut rest = Vec::new();
        File::from(descriptors[0].try_clone().unwrap()).read_to_end(&mut rest).unwrap();
        String::from_utf8(rest).unwrap().replace('\n', "|")
    }

    /// Accepts one client and says who serves it.
    fn greet(&self) {
        let listener = UnixListener::from(self.listener.as_ref().unwrap().try_clone().unwrap());
        listener.set_nonblocking(false).unwrap();
        let (mut client, _) = listener.accept().unwrap();
        // A rival guardian only knocks to see whether somebody listens.
        write!(client, "hello from {}", std::process::id()).ok();
    }

    /// The guardian is dead: starts a new one and gives it everything.
    fn bequeath(&mut self) {
        let (link, theirs) = Link::pair().unwrap();
        let number = theirs.as_raw_fd();
        let mut command = Command::new(env::current_exe().unwrap());
        command.arg("heir").env(HEIR_LINK, number.to_string());
        // SAFETY: one system call.
        unsafe {
            command.pre_exec(move || {
                fcntl_setfd(std::os::fd::BorrowedFd::borrow_raw(number), FdFlags::empty())?;
                Ok(())
            })
        };
        drop(command.spawn().unwrap());
        drop(theirs);
        for ((tag, slot), (kind, name, descriptors)) in &self.items {
            let message = ToGuardian::Store { tag: *tag, slot: *slot, kind: *kind, name: *name };
            let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
            link.send(&message, &borrowed).unwrap();
        }
        let own = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
        let listener = self.listener.as_ref().unwrap();
        link.send(&ToGuardian::HandOver, &[listener.as_fd(), own.as_fd()]).unwrap();
    }
}

/// Sets the tag which children are born with.
fn wear(tag: u64) {
    let limit = libc::rlimit { rlim_cur: tag, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: a whole rlimit of ours.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_LOCKS, &raw const limit) }, 0);
}

/// For the world: a number as a process.
pub(crate) fn pid(number: i32) -> Pid {
    Pid::from_raw(number).unwrap()
}
