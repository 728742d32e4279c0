//! The supervisor as a program, with real processes as agents.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use beadlet_supervise::contract::{ExitCode, Outcome, Report, Tokens, Workspace, places};
use beadlet_supervise::files::{self, Lock};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

const PATIENCE: Duration = Duration::from_secs(30);

/// A workspace as `git-init` leaves it, and the agent's container.
struct Pod {
    folder: tempfile::TempDir,
    command: Command,
}

impl Pod {
    fn new(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::new(folder.path());
        std::fs::create_dir_all(workspace.repository()).unwrap();
        std::fs::create_dir_all(workspace.own()).unwrap();
        std::fs::create_dir_all(folder.path().join("bead")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_beadlet-supervise"));
        command
            .arg("--workspace")
            .arg(folder.path())
            .arg("--home")
            .arg(folder.path().join("home"));
        command.arg("--bead-dir").arg(folder.path().join("bead"));
        command
            .arg("--termination-log")
            .arg(folder.path().join("termination"));
        command
            .args(["--bead", "gt-1"])
            .args(options)
            .env("BEADLET_AGENT", "custom");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { folder, command }
    }

    /// With a shell script as the agent; its `$1` is the prompt.
    fn script(options: &[&str], script: &str) -> Self {
        let mut pod = Self::new(options);
        pod.command
            .args(["--", "sh", "-c", script, "agent", "{prompt}"]);
        pod
    }

    fn with_bead(self, issue: &serde_json::Value) -> Self {
        std::fs::write(
            self.folder.path().join("bead/issue.json"),
            issue.to_string(),
        )
        .unwrap();
        self
    }

    fn start(&mut self) -> Child {
        self.command.spawn().unwrap()
    }

    fn run(&mut self) -> (Report, ExitCode, Output) {
        let child = self.start();
        self.end(child)
    }

    /// Waits for the supervisor to end: its record, its code, and what it printed.
    fn end(&self, child: Child) -> (Report, ExitCode, Output) {
        let output = child.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(
            self.workspace().ended().exists(),
            "no record was left: {log}"
        );
        let code = ExitCode::from_code(output.status.code().unwrap()).unwrap();
        let record: Report = serde_json::from_slice(&self.read(&self.workspace().ended())).unwrap();
        let message: Report =
            serde_json::from_slice(&self.read(&self.folder.path().join("termination"))).unwrap();
        assert_eq!(record, message);
        assert!(!Lock::is_held(&self.workspace().lock()).unwrap());
        (record, code, output)
    }

    fn workspace(&self) -> Workspace {
        Workspace::new(self.folder.path())
    }

    fn in_repository(&self, name: &str) -> PathBuf {
        self.workspace().repository().join(name)
    }

    fn read(&self, path: &Path) -> Vec<u8> {
        std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(&self.in_repository(name))).unwrap()
    }

    /// A process number that the agent wrote down, once it is there.
    fn pid(&self, name: &str) -> Pid {
        eventually(name, || {
            let text = std::fs::read_to_string(self.in_repository(name)).ok()?;
            text.strip_suffix('\n')?
                .parse()
                .ok()
                .and_then(Pid::from_raw)
        })
    }

    fn wait_for(&self, name: &str) {
        eventually(name, || self.in_repository(name).exists().then_some(()));
    }
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::yield_now();
    }
}

