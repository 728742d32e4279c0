//! Who runs the pods of the second act. Everything that the demo knows about nodes stands here.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use beadlet_testbed::git::GitHttp;
use beadlet_testbed::git::http::{Auth, Tls};
use beadlet_testbed::kubelet::PlayedKubelet;
use beadlet_testbed::node::{Relay, image::BUSYBOX};
use beadlet_testbed::{GitRepo, Testbed, images};
use tokio::task::spawn_blocking;

use crate::place::Place;
use crate::screen::Screen;

/// How long an agent works, or a played pod seems to run: long enough to look at what waits meanwhile.
const RUN: Duration = Duration::from_secs(4);
/// The label that beadlet puts on the pods of Polecats.
const OF_POLECATS: &str = "gastown.gastown.io/polecat";
/// What stands in for an agent: no model endpoint is to be had here.
const AGENT: &str = "echo \"$GT_POLECAT works on $GT_ISSUE\"; sleep 4; date > \"$GT_ISSUE.txt\"";

/// Dropping this ends what runs or plays.
pub(crate) enum Node {
    /// Pods run, and push to this project.
    Real(Project),
    /// There is no node.
    Played(#[expect(dead_code, reason = "it plays until it is dropped")] PlayedKubelet),
}

/// The repository that polecats work on, as they reach it.
pub(crate) struct Project {
    pub(crate) repo: GitRepo,
    url: String,
    _server: GitHttp,
    _way: Relay,
}

impl Node {
    /// On the node of the control plane, where it has one.
    pub(crate) async fn start(screen: Screen, place: &Place, beadlet: &Path) -> Result<Self> {
        match place.testbed() {
            Some(testbed) if place.has_node() => real(screen, testbed, beadlet).await,
            _ => {
                let client = place.client.clone();
                let kubelet = PlayedKubelet::start(client, &place.namespace, OF_POLECATS, RUN);
                Ok(Self::Played(kubelet))
            }
        }
    }

    /// What the audience is told.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Real(_) => {
                "each runs a shell script as its agent, in a pod on this machine".to_owned()
            }
            Self::Played(_) => format!(
                "no node here: the demo plays the kubelet, pods only seem to run ({} s each)",
                RUN.as_secs()
            ),
        }
    }

    /// The project's address.
    pub(crate) fn project(&self) -> &str {
        match self {
            Self::Real(project) => &project.url,
            Self::Played(_) => "https://git.example.com/gantry.git",
        }
    }

    /// The agent of the Rig's polecats, as YAML.
    pub(crate) fn agent(&self) -> String {
        match self {
            Self::Real(_) => format!("{{image: {BUSYBOX:?}, command: [sh, -c, {AGENT:?}]}}"),
            Self::Played(_) => "{image: agent, command: [work]}".to_owned(),
        }
    }
}

async fn real(screen: Screen, testbed: &Testbed, beadlet: &Path) -> Result<Node> {
    let begin = Instant::now();
    let program = beadlet.to_owned();
    let archive = spawn_blocking(move || {
        let builds = program.ancestors().nth(2);
        let supervisor = images::supervisor(builds.context("beadlet is in no folder of builds")?)?;
        images::beadlet(&program, &supervisor)
    });
    testbed.import(&archive.await??).await?;
    screen.line(&format!(
        "image {} is on the node, {:.1} s",
        images::BEADLET,
        begin.elapsed().as_secs_f64()
    ));
    let repo = GitRepo::bare();
    repo.commit("main", "README.md", "The gantry cranes of the yard.\n");
    repo.let_anyone_push();
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    let url = server.url(&repo);
    let port = url
        .rsplit(':')
        .next()
        .and_then(|rest| rest.split('/').next()?.parse().ok());
    let way = testbed.relay(port.context("the git server has no port")?)?;
    Ok(Node::Real(Project {
        url: url.replace("127.0.0.1", &testbed.host()?.to_string()),
        repo,
        _server: server,
        _way: way,
    }))
}
