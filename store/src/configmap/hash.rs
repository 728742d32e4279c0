//! The hash by which a pass knows whether a ConfigMap still is as it should be.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::HEXLOWER;
use k8s_openapi::api::core::v1::ConfigMap;
use sha2::{Digest, Sha256};

use crate::keys::{annotation, label, work};

/// SHA-256 of everything desired of one ConfigMap: labels, annotations, data; not the owner, not the namespace.
/// `Display` gives the hex digits that the annotation holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Reads what `Display` wrote; `None` for anything but 64 hex digits, in lower case.
    #[must_use]
    pub fn parse(hex: &str) -> Option<Self> {
        HEXLOWER
            .decode(hex.as_bytes())
            .ok()?
            .try_into()
            .ok()
            .map(Self)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// Whether a label of a bead's ConfigMap is ours: what we do not want of these goes away, all others stay.
#[must_use]
pub fn owns_label(key: &str) -> bool {
    key.starts_with("bead-") || key == label::STORE || key == label::MANAGED_BY
}

/// Whether an annotation of a bead's ConfigMap is the mirror's. The scheduler's note of the last attempt is not.
#[must_use]
pub fn owns_annotation(key: &str) -> bool {
    key.starts_with("gastown.gastown.io/") && key != work::LAST_ATTEMPT
}

/// The hash of what is desired; `annotations` are without the hash itself.
pub(super) fn content_hash(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
    data: &BTreeMap<String, String>,
    binary_data: &BTreeMap<String, Vec<u8>>,
) -> ContentHash {
    let mut hasher = Hasher::default();
    hasher.section(labels.iter());
    hasher.section(annotations.iter());
    hasher.section(data.iter());
    hasher.section(binary_data.iter());
    hasher.finish()
}

/// The hash that an observed ConfigMap really has, computed from its content and not from its annotation: equal to
/// [`DesiredBead::hash`](super::DesiredBead::hash) exactly when nothing of what we want was changed, is missing or was
/// added. Labels and annotations of other people do not count; all data does.
#[must_use]
pub fn observed_hash(configmap: &ConfigMap) -> ContentHash {
    let labels = configmap
        .metadata
        .labels
        .iter()
        .flatten()
        .filter(|(key, _)| owns_label(key));
    let annotations = configmap.metadata.annotations.iter().flatten();
    let annotations =
        annotations.filter(|(key, _)| owns_annotation(key) && *key != annotation::CONTENT_HASH);
    let binary_data = configmap
        .binary_data
        .iter()
        .flatten()
        .map(|(key, bytes)| (key, &bytes.0));
    let mut hasher = Hasher::default();
    hasher.section(labels);
    hasher.section(annotations);
    hasher.section(configmap.data.iter().flatten());
    hasher.section(binary_data);
    hasher.finish()
}

/// Hashes sections of entries, each text with its length, so that no two different contents look the same.
#[derive(Default)]
struct Hasher(Sha256);

impl Hasher {
    fn section<'a, V: AsRef<[u8]> + 'a>(
        &mut self,
        entries: impl Iterator<Item = (&'a String, &'a V)>,
    ) {
        for (key, value) in entries {
            self.part(key.as_bytes());
            self.part(value.as_ref());
        }
        // No part is that long.
        self.0.update(u64::MAX.to_le_bytes());
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn finish(self) -> ContentHash {
        ContentHash(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn note_of_the_last_attempt_is_no_drift() {
        let bead = ConfigMap::default();
        let mut noted = bead.clone();
        let note = (work::LAST_ATTEMPT.to_owned(), "3".to_owned());
        noted.metadata.annotations = Some([note].into());
        assert_eq!(observed_hash(&noted), observed_hash(&bead));
        let own = (annotation::BLOCKED_BY.to_owned(), "gt-2".to_owned());
        noted.metadata.annotations = Some([own].into());
        assert_ne!(observed_hash(&noted), observed_hash(&bead));
    }
}
