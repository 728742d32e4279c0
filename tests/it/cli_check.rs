//! `beadlet check` says what is wrong in a file, line by line.

use serde_json::{Value, json};

use crate::cli::{Answer, answer, beadlet, command, fixture_text, shared};

fn check(file: &str) -> Answer {
    answer(command(&["check", "-"]), file.as_bytes())
}

fn problems(file: &str) -> Vec<(Option<u64>, String, String)> {
    let answer = answer(command(&["check", "-", "-o", "json"]), file.as_bytes());
    let found: Value = serde_json::from_str(&answer.stdout).unwrap();
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    let all = found["problems"].as_array().unwrap().iter();
    all.map(|problem| {
        (
            problem["line"].as_u64(),
            text(problem, "kind"),
            text(problem, "id"),
        )
    })
    .collect()
}

fn issue(id: &str, more: &Value) -> String {
    let mut issue = json!({"id": id, "title": id, "status": "open", "priority": 1, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    issue
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    format!("{issue}\n")
}

fn edge(from: &str, to: &str, kind: &str) -> Value {
    json!({"dependencies": [{"issue_id": from, "depends_on_id": to, "type": kind}]})
}

fn problem(line: u64, kind: &str, id: &str) -> (Option<u64>, String, String) {
    (Some(line), kind.to_owned(), id.to_owned())
}

#[test]
fn a_clean_file_is_called_clean() {
    let answer = beadlet(&["check", &fixture_text("town.jsonl")]);
    assert!(
        answer.good().ends_with("9 issues read, nothing is wrong\n"),
        "{}",
        answer.stdout
    );
}

#[test]
fn problems_make_exit_code_one_and_come_in_the_order_of_the_lines() {
    let file = issue("a-1", &edge("a-1", "a-9", "blocks"))
        + "{\"id\":\n"
        + "[1]\n"
        + &issue("a-2", &json!({}));
    let answer = check(&file);
    assert_eq!(answer.code, 1);
    insta::assert_snapshot!("check_table", answer.stdout);
}

#[test]
fn conflict_markers_are_named_line_by_line() {
    let file = shared("corpus/beads-2025-11-23-conflict54.jsonl");
    let answer = beadlet(&["check", file.to_str().unwrap(), "--no-headers"]);
    assert_eq!(answer.code, 1);
    assert!(answer.stdout.starts_with("51 "), "{}", answer.stdout);
    assert!(
        answer.stdout.contains("conflict-markers"),
        "{}",
        answer.stdout
    );
}

#[test]
fn targets_that_are_missing_are_found_and_deleted_or_external_ones_are_not() {
    let gone = issue(
        "a-3",
        &json!({"status": "tombstone", "deleted_at": "2026-01-02T00:00:00Z"}),
    );
    let file = issue("a-1", &edge("a-1", "a-9", "blocks"))
        + &issue("a-2", &edge("a-2", "a-3", "blocks"))
        + &gone
        + &issue("a-4", &edge("a-4", "external:x:y", "blocks"))
        + &issue("a-5", &edge("a-8", "a-1", "related"));
    assert_eq!(
        problems(&file),
        [
            problem(1, "missing-target", "a-1"),
            problem(5, "dangling-edge", "a-5")
        ]
    );
}

#[test]
fn issues_that_wait_for_each_other_are_one_cycle() {
    let file = issue("a-1", &edge("a-1", "a-2", "blocks"))
        + &issue("a-2", &edge("a-2", "a-3", "blocks"))
        + &issue("a-3", &edge("a-3", "a-1", "blocks"))
        + &issue("a-4", &edge("a-4", "a-4", "blocks"));
    assert_eq!(
        problems(&file),
        [problem(1, "cycle", "a-1"), problem(4, "cycle", "a-4")]
    );
    assert!(check(&file).stdout.contains("a-1 → a-2 → a-3 → a-1"));
}

#[test]
fn a_parent_that_waits_for_its_child_is_a_cycle_and_a_family_is_none() {
    let family = issue("a-1", &json!({})) + &issue("a-2", &edge("a-2", "a-1", "parent-child"));
    assert_eq!(problems(&family), []);
    let stuck = issue("a-1", &edge("a-1", "a-2", "blocks"))
        + &issue("a-2", &edge("a-2", "a-1", "parent-child"));
    assert_eq!(problems(&stuck), [problem(1, "cycle", "a-1")]);
}

#[test]
fn finished_issues_are_in_no_cycle() {
    let closed = json!({"status": "closed", "closed_at": "2026-01-02T00:00:00Z",
        "dependencies": [{"issue_id": "a-2", "depends_on_id": "a-1", "type": "blocks"}]});
    let file = issue("a-1", &edge("a-1", "a-2", "blocks")) + &issue("a-2", &closed);
    assert_eq!(problems(&file), []);
}

#[test]
fn a_row_that_repeats_an_id_is_found_where_it_stands() {
    let newer = json!({"updated_at": "2026-01-02T00:00:00Z"});
    let file = issue("a-1", &newer) + &issue("a-1", &json!({})) + &issue("a-2", &json!({}));
    assert_eq!(problems(&file), [problem(2, "duplicate", "a-1")]);
    let corpus = shared("corpus/gastown-2025-12-22-dup3092.jsonl");
    let answer = beadlet(&["check", corpus.to_str().unwrap()]);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.stdout.matches(" duplicate ").count(), 3092);
}

#[test]
fn words_that_the_tracker_does_not_know_are_found_unless_configured() {
    let file = issue("a-1", &json!({"status": "waiting"}));
    assert_eq!(
        problems(&file).first().map(|problem| problem.1.clone()),
        Some("unknown-word".to_owned())
    );
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.yaml");
    std::fs::write(&config, "status.custom: waiting\n").unwrap();
    let args = ["check", "-", "--tracker-config", config.to_str().unwrap()];
    assert_eq!(answer(command(&args), file.as_bytes()).code, 0);
}

#[test]
fn a_file_that_cannot_be_read_makes_exit_code_two() {
    let missing = beadlet(&["check", "/nowhere/issues.jsonl"]);
    assert!(
        missing
            .failed(2)
            .contains("cannot read /nowhere/issues.jsonl"),
        "{}",
        missing.stderr
    );
}
