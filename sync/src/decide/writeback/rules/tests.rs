use super::*;

const BEFORE: &str = concat!(
    r#"{"id":"gt-1","title":"t","status":"open","priority":1,"updated_at":"2026-03-01T10:00:00Z","labels":["a"],"comments":[{"id":"c"}]}"#,
    "\n",
    r#"{"id":"gt-2","title":"t","status":"open"}"#,
    "\n"
);

#[track_caller]
fn check_rule(edit: (&str, &str), expected: &str) {
    let closed = BEFORE.replacen(
        r#""status":"open""#,
        r#""status":"closed","closed_at":"2026-03-01T11:00:00Z""#,
        1,
    );
    let closed = closed.replacen(
        r#""updated_at":"2026-03-01T10"#,
        r#""updated_at":"2026-03-01T11"#,
        1,
    );
    let after = closed.replacen(edit.0, edit.1, 1);
    assert!(edit.0.is_empty() || after != closed, "the edit hits");
    let done = [Done {
        bead: IssueId::new("gt-1").unwrap(),
        deed: Deed::Closed,
        by: String::new(),
    }];
    let found: Vec<String> = check(BEFORE.as_bytes(), after.as_bytes(), &done)
        .iter()
        .map(ToString::to_string)
        .collect();
    if expected.is_empty() {
        assert_eq!(found, Vec::<String>::new());
    } else {
        assert!(
            found.iter().any(|text| text.contains(expected)),
            "{found:?}"
        );
    }
}

#[test]
fn a_close_breaks_no_rule() {
    check_rule(("", ""), "");
}

#[test]
fn each_rule_is_found_broken() {
    for (edit, expected) in [
        (
            (r#","closed_at":"2026-03-01T11:00:00Z""#, ""),
            "closed_at stands there",
        ),
        (
            (r#""status":"closed""#, r#""status":"open""#),
            "closed_at stands there",
        ),
        (
            (
                r#""updated_at":"2026-03-01T11:00:00Z""#,
                r#""updated_at":"2026-03-01T09:00:00Z""#,
            ),
            "went back",
        ),
        (
            (
                r#""updated_at":"2026-03-01T11:00:00Z""#,
                r#""updated_at":"2026-03-01T12:00:00Z""#,
            ),
            "differ",
        ),
        (
            (
                r#""closed_at":"2026-03-01T11:00:00Z""#,
                r#""closed_at":"2026-03-01T11:00:00.5Z""#,
            ),
            "whole seconds",
        ),
        (
            (
                r#""closed_at":"2026-03-01T11:00:00Z""#,
                r#""closed_at":"2026-03-01T12:00:00+01:00""#,
            ),
            "whole seconds",
        ),
        (
            (r#""labels":["a"]"#, r#""labels":[]"#),
            "labels was changed",
        ),
        (
            (
                r#""priority":1"#,
                r#""priority":1,"defer_until":"2027-01-01T00:00:00Z""#,
            ),
            "defer_until was changed",
        ),
        ((r#""priority":1"#, r#""priority":9"#), "priority"),
        ((r#"[{"id":"c"}]"#, "[]"), "comments can only be added"),
        ((r#"{"id":"gt-2""#, r#"{"id":"gt-3""#), "line 2 was changed"),
        (
            (r#"{"id":"gt-2","title":"t","status":"open"}"#, "{"),
            "cannot be read",
        ),
    ] {
        check_rule(edit, expected);
    }
}

#[test]
fn record_that_the_tracker_refuses_is_not_touched_either() {
    let long = format!(r#""title":"{}""#, "x".repeat(501));
    check_rule((r#""title":"t""#, &long), "1 to 500 bytes");
    check_rule((r#""title":"t""#, r#""title":"""#), "1 to 500 bytes");
}

/// What is found wrong of a file that `deed` made of [`BEFORE`].
fn after(deed: Deed, bead: &str, after: &str) -> Vec<String> {
    let done = [Done {
        bead: IssueId::new(bead).unwrap(),
        deed,
        by: String::new(),
    }];
    let found = check(BEFORE.as_bytes(), after.as_bytes(), &done);
    found.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn is_found(found: &[String], expected: &str) {
    assert!(
        found.iter().any(|text| text.contains(expected)),
        "{found:?}"
    );
}

#[test]
fn lists_can_only_be_added_to_and_each_deed_has_its_keys() {
    let label = |new: &str| BEFORE.replace(r#""labels":["a"]"#, new);
    let more = label(r#""labels":["a","b"]"#);
    assert_eq!(after(Deed::Labelled, "gt-1", &more), Vec::<String>::new());
    is_found(
        &after(Deed::Labelled, "gt-1", &label(r#""labels":["b"]"#)),
        "labels can only be added to",
    );
    is_found(&after(Deed::Commented, "gt-1", &more), "labels was changed");
    let edges = label(r#""labels":["a"],"dependencies":[]"#);
    is_found(
        &after(Deed::Updated, "gt-1", &edges),
        "dependencies was changed",
    );
}

#[test]
fn new_record_is_whole_and_the_only_one_that_is_new() {
    let new = r#"{"id":"gt-3","title":"t","status":"open","priority":2,"created_at":"2026-03-01T10:00:00Z","updated_at":"2026-03-01T10:00:00Z"}"#;
    let with = |new: &str| format!("{new}\n{BEFORE}");
    assert_eq!(
        after(Deed::Created, "gt-3", &with(new)),
        Vec::<String>::new()
    );
    for (edit, expected) in [
        (("10:00:00Z", "10:00:00.5Z"), "whole seconds"),
        ((r#""priority":2"#, r#""priority":7"#), "its priority"),
        ((r#""title":"t""#, r#""title":"""#), "its title"),
        ((r#""open""#, r#""closed""#), "closed_at stands there"),
    ] {
        let file = with(&new.replacen(edit.0, edit.1, 1));
        is_found(&after(Deed::Created, "gt-3", &file), expected);
    }
    is_found(
        &after(Deed::Updated, "gt-2", &with(new)),
        "line 1 was changed",
    );
    let twice = with(&new.replace("gt-3", "gt-2").replace("2026-", "2027-"));
    is_found(&after(Deed::Created, "gt-2", &twice), "it is there already");
}
