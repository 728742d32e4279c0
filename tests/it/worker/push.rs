//! `git-push`: the way of the commit to the server.

use beadlet_supervise::contract::{ExitCode, Outcome};
use beadlet_testbed::git::http::{Auth, Behaviour, Tls};
use beadlet_testbed::git::ssh::HostKey;
use beadlet_testbed::git::{GitHttp, GitRepo, GitSsh};

use super::pod::{Pod, eventually};

pub(super) const WORK: &str = "polecat/test-worker";
const TOKEN: &str = "token-that-nobody-guesses";

pub(super) fn project() -> GitRepo {
    let repo = GitRepo::bare();
    // More history than a clone brings.
    for n in 0..3 {
        repo.commit("main", "old", format!("{n}\n"));
    }
    repo.on("main")
        .write("README.md", "hello\n")
        .write("src/lib.rs", "// nothing\n")
        .write(".gitignore", "target/\n")
        .commit("first");
    repo
}

fn https(repo: &GitRepo) -> (GitHttp, Pod) {
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

#[test]
fn work_is_pushed_over_https() {
    let repo = project();
    let (_server, pod) = https(&repo);
    let pushed = pod.run("echo new > new");
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(repo.read(WORK, "new").unwrap(), b"new\n");
}

#[test]
fn work_is_pushed_over_ssh() {
    let repo = project();
    let server = GitSsh::start(&[HostKey::Ed25519]);
    let key = std::fs::read(server.client_key()).unwrap();
    let pod = Pod::new(&server.url(&repo))
        .secret("ssh-privatekey", key)
        .secret("known_hosts", server.known_hosts());
    let pushed = pod.run("echo new > new");
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(repo.read(WORK, "new").unwrap(), b"new\n");
}

#[test]
fn next_attempt_goes_on_from_pushed_work() {
    let repo = project();
    let (_server, pod) = https(&repo);
    pod.run("echo half > half; exit 1");
    let first = repo.head(WORK).unwrap();
    let (_server, pod) = https(&repo);
    let pushed = pod.run("grep -q half half && echo whole > whole");
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    let repository = repo.open();
    let tip = repository
        .find_commit(repo.head(WORK).unwrap().parse().unwrap())
        .unwrap();
    assert_eq!(tip.parent_id(0).unwrap().to_string(), first);
    let (_server, pod) = https(&repo);
    let pushed = pod.run("true");
    assert_eq!(
        pushed.report.outcome,
        Outcome::Done,
        "what an earlier attempt did counts: {pushed:?}"
    );
    assert_eq!(pushed.report.work.unwrap().commit, tip.id().to_string());
}

#[test]
fn branch_that_someone_else_moved_keeps_their_work_and_ours_goes_beside() {
    let repo = project();
    let (_server, pod) = https(&repo);
    pod.clone();
    pod.agent("echo ours > ours").wait();
    let theirs = repo.on("main").write("theirs", "theirs\n").commit("theirs");
    repo.set_reference(&format!("refs/heads/{WORK}"), &theirs);
    let pushed = pod.push();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::BranchMoved, Outcome::PushFailed),
        "{pushed:?}"
    );
    assert_eq!(repo.head(WORK).unwrap(), theirs);
    let work = pushed.report.work.unwrap();
    assert_eq!(repo.read(&work.branch, "ours").unwrap(), b"ours\n");
    assert!(
        pushed.report.message.contains(&work.branch),
        "{}",
        pushed.report.message
    );
}

#[test]
fn branch_that_the_server_refuses_goes_beside() {
    let repo = project();
    let hook = repo.path().join("hooks/update");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(
        &hook,
        format!("#!/bin/sh\n[ $1 != refs/heads/{WORK} ] || {{ echo not this one >&2; exit 1; }}\n"),
    )
    .unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (_server, pod) = https(&repo);
    let pushed = pod.run("echo ours > ours");
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::PushRefused, Outcome::PushFailed),
        "{pushed:?}"
    );
    assert!(
        pushed.report.message.contains("hook declined"),
        "{pushed:?}"
    );
    assert_eq!(
        repo.read(&pushed.report.work.unwrap().branch, "ours")
            .unwrap(),
        b"ours\n"
    );
}

