//! A pod that is stopped, or loses its machine, at any moment: the branch on the server is whole, what is said of it is true, and the next
//! pod goes on from it.

use std::time::{Duration, Instant};

use beadlet_supervise::contract::{ExitCode, Outcome, Report};
use beadlet_testbed::git::{
    GitRepo,
    http::{Auth, GitHttp, Tls},
};
use rustix::process::Signal;

use super::pod::{Container, Pod};
use super::push::{WORK, project};

/// Something happens at each moment.
const SCRIPT: &str =
    "for file in a b c d e; do echo $file > $file; sleep 0.03; done; git --version > /dev/null";
const MOMENTS: u32 = 16;
const TOKEN: &str = "token-of-the-project";
const LOOK: Duration = Duration::from_millis(2);

fn pod(url: &str) -> Pod {
    Pod::new(url).secret("token", TOKEN)
}

/// How a pod ended.
struct End {
    /// The message of `git-push`, where there is one.
    pushed: Option<(ExitCode, Report)>,
    /// How long it took.
    lasted: Duration,
}

/// Runs a pod as the kubelet does: `git-init`, then the agent and `git-push` side by side. At `moment` what runs gets the signal, and
/// nothing starts any more.
fn run(pod: &Pod, moment: Duration, signal: Signal) -> End {
    let begin = Instant::now();
    let clone = vec![pod.start("clone", &[])];
    let end = |pushed| End {
        pushed,
        lasted: begin.elapsed(),
    };
    let (cloned, was_stopped) = until_all_end(clone, begin + moment, signal);
    if was_stopped {
        return end(None);
    }
    assert_eq!(cloned[0].as_ref().unwrap().0, ExitCode::Success);
    let both = vec![pod.start("push", &[]), pod.agent(SCRIPT)];
    let (mut ended, _) = until_all_end(both, begin + moment, signal);
    end(ended.swap_remove(0))
}

/// Waits for the end of all, which get the signal at `moment`; gives what each said, and whether they got it.
fn until_all_end(
    mut containers: Vec<Container>,
    moment: Instant,
    signal: Signal,
) -> (Vec<Option<(ExitCode, Report)>>, bool) {
    let mut was_stopped = false;
    while containers
        .iter_mut()
        .any(|container| !container.has_ended())
    {
        if !was_stopped && Instant::now() >= moment {
            was_stopped = true;
            for container in &mut containers {
                container.receive(signal);
            }
        }
        std::thread::sleep(LOOK);
    }
    (
        containers.into_iter().map(Container::said).collect(),
        was_stopped,
    )
}

/// The files of the work branch; none where there is no branch.
fn files(repo: &GitRepo) -> Vec<String> {
    let Some(head) = repo.head(WORK) else {
        return Vec::new();
    };
    let opened = repo.open();
    let commit = opened.find_commit(head.parse().unwrap()).unwrap();
    let tree = commit.tree().unwrap();
    let names = tree.iter().map(|entry| {
        assert!(entry.to_object(&opened).is_ok(), "what is named is there");
        entry.name().unwrap().to_owned()
    });
    names.collect()
}

/// What the first pod says of the branch is true, and a second one goes on from it.
fn check(repo: &GitRepo, url: &str, first: &End, moment: Duration) {
    let head = repo.head(WORK);
    let report = first.pushed.as_ref().map(|(_, report)| report);
    let told = report.and_then(|report| report.work.as_ref());
    if let Some(work) = told {
        assert_eq!(Some(&work.commit), head.as_ref(), "{moment:?}");
    }
    if let Some(report) = report {
        let is_clear = report.outcome == Outcome::Done || !report.message.is_empty();
        assert!(is_clear, "{moment:?}: {report:?}");
        assert_eq!(told.is_some(), head.is_some(), "{moment:?}: {report:?}");
    }
    let kept = files(repo);
    let second = pod(url).run("echo end > end");
    assert_eq!(
        second.report.outcome,
        Outcome::Done,
        "{moment:?}: {second:?}"
    );
    let all = files(repo);
    let is_there = |file: &str| all.iter().any(|found| found == file);
    assert!(
        is_there("end") && kept.iter().all(|file| is_there(file)),
        "{moment:?}: {all:?}"
    );
    if let Some(head) = head {
        let opened = repo.open();
        let (new, old) = (repo.head(WORK).unwrap(), head);
        let comes_after = opened
            .graph_descendant_of(new.parse().unwrap(), old.parse().unwrap())
            .unwrap();
        assert!(comes_after, "{moment:?}");
    }
}

/// Does it at moments all over the life of a pod; gives at how many there was something on the server.
fn sweep(signal: Signal) -> u32 {
    let undisturbed = project();
    let server = GitHttp::start(&undisturbed, Tls::Plain, Auth::Bearer(TOKEN.into()));
    let never = Duration::from_secs(3600);
    let whole = run(&pod(&server.url(&undisturbed)), never, signal);
    let (code, report) = whole.pushed.unwrap();
    assert_eq!((code, report.outcome), (ExitCode::Success, Outcome::Done));
    let mut kept = 0;
    for step in 0..MOMENTS {
        let moment = whole.lasted * step / MOMENTS;
        let repo = project();
        let server = GitHttp::start(&repo, Tls::Plain, Auth::Bearer(TOKEN.into()));
        let url = server.url(&repo);
        let first = run(&pod(&url), moment, signal);
        kept += u32::from(repo.head(WORK).is_some());
        check(&repo, &url, &first, moment);
    }
    kept
}

#[test]
fn pod_that_is_stopped_at_any_moment_leaves_a_pushed_branch_or_a_clear_failure() {
    let kept = sweep(Signal::TERM);
    assert!(kept > 0 && kept < MOMENTS, "{kept} of {MOMENTS}");
}

#[test]
fn pod_that_loses_its_machine_at_any_moment_leaves_a_branch_that_is_whole() {
    assert!(sweep(Signal::KILL) < MOMENTS);
}
