//! `git-init`.

use beadlet_supervise::contract::{ExitCode, Outcome};
use beadlet_testbed::git::http::{Auth, Behaviour, Tls};
use beadlet_testbed::git::ssh::HostKey;
use beadlet_testbed::git::{GitHttp, GitRepo, GitSsh};

use super::pod::{Pod, eventually};

const WORK: &str = "polecat/test-worker";
pub(super) const TOKEN: &str = "token-that-nobody-guesses";

pub(super) fn project() -> GitRepo {
    let repo = GitRepo::bare();
    repo.on("main")
        .write("README.md", "hello\n")
        .write("src/lib.rs", "// nothing\n")
        .write("docs/a/b", "deep\n")
        .commit("first");
    repo
}

fn branch(pod: &Pod) -> String {
    let repository = git2::Repository::open(pod.workspace().repository()).unwrap();
    repository.head().unwrap().shorthand().unwrap().to_owned()
}

/// What a person's git would show as changed.
pub(super) fn changes(pod: &Pod) -> Vec<String> {
    let repository = git2::Repository::open(pod.workspace().repository()).unwrap();
    let statuses = repository.statuses(None).unwrap();
    statuses
        .iter()
        .map(|entry| entry.path().unwrap().to_owned())
        .collect()
}

#[test]
fn repository_is_checked_out_on_a_new_branch() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    let cloned = pod.clone();
    assert_eq!(
        (cloned.code, cloned.report.outcome),
        (ExitCode::Success, Outcome::Done),
        "{cloned:?}"
    );
    assert_eq!(
        std::fs::read_to_string(pod.file("README.md")).unwrap(),
        "hello\n"
    );
    assert_eq!(branch(&pod), WORK);
    assert_eq!(changes(&pod), [""; 0]);
    assert!(pod.workspace().supervisor().exists());
}

#[test]
fn supervisor_that_needs_a_dynamic_linker_is_refused() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("BEADLET_SUPERVISOR", env!("CARGO_BIN_EXE_beadlet"));
    let cloned = pod.clone();
    assert_eq!(
        (cloned.code, cloned.report.outcome),
        (ExitCode::CloneSettings, Outcome::CloneFailed)
    );
    assert!(
        cloned.report.message.contains("dynamic linker"),
        "{cloned:?}"
    );
}

#[test]
fn branch_that_is_not_there_is_named_beside_the_default_branch() {
    let repo = project();
    let cloned = Pod::new(&repo.url())
        .with("BEADLET_GIT_BRANCH", "trunk")
        .clone();
    assert_eq!(cloned.code, ExitCode::CloneNotFound);
    assert_eq!(
        cloned.report.message,
        "the repository has no branch trunk: its default branch is main"
    );
}

#[test]
fn work_branch_that_is_the_base_is_refused_unless_allowed() {
    let repo = project();
    let pod = || Pod::new(&repo.url()).with("BEADLET_WORK_BRANCH", "main");
    let cloned = pod().clone();
    assert_eq!(cloned.code, ExitCode::CloneSettings);
    assert!(
        cloned.report.message.contains("the branch it starts from"),
        "{cloned:?}"
    );
    assert_eq!(
        pod().with("BEADLET_ALLOW_BASE_BRANCH", "true").clone().code,
        ExitCode::Success
    );
}

#[test]
fn second_attempt_goes_on_from_what_the_first_pushed() {
    let repo = project();
    repo.set_reference(&format!("refs/heads/{WORK}"), &repo.head("main").unwrap());
    let earlier = repo.commit(WORK, "half", "done\n");
    let pod = Pod::new(&repo.url());
    let cloned = pod.clone();
    assert!(
        cloned
            .report
            .message
            .contains(&format!("goes on from {earlier}")),
        "{cloned:?}"
    );
    assert_eq!(std::fs::read_to_string(pod.file("half")).unwrap(), "done\n");
    pod.agent(r#"printf %s "$1" > asked"#).wait();
    let asked = std::fs::read_to_string(pod.file("asked")).unwrap();
    assert!(
        asked.contains(&format!("up to commit {earlier}")),
        "{asked}"
    );
}

#[test]
fn work_tree_of_an_earlier_attempt_is_put_aside() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    pod.clone();
    std::fs::write(pod.file("unpushed"), "precious\n").unwrap();
    assert_eq!(pod.clone().code, ExitCode::Success);
    assert!(!pod.file("unpushed").exists());
    assert_eq!(
        std::fs::read_to_string(pod.path("workspace/previous/unpushed")).unwrap(),
        "precious\n"
    );
}

#[test]
fn sparse_clone_has_the_folders_asked_for_and_the_files_above() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("BEADLET_SPARSE", "docs/a");
    assert_eq!(pod.clone().code, ExitCode::Success);
    assert!(pod.file("README.md").exists() && pod.file("docs/a/b").exists());
    assert!(!pod.file("src").exists());
    let status = std::process::Command::new("git")
        .args(["status", "--porcelain"])
        .current_dir(pod.workspace().repository())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&status.stdout),
        "",
        "git itself sees no file as removed"
    );
}

/// The project on a server that asks for `token`.
pub(super) fn over_https(repo: &GitRepo) -> (GitHttp, Pod) {
    let server = GitHttp::start(
        repo,
        Tls::Valid,
        Auth::Basic {
            user: "x-access-token".into(),
            password: TOKEN.into(),
        },
    );
    let pod = Pod::new(&server.url(repo))
        .with("BEADLET_CA_FILE", &server.ca_file().display().to_string())
        .secret("token", TOKEN);
    (server, pod)
}

