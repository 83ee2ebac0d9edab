//! Where a group can be made: the hierarchies that are mounted, and the groups of them that we may divide.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

use super::refusal::CgroupError;

/// A controller of the kernel that keeps one of these limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CgroupController {
    /// Memory.
    Memory,
    /// CPU time.
    Cpu,
    /// How many processes there are.
    Pids,
}

impl CgroupController {
    pub(super) const ALL: [Self; 3] = [Self::Memory, Self::Cpu, Self::Pids];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::Pids => "pids",
        }
    }
}

/// How a hierarchy works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CgroupVersion {
    /// A hierarchy for each controller, whose groups may all have processes.
    One,
    /// One for all of them, where only leaves have processes.
    Two,
}

/// A group below which ours can be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CgroupPlace {
    pub(super) folder: PathBuf,
    pub(super) version: CgroupVersion,
    /// Those that are wanted of it.
    pub(super) controllers: Vec<CgroupController>,
}

/// Where the groups of a process are: its own words, and what is mounted.
struct Maps {
    groups: String,
    mounts: String,
}

/// A group of a hierarchy, and where that is mounted.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    mount: PathBuf,
    own: PathBuf,
}

impl Maps {
    fn of(pid: &str) -> Self {
        let read = |path: String| fs::read_to_string(path).unwrap_or_default();
        let mounts = read("/proc/self/mountinfo".into());
        Self { groups: read(format!("/proc/{pid}/cgroup")), mounts }
    }

    /// In version 1, whose hierarchies are named by their controllers.
    fn one(&self, controller: &str) -> Option<Found> {
        let is_it = |list: &str| list.split(',').any(|name| name == controller);
        self.found(is_it, |kind, options| kind == "cgroup" && is_it(options))
    }

    fn two(&self) -> Option<Found> {
        self.found(str::is_empty, |kind, _| kind == "cgroup2")
    }

    fn found(
        &self,
        is_group: impl Fn(&str) -> bool,
        is_mount: impl Fn(&str, &str) -> bool,
    ) -> Option<Found> {
        let path = self.groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            is_group(parts.next()?).then(|| parts.next())?
        })?;
        self.mounts.lines().find_map(|line| {
            let (before, after) = line.split_once(" - ")?;
            let mut after = after.split(' ');
            let (kind, options) = (after.next()?, after.nth(1)?);
            let mut before = before.split(' ').skip(3);
            let (root, mount) = (before.next()?, Path::new(before.next()?));
            // What lies above what is mounted (`/..`) can't be reached.
            let below = Path::new(path).strip_prefix(root).ok()?;
            is_mount(kind, options)
                .then(|| Found { mount: mount.to_owned(), own: mount.join(below) })
        })
    }
}

impl Found {
    /// In version 2 only leaves have processes, and we are in one: what is above it can have another, as can the root.
    fn above(&self) -> impl Iterator<Item = &Path> {
        let steps = usize::from(!is_root(&self.own));
        self.own.ancestors().skip(steps).take_while(|folder| folder.starts_with(&self.mount))
    }
}

/// Whether it is the root of all groups, which is no group itself.
fn is_root(folder: &Path) -> bool {
    !folder.join("cgroup.type").exists()
}

/// Where a group with these controllers can be made.
pub(super) fn find(controllers: &[CgroupController]) -> Result<Vec<CgroupPlace>, CgroupError> {
    let maps = Maps::of("self");
    let (mut places, mut rest) = (Vec::new(), Vec::new());
    for controller in controllers {
        let Some(found) = maps.one(controller.name()) else {
            rest.push(*controller);
            continue;
        };
        writable(&found.own)?;
        let (version, controllers) = (CgroupVersion::One, vec![*controller]);
        places.push(CgroupPlace { folder: found.own, version, controllers });
    }
    if let Some(first) = rest.first() {
        let found = maps.two().ok_or(CgroupError::NotMounted(first.name()))?;
        let mut refused = CgroupError::Inhabited { path: found.own.clone() };
        let mut is_refused = false;
        let suits = found.above().find(|folder| match divisible(folder, &rest) {
            Ok(()) => true,
            // The nearest one says most.
            Err(error) if !is_refused => {
                (refused, is_refused) = (error, true);
                false
            }
            Err(_) => false,
        });
        let folder = suits.ok_or(refused)?.to_owned();
        places.push(CgroupPlace { folder, version: CgroupVersion::Two, controllers: rest });
    }
    Ok(places)
}

