//! Secrets that an app gets as files: in a folder in memory that is its run's alone, and goes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pm_core::{RunId, SpawnFailure};
use pm_os::stdio::PipeOwner;
use pm_spec::{AppSpec, SecretSource};
use rustix::process::geteuid;
use tokio::sync::oneshot;

use crate::{app_user, secrets, spawn_failure};

/// One that is a file has no more, as with systemd.
const MOST: usize = 1 << 20;
/// What file systems in memory are called in `statfs(2)`: tmpfs, ramfs.
const IN_MEMORY: [u32; 2] = [0x0102_1994, 0x8584_58f6];
/// Others may go through the folder of a home, but neither see what is in it nor put anything there: under root the
/// folders in it belong to the users of apps.
const PASSAGE: u32 = 0o711;
/// Bits that let somebody else put something there.
const OTHERS_WRITE: u32 = 0o022;

/// The secrets of a run that is to be made.
#[derive(Debug)]
pub(crate) struct SecretFiles {
    pub(crate) run: RunId,
    pub(crate) app: Arc<AppSpec>,
    /// What commands have printed, by the name of the secret.
    pub(crate) printed: BTreeMap<String, Vec<u8>>,
    /// The folder, or what could not be done and why.
    pub(crate) reply: oneshot::Sender<Result<Vec<u8>, SpawnFailure>>,
}

impl SecretFiles {
    /// Lays them, and says so.
    pub(crate) fn lay(self, home_id: u32) {
        let laid = self.laid(home_id).map(|folder| folder.into_os_string().into_vec());
        // Who no longer waits has had the run given up, and its folder removed after this.
        self.reply.send(laid).ok();
    }

    fn laid(&self, home_id: u32) -> Result<PathBuf, SpawnFailure> {
        let user = self.app.user.as_ref().map(app_user::find).transpose()?;
        let owner = user.filter(|user| !user.credentials.are_ours()).map(|user| user.owner);
        let failed = |error: io::Error| {
            spawn_failure::of_io(&error).told(|why| format!("keep its secrets in memory: {why}"))
        };
        let folder = home_folder(home_id)?.join(self.run.0.to_string());
        DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
        for (name, source) in &self.app.secrets {
            let value = match source {
                SecretSource::Printed(_) => self.printed.get(name).cloned().unwrap_or_default(),
                SecretSource::File(path) => secrets::read(name, path, MOST)?,
            };
            write(&folder.join(name), &value, owner).map_err(failed)?;
        }
        let closed = File::open(&folder).and_then(|opened| {
            opened.set_permissions(Permissions::from_mode(0o500))?;
            own(&opened, owner)
        });
        closed.map(|()| folder).map_err(failed)
    }
}

/// Removes those of a run.
pub(crate) fn remove(home_id: u32, run: RunId) {
    for folder in places().map(|place| place.join(name(home_id))) {
        if is_ours(&folder) {
            clear(&folder.join(run.0.to_string()));
            // That of the home goes with its last.
            fs::remove_dir(&folder).ok();
        }
    }
}

/// Removes those of runs that nobody knows any more: who would have done it was killed.
pub(crate) fn sweep(home_id: u32, known: &BTreeSet<u32>) {
    for folder in places().map(|place| place.join(name(home_id))) {
        if !is_ours(&folder) {
            continue;
        }
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let run = |name: &OsStr| name.to_str().and_then(|name| name.parse().ok());
        for entry in entries {
            if run(&entry.file_name()).is_none_or(|run: u32| !known.contains(&run)) {
                clear(&entry.path());
            }
        }
        fs::remove_dir(&folder).ok();
    }
}

/// Where there may be room in memory, the best first. Not by a variable: whoever comes after us, from wherever, has to find
/// the same. A user's own is what `XDG_RUNTIME_DIR` says (`pam_systemd(8)`).
fn places() -> impl Iterator<Item = PathBuf> {
    let us = geteuid();
    let own = if us.is_root() { "/run".into() } else { format!("/run/user/{}", us.as_raw()) };
    [PathBuf::from(own), PathBuf::from("/dev/shm")].into_iter()
}

fn name(home_id: u32) -> String {
    format!("pm-secrets-{home_id}")
}

/// The folder of a home, made if it is not there.
fn home_folder(home_id: u32) -> Result<PathBuf, SpawnFailure> {
    let (mut whys, mut is_short) = (Vec::new(), false);
    for place in places() {
        match made(&place, home_id) {
            Ok(folder) => return Ok(folder),
            Err(error) => {
                let failure = spawn_failure::of_io(&error);
                is_short |= matches!(failure, SpawnFailure::Short(_));
                whys.push(format!("{}: {}", place.display(), failure.words()));
            }
        }
    }
    Err(spawn_failure::of(format!("keep its secrets in memory: {}", whys.join("; ")), is_short))
}

fn made(place: &Path, home_id: u32) -> io::Result<PathBuf> {
    let kind = rustix::fs::statfs(place)?.f_type;
    if !IN_MEMORY.iter().any(|known| i128::from(*known) == i128::from(kind)) {
        return Err(io::Error::other("it is not in memory"));
    }
    let folder = place.join(name(home_id));
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    if !is_ours(&folder) {
        return Err(io::Error::other(format!("{} is not ours alone", name(home_id))));
    }
    // Our mask may have taken a part of it.
    fs::set_permissions(&folder, Permissions::from_mode(PASSAGE))?;
    Ok(folder)
}

/// Whether it is a folder in which nobody else can put anything.
fn is_ours(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|it| {
        it.is_dir() && it.uid() == geteuid().as_raw() && it.mode() & OTHERS_WRITE == 0
    })
}

fn write(path: &Path, value: &[u8], owner: Option<PipeOwner>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o400).open(path)?;
    file.write_all(value)?;
    own(&file, owner)
}

fn own(file: &File, owner: Option<PipeOwner>) -> io::Result<()> {
    owner.map_or(Ok(()), |owner| fchown(file, Some(owner.uid), Some(owner.gid)))
}

/// A folder of secrets goes, whatever its app has made of it.
fn clear(folder: &Path) {
    // Without a right of root only who may write there can empty it.
    fs::set_permissions(folder, Permissions::from_mode(0o700)).ok();
    fs::remove_dir_all(folder).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_folder_in_memory_that_is_ours_alone_is_taken() {
        let home_id = std::process::id();
        let on_disk = made(Path::new("/proc"), home_id).unwrap_err();
        assert_eq!(on_disk.to_string(), "it is not in memory");
        let place = Path::new("/dev/shm");
        let folder = made(place, home_id).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, PASSAGE);
        assert_eq!(made(place, home_id).unwrap(), folder);
        fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
        let open = made(place, home_id).unwrap_err();
        assert!(open.to_string().ends_with("is not ours alone"), "{open}");
        fs::remove_dir(&folder).unwrap();
        std::os::unix::fs::symlink("/dev", &folder).unwrap();
        assert!(made(place, home_id).is_err());
        fs::remove_file(&folder).unwrap();
    }
}
