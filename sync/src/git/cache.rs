//! The bare clone that is kept of a remote repository.
//!
//! It holds one ref a purpose and grows by one pack a fetch. Whatever is wrong with it (a crash, a full disk, a flipped bit), and when it
//! has grown too much, it is replaced by a new clone, which is made beside it and then takes its name.

use std::collections::HashMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};

use data_encoding::HEXLOWER;
use git2::{AutotagOption, FetchOptions, Repository};
use sha2::{Digest as _, Sha256};

use super::{CommitId, ExchangeError, Limits, Reason, Wire, is_disk_full};

/// Every object may have to be looked for in every pack.
const MAX_PACKS: usize = 64;

/// Each pack is completed with what its deltas start from, so it may be as large as the first one. The clone may have this many times the
/// size of its largest pack, and [`SLACK`] beside it.
const MAX_GROWTH: u64 = 8;
const SLACK: u64 = 64 << 20;

/// Why the clone cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    #[error("cannot use the cache folder {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("cannot use the clone at {}: {}", path.display(), error.message())]
    Git { path: PathBuf, error: git2::Error },
    #[error("the cache folder {} is in use by another process: give each source a folder of its own", path.display())]
    Busy { path: PathBuf },
    #[error("no space is left for the clone in {}: make space or give it a larger volume", path.display())]
    DiskFull { path: PathBuf },
}

impl CacheError {
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Io { .. } | Self::Git { .. } | Self::Busy { .. } => Reason::CacheUnusable,
            Self::DiskFull { .. } => Reason::DiskFull,
        }
    }
}

/// Why a commit did not get into the clone.
pub(crate) enum FetchError {
    Exchange(super::WireError),
    Cache(CacheError),
}

/// What is to be in the clone.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The ref of the server.
    pub(crate) reference: &'a str,
    /// Where it stands.
    pub(crate) commit: CommitId,
    /// The ref that keeps it in the clone.
    pub(crate) keep_as: &'a str,
    pub(crate) depth: NonZeroU32,
}

/// The folder of a source. Sources of one URL in this process may share it; other processes are kept out by a lock.
pub(crate) struct Cache {
    folder: PathBuf,
    clone: PathBuf,
    held: Arc<Held>,
}

/// A folder that this process holds.
pub(crate) struct Held {
    _lock: File,
    /// Whoever works on the clone, or reads from it, has the turn.
    turn: Mutex<()>,
}

impl Held {
    /// Waits until nobody else works on the clone.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folders that this process holds.
static HELD: LazyLock<Mutex<HashMap<PathBuf, Weak<Held>>>> = LazyLock::new(Mutex::default);

impl Cache {
    /// Takes the folder for the repository `url` and removes what others have left in it.
    pub(crate) fn open(folder: &Path, url: &str) -> Result<Self, CacheError> {
        let failed = |error: io::Error| io_error(folder, error);
        fs::create_dir_all(folder).map_err(failed)?;
        let folder = &folder.canonicalize().map_err(failed)?;
        let name = HEXLOWER.encode(&Sha256::digest(url)[..8]);
        let clone = folder.join(format!("clone-{name}.git"));
        let mut all = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = all.get(folder).and_then(Weak::upgrade) {
            return Ok(Self {
                folder: folder.clone(),
                clone,
                held,
            });
        }
        let held = Arc::new(Held {
            _lock: lock(folder)?,
            turn: Mutex::new(()),
        });
        all.retain(|_, held| held.strong_count() > 0);
        all.insert(folder.clone(), Arc::downgrade(&held));
        let cache = Self {
            folder: folder.clone(),
            clone,
            held,
        };
        cache.tidy().map_err(failed)?;
        Ok(cache)
    }

    /// The folder, to be held while something is read from it.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }

    /// Clones of another URL, and what a crash has left half done. Nothing that does not look like ours.
    fn tidy(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let ours = name.starts_with("clone-") && name.ends_with(".git")
                || name.starts_with("new-")
                || name.starts_with("old-");
            if ours && path != self.clone && path.is_dir() {
                fs::remove_dir_all(&path)?;
            }
        }
        Ok(())
    }

    pub(crate) fn repository(&self) -> Result<Repository, CacheError> {
        Repository::open(&self.clone).map_err(|error| CacheError::Git {
            path: self.clone.clone(),
            error,
        })
    }