/// Whether subgroups with these controllers can be made in a group of version 2.
fn divisible(folder: &Path, controllers: &[CgroupController]) -> Result<(), CgroupError> {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
    let lacks = |all: &str| {
        let lacking = controllers.iter().map(|it| it.name());
        lacking.into_iter().find(|name| all.split_whitespace().all(|one| one != *name))
    };
    if let Some(controller) = lacks(&read("cgroup.controllers")) {
        return Err(CgroupError::NotGiven { path: folder.to_owned(), controller });
    }
    writable(folder)?;
    let is_given = lacks(&read("cgroup.subtree_control")).is_none();
    if !is_given && !is_root(folder) && !read("cgroup.procs").is_empty() {
        return Err(CgroupError::Inhabited { path: folder.to_owned() });
    }
    Ok(())
}

/// Whether we may make folders there, and bring processes to them.
fn writable(folder: &Path) -> Result<(), CgroupError> {
    for path in [folder.to_owned(), folder.join("cgroup.procs")] {
        let refused = |errno: Errno| CgroupError::Denied { path: path.clone(), errno };
        access(&path, Access::WRITE_OK).map_err(refused)?;
    }
    Ok(())
}

/// All groups below which ours may have been made.
pub(super) fn all() -> Vec<PathBuf> {
    let maps = Maps::of("self");
    let ones = CgroupController::ALL.iter().filter_map(|controller| maps.one(controller.name()));
    let mut all: Vec<PathBuf> = ones.map(|found| found.own).collect();
    all.extend(maps.two().iter().flat_map(Found::above).map(Path::to_owned));
    all.sort();
    all.dedup();
    all
}

/// The groups of a process that end so, or whose subgroups it is in.
pub(super) fn of_process(pid: i32, ending: &Path) -> Vec<PathBuf> {
    let maps = Maps::of(&pid.to_string());
    let ones = CgroupController::ALL.iter().filter_map(|controller| maps.one(controller.name()));
    let groups = ones.chain(maps.two());
    let own = |found: Found| {
        found.own.ancestors().find(|folder| folder.ends_with(ending)).map(Path::to_owned)
    };
    let mut all: Vec<PathBuf> = groups.filter_map(own).collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:3 - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    fn found(maps: Option<Found>) -> Option<(String, String)> {
        let text = |path: PathBuf| path.display().to_string();
        maps.map(|found| (text(found.mount), text(found.own)))
    }

    #[test]
    fn groups_of_both_versions_are_found_where_they_are_mounted() {
        let groups = "5:memory:/a/b:c\n2:cpu,cpuacct:/\n0::/user.slice/x.scope\n".into();
        let maps = Maps { groups, mounts: HYBRID.into() };
        let of = |mount: &str, own: &str| Some((mount.to_owned(), own.to_owned()));
        let memory = of("/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/a/b:c");
        assert_eq!(found(maps.one("memory")), memory);
        let cpu = "/sys/fs/cgroup/cpu,cpuacct";
        assert_eq!(found(maps.one("cpu")), of(cpu, &format!("{cpu}/")));
        assert_eq!(found(maps.one("pids")), None);
        let two = "/sys/fs/cgroup/unified";
        assert_eq!(found(maps.two()), of(two, &format!("{two}/user.slice/x.scope")));
    }

    #[test]
    fn what_is_mounted_from_inside_is_seen_from_there() {
        let mounts = "35 31 0:32 /docker/12 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        let maps = |groups: &str| Maps { groups: groups.into(), mounts: mounts.into() };
        let own = maps("0::/docker/12/in\n").two().map(|found| found.own);
        assert_eq!(own, Some(PathBuf::from("/sys/fs/cgroup/in")));
        assert_eq!(maps("0::/../other\n").two(), None, "it lies outside");
    }
}
