//! What a person sees who types `make demo`.

use std::{
    env, fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use beadlet_store::kinds::crds;
use beadlet_testbed::{GitRepo, Program, Running, Testbed, node::obstacle, process::Signal};
use k8s_openapi::{
    api::core::v1::Namespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, ResourceExt, api::ListParams};

use super::crds::testbed_with_kinds;

/// With an image of beadlet in it, built from nothing.
const SHOW: Duration = Duration::from_secs(900);

/// What the first act shows to arrive. One commit changes two ConfigMaps, in any order.
const COMMITS: [&str; 4] = [
    "gy-t2x is there",
    "gy-5tc is closed",
    "gy-w7h waited for it and is ready",
    "gy-8pd.2 has its new title",
];
/// What the second act shows to happen, in this order.
const POLECATS: [&str; 9] = [
    "gy-8pd.3 and gy-8pd.4 are ready",
    "Polecat gy-8pd.3-1 is there",
    "Job polecat-gy-8pd.3-1 is started",
    "Polecat gy-8pd.3-1 is done",
    "Job polecat-gy-8pd.4-1 is started",
    "convoy hq-cv-x30fd has one polecat that succeeded",
    "convoy hq-cv-x30fd is at 3/4",
    "Polecat gy-8pd.4-1 is done",
    "convoy hq-cv-x30fd is at 4/4",
];

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

/// The demo on a cluster that somebody has, with other people's objects of our kinds in it.
async fn demo_elsewhere() -> Program {
    demo_on(testbed_with_kinds().await)
}

fn demo_on(testbed: &Testbed) -> Program {
    demo()
        .args(["--context", "testbed"])
        .env("KUBECONFIG", testbed.kubeconfig())
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
async fn demo_shows_commits_arrive_and_polecats_start_and_leaves_nothing_behind() {
    let text = shown(demo().arg("--once").start()).await;
    for line in [
        "44 ConfigMaps",
        "$ kubectl get cm -l bead-status=open",
        "$ kubectl get cm -l bead-ready=true",
        "bead-gy-3vq ",
        "$ kubectl apply -f deploy/crds",
        "$ beadlet controller",
        "$ kubectl get rig gantry",
        "  gantry   Ready ",
        "$ kubectl get convoy hq-cv-x30fd",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
    let arrivals: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("seen after"))
        .collect();
    let (commits, polecats) = arrivals.split_at(COMMITS.len());
    for what in COMMITS {
        assert!(
            commits.iter().any(|line| line.contains(what)),
            "no {what} in {commits:?}"
        );
    }
    assert_eq!(polecats.len(), POLECATS.len(), "{polecats:?}");
    for (line, what) in polecats.iter().zip(POLECATS) {
        assert!(line.contains(what), "{line} instead of {what}");
    }
    let row = |name: &str| text.lines().rev().find(|line| line.contains(name)).unwrap();
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(row("bead-gy-5tc "))[3..], ["closed", "false"]);
    assert_eq!(words(row("bead-gy-w7h "))[3..], ["open", "true"]);
    for name in ["  gy-8pd.3-1 ", "  gy-8pd.4-1 "] {
        assert_eq!(words(row(name))[1..3], ["gantry", "Done"]);
    }
    assert_eq!(
        words(row("  hq-cv-x30fd "))[1..5],
        ["Complete", "4/4", "0", "2"]
    );

    for line in on_the_node() {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }

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

/// What is shown where pods run, and where they only seem to.
fn on_the_node() -> &'static [&'static str] {
    if obstacle().is_some() {
        return &["no node here: the demo plays the kubelet"];
    }
    &[
        "$ kubectl logs job/polecat-gy-8pd.3-1 -c agent",
        "  gy-8pd.3-1 works on gy-8pd.3",
        " is on polecat/gy-8pd.3-1 of the project",
    ]
}

#[tokio::test]
async fn demo_in_somebodys_cluster_takes_its_kinds_away_again() {
    let testbed = Testbed::start().await.unwrap();
    let text = shown(demo_on(&testbed).arg("--once").start()).await;
    for line in POLECATS.iter().chain(&[
        "removed at the end",
        "no node here: the demo plays the kubelet",
    ]) {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
    let client = testbed.client();
    let kinds: Api<CustomResourceDefinition> = Api::all(client.clone());
    for crd in crds() {
        let name = crd.name_any();
        let left = kinds.get_opt(&name).await.unwrap();
        // A kind goes when its last object has gone.
        let is_going = left.is_none_or(|crd| crd.metadata.deletion_timestamp.is_some());
        assert!(is_going, "{name} is left:\n{text}");
    }
    let namespaces: Api<Namespace> = Api::all(client);
    let all = namespaces.list(&ListParams::default()).await.unwrap();
    let mut names = all.items.iter().map(ResourceExt::name_any);
    assert!(
        !names.any(|name| name.starts_with("beadlet-demo-")),
        "{text}"
    );
}

#[tokio::test]
async fn demo_leaves_the_second_act_out_where_others_have_the_kinds() {
    let text = shown(demo_elsewhere().await.arg("--once").start()).await;
    assert!(
        text.contains("left out: the kinds are in this cluster already"),
        "{text}"
    );
    assert!(!text.contains("beadlet controller"), "{text}");
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
    assert!(
        text.contains("left out: nothing is committed to your repository"),
        "{text}"
    );
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
