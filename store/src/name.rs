//! Ids to Kubernetes names: injective, readable where the id allows it.

use sha2::{Digest, Sha256};

use crate::issue::IssueId;

/// The longest name of a ConfigMap, in bytes.
const LONGEST_CONFIGMAP_NAME: usize = 253;

/// The digits of an escaped name's hash: 26 of them hold 130 bits, so that nobody can look for a collision.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const HASH_LEN: usize = 26;

/// The name of the ConfigMap that holds an issue: `bead-<id>`, or an escaped form with a hash suffix where the id is not a
/// lower-case DNS-1123 name or too long. Two ids never share a name.
#[must_use]
pub fn configmap_name(id: &IssueId) -> String {
    object_name("bead-", id.as_str(), LONGEST_CONFIGMAP_NAME)
}

/// The same for any prefix (`bead-`, `polecat-`, …) and length limit, in bytes. The prefix must be one that a DNS-1123 name
/// may begin with, and leave room for the 27 bytes of the hash.
#[must_use]
pub fn object_name(prefix: &str, id: &str, max_len: usize) -> String {
    let plain = format!("{prefix}{id}");
    if plain.len() <= max_len && is_subdomain(&plain) && !looks_escaped(&plain) {
        return plain;
    }
    escaped_name(prefix, id, max_len)
}

/// The prefix of an id (`gt` of `gt-0042`), by the tracker's own heuristic. Known prefixes win, longest first.
#[must_use]
pub fn issue_prefix<'a>(id: &'a str, known: &[&str]) -> Option<&'a str> {
    let known = known
        .iter()
        .map(|prefix| prefix.trim().trim_end_matches('-'));
    let known = known.filter(|prefix| !prefix.is_empty());
    let matching = known.filter(|prefix| {
        id.strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with('-'))
    });
    match matching.map(str::len).max() {
        Some(len) => id.get(..len),
        None => guessed_prefix(id),
    }
}

/// What stands before the last hyphen where a hash or number follows, else before the first.
fn guessed_prefix(id: &str) -> Option<&str> {
    let (head, suffix) = id.rsplit_once('-')?;
    let base = suffix.split_once('.').map_or(
        suffix,
        |(base, _)| if base.is_empty() { suffix } else { base },
    );
    let prefix = if suffix.is_empty() || is_number(base) || is_hash(base) {
        head
    } else {
        id.split_once('-')?.0
    };
    (!prefix.is_empty()).then_some(prefix)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Three to eight letters or digits; from four on with a digit, since else it is more likely a word.
fn is_hash(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let is_base36 = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_base36 && (text.len() == 3 || (4..=8).contains(&text.len()) && has_digit)
}

/// Whether `name` is a DNS-1123 subdomain, but for its length.
fn is_subdomain(name: &str) -> bool {
    name.split('.').all(|label| {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

/// Whether `name` ends as an escaped one does, so that no plain name can be taken for one.
fn looks_escaped(name: &str) -> bool {
    let hash_at = name.len().checked_sub(HASH_LEN);
    let (head, hash) = hash_at
        .and_then(|at| name.split_at_checked(at))
        .unwrap_or_default();
    head.ends_with('x') && hash.bytes().all(|byte| DIGITS.contains(&byte))
}

/// `<prefix><what is readable of the id>-x<hash of the id>`.
fn escaped_name(prefix: &str, id: &str, max_len: usize) -> String {
    let hash = hash_digits(id);
    let room = max_len.saturating_sub(prefix.len() + "-x".len() + HASH_LEN);
    let readable = readable_part(id, room);
    let hyphen = if readable.is_empty() { "" } else { "-" };
    format!("{prefix}{readable}{hyphen}x{hash}")
}

/// At most `room` bytes of lower-case letters and digits, with single hyphens for everything between.
fn readable_part(id: &str, room: usize) -> String {
    let lower = id.to_ascii_lowercase();
    let words = lower
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let mut readable = words.collect::<Vec<_>>().join("-");
    readable.truncate(room);
    readable.trim_end_matches('-').to_owned()
}

/// The first 130 bits of the id's SHA-256, five bits a digit.
fn hash_digits(id: &str) -> String {
    let hash = Sha256::digest(id.as_bytes());
    let bit = |index: usize| hash[index / 8] >> (7 - index % 8) & 1;
    let digit = |index: usize| (0..5).fold(0, |value, offset| value << 1 | bit(index * 5 + offset));
    (0..HASH_LEN)
        .map(|index| char::from(DIGITS[usize::from(digit(index))]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> String {
        object_name("bead-", id, 253)
    }

    #[test]
    fn usual_id_stands_in_the_name_as_it_is() {
        assert_eq!(name("gt-0042"), "bead-gt-0042");
        assert_eq!(name("bd-98c4e1fa.1"), "bead-bd-98c4e1fa.1");
    }

    #[test]
    fn id_with_upper_case_keeps_its_readable_part_and_gets_a_hash() {
        assert_eq!(
            name("SEC-2sl.7"),
            "bead-sec-2sl-7-xlzp2spjkcrdv3j3ao36wppilaf"
        );
    }

    #[test]
    fn id_that_would_end_a_label_in_a_hyphen_is_escaped() {
        assert!(looks_escaped(&name(".x")), "{}", name(".x"));
        assert!(looks_escaped(&name("a..b")), "{}", name("a..b"));
        assert!(looks_escaped(&name("a-")), "{}", name("a-"));
    }

    #[test]
    fn id_that_looks_like_an_escaped_name_is_escaped_itself() {
        let escaped = name("SEC-2sl.7");
        let twin = escaped.strip_prefix("bead-").unwrap();
        assert_ne!(name(twin), escaped);
    }

    #[test]
    fn name_of_a_long_id_is_cut_in_its_readable_part_only() {
        let long = "a".repeat(250);
        assert_eq!(name(&long).len(), 253);
        assert_ne!(name(&long), name(&"a".repeat(251)));
        assert_eq!(object_name("polecat-", &long, 52).len(), 52);
    }

    #[test]
    fn prefix_is_found_as_the_tracker_finds_it() {
        let cases = [
            ("gt-0042", Some("gt")),
            ("beads-vscode-1", Some("beads-vscode")),
            ("web-app-a3f8e9", Some("web-app")),
            ("bd-a3f", Some("bd")),
            ("vc-baseline-test", Some("vc")),
            ("gt-gastown-polecat-Toast", Some("gt")),
            ("hq-cv-7k5su", Some("hq-cv")),
            ("SEC-2sl.3.1", Some("SEC")),
            ("bd-", Some("bd")),
            ("nothing", None),
            ("-abc", None),
        ];
        for (id, prefix) in cases {
            assert_eq!(issue_prefix(id, &[]), prefix, "{id}");
        }
    }

    #[test]
    fn known_prefix_wins_and_the_longest_of_them() {
        assert_eq!(
            issue_prefix("me-py-toolkit-abcd", &["me-py", "me-py-toolkit-", " "]),
            Some("me-py-toolkit")
        );
        assert_eq!(issue_prefix("hq-cv-7k5su", &["hq"]), Some("hq"));
    }
}
