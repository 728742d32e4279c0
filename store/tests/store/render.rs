//! What issues become in the cluster.

use std::fmt::Write;

use beadlet_store::configmap::{ContentHash, DesiredBead, Renderer, Scope, mirrored};
use beadlet_store::reader::{Reading, read};
use beadlet_store::ready::{Profile, readiness};
use beadlet_store::tracker::TrackerConfig;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};

use crate::{fixture, shared};

const MIB: usize = 1 << 20;

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn scope() -> Scope {
    Scope {
        namespace: "beads".to_owned(),
        store: "town".to_owned(),
        owner: Some(OwnerReference {
            api_version: "gastown.gastown.io/v1alpha1".to_owned(),
            kind: "BeadStore".to_owned(),
            name: "town".to_owned(),
            uid: "0d1cbe1c-5a8c-4c6e-9f59-0a8f8c2f3f11".to_owned(),
            ..OwnerReference::default()
        }),
        profile: Profile::Bd11,
        prefixes: vec!["gt".to_owned()],
        closed_retention: None,
    }
}

fn rendered(reading: &Reading<'_>) -> Vec<DesiredBead> {
    let (config, scope) = (TrackerConfig::default(), scope());
    let readiness = readiness(reading, scope.profile, now());
    let renderer = Renderer::new(reading, &readiness, &config, &scope);
    (0..reading.issues.len())
        .map(|index| renderer.desired(index))
        .collect()
}

/// The only issue of a file, rendered.
fn bead(line: &[u8]) -> DesiredBead {
    rendered(&read(line).unwrap()).remove(0)
}

fn issue_json(bead: &DesiredBead) -> Value {
    serde_json::from_str(&bead.data["issue.json"]).unwrap()
}

fn data_len(bead: &DesiredBead) -> usize {
    bead.data
        .values()
        .map(String::len)
        .chain(bead.binary_data.values().map(Vec::len))
        .sum()
}

