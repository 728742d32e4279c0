//! `git-push`: what becomes a commit.

use beadlet_supervise::contract::{ExitCode, Outcome};

use super::pod::{Pod, message};
use super::push::{WORK, project};

#[test]
fn edited_files_are_committed_and_pushed() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("GT_CONVOY", "hq-cv-1");
    let pushed = pod.run("echo more >> README.md; echo new > new; rm src/lib.rs; mkdir target; echo big > target/out; chmod +x README.md");
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::Success, Outcome::Done),
        "{pushed:?}"
    );
    let work = pushed.report.work.unwrap();
    assert_eq!(
        (
            work.branch.as_str(),
            work.files,
            work.insertions,
            work.deletions
        ),
        (WORK, 3, 2, 1)
    );
    assert_eq!(repo.head(WORK).unwrap(), work.commit);
    assert_eq!(repo.read(WORK, "README.md").unwrap(), b"hello\nmore\n");
    assert_eq!(repo.read(WORK, "src/lib.rs"), None);
    assert_eq!(
        repo.read(WORK, "target/out"),
        None,
        "ignored files stay out"
    );
    assert_eq!(
        message(&repo, WORK),
        "Mend the gate (gt-0042)\n\nBead: gt-0042\nPolecat: test-worker\nConvoy: hq-cv-1\n"
    );
}

#[test]
fn commits_of_the_agent_are_kept_and_what_is_left_goes_on_top() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    let pushed = pod.run("echo 1 > one; git add one; git commit -qm 'my own'; echo 2 > two; echo x > forced.o; mkdir target; echo t > target/kept; git add -f target/kept; git commit -qm 'also ignored ones'");
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(repo.read(WORK, "two").unwrap(), b"2\n");
    assert_eq!(repo.read(WORK, "target/kept").unwrap(), b"t\n");
    let repository = repo.open();
    let tip = repository
        .find_commit(repo.head(WORK).unwrap().parse().unwrap())
        .unwrap();
    assert_eq!(tip.author().email(), Ok("polecat@example.com"));
    let own = tip.parent(0).unwrap();
    assert_eq!(own.message(), Ok("also ignored ones\n"));
    assert_eq!(own.author().name(), Ok("Polecat"));
}

#[test]
fn agent_that_changes_nothing_made_no_changes() {
    let repo = project();
    let pushed = Pod::new(&repo.url()).run("true");
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::NoChanges, Outcome::NoChanges)
    );
    assert_eq!(repo.head(WORK), None);
}

#[test]
fn work_of_an_agent_that_failed_is_pushed_all_the_same() {
    let repo = project();
    let pushed = Pod::new(&repo.url()).run("echo half > half; echo no tool >&2; exit 3");
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::Success, Outcome::AgentFailed)
    );
    assert_eq!(repo.read(WORK, "half").unwrap(), b"half\n");
    assert!(
        message(&repo, WORK).contains("\nUnfinished: the agent ended with exit code 3: no tool\n")
    );
}

#[test]
fn title_of_the_bead_cannot_forge_a_trailer() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    pod.bead(&serde_json::json!({"id": "gt-0042", "title": "T\n\nSigned-off-by: someone\n$(touch ran)`touch ran`\n--amend"}));
    pod.run("echo new > new");
    assert_eq!(
        message(&repo, WORK),
        "T Signed-off-by: someone $(touch ran)`touch ran` --amend (gt-0042)\n\nBead: gt-0042\nPolecat: test-worker\n"
    );
    assert_eq!(repo.read(WORK, "ran"), None);
}

#[test]
fn files_that_cannot_go_into_a_commit_are_named() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("BEADLET_MAX_FILE_MIB", "1");
    let pushed = pod.run("echo ok > ok; head -c 2000000 /dev/zero > large; git init -q nested; echo n > nested/n; mkfifo pipe");
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert!(
        pushed.report.message.contains("large (too large)"),
        "{pushed:?}"
    );
    assert!(
        pushed
            .report
            .message
            .contains("nested/ (a repository of its own)"),
        "{pushed:?}"
    );
    assert_eq!(repo.read(WORK, "ok").unwrap(), b"ok\n");
    assert_eq!(repo.read(WORK, "large"), None);
}

#[test]
fn odd_names_and_kinds_of_files_are_taken_as_they_are() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    let script = r#"printf x > '-rf'; printf x > 'a b'; printf x > '$(id)'; printf x > 'ü'; ln -s /etc/passwd link; rm README.md; mkdir README.md; printf x > README.md/in; rm -r src; printf x > src"#;
    let pushed = pod.run(script);
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    for name in ["-rf", "a b", "$(id)", "ü", "README.md/in", "src"] {
        assert_eq!(repo.read(WORK, name).unwrap(), b"x", "{name}");
    }
    assert_eq!(
        repo.read(WORK, "link").unwrap(),
        b"/etc/passwd",
        "a link is a link"
    );
}

#[test]
fn files_left_out_by_a_sparse_clone_are_not_removed() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("BEADLET_SPARSE", "docs");
    let pushed = pod.run("mkdir -p docs; echo d > docs/d");
    assert_eq!(pushed.report.work.unwrap().files, 1);
    assert_eq!(repo.read(WORK, "src/lib.rs").unwrap(), b"// nothing\n");
}
