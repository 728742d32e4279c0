//! `beadlet sync` as a process: exit codes, endpoints, logs, signals, and what its settings do.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use beadlet_testbed::git::http::{Auth, Tls};
use beadlet_testbed::git::{GitHttp, GitRepo};
use beadlet_testbed::process::Signal;
use beadlet_testbed::{Namespace, Program, Running, Testbed, eventually};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use serde_json::{Value, json};

use crate::cli::fixture;

const ISSUES: &str = ".beads/issues.jsonl";
const SOON: Duration = Duration::from_secs(120);

fn issue(id: &str, more: &Value) -> String {
    let mut issue = json!({"id": id, "title": id, "status": "open", "priority": 1, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    issue
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    format!("{issue}\n")
}

fn issues(count: usize) -> String {
    (0..count)
        .map(|at| issue(&format!("a-{at}"), &json!({})))
        .collect()
}

fn repo(content: impl AsRef<[u8]>) -> GitRepo {
    let repo = GitRepo::bare();
    repo.commit("main", ISSUES, content);
    repo.set_head("main");
    repo
}

fn town() -> GitRepo {
    repo(std::fs::read(fixture("town.jsonl")).unwrap())
}

fn program(namespace: &Namespace, repo: &str, more: &[&str]) -> Program {
    let kubeconfig = namespace.user("beadlet").kubeconfig().display().to_string();
    Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args([
            "sync",
            "--repo",
            repo,
            "--namespace",
            namespace.name(),
            "--kubeconfig",
            &kubeconfig,
        ])
        .args(more)
}

/// One pass: its exit code and its log.
async fn once(namespace: &Namespace, repo: &str, more: &[&str]) -> (i32, String) {
    let mut running = program(namespace, repo, &[&["--once"], more].concat()).start();
    let status = running.wait(SOON).await;
    (status.code().unwrap(), running.stderr())
}

/// A mirror that runs, and the address of its endpoints.
async fn start(namespace: &Namespace, repo: &str, more: &[&str]) -> (Running, String) {
    let mut running = program(
        namespace,
        repo,
        &[&["--listen", "127.0.0.1:0", "--log-format", "json"], more].concat(),
    )
    .start();
    let line: Value = serde_json::from_str(&running.line("listening", SOON).await).unwrap();
    (running, line["address"].as_str().unwrap().to_owned())
}

/// Status code and body.
fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

async fn is_ready(address: &str) {
    eventually(SOON, "the first good pass", async || {
        match get(address, "/readyz") {
            (200, _) => Ok(()),
            (code, body) => Err(format!("{code} {body}")),
        }
    })
    .await;
}

async fn names(namespace: &Namespace, labels: &str) -> Vec<String> {
    let all = namespace
        .api::<ConfigMap>()
        .list(&ListParams::default().labels(labels))
        .await
        .unwrap();
    all.into_iter()
        .map(|configmap| configmap.metadata.name.unwrap())
        .collect()
}

#[tokio::test]
async fn one_good_pass_ends_with_zero_and_a_second_one_writes_nothing() {
    let testbed = Testbed::shared().await;
    let namespace = testbed.namespace("once").await;
    let town = town();
    let (code, log) = once(&namespace, &town.url(), &[]).await;
    assert_eq!(code, 0, "{log}");
    assert_eq!(names(&namespace, "bead-status=open").await.len(), 7);
    assert_eq!(
        names(&namespace, "bead-ready=true").await,
        ["bead-gt-0001", "bead-gt-0005", "bead-gt-0008"]
    );

    let mark = testbed.audit().mark().await;
    assert_eq!(once(&namespace, &town.url(), &[]).await.0, 0);
    let writes = testbed
        .audit()
        .since(mark)
        .await
        .in_namespace(namespace.name())
        .writes();
    assert_eq!(writes.len(), 0, "{writes}");
}

#[tokio::test]
async fn a_refused_revision_ends_with_one_and_names_the_lines() {
    let namespace = Testbed::shared().await.namespace("once-refused").await;
    let conflict = format!("{}<<<<<<< ours\n", issues(2));
    let (code, log) = once(&namespace, &repo(conflict).url(), &[]).await;
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("merge conflict markers on lines 3"), "{log}");
    assert!(
        log.contains("ERROR"),
        "a person must act, so it is an error: {log}"
    );
}

#[tokio::test]
async fn a_repository_that_is_not_there_ends_with_one() {
    let namespace = Testbed::shared().await.namespace("once-gone").await;
    let (code, log) = once(&namespace, "/nowhere/beads.git", &[]).await;
    assert_eq!(code, 1, "{log}");
    assert!(
        log.contains("no git repository at /nowhere/beads.git"),
        "{log}"
    );
}

#[tokio::test]
async fn a_name_that_somebody_else_holds_ends_with_one() {
    let namespace = Testbed::shared().await.namespace("once-taken").await;
    let foreign: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "bead-a-0"}})).unwrap();
    namespace
        .api::<ConfigMap>()
        .create(&Default::default(), &foreign)
        .await
        .unwrap();
    let (code, log) = once(&namespace, &repo(issues(2)).url(), &[]).await;
    assert_eq!(code, 1, "{log}");
    assert!(
        log.contains("NameTaken") && log.contains("bead-a-0"),
        "{log}"
    );
    assert_eq!(names(&namespace, "bead-status").await, ["bead-a-1"]);
}