fn is_alive(pid: Pid) -> bool {
    test_kill_process(pid).is_ok()
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[test]
fn agent_that_edits_a_file_is_done() {
    let mut pod = Pod::script(&[], "echo working; echo note >&2; echo new > file");
    let (report, code, output) = pod.run();
    assert_eq!((report.outcome, code), (Outcome::Done, ExitCode::Success));
    assert_eq!(pod.text("file"), "new\n");
    assert_eq!(output.stdout, b"working\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("note"));
}

#[test]
fn agent_that_fails_says_its_code_and_last_words() {
    let (report, code, _) = Pod::script(&[], "echo no such tool >&2; exit 3").run();
    assert_eq!(
        (report.outcome, code),
        (Outcome::AgentFailed, ExitCode::AgentFailed)
    );
    assert_eq!(
        report.message,
        "the agent ended with exit code 3: no such tool"
    );
}

#[test]
fn agent_killed_by_another_hand_failed() {
    let (report, code, _) = Pod::script(&[], "kill -KILL $$").run();
    assert_eq!(
        (report.outcome, code),
        (Outcome::AgentFailed, ExitCode::AgentFailed)
    );
    assert!(report.message.contains("signal 9"), "{}", report.message);
}

#[test]
fn program_that_is_not_there_is_named() {
    let mut pod = Pod::new(&[]);
    pod.command.args(["--", "/no/such/agent"]);
    let (report, code, _) = pod.run();
    assert_eq!(
        (report.outcome, code),
        (Outcome::AgentFailed, ExitCode::AgentNotStarted)
    );
    assert!(
        report.message.contains("\"/no/such/agent\""),
        "{}",
        report.message
    );
}

#[test]
fn settings_that_do_not_fit_together_are_refused() {
    let mut pod = Pod::new(&["--agent", "claude-code", "--provider", "openai"])
        .with_bead(&serde_json::json!({"title": "t"}));
    let (report, code, _) = pod.run();
    assert_eq!(
        (report.outcome, code),
        (Outcome::AgentFailed, ExitCode::AgentSettings)
    );
    assert!(
        report.message.contains("Anthropic's protocol only"),
        "{}",
        report.message
    );
}

#[test]
fn option_that_is_not_known_is_a_wrong_setting() {
    let output = Pod::new(&["--no-such-option"]).command.output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(i32::from(ExitCode::AgentSettings.code()))
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains("--no-such-option"));
}

#[test]
fn text_of_the_bead_reaches_the_agent_as_it_is_and_runs_nothing() {
    let odd = "say \"hi\" 'there' `touch ran` $(touch ran) ; touch ran | touch ran & ${HOME} \\\n--help\n-rf\n{branch} {{bead}}\t\u{1b}[31m 中文";
    let issue = serde_json::json!({"id": "gt-1", "title": "--version", "description": odd, "notes": "$(touch ran)"});
    let mut pod = Pod::script(
        &["--work-branch", "polecat/a"],
        "printf %s \"$1\" > argument; printf %s $# > count",
    )
    .with_bead(&issue);
    let (report, ..) = pod.run();
    assert_eq!(report.outcome, Outcome::Done);
    let argument = pod.text("argument");
    assert!(argument.contains(odd), "{argument}");
    assert_eq!(argument.as_bytes(), pod.read(&pod.workspace().prompt()));
    assert_eq!(pod.text("count"), "1");
    assert!(!pod.in_repository("ran").exists());
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&pod.read(&pod.workspace().issue())).unwrap(),
        issue
    );
}

#[test]
fn bead_too_long_for_an_argument_is_in_the_file() {
    let long = "0123456789".repeat(30_000);
    let issue = serde_json::json!({"id": "gt-1", "title": "long", "description": long});
    let mut pod = Pod::script(&[], "printf %s \"$1\" > argument").with_bead(&issue);
    assert_eq!(pod.run().0.outcome, Outcome::Done);
    assert!(
        pod.text("argument")
            .contains(pod.workspace().prompt().to_str().unwrap())
    );
    assert!(
        String::from_utf8(pod.read(&pod.workspace().prompt()))
            .unwrap()
            .contains(&long)
    );
}

