//! What an agent may leave in its repository to get at the credential, or to run something where it is: none of it has an effect.

use beadlet_supervise::contract::{ExitCode, Outcome, Report};
use beadlet_testbed::git::http::{Auth, Tls};
use beadlet_testbed::git::{GitHttp, GitRepo};

use super::pod::{Ended, Pod};

const WORK: &str = "polecat/test-worker";
const TOKEN: &str = "token-that-nobody-guesses";

fn project() -> GitRepo {
    let repo = GitRepo::bare();
    // More history than a clone brings.
    for n in 0..3 {
        repo.commit("main", "old", format!("{n}\n"));
    }
    repo.on("main")
        .write("README.md", "hello\n")
        .write("a/file", "a\n")
        .commit("first");
    repo
}

/// The agent's script may use `$ran`, a file that must not appear.
fn after(script: &str) -> (GitRepo, Pod, Ended) {
    let repo = project();
    let server = GitHttp::start(
        &repo,
        Tls::Valid,
        Auth::Basic {
            user: "x-access-token".into(),
            password: TOKEN.into(),
        },
    );
    let pod = Pod::new(&server.url(&repo))
        .with("BEADLET_CA_FILE", &server.ca_file().display().to_string())
        .secret("token", TOKEN);
    let ran = pod.path("ran");
    let pod = pod.with("ran", &ran.display().to_string());
    let pushed = pod.run(script);
    assert!(!ran.exists(), "something of the agent's ran: {pushed:?}");
    (repo, pod, pushed)
}

fn is_done(repo: &GitRepo, pushed: &Ended) {
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::Success, Outcome::Done),
        "{pushed:?}"
    );
    assert_eq!(repo.read(WORK, "work").unwrap(), b"done\n");
}

#[test]
fn hooks_do_not_run() {
    let script = r#"echo done > work; mkdir -p .git/hooks; for hook in pre-commit commit-msg prepare-commit-msg post-commit pre-push post-checkout reference-transaction post-index-change fsmonitor-watchman; do
        printf '#!/bin/sh\ntouch "%s"\n' "$ran" > .git/hooks/$hook; chmod +x .git/hooks/$hook; done"#;
    let (repo, _, pushed) = after(script);
    is_done(&repo, &pushed);
}

#[test]
fn configuration_has_no_effect() {
    let script = r#"echo done > work
        git config core.fsmonitor "touch $ran"; git config core.sshCommand "touch $ran"; git config core.hooksPath /tmp
        git config core.worktree /etc; git config core.bare true; git config core.askPass "touch $ran"; git config credential.helper "!touch $ran"
        git config filter.evil.clean "touch $ran; cat"; git config filter.evil.process "touch $ran"; echo '* filter=evil' > .gitattributes
        git config url.http://127.0.0.1:9/.insteadOf https://; git config http.proxy http://127.0.0.1:9; git config include.path /nowhere
        git config user.email evil@example.com; git config core.excludesFile /dev/null; git config commit.gpgSign true; git config gpg.program "touch $ran" 2>/dev/null; exit 0"#;
    let (repo, _, pushed) = after(script);
    is_done(&repo, &pushed);
    let repository = repo.open();
    let tip = repository
        .find_commit(repo.head(WORK).unwrap().parse().unwrap())
        .unwrap();
    assert_eq!(tip.author().email(), Ok("polecat@example.com"));
}

#[test]
fn remote_of_the_agent_gets_nothing() {
    let other = GitRepo::bare();
    let script = format!(
        "echo done > work; git remote set-url origin {0}; git remote set-url --push origin {0}; git config remote.origin.push '+HEAD:refs/heads/main'",
        other.url()
    );
    let (repo, _, pushed) = after(&script);
    is_done(&repo, &pushed);
    assert_eq!(other.open().references().unwrap().count(), 0);
    assert_eq!(repo.read("main", "work"), None);
}

