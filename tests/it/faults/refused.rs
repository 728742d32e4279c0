//! Revisions that are not believed: the cluster stays as it is, and the log says what is wrong and what to do.

use beadlet_testbed::GitRepo;
use serde_json::json;

use super::place::{ISSUES, Place, edited, issue, issues};

const GOOD: usize = 30;

/// A way in which a repository goes bad.
struct Damage {
    name: &'static str,
    of: fn(&GitRepo),
    /// What the log says.
    says: &'static [&'static str],
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_file_changes_nothing_and_is_described() {
    each_is_refused(&[
        Damage {
            name: "conflict markers",
            of: |repo| {
                let (ours, theirs) = (edited(0..1) + &issues(1..15), issues(15..GOOD));
                put(
                    repo,
                    format!("<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> other\n"),
                );
            },
            says: &[
                "ConflictMarkers",
                "lines 1, 17, 33",
                "resolve the conflict and commit",
            ],
        },
        Damage {
            name: "conflict with the common ancestor",
            of: |repo| put(repo, issues(0..GOOD) + "||||||| 1234567\n"),
            says: &["ConflictMarkers", "lines 31"],
        },
        Damage {
            name: "truncated tail",
            of: |repo| put(repo, cut(issues(0..GOOD), 40)),
            says: &["LinesRejected", "line 30: the end of the line is missing"],
        },
        Damage {
            name: "missing head",
            of: |repo| put(repo, &issues(0..GOOD)[40..]),
            says: &["line 1: the beginning of the line is missing"],
        },
        Damage {
            name: "NUL in a line",
            of: |repo| {
                put(
                    repo,
                    issues(0..GOOD).replace("title of gt-4", "title\0of gt-4"),
                )
            },
            says: &["line 5: the line is not JSON: control character", "column"],
        },
        Damage {
            name: "tail of NULs, as a crash of the machine leaves it",
            of: |repo| put(repo, cut(issues(0..GOOD), 400) + &"\0".repeat(400)),
            says: &["LinesRejected", "line 28"],
        },
        Damage {
            name: "UTF-16",
            of: |repo| put(repo, utf16(&issues(0..GOOD))),
            says: &["LinesRejected", "line 1"],
        },
        Damage {
            name: "record without an id",
            of: |repo| put(repo, issues(0..GOOD) + "{\"title\":\"lost\"}\n"),
            says: &["line 31: the record has no id"],
        },
        Damage {
            name: "id that is far too long",
            of: |repo| put(repo, issues(0..GOOD) + &issue(&"x".repeat(1025), json!({}))),
            says: &["line 31: id is 1025 bytes long"],
        },
        Damage {
            name: "record that is a list",
            of: |repo| put(repo, format!("[1, 2]\n{}", issues(0..GOOD))),
            says: &["line 1: the line is JSON, but not an object"],
        },
        Damage {
            name: "Git LFS pointer",
            of: |repo| {
                put(
                    repo,
                    format!(
                        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
                        "4d".repeat(32)
                    ),
                )
            },
            says: &["LfsPointer", "take it out of Git LFS"],
        },
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn loss_of_many_issues_waits_for_a_person_who_is_told_how() {
    each_is_refused(&[
        Damage {
            name: "empty file",
            of: |repo| put(repo, ""),
            says: &["EmptyFile", "30 issues are mirrored", "--allow-delete="],
        },
        Damage {
            name: "nothing but blanks and comments",
            of: |repo| put(repo, "\n \n# exported by nobody\n\r\n"),
            says: &["EmptyFile", "30 issues are mirrored"],
        },
        Damage {
            name: "more than a fifth gone",
            of: |repo| put(repo, edited(0..1) + &issues(1..19)),
            says: &[
                "TooManyDeletions",
                "would delete 11 of 30 issues",
                "--allow-delete=",
            ],
        },
        Damage {
            name: "all gone, and others in their place",
            of: |repo| put(repo, issues(100..130)),
            says: &["TooManyDeletions", "would delete 30 of 30 issues"],
        },
        Damage {
            name: "all deleted by tombstones",
            of: |repo| {
                let tomb = |n| issue(&format!("gt-{n}"), json!({"status": "tombstone"}));
                put(repo, (0..GOOD).map(tomb).collect::<String>());
            },
            says: &["TooManyDeletions", "would delete 30 of 30 issues"],
        },
        Damage {
            name: "force-push to unrelated history with other issues",
            of: |repo| {
                let forced = repo.unrelated("main").write(ISSUES, issues(200..300));
                forced.commit("forced");
            },
            says: &["TooManyDeletions", "would delete 30 of 30 issues"],
        },
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn something_else_at_the_path_changes_nothing_and_is_named() {
    each_is_refused(&[
        Damage {
            name: "missing path",
            of: |repo| drop(repo.on("main").remove(ISSUES).commit("gone")),
            says: &[
                "PathNotFound",
                "looked for .beads/issues.jsonl",
                "export and commit it",
            ],
        },
        Damage {
            name: "file of another name",
            of: |repo| alone(repo, ".beads/old.jsonl"),
            says: &["PathNotFound", "there is .beads/old.jsonl"],
        },
        Damage {
            name: "directory",
            of: |repo| alone(repo, ".beads/issues.jsonl/part-1"),
            says: &[
                "PathNotAFile",
                ".beads/issues.jsonl is a directory: set the path",
            ],
        },
        Damage {
            name: "symbolic link",
            of: |repo| drop(repo.unrelated("main").symlink(ISSUES, "../x").commit("x")),
            says: &["PathNotAFile", ".beads/issues.jsonl is a symbolic link to"],
        },
        Damage {
            name: "symbolic link on the way",
            of: |repo| drop(repo.unrelated("main").symlink(".beads", "x").commit("x")),
            says: &["PathNotAFile", ".beads is a symbolic link to"],
        },
        Damage {
            name: "submodule",
            of: |repo| submodule(repo, ISSUES),
            says: &[
                "PathNotAFile",
                ".beads/issues.jsonl is a submodule: point the source",
            ],
        },
        Damage {
            name: "submodule on the way",
            of: |repo| submodule(repo, ".beads"),
            says: &["PathNotAFile", ".beads is a submodule: point the source"],
        },
        Damage {
            name: "redirect that leads out of the repository",
            of: |repo| alone(repo, ".beads/redirect"),
            says: &[
                "SettingsInvalid",
                ".beads/redirect",
                "mend it or set the path",
            ],
        },
        Damage {
            name: "data for Dolt only",
            of: |repo| {
                alone(repo, "README.md");
                repo.set_reference("refs/dolt/data", &repo.head("main").unwrap());
            },
            says: &["DoltOnly", "set export.auto: true"],
        },
        Damage {
            name: "renamed default branch that HEAD does not know of",
            of: |repo| repo.rename_branch("main", "trunk"),
            says: &[
                "BranchNotFound",
                "mend HEAD on the server",
                "there is trunk",
            ],
        },
        Damage {
            name: "all branches deleted",
            of: |repo| {
                repo.delete_branch("trunk");
                repo.open()
                    .find_reference("refs/dolt/data")
                    .unwrap()
                    .delete()
                    .unwrap();
            },
            says: &["RepositoryEmpty", "push a commit"],
        },
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_branch_is_missed_and_the_closest_is_not_taken_for_it() {
    let place = Place::new("refused-branch").await;
    let flags = ["--branch", "beads"];
    for branch in ["beads", "beads-old"] {
        place.repo.commit(branch, ISSUES, issues(0..3));
    }
    let through = place.user.kubeconfig();
    assert_eq!(place.once_through(through, &flags).await.code, Some(0));
    place.repo.commit("beads-old", ISSUES, issues(0..1));
    place.repo.delete_branch("beads");
    let ended = place.once_through(through, &flags).await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    for text in ["BranchNotFound", "push it or name another one", "beads-old"] {
        assert!(ended.log.contains(text), "{text} is not in {}", ended.log);
    }
    place.shows(issues(0..3)).await;
}

/// Each damage is done to a repository whose issues are mirrored; at the end the repository is mended.
async fn each_is_refused(all: &[Damage]) {
    let place = Place::new("refused").await;
    place.commit(issues(0..GOOD));
    place.synced().await;
    let mark = place.mark().await;
    for Damage { name, of, says } in all {
        of(&place.repo);
        let ended = place.once().await;
        assert_eq!(ended.code, Some(1), "{name}: {}", ended.log);
        for text in *says {
            let log = &ended.log;
            assert!(log.contains(text), "{name}: {text:?} is not in {log}");
        }
    }
    let written = place.written_since(mark).await;
    assert!(written.is_empty(), "{written}");
    place.shows(issues(0..GOOD)).await;
    place
        .repo
        .unrelated("main")
        .write(ISSUES, issues(0..GOOD + 1))
        .commit("mended");
    place.synced().await;
    place.shows(issues(0..GOOD + 1)).await;
}

fn put(repo: &GitRepo, file: impl AsRef<[u8]>) {
    repo.commit("main", ISSUES, file);
}

/// A commit with one file that leads nowhere.
fn alone(repo: &GitRepo, path: &str) {
    repo.unrelated("main")
        .write(path, "../../elsewhere\n")
        .commit("x");
}

fn submodule(repo: &GitRepo, path: &str) {
    repo.unrelated("main")
        .submodule(path, &"1".repeat(40))
        .commit("x");
}

fn cut(mut file: String, bytes: usize) -> String {
    file.truncate(file.len() - bytes);
    file
}

fn utf16(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}
