//! Users and groups, read from `/etc/passwd` and `/etc/group` by ourselves: a static binary has no
//! NSS. Directory services are therefore not asked, and the error says where we looked.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::errno;
use crate::spawn::Credentials;
use crate::stdio::PipeOwner;

const PASSWD: &str = "/etc/passwd";
const GROUP: &str = "/etc/group";

/// One user, see passwd(5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Login name (bytes that aren't UTF-8 replaced).
    pub name: String,
    /// Number of the user.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Home folder.
    pub home: PathBuf,
    /// All groups, the primary one first.
    pub groups: Vec<u32>,
}

/// A user or group could not be found.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// No such user.
    #[error("find user {who}: no such name or number in {PASSWD}")]
    UnknownUser {
        /// What was asked for.
        who: String,
    },
    /// No such group.
    #[error("find group {who}: no such name or number in {GROUP}")]
    UnknownGroup {
        /// What was asked for.
        who: String,
    },
    /// A file could not be read.
    #[error("read {path}")]
    Unreadable {
        /// Which.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl UserError {
    /// Whether trying again later may help.
    pub fn is_shortage(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if errno::is_shortage_of(source))
    }
}

impl Account {
    /// As whom to run, with another primary group if one was asked for (PM2 key `gid`).
    pub fn credentials(&self, group: Option<u32>) -> Credentials {
        let gid = group.unwrap_or(self.gid);
        let mut groups = self.groups.clone();
        if !groups.contains(&gid) {
            groups.insert(0, gid);
        }
        Credentials { uid: self.uid, gid, groups }
    }

    /// Whom the pipes of the app belong to.
    pub fn owner(&self) -> PipeOwner {
        PipeOwner { uid: self.uid, gid: self.gid }
    }
}

/// Finds a user by name or, failing that, by number (PM2 keys `uid`, `user`).
pub fn find(who: &str) -> Result<Account, UserError> {
    let passwd = load(PASSWD)?;
    let mut account =
        account(&passwd, who).ok_or_else(|| UserError::UnknownUser { who: who.to_owned() })?;
    account.groups = groups_of(&load(GROUP)?, &account);
    Ok(account)
}

/// The user with this number, ours for instance. Containers often run as one without a line in passwd: that one has no
/// more than a group, ours or else of the same number, its number for a name, and `/` for a home.
pub fn by_number(uid: u32) -> Result<Account, UserError> {
    let passwd = load_present(PASSWD)?;
    if let Some(account) = accounts(&passwd).find(|account| account.uid == uid) {
        let groups = groups_of(&load_present(GROUP)?, &account);
        return Ok(Account { groups, ..account });
    }
    let is_ours = uid == geteuid().as_raw();
    let gid = if is_ours { getegid().as_raw() } else { uid };
    let mut groups = vec![gid];
    if is_ours {
        groups.extend(our_groups().into_iter().filter(|group| *group != gid));
    }
    Ok(Account { name: uid.to_string(), uid, gid, home: PathBuf::from("/"), groups })
}

/// Whether we have the rights of this group.
pub fn are_we_in(group: u32) -> bool {
    getegid().as_raw() == group || our_groups().contains(&group)
}

fn our_groups() -> Vec<u32> {
    getgroups().unwrap_or_default().into_iter().map(Gid::as_raw).collect()
}

impl Credentials {
    /// Whether they are what we run as: there is nothing to change then, and without privileges nothing could be.
    /// Only root is asked to differ in supplementary groups alone; nobody else may choose them.
    pub fn are_ours(&self) -> bool {
        let us = geteuid();
        let all = |groups: &[u32]| -> BTreeSet<u32> {
            groups.iter().copied().chain([self.gid]).collect()
        };
        self.uid == us.as_raw()
            && self.gid == getegid().as_raw()
            && (!us.is_root() || all(&self.groups) == all(&our_groups()))
    }

