//! The repository that holds the issue file: where it is, what its tip is, and what the file says there.
//!
//! A repository on a local path is opened in place and never written. A remote one is kept as a bare clone of one ref, and
//! fetched only when the server advertises another commit than the one last seen.

mod cache;
mod commit;
mod error;
pub mod known_hosts;
mod local;
mod origin;
mod read;
mod repository;
mod secret;
mod source;
mod thread;
mod url;
mod wire;
mod worker;

pub use cache::CacheError;
pub use commit::{CommitId, CommitIdError};
pub use error::{GitError, Reason};
pub use known_hosts::KnownHosts;
pub(crate) use local::git_dirs;
pub use repository::{Repository, Snapshot, Tip};
pub use secret::Secret;
pub use source::{Auth, CaBundle, Proxy, SettingsError, Source};
pub use url::{GitUrl, UrlError};
pub use wire::WireError;
