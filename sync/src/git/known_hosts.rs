//! The host keys that are trusted, as in `known_hosts` of ssh.

/// Host keys and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownHosts {}

/// A line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// From 1.
    pub line: usize,
    pub message: String,
}

/// Reads a `known_hosts` file. Total: a line that cannot be read is reported and costs no other line.
#[must_use]
pub fn parse(_bytes: &[u8]) -> (KnownHosts, Vec<Rejected>) {
    todo!()
}
