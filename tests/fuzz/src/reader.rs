//! The issue file reader, and what is made of its answer.

use beadlet_store::configmap::{Renderer, Scope, mirrored, observed_hash};
use beadlet_store::reader::{Reading, read};
use beadlet_store::ready::{Profile, dispatch_order, readiness};
use beadlet_store::tracker::TrackerConfig;
use jiff::Timestamp;

/// Reads, decides and renders `bytes`.
///
/// # Panics
/// When something does not hold that holds for every file.
pub fn check(bytes: &[u8]) {
    let Ok(reading) = read(bytes) else { return };
    every_line_is_accounted_for(bytes, &reading);
    let scope = scope();
    let config = TrackerConfig::default();
    assert_eq!(
        mirrored(&reading, &scope, Timestamp::UNIX_EPOCH)
            .issues
            .len(),
        reading.issues.len()
    );
    for profile in Profile::ALL {
        let readiness = readiness(&reading, profile, Timestamp::UNIX_EPOCH);
        let without_reason = readiness
            .blockers
            .iter()
            .filter(|blockers| blockers.is_empty())
            .count();
        assert_eq!(
            readiness.ready.len(),
            without_reason,
            "an issue is ready or has a reason"
        );
        assert_eq!(
            dispatch_order(&reading, &readiness.ready).len(),
            readiness.ready.len()
        );
        let renderer = Renderer::new(&reading, &readiness, &config, &scope);
        for (index, issue) in reading.issues.iter().enumerate() {
            let desired = renderer.desired(index);
            let kept = desired.data.get("issue.json").map(String::as_bytes);
            let kept = kept.or(desired.binary_data.get("issue.json").map(Vec::as_slice));
            assert_eq!(kept, Some(issue.raw), "rendering keeps the line's bytes");
            assert_eq!(observed_hash(&desired.to_configmap(&scope)), desired.hash);
        }
    }
}

fn every_line_is_accounted_for(bytes: &[u8], reading: &Reading<'_>) {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let filled = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .count();
    let rows = reading.issues.len() + reading.deleted.len() + reading.duplicates.len();
    assert_eq!(
        rows + reading.rejected.len() + reading.skipped,
        filled,
        "every line is accounted for"
    );
}

fn scope() -> Scope {
    Scope {
        namespace: "beads".to_owned(),
        store: "town".to_owned(),
        owner: None,
        profile: Profile::default(),
        prefixes: vec!["gt".to_owned()],
        closed_retention: None,
    }
}
