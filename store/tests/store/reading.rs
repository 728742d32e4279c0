//! What the line reader makes of good and of broken files.

use std::borrow::Cow;

use beadlet_store::reader::{MAX_LINE, Reading, Refusal, RejectReason, read};

use crate::shared;

fn ids<'a>(reading: &'a Reading<'_>) -> Vec<&'a str> {
    reading
        .issues
        .iter()
        .map(|issue| issue.id.as_str())
        .collect()
}

/// The reason and message with which the only line of a file is rejected.
fn rejection(line: &str) -> (RejectReason, String) {
    let reading = read(line.as_bytes()).unwrap();
    assert_eq!(reading.rejected.len(), 1, "{line} is rejected");
    (
        reading.rejected[0].reason,
        reading.rejected[0].message.clone(),
    )
}

#[test]
fn byte_order_mark_and_carriage_returns_are_no_part_of_a_line() {
    let reading = read(b"\xEF\xBB\xBF{\"id\":\"a-1\"}\r\n{\"id\":\"a-2\"}\r\n").unwrap();
    assert_eq!(ids(&reading), ["a-1", "a-2"]);
    assert_eq!(reading.issues[0].raw, b"{\"id\":\"a-1\"}");
}

#[test]
fn blank_lines_are_nothing_and_comments_are_skipped() {
    let reading = read(b"\n  \r\n# {\"id\":\"a-0\"}\n{\"id\":\"a-1\"}\n\n").unwrap();
    assert_eq!((ids(&reading), reading.skipped), (vec!["a-1"], 1));
    assert_eq!(reading.issues[0].line, 4);
}

#[test]
fn headers_memories_and_unknown_records_are_skipped() {
    let reading = read(
        b"{\"_schema\":\"beads-jsonl/1\",\"_dolt_commit\":\"c0ffee\"}\n\
          {\"_type\":\"memory\",\"key\":\"k\",\"status\":7}\n{\"_type\":\"novelty\",\"id\":\"a-0\"}\n\
          {\"_type\":\"issue\",\"id\":\"a-1\"}\n",
    )
    .unwrap();
    assert_eq!((ids(&reading), reading.skipped), (vec!["a-1"], 3));
    assert_eq!(reading.dolt_commit.as_deref(), Some("c0ffee"));
    assert!(reading.rejected.is_empty());
}

#[test]
fn missing_fields_mean_an_open_task_of_priority_zero() {
    let reading = read(b"{\"id\":\"a-1\",\"status\":null,\"issue_type\":\"\"}").unwrap();
    let issue = &reading.issues[0];
    assert_eq!(
        (&*issue.status, &*issue.issue_type, issue.priority),
        ("open", "task", 0)
    );
}

#[test]
fn keys_match_in_any_case_and_the_last_of_two_wins() {
    let reading =
        read(b"{\"ID\":\"a-1\",\"Status\":\"open\",\"STATUS\":\"closed\",\"Depends_On_Id_\":1}")
            .unwrap();
    assert_eq!(
        (ids(&reading), &*reading.issues[0].status),
        (vec!["a-1"], "closed")
    );
}

#[test]
fn text_is_borrowed_from_the_file_where_json_allows_it() {
    let file =
        br#"{"id":"a-1","title":"plain","assignee":"a\nb","labels":["x"],"description":"\u00e4"}"#;
    let reading = read(file).unwrap();
    let issue = &reading.issues[0];
    assert!(matches!(issue.title, Cow::Borrowed("plain")));
    assert!(matches!(issue.labels[0], Cow::Borrowed("x")));
    assert_eq!(issue.assignee.as_deref(), Some("a\nb"));
}

