//! Starting, reading and ending processes for tests.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use pm_os::clock;
use pm_os::signal::{self, SignalNumber};
use pm_os::spawn::{
    Birth, Credentials, Isolation, IsolationPlan, KernelOrders, SpawnError, SpawnRequest, Spawned,
    Spawner,
};
use pm_os::stdio::{self, PipeOwner};
use pm_os::tag::Tag;
use pm_os::tree::{Depth, ProcScan, RunQuery};
use pm_os::wait::{self, Termination};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Long enough for a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

type Job = Box<dyn FnOnce(&mut Spawner) + Send>;

/// Does something with the one spawner of this program, on its own thread as in the daemon.
pub(crate) fn with_spawner<T: Send + 'static>(
    job: impl FnOnce(&mut Spawner) -> T + Send + 'static,
) -> T {
    static SPAWNER: OnceLock<SyncSender<Job>> = OnceLock::new();
    let jobs = SPAWNER.get_or_init(|| {
        let (sender, jobs) = sync_channel::<Job>(64);
        thread::spawn(move || {
            let mut spawner = Spawner::claim().expect("nobody else claims it");
            assert!(Spawner::claim().is_none(), "one at a time");
            for job in jobs {
                job(&mut spawner);
            }
        });
        sender
    });
    let (sender, answer) = sync_channel(1);
    jobs.send(Box::new(move |spawner| sender.send(job(spawner)).unwrap())).unwrap();
    answer.recv().unwrap()
}

/// Begins a program that is no app of ours, in the one thread in which nobody wears a tag meanwhile: it would inherit
/// that of another test's run, and be killed with it.
pub(crate) fn stranger(mut command: Command) -> Child {
    with_spawner(move |_| command.spawn().unwrap())
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

pub(crate) fn text(value: impl AsRef<std::ffi::OsStr>) -> CString {
    CString::new(value.as_ref().as_bytes()).unwrap()
}

/// A tag no other test uses, of a home no other test program uses.
pub(crate) fn new_tag() -> Tag {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    Tag::new(std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The test child; built on the spot if this package is tested alone.
pub(crate) fn fixture() -> &'static Path {
    static FIXTURE: OnceLock<PathBuf> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let path = test.parent().unwrap().parent().unwrap().join("pm-fixture");
        if !path.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let built = Command::new(cargo).args(["build", "-p", "pm-fixture"]).status().unwrap();
            assert!(built.success() && path.exists(), "no {}", path.display());
        }
        path
    })
}

/// What to start; the fields tests vary.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) program: PathBuf,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) cwd: PathBuf,
    pub(crate) names_its_pid: bool,
    pub(crate) user: Option<Credentials>,
    pub(crate) nofile: Option<pm_os::limits::Nofile>,
    pub(crate) umask: Option<u32>,
    pub(crate) kernel: KernelOrders,
    pub(crate) isolation: IsolationPlan,
    pub(crate) oom_score_adj: Option<i32>,
    pub(crate) birth: Birth,
}

impl Order {
    pub(crate) fn of(program: impl Into<PathBuf>, args: &[&str]) -> Self {
        Self {
            program: program.into(),
            args: args.iter().map(ToString::to_string).collect(),
            env: vec!["PATH=/usr/bin:/bin".into()],
            cwd: "/".into(),
            names_its_pid: false,
            user: None,
            nofile: None,
            umask: None,
            kernel: KernelOrders::default(),
            isolation: IsolationPlan::default(),
            oom_score_adj: None,
            birth: Birth::Child,
        }
    }

    pub(crate) fn shell(script: &str) -> Self {
        Self::of("/bin/sh", &["-c", script])
    }

    pub(crate) fn fixture(steps: &[&str]) -> Self {
        Self::of(fixture(), steps)
    }

    /// Starts it, its output (both streams) in a pipe and its stdin from another.
    pub(crate) fn start(self) -> Result<Running, SpawnError> {
        self.start_with(Vec::new())
    }

