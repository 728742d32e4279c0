//! What can go wrong with a server.

use beadlet_git::{ExchangeError, Reason, is_disk_full};

/// What kind of trouble a server made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It does not take our credential, or we do not take its identity.
    Refused,
    /// There is no such repository.
    NotFound,
    /// It may well go right a little later.
    Passing,
    /// Something on our side: the disk, the workspace.
    Local,
    /// It will not go right by itself, for another reason.
    Other,
}

/// Why a server could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ServerError {
    pub(crate) trouble: Trouble,
    pub(super) message: String,
}

pub(super) fn by_code(error: &git2::Error) -> ServerError {
    let trouble = if error.code() == git2::ErrorCode::NotFound {
        Trouble::NotFound
    } else {
        Trouble::Local
    };
    ServerError {
        trouble,
        message: error.message().to_owned(),
    }
}

pub(super) fn by_cause(error: ExchangeError) -> ServerError {
    match error {
        ExchangeError::Local(error) if is_disk_full(&error) => ServerError {
            trouble: Trouble::Local,
            message: "the disk is full".to_owned(),
        },
        ExchangeError::Local(error) => ServerError {
            trouble: Trouble::Local,
            message: error.message().to_owned(),
        },
        ExchangeError::Wire(error) => {
            let trouble = by_reason(error.reason(), error.is_transient());
            ServerError {
                trouble,
                message: error.to_string(),
            }
        }
    }
}

fn by_reason(reason: Reason, is_transient: bool) -> Trouble {
    match reason {
        Reason::RepositoryNotFound => Trouble::NotFound,
        Reason::CertificateRefused
        | Reason::HostKeyUnknown
        | Reason::HostKeyChanged
        | Reason::HostKeyRevoked
        | Reason::AuthenticationFailed
        | Reason::AccessDenied
        | Reason::SettingsInvalid => Trouble::Refused,
        Reason::ServerUnreachable
        | Reason::ServerFailed
        | Reason::TimedOut
        | Reason::ProxyFailed
            if is_transient =>
        {
            Trouble::Passing
        }
        Reason::ServerUnreachable
        | Reason::ServerFailed
        | Reason::TimedOut
        | Reason::ProxyFailed => Trouble::Other,
    }
}
