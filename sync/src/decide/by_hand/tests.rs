#![allow(
    clippy::needless_pass_by_value,
    reason = "tests read better with values"
)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::writeback::check;
use super::*;

fn now() -> Timestamp {
    "2026-03-01T10:00:00.75Z".parse().unwrap()
}

fn tracker() -> TrackerConfig {
    TrackerConfig::parse(b"status.custom: waiting\ntypes.custom: [convoy2]").unwrap()
}

const NOW: &str = "2026-03-01T10:00:00Z";

/// A file of bd 1.0, in its order: an epic with a child, a blocker and what waits for it.
const FILE: &str = concat!(
    r#"{"_type":"issue","id":"gt-epic","title":"E","status":"open","priority":1,"issue_type":"epic","owner":"o@example.com","created_at":"2026-01-03T00:00:00Z","updated_at":"2026-01-03T00:00:00Z","labels":["team"],"dependency_count":0,"dependent_count":0,"comment_count":0}"#,
    "\n",
    r#"{"_type":"issue","id":"gt-epic.1","title":"C","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-04T00:00:00Z","updated_at":"2026-01-04T00:00:00Z","dependencies":[{"issue_id":"gt-epic.1","depends_on_id":"gt-epic","type":"parent-child","created_at":"2026-01-04T00:00:00Z","metadata":"{}"}],"dependency_count":0,"dependent_count":0,"comment_count":0,"parent":"gt-epic"}"#,
    "\n",
    r#"{"_type":"issue","id":"gt-1","title":"A","status":"open","priority":2,"issue_type":"task","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-01-02T00:00:00Z","dependency_count":0,"dependent_count":1,"comment_count":0}"#,
    "\n",
    r#"{"_type":"issue","id":"gt-2","title":"B","status":"open","priority":2,"issue_type":"task","assignee":"bob","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-01T00:00:00Z","dependencies":[{"issue_id":"gt-2","depends_on_id":"gt-1","type":"blocks","created_at":"2026-01-01T00:00:00Z","metadata":"{}"}],"dependency_count":1,"dependent_count":0,"comment_count":0}"#,
    "\n",
    r#"{"_type":"issue","id":"gt-3","title":"D","status":"closed","priority":3,"issue_type":"bug","created_at":"2026-01-01T00:00:00Z","updated_at":"2026-01-05T00:00:00Z","started_at":"2026-01-04T00:00:00Z","closed_at":"2026-01-05T00:00:00Z","close_reason":"Fixed","dependency_count":0,"dependent_count":0,"comment_count":0}"#,
    "\n",
);

fn ask(file: &str, request: Request) -> Result<Outcome, Refused> {
    let tracker = tracker();
    let hand = Hand {
        actor: "ann",
        email: "ann@example.com",
        now: now(),
        tracker: &tracker,
        profile: Profile::Bd11,
        prefix: None,
    };
    let outcome = by_hand(file.as_bytes(), &request, &hand)?;
    let violations = check(file.as_bytes(), &outcome.file, &outcome.done);
    assert_eq!(violations, [], "{request:?}");
    assert_eq!(outcome.done.is_empty(), outcome.file == file.as_bytes());
    Ok(outcome)
}

/// The bead's line after a request, of which no other line is touched.
#[track_caller]
fn line(request: Request) -> String {
    let outcome = ask(FILE, request).unwrap();
    let text = String::from_utf8(outcome.file).unwrap();
    let others = text.lines().filter(|line| !FILE.contains(line));
    let new: Vec<&str> = others.collect();
    assert_eq!(new.len(), 1, "{new:#?}");
    new[0].to_owned()
}

#[track_caller]
fn record(request: Request) -> Value {
    serde_json::from_str(&line(request)).unwrap()
}

fn refused(request: Request) -> String {
    ask(FILE, request).unwrap_err().to_string()
}

fn create(title: &str) -> NewBead {
    NewBead {
        title: title.to_owned(),
        ..NewBead::default()
    }
}

fn created(new: NewBead) -> Request {
    Request::Create(Box::new(new))
}

fn edge(on: &str, kind: &str) -> NewEdge {
    NewEdge {
        on: on.to_owned(),
        kind: kind.to_owned(),
    }
}

fn link(id: &str, on: &str, kind: &str) -> Request {
    Request::Link {
        id: id.to_owned(),
        edge: edge(on, kind),
    }
}

fn claim(id: &str) -> Request {
    Request::Claim { id: id.to_owned() }
}

