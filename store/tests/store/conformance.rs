//! READY equals what the real tracker answered, order included.

use std::path::Path;

use beadlet_store::reader;
use beadlet_store::ready::{self, Profile};
use jiff::Timestamp;
use serde_json::Value;

use crate::shared;

/// The tracker's versions that were observed, and our profile for each.
const OBSERVED: [(&str, Profile); 2] =
    [("bd-0.49.6", Profile::Bd049), ("bd-1.0.5", Profile::Bd105)];

fn expectations(path: &str) -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(shared(path)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn ready_ids(file: &Path, profile: Profile, now: Timestamp) -> Vec<String> {
    let bytes = std::fs::read(file).unwrap();
    let reading = reader::read(&bytes).unwrap();
    let readiness = ready::readiness(&reading, profile, now);
    readiness
        .ready
        .iter()
        .map(|index| reading.issues[*index].id.to_string())
        .collect()
}

/// The list that a reader of the file has to give for a program: what it printed, or what was derived instead.
fn expected_list(case: &Value, program: &str) -> Option<Vec<String>> {
    let is_observed = case["must-match"]
        .as_array()
        .unwrap()
        .iter()
        .any(|name| name == program);
    let list = if is_observed {
        &case[program]
    } else {
        &case["as-the-file-stands"][program]
    };
    serde_json::from_value(list.clone()).unwrap()
}

#[test]
fn ready_equals_the_trackers_answer_in_every_conformance_case() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, case) in expectations("conformance/ready/expected.json") {
        let now = case["now"].as_str().unwrap().parse().unwrap();
        for (program, profile) in OBSERVED {
            let Some(expected) = expected_list(&case, program) else {
                continue;
            };
            let found = ready_ids(
                &shared(&format!("conformance/ready/{name}.jsonl")),
                profile,
                now,
            );
            compared += 1;
            if found != expected {
                wrong.push(format!(
                    "{name} ({}) for {program}: {found:?}, not {expected:?}",
                    case["rule"]
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert_eq!(compared, 2 * 91, "a list for both programs in each case");
}

#[test]
fn ready_equals_the_trackers_answer_on_every_real_file() {
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    let mut compared = 0;
    for (name, case) in expectations("corpus/expected-ready.json") {
        for (program, profile) in OBSERVED {
            let expected: Option<Vec<String>> =
                serde_json::from_value(case[program].clone()).unwrap();
            let Some(expected) = expected else { continue };
            let found = ready_ids(&shared(&format!("corpus/{name}")), profile, now);
            assert_eq!(found, expected, "{name} for {program}");
            compared += 1;
        }
    }
    assert_eq!(compared, 14, "all lists that are not null were compared");
}
