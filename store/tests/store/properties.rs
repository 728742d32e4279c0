//! What holds for any input.

use std::collections::HashMap;

use beadlet_store::configmap::{Renderer, Scope, observed_hash};
use beadlet_store::issue::IssueId;
use beadlet_store::name::{configmap_name, object_name};
use beadlet_store::reader::read;
use beadlet_store::ready::{Profile, readiness};
use beadlet_store::tracker::TrackerConfig;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

fn scope() -> Scope {
    Scope {
        namespace: "beads".to_owned(),
        store: "town".to_owned(),
        owner: None,
        profile: Profile::Bd11,
        prefixes: Vec::new(),
        closed_retention: None,
    }
}

/// Ids as trackers write them, as nobody should, and as our own names look.
fn any_id() -> impl Strategy<Value = String> {
    let usual = "[a-z]{2,4}-[a-z0-9]{1,5}(\\.[0-9]{1,2}){0,2}";
    prop_oneof![
        usual,
        "[a-zA-Z]{1,3}[-_.][a-zA-Z0-9_.]{0,4}",
        "[A-Ba-b._-]{1,6}",
        "[a-z]{240,255}",
        "\\PC{1,12}",
        usual.prop_map(|id| id.to_uppercase()),
        any_name(),
    ]
}

/// What an id becomes, less the prefix: an id that looks like an escaped one.
fn any_name() -> impl Strategy<Value = String> {
    "[A-B_]{1,4}".prop_map(|id| object_name("", &id, 253))
}

