use beadlet_store::issue::IssueId;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::check;
use super::*;

const BOTH: Mode = Mode {
    claims: true,
    closes: true,
};

fn at(text: &str) -> Timestamp {
    format!("2026-03-01T{text}Z").parse().unwrap()
}

fn word(says: Says, time: &str) -> Word {
    Word {
        bead: IssueId::new("gt-1").unwrap(),
        by: "rig/polecats/nux".to_owned(),
        own: vec!["rig/polecats/nux".to_owned(), "rig/polecats/old".to_owned()],
        says,
        at: at(time),
    }
}

fn done() -> Says {
    Says::Done {
        reason: "Done: branch b".to_owned(),
    }
}

fn gave_up() -> Says {
    Says::GaveUp {
        why: "AgentFailed".to_owned(),
    }
}

const OPEN_BEAD: &str = r#"{"id":"gt-1","title":"t","status":"open","priority":1,"created_at":"2026-03-01T09:00:00Z","updated_at":"2026-03-01T09:00:00Z"}"#;

/// The record after the word, or `None` where the file stays as it is.
#[track_caller]
fn after(record: &str, word: Word) -> Option<String> {
    let before = format!("{{\"id\":\"gt-0\",\"title\":\"other\"}}\n{record}\n");
    let revised = revise(
        before.as_bytes(),
        &[word],
        BOTH,
        &HashSet::new(),
        at("23:00:00"),
    )
    .unwrap();
    assert_eq!(check(before.as_bytes(), &revised.file, &revised.done), []);
    let text = String::from_utf8(revised.file).unwrap();
    assert_eq!(revised.done.is_empty(), text == before);
    (text != before).then(|| text.lines().nth(1).unwrap().to_owned())
}

#[test]
fn claim_names_the_polecat_and_the_start() {
    assert_eq!(
        after(OPEN_BEAD, word(Says::Working, "10:00:00")).unwrap(),
        r#"{"id":"gt-1","title":"t","status":"in_progress","priority":1,"assignee":"rig/polecats/nux","created_at":"2026-03-01T09:00:00Z","updated_at":"2026-03-01T10:00:00Z","started_at":"2026-03-01T10:00:00Z"}"#
    );
}

#[test]
fn what_is_said_already_is_not_written_again() {
    for says in [Says::Working, done(), gave_up()] {
        let said = word(says, "10:00:00");
        let claimed = after(OPEN_BEAD, word(Says::Working, "09:30:00")).unwrap();
        let once = after(&claimed, said.clone()).unwrap_or(claimed);
        assert_eq!(after(&once, said), None, "{once}");
    }
}

#[test]
fn close_stays_with_its_assignee_and_says_why() {
    let claimed = after(OPEN_BEAD, word(Says::Working, "10:00:00")).unwrap();
    let closed: Value =
        serde_json::from_str(&after(&claimed, word(done(), "11:00:00")).unwrap()).unwrap();
    assert_eq!(closed["status"], "closed");
    assert_eq!(closed["assignee"], "rig/polecats/nux");
    assert_eq!(
        (&closed["closed_at"], &closed["updated_at"]),
        (
            &json!("2026-03-01T11:00:00Z"),
            &json!("2026-03-01T11:00:00Z")
        )
    );
    assert_eq!(closed["close_reason"], "Done: branch b");
    assert_eq!(closed["started_at"], "2026-03-01T10:00:00Z");
}

