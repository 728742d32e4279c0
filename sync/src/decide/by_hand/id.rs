//! Ids of new beads, by the tracker's rules (`spec/beads.md`, ids): a hash of the bead in base 36, as long as the number of beads asks for,
//! or the number of a child behind its parent's id.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// Lengths of the hash.
const SHORTEST: usize = 3;
const LONGEST: usize = 8;
/// The chance of a collision above which ids grow longer.
const MAX_COLLISION: f64 = 0.25;
/// How often a hash of one length is made anew when the id is taken.
const NONCES: u32 = 10;
/// How deep beads may lie below each other.
pub(super) const MAX_DEPTH: usize = 3;

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// What an id is made of.
pub(super) struct Seed<'a> {
    pub(super) prefix: &'a str,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
    pub(super) creator: &'a str,
    pub(super) now: Timestamp,
}

/// The first free id. `count`: beads of the prefix, without children.
pub(super) fn hash_id(
    seed: &Seed<'_>,
    count: usize,
    is_taken: impl Fn(&str) -> bool,
) -> Option<String> {
    let lengths = length(count)..=LONGEST;
    let mut ids = lengths.flat_map(|length| (0..NONCES).map(move |nonce| id(seed, length, nonce)));
    ids.find(|id| !is_taken(id))
}

/// How long a hash has to be so that a collision among that many is unlikely.
fn length(count: usize) -> usize {
    #[expect(clippy::cast_precision_loss, reason = "a chance")]
    let count = count as f64;
    let chance = |length: &usize| {
        let ids = 36f64.powi(i32::try_from(*length).unwrap_or(i32::MAX));
        1.0 - (-count * count / (2.0 * ids)).exp()
    };
    (SHORTEST..LONGEST)
        .find(|length| chance(length) <= MAX_COLLISION)
        .unwrap_or(LONGEST)
}

fn id(seed: &Seed<'_>, length: usize, nonce: u32) -> String {
    let Seed {
        prefix,
        title,
        description,
        creator,
        now,
    } = seed;
    let nanoseconds = now.as_nanosecond();
    let digest = Sha256::digest(format!(
        "{title}|{description}|{creator}|{nanoseconds}|{nonce}"
    ));
    // As many bytes as the digits can show.
    let bytes = [0, 0, 0, 2, 3, 4, 4, 5, 5][length];
    let number = digest[..bytes]
        .iter()
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{prefix}-{}", base36(number, length))
}

fn base36(mut number: u64, length: usize) -> String {
    let mut digits = vec![b'0'; length];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(number % 36) as usize];
        number /= 36;
    }
    digits.into_iter().map(char::from).collect()
}

/// How many levels below its top an id lies: the numbers behind it.
pub(super) fn depth(id: &str) -> usize {
    id.rsplit('.')
        .take_while(|part| number(part).is_some())
        .count()
        .min(id.matches('.').count())
}

/// The id of the next child.
pub(super) fn child_id<'a>(parent: &str, ids: impl Iterator<Item = &'a str>) -> String {
    let numbers = ids.filter_map(|id| number(id.strip_prefix(parent)?.strip_prefix('.')?));
    format!("{parent}.{}", numbers.max().unwrap_or(0) + 1)
}

fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Whether the tracker takes it for an id that a person gives.
pub(super) fn is_id(id: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let has_prefix = id
        .split_once('-')
        .is_some_and(|(prefix, rest)| !prefix.is_empty() && !rest.is_empty());
    has_prefix && id.len() <= 255 && id.bytes().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> Seed<'static> {
        Seed {
            prefix: "gt",
            title: "Mend the gate",
            description: "",
            creator: "ann",
            now: "2026-03-01T10:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn ids_grow_with_the_number_of_beads() {
        for (count, expected) in [(0, 3), (163, 3), (164, 4), (983, 4), (984, 5), (100_000, 7)] {
            assert_eq!(length(count), expected, "{count}");
        }
    }

    #[test]
    fn hash_is_the_one_of_the_tracker() {
        // sha256("Mend the gate||ann|1772359200000000000|0") begins with the bytes that are checked here.
        let digest = Sha256::digest("Mend the gate||ann|1772359200000000000|0");
        let number = u64::from(digest[0]) << 8 | u64::from(digest[1]);
        assert_eq!(
            hash_id(&seed(), 0, |_| false).unwrap(),
            format!("gt-{}", base36(number, 3))
        );
        assert_eq!(
            (base36(35, 3), base36(36 * 36, 3)),
            ("00z".into(), "100".into())
        );
        // Only the last digits are kept.
        assert_eq!(base36(36 * 36 * 36 + 1, 3), "001");
    }

    #[test]
    fn taken_id_is_passed_over_and_then_longer() {
        let first = hash_id(&seed(), 0, |_| false).unwrap();
        let second = hash_id(&seed(), 0, |id| id == first).unwrap();
        assert!(second != first && second.len() == "gt-".len() + 3);
        let longer = hash_id(&seed(), 0, |id| id.len() <= "gt-".len() + 3).unwrap();
        assert_eq!(longer.len(), "gt-".len() + 4);
        assert_eq!(hash_id(&seed(), 0, |_| true), None);
    }

    #[test]
    fn child_has_the_next_number_of_its_parent() {
        let ids = [
            "gt-a.1",
            "gt-a.9",
            "gt-a.x",
            "gt-a.3.12",
            "gt-ab.40",
            "gt-a",
        ];
        assert_eq!(child_id("gt-a", ids.into_iter()), "gt-a.10");
        assert_eq!(child_id("gt-a.3", ids.into_iter()), "gt-a.3.13");
        assert_eq!(child_id("gt-b", ids.into_iter()), "gt-b.1");
        assert_eq!(
            ["gt-a", "gt-a.1", "gt-a.1.2.3", "gt-a.x.1"].map(depth),
            [0, 1, 3, 1]
        );
    }

    #[test]
    fn id_has_a_prefix_and_no_odd_letter() {
        for id in ["gt-1", "SEC-2sl.7", "beads_rust-q1d9", "a-b-c.1"] {
            assert!(is_id(id), "{id}");
        }
        let long = format!("gt-{}", "x".repeat(253));
        for id in ["gt", "-1", "gt-", "gt 1", "gt-é", "gt-1/2", "", &long] {
            assert!(!is_id(id), "{id}");
        }
    }
}
