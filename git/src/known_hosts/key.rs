//! A public host key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest as _, Sha256};

/// The kinds of host key that can be checked, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    Ed25519,
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    Rsa,
}

impl KeyKind {
    /// As it stands in a `known_hosts` file and in the key itself.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::EcdsaP521 => "ecdsa-sha2-nistp521",
            Self::Rsa => "ssh-rsa",
        }
    }

    /// The signature algorithms by which a host proves that it holds such a key. SHA-1 is not among them.
    #[must_use]
    pub fn algorithms(self) -> &'static [&'static str] {
        match self {
            Self::Ed25519 => &["ssh-ed25519"],
            Self::EcdsaP256 => &["ecdsa-sha2-nistp256"],
            Self::EcdsaP384 => &["ecdsa-sha2-nistp384"],
            Self::EcdsaP521 => &["ecdsa-sha2-nistp521"],
            Self::Rsa => &["rsa-sha2-512", "rsa-sha2-256"],
        }
    }

    /// Every kind, best first.
    pub const ALL: [Self; 5] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa,
    ];
}

/// A public key of a kind that can be checked.
#[derive(Clone, PartialEq, Eq)]
pub struct HostKey {
    kind: KeyKind,
    blob: Vec<u8>,
}

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("key type {0:?} is not supported")]
    Kind(String),
    #[error("the key is not base64")]
    Base64,
    #[error("the key does not hold what its type says")]
    Content,
}

impl HostKey {
    /// Reads the two words of a key: its kind and its bytes in base64.
    pub(super) fn parse(kind: &str, base64: &str) -> Result<Self, KeyError> {
        let kind = KeyKind::ALL
            .into_iter()
            .find(|known| known.name() == kind)
            .ok_or_else(|| KeyError::Kind(kind.to_owned()))?;
        let blob = STANDARD
            .decode(base64)
            .or_else(|_| STANDARD_NO_PAD.decode(base64))
            .map_err(|_| KeyError::Base64)?;
        // The blob opens with the kind again: a length of four bytes, then the name (RFC 4253, section 6.6).
        let name = kind.name().as_bytes();
        let opening = u32::try_from(name.len())
            .map_err(|_| KeyError::Content)?
            .to_be_bytes();
        match blob
            .strip_prefix(&opening)
            .and_then(|rest| rest.strip_prefix(name))
        {
            Some(rest) if rest.len() > 4 => Ok(Self { kind, blob }),
            _ => Err(KeyError::Content),
        }
    }

    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) fn blob(&self) -> &[u8] {
        &self.blob
    }
}

/// `SHA256:…`, as ssh shows it.
pub(super) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), fingerprint(&self.blob))
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
