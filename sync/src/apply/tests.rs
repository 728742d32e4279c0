use std::num::NonZeroU32;
use std::time::Duration;

use beadlet_store::configmap::Scope;
use beadlet_store::ready::Profile;
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::fake::{self, Fake};
use crate::git::{Snapshot, Source};
use crate::observe;
use crate::pass::{Job, Passed, pass};
use crate::settings::Settings;

fn settings() -> Settings {
    let scope = Scope {
        namespace: "town".into(),
        store: "town".into(),
        owner: None,
        profile: Profile::default(),
        prefixes: Vec::new(),
        closed_retention: None,
    };
    let source = Source::new("/nowhere".parse().unwrap(), "/nowhere".into());
    assert_eq!(source.depth, NonZeroU32::MIN);
    let mut settings = Settings::new(source, scope);
    settings.allow_delete = Some(COMMIT.to_owned());
    settings
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn snapshot(file: String) -> Snapshot {
    Snapshot {
        branch: "main".into(),
        commit: COMMIT.parse().unwrap(),
        committed_at: Timestamp::UNIX_EPOCH,
        path: ".beads/issues.jsonl".into(),
        file: Bytes::from(file),
        tracker_config: None,
        dolt: false,
    }
}

/// One pass over a file, on what is known; or on what a list finds, as after a start.
async fn run(fake: &Fake, file: &str, observed: Option<Observed>) -> Passed {
    let settings = Arc::new(settings());
    let writer = Writer {
        traces: None,
        beads: Beads::new(fake.client(), &settings.scope),
        scope: Arc::new(settings.scope.clone()),
        concurrency: settings.concurrency,
    };
    let observed = match observed {
        Some(observed) => observed,
        None => observe::everything(&writer.beads).await.unwrap().0,
    };
    let now = Timestamp::UNIX_EPOCH;
    let snapshot = snapshot(file.to_owned());
    pass(
        Job {
            snapshot,
            observed,
            settings,
            now,
        },
        &writer,
    )
    .await
    .unwrap()
}

fn issue(id: &str, title: &str, labels: &[&str]) -> String {
    json!({"id": id, "title": title, "status": "open", "labels": labels}).to_string() + "\n"
}

fn methods(fake: &Fake) -> Vec<Method> {
    fake.requests()
        .into_iter()
        .map(|(method, _)| method)
        .collect()
}

/// The objects without what the server adds.
fn contents(fake: &Fake) -> Vec<(String, Value)> {
    let strip = |(name, mut object): (String, Value)| {
        for key in ["uid", "resourceVersion", "managedFields"] {
            object["metadata"].as_object_mut().unwrap().remove(key);
        }
        if object["binaryData"] == json!({}) {
            object.as_object_mut().unwrap().remove("binaryData");
        }
        (name, object)
    };
    fake.objects().into_iter().map(strip).collect()
}

/// A file with some of the issues 0 to 9, each with one of three titles and some of three labels.
fn files() -> impl Strategy<Value = String> {
    let labels = proptest::sample::subsequence(vec!["a", "b", "gt:c"], 0..=3);
    let issues = proptest::collection::btree_map(0_u8..10, (0_u8..3, labels), 0..10);
    issues.prop_map(|issues| {
        let lines = issues
            .iter()
            .map(|(id, (title, labels))| issue(&format!("gt-{id}"), &format!("t{title}"), labels));
        lines.collect()
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pass_after_pass_makes_no_request_and_restart_makes_no_write(before in files(), after in files()) {
        block_on(async {
            let (fake, fresh) = (Fake::default(), Fake::default());
            let passed = run(&fake, &before, None).await;
            fake.forget_requests();
            let passed = run(&fake, &after, Some(passed.observed)).await;
            prop_assert!(passed.applied.is_complete());
            prop_assert_eq!(fake.requests().len(), passed.applied.writes.done(), "one request for each change");
            run(&fresh, &after, None).await;
            prop_assert_eq!(contents(&fake), contents(&fresh), "the way does not show in the end");
            fake.forget_requests();
            run(&fake, &after, Some(passed.observed)).await;
            prop_assert_eq!(fake.requests(), vec![]);
            run(&fake, &after, None).await;
            prop_assert_eq!(fake.requests(), vec![]);
            Ok(())
        })?;
    }

    #[test]
    fn lost_answers_and_lost_requests_change_nothing_of_the_end(
        before in files(), after in files(), lose in proptest::collection::vec((0_usize..3, any::<bool>()), 0..6),
    ) {
        block_on(async {
            tokio::time::pause();
            let (fake, fresh) = (Fake::default(), Fake::default());
            let passed = run(&fake, &before, None).await;
            for (method, answer) in lose {
                let method = [Method::POST, Method::PATCH, Method::DELETE][method].clone();
                fake.fail(method, None, 1, if answer { fake::Fault::LoseAnswer } else { fake::Fault::LoseRequest });
            }
            let passed = run(&fake, &after, Some(passed.observed)).await;
            prop_assert!(passed.applied.is_complete(), "{:?}", passed.applied);
            run(&fresh, &after, None).await;
            prop_assert_eq!(contents(&fake), contents(&fresh));
            fake.forget_requests();
            run(&fake, &after, Some(passed.observed)).await;
            prop_assert_eq!(fake.requests(), vec![]);
            Ok(())
        })?;
    }
}

#[tokio::test(start_paused = true)]
async fn creation_whose_answer_was_lost_is_not_made_twice() {
    let fake = Fake::default();
    fake.fail(Method::POST, None, 1, fake::Fault::LoseAnswer);
    let passed = run(&fake, &issue("gt-1", "t", &[]), None).await;
    assert_eq!(methods(&fake), [Method::POST, Method::POST, Method::GET]);
    assert_eq!(passed.applied.writes.created, 1);
    assert_eq!(
        fake.objects()["bead-gt-1"]["metadata"]["resourceVersion"],
        "1"
    );
}

#[tokio::test(start_paused = true)]
async fn server_that_asks_to_wait_is_left_alone_for_that_long() {
    let fake = Fake::default();
    fake.fail(
        Method::POST,
        None,
        1,
        fake::Fault::Answer(429, json!({}), Some(3)),
    );
    let start = Instant::now();
    let passed = run(&fake, &issue("gt-1", "t", &[]), None).await;
    assert!(passed.applied.is_complete());
    assert!(
        start.elapsed() >= Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn object_that_is_refused_does_not_stop_the_others() {
    let fake = Fake::default();
    let refusal = json!({"reason": "Invalid", "message": "too odd"});
    fake.fail(
        Method::POST,
        Some("bead-gt-1"),
        99,
        fake::Fault::Answer(422, refusal, None),
    );
    let file: String = (0..5)
        .map(|i| issue(&format!("gt-{i}"), "t", &[]))
        .collect();
    let passed = run(&fake, &file, None).await;
    assert_eq!(passed.applied.writes.created, 4);
    let failure = &passed.applied.failures.first[0];
    assert_eq!(failure.name, "bead-gt-1");
    assert!(failure.message.contains("too odd"), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn object_that_always_fails_does_not_stop_the_others() {
    let fake = Fake::default();
    fake.fail(
        Method::POST,
        Some("bead-gt-1"),
        999,
        fake::Fault::Answer(500, json!({}), None),
    );
    let file: String = (0..5)
        .map(|i| issue(&format!("gt-{i}"), "t", &[]))
        .collect();
    let passed = run(&fake, &file, None).await;
    assert_eq!(
        (passed.applied.writes.created, passed.applied.writes.failed),
        (4, 1)
    );
    assert_eq!(passed.applied.stopped_by, None);
}

#[tokio::test(start_paused = true)]
async fn server_that_is_away_is_not_asked_for_each_object() {
    let fake = Fake::default();
    fake.fail(Method::POST, None, usize::MAX, fake::Fault::LoseRequest);
    // No more than can be in flight and in the channel: while a thread waits for room, the paused clock stands.
    let file: String = (0..120)
        .map(|i| issue(&format!("gt-{i}"), "t", &[]))
        .collect();
    let passed = run(&fake, &file, None).await;
    let (requests, tried) = (fake.requests().len(), 64 * 8);
    assert!(requests <= tried, "{requests} requests");
    assert_eq!(passed.applied.left, 120 - 64);
    assert!(matches!(
        passed.applied.stopped_by,
        Some(Fault::Unreachable { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn missing_verb_stops_the_writes_of_that_verb_only() {
    let fake = Fake::default();
    let before = issue("gt-1", "old", &[]) + &issue("gt-2", "t", &[]);
    let passed = run(&fake, &before, None).await;
    let refusal = json!({"reason": "Forbidden", "message": "User \"u\" cannot create resource \"configmaps\""});
    fake.fail(
        Method::POST,
        None,
        usize::MAX,
        fake::Fault::Answer(403, refusal, None),
    );
    let after = issue("gt-1", "new", &[]) + &issue("gt-3", "t", &[]);
    let passed = run(&fake, &after, Some(passed.observed)).await;
    let Writes {
        created,
        updated,
        deleted,
        ..
    } = passed.applied.writes;
    assert_eq!((created, updated, deleted), (0, 1, 1));
    let fault = passed.applied.stopped_by.unwrap();
    assert!(
        fault
            .to_string()
            .contains("create configmaps in namespace town"),
        "{fault}"
    );
}

#[tokio::test(start_paused = true)]
async fn object_edited_between_look_and_patch_is_looked_at_again() {
    let fake = Fake::default();
    let passed = run(&fake, &issue("gt-1", "old", &[]), None).await;
    fake.edit("bead-gt-1", |o| {
        o["metadata"]["labels"]["bead-label/strange"] = "".into();
        o["metadata"]["labels"]["team"] = "red".into();
        o["data"]["extra"] = "x".into();
    });
    let passed = run(&fake, &issue("gt-1", "new", &[]), Some(passed.observed)).await;
    assert_eq!(passed.applied.writes.updated, 1);
    let object = &fake.objects()["bead-gt-1"];
    assert_eq!(object["data"]["title"], "new");
    assert_eq!(object["data"].get("extra"), None);
    assert_eq!(object["metadata"]["labels"].get("bead-label/strange"), None);
    assert_eq!(
        object["metadata"]["labels"]["team"], "red",
        "labels of others stay"
    );
}

#[tokio::test(start_paused = true)]
async fn foreign_object_is_left_alone() {
    let fake = Fake::default();
    fake.put("bead-gt-1", json!({"data": {"mine": "yes"}}));
    let before = fake.objects();
    let passed = run(&fake, &issue("gt-1", "t", &[]), None).await;
    assert_eq!(fake.objects(), before);
    assert_eq!(
        passed.observed.foreign_names().collect::<Vec<_>>(),
        ["bead-gt-1"]
    );
    fake.forget_requests();
    run(&fake, &issue("gt-1", "t", &[]), Some(passed.observed)).await;
    assert_eq!(fake.requests(), []);
}

#[tokio::test(start_paused = true)]
async fn deletion_meets_only_the_object_that_was_seen() {
    let fake = Fake::default();
    let both = issue("gt-1", "t", &[]) + &issue("gt-2", "t", &[]);
    let passed = run(&fake, &both, None).await;
    fake.delete("bead-gt-1");
    fake.put("bead-gt-1", json!({"data": {"mine": "yes"}}));
    let passed = run(&fake, &issue("gt-2", "t", &[]), Some(passed.observed)).await;
    assert_eq!(fake.objects()["bead-gt-1"]["data"]["mine"], "yes");
    assert!(passed.applied.is_complete());
}
