//! Whether anything in a work tree changed lately.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The time of a change below `root` after `since`, the first that is met; `None` when there is none. Folders count, so that a file that
/// was removed is a change too. Times in the future are left aside, and so is what cannot be read. Links are not followed.
#[must_use]
pub(crate) fn change_since(root: &Path, since: SystemTime, now: SystemTime) -> Option<SystemTime> {
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        let found = entries
            .flatten()
            .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
        for (path, metadata) in found.chain(
            std::fs::symlink_metadata(&folder)
                .ok()
                .map(|own| (folder.clone(), own)),
        ) {
            if let Some(at) = [modified(&metadata), changed(&metadata)]
                .into_iter()
                .flatten()
                .find(|&at| at > since && at <= now)
            {
                return Some(at);
            }
            if metadata.is_dir() && path != folder {
                folders.push(path);
            }
        }
    }
    None
}

fn modified(metadata: &std::fs::Metadata) -> Option<SystemTime> {
    metadata.modified().ok()
}

/// When the file's name, owner, mode or content last changed.
fn changed(metadata: &std::fs::Metadata) -> Option<SystemTime> {
    let seconds = u64::try_from(metadata.ctime()).ok()?;
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/file"), "1").unwrap();
        folder
    }

    /// A time after everything that was written until now, whatever the granularity of the file system's clock.
    fn after(folder: &Path) -> SystemTime {
        let probe = folder.join("probe");
        std::fs::write(&probe, "").unwrap();
        let at = std::fs::metadata(&probe).unwrap().modified().unwrap();
        std::fs::remove_file(&probe).unwrap();
        at + Duration::from_millis(20)
    }

    fn far(now: SystemTime) -> SystemTime {
        now + Duration::from_secs(60)
    }

    #[test]
    fn untouched_tree_has_no_change() {
        let tree = tree();
        let since = after(tree.path());
        assert_eq!(change_since(tree.path(), since, far(since)), None);
    }

    #[test]
    fn file_written_deep_down_is_a_change() {
        let tree = tree();
        let since = after(tree.path());
        let file = std::fs::File::options()
            .write(true)
            .open(tree.path().join("a/b/file"))
            .unwrap();
        file.set_modified(since + Duration::from_secs(1)).unwrap();
        assert_eq!(
            change_since(tree.path(), since, far(since)),
            Some(since + Duration::from_secs(1))
        );
    }

    #[test]
    fn file_of_the_future_is_no_change() {
        let tree = tree();
        let since = after(tree.path());
        let file = std::fs::File::options()
            .write(true)
            .open(tree.path().join("a/b/file"))
            .unwrap();
        file.set_modified(far(since) + Duration::from_secs(1))
            .unwrap();
        assert_eq!(change_since(tree.path(), since, far(since)), None);
    }

    #[test]
    fn tree_that_is_gone_has_no_change() {
        assert_eq!(
            change_since(
                Path::new("/no/such/tree"),
                SystemTime::UNIX_EPOCH,
                SystemTime::now()
            ),
            None
        );
    }
}
