//! What a person decides about one mirror.

use std::num::NonZeroUsize;
use std::time::Duration;

use beadlet_store::configmap::Scope;

use crate::decide::writeback::Mode;
use crate::git::{Author, SigningKey, Source};

/// Everything that one mirror is told. A changed one takes effect with the next pass, which it also starts.
#[derive(Clone, Debug)]
pub struct Settings {
    pub source: Source,
    pub scope: Scope,
    /// Time between two looks at the branch; a change seen by the file system, a poke or a signal does not wait for it.
    pub sync_interval: Duration,
    pub prune: Prune,
    pub rejected_lines: RejectedLines,
    /// The commit whose deletions a person lets through: its id, or at least seven digits of it.
    pub allow_delete: Option<String>,
    /// Writes in flight at the same time.
    pub concurrency: NonZeroUsize,
    /// While set, the mirror neither reads the repository nor writes to the cluster.
    pub suspend: bool,
    /// What is committed to the issue file. The mirror itself does not.
    pub write_back: Option<WriteBack>,
}

/// What is committed to the issue file of what Polecats do with its issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteBack {
    pub mode: Mode,
    /// Who commits, where somebody is named.
    pub author: Option<Author>,
    /// Where it goes, if not to the branch that is read.
    pub branch: Option<String>,
    pub signing_key: Option<SigningKey>,
}

/// How much a commit may delete before it waits for a person: both bounds must be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prune {
    /// In percent of the issues mirrored so far, 0 to 100.
    pub max_delete_percent: u8,
    /// In issues.
    pub min_deletes: usize,
}

/// What a revision with lines that cannot be read is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RejectedLines {
    /// The last good state stays until all lines can be read, as the tracker itself does it.
    #[default]
    KeepLastGood,
    /// The other lines are mirrored, and nothing is deleted.
    Skip,
}

impl Default for Prune {
    fn default() -> Self {
        Self {
            max_delete_percent: 20,
            min_deletes: 10,
        }
    }
}

impl Settings {
    /// One HTTP/2 connection carries this many requests at no loss; more in flight were not faster.
    pub const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).unwrap();
    /// For a repository on a local path, where a look at the refs is cheap.
    pub const LOCAL_INTERVAL: Duration = Duration::from_secs(1);
    pub const REMOTE_INTERVAL: Duration = Duration::from_secs(5);

    /// The settings with every choice left open.
    #[must_use]
    pub fn new(source: Source, scope: Scope) -> Self {
        let local = source.url.local_path().is_some();
        Self {
            source,
            scope,
            sync_interval: if local {
                Self::LOCAL_INTERVAL
            } else {
                Self::REMOTE_INTERVAL
            },
            prune: Prune::default(),
            rejected_lines: RejectedLines::default(),
            allow_delete: None,
            concurrency: Self::DEFAULT_CONCURRENCY,
            suspend: false,
            write_back: None,
        }
    }
}
