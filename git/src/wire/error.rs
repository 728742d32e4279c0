//! What can go wrong between us and a server. The message does not name the server: whoever shows it does, once.

use std::io;
use std::time::Duration;

use http::StatusCode;

use crate::Reason;
use crate::known_hosts::Distrust;

/// Why a server gave no answer that could be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    #[error("cannot connect: {0}")]
    Unreachable(io::Error),
    #[error("the connection broke: {0}")]
    Broken(String),
    #[error("the server was silent for {limit:?}")]
    Silent { limit: Duration },
    #[error("the server needed more than {limit:?}: raise the timeout if the repository is large")]
    TooSlow { limit: Duration },
    #[error("the answer is not wanted any more")]
    Unwanted,
    #[error("the proxy {proxy} failed: {detail}")]
    Proxy { proxy: String, detail: String },

    #[error(
        "the certificate is refused ({0}): if the server is right, give the CA bundle that its certificate hangs on"
    )]
    Certificate(String),
    #[error("no certificate authorities are found on this machine: give a CA bundle")]
    NoAuthorities,
    #[error("cannot agree on TLS: {0}")]
    Tls(String),
    #[error("the host is not trusted: {0}")]
    HostKey(Distrust),

    #[error("credentials are needed: give a user name and password, a token or a key")]
    NoCredentials,
    #[error(
        "the credentials are refused: check that they are still valid and may read this repository"
    )]
    BadCredentials,
    #[error(
        "the ssh key for user {user:?} is refused: add its public half to the account or as a deploy key of the repository"
    )]
    KeyRefused { user: String },
    #[error(
        "the ssh key cannot be used ({0}): give an unencrypted one or its passphrase, in PEM or OpenSSH format"
    )]
    KeyUnusable(String),
    #[error("access is denied{}", said(message))]
    Denied { message: String },
    #[error(
        "there is no such repository, or the credentials may not see it{}",
        said(message)
    )]
    NoRepository { message: String },
    #[error("the server refuses{}", said(message))]
    Refused { message: String },

    #[error("the server answers with status {0}")]
    Status(StatusCode),
    #[error(
        "this is no git server: it answers with content of type {content_type:?}, check the URL"
    )]
    NotGit { content_type: String },
    #[error("the server redirects to {to}, which is not followed: set that URL if it is right")]
    Redirect { to: String },
    #[error(
        "the server cannot do shallow fetches, which need git 1.9 or newer or a forge's own server"
    )]
    NotShallow,
    #[error("the answer cannot be understood: {0}")]
    Protocol(String),
    #[error("ssh failed at {step}: {detail}")]
    Ssh { step: &'static str, detail: String },
}

/// Characters of foreign text in a message.
const MAX_FOREIGN: usize = 300;

fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(" (the server says: {message})")
    }
}

impl WireError {
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Unreachable(_) => Reason::ServerUnreachable,
            Self::Silent { .. } | Self::TooSlow { .. } | Self::Unwanted => Reason::TimedOut,
            Self::Proxy { .. } => Reason::ProxyFailed,
            Self::Certificate(_) | Self::NoAuthorities => Reason::CertificateRefused,
            Self::HostKey(Distrust::Unknown { .. }) => Reason::HostKeyUnknown,
            Self::HostKey(Distrust::Changed { .. }) => Reason::HostKeyChanged,
            Self::HostKey(Distrust::Revoked { .. }) => Reason::HostKeyRevoked,
            Self::NoCredentials | Self::BadCredentials | Self::KeyRefused { .. } => {
                Reason::AuthenticationFailed
            }
            Self::KeyUnusable(_) => Reason::SettingsInvalid,
            Self::Denied { .. } => Reason::AccessDenied,
            Self::NoRepository { .. } => Reason::RepositoryNotFound,
            Self::Broken(_)
            | Self::Tls(_)
            | Self::Refused { .. }
            | Self::Status(_)
            | Self::NotGit { .. }
            | Self::Redirect { .. }
            | Self::NotShallow
            | Self::Protocol(_)
            | Self::Ssh { .. } => Reason::ServerFailed,
        }
    }

    /// Whether the same call may well go right a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Broken(_)
            | Self::Silent { .. }
            | Self::TooSlow { .. }
            | Self::Unwanted
            | Self::Proxy { .. }
            | Self::Refused { .. }
            | Self::Ssh { .. } => true,
            Self::Status(status) => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
                    )
            }
            _ => false,
        }
    }

    /// Foreign text made fit for a message.
    pub(super) fn one_line(text: &str) -> String {
        let visible: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_FOREIGN)
            .collect();
        visible.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// What a server's own words mean, which it sends over ssh as the standard error of its command and else as an `ERR` line.
    pub(super) fn said(message: &str) -> Self {
        let message = Self::one_line(message);
        let lower = message.to_lowercase();
        let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        if any(&[
            "not found",
            "not appear to be a git repository",
            "does not exist",
            "no such",
        ]) {
            Self::NoRepository { message }
        } else if any(&[
            "denied",
            "permission",
            "not allowed",
            "forbidden",
            "unauthorized",
        ]) {
            Self::Denied { message }
        } else {
            Self::Refused { message }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_server_are_told_apart() {
        for (words, reason) in [
            ("ERROR: Repository not found.\n", Reason::RepositoryNotFound),
            (
                "fatal: '/x' does not appear to be a git repository\n",
                Reason::RepositoryNotFound,
            ),
            (
                "Permission to a/b.git denied to deploy key\n",
                Reason::AccessDenied,
            ),
            ("try again later", Reason::ServerFailed),
            ("", Reason::ServerFailed),
        ] {
            assert_eq!(WireError::said(words).reason(), reason, "{words}");
        }
    }

    #[test]
    fn words_of_the_server_are_cut_to_one_short_line() {
        let message =
            WireError::said(&format!("a\u{1b}[31m\r\nb {}", "x".repeat(1000))).to_string();
        assert!(
            !message.contains('\u{1b}') && !message.contains('\n') && message.len() < 400,
            "{message}"
        );
    }
}
