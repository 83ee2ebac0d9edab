//! Compresses and deletes rotated parts, in a thread of its own with the lowest priority.
//! Works from what lies in the folder, not from memory, so a kill at any point is made good by the
//! next rotation. A part is replaced by its `.gz` in one rename.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use flate2::{Compression, write::GzEncoder};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fchown, fstat, openat, statat, unlinkat};
use rustix::fs::{Timespec, Timestamps, renameat, utimensat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};

use crate::folder::{IfMissing, foreign, listed, open_folder};
use crate::index;
use crate::open::{FileId, resolve};
use crate::open_error::OpenError;
use crate::rotate::{LogRotation, RotatedPart, part_of, surplus, with_suffix};
use crate::sink::FileOwner;

/// A log whose parts want looking after.
#[derive(Debug)]
pub(crate) struct ArchiveJob {
    pub log: PathBuf,
    /// Whose it is: where such a user led us elsewhere, nothing is deleted.
    pub owner: Option<FileOwner>,
    pub rotation: LogRotation,
    pub index: PathBuf,
}

/// Hands jobs to the thread, which begins with the first of them.
#[derive(Debug, Default)]
pub(crate) struct Archiver {
    sender: Option<SyncSender<ArchiveJob>>,
}

impl Archiver {
    /// Never waits: what doesn't fit into the queue is done at the next rotation.
    pub(crate) fn enqueue(&mut self, job: ArchiveJob) {
        if self.sender.is_none() {
            let (sender, receiver) = sync_channel(256);
            let thread = std::thread::Builder::new().name("pm-archive".into());
            if thread.spawn(move || work(&receiver)).is_ok() {
                self.sender = Some(sender);
            }
        }
        if let Some(sender) = &self.sender {
            // A full queue is full of the same work.
            sender.try_send(job).ok();
        }
    }
}

fn work(jobs: &Receiver<ArchiveJob>) {
    // On Linux this is about the calling thread; without it we are merely less polite.
    rustix::process::setpriority_process(None, 19).ok();
    while let Ok(job) = jobs.recv() {
        // A folder that is gone holds no parts; any other trouble shows again at the next rotation.
        tidy(&job).ok();
    }
}

/// Brings the parts of one log within its limits and, if wanted, compresses the rest.
pub(crate) fn tidy(job: &ArchiveJob) -> Result<(), Errno> {
    let (Some(folder), Some(log)) = (job.log.parent(), job.log.file_name()) else {
        return Ok(());
    };
    let folder = open_folder(folder, job.owner, IfMissing::Leave).map_err(|error| error.errno())?;
    let folder = listed(&folder)?;
    let mut names = parts(&folder, log)?;
    let sizes = names.iter().map(|name| size_of(&folder, name)).collect::<Vec<u64>>();
    for name in names.drain(..surplus(&sizes, &job.rotation)) {
        if let Some(id) = id_of(&folder, &name) {
            std::fs::remove_file(index::path_of(&job.index, id)).ok();
        }
        unlinkat(&folder, &name, AtFlags::empty())?;
    }
    if job.rotation.compress {
        for name in names.iter().filter(|name| !name.as_encoded_bytes().ends_with(b".gz")) {
            compress(&folder, name, &job.index)?;
        }
    }
    Ok(())
}

/// Removes all parts of a log and what is kept about them, following no link its owner could have made; how many
/// there were. Files of other names stay, whatever they look like, and so does what is no regular file.
pub(crate) fn clear(
    (log, owner): (&Path, Option<FileOwner>),
    indexes: &Path,
) -> Result<usize, OpenError> {
    // A link of our own may lead to another folder, as it does for those who open the log.
    let log = if foreign(owner).is_none() { resolve(log, None) } else { log.to_path_buf() };
    let (Some(folder), Some(name)) = (log.parent(), log.file_name()) else { return Ok(0) };
    let folder = match open_folder(folder, owner, IfMissing::Leave) {
        Err(OpenError::Refused { source: Errno::NOENT | Errno::NOTDIR, .. }) => return Ok(0),
        other => other?,
    };
    let refused = |source| OpenError::Refused { path: log.clone(), source };
    let folder = listed(&folder).map_err(refused)?;
    let mut moments = BTreeSet::new();
    // The plain ones first: compressing looks, after its own rename, whether the plain one is still there.
    let names = all_parts(&folder, name).map_err(refused)?;
    for part in names {
        if remove(&folder, &part, indexes).map_err(refused)? {
            moments.extend(moment(name, &part));
        }
        let packed = with_suffix(part, ".gz");
        if part_of(name, &packed).is_some() {
            remove(&folder, &packed, indexes).map_err(refused)?;
        }
    }
    Ok(moments.len())
}