#[test]
fn work_outlives_its_repository() {
    for script in [
        "echo done > work; rm -rf .git",
        "echo done > work; rm -rf .git; git init -q; git add .; git commit -qm new",
        "echo done > work; mv .git ../elsewhere; echo 'gitdir: ../elsewhere' > .git",
        "echo done > work; mv .git ../elsewhere; ln -s ../elsewhere .git",
        "echo done > work; echo nonsense > .git/HEAD",
        "echo done > work; echo nonsense > .git/index; rm -rf .git/refs",
        "echo done > work; git checkout -q --orphan other; git commit -qam other; git reset -q --hard; echo done > work",
        "echo done > work; rm -rf .git/objects/pack .git/objects/??",
    ] {
        let (repo, _, pushed) = after(script);
        assert_eq!(
            (pushed.code, pushed.report.outcome),
            (ExitCode::Success, Outcome::Done),
            "{script}: {pushed:?}"
        );
        assert_eq!(repo.read(WORK, "work").unwrap(), b"done\n", "{script}");
        let repository = repo.open();
        let (tip, base) = (
            repo.head(WORK).unwrap().parse().unwrap(),
            repo.head("main").unwrap().parse().unwrap(),
        );
        assert!(
            repository.graph_descendant_of(tip, base).unwrap(),
            "{script}: the branch comes after its base"
        );
    }
}

#[test]
fn link_in_the_place_of_the_work_tree_is_not_followed() {
    let (repo, _, pushed) =
        after(r#"cd ..; mv repo elsewhere; ln -s "$BEADLET_SECRET_OF_TEST" repo || ln -s / repo"#);
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::WorkspaceDamaged, Outcome::PushFailed),
        "{pushed:?}"
    );
    assert_eq!(repo.head(WORK), None);
}

#[test]
fn link_to_the_credential_is_pushed_as_a_link() {
    let repo = project();
    let pod = Pod::new(&repo.url()).secret("token", TOKEN);
    let secret = pod.path("secret");
    let script = format!(
        "ln -s {0}/token direct; rm -r a; ln -s {0} a; echo done > work",
        secret.display()
    );
    let pushed = pod.run(&script);
    is_done(&repo, &pushed);
    assert_eq!(
        repo.read(WORK, "direct").unwrap(),
        secret.join("token").display().to_string().as_bytes()
    );
    assert_eq!(
        repo.read(WORK, "a").unwrap(),
        secret.display().to_string().as_bytes()
    );
    assert_eq!(repo.read(WORK, "a/token"), None);
}

#[test]
fn file_that_holds_the_credential_is_left_out() {
    let (repo, _, pushed) = after(&format!(
        "echo done > work; echo 'prefix {TOKEN} suffix' > found"
    ));
    is_done(&repo, &pushed);
    assert_eq!(repo.read(WORK, "found"), None);
    assert!(
        pushed
            .report
            .message
            .contains("found (holds a part of the git credential)"),
        "{pushed:?}"
    );
}

#[test]
fn record_of_the_supervisor_that_is_a_link_is_not_read() {
    let repo = project();
    let pod = Pod::new(&repo.url()).secret("token", TOKEN);
    pod.clone();
    pod.agent("echo done > work").wait();
    let record = pod.workspace().ended();
    std::fs::remove_file(&record).unwrap();
    std::os::unix::fs::symlink(pod.path("secret/token"), &record).unwrap();
    let pushed = pod.push();
    assert_eq!(
        pushed.report.outcome,
        Outcome::OutOfMemory,
        "a record that is none counts as none"
    );
    assert!(
        !pushed.log.contains(TOKEN) && !pushed.report.message.contains(TOKEN),
        "{pushed:?}"
    );
    assert_eq!(repo.read(WORK, "work").unwrap(), b"done\n");
}

#[test]
fn forged_record_can_name_no_branch() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    pod.clone();
    pod.agent("echo done > work").wait();
    let forged = Report::new(Outcome::Done, "").with_work(beadlet_supervise::contract::Work {
        branch: "main".into(),
        ..Default::default()
    });
    std::fs::write(pod.workspace().ended(), forged.termination_message()).unwrap();
    let pushed = pod.push();
    is_done(&repo, &pushed);
    assert_eq!(pushed.report.work.unwrap().branch, WORK);
}
