//! Files that are odd and can be believed: no issue is lost, and what is odd is said.

use serde_json::{Value, json};

use super::place::{Place, issue, issues};

const READY: &str = "bead-ready";
const BLOCKED_BY: &str = "gastown.gastown.io/blocked-by";

/// A file that says the same as the one before in other bytes.
struct Same {
    name: &'static str,
    file: fn(String) -> Vec<u8>,
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_around_the_lines_are_no_change() {
    let place = Place::new("odd-same").await;
    let file = issues(0..12);
    place.commit(&file);
    place.synced().await;
    let mark = place.mark().await;
    for Same { name, file: of } in [
        Same {
            name: "CRLF",
            file: |file| file.replace('\n', "\r\n").into_bytes(),
        },
        Same {
            name: "byte order mark",
            file: |file| format!("\u{FEFF}{file}").into_bytes(),
        },
        Same {
            name: "blank lines and comments",
            file: |file| {
                format!("# by hand\n\n{}", file.replace('\n', "\n \n\t\n#\n")).into_bytes()
            },
        },
        Same {
            name: "no end of the last line",
            file: |file| file.trim_end().as_bytes().to_vec(),
        },
        Same {
            name: "every line twice",
            file: |file| file.repeat(2).into_bytes(),
        },
        Same {
            name: "records of other kinds",
            file: |file| {
                format!("{{\"_schema\":1}}\n{file}{{\"_type\":\"memory\",\"key\":\"a\"}}\n")
                    .into_bytes()
            },
        },
    ] {
        place.commit(of(file.clone()));
        let ended = place.once().await;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.log);
        let written = place.written_since(mark).await;
        assert!(written.is_empty(), "{name}: {written}");
    }
    place.shows(&file).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_utf_8_are_kept_and_their_line_is_named() {
    let place = Place::new("odd-utf8").await;
    place.commit(issues(0..3));
    place.synced().await;
    let mut file = issues(0..3).into_bytes();
    let at = file.windows(4).position(|four| four == b"gt-1").unwrap();
    // In the title, not in the id.
    let at = at
        + file[at..]
            .windows(5)
            .position(|five| five == b"title")
            .unwrap();
    let at = at + file[at..].windows(2).position(|two| two == b"of").unwrap();
    file[at] = 0xFF;
    place.commit(&file);
    let ended = place.once().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(
        ended.log.contains("line 2: the line is not UTF-8"),
        "{}",
        ended.log
    );
    let raw = file.split(|byte| *byte == b'\n').nth(1).unwrap();
    assert_eq!(place.lines().await["gt-1"], raw);
    let title = place.beads().await["gt-1"].data.as_ref().unwrap()["title"].clone();
    assert!(title.contains('\u{FFFD}'), "{title}");
}

#[tokio::test(flavor = "multi_thread")]
async fn newest_of_several_rows_of_an_issue_stands_and_the_others_are_named() {
    let place = Place::new("odd-twice").await;
    place.commit(issues(0..3));
    place.synced().await;
    let newer = issue(
        "gt-1",
        json!({"title": "newer", "updated_at": "2026-03-01T00:00:00+02:00"}),
    );
    let older = issue(
        "gt-1",
        json!({"title": "older", "updated_at": "2026-02-28T21:00:00Z"}),
    );
    place.commit(newer.clone() + &issues(0..3) + &older);
    let ended = place.once().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    for text in ["oddities=2", "line 3: another line of issue gt-1 is newer"] {
        assert!(ended.log.contains(text), "{}", ended.log);
    }
    place.shows(issues(0..1) + &newer + &issues(2..3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_look_alike_come_and_go_alone() {
    let place = Place::new("odd-ids").await;
    let long = |end: char| "x".repeat(249) + &end.to_string();
    // Composed and decomposed, Latin and Cyrillic.
    let ids = [
        "gt-a",
        "gt-A",
        "GT-a",
        "gt_a",
        "gt.a",
        "gt--a",
        "gt-\u{e4}",
        "gt-a\u{308}",
        "gt-\u{430}",
        "gt-a ",
        "日本-1",
        &long('a'),
        &long('b'),
        &long('A'),
    ];
    let file = |ids: &[&str]| {
        ids.iter()
            .map(|id| issue(id, json!({})))
            .collect::<String>()
    };
    place.commit(file(&ids));
    place.synced().await;
    place.shows(file(&ids)).await;
    let left: Vec<_> = ids.into_iter().step_by(2).collect();
    let mark = place.mark().await;
    place.commit(file(&left));
    place.synced().await;
    place.shows(file(&left)).await;
    let written = place.written_since(mark).await;
    assert_eq!(written.len(), ids.len() - left.len(), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn line_of_two_mebibytes_is_mirrored_beside_the_others() {
    let place = Place::new("odd-large").await;
    place.commit(issues(0..3));
    place.synced().await;
    let large = issue("gt-1", json!({"description": "x".repeat(2 << 20)}));
    place.commit(issues(0..1) + &large + &issues(2..4));
    place.synced().await;
    let bead = &place.beads().await["gt-1"];
    let annotations = bead.metadata.annotations.as_ref().unwrap();
    assert_eq!(
        annotations["gastown.gastown.io/shortened-fields"],
        "description"
    );
    let kept: Value = serde_json::from_slice(&place.lines().await["gt-1"]).unwrap();
    assert_eq!(kept["title"], "title of gt-1");
    assert_eq!(place.lines().await.len(), 4);
    let mark = place.mark().await;
    place.synced().await;
    assert!(place.written_since(mark).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dependencies_that_never_end_or_lead_nowhere_are_said_on_their_beads() {
    let place = Place::new("odd-graph").await;
    place.commit(issues(0..6));
    place.synced().await;
    let on = |id: &str, target: &str| {
        let edge = json!({"issue_id": id, "depends_on_id": target, "type": "blocks"});
        issue(id, json!({"dependencies": [edge]}))
    };
    let file = on("gt-0", "gt-0")
        + &on("gt-1", "gt-2")
        + &on("gt-2", "gt-3")
        + &on("gt-3", "gt-1")
        + &on("gt-4", "gt-missing")
        + &issues(5..6);
    place.commit(&file);
    place.synced().await;
    place.shows(&file).await;
    let beads = place.beads().await;
    for (id, blocker) in [
        ("gt-0", "gt-0"),
        ("gt-1", "gt-2"),
        ("gt-2", "gt-3"),
        ("gt-3", "gt-1"),
    ] {
        let meta = &beads[id].metadata;
        assert_eq!(meta.labels.as_ref().unwrap()[READY], "false", "{id}");
        let why = &meta.annotations.as_ref().unwrap()[BLOCKED_BY];
        assert!(why.contains(blocker), "{id}: {why}");
    }
    // The tracker of this profile takes a target that is not there for no blocker.
    for id in ["gt-4", "gt-5"] {
        assert_eq!(
            beads[id].metadata.labels.as_ref().unwrap()[READY],
            "true",
            "{id}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_default_branch_may_be_replaced() {
    let place = Place::new("odd-history").await;
    place.commit(issues(0..10));
    place.synced().await;
    let forced = issues(3..12);
    place
        .repo
        .unrelated("main")
        .write(super::place::ISSUES, &forced)
        .commit("forced");
    place.synced().await;
    place.shows(&forced).await;
    place.repo.rename_branch("main", "trunk");
    place.repo.set_head("trunk");
    let after = issues(3..13);
    place.repo.commit("trunk", super::place::ISSUES, &after);
    let mark = place.mark().await;
    place.synced().await;
    place.shows(&after).await;
    assert_eq!(place.written_since(mark).await.len(), 1);
}
