//! Control groups: what all processes of a run together may use, `cgroups(7)`.
//!
//! Each run with such limits has a group of its own, below a folder of the home's beside or below the group we are in
//! ourselves, in version 2 or, where its controllers are there, in version 1. Its first process enters before it executes, so
//! that nothing of the run was ever outside.

mod place;
mod refusal;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use crate::tag::Tag;
use place::{CgroupController, CgroupPlace, CgroupVersion};
pub use refusal::CgroupError;

/// What all processes of a run together may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupLimits {
    /// Memory in bytes, files in memory included.
    pub memory: Option<u64>,
    /// CPU time in thousandths of one CPU.
    pub cpus: Option<u32>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// The group of a run: its folders, one in version 2, one for each controller in version 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cgroup {
    folders: Vec<PathBuf>,
}

/// The doors of a group: who writes 0 into them is in.
#[derive(Debug)]
pub struct Entrances(pub(crate) Vec<OwnedFd>);

impl GroupLimits {
    fn controllers(&self) -> Vec<CgroupController> {
        let is_asked = |controller: &CgroupController| match controller {
            CgroupController::Memory => self.memory.is_some(),
            CgroupController::Cpu => self.cpus.is_some(),
            CgroupController::Pids => self.pids.is_some(),
        };
        CgroupController::ALL.into_iter().filter(is_asked).collect()
    }

    /// What is to be written where.
    fn settings(
        &self,
        controller: CgroupController,
        version: CgroupVersion,
    ) -> Vec<(&'static str, String)> {
        // Microseconds; the kernel's own default.
        const PERIOD: u64 = 100_000;
        let quota = self.cpus.map_or(0, |cpus| u64::from(cpus) * PERIOD / 1000);
        let memory = self.memory.unwrap_or(u64::MAX).to_string();
        let pids = self.pids.unwrap_or(u32::MAX).to_string();
        match (controller, version) {
            (CgroupController::Memory, CgroupVersion::Two) => vec![("memory.max", memory)],
            (CgroupController::Memory, CgroupVersion::One) => {
                vec![("memory.limit_in_bytes", memory)]
            }
            (CgroupController::Cpu, CgroupVersion::Two) => {
                vec![("cpu.max", format!("{quota} {PERIOD}"))]
            }
            (CgroupController::Cpu, CgroupVersion::One) => vec![
                ("cpu.cfs_period_us", PERIOD.to_string()),
                ("cpu.cfs_quota_us", quota.to_string()),
            ],
            (CgroupController::Pids, _) => vec![("pids.max", pids)],
        }
    }

    /// Why no group with these limits can be made here, as far as that is known before it is tried.
    pub fn denied(&self) -> Option<CgroupError> {
        place::find(&self.controllers()).err()
    }
}

/// The folder of a home's groups.
fn home_folder(tag: Tag) -> String {
    format!("pm-{:08x}", tag.home())
}

impl Cgroup {
    /// Makes the group of a run that is about to begin. Nothing is left over where that fails.
    pub fn make(tag: Tag, limits: &GroupLimits) -> Result<(Self, Entrances), CgroupError> {
        let mut group = Self::default();
        match group.dig(tag, limits) {
            Ok(doors) => Ok((group, Entrances(doors))),
            Err(error) => {
                group.remove();
                Err(error)
            }
        }
    }

    fn dig(&mut self, tag: Tag, limits: &GroupLimits) -> Result<Vec<OwnedFd>, CgroupError> {
        let mut doors = Vec::new();
        for CgroupPlace { folder, version, controllers } in place::find(&limits.controllers())? {
            let of_home = folder.join(home_folder(tag));
            if version == CgroupVersion::Two {
                give(&folder, &controllers)?;
            }
            make_folder(&of_home)?;
            if version == CgroupVersion::Two {
                give(&of_home, &controllers)?;
            }
            let own = of_home.join(tag.run().to_string());
            if !self.folders.contains(&own) {
                // Left by a home that lost its numbers.
                remove_all(&own);
                make_folder(&own)?;
                self.folders.push(own.clone());
                doors.push(opened(&own.join("cgroup.procs"))?.into());
            }
            for controller in controllers {
                for (file, value) in limits.settings(controller, version) {
                    set(&own.join(file), &value)?;
                }
            }
        }
        Ok(doors)
    }

    /// The group of a run that lives, found by its process, or else where we would make it now; `None`: it has none.
    pub fn find(tag: Tag, pid: i32) -> Option<Self> {
        let ending = format!("{}/{}", home_folder(tag), tag.run());
        let of_process = place::of_process(pid, Path::new(&ending));
        let folders = match of_process {
            found if !found.is_empty() => found,
            _ => place::all().into_iter().map(|folder| folder.join(&ending)).collect(),
        };
        let folders: Vec<_> = folders.into_iter().filter(|folder| folder.is_dir()).collect();
        (!folders.is_empty()).then_some(Self { folders })
    }

    /// The limit of memory, in bytes, for which the kernel has killed somebody of the run.
    pub fn killed_at(&self) -> Option<u64> {
        self.folders.iter().find_map(|folder| {
            let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
            let events = read("memory.events").or_else(|| read("memory.oom_control"))?;
            let count = events.lines().find_map(|line| line.strip_prefix("oom_kill "))?;
            let limit = read("memory.max").or_else(|| read("memory.limit_in_bytes"))?;
            (count.trim() != "0").then(|| limit.trim().parse().ok())?
        })
    }

    /// Takes it away, if nobody is in it any more.
    pub fn remove(&self) {
        for folder in &self.folders {
            remove_all(folder);
            // That of the home goes with its last.
            folder.parent().map(fs::remove_dir);
        }
    }
}

/// Takes away the empty groups of runs that nobody knows any more: who would have done it was killed.
pub fn sweep(home: u32, known: &BTreeSet<u32>) {
    let any = Tag::new(home, 0);
    for folder in place::all().into_iter().map(|folder| folder.join(home_folder(any))) {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let run = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if run.is_some_and(|run: u32| !known.contains(&run)) {
                remove_all(&entry.path());
            }
        }
        fs::remove_dir(&folder).ok();
    }
}

/// A group with those that its processes have made below it. One that is not empty stays.
fn remove_all(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_all(&entry.path());
    }
    fs::remove_dir(folder).ok();
}

fn make_folder(path: &Path) -> Result<(), CgroupError> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(CgroupError::denied(path, &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn opened(path: &Path) -> Result<File, CgroupError> {
    let opened = OpenOptions::new().write(true).open(path);
    opened.map_err(|error| CgroupError::denied(path, &error))
}

fn set(path: &Path, value: &str) -> Result<(), CgroupError> {
    let written = opened(path)?.write_all(value.as_bytes());
    written.map_err(|error| CgroupError::denied(path, &error))
}

/// Has the subgroups of a group of version 2 have these controllers.
fn give(folder: &Path, controllers: &[CgroupController]) -> Result<(), CgroupError> {
    let file = folder.join("cgroup.subtree_control");
    let given = fs::read_to_string(&file).unwrap_or_default();
    for controller in controllers {
        if !given.split_whitespace().any(|name| name == controller.name()) {
            set(&file, &format!("+{}", controller.name()))?;
        }
    }
    Ok(())
}
