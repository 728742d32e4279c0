//! The name of a commit.

use std::fmt;
use std::str::FromStr;

/// 40 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub(crate) git2::Oid);

/// A text is not the full name of a commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the full name of a commit (40 hexadecimal digits)")]
pub struct CommitIdError(String);

impl FromStr for CommitId {
    type Err = CommitIdError;

    fn from_str(text: &str) -> Result<Self, CommitIdError> {
        git2::Oid::from_str(text)
            .ok()
            .filter(|_| text.len() == 40)
            .map(Self)
            .ok_or_else(|| CommitIdError(text.to_owned()))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_full_name_is_a_commit_id() {
        let full = "2f1c9c6b4f0f1f6d3a0b7a1d0c1e2f3a4b5c6d7e";
        assert_eq!(full.parse::<CommitId>().unwrap().to_string(), full);
        assert!("2f1c9c6".parse::<CommitId>().is_err());
        assert!("HEAD".parse::<CommitId>().is_err());
    }
}