#[test]
fn issues_become_configmaps_as_the_fixtures_say() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(fixture("render"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in ["town", "odd"] {
        let bytes = std::fs::read(fixture(&format!("render/{name}.jsonl"))).unwrap();
        let beads = rendered(&read(&bytes).unwrap());
        let configmaps: Vec<_> = beads
            .iter()
            .map(|bead| bead.to_configmap(&scope()))
            .collect();
        settings.bind(|| insta::assert_yaml_snapshot!(name, configmaps));
    }
}

#[test]
fn every_line_of_the_real_files_is_kept_byte_by_byte() {
    for file in std::fs::read_dir(shared("corpus")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let Ok(reading) = read(&bytes) else { continue };
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        for (issue, bead) in reading.issues.iter().zip(rendered(&reading)) {
            let line = lines[issue.line - 1];
            assert_eq!(
                bead.data["issue.json"].as_bytes(),
                line.strip_suffix(b"\r").unwrap_or(line)
            );
        }
    }
}

#[test]
fn value_that_does_not_fit_a_label_is_left_out() {
    let long = "x".repeat(64);
    let line = json!({
        "id": "gt-1", "status": "in review", "issue_type": long, "priority": 7,
        "labels": ["fits", long, "-dash", "", "with space", "ünïcode"],
    });
    let labels = bead(line.to_string().as_bytes()).labels;
    let keys: Vec<_> = labels.keys().map(String::as_str).collect();
    let expected = [
        "app.kubernetes.io/managed-by",
        "bead-label/fits",
        "bead-prefix",
        "bead-ready",
        "gastown.gastown.io/store",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn two_labels_that_become_the_same_key_are_one_label() {
    let labels = bead(br#"{"id":"gt-1","labels":["gt:owned","gt/owned","gt.owned"]}"#).labels;
    let own: Vec<_> = labels
        .keys()
        .filter(|key| key.starts_with("bead-label/"))
        .collect();
    assert_eq!(own, ["bead-label/gt.owned"]);
}

#[test]
fn issue_with_thousands_of_labels_keeps_as_many_as_can_be_stored() {
    let names: Vec<_> = (0..20_000).map(|n| format!("label-{n:05}")).collect();
    let labels = bead(
        json!({"id": "gt-1", "labels": names})
            .to_string()
            .as_bytes(),
    )
    .labels;
    assert_eq!(
        labels
            .keys()
            .filter(|key| key.starts_with("bead-label/"))
            .count(),
        512
    );
    assert!(labels.contains_key("bead-label/label-00511"));
}

#[test]
fn line_that_is_not_utf8_is_kept_as_binary_data() {
    let line = b"{\"id\":\"gt-1\",\"title\":\"caf\xE9\"}";
    let bead = bead(line);
    assert_eq!(bead.binary_data["issue.json"], line);
    assert_eq!(bead.data.keys().collect::<Vec<_>>(), ["title"]);
}

#[test]
fn issue_too_large_for_a_configmap_is_shortened_where_it_is_longest() {
    let text = "\"long\" lines\n".repeat(2 * MIB / 13);
    let line = format!(
        "{{\"id\":\"gt-1\",\"title\":\"Title\",\"description\":{},\"unknown\":{{\"b\":1,\"a\":[2]}},\"notes\":\"short\"}}",
        json!(text)
    );
    let bead = bead(line.as_bytes());
    assert_eq!(
        bead.annotations["gastown.gastown.io/shortened-fields"],
        "description"
    );
    assert!(
        data_len(&bead) <= MIB && data_len(&bead) > MIB - 100,
        "{} bytes",
        data_len(&bead)
    );
    let json = issue_json(&bead);
    let note = format!("… [shortened, {} bytes in git]", text.len());
    let kept = json["description"]
        .as_str()
        .unwrap()
        .strip_suffix(&note)
        .unwrap();
    assert!(text.starts_with(kept));
    assert!(
        bead.data["issue.json"].ends_with("\"unknown\":{\"b\":1,\"a\":[2]},\"notes\":\"short\"}")
    );
    assert_eq!(bead.data["title"], "Title");
}

#[test]
fn lists_objects_and_titles_are_shortened_too() {
    let comments: Vec<_> = (0..100_000)
        .map(|n| json!({"id": n, "text": "yes"}))
        .collect();
    let fields: serde_json::Map<_, _> = (0..40_000)
        .map(|n| (format!("key{n}"), json!("value")))
        .collect();
    let title = "ä".repeat(MIB);
    let line =
        json!({"comments": comments, "id": "gt-1", "metadata": fields, "title": title}).to_string();
    let bead = bead(line.as_bytes());
    assert_eq!(
        bead.annotations["gastown.gastown.io/shortened-fields"],
        "comments, metadata, title"
    );
    let json = issue_json(&bead);
    assert_eq!(json["comments"][100], json!({"id": 100, "text": "yes"}));
    assert_eq!(json["metadata"], Value::Null);
    assert!(title.starts_with(&bead.data["title"]) && bead.data["title"].len() == 4096);
    assert!(data_len(&bead) <= MIB, "{} bytes", data_len(&bead));
}

#[test]
fn many_middling_fields_lose_a_little_each_and_the_id_nothing() {
    let id = "x".repeat(1024);
    let mut line = format!("{{\"id\":\"{id}\"");
    (0..2_000).for_each(|n| write!(line, ",\"key{n}\":\"{}\"", "y".repeat(700)).unwrap());
    let bead = bead((line + "}").as_bytes());
    let json = issue_json(&bead);
    assert_eq!(json["id"], id);
    assert_eq!(json.as_object().unwrap().len(), 2_001);
    assert!(
        json["key1999"]
            .as_str()
            .unwrap()
            .ends_with("y… [shortened, 700 bytes in git]")
    );
    assert!(data_len(&bead) <= MIB, "{} bytes", data_len(&bead));
    let shortened = &bead.annotations["gastown.gastown.io/shortened-fields"];
    assert!(shortened.ends_with("key9, and 1990 more"), "{shortened}");
}

#[test]
fn line_with_more_keys_than_fit_is_reduced_to_what_matters() {
    let mut line = String::from("{\"id\":\"gt-1\",\"status\":\"closed\",\"title\":\"Title\"");
    (0..200_000).for_each(|n| write!(line, ",\"key{n}\":1").unwrap());
    let bead = bead((line + "}").as_bytes());
    let expected = json!({"id": "gt-1", "title": "Title", "status": "closed", "priority": 0, "issue_type": "task"});
    assert_eq!(issue_json(&bead), expected);
    assert!(bead.annotations["gastown.gastown.io/shortened-fields"].starts_with("all but id"));
}

#[test]
fn long_list_of_reasons_is_cut_and_says_how_many_more_there_are() {
    let edges: Vec<_> = (0..500)
        .map(|n| json!({"depends_on_id": format!("gt-b{n}"), "type": "blocks"}))
        .collect();
    let mut file = json!({"id": "gt-1", "dependencies": edges}).to_string();
    (0..500).for_each(|n| write!(file, "\n{{\"id\":\"gt-b{n}\"}}").unwrap());
    let reading = read(file.as_bytes()).unwrap();
    let text = &rendered(&reading)[0].annotations["gastown.gastown.io/blocked-by"];
    assert!(
        text.starts_with("blocked by gt-b0; blocked by gt-b1; "),
        "{text}"
    );
    assert!(text.ends_with("; blocked by gt-b9; and 490 more"), "{text}");
}

#[test]
fn configured_prefix_of_the_tracker_is_known_as_well() {
    let reading = read(b"{\"id\":\"me-py-toolkit-abcd\"}").unwrap();
    let readiness = readiness(&reading, Profile::Bd11, now());
    let config = TrackerConfig {
        issue_prefix: Some("me-py-toolkit".to_owned()),
        ..TrackerConfig::default()
    };
    let bead = Renderer::new(&reading, &readiness, &config, &scope()).desired(0);
    assert_eq!(bead.labels["bead-prefix"], "me-py-toolkit");
}

#[test]
fn namespace_and_owner_are_no_part_of_the_hash_but_labels_are() {
    let elsewhere = Scope {
        namespace: "other".to_owned(),
        owner: None,
        ..scope()
    };
    let relabelled = Scope {
        store: "other".to_owned(),
        ..scope()
    };
    let reading = read(b"{\"id\":\"gt-1\"}").unwrap();
    let readiness = readiness(&reading, Profile::Bd11, now());
    let config = TrackerConfig::default();
    let hash = |scope: &Scope| {
        Renderer::new(&reading, &readiness, &config, scope)
            .desired(0)
            .hash
    };
    assert_eq!(hash(&scope()), hash(&elsewhere));
    assert_ne!(hash(&scope()), hash(&relabelled));
}

#[test]
fn hash_is_written_in_hex_and_read_again() {
    let hash = bead(b"{\"id\":\"gt-1\"}").hash;
    let written = hash.to_string();
    assert_eq!(ContentHash::parse(&written), Some(hash));
    let broken = [
        written[1..].to_owned(),
        format!("{written}0"),
        written.replace(|c: char| c.is_ascii_digit(), "+"),
    ];
    assert!(broken.iter().all(|text| ContentHash::parse(text).is_none()));
}

#[test]
fn closed_issue_is_mirrored_until_its_retention_ends() {
    let file = br#"{"id":"a-1","status":"closed","closed_at":"2026-05-30T00:00:00Z"}
{"id":"a-2","status":"closed","closed_at":"2026-05-01T00:00:00Z"}
{"id":"a-3","status":"closed"}
{"id":"a-4","status":"open","closed_at":"2026-05-01T00:00:00Z"}"#;
    let reading = read(file).unwrap();
    let week = std::time::Duration::from_secs(7 * 24 * 3600);
    let scope = Scope {
        closed_retention: Some(week),
        ..scope()
    };
    let some = mirrored(&reading, &scope, now());
    assert_eq!(
        (some.issues, some.next_change),
        (vec![0, 2, 3], Some("2026-06-06T00:00:00Z".parse().unwrap()))
    );
    let all = mirrored(
        &reading,
        &Scope {
            closed_retention: None,
            ..scope
        },
        now(),
    );
    assert_eq!((all.issues, all.next_change), (vec![0, 1, 2, 3], None));
}