#[test]
fn close_is_later_than_what_it_closes() {
    let same_second = OPEN_BEAD.replace(
        r#""updated_at":"2026-03-01T09:00:00Z""#,
        r#""updated_at":"2026-03-01T11:00:00.7Z""#,
    );
    let closed = after(&same_second, word(done(), "11:00:00")).unwrap();
    assert!(
        closed.contains(r#""closed_at":"2026-03-01T11:00:01Z""#),
        "{closed}"
    );
}

#[test]
fn bead_is_given_back_with_a_comment() {
    let claimed = after(OPEN_BEAD, word(Says::Working, "10:00:00")).unwrap();
    let given = after(&claimed, word(gave_up(), "11:00:00")).unwrap();
    let given: Value = serde_json::from_str(&given).unwrap();
    assert_eq!(
        (&given["status"], given.get("assignee")),
        (&json!("open"), None)
    );
    let comment = &given["comments"][0];
    assert_eq!(
        (&comment["author"], &comment["text"]),
        (&json!("rig/polecats/nux"), &json!("gave up: AgentFailed"))
    );
    assert_eq!(comment["created_at"], given["updated_at"]);
    assert_eq!(comment["id"].as_str().unwrap().len(), 36);
}

#[test]
fn comments_that_are_numbered_go_on_being_numbered() {
    let claimed = r#"{"id":"gt-1","title":"t","status":"in_progress","assignee":"rig/polecats/old","comments":[{"id":7,"text":"x"}]}"#;
    let given = after(claimed, word(gave_up(), "11:00:00")).unwrap();
    let given: Value = serde_json::from_str(&given).unwrap();
    assert_eq!(
        (&given["comments"][0]["id"], &given["comments"][1]["id"]),
        (&json!(7), &json!(8))
    );
}

#[test]
fn comments_of_one_revision_have_numbers_of_their_own() {
    let bead = |id: &str, number: usize| {
        format!(
            r#"{{"id":"{id}","title":"t","status":"in_progress","assignee":"rig/polecats/nux","comments":[{{"id":{number},"text":"x"}}]}}"#
        )
    };
    let before = format!("{}\n{}\n", bead("gt-1", 7), bead("gt-2", 3));
    let words = ["gt-1", "gt-2"].map(|id| Word {
        bead: IssueId::new(id).unwrap(),
        ..word(gave_up(), "11:00:00")
    });
    let except = HashSet::new();
    let revised = revise(before.as_bytes(), &words, BOTH, &except, at("23:00:00")).unwrap();
    let text = String::from_utf8(revised.file).unwrap();
    let numbers = text.lines().map(|line| {
        let record: Value = serde_json::from_str(line).unwrap();
        record["comments"][1]["id"].as_i64().unwrap()
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [8, 9]);
}

#[test]
fn claim_of_the_attempt_before_is_taken_over() {
    let claimed = r#"{"id":"gt-1","title":"t","status":"in_progress","assignee":"rig/polecats/old","started_at":"2026-03-01T09:00:00Z"}"#;
    let taken = after(claimed, word(Says::Working, "11:00:00")).unwrap();
    assert!(
        taken.contains(r#""assignee":"rig/polecats/nux""#)
            && taken.contains(r#""started_at":"2026-03-01T09:00:00Z""#),
        "{taken}"
    );
}

#[test]
fn what_somebody_else_did_stands() {
    let closed = r#"{"id":"gt-1","title":"t","status":"closed","closed_at":"2026-03-01T09:00:00Z","updated_at":"2026-03-01T09:00:00Z"}"#;
    let theirs = r#"{"id":"gt-1","title":"t","status":"in_progress","assignee":"mayor/"}"#;
    let aside = r#"{"id":"gt-1","title":"t","status":"deferred"}"#;
    for record in [closed, theirs, aside] {
        for says in [Says::Working, done(), gave_up()] {
            assert_eq!(after(record, word(says, "11:00:00")), None, "{record}");
        }
    }
}

#[test]
fn bead_that_was_changed_since_the_end_is_not_closed() {
    let later = OPEN_BEAD.replace(
        r#""updated_at":"2026-03-01T09:00:00Z""#,
        r#""updated_at":"2026-03-01T11:00:01Z""#,
    );
    assert_eq!(after(&later, word(done(), "11:00:00")), None);
}

#[test]
fn convoy_is_closed_with_its_last_member() {
    let convoy = |id: &str, member: &str| {
        json!({"id": id, "title": "wave", "status": "open", "issue_type": "convoy", "dependencies": [{"issue_id": id, "depends_on_id": member, "type": "tracks"}]}).to_string()
    };
    let before = [
        OPEN_BEAD.to_owned(),
        convoy("hq-cv-1", "external:rig:gt-1"),
        convoy("hq-cv-2", "gt-unknown"),
    ]
    .join("\n");
    let revised = revise(
        before.as_bytes(),
        &[word(done(), "11:00:00")],
        BOTH,
        &HashSet::new(),
        at("12:00:00"),
    )
    .unwrap();
    let deeds: Vec<_> = revised
        .done
        .iter()
        .map(|done| (done.bead.as_str(), done.deed))
        .collect();
    assert_eq!(
        deeds,
        [("gt-1", Deed::Closed), ("hq-cv-1", Deed::ConvoyClosed)]
    );
    assert_eq!(check(before.as_bytes(), &revised.file, &revised.done), []);
    let only_claims = Mode {
        claims: true,
        closes: false,
    };
    let closed = String::from_utf8(revised.file).unwrap().replace(
        r#""status":"closed","issue_type":"convoy""#,
        r#""status":"open","issue_type":"convoy""#,
    );
    assert_eq!(
        revise(
            closed.as_bytes(),
            &[],
            only_claims,
            &HashSet::new(),
            at("12:00:00")
        )
        .unwrap()
        .done,
        []
    );
}

#[test]
fn line_ends_and_what_stands_around_stay() {
    let before =
        format!("\u{feff}{OPEN_BEAD}\r\n\r\n# comment\r\n{{\"_type\":\"memory\",\"key\":\"k\"}}");
    let revised = revise(
        before.as_bytes(),
        &[word(Says::Working, "10:00:00")],
        BOTH,
        &HashSet::new(),
        at("12:00:00"),
    )
    .unwrap();
    let text = String::from_utf8(revised.file).unwrap();
    let rest = before
        .strip_prefix(&format!("\u{feff}{OPEN_BEAD}"))
        .unwrap();
    assert!(
        text.starts_with("\u{feff}{\"id\":\"gt-1\"") && text.ends_with(rest),
        "{text}"
    );
}

#[test]
fn file_that_the_tracker_would_refuse_is_not_written_into() {
    let word = [word(Says::Working, "10:00:00")];
    let conflict = format!("<<<<<<< HEAD\n{OPEN_BEAD}\n");
    assert!(
        revise(
            conflict.as_bytes(),
            &word,
            BOTH,
            &HashSet::new(),
            at("12:00:00")
        )
        .is_err()
    );
    let broken = format!("{OPEN_BEAD}\n{{\"id\":\"gt-2\"");
    let error = revise(
        broken.as_bytes(),
        &word,
        BOTH,
        &HashSet::new(),
        at("12:00:00"),
    )
    .unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
}

proptest! {
    /// Whatever is said of whatever record: no rule is broken, and saying it again changes nothing.
    #[test]
    fn any_word_keeps_the_rules_and_is_said_once(
        status in prop_oneof!["open", "in_progress", "hooked", "blocked", "closed"],
        assignee in prop_oneof![Just(None), Just(Some("rig/polecats/nux")), Just(Some("rig/polecats/old")), Just(Some("mayor/"))],
        updated in 0_i64..20, finished in 0_i64..20, kind in 0_usize..3, claims in any::<bool>(), closes in any::<bool>(),
    ) {
        let second = |n: i64| Timestamp::from_second(1_772_000_000 + n).unwrap();
        let mut record = json!({"id": "gt-1", "title": "t", "status": status, "updated_at": second(updated).to_string()});
        if let Some(assignee) = assignee {
            record["assignee"] = json!(assignee);
        }
        if status == "closed" {
            record["closed_at"] = record["updated_at"].clone();
        }
        let file = record.to_string() + "\n";
        let says = [Says::Working, done(), gave_up()][kind].clone();
        let word = Word { at: second(finished), ..word(says, "00:00:00") };
        let mode = Mode { claims, closes };
        let once = revise(file.as_bytes(), std::slice::from_ref(&word), mode, &HashSet::new(), second(30)).unwrap();
        prop_assert_eq!(check(file.as_bytes(), &once.file, &once.done), []);
        let twice = revise(&once.file, &[word], mode, &HashSet::new(), second(40)).unwrap();
        prop_assert_eq!(twice.done, []);
        prop_assert_eq!(twice.file, once.file);
    }
}