    pub(crate) fn start_with(self, handed: Vec<OwnedFd>) -> Result<Running, SpawnError> {
        let tag = new_tag();
        let owner = self.user.as_ref().filter(|_| is_root());
        let owner = owner.map(|user| PipeOwner { uid: user.uid, gid: user.gid });
        let (reader, writer) = stdio::app_pipe(owner, None).unwrap();
        let (stdin, tap) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let born = with_spawner(move |spawner| {
            let name = text(&self.program);
            let isolation = Isolation::new(&self.isolation).unwrap();
            let plan = SpawnRequest {
                cgroup: None,
                argv: [name.clone()].into_iter().chain(self.args.iter().map(text)).collect(),
                program: name,
                env: self.env.iter().map(text).collect(),
                cwd: text(&self.cwd),
                stdin: stdin.as_fd(),
                stdout: writer.as_fd(),
                stderr: writer.as_fd(),
                handed: handed.iter().map(OwnedFd::as_fd).collect(),
                names_its_pid: self.names_its_pid,
                user: self.user.clone(),
                nofile: self.nofile,
                umask: self.umask,
                kernel: self.kernel.clone(),
                isolation: isolation.as_ref(),
                oom_score_adj: self.oom_score_adj,
                birth: self.birth,
            };
            spawner.spawn(tag, &plan)
        })?;
        Ok(Running {
            born,
            tag,
            out: Some(File::from(reader)),
            tap: Some(File::from(tap)),
            let_go: false,
        })
    }

    /// Starts it and returns all it printed, once it is done.
    pub(crate) fn output(self) -> String {
        let mut running = self.start().unwrap();
        let all = running.read_all();
        running.ending();
        all
    }
}

/// A started process; whatever is left of its tree is killed at the end of the test.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) born: Spawned,
    pub(crate) tag: Tag,
    pub(crate) out: Option<File>,
    pub(crate) tap: Option<File>,
    let_go: bool,
}

impl Running {
    pub(crate) fn run(&self) -> RunQuery<'_> {
        RunQuery { leader: Some(&self.born.identity), ..RunQuery::of(self.tag) }
    }

    /// Reads one line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        loop {
            match self.byte() {
                Some(b'\n') | None => return String::from_utf8(line).unwrap(),
                Some(byte) => line.push(byte),
            }
        }
    }

    /// Reads until nobody holds the pipe any more.
    pub(crate) fn read_all(&mut self) -> String {
        let mut all = Vec::new();
        while let Some(byte) = self.byte() {
            all.push(byte);
        }
        String::from_utf8(all).unwrap()
    }

    fn byte(&mut self) -> Option<u8> {
        let out = self.out.as_mut().expect("its output is ours");
        loop {
            let mut byte = [0];
            match out.read(&mut byte) {
                Ok(0) => return None,
                Ok(_) => return Some(byte[0]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(readable(&*out, PATIENCE), "no output in time");
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Leaves it alone at the end of the test.
    pub(crate) fn let_go(mut self) {
        self.let_go = true;
    }

    /// Waits for its end, reaps it.
    pub(crate) fn ending(&self) -> Termination {
        assert!(readable(&self.born.pidfd, PATIENCE), "it does not end");
        wait::reap(&self.born.pidfd).unwrap().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.let_go {
            sweep(&[self.run()]);
            wait::reap(&self.born.pidfd).ok();
        }
    }
}

/// Kills every member of these runs until two looks in a row find nobody; tells how many were killed.
pub(crate) fn sweep(runs: &[RunQuery<'_>]) -> usize {
    let (mut killed, mut empty) = (BTreeSet::new(), 0);
    wait_until("nobody is left", || {
        let scan = ProcScan::take(Depth::Cookies, &[]).unwrap();
        let members: Vec<_> = scan.run_members(runs).into_values().flatten().collect();
        for member in &members {
            // Who has ended meanwhile needs no signal.
            if let Ok(pidfd) = member.identity.open() {
                signal::send(pidfd, SignalNumber::KILL).unwrap();
                killed.insert(member.identity.pid);
            }
        }
        empty = if members.is_empty() { empty + 1 } else { 0 };
        empty == 2
    });
    killed.len()
}

pub(crate) fn readable(fd: impl std::os::fd::AsFd, patience: Duration) -> bool {
    let timeout = timespec(patience);
    poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)).unwrap() > 0
}

fn timespec(time: Duration) -> Timespec {
    Timespec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() }
}

/// Looks again and again until it holds; the figure says what was looked for.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = clock::monotonic() + PATIENCE;
    while !holds() {
        assert!(clock::monotonic() < until, "not in time: {what}");
        poll(&mut [], Some(&timespec(Duration::from_millis(2)))).unwrap();
    }
}

/// Runs a helper test as the first process of a namespace of its own.
pub(crate) fn assert_passes_in_namespace(helper: &str) {
    let namespaces = if is_root() { "-pf" } else { "-Urpf" };
    let mut command = Command::new("unshare");
    command.args([namespaces, "--mount-proc"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", helper, "--ignored"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = stranger(command).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}