    /// Does something with the rights of this user and no others: what the kernel would refuse them it refuses us.
    ///
    /// In a thread of its own, for to Linux users are a thread's, and one that ends has nothing to take back. Its real
    /// user stays ours, so that this user can neither signal nor trace it. Waits for the end.
    pub fn act<T: Send>(&self, work: impl FnOnce() -> Result<T, Errno> + Send) -> Result<T, Errno> {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().name("pm-as-user".into());
            let thread =
                thread.spawn_scoped(scope, || self.assume(false).and_then(|()| work())).map_err(
                    |error| error.raw_os_error().map_or(Errno::AGAIN, Errno::from_raw_os_error),
                )?;
            thread.join().unwrap_or(Err(Errno::IO))
        })
    }

    /// Makes them those of this thread for good: what it executes in our place has no others and no way back.
    pub fn take(&self) -> Result<(), Errno> {
        if self.are_ours() {
            return Ok(());
        }
        self.assume(true)
    }

    /// Makes them those of this thread; for good: also the real ones, which are the way back.
    fn assume(&self, is_for_good: bool) -> Result<(), Errno> {
        // To the kernel the highest number means to leave things as they are.
        if [self.uid, self.gid].contains(&u32::MAX) {
            return Err(Errno::INVAL);
        }
        let groups: Vec<Gid> = self.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        set_thread_groups(&groups)?;
        let group = Gid::from_raw(self.gid);
        let others = is_for_good.then_some(group);
        set_thread_res_gid(others, group, others)?;
        let user = Uid::from_raw(self.uid);
        let others = is_for_good.then_some(user);
        set_thread_res_uid(others, user, others)
    }
}

/// Finds a group by name or, failing that, by number (PM2 key `gid`).
pub fn find_group(who: &str) -> Result<u32, UserError> {
    group(&load(GROUP)?, who).ok_or_else(|| UserError::UnknownGroup { who: who.to_owned() })
}

/// As [`load`]; the smallest containers have no such files.
fn load_present(path: &'static str) -> Result<Vec<u8>, UserError> {
    match load(path) {
        Err(UserError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(Vec::new())
        }
        loaded => loaded,
    }
}

fn load(path: &'static str) -> Result<Vec<u8>, UserError> {
    fs::read(path).map_err(|source| UserError::Unreadable { path, source })
}

fn account(passwd: &[u8], who: &str) -> Option<Account> {
    let named = accounts(passwd).find(|account| account.name == who);
    named.or_else(|| {
        let uid: u32 = who.parse().ok()?;
        accounts(passwd).find(|account| account.uid == uid)
    })
}

fn accounts(passwd: &[u8]) -> impl Iterator<Item = Account> {
    entries(passwd).filter_map(|fields| {
        let &[name, _, uid, gid, _, home, _] = fields.as_slice() else { return None };
        let gid = number(gid)?;
        Some(Account {
            name: String::from_utf8_lossy(name).into_owned(),
            uid: number(uid)?,
            gid,
            home: path(home),
            groups: vec![gid],
        })
    })
}

fn group(group: &[u8], who: &str) -> Option<u32> {
    let all =
        || entries(group).filter_map(|fields| Some((*fields.first()?, number(fields.get(2)?)?)));
    let named = all().find(|(name, _)| *name == who.as_bytes());
    named.map(|(_, gid)| gid).or_else(|| {
        let number: u32 = who.parse().ok()?;
        all().find(|&(_, gid)| gid == number).map(|(_, gid)| gid)
    })
}

fn groups_of(group: &[u8], account: &Account) -> Vec<u32> {
    let mut groups = account.groups.clone();
    for fields in entries(group) {
        let &[_, _, gid, members] = fields.as_slice() else { continue };
        let is_member =
            members.split(|&byte| byte == b',').any(|name| name == account.name.as_bytes());
        match number(gid) {
            Some(gid) if is_member && !groups.contains(&gid) => groups.push(gid),
            Some(_) | None => {}
        }
    }
    groups
}

