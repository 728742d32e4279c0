//! The commands that answer a question about issues: tables, objects, one issue, reasons.

use serde_json::{Value, json};

use crate::cli::{Answer, beadlet, command, fixture, fixture_text};

const NOW: &str = "2026-01-10T00:00:00Z";

fn town(command: &str, more: &[&str]) -> Answer {
    let town = fixture_text("town.jsonl");
    let args: &[&str] = match command {
        "show" | "why" => &[command, more[0], &town, "--now", NOW],
        _ => &[command, &town, "--now", NOW],
    };
    let more = if matches!(command, "show" | "why") {
        &more[1..]
    } else {
        more
    };
    beadlet(&[args, more].concat())
}

#[test]
fn tables_look_as_kubectl_users_expect() {
    insta::assert_snapshot!("ready_table", town("ready", &[]).good());
    insta::assert_snapshot!("ready_wide", town("ready", &["-o", "wide"]).good());
    insta::assert_snapshot!("list_table", town("list", &[]).good());
    insta::assert_snapshot!("list_wide", town("list", &["-o", "wide"]).good());
}

#[test]
fn headers_can_be_left_out() {
    let with = town("list", &[]);
    let without = town("list", &["--no-headers"]);
    assert_eq!(with.lines().len(), without.lines().len() + 1);
    assert!(without.good().starts_with("gt-0001"));
}

#[test]
fn colours_are_used_when_asked_for_and_not_in_a_pipe() {
    let coloured = town("list", &["--color", "always"]);
    assert!(coloured.good().contains("\u{1b}["));
    assert!(!town("list", &[]).good().contains("\u{1b}["));
}

#[test]
fn json_is_a_list_of_the_issues_as_they_stand_in_git() {
    let answer = town("list", &["--label", "urgent", "-o", "json"]);
    let list: Value = serde_json::from_str(answer.good()).unwrap();
    let line = std::fs::read_to_string(fixture("town.jsonl"))
        .unwrap()
        .lines()
        .nth(4)
        .unwrap()
        .to_owned();
    assert_eq!(list, json!([serde_json::from_str::<Value>(&line).unwrap()]));
    for kept in [r#""count": 12345678901234567890"#, "2.50", r#"\"<\" in"#] {
        assert!(
            answer.stdout.contains(kept),
            "{kept} is not kept in {}",
            answer.stdout
        );
    }
}

#[test]
fn yaml_holds_the_same_as_json() {
    let yaml: Vec<Value> = serde_saphyr::from_str(town("list", &["-o", "yaml"]).good()).unwrap();
    let json: Vec<Value> = serde_json::from_str(town("list", &["-o", "json"]).good()).unwrap();
    assert_eq!(yaml, json);
}

#[test]
fn list_shows_every_issue_but_deleted_ones() {
    assert_eq!(town("list", &["-o", "name"]).lines().len(), 9);
    assert_eq!(
        town("list", &["--status", "closed,in_progress", "-o", "name"]).lines(),
        ["gt-0002", "gt-0009"]
    );
    assert_eq!(
        town(
            "list",
            &["--assignee", "gastown/polecats/toast", "-o", "name"]
        )
        .lines(),
        ["gt-0002"]
    );
    assert_eq!(
        town(
            "list",
            &["-l", "bead-label/gt.owned,bead-status=open", "-o", "name"]
        )
        .lines(),
        ["gt-0001"]
    );
}

#[test]
fn show_prints_all_that_is_known_of_an_issue() {
    insta::assert_snapshot!("show_blocked", town("show", &["gt-0003"]).good());
    insta::assert_snapshot!("show_ready", town("show", &["gt-0005"]).good());
    let one: Value = serde_json::from_str(town("show", &["gt-0005", "-o", "json"]).good()).unwrap();
    assert_eq!(one["x_custom"], json!([1, 2.5, "kept"]));
}

#[test]
fn why_tells_the_chain_of_reasons() {
    insta::assert_snapshot!("why_chain", town("why", &["gt-0004"]).good());
    insta::assert_snapshot!("why_ready", town("why", &["gt-0005"]).good());
    insta::assert_snapshot!("why_not_dispatchable", town("why", &["gt-0001"]).good());
    insta::assert_snapshot!("why_human", town("why", &["gt-0006"]).good());
    assert_eq!(
        town("why", &["gt-0004", "-o", "name"]).lines(),
        ["gt-0003", "gt-0002"]
    );
}

#[test]
fn why_answers_programs_too() {
    let answer: Value =
        serde_json::from_str(town("why", &["gt-0004", "-o", "json"]).good()).unwrap();
    assert_eq!(answer["ready"], false);
    let told = |at: usize| {
        (
            answer["reasons"][at]["depth"].as_u64(),
            answer["reasons"][at]["of"].as_str(),
        )
    };
    assert_eq!(
        [told(0), told(1), told(2)],
        [
            (Some(0), Some("gt-0004")),
            (Some(1), Some("gt-0003")),
            (Some(2), Some("gt-0002"))
        ]
    );
    let ready: Value =
        serde_json::from_str(town("why", &["gt-0008", "-o", "json"]).good()).unwrap();
    assert_eq!(
        (
            &ready["place"],
            &ready["dispatchPlace"],
            &ready["dispatchable"]
        ),
        (&json!(3), &json!(2), &json!(true))
    );
}

#[test]
fn issues_that_wait_for_each_other_are_told_once() {
    let edge =
        |from: &str, to: &str| json!([{"issue_id": from, "depends_on_id": to, "type": "blocks"}]);
    let line = |id: &str, to: &str| json!({"id": id, "title": id, "status": "open", "priority": 1, "issue_type": "task", "dependencies": edge(id, to)});
    let file = format!("{}\n{}\n", line("a-1", "a-2"), line("a-2", "a-1"));
    let answer = crate::cli::answer(command(&["why", "a-1", "-"]), file.as_bytes());
    assert_eq!(answer.lines().len(), 3, "{}", answer.stdout);
    assert!(answer.stdout.contains("see above"), "{}", answer.stdout);
}

#[test]
fn id_and_target_come_in_either_order() {
    let town = fixture_text("town.jsonl");
    let one = beadlet(&["show", "gt-0003", &town, "--now", NOW]);
    let other = beadlet(&["show", &town, "gt-0003", "--now", NOW]);
    assert_eq!(one.good(), other.good());
}

#[test]
fn an_unknown_id_is_answered_with_the_nearest() {
    let typo = town("show", &["gt-0033"]);
    assert!(
        typo.failed(1).contains("no issue gt-0033 in "),
        "{}",
        typo.stderr
    );
    assert!(
        typo.stderr.contains("; the nearest are gt-0003, "),
        "{}",
        typo.stderr
    );
    let short = town("why", &["0004"]);
    assert!(
        short.failed(1).contains("the nearest are gt-0004"),
        "{}",
        short.stderr
    );
    let far = town("why", &["completely-different"]);
    assert!(
        far.failed(1)
            .contains("`beadlet list -o name` prints the ids"),
        "{}",
        far.stderr
    );
    let deleted = town("show", &["gt-0010"]);
    assert!(
        deleted.failed(1).contains("issue gt-0010 was deleted in "),
        "{}",
        deleted.stderr
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let town = fixture_text("town.jsonl");
    for args in [
        vec!["list", &town],
        vec!["completion", "bash"],
        vec!["--help"],
    ] {
        let mut child = command(&args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.as_slice()),
            (Some(0), b"".as_slice()),
            "{args:?}"
        );
    }
}
