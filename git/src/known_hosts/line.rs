//! One line of a `known_hosts` file.

use super::key::{HostKey, KeyError};
use super::pattern::{Hosts, HostsError};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) marker: Marker,
    pub(super) hosts: Hosts,
    pub(super) key: HostKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    None,
    Revoked,
    CertAuthority,
}

/// A line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {error}")]
pub struct Rejected {
    /// From 1.
    pub line: usize,
    pub error: LineError,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("not UTF-8")]
    Encoding,
    #[error("marker {0:?} is unknown")]
    Marker(String),
    #[error("not of the form: hosts, key type, key")]
    Shape,
    #[error("a key of ssh protocol 1, which is not supported")]
    ProtocolOne,
    #[error(transparent)]
    Hosts(HostsError),
    #[error(transparent)]
    Key(KeyError),
}

/// `None` for a blank line or a comment.
pub(super) fn entry(line: &[u8]) -> Result<Option<Entry>, LineError> {
    let line = std::str::from_utf8(line).map_err(|_| LineError::Encoding)?;
    let mut words = line.split_ascii_whitespace().peekable();
    let marker = match words.peek() {
        None => return Ok(None),
        Some(word) if word.starts_with('#') => return Ok(None),
        Some(word) if word.starts_with('@') => marker(word)?,
        Some(_) => Marker::None,
    };
    if marker != Marker::None {
        words.next();
    }
    let (Some(hosts), Some(kind), Some(key)) = (words.next(), words.next(), words.next()) else {
        return Err(LineError::Shape);
    };
    if kind.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(LineError::ProtocolOne);
    }
    let hosts = Hosts::parse(hosts).map_err(LineError::Hosts)?;
    let key = HostKey::parse(kind, key).map_err(LineError::Key)?;
    Ok(Some(Entry { marker, hosts, key }))
}

fn marker(word: &str) -> Result<Marker, LineError> {
    match word {
        "@revoked" => Ok(Marker::Revoked),
        "@cert-authority" => Ok(Marker::CertAuthority),
        _ => Err(LineError::Marker(word.to_owned())),
    }
}