#[test]
fn agent_has_its_own_variables_and_none_of_ours() {
    let mut pod = Pod::script(
        &["--polecat", "a", "--rig", "r", "--provider", "openai"],
        "env > environment; echo key $LLM_API_KEY",
    );
    pod.command
        .env(places::API_KEY, "sk-secret\n")
        .env("BEADLET_REQUEST_TIMEOUT", "9s")
        .env("KEPT", "yes");
    let (_, _, output) = pod.run();
    let environment = pod.text("environment");
    let has = |line: &str| environment.lines().any(|other| other == line);
    assert!(
        has("GT_ISSUE=gt-1") && has("GT_POLECAT=a") && has("GT_RIG=r") && has("KEPT=yes"),
        "{environment}"
    );
    assert!(
        has("OPENAI_API_KEY=sk-secret") && has("GIT_TERMINAL_PROMPT=0"),
        "{environment}"
    );
    assert!(
        !environment.contains("BEADLET_REQUEST_TIMEOUT") && !environment.contains(places::API_KEY),
        "{environment}"
    );
    assert_eq!(output.stdout, b"key ***\n");
}

#[test]
fn agent_at_its_deadline_is_asked_to_end_first() {
    let mut pod = Pod::script(
        &["--deadline", "500ms"],
        "trap 'echo bye > said; exit 0' TERM; while :; do sleep 0.05; done",
    );
    let (report, code, _) = pod.run();
    assert_eq!(
        (report.outcome, code),
        (Outcome::Deadline, ExitCode::AgentDeadline)
    );
    assert_eq!(pod.text("said"), "bye\n");
}

#[test]
fn agent_that_does_not_end_when_asked_is_ended_by_force() {
    let mut pod = Pod::script(
        &["--deadline", "300ms", "--grace", "300ms"],
        "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done",
    );
    let (report, code, _) = pod.run();
    assert_eq!(
        (report.outcome, code),
        (Outcome::Deadline, ExitCode::AgentDeadline)
    );
    assert!(!is_alive(pod.pid("pid")));
}

#[test]
fn agent_that_hangs_is_idle() {
    let mut pod = Pod::script(&["--max-idle", "500ms"], "exec sleep 1000");
    let (report, code, _) = pod.run();
    assert_eq!((report.outcome, code), (Outcome::Idle, ExitCode::AgentIdle));
}

#[test]
fn agent_that_prints_is_not_idle() {
    let mut pod = Pod::script(
        &["--max-idle", "1s"],
        "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.3; done",
    );
    assert_eq!(pod.run().0.outcome, Outcome::Done);
}

#[test]
fn agent_that_changes_files_in_silence_is_not_idle() {
    let mut pod = Pod::script(
        &["--max-idle", "1s"],
        "mkdir -p deep/er; for i in 1 2 3 4 5 6 7 8; do echo $i > deep/er/file; sleep 0.3; done",
    );
    assert_eq!(pod.run().0.outcome, Outcome::Done);
}

#[test]
fn orphans_are_taken_leave_of_while_the_agent_runs() {
    let orphan =
        "(sleep 0 & echo $! > orphan) ; touch forked; while [ ! -e go ]; do sleep 0.05; done";
    let mut pod = Pod::script(&[], orphan);
    let child = pod.start();
    pod.wait_for("forked");
    let orphan = pod.pid("orphan");
    eventually("the end of the orphan", || {
        (!is_alive(orphan)).then_some(())
    });
    std::fs::write(pod.in_repository("go"), "").unwrap();
    assert_eq!(pod.end(child).0.outcome, Outcome::Done);
}

#[test]
fn what_the_agent_leaves_running_ends_with_it() {
    let mut pod = Pod::script(
        &[],
        "setsid sh -c 'trap \"\" TERM HUP; echo $$ > daemon; sleep 1000' & while [ ! -s daemon ]; do sleep 0.05; done",
    );
    assert_eq!(pod.run().0.outcome, Outcome::Done);
    assert!(!is_alive(pod.pid("daemon")));
}