/// Removes a log or a part of one, and its times among `indexes`.
pub fn remove_file(path: &Path, indexes: &Path) -> Result<(), Errno> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(()) };
    let folder = open_folder(folder, None, IfMissing::Leave).map_err(|error| error.errno())?;
    remove(&folder, name, indexes).map(drop)
}

/// Removes a regular file and its times; whether there was one.
fn remove(folder: &OwnedFd, name: &OsStr, indexes: &Path) -> Result<bool, Errno> {
    let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(false),
        other => other?,
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(false);
    }
    match unlinkat(folder, name, AtFlags::empty()) {
        // Compressed or deleted meanwhile.
        Err(Errno::NOENT) => return Ok(false),
        other => other?,
    }
    std::fs::remove_file(index::path_of(indexes, FileId::of(&stat))).ok();
    Ok(true)
}

/// Names of the parts of `log`, oldest first. Of a part that is there twice (killed between rename
/// and delete) the plain one is named and will be compressed again.
pub(crate) fn parts(folder: &OwnedFd, log: &OsStr) -> Result<Vec<OsString>, Errno> {
    let mut names = all_parts(folder, log)?;
    names.dedup_by(|later, earlier| moment(log, later) == moment(log, earlier));
    Ok(names)
}

/// When a part of `log` was rotated.
fn moment(log: &OsStr, name: &OsStr) -> Option<(Vec<u8>, u32)> {
    part_of(log, name).map(|part: RotatedPart<'_>| (part.stamp.to_vec(), part.number))
}

/// Names of the parts of `log`, oldest first, the plain one before the compressed one of the same moment.
fn all_parts(folder: &OwnedFd, log: &OsStr) -> Result<Vec<OsString>, Errno> {
    use std::os::unix::ffi::OsStrExt;
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let name = OsStr::from_bytes(entry?.file_name().to_bytes()).to_os_string();
        if part_of(log, &name).is_some() {
            names.push(name);
        }
    }
    names.sort_by(|one, other| part_of(log, one).cmp(&part_of(log, other)));
    Ok(names)
}

fn size_of(folder: &OwnedFd, name: &OsStr) -> u64 {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
}

fn id_of(folder: &OwnedFd, name: &OsStr) -> Option<FileId> {
    statat(folder, name, AtFlags::SYMLINK_NOFOLLOW).ok().map(|stat| FileId::of(&stat))
}

fn compress(folder: &OwnedFd, name: &OsStr, indexes: &Path) -> Result<(), Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let part = File::from(openat(folder, name, flags, Mode::empty())?);
    let stat = fstat(&part)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        // It is none of ours, and a FIFO has no end.
        return Ok(());
    }
    let compressed = with_suffix(name, ".gz");
    let unfinished = with_suffix(&compressed, ".tmp");
    unlinkat(folder, &unfinished, AtFlags::empty()).ok();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = openat(folder, &unfinished, flags, Mode::from_raw_mode(stat.st_mode & 0o777))?;
    // Only root can and needs to give it away.
    fchown(&made, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid))).ok();
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let kept = gzip(&mut (&part).take(size), made).and_then(|id| {
        // Someone who still held the old file may have written to it: then it stays as it is.
        if fstat(&part)?.st_size != stat.st_size {
            return Err(Errno::AGAIN);
        }
        // Readers tell the age of a part by the time of its last byte.
        let time = |seconds, nanos| Timespec { tv_sec: seconds, tv_nsec: nanos };
        let last_modification = time(stat.st_mtime, i64::try_from(stat.st_mtime_nsec).unwrap_or(0));
        let times = Timestamps { last_access: last_modification, last_modification };
        utimensat(folder, &unfinished, &times, AtFlags::SYMLINK_NOFOLLOW)?;
        // A `.gz` of that name is what a kill before the delete left; the plain part is the truth.
        renameat(folder, &unfinished, folder, &compressed)?;
        let old = FileId::of(&stat);
        // A flush that removed the part before the rename could not know of the new one.
        if id_of(folder, name) != Some(old) {
            unlinkat(folder, &compressed, AtFlags::empty())?;
            return Err(Errno::NOENT);
        }
        std::fs::rename(index::path_of(indexes, old), index::path_of(indexes, id)).ok();
        unlinkat(folder, name, AtFlags::empty())
    });
    if kept.is_err() {
        unlinkat(folder, &unfinished, AtFlags::empty()).ok();
    }
    kept
}

