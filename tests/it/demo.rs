//! What a person sees who types `make demo`.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use beadlet_testbed::{GitRepo, Program, Running, Testbed, process::Signal};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, api::ListParams};

const SHOW: Duration = Duration::from_secs(120);

/// The demo with the program under test, and with what finds the control plane's programs.
fn demo() -> Program {
    let beadlet = PathBuf::from(env!("CARGO_BIN_EXE_beadlet"));
    let program = beadlet.with_file_name("demo");
    assert!(
        program.is_file(),
        "{} is not built: run `cargo build -p beadlet-testbed`",
        program.display()
    );
    let given = [
        "HOME",
        "XDG_CACHE_HOME",
        "BEADLET_CACHE",
        "KUBEBUILDER_ASSETS",
    ];
    let given = given.map(|name| (name, env::var_os(name)));
    given
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .fold(Program::new(program), |demo, (name, value)| {
            demo.env(name, value)
        })
        .arg("--beadlet")
        .arg(beadlet)
}

/// The demo on a cluster that somebody has.
async fn demo_elsewhere() -> Program {
    let kubeconfig = Testbed::shared().await.kubeconfig();
    demo()
        .args(["--context", "testbed"])
        .env("KUBECONFIG", kubeconfig)
}

async fn shown(mut demo: Running) -> String {
    let status = demo.wait(SHOW).await;
    assert!(status.success(), "{status}: {}", demo.stderr());
    assert_eq!(demo.stderr(), "", "noise");
    demo.stdout()
}

/// The value behind a word, up to the next blank.
fn behind<'a>(text: &'a str, word: &str) -> &'a str {
    let (_, rest) = text
        .split_once(word)
        .unwrap_or_else(|| panic!("no {word} in:\n{text}"));
    rest.split_whitespace()
        .next()
        .unwrap()
        .trim_end_matches(',')
}

/// Command lines of running processes that mention a folder.
fn processes_with(folder: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
    lines.filter(|line| line.contains(folder)).collect()
}

#[tokio::test]
async fn demo_shows_commits_arrive_and_leaves_nothing_behind() {
    let text = shown(demo().arg("--once").start()).await;
    for line in [
        "44 ConfigMaps",
        "$ kubectl get cm -l bead-status=open",
        "$ kubectl get cm -l bead-ready=true",
        "bead-gy-3vq ",
        "gy-t2x is there",
        "gy-5tc is closed",
        "gy-w7h waited for it and is ready",
        "gy-8pd.2 has its new title",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
    let arrivals: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("seen after"))
        .collect();
    assert_eq!(arrivals.len(), 4, "{arrivals:?}");
    for line in arrivals {
        let milliseconds: u64 = behind(line, "seen after").parse().unwrap();
        assert!(milliseconds < 20_000, "{line}");
    }
    let row = |name| text.lines().rev().find(|line| line.contains(name)).unwrap();
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(row("bead-gy-5tc "))[3..], ["closed", "false"]);
    assert_eq!(words(row("bead-gy-w7h "))[3..], ["open", "true"]);

    let server: SocketAddr = behind(&text, "https://").parse().unwrap();
    assert!(
        TcpStream::connect(server).is_err(),
        "{server} still answers"
    );
    let log = Path::new(behind(&text, "log:"));
    let folder = log.parent().unwrap();
    assert!(!folder.exists(), "{} is left", folder.display());
    let left = processes_with(&folder.display().to_string());
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn demo_fits_80_columns_but_for_what_is_to_be_copied() {
    let text = shown(demo_elsewhere().await.arg("--once").start()).await;
    let wide: Vec<&str> = text
        .lines()
        .filter(|line| line.chars().count() > 80)
        .collect();
    assert!(
        wide.iter()
            .all(|line| line.contains("/town") || line.contains("log:")),
        "{wide:?}"
    );
}

#[tokio::test]
async fn demo_mirrors_a_persons_own_repository_and_only_reads_it() {
    let repo = GitRepo::bare();
    let issue = r#"{"id":"mine-1","title":"Water the plants","status":"open","priority":1}"#;
    let commit = repo.commit("work", ".beads/issues.jsonl", issue);
    let own = demo_elsewhere()
        .await
        .arg("--once")
        .args(["--branch", "work", "--repo"])
        .arg(repo.path());
    let text = shown(own.start()).await;
    assert!(text.contains("Water the plants"), "{text}");
    assert!(!text.contains("git commit"), "{text}");
    assert_eq!(repo.head("work"), Some(commit));
}

#[tokio::test]
async fn demo_stays_up_until_ctrl_c_and_removes_its_namespace() {
    let mut demo = demo_elsewhere().await.start();
    let namespace = demo.line("namespace beadlet-demo-", SHOW).await;
    let namespace = behind(&namespace, "namespace").to_owned();
    demo.line("What arrives", SHOW).await;

    let namespaces: Api<Namespace> = Api::all(Testbed::shared().await.client());
    let there = async || {
        let all = namespaces
            .list_metadata(&ListParams::default())
            .await
            .unwrap();
        all.items
            .into_iter()
            .any(|item| item.metadata.name.as_ref() == Some(&namespace))
    };
    assert!(there().await, "{namespace} is not there");
    demo.signal(Signal::INT).unwrap();
    let status = demo.wait(SHOW).await;
    assert!(status.success(), "{status}");
    assert!(!there().await, "{namespace} is left");
}