#[test]
fn supervisor_told_to_stop_stops_the_agent() {
    let mut pod = Pod::script(
        &[],
        "trap 'echo bye > said; exit 0' TERM; touch ready; while :; do sleep 0.05; done",
    );
    let child = pod.start();
    pod.wait_for("ready");
    kill_process(pid_of(&child), Signal::TERM).unwrap();
    let (report, code, _) = pod.end(child);
    assert_eq!(
        (report.outcome, code),
        (Outcome::Stopped, ExitCode::AgentStopped)
    );
    assert_eq!(pod.text("said"), "bye\n");
}

#[test]
fn second_request_to_stop_ends_the_agent_by_force() {
    let mut pod = Pod::script(
        &["--grace", "1h"],
        "trap 'touch asked' TERM; touch ready; while :; do sleep 0.05; done",
    );
    let child = pod.start();
    pod.wait_for("ready");
    kill_process(pid_of(&child), Signal::TERM).unwrap();
    pod.wait_for("asked");
    kill_process(pid_of(&child), Signal::TERM).unwrap();
    assert_eq!(pod.end(child).0.outcome, Outcome::Stopped);
}

#[test]
fn other_signals_are_passed_on() {
    let mut pod = Pod::script(
        &[],
        "trap 'touch got; exit 0' USR1; touch ready; while :; do sleep 0.05; done",
    );
    let child = pod.start();
    pod.wait_for("ready");
    kill_process(pid_of(&child), Signal::USR1).unwrap();
    assert_eq!(pod.end(child).0.outcome, Outcome::Done);
    assert!(pod.in_repository("got").exists());
}

#[test]
fn supervisor_that_is_killed_leaves_an_open_lock_and_no_record() {
    let mut pod = Pod::script(&[], "echo $$ > pid; while :; do sleep 0.05; done");
    let mut child = pod.start();
    let agent = pod.pid("pid");
    let workspace = pod.workspace();
    assert!(workspace.started().exists() && Lock::is_held(&workspace.lock()).unwrap());
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    eventually("the open lock", || {
        (!Lock::is_held(&workspace.lock()).unwrap()).then_some(())
    });
    assert_eq!(files::read(&workspace.ended(), 1 << 20).unwrap(), None);
    kill_process(agent, Signal::KILL).unwrap();
}

#[test]
fn second_supervisor_leaves_the_first_alone() {
    let mut pod = Pod::script(&[], "touch ready; while [ ! -e go ]; do sleep 0.05; done");
    let first = pod.start();
    pod.wait_for("ready");
    let second = pod.start().wait_with_output().unwrap();
    assert_eq!(
        second.status.code(),
        Some(i32::from(ExitCode::AgentFailed.code()))
    );
    assert!(String::from_utf8_lossy(&second.stderr).contains("another supervisor"));
    std::fs::write(pod.in_repository("go"), "").unwrap();
    assert_eq!(pod.end(first).0.outcome, Outcome::Done);
}

#[test]
fn usage_that_a_custom_agent_leaves_is_reported() {
    let script =
        r#"printf '{"tokens":{"input":10,"output":2},"cost":0.25}' > "$BEADLET_USAGE_FILE""#;
    let (report, ..) = Pod::script(&[], script).run();
    assert_eq!(
        report.usage.tokens,
        Some(Tokens {
            input: 10,
            output: 2,
            ..Tokens::default()
        })
    );
    assert_eq!(report.usage.cost, Some(0.25));
}

#[test]
fn login_of_claude_code_is_copied_into_its_home() {
    let credentials = tempfile::tempdir().unwrap();
    std::fs::create_dir(credentials.path().join("..data")).unwrap();
    std::fs::write(credentials.path().join(".credentials.json"), "{}").unwrap();
    let mut pod = Pod::script(
        &["--claude-credentials", credentials.path().to_str().unwrap()],
        "cp \"$HOME/.claude/.credentials.json\" .",
    );
    assert_eq!(pod.run().0.outcome, Outcome::Done);
    assert_eq!(pod.text(".credentials.json"), "{}");
}