fn close(id: &str, insistence: Insistence) -> Request {
    Request::Close {
        id: id.to_owned(),
        reason: "Done".to_owned(),
        insistence,
    }
}

fn update(id: &str, fields: Fields) -> Request {
    Request::Update {
        id: id.to_owned(),
        fields: Box::new(fields),
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn new_bead_is_written_as_the_tracker_writes_it() {
    let new = NewBead {
        labels: vec!["a<b".to_owned()],
        fields: Fields {
            description: some("How & why"),
            priority: Some(2),
            issue_type: some("feat"),
            ..Fields::default()
        },
        id: some("gt-new"),
        edges: vec![edge("gt-1", "blocks")],
        ..create("Mend it")
    };
    assert_eq!(
        line(created(new)),
        format!(
            r#"{{"_type":"issue","id":"gt-new","title":"Mend it","description":"How \u0026 why","status":"open","priority":2,"issue_type":"feature","owner":"ann@example.com","created_at":"{NOW}","created_by":"ann","updated_at":"{NOW}","labels":["a\u003cb"],"dependencies":[{{"issue_id":"gt-new","depends_on_id":"gt-1","type":"blocks","created_at":"{NOW}","created_by":"ann","metadata":"{{}}"}}],"dependency_count":1,"dependent_count":0,"comment_count":0}}"#
        )
    );
}

#[test]
fn older_file_gets_no_key_that_its_tracker_does_not_have() {
    let file = "{\"id\":\"bd-1\",\"title\":\"t\"}\r\n{\"id\":\"bd-9\",\"title\":\"t\"}\r\n";
    let new = NewBead {
        id: some("bd-5"),
        ..create("x")
    };
    let outcome = ask(file, created(new)).unwrap();
    let text = String::from_utf8(outcome.file).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    assert_eq!(
        lines[1],
        format!(
            "{{\"id\":\"bd-5\",\"title\":\"x\",\"status\":\"open\",\"priority\":2,\"issue_type\":\"task\",\
             \"created_at\":\"{NOW}\",\"created_by\":\"ann\",\"updated_at\":\"{NOW}\"}}\r\n"
        ),
        "in the file's order, and with its line ends"
    );
}

#[test]
fn new_bead_goes_where_the_next_export_would_have_it() {
    let after = |priority| {
        let fields = Fields {
            priority: Some(priority),
            ..Fields::default()
        };
        let new = NewBead {
            fields,
            id: some("gt-new"),
            ..create("x")
        };
        let outcome = ask(FILE, created(new)).unwrap();
        let text = String::from_utf8(outcome.file).unwrap();
        let at = text.lines().position(|line| line.contains("gt-new"));
        at.unwrap()
    };
    // By priority, and the newest first.
    assert_eq!([0, 1, 2, 3, 4].map(after), [0, 0, 1, 4, 5]);
}

#[test]
fn id_is_made_by_the_rules_of_the_tracker() {
    let outcome = ask(FILE, created(create("Mend it"))).unwrap();
    let id = outcome.bead.to_string();
    assert!(id.len() == 6 && id.starts_with("gt-"), "{id}");
    let again = ask(FILE, created(create("Mend it"))).unwrap();
    assert_eq!(again.bead, outcome.bead);
    let text = String::from_utf8(outcome.file).unwrap();
    let other = ask(&text, created(create("Mend it"))).unwrap();
    assert_ne!(other.bead, outcome.bead);

    let tracker = TrackerConfig::parse(b"issue-prefix: my-rig").unwrap();
    let hand = |prefix| Hand {
        actor: "ann",
        email: "",
        now: now(),
        tracker: &tracker,
        profile: Profile::Bd11,
        prefix,
    };
    let bead = |file: &str, prefix| {
        by_hand(file.as_bytes(), &created(create("x")), &hand(prefix)).map(|outcome| outcome.bead)
    };
    assert!(bead(FILE, None).unwrap().as_str().starts_with("my-rig-"));
    assert!(bead(FILE, Some("xx-")).unwrap().as_str().starts_with("xx-"));
    assert_eq!(bead(FILE, Some("a b")), Err(Refused::NoPrefix));
    assert_eq!(ask("", created(create("x"))), Err(Refused::NoPrefix));
}

#[test]
fn child_is_named_after_its_parent_and_has_its_labels() {
    let new = NewBead {
        parent: some("gt-epic"),
        labels: vec!["own".to_owned()],
        ..create("x")
    };
    let child = record(created(new));
    assert_eq!(
        (&child["id"], &child["parent"], &child["labels"]),
        (
            &json!("gt-epic.2"),
            &json!("gt-epic"),
            &json!(["own", "team"])
        )
    );
    assert_eq!(
        (
            &child["dependencies"][0]["type"],
            &child["dependencies"][0]["depends_on_id"]
        ),
        (&json!("parent-child"), &json!("gt-epic"))
    );
    let deep = FILE.replace("gt-epic.1", "gt-epic.1.2.3");
    let new = NewBead {
        parent: some("gt-epic.1.2.3"),
        ..create("x")
    };
    let refused = ask(&deep, created(new)).unwrap_err();
    assert!(matches!(refused, Refused::TooDeep { depth: 3, .. }));
}

#[test]
fn bead_that_blocks_others_is_written_into_theirs() {
    let new = NewBead {
        id: some("gt-new"),
        blocks: vec!["gt-1".to_owned(), "gt-1".to_owned()],
        ..create("x")
    };
    let outcome = ask(FILE, created(new)).unwrap();
    let text = String::from_utf8(outcome.file).unwrap();
    let waits = text.lines().find(|line| line.contains(r#""id":"gt-1","#));
    let waits: Value = serde_json::from_str(waits.unwrap()).unwrap();
    assert_eq!(waits["dependencies"][0]["depends_on_id"], "gt-new");
    assert_eq!(
        (
            &waits["dependency_count"],
            waits["dependencies"].as_array().unwrap().len()
        ),
        (&json!(1), 1)
    );
    // gt-2 waits for gt-1: what waits for gt-2 cannot be in the way of gt-1.
    let ring = NewBead {
        id: some("gt-new"),
        edges: vec![edge("gt-2", "blocks")],
        blocks: vec!["gt-1".to_owned()],
        ..create("x")
    };
    assert!(matches!(
        ask(FILE, created(ring)),
        Err(Refused::Cycle { .. })
    ));
}

#[test]
fn claim_makes_an_open_bead_ours() {
    let claimed = record(claim("gt-1"));
    assert_eq!(
        (&claimed["status"], &claimed["assignee"]),
        (&json!("in_progress"), &json!("ann"))
    );
    assert_eq!(
        (&claimed["started_at"], &claimed["updated_at"]),
        (&json!(NOW), &json!(NOW))
    );
    let theirs = refused(claim("gt-2"));
    assert!(
        theirs.starts_with("bead gt-2 is claimed by bob"),
        "{theirs}"
    );
    let closed = refused(claim("gt-3"));
    assert!(
        closed.starts_with("bead gt-3 is closed, and only an open one"),
        "{closed}"
    );
    let outcome = ask(FILE, claim("gt-1")).unwrap();
    let text = String::from_utf8(outcome.file).unwrap();
    assert_eq!(ask(&text, claim("gt-1")).unwrap().done, [], "twice is once");
}

#[test]
fn close_asks_as_the_tracker_does() {
    let closed = record(close("gt-1", Insistence::Ask));
    assert_eq!(
        (
            &closed["status"],
            &closed["close_reason"],
            &closed["closed_at"]
        ),
        (&json!("closed"), &json!("Done"), &closed["updated_at"])
    );
    assert_eq!(
        ask(FILE, close("gt-2", Insistence::Ask)),
        Err(Refused::Blocked {
            id: "gt-2".to_owned(),
            blockers: vec!["gt-1".to_owned()]
        })
    );
    assert_eq!(
        ask(FILE, close("gt-epic", Insistence::Ask)),
        Err(Refused::Children {
            id: "gt-epic".to_owned(),
            children: vec!["gt-epic.1".to_owned()]
        })
    );
    let pinned = FILE.replace(r#""title":"A""#, r#""title":"A","pinned":true"#);
    assert!(matches!(
        ask(&pinned, close("gt-1", Insistence::Ask)),
        Err(Refused::Pinned { .. })
    ));
    for id in ["gt-2", "gt-epic"] {
        assert_eq!(record(close(id, Insistence::Force))["status"], "closed");
    }
    assert_eq!(ask(FILE, close("gt-3", Insistence::Ask)).unwrap().done, []);
}

#[test]
fn update_changes_what_is_given() {
    let fields = Fields {
        title: some("New"),
        priority: Some(0),
        issue_type: some("convoy2"),
        status: some("waiting"),
        assignee: some(""),
        ..Fields::default()
    };
    let updated = record(update("gt-2", fields));
    assert_eq!(
        (
            &updated["title"],
            &updated["priority"],
            &updated["issue_type"],
            &updated["status"]
        ),
        (
            &json!("New"),
            &json!(0),
            &json!("convoy2"),
            &json!("waiting")
        )
    );
    assert_eq!(
        (updated.get("assignee"), &updated["updated_at"]),
        (None, &json!(NOW))
    );
    let same = Fields {
        title: some("B"),
        assignee: some("bob"),
        notes: some(""),
        ..Fields::default()
    };
    assert_eq!(ask(FILE, update("gt-2", same)).unwrap().done, []);
    assert_eq!(
        ask(FILE, update("gt-2", Fields::default())),
        Err(Refused::NothingAsked)
    );
}

#[test]
fn reopened_bead_has_no_end_any_more() {
    let open = |status: &str| {
        let fields = Fields {
            status: some(status),
            ..Fields::default()
        };
        record(update("gt-3", fields))
    };
    for status in ["open", "in_progress"] {
        let opened = open(status);
        assert_eq!(
            (opened.get("closed_at"), opened.get("close_reason")),
            (None, None)
        );
        assert_eq!(opened["started_at"], "2026-01-04T00:00:00Z");
    }
}

#[test]
fn what_the_tracker_would_refuse_is_refused_with_what_to_do() {
    let status = |status: &str| Fields {
        status: some(status),
        ..Fields::default()
    };
    let title = |length: usize| Fields {
        title: Some("x".repeat(length)),
        ..Fields::default()
    };
    let issue_type = Fields {
        issue_type: some("madeup"),
        ..Fields::default()
    };
    for (request, sentence) in [
        (
            update("gt-1", status("done")),
            "status \"done\" is one the tracker does not know",
        ),
        (
            update("gt-1", status("closed")),
            "`close gt-1` closes a bead",
        ),
        (
            update("gt-1", issue_type),
            "issue type \"madeup\" is one the tracker does not know",
        ),
        (
            update("gt-1", title(501)),
            "a title has 1 to 500 bytes, not 501",
        ),
        (
            update("gt-1", title(0)),
            "a title has 1 to 500 bytes, not 0",
        ),
        (created(create("")), "a title has 1 to 500 bytes, not 0"),
        (
            created(NewBead {
                id: some("gt-1"),
                ..create("x")
            }),
            "bead gt-1 is there already",
        ),
        (
            created(NewBead {
                id: some("gt 1"),
                ..create("x")
            }),
            "\"gt 1\" is no id",
        ),
        (
            created(NewBead {
                parent: some("gt-9"),
                ..create("x")
            }),
            "there is no bead gt-9",
        ),
        (
            created(NewBead {
                labels: vec![" ".to_owned()],
                ..create("x")
            }),
            "a label is a text",
        ),
        (claim("xx-1"), "the nearest are gt-1"),
        (link("gt-1", "gt-1", "blocks"), "cannot depend on itself"),
        (link("gt-1", "gt-9", "blocks"), "there is no bead gt-9"),
        (
            link("gt-1", "gt-3", "blocked-by"),
            "dependency type \"blocked-by\" means nothing",
        ),
        (
            link("gt-2", "gt-1", "related"),
            "depends on gt-1 as blocks already",
        ),
        (
            link("gt-1", "gt-2", "blocks"),
            "gt-1 → gt-2 → gt-1 would wait for itself",
        ),
        (
            link("gt-epic", "gt-epic.1", "blocks"),
            "would wait for itself",
        ),
        (link("gt-2", "gt-epic.1", "parent-child"), ""),
        (
            Request::Comment {
                id: "gt-1".to_owned(),
                text: " ".to_owned(),
            },
            "a comment needs a text",
        ),
    ] {
        if sentence.is_empty() {
            assert!(ask(FILE, request).is_ok());
            continue;
        }
        let said = refused(request);
        assert!(said.contains(sentence), "{said}");
    }
    let deleted = "{\"id\":\"gt-1\",\"title\":\"t\"}\n{\"id\":\"gt-2\",\"status\":\"tombstone\"}\n";
    let said = ask(deleted, claim("gt-2")).unwrap_err().to_string();
    assert!(said.contains("was deleted"), "{said}");
    let broken = "{\"id\":\"gt-1\",\"title\":\"t\"}\n{\n";
    let said = ask(broken, claim("gt-1")).unwrap_err().to_string();
    assert!(said.contains("line 2"), "{said}");
}

#[test]
fn child_that_waits_for_its_parent_would_wait_for_ever() {
    let said = refused(link("gt-epic.1", "gt-epic", "discovered-from"));
    assert!(said.contains("as parent-child already"), "{said}");
    let grandchild = FILE.replace(r#""id":"gt-1","title":"A""#, r#""id":"gt-1","title":"A","dependencies":[{"depends_on_id":"gt-epic.1","type":"parent-child"}]"#);
    let said = ask(&grandchild, link("gt-1", "gt-epic", "blocks")).unwrap_err();
    assert!(matches!(said, Refused::OnParent { .. }), "{said}");
    let waits = edge("gt-epic", "blocks");
    let by_parent = NewBead {
        parent: Some("gt-epic.1".to_owned()),
        edges: vec![waits.clone()],
        ..create("A grandchild")
    };
    let by_edge = NewBead {
        edges: vec![edge("gt-epic.1", "parent-child"), waits],
        ..create("A grandchild")
    };
    for new in [by_parent, by_edge] {
        let said = ask(FILE, created(new)).unwrap_err();
        assert!(matches!(said, Refused::OnParent { .. }), "{said}");
    }
}

#[test]
fn edge_label_and_comment_only_add() {
    let linked = record(link("gt-2", "gt-3", "blocks"));
    let edges = linked["dependencies"].as_array().unwrap();
    assert_eq!(
        (
            edges.len(),
            &edges[1]["depends_on_id"],
            &linked["dependency_count"]
        ),
        (2, &json!("gt-3"), &json!(2))
    );
    assert_eq!(edges[1]["metadata"], "{}");
    let outside = record(link("gt-1", "external:other:thing", "blocks"));
    assert_eq!(
        outside["dependencies"][0]["depends_on_id"],
        "external:other:thing"
    );
    assert_eq!(ask(FILE, link("gt-2", "gt-1", "blocks")).unwrap().done, []);

    let label = |labels: &[&str]| Request::Label {
        id: "gt-epic".to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    };
    assert_eq!(
        record(label(&["x", "team", "x"]))["labels"],
        json!(["team", "x"])
    );
    assert_eq!(ask(FILE, label(&["team"])).unwrap().done, []);

    let said = record(Request::Comment {
        id: "gt-1".to_owned(),
        text: "well".to_owned(),
    });
    let comment = &said["comments"][0];
    assert_eq!(
        (&comment["author"], &comment["text"], &comment["created_at"]),
        (&json!("ann"), &json!("well"), &json!(NOW))
    );
    assert_eq!(
        (&said["comment_count"], &said["updated_at"]),
        (&json!(1), &json!(NOW))
    );
}

#[test]
fn record_that_is_newer_than_the_clock_stays_newer() {
    let future = FILE.replace(
        "2026-01-02T00:00:00Z\",\"dep",
        "2027-01-02T00:00:00Z\",\"dep",
    );
    let outcome = ask(&future, claim("gt-1")).unwrap();
    let text = String::from_utf8(outcome.file).unwrap();
    assert!(
        text.contains(r#""updated_at":"2027-01-02T00:00:01Z""#),
        "{text}"
    );
}

proptest! {
    /// Whatever a person writes: the record is read again as it was meant, and breaks no rule.
    #[test]
    fn any_text_is_kept(title in "\\PC{1,40}", description in any::<String>(), label in "[^,]{1,20}", comment in any::<String>()) {
        let new = NewBead {
            fields: Fields { description: Some(description.clone()), ..Fields::default() },
            labels: vec![label.clone()],
            ..create(&title)
        };
        let Ok(outcome) = ask(FILE, created(new)) else {
            prop_assert!(label.trim().is_empty());
            return Ok(());
        };
        let text = String::from_utf8(outcome.file).unwrap();
        let said = ask(&text, Request::Comment { id: outcome.bead.to_string(), text: comment.clone() });
        let text = said.map_or(text, |said| String::from_utf8(said.file).unwrap());
        let bead = outcome.bead.to_string();
        let record = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|record| record["id"] == bead).unwrap();
        prop_assert_eq!(&record["title"], &title);
        prop_assert_eq!(record["description"].as_str().unwrap_or_default(), &description);
        prop_assert_eq!(&record["labels"], &json!([label.trim()]));
        if !comment.trim().is_empty() {
            prop_assert_eq!(&record["comments"][0]["text"], &comment);
        }
        prop_assert_eq!(text.lines().count(), FILE.lines().count() + 1);
    }
}
