//! Why a server could not be used.

/// A closed set for conditions, events, metrics and exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    RepositoryNotFound,
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
    SettingsInvalid,
}
