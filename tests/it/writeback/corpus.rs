//! Every issue file of the corpus survives a claim and a close of one of its beads, with only that record changed.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use beadlet_store::issue::{Issue, IssueId};
use beadlet_store::reader::read;
use beadlet_store::ready::Profile;
use beadlet_store::tracker::TrackerConfig;
use beadlet_sync::decide::by_hand::{
    Fields, Hand, Insistence, NewBead, NewEdge, Outcome, Request, by_hand,
};
use beadlet_sync::decide::writeback::{Mode, Says, Word, check, revise};
use jiff::Timestamp;
use serde_json::Value;

const CLAIM: Mode = Mode {
    claims: true,
    closes: false,
};

fn word(bead: &IssueId, says: Says) -> Word {
    let by = "rig/polecats/nux".to_owned();
    Word {
        bead: bead.clone(),
        own: vec![by.clone()],
        by,
        says,
        // Later than anything in the corpus.
        at: "2026-11-01T00:00:00Z".parse().unwrap(),
    }
}

/// The file after the word, which must differ in the one line.
fn after(file: &[u8], bead: &IssueId, line: usize, says: Says) -> Vec<u8> {
    let now: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
    let word = word(bead, says);
    let revised = revise(
        file,
        std::slice::from_ref(&word),
        CLAIM,
        &HashSet::new(),
        now,
    )
    .unwrap();
    assert_eq!(revised.stubborn, []);
    assert_eq!(revised.done.len(), 1, "{bead}: {word:?}");
    assert_eq!(check(file, &revised.file, &revised.done), []);
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (before, after) = (lines(file), lines(&revised.file));
    let changed: Vec<usize> = (1..)
        .zip(before.iter().zip(&after))
        .filter(|(_, (old, new))| old != new)
        .map(|(line, _)| line)
        .collect();
    assert_eq!((changed, before.len()), (vec![line], after.len()));
    revised.file
}

/// The file after a command, in which only the lines of these beads differ.
fn asked(file: &[u8], request: &Request, beads: &[&str]) -> Outcome {
    let tracker = TrackerConfig::default();
    let hand = Hand {
        actor: "ann",
        email: "ann@example.com",
        // Later than anything in the corpus.
        now: "2026-11-01T00:00:00Z".parse().unwrap(),
        tracker: &tracker,
        profile: Profile::default(),
        prefix: None,
    };
    let outcome = by_hand(file, request, &hand).unwrap();
    assert_eq!(check(file, &outcome.file, &outcome.done), [], "{request:?}");
    let lines = |bytes: &[u8]| -> BTreeMap<Vec<u8>, usize> {
        let mut lines = BTreeMap::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            *lines.entry(line.trim_ascii_end().to_vec()).or_default() += 1;
        }
        lines
    };
    let (before, after) = (lines(file), lines(&outcome.file));
    let changed = after
        .iter()
        .filter(|(line, count)| before.get(*line) != Some(count));
    let changed: HashSet<String> = changed
        .map(|(line, _)| {
            let record: Value = serde_json::from_slice(line).unwrap();
            record["id"].as_str().unwrap().to_owned()
        })
        .collect();
    let mut beads: HashSet<String> = beads.iter().map(|id| (*id).to_owned()).collect();
    if matches!(request, Request::Create(_)) {
        beads.insert(outcome.bead.to_string());
    }
    assert_eq!(changed, beads, "{request:?}");
    outcome
}

