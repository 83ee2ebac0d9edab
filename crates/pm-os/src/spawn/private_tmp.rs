//! Folders for what is temporary that nobody else sees: empty ones in memory, laid over `/tmp` and `/var/tmp` in a namespace of
//! mounts of the process's own. They are gone with its last process.
#![expect(unsafe_code, reason = "raw calls between clone and exec")]

use std::ffi::{CStr, c_long};
use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::ptr;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, write};
use rustix::thread::{CapabilitySet, capabilities};

use crate::errno;

/// What is hidden, and replaced.
const FOLDERS: [&CStr; 2] = [c"/tmp", c"/var/tmp"];

/// Ready to be put on by the child.
#[derive(Debug)]
pub(super) struct PrivateTmp {
    /// Who may not mount becomes somebody who may, in a namespace of users where only its own two numbers mean anything.
    own_numbers: Option<[String; 2]>,
}

/// The switches by which kernels keep users from that, and the value that does.
const SWITCHES: [(&str, &str); 3] = [
    ("/proc/sys/user/max_user_namespaces", "0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1"),
];

impl PrivateTmp {
    /// Makes it ready; the switch that forbids it.
    pub(super) fn new() -> Result<Self, &'static str> {
        let may =
            capabilities(None).is_ok_and(|ours| ours.effective.contains(CapabilitySet::SYS_ADMIN));
        if may {
            return Ok(Self { own_numbers: None });
        }
        let is_off = |(file, off): &&(&str, &str)| {
            fs::read_to_string(file).is_ok_and(|value| value.trim() == *off)
        };
        if let Some((file, _)) = SWITCHES.iter().find(is_off) {
            return Err(file);
        }
        let (user, group) =
            (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Ok(Self { own_numbers: Some([format!("{user} {user} 1"), format!("{group} {group} 1")]) })
    }

    /// Whether the child becomes somebody else, whom our memory is no business of.
    pub(super) fn changes_user(&self) -> bool {
        self.own_numbers.is_some()
    }

    /// Runs in the child between clone and exec, before it becomes its user.
    pub(super) fn put_on(&self) -> Result<(), Errno> {
        let users = if self.own_numbers.is_some() { libc::CLONE_NEWUSER } else { 0 };
        // SAFETY: numbers only; the child has its own memory where users change.
        check(unsafe { libc::syscall(libc::SYS_unshare, libc::CLONE_NEWNS | users) })?;
        if let Some([user, group]) = &self.own_numbers {
            // An older kernel lacks the file, and asks for nothing.
            put(c"/proc/self/setgroups", b"deny").ok();
            put(c"/proc/self/uid_map", user.as_bytes())?;
            put(c"/proc/self/gid_map", group.as_bytes())?;
        }
        // What is mounted here later is no news out there, though the reverse.
        mount(c"none", c"/", libc::MS_REC | libc::MS_SLAVE, c"")?;
        for folder in FOLDERS {
            match mount(c"tmpfs", folder, libc::MS_NOSUID | libc::MS_NODEV, c"mode=1777") {
                Err(Errno::NOENT) => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Lets it change what is in there, by rules that it is about to be put under. Runs in the child.
    pub(super) fn allow(ruleset: &OwnedFd, access: u64) -> Result<(), Errno> {
        // `struct landlock_path_beneath_attr`, which is packed.
        #[repr(C, packed)]
        struct PathBeneathRule {
            access: u64,
            parent: i32,
        }
        const PATH_BENEATH: u32 = 1;
        for folder in FOLDERS {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            let folder = match openat(CWD, folder, flags, Mode::empty()) {
                Err(Errno::NOENT) => continue,
                opened => opened?,
            };
            let rule = PathBeneathRule { access, parent: folder.as_raw_fd() };
            let set = ruleset.as_raw_fd();
            // SAFETY: `rule` is a live local of the kernel's own shape, which it copies.
            check(unsafe {
                libc::syscall(libc::SYS_landlock_add_rule, set, PATH_BENEATH, &raw const rule, 0)
            })?;
        }
        Ok(())
    }
}

/// The first of these paths that it would hide.
pub(super) fn hidden(paths: &[PathBuf]) -> Option<&PathBuf> {
    let is_below = |path: &Path| path.starts_with("/tmp") || path.starts_with("/var/tmp");
    let real = |path: &PathBuf| fs::canonicalize(path).unwrap_or_else(|_| path.clone());
    paths.iter().find(|path| is_below(path) || is_below(&real(path)))
}

fn put(file: &CStr, text: &[u8]) -> Result<(), Errno> {
    let file = openat(CWD, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    write(&file, text).map(drop)
}

fn mount(kind: &CStr, at: &CStr, flags: libc::c_ulong, options: &CStr) -> Result<(), Errno> {
    let options = if options.is_empty() { ptr::null() } else { options.as_ptr() };
    // SAFETY: all texts end with NUL and outlive the call, which reads them only.
    check(unsafe {
        libc::syscall(libc::SYS_mount, kind.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, options)
    })
}

fn check(result: c_long) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(errno::last()) }
}