/// Lines of fields between colons; comments and the `+` lines of old NIS have no numbers.
fn entries(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty() && !line.starts_with(b"#"))
        .map(|line| line.split(|&byte| byte == b':').collect())
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn path(bytes: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(bytes)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const USERS: &[u8] = b"root:x:0:0:root:/root:/bin/bash\n# note\n+::::::\nbroken:x:1\n\
        www-data:x:33:33:www:/var/www:/usr/sbin/nologin\n1000:x:7:8::/odd:\nann:x:1000:100:A,B:/home/ann:/bin/sh";
    const GROUPS: &[u8] =
        b"root:x:0:\nusers:x:100:\naudio:x:29:ann,bob\nvideo:x:44:joann\nadm:x:4:bob,ann\n";

    #[test]
    fn names_come_before_numbers() {
        assert_eq!(account(USERS, "ann").unwrap().uid, 1000);
        assert_eq!(account(USERS, "33").unwrap().name, "www-data");
        assert_eq!(account(USERS, "1000").unwrap().uid, 7, "a user may be called 1000");
        assert_eq!(account(USERS, "broken"), None);
        assert_eq!(account(USERS, "nobody"), None);
        assert_eq!(account(USERS, "-1"), None);
    }

    #[test]
    fn groups_are_whole_names_with_the_primary_first() {
        let ann = account(USERS, "ann").unwrap();
        assert_eq!(groups_of(GROUPS, &ann), [100, 29, 4]);
        assert_eq!(group(GROUPS, "audio"), Some(29));
        assert_eq!(group(GROUPS, "29"), Some(29));
        assert_eq!(group(GROUPS, "5"), None);
    }

    #[test]
    fn another_group_is_added_not_lost() {
        let ann = Account { groups: vec![100, 29], ..account(USERS, "ann").unwrap() };
        assert_eq!(ann.credentials(None).gid, 100);
        let other = ann.credentials(Some(4));
        assert_eq!((other.gid, other.groups), (4, vec![4, 100, 29]));
    }

    #[test]
    fn a_number_needs_no_name() {
        let account = by_number(3_999_999_999).unwrap();
        assert_eq!(
            (account.uid, account.gid, &account.groups[..]),
            (3_999_999_999, 3_999_999_999, &[3_999_999_999][..],)
        );
        assert_eq!((account.name.as_str(), account.home.to_str()), ("3999999999", Some("/")));
    }

    #[test]
    fn what_we_are_already_is_nothing_to_change() {
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let ours = Credentials { uid, gid, groups: our_groups() };
        assert!(ours.are_ours());
        assert!(!Credentials { gid: gid + 1, ..ours.clone() }.are_ours());
        assert!(!Credentials { uid: uid + 1, ..ours.clone() }.are_ours());
        let more = Credentials { groups: [our_groups(), vec![3_999_999_999]].concat(), ..ours };
        assert_eq!(more.are_ours(), uid != 0, "only root can choose");
    }

    #[test]
    fn the_machine_has_a_root() {
        let root = find("root").unwrap();
        assert_eq!((root.uid, root.groups[0]), (0, 0));
        assert_eq!(by_number(0).unwrap().uid, 0);
        let error = find("no-such-user-here").unwrap_err().to_string();
        assert_eq!(error, "find user no-such-user-here: no such name or number in /etc/passwd");
    }

    #[test]
    fn what_is_done_as_a_user_is_done_with_their_rights_alone() {
        let nobody = Credentials { uid: 65_534, gid: 65_533, groups: vec![65_532, 65_533] };
        let whole = || (geteuid().as_raw(), getegid().as_raw(), our_groups());
        if !geteuid().is_root() {
            assert_eq!(nobody.act(|| Ok(())), Err(Errno::PERM));
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let open = || {
            let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
            rustix::fs::open(folder.path(), flags, rustix::fs::Mode::empty()).map(drop)
        };
        let before = whole();
        assert_eq!(nobody.act(|| Ok(whole())), Ok((65_534, 65_533, vec![65_532, 65_533])));
        assert_eq!(nobody.act(open), Err(Errno::ACCESS), "no privilege is left");
        // Who would trace or signal it meets root.
        let real = || Ok(rustix::process::getuid().as_raw());
        assert_eq!(nobody.act(real), Ok(0));
        assert_eq!((open(), whole()), (Ok(()), before), "all others stay who they were");
        for (uid, gid) in [(u32::MAX, 65_534), (65_534, u32::MAX)] {
            let unknown = Credentials { uid, gid, groups: Vec::new() };
            assert_eq!(unknown.act(|| Ok(())), Err(Errno::INVAL), "nobody is not root");
        }
    }
}
