//! The forms in which a repository can be named.

mod parse;

use std::fmt;
use std::path::{Path, PathBuf};

use super::Secret;

/// A repository: a local path, `file://`, `https://`, `http://`, `ssh://` or `user@host:path`.
///
/// Shown without the credentials it may carry.
#[derive(Clone, PartialEq, Eq)]
pub struct GitUrl(pub(crate) Place);

/// Where a repository is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    Local(PathBuf),
    Remote(RemoteUrl),
}

/// A repository behind a server.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteUrl {
    pub scheme: Scheme,
    pub username: Option<Secret>,
    pub password: Option<Secret>,
    /// In lower case; a literal IPv6 address without its brackets.
    pub host: String,
    pub port: u16,
    /// As it goes over the wire: percent-encoded for http, plain for ssh.
    pub path: String,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Https,
    Http,
    Ssh,
}

impl Scheme {
    /// The port that is meant when none is named.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
            Self::Ssh => 22,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
        }
    }
}

/// Why a text does not name a repository. Shows no more of it than the scheme or the host, as the rest may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("no repository is named: give a path or an https://, http:// or ssh:// URL")]
    Empty,
    #[error("the name of a repository cannot start with '-'")]
    OptionLike,
    #[error("the name of a repository cannot hold control characters")]
    ControlCharacter,
    #[error("remote helpers ({0}::) are not run: use https, http, ssh or a local path")]
    RemoteHelper(String),
    #[error("scheme {0:?} is not supported: use https, http, ssh, file or a local path")]
    Scheme(String),
    #[error(
        "file:// names another host ({0:?}): use ssh, or mount the repository and give its path"
    )]
    FileHost(String),
    #[error(
        "{0:?} is not a host name (write a name with other letters in its xn-- form, an IPv6 address in brackets)"
    )]
    Host(String),
    #[error("what stands behind the host is not a port (a slash in a password is written %2F)")]
    Port,
    #[error("the URL names no repository behind its host")]
    NoPath,
    #[error("the path cannot start with '-'")]
    OptionLikePath,
    #[error(
        "the URL has a query or fragment, which a repository cannot have: give credentials by the settings for them"
    )]
    Query,
    #[error(
        "a percent sign in the URL is not followed by two hexadecimal digits, or stands for bytes that are not UTF-8"
    )]
    Percent,
}

impl GitUrl {
    /// Where the repository is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0
    }

    /// The path, if the repository is on this machine.
    #[must_use]
    pub fn local_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Local(path) => Some(path),
            Place::Remote(_) => None,
        }
    }
}

impl From<PathBuf> for GitUrl {
    fn from(path: PathBuf) -> Self {
        Self(Place::Local(path))
    }
}

impl RemoteUrl {
    /// `host`, or `host:port` where the port is not the usual one.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        if self.port == self.scheme.default_port() {
            host
        } else {
            format!("{host}:{}", self.port)
        }
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.path.starts_with('/') || self.path.is_empty() {
            ""
        } else {
            "/"
        };
        let userinfo = match (self.scheme, &self.username, &self.password) {
            (_, None, None) => String::new(),
            // A user name over ssh is public. Over http a forge may take a token for it.
            (Scheme::Ssh, Some(user), None) => {
                format!("{}@", String::from_utf8_lossy(user.reveal()))
            }
            _ => "***@".to_owned(),
        };
        write!(
            f,
            "{}://{userinfo}{}{slash}{}",
            self.scheme.name(),
            self.authority(),
            self.path
        )
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Local(path) => path.display().fmt(f),
            Place::Remote(url) => url.fmt(f),
        }
    }
}

impl fmt::Debug for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
