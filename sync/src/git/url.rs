//! The forms in which a repository can be named.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Secret;

/// A repository: a local path, `file://`, `https://`, `http://`, `ssh://` or `user@host:path`.
///
/// Shown without the password it may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl {
    pub(crate) place: Place,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Local(PathBuf),
    Remote {
        username: Option<String>,
        password: Option<Secret>,
    },
}

/// Why a text does not name a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("no repository is named")]
    Empty,
}

impl GitUrl {
    /// The path, if the repository is on this machine.
    #[must_use]
    pub fn local_path(&self) -> Option<&std::path::Path> {
        match &self.place {
            Place::Local(path) => Some(path),
            Place::Remote { .. } => None,
        }
    }
}

impl FromStr for GitUrl {
    type Err = UrlError;

    fn from_str(_text: &str) -> Result<Self, UrlError> {
        todo!()
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
