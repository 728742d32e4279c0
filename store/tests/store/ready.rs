//! READY beyond what the real tracker could be asked: the profiles that could not be run, reasons, size.

use std::fmt::Write;

use beadlet_store::reader::{Reading, read};
use beadlet_store::ready::{Profile, Readiness, dispatch_order, readiness};
use jiff::Timestamp;

use crate::fixture;

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn ids<'a>(reading: &'a Reading<'_>, indices: &[usize]) -> Vec<&'a str> {
    indices
        .iter()
        .map(|index| reading.issues[*index].id.as_str())
        .collect()
}

/// The reasons of the issue with this id.
fn reasons(reading: &Reading<'_>, readiness: &Readiness, id: &str) -> Vec<String> {
    let index = reading
        .issues
        .iter()
        .position(|issue| issue.id.as_str() == id)
        .unwrap();
    readiness.blockers[index]
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// A fixture says in its comments which ids are ready: `# bd-1.1: a-1 a-2`.
#[test]
fn ready_is_as_each_fixture_says() {
    let mut checked = 0;
    for file in std::fs::read_dir(fixture("ready")).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let reading = read(text.as_bytes()).unwrap();
        assert!(
            reading.rejected.is_empty() && reading.warnings.is_empty(),
            "{}",
            path.display()
        );
        let comments = text
            .lines()
            .filter_map(|line| line.strip_prefix("# ")?.split_once(':'));
        for (profile, expected) in
            comments.filter_map(|(name, ids)| Some((name.parse::<Profile>().ok()?, ids)))
        {
            let readiness = readiness(&reading, profile, now());
            let expected: Vec<_> = expected.split_whitespace().collect();
            assert_eq!(
                ids(&reading, &readiness.ready),
                expected,
                "{} by {profile}",
                path.display()
            );
            checked += 1;
        }
    }
    assert!(checked >= 40, "only {checked} lists were found");
}

#[test]
fn profile_has_the_name_of_its_tracker_and_an_unknown_one_is_told_the_names() {
    for profile in Profile::ALL {
        assert_eq!(profile.to_string().parse(), Ok(profile));
    }
    let message = "bd-2".parse::<Profile>().unwrap_err().to_string();
    for profile in Profile::ALL {
        assert!(message.contains(profile.name()), "{message}");
    }
}

#[test]
fn reasons_are_short_texts_with_the_ids_that_matter() {
    let reading = read(
        br#"{"id":"a-1","dependencies":[{"depends_on_id":"a-2","type":"blocks"},{"depends_on_id":"a-3","type":"parent-child"}]}
{"id":"a-2","status":"in_progress","pinned":true}
{"id":"a-3","issue_type":"epic","dependencies":[{"depends_on_id":"a-2","type":"conditional-blocks"}]}
{"id":"a-4","ephemeral":true,"issue_type":"gate","labels":["human"],"defer_until":"2099-01-01T00:00:00Z"}
{"id":"a-5","dependencies":[{"depends_on_id":"a-4","type":"parent-child"},{"depends_on_id":"a-3","type":"waits-for"}]}
{"id":"a-6","status":"closed","dependencies":[{"depends_on_id":"a-2","type":"blocks"}]}"#,
    )
    .unwrap();
    let readiness = readiness(&reading, Profile::Bd11, now());
    let cases: [(&str, &[&str]); 6] = [
        ("a-1", &["blocked by a-2", "parent a-3 is blocked"]),
        ("a-2", &["status is in_progress", "is pinned"]),
        ("a-3", &["blocked by a-2 (conditional-blocks)"]),
        (
            "a-4",
            &[
                "is ephemeral",
                "type gate is never started",
                "has label human",
                "is deferred until 2099-01-01T00:00:00Z",
            ],
        ),
        (
            "a-5",
            &[
                "parent a-4 is deferred until 2099-01-01T00:00:00Z",
                "waits for children of a-3",
            ],
        ),
        ("a-6", &["status is closed"]),
    ];
    for (id, expected) in cases {
        assert_eq!(reasons(&reading, &readiness, id), expected, "{id}");
    }
}