fn is_subdomain(name: &str) -> bool {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_label = |label: &str| {
        let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        label.chars().all(is_inner) && is_end(label.chars().next()) && is_end(label.chars().last())
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// One field of a record: a known one or an unknown one, with any value.
fn any_field() -> impl Strategy<Value = (String, serde_json::Value)> {
    let text = prop_oneof![
        "\\PC{0,20}".prop_map(|text| json!(text)),
        any_id().prop_map(|id| json!(id))
    ];
    let status = prop_oneof![
        Just("open"),
        Just("closed"),
        Just("in_progress"),
        Just("pinned"),
        Just("waiting")
    ];
    let kind = prop_oneof![
        Just("blocks"),
        Just("parent-child"),
        Just("tracks"),
        Just("waits-for"),
        Just("")
    ];
    let edge = (any_id(), kind)
        .prop_map(|(id, kind)| json!({"depends_on_id": id, "type": kind, "extra": 1}));
    let instant = (0..4_000_000_000_i64)
        .prop_map(|second| json!(Timestamp::from_second(second).unwrap().to_string()));
    prop_oneof![
        text.clone().prop_map(|text| ("title".to_owned(), text)),
        status.prop_map(|status| ("status".to_owned(), json!(status))),
        prop_oneof![Just("task"), Just("convoy"), Just("gate")]
            .prop_map(|kind| ("issue_type".to_owned(), json!(kind))),
        (-2..9_i64).prop_map(|priority| ("priority".to_owned(), json!(priority))),
        instant
            .clone()
            .prop_map(|instant| ("defer_until".to_owned(), instant)),
        instant.prop_map(|instant| ("updated_at".to_owned(), instant)),
        vec("[a-z:/._]{0,8}", 0..4).prop_map(|labels| ("labels".to_owned(), json!(labels))),
        vec(edge, 0..4).prop_map(|edges| ("dependencies".to_owned(), json!(edges))),
        ("[a-z_]{1,12}", text).prop_map(|(key, text)| (format!("x{key}"), text)),
    ]
}

/// A line as a tracker might write it, unknown keys and repeated keys included.
fn any_line() -> impl Strategy<Value = String> {
    (any_id(), vec(any_field(), 0..8)).prop_map(|(id, fields)| {
        let fields = fields
            .iter()
            .map(|(key, value)| format!(",{}: {value}", json!(key)));
        format!("{{\"id\":{}{}}}", json!(id), fields.collect::<String>())
    })
}

fn any_profile() -> impl Strategy<Value = Profile> {
    prop::sample::select(Profile::ALL.to_vec())
}

proptest! {
    #[test]
    fn ids_never_share_a_name(ids in vec(any_id(), 1..40)) {
        let mut by_name = HashMap::new();
        for id in ids.iter().filter_map(|id| IssueId::new(id)) {
            let name = configmap_name(&id);
            prop_assert!(is_subdomain(&name), "{id:?} became {name:?}");
            let other = by_name.insert(name.clone(), id.clone());
            prop_assert!(other.as_ref().is_none_or(|other| *other == id), "{id:?} and {other:?} became {name:?}");
        }
    }

    #[test]
    fn name_of_an_id_is_no_other_ids_name_in_turn(id in any_id()) {
        let name = object_name("bead-", &id, 253);
        for twin in [name.trim_start_matches("bead-").to_owned(), id.to_lowercase(), id.replace('_', "-"), name.clone()] {
            prop_assert!(twin == id || object_name("bead-", &twin, 253) != name, "{id:?} and {twin:?} became {name:?}");
        }
    }

    #[test]
    fn name_keeps_any_limit_that_leaves_room(id in any_id(), max_len in 40..253_usize) {
        prop_assert!(object_name("polecat-", &id, max_len).len() <= max_len);
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_every_line_is_accounted_for(bytes in vec(any::<u8>(), 0..400)) {
        if let Ok(reading) = read(&bytes) {
            let lines = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes).split(|byte| *byte == b'\n');
            let filled = lines.filter(|line| !line.trim_ascii().is_empty()).count();
            let rows = reading.issues.len() + reading.deleted.len() + reading.duplicates.len();
            prop_assert_eq!(rows + reading.rejected.len() + reading.skipped, filled);
        }
    }

    #[test]
    fn rendering_keeps_the_bytes_of_every_line(
        lines in vec(any_line(), 1..12),
        profile in any_profile(),
        now in 0..4_000_000_000_i64,
    ) {
        let file = lines.join("\n");
        let reading = read(file.as_bytes()).unwrap();
        prop_assert!(reading.rejected.is_empty(), "{:?}", reading.rejected);
        let readiness = readiness(&reading, profile, Timestamp::from_second(now).unwrap());
        let (config, scope) = (TrackerConfig::default(), scope());
        let renderer = Renderer::new(&reading, &readiness, &config, &scope);
        for (index, issue) in reading.issues.iter().enumerate() {
            let desired = renderer.desired(index);
            prop_assert_eq!(desired.data["issue.json"].as_bytes(), issue.raw);
            prop_assert!(lines.contains(&desired.data["issue.json"]));
        }
    }

    #[test]
    fn observed_hash_of_what_was_rendered_is_the_desired_one(
        lines in vec(any_line(), 1..6),
        stranger in "[a-z]{1,8}",
        value in "\\PC{0,8}",
    ) {
        let file = lines.join("\n");
        let reading = read(file.as_bytes()).unwrap();
        let readiness = readiness(&reading, Profile::Bd11, Timestamp::UNIX_EPOCH);
        let (config, scope) = (TrackerConfig::default(), scope());
        let desired = Renderer::new(&reading, &readiness, &config, &scope).desired(0);
        let configmap = desired.to_configmap(&scope);
        prop_assert_eq!(observed_hash(&configmap), desired.hash);

        let mut foreign = configmap.clone();
        foreign.metadata.labels.get_or_insert_default().insert(stranger.clone(), value.clone());
        foreign.metadata.annotations.get_or_insert_default().insert(stranger.clone(), value.clone());
        foreign.metadata.uid = Some(value.clone());
        prop_assert_eq!(observed_hash(&foreign), desired.hash);

        let mut drifted = configmap.clone();
        drifted.data.get_or_insert_default().insert(stranger, value.clone());
        prop_assert_ne!(observed_hash(&drifted), desired.hash);
        let mut relabelled = configmap;
        relabelled.metadata.labels.get_or_insert_default().insert("bead-ready".to_owned(), value);
        prop_assert_ne!(observed_hash(&relabelled), desired.hash);
    }

    #[test]
    fn every_issue_is_either_ready_or_has_a_reason(lines in vec(any_line(), 1..20), profile in any_profile()) {
        let file = lines.join("\n");
        let reading = read(file.as_bytes()).unwrap();
        let readiness = readiness(&reading, profile, Timestamp::UNIX_EPOCH);
        let mut ready = readiness.ready.clone();
        ready.sort_unstable();
        let without_reason: Vec<_> =
            (0..reading.issues.len()).filter(|index| readiness.blockers[*index].is_empty()).collect();
        prop_assert_eq!(ready, without_reason);
    }
}