/// One command after the other, each on what the one before it left.
fn commands(name: &str, file: &[u8]) {
    let reading = read(file).unwrap();
    let is_free = |issue: &&Issue<'_>| {
        issue.status == "open"
            && issue.assignee.as_deref().unwrap_or_default().is_empty()
            && !issue.ephemeral
            && issue.dependencies.is_empty()
    };
    let id = reading.issues.iter().find(is_free).unwrap().id.to_string();
    let new = NewBead {
        title: "A new one".to_owned(),
        ..NewBead::default()
    };
    let made = asked(file, &Request::Create(Box::new(new)), &[]);
    let count = read(&made.file).unwrap().issues.len();
    assert_eq!(count, reading.issues.len() + 1, "{name}");
    let child = NewBead {
        title: "A part".to_owned(),
        parent: Some(made.bead.to_string()),
        blocks: vec![id.clone()],
        ..NewBead::default()
    };
    let child = asked(&made.file, &Request::Create(Box::new(child)), &[&id]);
    assert_eq!(child.bead.as_str(), format!("{}.1", made.bead));
    let notes = Fields {
        notes: Some("n".to_owned()),
        ..Fields::default()
    };
    let mut file = child.file;
    let edge = NewEdge {
        on: made.bead.to_string(),
        kind: "related".to_owned(),
    };
    for request in [
        Request::Claim { id: id.clone() },
        Request::Update {
            id: id.clone(),
            fields: Box::new(notes),
        },
        Request::Link {
            id: id.clone(),
            edge,
        },
        Request::Label {
            id: id.clone(),
            labels: vec!["a label".to_owned()],
        },
        Request::Comment {
            id: id.clone(),
            text: "said".to_owned(),
        },
        Request::Close {
            id: id.clone(),
            reason: "Done".to_owned(),
            insistence: Insistence::Force,
        },
    ] {
        file = asked(&file, &request, &[&id]).file;
    }
}

#[test]
fn every_command_changes_only_its_records_in_every_corpus_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = fs::read(&path).unwrap();
        let is_jsonl = path
            .extension()
            .is_some_and(|extension| extension == "jsonl");
        let is_whole = || read(&file).is_ok_and(|reading| reading.rejected.is_empty());
        if is_jsonl && is_whole() {
            commands(&path.to_string_lossy(), &file);
            files += 1;
        }
    }
    assert!(files >= 6, "{files}");
}

#[test]
fn claim_and_close_change_one_record_of_every_corpus_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let (mut written, mut refused) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let file = fs::read(&path).unwrap();
        let Some(reading) = read(&file)
            .ok()
            .filter(|reading| reading.rejected.is_empty())
        else {
            let words = [word(&IssueId::new("x").unwrap(), Says::Working)];
            assert!(revise(&file, &words, CLAIM, &HashSet::new(), Timestamp::UNIX_EPOCH).is_err());
            refused.push(name);
            continue;
        };
        let is_free = |status: &str, assignee: Option<&str>| {
            status == "open" && assignee.is_none_or(str::is_empty)
        };
        let free = reading.issues.iter().filter(|issue| {
            is_free(&issue.status, issue.assignee.as_deref()) && issue.title.len() <= 500
        });
        let mut beads: Vec<(IssueId, usize)> =
            free.map(|issue| (issue.id.clone(), issue.line)).collect();
        assert!(!beads.is_empty(), "{name} has no free bead");
        beads.dedup();
        let some = beads.len().div_ceil(2);
        for (bead, line) in beads.into_iter().step_by(some) {
            let claimed = after(&file, &bead, line, Says::Working);
            let closed = after(
                &claimed,
                &bead,
                line,
                Says::Done {
                    reason: "Done: branch <b> & \"c\"".to_owned(),
                },
            );
            let given = after(
                &claimed,
                &bead,
                line,
                Says::GaveUp {
                    why: "AgentFailed".to_owned(),
                },
            );
            for revised in [&claimed, &closed, &given] {
                assert_eq!(read(revised).unwrap().issues.len(), reading.issues.len());
            }
        }
        written.push(name);
    }
    refused.sort();
    assert_eq!(
        refused,
        [
            "beads-2025-10-16-truncated-line.jsonl",
            "beads-2025-11-23-conflict54.jsonl"
        ]
    );
    assert!(written.len() >= 6, "{written:?}");
}