    /// Gets the commit into the clone, from the server if it is not there yet. When the ref has moved on meanwhile, the commit where it
    /// stands now, which is given back.
    pub(crate) fn fetch(
        &self,
        wire: &Wire,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<CommitId, FetchError> {
        let repository = match self.repository() {
            Ok(repository) if !outgrown(&self.packs()) => repository,
            _ => return self.renew(wire, wanted, limits),
        };
        if repository.find_commit(wanted.commit.0).is_ok() {
            return Ok(wanted.commit);
        }
        match fetch_into(&repository, wire, wanted, limits) {
            Ok(commit) => Ok(commit),
            Err(ExchangeError::Wire(error)) => Err(FetchError::Exchange(error)),
            Err(ExchangeError::Local(error)) if is_disk_full(&error) => {
                Err(FetchError::Cache(self.git_error(error)))
            }
            Err(ExchangeError::Local(error)) => {
                tracing::warn!(clone = %self.clone.display(), error = error.message(), "the clone is damaged and made anew");
                drop(repository);
                self.renew(wire, wanted, limits)
            }
        }
    }

    /// Makes a new clone and puts it in the place of the old one.
    pub(crate) fn renew(
        &self,
        wire: &Wire,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<CommitId, FetchError> {
        let io = |error: io::Error| FetchError::Cache(io_error(&self.folder, error));
        let new = tempfile::Builder::new()
            .prefix("new-")
            .tempdir_in(&self.folder)
            .map_err(io)?;
        let bare = new.path().join("clone.git");
        let commit = Repository::init_bare(&bare)
            .map_err(ExchangeError::Local)
            .and_then(|repository| fetch_into(&repository, wire, wanted, limits))
            .map_err(|error| match error {
                ExchangeError::Wire(error) => FetchError::Exchange(error),
                ExchangeError::Local(error) => FetchError::Cache(self.git_error(error)),
            })?;
        self.put(&bare).map_err(io)?;
        Ok(commit)
    }

    /// A crash in between leaves no clone or a whole one.
    fn put(&self, bare: &Path) -> io::Result<()> {
        let old = tempfile::Builder::new()
            .prefix("old-")
            .tempdir_in(&self.folder)?;
        match fs::rename(&self.clone, old.path().join("clone.git")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::rename(bare, &self.clone)
    }

    /// The sizes of the packs.
    fn packs(&self) -> Vec<u64> {
        let entries = fs::read_dir(self.clone.join("objects/pack"))
            .into_iter()
            .flatten()
            .flatten();
        entries
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|extension| extension == "pack")
            })
            .filter_map(|entry| entry.metadata().ok().map(|metadata| metadata.len()))
            .collect()
    }

    fn git_error(&self, error: git2::Error) -> CacheError {
        if is_disk_full(&error) {
            CacheError::DiskFull {
                path: self.folder.clone(),
            }
        } else {
            CacheError::Git {
                path: self.clone.clone(),
                error,
            }
        }
    }
}

fn lock(folder: &Path) -> Result<File, CacheError> {
    let failed = |error: io::Error| io_error(folder, error);
    let lock = File::create(folder.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(CacheError::Busy {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

fn fetch_into(
    repository: &Repository,
    wire: &Wire,
    wanted: Wanted<'_>,
    limits: &Limits,
) -> Result<CommitId, ExchangeError> {
    let Wanted {
        reference,
        keep_as,
        depth,
        ..
    } = wanted;
    wire.exchange(Some(repository), limits, |remote| {
        let mut options = FetchOptions::new();
        options.depth(i32::try_from(depth.get()).unwrap_or(i32::MAX));
        options
            .download_tags(AutotagOption::None)
            .update_fetchhead(false);
        remote.fetch(
            &[format!("+{reference}:{keep_as}")],
            Some(&mut options),
            None,
        )
    })?;
    let commit = repository
        .find_reference(keep_as)
        .and_then(|kept| kept.peel_to_commit())
        .map_err(ExchangeError::Local)?;
    Ok(CommitId(commit.id()))
}

fn outgrown(packs: &[u64]) -> bool {
    let largest = packs.iter().copied().max().unwrap_or(0);
    packs.len() > MAX_PACKS
        || packs.iter().sum::<u64>() > largest.saturating_mul(MAX_GROWTH).saturating_add(SLACK)
}

fn io_error(folder: &Path, error: io::Error) -> CacheError {
    let path = folder.to_owned();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CacheError::DiskFull { path },
        _ => CacheError::Io { path, error },
    }
}

#[cfg(test)]
mod tests;
