//! All rings of a home, and that together they take no more than they may.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FallocateFlags, fallocate};

use crate::past;
use crate::ring::HistoryTier;
use crate::store;

struct RingOnDisk {
    path: PathBuf,
    bytes: u64,
    changed: SystemTime,
    is_living: bool,
}

/// Makes the folder.
pub(crate) fn make(root: &Path) -> io::Result<()> {
    store::folder(root)?;
    DirBuilder::new().mode(0o700).recursive(true).create(past::folder(root))
}

/// Has them take so many bytes at most: those of apps that are gone go first, longest unchanged before others; then the finest
/// steps of all, then those of five minutes; then whole ones.
pub(crate) fn shrink(root: &Path, living: &[PathBuf], most: u64) -> io::Result<()> {
    let mut rings = all(root, living)?;
    let mut over = rings.iter().map(|ring| ring.bytes).sum::<u64>().saturating_sub(most);
    rings.sort_by_key(|ring| (ring.is_living, ring.changed));
    let (gone, kept) = rings.split_at(rings.iter().filter(|ring| !ring.is_living).count());
    remove(gone, &mut over)?;
    for tier in [HistoryTier::Fine, HistoryTier::Middle] {
        if over == 0 {
            return Ok(());
        }
        for ring in kept {
            over = over.saturating_sub(empty(&ring.path, tier)?);
        }
    }
    remove(kept, &mut over)
}

fn remove(rings: &[RingOnDisk], over: &mut u64) -> io::Result<()> {
    for ring in rings {
        if *over == 0 {
            break;
        }
        fs::remove_file(&ring.path)?;
        *over = over.saturating_sub(ring.bytes);
    }
    Ok(())
}

/// Makes gaps of all steps of one ring; says how much room that made.
fn empty(path: &Path, tier: HistoryTier) -> io::Result<u64> {
    let file = OpenOptions::new().write(true).open(path)?;
    let before = on_disk(&file.metadata()?);
    let area = tier.area();
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(&file, flags, area.start, area.end - area.start)?;
    Ok(before.saturating_sub(on_disk(&file.metadata()?)))
}

fn all(root: &Path, living: &[PathBuf]) -> io::Result<Vec<RingOnDisk>> {
    let mut rings = Vec::new();
    for entry in fs::read_dir(past::folder(root))? {
        let entry = entry?;
        let (path, meta) = (entry.path(), entry.metadata()?);
        if meta.is_file() {
            let is_living = living.contains(&path);
            rings.push(RingOnDisk {
                bytes: on_disk(&meta),
                changed: meta.modified()?,
                is_living,
                path,
            });
        }
    }
    Ok(rings)
}

/// What is written of a file; holes take nothing (`stat(2)`: blocks of 512 bytes).
fn on_disk(meta: &fs::Metadata) -> u64 {
    meta.blocks() * 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::RingFile;
    use crate::step::{StepSum, UsageSample};

    #[test]
    fn the_gone_go_first_and_then_the_finest_steps() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        make(root).unwrap();
        let paths: Vec<_> =
            ["gone", "web", "db"].map(|name| past::file(root, name, 0).unwrap()).into();
        let sum = StepSum::of(UsageSample { cpu: 1, memory: 2, processes: 3 });
        let seen: Vec<_> = (1..4000).map(|step| (step, sum)).collect();
        for path in &paths {
            RingFile::to_write(path).unwrap().0.write(&seen).unwrap();
        }
        let size = |path: &PathBuf| fs::metadata(path).map_or(0, |meta| on_disk(&meta));
        let total = || paths.iter().map(size).sum::<u64>();
        shrink(root, &paths[1..], total()).unwrap();
        assert!(paths.iter().all(|path| path.exists()), "it is little enough");
        shrink(root, &paths[1..], total() - 1).unwrap();
        assert_eq!(paths.iter().map(|path| path.exists()).collect::<Vec<_>>(), [false, true, true]);
        let before = total();
        shrink(root, &paths[1..], before - 1).unwrap();
        assert!(total() < before && paths[1].exists());
        let ring = RingFile::open(&paths[1]).unwrap().unwrap();
        let samples = |tier| -> u64 {
            let steps = ring.read(tier, ring.known(tier, 0..4000)).unwrap();
            steps.iter().map(|it| u64::from(it.samples)).sum()
        };
        assert_eq!(samples(HistoryTier::Fine), 0);
        assert!(samples(HistoryTier::Middle) > 3900);
        shrink(root, &paths[1..], 0).unwrap();
        assert_eq!(total(), 0);
    }
}
