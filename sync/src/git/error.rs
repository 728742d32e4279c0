//! What can go wrong between us and a repository.

/// Why the repository could not be read, for conditions, events and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
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
    ConfigurationInvalid,
}

impl Reason {
    /// In CamelCase, as a condition wants it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        todo!()
    }
}

/// Why the tip or the file could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    #[error("the worker of this repository has ended")]
    WorkerEnded,
}

impl GitError {
    #[must_use]
    pub fn reason(&self) -> Reason {
        todo!()
    }

    /// Whether the same call may well go right a little later, without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        todo!()
    }
}
