//! How `git-push` learns that the agent ended, and what a stop at any moment leaves.

use beadlet_supervise::contract::{ExitCode, Outcome};
use beadlet_testbed::git::{
    GitRepo,
    http::{Auth, GitHttp, Tls},
};
use rustix::process::Signal;

use super::pod::{Pod, eventually};

const WORK: &str = "polecat/test-worker";

fn project() -> GitRepo {
    let repo = GitRepo::bare();
    repo.commit("main", "README.md", "hello\n");
    repo
}

fn ready(pod: &Pod) {
    eventually("the agent at work", || pod.file("ready").exists());
}

const ENDLESS: &str = "trap 'echo end > end; exit 0' TERM; echo half > half; touch ready; while :; do sleep 0.05; done";

#[test]
fn push_that_starts_with_the_agent_waits_for_it() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    pod.clone();
    let push = pod.start("push", &[]);
    let agent = pod.agent(
        "touch ready; while [ ! -e go ]; do sleep 0.05; done; rm ready go; echo late > late",
    );
    ready(&pod);
    std::fs::write(pod.file("go"), "").unwrap();
    agent.wait();
    let pushed = push.wait();
    assert_eq!(pushed.report.outcome, Outcome::Done, "{pushed:?}");
    assert_eq!(repo.read(WORK, "late").unwrap(), b"late\n");
}

#[test]
fn agent_and_supervisor_killed_together_ran_out_of_memory_and_their_work_is_kept() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    pod.clone();
    let push = pod.start("push", &[]);
    let mut agent = pod.agent("echo half > half; echo $$ > ../pid; touch ready; exec sleep 1000");
    ready(&pod);
    let pid = std::fs::read_to_string(pod.path("workspace/pid"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), Signal::KILL)
        .unwrap();
    let pushed = push.wait();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::Success, Outcome::OutOfMemory),
        "{pushed:?}"
    );
    assert_eq!(repo.read(WORK, "half").unwrap(), b"half\n");
}

#[test]
fn agent_that_failed_in_each_way_has_its_work_pushed_and_its_reason_kept() {
    for (settings, script, outcome) in [
        (
            &[("BEADLET_DEADLINE", "500ms")][..],
            "echo half > half; exec sleep 1000",
            Outcome::Deadline,
        ),
        (
            &[("BEADLET_MAX_IDLE", "500ms")],
            "echo half > half; exec sleep 1000",
            Outcome::Idle,
        ),
        (&[], "echo half > half; kill -KILL $$", Outcome::AgentFailed),
        (
            &[],
            "echo half > half; (setsid sleep 1000 &) ; exit 7",
            Outcome::AgentFailed,
        ),
    ] {
        let repo = project();
        let pod = settings
            .iter()
            .fold(Pod::new(&repo.url()), |pod, (name, value)| {
                pod.with(name, value)
            });
        let pushed = pod.run(script);
        assert_eq!(
            (pushed.code, pushed.report.outcome),
            (ExitCode::Success, outcome),
            "{script}: {pushed:?}"
        );
        assert_eq!(repo.read(WORK, "half").unwrap(), b"half\n");
    }
}

#[test]
fn stop_while_the_agent_works_pushes_what_there_is() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    pod.clone();
    let (push, agent) = (pod.start("push", &[]), pod.agent(ENDLESS));
    ready(&pod);
    eventually("the push that waits", || push.is_waiting());
    push.signal(Signal::TERM);
    agent.signal(Signal::TERM);
    assert_eq!(agent.wait().code, ExitCode::AgentStopped);
    let pushed = push.wait();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::Success, Outcome::Stopped),
        "{pushed:?}"
    );
    assert_eq!(repo.read(WORK, "half").unwrap(), b"half\n");
    assert_eq!(
        repo.read(WORK, "end").unwrap(),
        b"end\n",
        "also what the agent did in its last moment"
    );
}

#[test]
fn agent_that_does_not_stop_in_time_has_its_work_pushed_as_it_stands() {
    let repo = project();
    let pod = Pod::new(&repo.url())
        .with("BEADLET_STOP_PATIENCE", "300ms")
        .with("BEADLET_GRACE", "1h");
    pod.clone();
    let (push, mut agent) = (
        pod.start("push", &[]),
        pod.agent("trap '' TERM; echo half > half; touch ready; while :; do sleep 0.05; done"),
    );
    ready(&pod);
    eventually("the push that waits", || push.is_waiting());
    push.signal(Signal::TERM);
    let pushed = push.wait();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::Success, Outcome::Stopped),
        "{pushed:?}"
    );
    assert_eq!(repo.read(WORK, "half").unwrap(), b"half\n");
    // Twice is by force, and takes the agent along.
    agent.signal(Signal::TERM);
    agent.signal(Signal::INT);
    agent.child.wait().unwrap();
}

#[test]
fn stop_before_the_agent_starts_leaves_nothing_behind() {
    let repo = project();
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    let pod = Pod::new(&server.url(&repo));
    pod.clone();
    let push = pod.start("push", &[]);
    eventually("the push that waits", || push.is_waiting());
    push.signal(Signal::TERM);
    let pushed = push.wait();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::PushStopped, Outcome::Stopped),
        "{pushed:?}"
    );
    assert_eq!(repo.head(WORK), None);
}

#[test]
fn agent_that_never_starts_is_not_waited_for_without_end() {
    let repo = project();
    let pod = Pod::new(&repo.url()).with("BEADLET_START_TIMEOUT", "300ms");
    pod.clone();
    let pushed = pod.push();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::AgentNeverStarted, Outcome::AgentFailed),
        "{pushed:?}"
    );
}

#[test]
fn push_without_a_clone_says_so() {
    let repo = project();
    let pod = Pod::new(&repo.url());
    std::fs::create_dir_all(pod.workspace().repository()).unwrap();
    std::fs::create_dir_all(pod.workspace().own()).unwrap();
    pod.agent("true").wait();
    let pushed = pod.push();
    assert_eq!(
        (pushed.code, pushed.report.outcome),
        (ExitCode::WorkspaceDamaged, Outcome::PushFailed),
        "{pushed:?}"
    );
    assert!(
        pushed.report.message.contains("git-init did not finish"),
        "{pushed:?}"
    );
}
