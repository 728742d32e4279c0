//! The folder in which clones are kept between runs.

use std::fs::{DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

/// Why there is no folder for clones.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("cannot make the folder {} for clones; give one that can be written with --cache-dir", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("{} is not a folder of this user alone, so nothing is kept in it; give another with --cache-dir", path.display())]
    NotOurs { path: PathBuf },
}

/// What of the environment has a say in where the folder is.
#[derive(Clone, Debug, Default)]
pub struct Places {
    pub xdg_cache_home: Option<PathBuf>,
    pub home: Option<PathBuf>,
    pub temporary: PathBuf,
    pub uid: u32,
}

impl Places {
    /// Asks the environment.
    #[must_use]
    pub fn of_process() -> Self {
        let absolute = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self {
            xdg_cache_home: absolute("XDG_CACHE_HOME"),
            home: absolute("HOME").filter(|home| home != Path::new("/")),
            temporary: std::env::temp_dir(),
            uid: rustix::process::getuid().as_raw(),
        }
    }

    /// The folders to try, the best first.
    fn candidates(&self) -> Vec<PathBuf> {
        let xdg = self
            .xdg_cache_home
            .as_ref()
            .map(|cache| cache.join("beadlet"));
        let home = self.home.as_ref().map(|home| home.join(".cache/beadlet"));
        let temporary = self.temporary.join(format!("beadlet-{}", self.uid));
        xdg.or(home).into_iter().chain([temporary]).collect()
    }
}

/// The folder for the clone of one branch of one repository, made where it is missing. Without `given`, in the first of the usual
/// places that can be written.
///
/// # Errors
/// When no folder can be made, or the one in the temporary folder is not this user's alone.
pub fn clone_dir(
    given: Option<&Path>,
    places: &Places,
    url: &str,
    branch: Option<&str>,
) -> Result<PathBuf, CacheError> {
    let name = folder_name(url, branch);
    if let Some(given) = given {
        make(given)?;
        return private(given.join(name), places.uid);
    }
    let [first, rest @ ..] = &places.candidates()[..] else {
        return private(places.temporary.join(name), places.uid);
    };
    let in_place = |place: &PathBuf| {
        private(place.clone(), places.uid).and_then(|place| private(place.join(&name), places.uid))
    };
    in_place(first).or_else(|error| {
        rest.iter()
            .find_map(|place| in_place(place).ok())
            .ok_or(error)
    })
}

/// The folder under which a controller keeps its clones. Without `given`, in the first of the usual places that can be written.
///
/// # Errors
/// As [`clone_dir`].
pub fn clones_dir(given: Option<&Path>, places: &Places) -> Result<PathBuf, CacheError> {
    if let Some(given) = given {
        make(given)?;
        return Ok(given.to_owned());
    }
    let mut made = places
        .candidates()
        .into_iter()
        .map(|place| private(place, places.uid));
    let first = made
        .next()
        .unwrap_or_else(|| private(places.temporary.clone(), places.uid));
    first.or_else(|error| made.find_map(Result::ok).ok_or(error))
}

/// The same repository and branch always get the same folder, others never do.
fn folder_name(url: &str, branch: Option<&str>) -> String {
    let digest = Sha256::new()
        .chain_update(url)
        .chain_update([0])
        .chain_update(branch.unwrap_or_default())
        .finalize();
    HEXLOWER.encode(&digest[..12])
}

/// A folder of this user alone, made where it is missing.
fn private(path: PathBuf, uid: u32) -> Result<PathBuf, CacheError> {
    make(&path)?;
    let found = path.symlink_metadata().map_err(|source| CacheError::Make {
        path: path.clone(),
        source,
    })?;
    if is_private(&found, uid) {
        Ok(path)
    } else {
        Err(CacheError::NotOurs { path })
    }
}

fn make(path: &Path) -> Result<(), CacheError> {
    let failed = |source| CacheError::Make {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)
}

/// A folder that nobody else can put something into.
fn is_private(found: &Metadata, uid: u32) -> bool {
    found.is_dir() && found.uid() == uid && found.mode() & 0o022 == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn places(temporary: &Path) -> Places {
        Places {
            temporary: temporary.to_owned(),
            uid: rustix::process::getuid().as_raw(),
            ..Places::default()
        }
    }

    #[test]
    fn the_folder_is_private_and_the_same_every_time() {
        let root = tempfile::tempdir().expect("folder");
        let places = Places {
            home: Some(root.path().join("home")),
            ..places(root.path())
        };
        let dir =
            |branch| clone_dir(None, &places, "https://example.com/x", branch).expect("folder");
        let first = dir(None);
        assert!(first.starts_with(root.path().join("home/.cache/beadlet")));
        assert_eq!(
            first.metadata().expect("folder").permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(dir(None), first);
        assert_ne!(dir(Some("beads-sync")), first);
    }

    #[test]
    fn a_home_that_cannot_be_written_falls_back_to_the_temporary_folder() {
        let root = tempfile::tempdir().expect("folder");
        std::fs::write(root.path().join("home"), "not a folder").expect("file");
        let places = Places {
            home: Some(root.path().join("home")),
            ..places(root.path())
        };
        let dir = clone_dir(None, &places, "https://example.com/x", None).expect("folder");
        assert!(dir.starts_with(root.path().join(format!("beadlet-{}", places.uid))));
    }

    #[test]
    fn a_folder_that_somebody_else_could_have_prepared_is_refused() {
        let root = tempfile::tempdir().expect("folder");
        let places = places(root.path());
        let shared = root.path().join(format!("beadlet-{}", places.uid));
        std::fs::create_dir(&shared).expect("folder");
        std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o777)).expect("mode");
        let refused = clone_dir(None, &places, "x", None)
            .expect_err("writable by all")
            .to_string();
        assert!(refused.contains("--cache-dir"), "{refused}");
        std::fs::remove_dir(&shared).expect("folder");
        symlink("/", &shared).expect("link");
        assert!(matches!(
            clone_dir(None, &places, "x", None),
            Err(CacheError::NotOurs { .. })
        ));
    }
}