fn gzip(part: &mut impl Read, made: OwnedFd) -> Result<FileId, Errno> {
    let failed =
        |error: std::io::Error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error);
    let mut encoder = GzEncoder::new(File::from(made), Compression::default());
    let mut bytes = vec![0; 64 << 10];
    loop {
        match part.read(&mut bytes).map_err(failed)? {
            0 => break,
            count => encoder.write_all(&bytes[..count]).map_err(failed)?,
        }
    }
    let made = encoder.finish().map_err(failed)?;
    made.sync_data().map_err(failed)?;
    Ok(FileId::of(&fstat(made.as_fd())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn clearing_takes_the_parts_of_exactly_one_log() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| std::fs::write(folder.path().join(name), name).expect("written");
        let parts = [
            "a__2026-01-01_00-00-01.log",
            "a__2026-01-01_00-00-02.log.gz",
            // Killed between rename and delete: one part all the same.
            "a__2026-01-01_00-00-03-7.log",
            "a__2026-01-01_00-00-03-7.log.gz",
        ];
        let mut others = vec![
            "a.log",
            "a__today.log",
            "a__2026-01-01_00-00-01.txt",
            "a__2026-01-01_00-00-01",
            "aa__2026-01-01_00-00-01.log",
            "a-1__2026-01-01_00-00-01.log",
        ];
        parts.iter().chain(&others).for_each(|name| write(name));
        std::fs::create_dir(folder.path().join("a__2026-01-01_00-00-05.log")).expect("made");
        let link = folder.path().join("a__2026-01-01_00-00-06.log");
        std::os::unix::fs::symlink(folder.path().join("a.log"), link).expect("a link");
        others.extend(["a__2026-01-01_00-00-05.log", "a__2026-01-01_00-00-06.log"]);
        others.sort_unstable();
        let log = folder.path().join("a.log");
        assert_eq!(clear((&log, None), folder.path()).expect("cleared"), 3);
        assert_eq!(names(folder.path()), others);
        assert_eq!(clear((&log, None), folder.path()).expect("cleared"), 0);
        let missing = folder.path().join("missing/a.log");
        assert_eq!(clear((&missing, None), folder.path()).expect("nothing to do"), 0);
    }

    #[test]
    fn clearing_follows_no_link_of_an_apps_user() {
        if !rustix::process::geteuid().is_root() {
            return eprintln!("only root can write for others: nothing to protect here");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let part = folder.path().join("a__2026-01-01_00-00-01.log");
        std::fs::write(&part, "root's").expect("written");
        let link = folder.path().join("planted");
        std::os::unix::fs::symlink(folder.path(), &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(65_534), None).expect("given away");
        let owner = Some(FileOwner { uid: 65_534, gid: 65_534 });
        let refused = clear((&link.join("a.log"), owner), folder.path());
        assert!(matches!(refused, Err(OpenError::Planted { .. })), "{refused:?}");
        assert!(part.exists());
    }

    #[test]
    fn the_newest_stay_compressed_and_strangers_untouched() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str| std::fs::write(folder.path().join(name), name).expect("written");
        write("a.log");
        write("a__today.log");
        write("a__2026-01-01_00-00-01.log.gz.tmp");
        for second in 1..=4 {
            write(&format!("a__2026-01-01_00-00-0{second}.log"));
        }
        // Killed between rename and delete.
        write("a__2026-01-01_00-00-04.log.gz");
        // Not ours to read.
        let fifo = folder.path().join("a__2026-01-01_00-00-05.log");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RWXU).expect("a FIFO");
        let rotation = LogRotation { keep: 3, compress: true, ..LogRotation::STANDARD };
        let link = folder.path().join("planted");
        std::os::unix::fs::symlink(folder.path(), &link).expect("a link");
        let job = |place: &Path, owner| ArchiveJob {
            log: place.join("a.log"),
            owner,
            rotation,
            index: folder.path().join("none"),
        };
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::lchown(&link, Some(65_534), None).expect("given away");
            let owner = Some(FileOwner { uid: 65_534, gid: 65_534 });
            assert_eq!(tidy(&job(&link, owner)), Err(Errno::LOOP));
            assert_eq!(names(folder.path()).len(), 10, "an app's user leads us nowhere");
        }
        std::fs::remove_file(&link).expect("removed");
        tidy(&job(folder.path(), None)).expect("tidied");
        let want = [
            "a.log",
            "a__2026-01-01_00-00-01.log.gz.tmp",
            "a__2026-01-01_00-00-03.log.gz",
            "a__2026-01-01_00-00-04.log.gz",
            "a__2026-01-01_00-00-05.log",
            "a__today.log",
        ];
        assert_eq!(names(folder.path()), want);
        let file = File::open(folder.path().join("a__2026-01-01_00-00-04.log.gz")).expect("a part");
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
        assert_eq!(text, "a__2026-01-01_00-00-04.log");
    }
}
