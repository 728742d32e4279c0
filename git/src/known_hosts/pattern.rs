//! The hosts that a line of a `known_hosts` file is about.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    Patterns(Vec<Pattern>),
    /// HMAC-SHA-1 of the name with `salt` as its key: the file does not tell which hosts somebody uses.
    Hashed {
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    negated: bool,
    /// In lower case; `*` and `?` are wildcards.
    text: String,
}

/// Why the hosts of a line cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostsError {
    #[error("the hashed host is not of the form |1|salt|hash")]
    Hash,
    #[error("a host pattern is empty")]
    Empty,
}

const HASH_LEN: usize = 20;

impl Hosts {
    pub(super) fn parse(text: &str) -> Result<Self, HostsError> {
        if let Some(hashed) = text.strip_prefix('|') {
            return hashed_hosts(hashed).ok_or(HostsError::Hash);
        }
        text.split(',')
            .map(Pattern::parse)
            .collect::<Result<_, _>>()
            .map(Self::Patterns)
    }

    /// Whether the line is about `name`: `host` or `[host]:port`, in lower case. A negated pattern that matches goes before all others.
    pub(super) fn match_name(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, name.as_bytes(), hash).is_ok()
            }
            Self::Patterns(patterns) => {
                let mut matching = patterns
                    .iter()
                    .filter(|pattern| wildcard(pattern.text.as_bytes(), name.as_bytes()))
                    .peekable();
                matching.peek().is_some() && matching.all(|pattern| !pattern.negated)
            }
        }
    }
}

fn hashed_hosts(text: &str) -> Option<Hosts> {
    let (salt, hash) = text.strip_prefix("1|")?.split_once('|')?;
    let (salt, hash) = (STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?);
    (!salt.is_empty() && hash.len() == HASH_LEN).then_some(Hosts::Hashed { salt, hash })
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, HostsError> {
        let (negated, text) = text
            .strip_prefix('!')
            .map_or((false, text), |rest| (true, rest));
        if text.is_empty() {
            Err(HostsError::Empty)
        } else {
            Ok(Self {
                negated,
                text: text.to_ascii_lowercase(),
            })
        }
    }
}

/// Goes back to the last `*` when a match fails after it, so the time is at most the product of both lengths.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    p = at + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_any_characters() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("*.example.com", "git.example.com", true),
            ("*.example.com", "example.com", false),
            ("git?.example.com", "git1.example.com", true),
            ("git?.example.com", "git.example.com", false),
            ("*a*b", "xaxbxb", true),
            ("*a*b", "xaxbx", false),
            ("[*]:22??", "[host]:2222", true),
            ("", "", true),
        ] {
            assert_eq!(
                wildcard(pattern.as_bytes(), name.as_bytes()),
                matches,
                "{pattern} {name}"
            );
        }
    }
}