fn over_ssh(repo: &GitRepo) -> (GitSsh, Pod) {
    let server = GitSsh::start(&[HostKey::Ed25519]);
    let pod = Pod::new(&server.url(repo))
        .secret(
            "ssh-privatekey",
            std::fs::read(server.client_key()).unwrap(),
        )
        .secret("known_hosts", server.known_hosts());
    (server, pod)
}

trait CloneAndCount {
    /// The commits that a clone brought.
    fn clone_and_count(&self) -> usize;
}

impl CloneAndCount for Pod {
    fn clone_and_count(&self) -> usize {
        let cloned = self.clone();
        assert_eq!(cloned.code, ExitCode::Success, "{cloned:?}");
        let repository = git2::Repository::open(self.workspace().repository()).unwrap();
        let mut walk = repository.revwalk().unwrap();
        walk.push_head().unwrap();
        walk.count()
    }
}

#[test]
fn only_as_much_history_is_brought_as_asked_for() {
    let repo = project();
    for n in 0..4 {
        repo.commit("main", "README.md", format!("{n}\n"));
    }
    for (depth, expected) in [("1", 1), ("3", 3), ("0", 5)] {
        let (_server, pod) = over_https(&repo);
        assert_eq!(
            pod.with("BEADLET_DEPTH", depth).clone_and_count(),
            expected,
            "depth {depth}"
        );
    }
}

#[test]
fn repository_is_cloned_over_https_and_over_ssh() {
    let repo = project();
    let (_server, pod) = over_https(&repo);
    assert_eq!(pod.clone_and_count(), 1);
    let (_server, pod) = over_ssh(&repo);
    assert_eq!(pod.clone_and_count(), 1);
}

#[test]
fn credential_is_not_left_in_the_workspace() {
    let repo = project();
    let (_server, pod) = over_https(&repo);
    assert_eq!(pod.clone().code, ExitCode::Success);
    let found = std::process::Command::new("grep")
        .args(["-ra", TOKEN])
        .arg(pod.workspace().root())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

#[test]
fn wrong_credential_is_refused_for_good() {
    let repo = project();
    let (server, pod) = over_https(&repo);
    server.ask_for(Auth::Basic {
        user: "x-access-token".into(),
        password: "another".into(),
    });
    let cloned = pod.clone();
    assert_eq!(cloned.code, ExitCode::CloneRefused, "{cloned:?}");
    assert!(
        cloned.report.message.contains("credentials are refused"),
        "{cloned:?}"
    );
    assert!(!cloned.log.contains(TOKEN) && !cloned.report.message.contains(TOKEN));
    let (server, pod) = over_ssh(&repo);
    let cloned = pod
        .secret(
            "ssh-privatekey",
            std::fs::read(server.foreign_key()).unwrap(),
        )
        .clone();
    assert_eq!(cloned.code, ExitCode::CloneRefused, "{cloned:?}");
}

#[test]
fn host_key_that_changed_is_refused_with_its_fingerprint() {
    let repo = project();
    let (mut server, pod) = over_ssh(&repo);
    server.change_host_keys(&[HostKey::Ed25519]);
    let cloned = pod.clone();
    assert_eq!(cloned.code, ExitCode::CloneRefused, "{cloned:?}");
    assert!(
        cloned.report.message.contains(&server.fingerprints()[0]),
        "{cloned:?}"
    );
}

#[test]
fn host_that_nobody_vouches_for_is_refused() {
    let repo = project();
    let (_server, pod) = over_ssh(&repo);
    let cloned = pod.secret("known_hosts", "").clone();
    assert_eq!(cloned.code, ExitCode::CloneRefused, "{cloned:?}");
}

#[test]
fn certificate_of_another_authority_is_refused() {
    let repo = project();
    let (server, _) = over_https(&repo);
    let cloned = Pod::new(&server.url(&repo)).secret("token", TOKEN).clone();
    assert_eq!(cloned.code, ExitCode::CloneRefused, "{cloned:?}");
}

#[test]
fn secret_without_a_key_for_this_server_is_a_wrong_setting() {
    let repo = project();
    let (_server, pod) = over_ssh(&repo);
    std::fs::remove_file(pod.path("secret/ssh-privatekey")).unwrap();
    let cloned = pod.secret("token", TOKEN).clone();
    assert_eq!(cloned.code, ExitCode::CloneSettings, "{cloned:?}");
    assert!(
        cloned.report.message.contains("no ssh-privatekey"),
        "{cloned:?}"
    );
}

#[test]
fn repository_that_is_not_there_is_not_found() {
    let repo = project();
    let (server, _) = over_https(&repo);
    let cloned = Pod::new(&format!("{}/nothing.git", server.base()))
        .with("BEADLET_CA_FILE", &server.ca_file().display().to_string())
        .secret("token", TOKEN)
        .clone();
    assert_eq!(cloned.code, ExitCode::CloneNotFound, "{cloned:?}");
}

#[test]
fn server_that_fails_may_be_tried_again() {
    let repo = project();
    let (server, pod) = over_https(&repo);
    server.behave(Behaviour::Status(503));
    let cloned = pod.clone();
    assert_eq!(
        (cloned.code, cloned.report.outcome),
        (ExitCode::CloneFailed, Outcome::CloneFailed),
        "{cloned:?}"
    );
    assert!(!cloned.code.is_permanent());
}

#[test]
fn clone_that_is_told_to_stop_says_so() {
    let repo = project();
    let (server, pod) = over_https(&repo);
    server.behave(Behaviour::Hang);
    let container = pod.start("clone", &[]);
    eventually("a request", || !server.seen().is_empty());
    container.signal(rustix::process::Signal::TERM);
    let cloned = container.wait();
    assert_eq!(
        (cloned.code, cloned.report.outcome),
        (ExitCode::CloneStopped, Outcome::Stopped),
        "{cloned:?}"
    );
}
