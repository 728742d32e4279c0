//! The repository that holds the issue file: where it is, what its tip is, and what the file says there.
//!
//! A repository on a local path is opened in place and never written. A remote one is kept as a bare clone of one ref, and
//! fetched only when the server advertises another commit than the one last seen.

mod cache;
mod checkouts;
mod commit;
mod error;
mod identity;
mod local;
mod origin;
mod read;
mod repository;
mod revise;
mod signature;
mod source;
mod thread;
mod worker;

use beadlet_git::{Access, ExchangeError, Limits, Place, Wire, is_disk_full};
pub use beadlet_git::{
    Auth, CaBundle, GitUrl, KnownHosts, Proxy, Secret, SettingsError, UrlError, WireError,
    known_hosts, webhook,
};
pub use cache::CacheError;
pub use commit::{CommitId, CommitIdError};
pub use error::{GitError, Reason};
pub use identity::identity;
pub(crate) use local::git_dirs;
pub use repository::{Repository, Snapshot, Tip};
pub use revise::{Aside, Author, Onto, Published, Revision};
pub use signature::{SigningKey, SigningKeyError};
pub use source::Source;
