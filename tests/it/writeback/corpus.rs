//! Every issue file of the corpus survives a claim and a close of one of its beads, with only that record changed.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use beadlet_store::issue::IssueId;
use beadlet_store::reader::read;
use beadlet_sync::decide::writeback::{Mode, Says, Word, check, revise};
use jiff::Timestamp;

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
