//! The control groups that the kubelet puts pods into: one of our own in each hierarchy (v1), or one in the only hierarchy (v2).

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// How long processes that were killed may take to leave their group.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

/// Where hierarchies are mounted.
pub(super) fn roots() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let root = |line: &str| {
        let mut words = line.split(' ').skip(1);
        let (folder, kind) = (words.next()?, words.next()?);
        matches!(kind, "cgroup" | "cgroup2").then(|| PathBuf::from(folder))
    };
    mounts.lines().filter_map(root).collect()
}

/// Makes the group `name` in every hierarchy. One that is there already is taken.
pub(super) fn make(name: &str) -> Result<()> {
    for root in roots() {
        let group = root.join(name);
        fs::create_dir_all(&group)
            .with_context(|| format!("cannot make the control group {}", group.display()))?;
        // In v1 a new cpuset is empty, and nothing can run in it.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if let Ok(all) = fs::read(root.join(file)) {
                fs::write(group.join(file), all)
                    .with_context(|| format!("cannot fill {file} of {}", group.display()))?;
            }
        }
    }
    Ok(())
}

/// Removes the group `name` and those in it from every hierarchy, as soon as nobody is in them.
pub(super) fn remove(name: &str) {
    for group in roots()
        .iter()
        .map(|root| root.join(name))
        .filter(|group| group.is_dir())
    {
        let end = Instant::now() + PATIENCE;
        while !remove_tree(&group) && Instant::now() < end {
            thread::sleep(LOOK);
        }
    }
}

/// Whether the group and those in it are gone. Its files are the kernel's: only folders are removed.
fn remove_tree(group: &Path) -> bool {
    let entries = fs::read_dir(group).into_iter().flatten().flatten();
    let below = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    below
        .map(|entry| remove_tree(&entry.path()))
        .fold(true, |all, one| all & one)
        && fs::remove_dir(group).is_ok()
}
