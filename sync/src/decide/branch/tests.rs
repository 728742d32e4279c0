use super::*;

fn commit(digit: char) -> CommitId {
    digit.to_string().repeat(40).parse().unwrap()
}

fn refs(names: &[&str]) -> Refs {
    Refs {
        head: Some(Head {
            reference: Some("refs/heads/main".to_owned()),
            commit: commit('1'),
        }),
        by_name: names
            .iter()
            .map(|name| ((*name).to_owned(), commit('2')))
            .collect(),
    }
}

fn chosen(configured: Option<&str>, sync_branch: Option<&str>, refs: &Refs) -> String {
    branch(configured, sync_branch, refs)
        .unwrap()
        .branch()
        .to_owned()
}

#[test]
fn configured_branch_goes_before_all_others() {
    let refs = refs(&[
        "refs/heads/main",
        "refs/heads/beads-sync",
        "refs/heads/tracker",
        "refs/heads/work",
    ]);
    assert_eq!(chosen(Some("work"), Some("tracker"), &refs), "work");
    assert_eq!(chosen(None, Some("tracker"), &refs), "tracker");
    assert_eq!(chosen(None, None, &refs), "beads-sync");
}

#[test]
fn head_is_read_where_nothing_else_is_said() {
    let refs = refs(&["refs/heads/main"]);
    assert_eq!(
        branch(None, None, &refs).unwrap(),
        Choice {
            reference: "refs/heads/main".to_owned(),
            commit: commit('1'),
        }
    );
    assert_eq!(chosen(Some("HEAD"), None, &refs), "main");
}

#[test]
fn detached_head_is_called_head() {
    let refs = Refs {
        head: Some(Head {
            reference: None,
            commit: commit('3'),
        }),
        ..Refs::default()
    };
    assert_eq!(chosen(None, None, &refs), "HEAD");
}

#[test]
fn annotated_tag_means_the_commit_it_points_to() {
    let mut refs = refs(&["refs/tags/v1"]);
    refs.by_name
        .insert("refs/tags/v1^{}".to_owned(), commit('4'));
    let choice = branch(Some("refs/tags/v1"), None, &refs).unwrap();
    assert_eq!(
        (choice.branch(), choice.commit),
        ("refs/tags/v1", commit('4'))
    );
}

#[test]
fn branch_of_the_remote_is_found_in_a_clone_that_somebody_else_keeps() {
    let refs = refs(&["refs/remotes/origin/beads-sync"]);
    assert_eq!(chosen(None, None, &refs), "refs/remotes/origin/beads-sync");
    assert_eq!(
        chosen(Some("origin/beads-sync"), None, &refs),
        "refs/remotes/origin/beads-sync"
    );
}

#[test]
fn absent_branch_is_answered_with_the_closest_ones() {
    let refs = refs(&[
        "refs/heads/main",
        "refs/heads/beads-sync",
        "refs/heads/zebra",
        "refs/pull/1/head",
    ]);
    let error = branch(Some("beads_sync"), None, &refs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "branch \"beads_sync\", which stands in the settings, does not exist: \
         push it or name another one (there is beads-sync, main, zebra)"
    );
}

#[test]
fn absent_sync_branch_of_the_tracker_never_falls_back() {
    let refs = refs(&["refs/heads/main", "refs/heads/beads-sync"]);
    assert!(matches!(
        branch(None, Some("gone"), &refs),
        Err(BranchError::Missing {
            asked_by: AskedBy::TrackerConfig,
            ..
        })
    ));
}

#[test]
fn repository_without_a_commit_is_told_apart_from_a_broken_head() {
    assert_eq!(
        branch(None, None, &Refs::default()),
        Err(BranchError::Empty)
    );
    let renamed = Refs {
        head: None,
        ..refs(&["refs/heads/trunk"])
    };
    assert_eq!(
        branch(None, None, &renamed),
        Err(BranchError::NoHead {
            closest: vec!["trunk".to_owned()]
        })
    );
}

#[test]
fn distance_counts_single_changes() {
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("", "abc"), 3);
    assert_eq!(distance("main", "main"), 0);
}