#[test]
fn field_of_the_wrong_type_rejects_the_line_and_is_named() {
    let cases = [
        (r#"{"id":7}"#, "id is a number, not a string"),
        (
            r#"{"id":"a-1","status":true}"#,
            "status is a boolean, not a string",
        ),
        (
            r#"{"id":"a-1","priority":"2"}"#,
            "priority is a string, not a whole number",
        ),
        (
            r#"{"id":"a-1","priority":1.5}"#,
            "priority is a number with a fraction, not a whole number",
        ),
        (
            r#"{"id":"a-1","pinned":1}"#,
            "pinned is a number, not true or false",
        ),
        (
            r#"{"id":"a-1","labels":["x",{}]}"#,
            "labels is a list with an object in it, not a list of strings",
        ),
        (
            r#"{"id":"a-1","labels":"x"}"#,
            "labels is a string, not a list of strings",
        ),
        (
            r#"{"id":"a-1","dependencies":[{"type":["x"]}]}"#,
            "dependencies is a list with an edge whose type is an array in it, not a list of edges",
        ),
        (
            r#"{"id":"a-1","defer_until":"soon"}"#,
            r#"defer_until is "soon", not an RFC 3339 instant"#,
        ),
        (
            r#"{"id":"a-1","deleted_at":"once"}"#,
            r#"deleted_at is "once", not an RFC 3339 instant"#,
        ),
    ];
    for (line, message) in cases {
        assert_eq!(
            rejection(line),
            (RejectReason::WrongType, message.to_owned()),
            "{line}"
        );
    }
}

#[test]
fn field_that_decides_nothing_may_be_anything() {
    let reading =
        read(br#"{"id":"a-1","description":7,"metadata":[{"a":{}}],"comments":{},"timeout":1e3}"#)
            .unwrap();
    assert_eq!(ids(&reading), ["a-1"]);
}

#[test]
fn line_that_is_no_record_is_rejected_with_its_reason() {
    let long_id = format!(r#"{{"id":"{}"}}"#, "a".repeat(1025));
    let cases = [
        (r#"{"id":""}"#, RejectReason::NoId),
        (r#"{"title":"x"}"#, RejectReason::NoId),
        (r#"["a-1"]"#, RejectReason::NotAnObject),
        ("null", RejectReason::NotAnObject),
        (r#"{"id":"a-1"} x"#, RejectReason::NotJson),
        ("{\"id\":\"a-1\0\"}", RejectReason::NotJson),
        ("not json", RejectReason::NotJson),
        (&long_id, RejectReason::TooLong),
    ];
    for (line, reason) in cases {
        assert_eq!(rejection(line).0, reason, "{line}");
    }
}

#[test]
fn line_without_its_end_or_beginning_is_truncated() {
    assert_eq!(
        rejection(r#"{"id":"a-1","title":"ha"#).0,
        RejectReason::Truncated
    );
    assert_eq!(
        rejection(r#"05-07:00","status":"open"}"#).0,
        RejectReason::Truncated
    );
    let bytes = std::fs::read(shared("corpus/beads-2025-10-16-truncated-line.jsonl")).unwrap();
    let reading = read(&bytes).unwrap();
    assert_eq!((reading.issues.len(), reading.rejected.len()), (429, 1));
    assert_eq!(
        (reading.rejected[0].line, reading.rejected[0].reason),
        (430, RejectReason::Truncated)
    );
}

#[test]
fn id_of_a_broken_line_is_kept_where_it_stands_first() {
    let cases = [
        (r#"{"id":"a-1","title":"ha"#, Some("a-1")),
        (r#"{ "_type": "issue", "id": "a-1", "title"#, Some("a-1")),
        (r#"{"priority":"2","id":"a-1"}"#, Some("a-1")),
        (r#"{"title":"id","id":"a-1"#, None),
        (r#"{"id":"a-1\u00"#, None),
        (r#"{"id":"a-"#, None),
    ];
    for (line, id) in cases {
        let reading = read(line.as_bytes()).unwrap();
        assert_eq!(
            reading.rejected[0]
                .id
                .as_ref()
                .map(ToString::to_string)
                .as_deref(),
            id,
            "{line}"
        );
    }
}

#[test]
fn absurdly_long_line_is_rejected_and_its_neighbours_are_read() {
    let file = [
        b"{\"id\":\"a-1\"}\n".as_slice(),
        &vec![b'x'; MAX_LINE + 1],
        b"\n{\"id\":\"a-2\"}",
    ]
    .concat();
    let reading = read(&file).unwrap();
    assert_eq!(ids(&reading), ["a-1", "a-2"]);
    assert_eq!(
        (reading.rejected[0].line, reading.rejected[0].reason),
        (2, RejectReason::TooLong)
    );
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_but_kept_in_the_raw_line() {
    let file = b"{\"id\":\"a-1\",\"title\":\"caf\xE9\"}\n";
    let reading = read(file).unwrap();
    assert_eq!(reading.issues[0].title, "caf\u{FFFD}");
    assert_eq!(reading.issues[0].raw, &file[..file.len() - 1]);
    assert_eq!((reading.warnings.len(), reading.warnings[0].line), (1, 1));
}

#[test]
fn half_a_surrogate_pair_is_replaced_as_the_tracker_does() {
    let reading = read(br#"{"id":"a-1","title":"\\ud83d \ud83d\ude00 \ud83d!"}"#).unwrap();
    assert_eq!(reading.issues[0].title, "\\ud83d \u{1F600} \u{FFFD}!");
    assert_eq!(reading.warnings.len(), 1);
}

#[test]
fn odd_values_that_decide_nothing_are_warned_of() {
    let reading = read(
        br#"{"id":"a-1","priority":9,"created_at":"yesterday","dependencies":[{"depends_on_id":"a-2"}]}"#,
    )
    .unwrap();
    let messages: Vec<_> = reading
        .warnings
        .iter()
        .map(|warning| warning.message.as_str())
        .collect();
    let expected = [
        "priority 9 is not one of 0 to 4",
        "created_at is \"yesterday\", not an RFC 3339 instant",
        "an edge without a type or a target has no effect",
    ];
    assert_eq!(messages, expected);
    assert_eq!(reading.issues[0].priority, 9);
}

#[test]
fn deferral_to_the_end_of_time_is_the_last_instant_there_is() {
    let reading = read(br#"{"id":"a-1","defer_until":"9999-12-31T23:59:59Z"}"#).unwrap();
    assert_eq!(reading.issues[0].defer_until, Some(jiff::Timestamp::MAX));
}

#[test]
fn tombstones_in_all_forms_are_deletions() {
    let reading = read(
        b"{\"id\":\"a-1\",\"status\":\"tombstone\"}\n\
          {\"id\":\"a-2\",\"status\":\"deleted\",\"deleted_at\":\"2026-01-01T00:00:00Z\"}\n\
          {\"id\":\"a-3\",\"status\":\"open\",\"deleted_at\":\"2026-01-01T00:00:00Z\"}\n\
          {\"id\":\"a-4\",\"_deleted\":true,\"_deleted_at\":\"2026-01-01T00:00:00Z\"}\n\
          {\"id\":\"a-5\",\"status\":\"deleted\",\"deleted_at\":null,\"_deleted\":false}\n",
    )
    .unwrap();
    let deleted: Vec<_> = reading.deleted.iter().map(ToString::to_string).collect();
    assert_eq!(deleted, ["a-1", "a-2", "a-3", "a-4"]);
    assert_eq!(ids(&reading), ["a-5"]);
}

#[test]
fn newest_row_of_an_id_wins_by_instant_and_the_last_at_a_tie() {
    let reading = read(
        b"{\"id\":\"a-1\",\"title\":\"newer\",\"updated_at\":\"2026-01-01T10:00:00-08:00\"}\n\
          {\"id\":\"a-2\",\"title\":\"first\",\"updated_at\":\"2026-01-01T10:00:00Z\"}\n\
          {\"id\":\"a-1\",\"title\":\"older\",\"updated_at\":\"2026-01-01T17:00:00Z\"}\n\
          {\"id\":\"a-2\",\"title\":\"last\",\"updated_at\":\"2026-01-01T11:00:00+01:00\"}\n",
    )
    .unwrap();
    let titles: Vec<_> = reading.issues.iter().map(|issue| &*issue.title).collect();
    assert_eq!(
        (titles, reading.duplicates.len()),
        (vec!["newer", "last"], 2)
    );
}

#[test]
fn issue_that_is_newer_than_its_tombstone_lives() {
    let tombstone =
        "{\"id\":\"a-1\",\"status\":\"tombstone\",\"updated_at\":\"2026-01-02T00:00:00Z\"}";
    let row = |day: u8| format!("{{\"id\":\"a-1\",\"updated_at\":\"2026-01-0{day}T00:00:00Z\"}}");
    for (day, lives) in [(1, false), (3, true)] {
        let file = format!("{}\n{tombstone}\n", row(day));
        assert_eq!(
            read(file.as_bytes()).unwrap().issues.len(),
            usize::from(lives),
            "updated on day {day}"
        );
    }
    let undated = format!("{}\n{{\"id\":\"a-1\",\"_deleted\":true}}\n", row(3));
    assert!(read(undated.as_bytes()).unwrap().issues.is_empty());
}

#[test]
fn conflict_markers_refuse_the_revision_with_their_lines() {
    let file = b"{\"id\":\"a-1\"}\n<<<<<<< HEAD\n{\"id\":\"a-2\"}\n=======\r\n{\"id\":\"a-3\"}\n>>>>>>> theirs\n";
    assert_eq!(
        read(file).unwrap_err(),
        Refusal::ConflictMarkers {
            lines: vec![2, 4, 6]
        }
    );

    let bytes = std::fs::read(shared("corpus/beads-2025-11-23-conflict54.jsonl")).unwrap();
    let refusal = read(&bytes).unwrap_err();
    let Refusal::ConflictMarkers { lines } = &refusal else {
        panic!("{refusal}")
    };
    assert_eq!((lines.len(), lines[0]), (54, 51));
    assert!(refusal.to_string().contains(" and 34 more"), "{refusal}");
}

#[test]
fn pointer_to_large_file_storage_refuses_the_revision() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    assert_eq!(read(pointer).unwrap_err(), Refusal::LfsPointer);
}

#[test]
fn real_files_are_read_whole() {
    let cases = [
        ("ambient-platform-2026-05", 35, 0, 0),
        ("beads-2026-01-21-largest", 2403, 3319, 0),
        ("gastown-2025-12-22-dup3092", 620, 0, 3092),
        ("gastown-2026-01-06-largest", 3027, 3038, 0),
        ("gastown-2026-01-11-crlf", 2607, 62, 0),
        ("gastown-nested-rig", 67, 0, 0),
        ("gastown-operator-2026-01", 12, 0, 0),
    ];
    for (name, issues, deleted, duplicates) in cases {
        let bytes = std::fs::read(shared(&format!("corpus/{name}.jsonl"))).unwrap();
        let reading = read(&bytes).unwrap();
        let counts = (
            reading.issues.len(),
            reading.deleted.len(),
            reading.duplicates.len(),
        );
        assert_eq!(counts, (issues, deleted, duplicates), "{name}");
        assert!(
            reading.rejected.is_empty(),
            "{name}: {:?}",
            reading.rejected
        );
    }
}
