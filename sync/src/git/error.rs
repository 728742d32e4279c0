//! What can go wrong between us and the issue file.

use std::time::Duration;

use super::cache::CacheError;
use super::{SettingsError, WireError};
use crate::decide::branch::BranchError;
use crate::decide::path::PathError;

/// Why the repository could not be read, for conditions, events and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    RepositoryNotFound,
    RepositoryUnreadable,
    RepositoryEmpty,
    BranchNotFound,
    PathNotFound,
    PathNotAFile,
    FileTooLarge,
    DoltOnly,
    ServerUnreachable,
    ServerFailed,
    TimedOut,
    CertificateRefused,
    HostKeyUnknown,
    HostKeyChanged,
    HostKeyRevoked,
    AuthenticationFailed,
    AccessDenied,
    ProxyFailed,
    CacheUnusable,
    DiskFull,
    SettingsInvalid,
    WorkerEnded,
    RepositoryUnwritable,
}

impl Reason {
    /// In CamelCase, as a condition wants it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RepositoryNotFound => "RepositoryNotFound",
            Self::RepositoryUnreadable => "RepositoryUnreadable",
            Self::RepositoryEmpty => "RepositoryEmpty",
            Self::BranchNotFound => "BranchNotFound",
            Self::PathNotFound => "PathNotFound",
            Self::PathNotAFile => "PathNotAFile",
            Self::FileTooLarge => "FileTooLarge",
            Self::DoltOnly => "DoltOnly",
            Self::ServerUnreachable => "ServerUnreachable",
            Self::ServerFailed => "ServerFailed",
            Self::TimedOut => "TimedOut",
            Self::CertificateRefused => "CertificateRefused",
            Self::HostKeyUnknown => "HostKeyUnknown",
            Self::HostKeyChanged => "HostKeyChanged",
            Self::HostKeyRevoked => "HostKeyRevoked",
            Self::AuthenticationFailed => "AuthenticationFailed",
            Self::AccessDenied => "AccessDenied",
            Self::ProxyFailed => "ProxyFailed",
            Self::CacheUnusable => "CacheUnusable",
            Self::DiskFull => "DiskFull",
            Self::SettingsInvalid => "SettingsInvalid",
            Self::WorkerEnded => "WorkerEnded",
            Self::RepositoryUnwritable => "RepositoryUnwritable",
        }
    }
}

impl From<beadlet_git::Reason> for Reason {
    fn from(reason: beadlet_git::Reason) -> Self {
        use beadlet_git::Reason as Of;
        match reason {
            Of::RepositoryNotFound => Self::RepositoryNotFound,
            Of::ServerUnreachable => Self::ServerUnreachable,
            Of::ServerFailed => Self::ServerFailed,
            Of::TimedOut => Self::TimedOut,
            Of::CertificateRefused => Self::CertificateRefused,
            Of::HostKeyUnknown => Self::HostKeyUnknown,
            Of::HostKeyChanged => Self::HostKeyChanged,
            Of::HostKeyRevoked => Self::HostKeyRevoked,
            Of::AuthenticationFailed => Self::AuthenticationFailed,
            Of::AccessDenied => Self::AccessDenied,
            Of::ProxyFailed => Self::ProxyFailed,
            Of::SettingsInvalid => Self::SettingsInvalid,
        }
    }
}

/// Why the tip or the file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    #[error("no git repository at {place}{hint}")]
    NoRepository { place: String, hint: String },
    #[error("cannot read the repository at {place}: {}", error.message())]
    Unreadable { place: String, error: git2::Error },
    #[error(
        "{object} is missing from the repository at {place}: a partial clone cannot be read, fetch without --filter"
    )]
    MissingObject { place: String, object: git2::Oid },
    #[error(transparent)]
    Branch(BranchError),
    #[error(transparent)]
    Path(PathError),
    #[error(
        "{path} has {size} bytes, more than the limit of {limit}: raise the limit if that is an issue file"
    )]
    TooLarge { path: String, size: u64, limit: u64 },
    #[error(transparent)]
    Settings(SettingsError),
    #[error("{place}: {error}")]
    Wire { place: String, error: WireError },
    #[error(transparent)]
    Cache(CacheError),
    #[error(
        "{place} did not answer within {limit:?}, and the attempt could not be ended: it is left behind"
    )]
    Hung { place: String, limit: Duration },
    #[error("cannot write to the repository at {place}: {}", error.message())]
    Unwritable { place: String, error: git2::Error },
    #[error("the thread that reads {place} has ended: a new one is started for the next call")]
    WorkerEnded { place: String },
}

impl GitError {
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoRepository { .. } => Reason::RepositoryNotFound,
            Self::Unreadable { .. } | Self::MissingObject { .. } => Reason::RepositoryUnreadable,
            Self::Branch(BranchError::Empty) => Reason::RepositoryEmpty,
            Self::Branch(BranchError::Missing { .. } | BranchError::NoHead { .. }) => {
                Reason::BranchNotFound
            }
            Self::Path(error) => path_reason(error),
            Self::TooLarge { .. } => Reason::FileTooLarge,
            Self::Settings(_) => Reason::SettingsInvalid,
            Self::Wire { error, .. } => error.reason().into(),
            Self::Cache(error) => error.reason(),
            Self::Hung { .. } => Reason::TimedOut,
            Self::WorkerEnded { .. } => Reason::WorkerEnded,
            Self::Unwritable { .. } => Reason::RepositoryUnwritable,
        }
    }

    /// Whether the same call may well go right a little later without a change to the repository or the settings.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Wire { error, .. } => error.is_transient(),
            Self::Cache(_) | Self::Hung { .. } | Self::WorkerEnded { .. } => true,
            _ => false,
        }
    }
}

fn path_reason(error: &PathError) -> Reason {
    match error {
        PathError::Setting(_) | PathError::Redirect(_) => Reason::SettingsInvalid,
        PathError::Absent { .. } => Reason::PathNotFound,
        PathError::Directory { .. } | PathError::Symlink { .. } | PathError::Submodule { .. } => {
            Reason::PathNotAFile
        }
        PathError::DoltOnly { .. } => Reason::DoltOnly,
    }
}