#[tokio::test]
async fn a_running_mirror_is_ready_after_its_first_good_pass_and_says_why_not_before() {
    let namespace = Testbed::shared().await.namespace("readyz").await;
    let repo = repo("<<<<<<< ours\n");
    let (mut running, address) = start(&namespace, &repo.url(), &[]).await;
    assert_eq!(get(&address, "/livez"), (200, "ok\n".to_owned()));
    eventually(SOON, "the reason is told", async || {
        let (code, body) = get(&address, "/readyz");
        code == 503 && body.contains("no good pass yet: ConflictMarkers: ")
    })
    .await;
    repo.commit("main", ISSUES, issues(2));
    is_ready(&address).await;
    assert_eq!(names(&namespace, "bead-status=open").await.len(), 2);
    assert!(running.terminate(SOON).await.success());
}

#[tokio::test]
async fn metrics_and_status_say_what_was_done() {
    let namespace = Testbed::shared().await.namespace("metrics").await;
    let town = town();
    let (mut running, address) = start(&namespace, &town.url(), &[]).await;
    is_ready(&address).await;
    let (code, metrics) = get(&address, "/metrics");
    assert_eq!(code, 200);
    for line in [
        "beadlet_writes_total{kind=\"created\"} 9",
        "beadlet_passes_total{outcome=\"changed\"} 1",
        "beadlet_issues{status=\"open\"} 7",
        "beadlet_issues_ready 3",
        "beadlet_configmaps 9",
        "beadlet_first_good_pass 1",
        "beadlet_condition{type=\"Ready\"} 1",
        "beadlet_behind_seconds 0",
        "# EOF",
    ] {
        assert!(
            metrics
                .lines()
                .any(|found| found.strip_suffix(".0").unwrap_or(found) == line),
            "{line} is not in\n{metrics}"
        );
    }
    let (code, status) = get(&address, "/status");
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(
        (code, &status["ready"], &status["configMaps"]),
        (200, &json!(true), &json!(9))
    );
    assert_eq!(
        status["revision"]["commit"],
        json!(town.head("main").unwrap())
    );
    assert_eq!(status["conditions"][0]["type"], "Ready");
    assert_eq!(get(&address, "/nothing").0, 404);
    assert!(running.terminate(SOON).await.success());
}

