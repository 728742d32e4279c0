//! The host keys that are trusted, as in `known_hosts` of ssh (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
//!
//! A host is never trusted because it was seen before: its key stands in a file that somebody gave, or it is one of the forges whose
//! keys are built in. Host certificates (`@cert-authority`) cannot be checked and are said so, not passed over.

mod key;
mod line;
mod pattern;

pub use key::{HostKey, KeyKind};
pub use line::Rejected;

use line::{Entry, Marker};

const FORGES: &str = include_str!("forges.txt");

/// Host keys and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts {
    entries: Vec<Entry>,
}

/// Reads a `known_hosts` file. Total: a line that cannot be read is reported and costs no other line.
#[must_use]
pub fn parse(bytes: &[u8]) -> (KnownHosts, Vec<Rejected>) {
    let (mut entries, mut rejected) = (Vec::new(), Vec::new());
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        match line::entry(line) {
            Ok(entry) => entries.extend(entry),
            Err(error) => rejected.push(Rejected {
                line: index + 1,
                error,
            }),
        }
    }
    (KnownHosts { entries }, rejected)
}

/// What is known of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    trusted: Vec<HostKey>,
    revoked: Vec<HostKey>,
    /// Certificates of some authority would be trusted.
    authority: bool,
}

/// Why the key that a host showed is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error(
        "its key {seen} is not known: compare that with what the owner of the host says, then add the key to the known hosts{}",
        if *authority { AUTHORITY } else { "" }
    )]
    Unknown { seen: String, authority: bool },
    #[error(
        "its key {seen} is none of those expected ({}): somebody may be listening in; \
         if the owner of the host says that the key changed, replace it in the known hosts",
        expected.join(", ")
    )]
    Changed { seen: String, expected: Vec<String> },
    #[error("its key {seen} is marked @revoked in the known hosts")]
    Revoked { seen: String },
}

const AUTHORITY: &str =
    " (there is only a @cert-authority line for it, and host certificates are not supported)";

impl KnownHosts {
    /// Those of github.com, gitlab.com, bitbucket.org and codeberg.org.
    #[must_use]
    pub fn forges() -> Self {
        parse(FORGES.as_bytes()).0
    }

    /// Adds the lines of another file.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// What is known of `host`. The built-in keys count where these lines say nothing of it.
    #[must_use]
    pub fn of(&self, host: &str, port: u16) -> Known {
        let mut known = self.given(host, port);
        if known.trusted.is_empty() && !known.authority {
            known.trusted = Self::forges().given(host, port).trusted;
        }
        known
    }

    /// Lines for `[host]:port` go before lines for the bare host, which count as well if there are no others (as in ssh).
    fn given(&self, host: &str, port: u16) -> Known {
        let host = host.to_ascii_lowercase();
        if port == 22 {
            return self.named(&host);
        }
        let with_port = self.named(&format!("[{host}]:{port}"));
        let bare = self.named(&host);
        let revoked = [with_port.revoked, bare.revoked].concat();
        if with_port.trusted.is_empty() && !with_port.authority {
            Known { revoked, ..bare }
        } else {
            Known {
                revoked,
                trusted: with_port.trusted,
                authority: with_port.authority,
            }
        }
    }

    fn named(&self, name: &str) -> Known {
        let mut known = Known::default();
        for entry in self
            .entries
            .iter()
            .filter(|entry| entry.hosts.match_name(name))
        {
            match entry.marker {
                Marker::None => known.trusted.push(entry.key.clone()),
                Marker::Revoked => known.revoked.push(entry.key.clone()),
                Marker::CertAuthority => known.authority = true,
            }
        }
        known
    }
}

impl Known {
    /// The kinds of key to ask the host for, best first, so that one that shows several shows one that is known here.
    /// Empty when none is known.
    #[must_use]
    pub fn kinds(&self) -> Vec<KeyKind> {
        let mut kinds: Vec<_> = self.trusted.iter().map(HostKey::kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Whether `blob`, the key that the host proved to hold, is trusted.
    ///
    /// # Errors
    /// When it is not; the fingerprint that was seen is in the message.
    pub fn check(&self, blob: &[u8]) -> Result<(), Distrust> {
        let seen = key::fingerprint(blob);
        if self.revoked.iter().any(|key| key.blob() == blob) {
            Err(Distrust::Revoked { seen })
        } else if self.trusted.iter().any(|key| key.blob() == blob) {
            Ok(())
        } else if self.trusted.is_empty() {
            Err(Distrust::Unknown {
                seen,
                authority: self.authority,
            })
        } else {
            let expected = self.trusted.iter().map(ToString::to_string).collect();
            Err(Distrust::Changed { seen, expected })
        }
    }
}

#[cfg(test)]
mod tests;