#[test]
fn credential_that_expired_meanwhile_is_a_refused_push() {
    let repo = project();
    let (server, pod) = https(&repo);
    pod.clone();
    pod.agent("echo new > new").wait();
    server.ask_for(Auth::Basic {
        user: "x-access-token".into(),
        password: "another".into(),
    });
    let pushed = pod.push();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::PushRefused, Outcome::PushFailed),
        "{pushed:?}"
    );
    assert!(!pushed.log.contains(TOKEN) && !pushed.report.message.contains(TOKEN));
}

#[test]
fn server_that_fails_for_a_while_is_tried_again() {
    let repo = project();
    let (server, pod) = https(&repo);
    pod.clone();
    pod.agent("echo new > new").wait();
    server.behave(Behaviour::Status(503));
    let before = server.seen().len();
    let container = pod.start("push", &[]);
    eventually("a first try", || server.seen().len() > before);
    server.behave(Behaviour::Serve);
    let pushed = container.wait();
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
}

#[test]
fn server_that_stays_away_is_given_up_with_a_clear_failure() {
    let repo = project();
    let (server, pod) = https(&repo);
    let pod = pod.with("BEADLET_PUSH_RETRY", "1500ms");
    pod.clone();
    pod.agent("echo new > new; exit 1").wait();
    server.behave(Behaviour::Status(503));
    let pushed = pod.push();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::PushFailed, Outcome::PushFailed),
        "{pushed:?}"
    );
    assert!(
        pushed.report.message.contains("exit code 1"),
        "what the agent said is kept: {pushed:?}"
    );
}

#[test]
fn base_branch_is_never_pushed_to() {
    let repo = project();
    let before = repo.head("main").unwrap();
    let pod = Pod::new(&repo.url());
    pod.clone();
    pod.agent("git checkout -q main 2>/dev/null || git checkout -qb main; echo x > x; git add x; git commit -qm x").wait();
    let pushed = Pod::push(&pod);
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(repo.head("main").unwrap(), before);
    assert_eq!(
        repo.read(WORK, "x").unwrap(),
        b"x\n",
        "whatever branch the agent is on, its work goes to the work branch"
    );
    assert_eq!(
        pod.with("BEADLET_WORK_BRANCH", "main").push().code,
        ExitCode::PushSettings
    );
}

#[test]
fn base_that_moves_on_meanwhile_does_not_matter() {
    let repo = project();
    let (_server, pod) = https(&repo);
    pod.clone();
    pod.agent("echo 1 > one; git add one; git commit -qm one; echo 2 > two")
        .wait();
    repo.commit("main", "README.md", "newer\n");
    let pushed = pod.push();
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(pushed.report.work.unwrap().files, 2);
    assert_eq!(repo.read(WORK, "two").unwrap(), b"2\n");
}

#[test]
fn objects_that_the_server_has_are_not_sent_again() {
    let repo = project();
    repo.on("main")
        .write("large", noise(300_000))
        .commit("large");
    let (_server, pod) = https(&repo);
    pod.clone();
    pod.agent("echo new > new").wait();
    // Not even when the server does not name the commit any more.
    repo.commit("main", "README.md", "newer\n");
    let before = size(&repo);
    pod.push();
    assert_eq!(repo.read(WORK, "new").unwrap(), b"new\n");
    assert!(
        size(&repo) - before < 50_000,
        "{} bytes came",
        size(&repo) - before
    );
}

/// Bytes that cannot be packed smaller, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Of everything in the repository's object database, as it lies there.
fn size(repo: &GitRepo) -> u64 {
    let output = std::process::Command::new("du")
        .arg("-sb")
        .arg(repo.path().join("objects"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

/// The first push waits for the second, which waits until the first is through.
const SLOW: &str = "#!/bin/sh
if mkdir first; then
  while [ ! -e second ]; do sleep 0.05; done
else
  : > second
  while [ ! -e refs/heads/polecat/test-worker ]; do sleep 0.05; done
fi
";

#[test]
fn push_that_comes_through_after_it_was_given_up_is_not_somebody_elses() {
    let repo = project();
    let hook = repo.path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, SLOW).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, executable).unwrap();
    let (_server, pod) = https(&repo);
    let pushed = pod.with("BEADLET_GIT_TIMEOUT", "2s").run("echo new > new");
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    let work = pushed.report.work.unwrap();
    assert_eq!(
        (work.branch.as_str(), Some(work.commit)),
        (WORK, repo.head(WORK))
    );
    assert!(repo.path().join("second").exists(), "it was tried twice");
}