#[test]
fn answer_changes_when_the_next_deferral_ends() {
    let file = br#"{"id":"a-1","defer_until":"2026-07-01T00:00:00Z"}
{"id":"a-2","defer_until":"2026-06-15T00:00:00Z"}
{"id":"a-3","defer_until":"2026-05-01T00:00:00Z"}
{"id":"a-4","status":"closed","defer_until":"2026-06-02T00:00:00Z"}"#;
    let reading = read(file).unwrap();
    let before = readiness(&reading, Profile::Bd11, now());
    let at = "2026-06-15T00:00:00Z".parse().unwrap();
    assert_eq!(
        (ids(&reading, &before.ready), before.next_change),
        (vec!["a-3"], Some(at))
    );
    let then = readiness(&reading, Profile::Bd11, at);
    assert_eq!(ids(&reading, &then.ready), ["a-2", "a-3"]);
}

#[test]
fn closed_parents_deferral_changes_the_answer_for_its_children() {
    let file = br#"{"id":"a-1","status":"closed","defer_until":"2026-06-02T00:00:00Z"}
{"id":"a-2","dependencies":[{"depends_on_id":"a-1","type":"parent-child"}]}"#;
    let reading = read(file).unwrap();
    assert_eq!(
        readiness(&reading, Profile::Bd105, now()).next_change,
        Some("2026-06-02T00:00:00Z".parse().unwrap())
    );
    assert_eq!(readiness(&reading, Profile::Bd049, now()).next_change, None);
}

#[test]
fn target_that_may_stand_on_an_unread_line_blocks() {
    let dependent = r#"{"id":"a-1","dependencies":[{"depends_on_id":"a-2","type":"blocks"}]}"#;
    let cases = [
        ("", true),
        (r#"{"id":"a-2","status":7}"#, false),
        (r#"{"id":"a-3","status":7}"#, true),
        (r#"{"ti"#, false),
    ];
    for (broken, is_ready) in cases {
        let file = format!("{dependent}\n{broken}\n");
        let reading = read(file.as_bytes()).unwrap();
        let readiness = readiness(&reading, Profile::Bd11, now());
        assert_eq!(!readiness.ready.is_empty(), is_ready, "beside {broken:?}");
        let expected = if is_ready {
            vec![]
        } else {
            vec!["blocked by a-2, which is not in the file".to_owned()]
        };
        assert_eq!(reasons(&reading, &readiness, "a-1"), expected);
    }
}

#[test]
fn dispatch_goes_by_priority_then_age_then_id() {
    let file = br#"{"id":"a-4","priority":2,"created_at":"2026-01-02T00:00:00Z"}
{"id":"a-3","priority":2,"created_at":"2026-01-01T00:00:00Z"}
{"id":"a-2","priority":2,"created_at":"2026-01-01T01:00:00+01:00"}
{"id":"a-5","priority":2}
{"id":"a-1","priority":0}"#;
    let reading = read(file).unwrap();
    assert_eq!(
        ids(&reading, &dispatch_order(&reading, &[0, 1, 2, 3, 4])),
        ["a-1", "a-2", "a-3", "a-4", "a-5"]
    );
}

/// A family of 100,000 generations, and as many children that wait for one spawner.
#[test]
fn long_chains_and_wide_families_are_no_burden() {
    const MANY: usize = 100_000;
    let mut chain = String::from(
        "{\"id\":\"x\",\"dependencies\":[{\"depends_on_id\":\"y\",\"type\":\"blocks\"}]}\n{\"id\":\"y\"}\n",
    );
    let mut family = String::new();
    for n in 0..MANY {
        let parent = if n == 0 {
            "x".to_owned()
        } else {
            format!("c-{}", n - 1)
        };
        let edge = |target: &str, kind: &str| {
            format!("{{\"depends_on_id\":\"{target}\",\"type\":\"{kind}\"}}")
        };
        writeln!(
            chain,
            "{{\"id\":\"c-{n}\",\"dependencies\":[{}]}}",
            edge(&parent, "parent-child")
        )
        .unwrap();
        let edges = [edge("s", "parent-child"), edge("s", "waits-for")].join(",");
        writeln!(family, "{{\"id\":\"k-{n}\",\"dependencies\":[{edges}]}}").unwrap();
    }
    let chain = read(chain.as_bytes()).unwrap();
    let blocked_by_51 = [Profile::Bd11, Profile::Bd049]
        .map(|profile| readiness(&chain, profile, now()).ready.len());
    assert_eq!(
        blocked_by_51,
        [1, 1 + MANY - 50],
        "unlimited in bd 1.1, fifty generations in bd 0.49"
    );
    let family = read(family.as_bytes()).unwrap();
    assert_eq!(readiness(&family, Profile::Bd049, now()).ready.len(), 0);
}