#[tokio::test]
async fn a_push_is_mirrored_and_every_log_line_is_json() {
    let namespace = Testbed::shared().await.namespace("push").await;
    let repo = repo(issues(1));
    let (mut running, address) = start(&namespace, &repo.url(), &[]).await;
    is_ready(&address).await;
    repo.commit("main", ISSUES, issues(3));
    eventually(SOON, "the new issues are there", async || {
        names(&namespace, "bead-status=open").await.len() == 3
    })
    .await;
    assert!(running.terminate(SOON).await.success());
    for line in running.stderr().lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
        assert!(
            line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
}

#[tokio::test]
async fn hangup_looks_at_once() {
    let namespace = Testbed::shared().await.namespace("hangup").await;
    let repo = repo(issues(1));
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    let flags = ["--sync-interval", "1h", "--proxy", "none"];
    let (mut running, address) = start(&namespace, &server.url(&repo), &flags).await;
    is_ready(&address).await;
    repo.commit("main", ISSUES, issues(2));
    running.signal(Signal::HUP).unwrap();
    eventually(SOON, "the new issue is there", async || {
        names(&namespace, "bead-status=open").await.len() == 2
    })
    .await;
    assert!(running.terminate(SOON).await.success());
}

#[tokio::test]
async fn a_sync_interval_is_how_often_the_server_is_asked() {
    let namespace = Testbed::shared().await.namespace("interval").await;
    let repo = repo(issues(1));
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    let flags = ["--sync-interval", "100ms", "--proxy", "none"];
    let (mut running, address) = start(&namespace, &server.url(&repo), &flags).await;
    is_ready(&address).await;
    let before = server.seen().len();
    eventually(
        Duration::from_secs(20),
        "five looks in much less than the default of 5 s each",
        async || server.seen().len() >= before + 5,
    )
    .await;
    assert!(running.terminate(SOON).await.success());
}

#[tokio::test]
async fn the_second_signal_aborts() {
    let namespace = Testbed::shared().await.namespace("abort").await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/beads.git", silent.local_addr().unwrap());
    let mut running = program(&namespace, &url, &["--once", "--proxy", "none"]).start();
    // The pass hangs in this connection, which is never answered.
    let _connection = tokio::task::spawn_blocking(move || silent.accept().unwrap())
        .await
        .unwrap();
    running.signal(Signal::TERM).unwrap();
    running
        .line("stopping after the pass in flight", SOON)
        .await;
    running.signal(Signal::TERM).unwrap();
    assert_eq!(running.wait(SOON).await.code(), Some(1));
    assert!(
        running.stderr().contains("aborted by a second signal"),
        "{}",
        running.stderr()
    );
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let namespace = Testbed::shared().await.namespace("listen").await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut running = program(&namespace, &town().url(), &["--listen", &address]).start();
    assert_eq!(running.wait(SOON).await.code(), Some(1));
    let message = format!("cannot listen on {address}; give another with --listen");
    assert!(running.stderr().contains(&message), "{}", running.stderr());
}

#[tokio::test]
async fn store_profile_and_retention_reach_the_config_maps() {
    let namespace = Testbed::shared().await.namespace("settings").await;
    let flags = [
        "--store",
        "town",
        "--profile",
        "bd-1.0.5",
        "--closed-retention",
        "7d",
    ];
    let (code, log) = once(&namespace, &town().url(), &flags).await;
    assert_eq!(code, 0, "{log}");
    assert_eq!(
        names(&namespace, "gastown.gastown.io/store=town")
            .await
            .len(),
        8
    );
    let human = names(&namespace, "bead-ready=true,bead-label/human").await;
    assert_eq!(
        human,
        ["bead-gt-0006"],
        "bd 1.0.5 does not keep them for people"
    );
}

#[tokio::test]
async fn branch_and_path_choose_the_file() {
    let namespace = Testbed::shared().await.namespace("branch").await;
    let repo = town();
    repo.commit("side", "export/all.jsonl", issues(2));
    let (code, log) = once(
        &namespace,
        &repo.url(),
        &["--branch", "side", "--path", "export/all.jsonl"],
    )
    .await;
    assert_eq!(code, 0, "{log}");
    assert_eq!(
        names(&namespace, "bead-status").await,
        ["bead-a-0", "bead-a-1"]
    );
}

#[tokio::test]
async fn deletions_wait_until_they_are_allowed() {
    let namespace = Testbed::shared().await.namespace("deletions").await;
    let repo = repo(issues(40));
    assert_eq!(once(&namespace, &repo.url(), &[]).await.0, 0);
    let commit = repo.commit("main", ISSUES, issues(20));
    let (code, log) = once(&namespace, &repo.url(), &[]).await;
    assert_eq!(code, 1, "{log}");
    assert!(
        log.contains("TooManyDeletions") && log.contains(&format!("--allow-delete={commit}")),
        "{log}"
    );
    assert_eq!(names(&namespace, "bead-status").await.len(), 40);
    assert_eq!(
        once(&namespace, &repo.url(), &["--allow-delete", &commit[..8]])
            .await
            .0,
        0
    );
    assert_eq!(names(&namespace, "bead-status").await.len(), 20);
    repo.commit("main", ISSUES, issues(5));
    assert_eq!(
        once(&namespace, &repo.url(), &["--max-delete-percent", "80"])
            .await
            .0,
        0
    );
    assert_eq!(names(&namespace, "bead-status").await.len(), 5);
}

#[tokio::test]
async fn rejected_lines_are_skipped_when_asked() {
    let namespace = Testbed::shared().await.namespace("rejected").await;
    let repo = repo(issues(3) + "{\"id\":\"a-9\",\n");
    let (code, log) = once(&namespace, &repo.url(), &[]).await;
    assert_eq!(code, 1, "{log}");
    assert!(log.contains("line 4: "), "{log}");
    assert_eq!(names(&namespace, "bead-status").await.len(), 0);
    assert_eq!(
        once(&namespace, &repo.url(), &["--rejected-lines", "skip"])
            .await
            .0,
        0
    );
    assert_eq!(names(&namespace, "bead-status").await.len(), 3);
}

#[tokio::test]
async fn clones_are_kept_where_the_person_says() {
    let namespace = Testbed::shared().await.namespace("cache").await;
    let repo = repo(issues(1));
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    let folder = tempfile::tempdir().unwrap();
    let flags = [
        "--cache-dir",
        folder.path().to_str().unwrap(),
        "--proxy",
        "none",
    ];
    assert_eq!(once(&namespace, &server.url(&repo), &flags).await.0, 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

    let mut by_default = program(
        &namespace,
        &server.url(&repo),
        &["--once", "--proxy", "none"],
    )
    .start();
    assert!(by_default.wait(SOON).await.success());
    assert!(by_default.home().join(".cache/beadlet").is_dir());
}

#[tokio::test]
async fn settings_come_from_the_environment_too() {
    let namespace = Testbed::shared().await.namespace("environment").await;
    let kubeconfig = namespace.user("beadlet").kubeconfig().to_owned();
    let repo = repo(issues(2));
    let mut running = Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .arg("sync")
        .env("BEADLET_REPO", repo.url())
        .env("BEADLET_NAMESPACE", namespace.name())
        .env("BEADLET_ONCE", "true")
        .env("BEADLET_STORE", "by-environment")
        .env("KUBECONFIG", &kubeconfig)
        .start();
    assert!(running.wait(SOON).await.success(), "{}", running.stderr());
    assert_eq!(
        names(&namespace, "gastown.gastown.io/store=by-environment")
            .await
            .len(),
        2
    );
}
