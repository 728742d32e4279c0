//! `beadlet sync` behind a webhook.

use std::fs;

use beadlet_testbed::{
    GitRepo, Namespace, Program, Running, Testbed, eventually,
    forge::{PUSH, exchange, post, push, sign},
    git::{
        GitHttp,
        http::{Auth, Tls},
    },
};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;
use tempfile::TempDir;

use super::{ISSUES, SOON, issues};

pub(super) const SECRET: &str = "correct horse battery staple";

/// A mirror of a repository behind a git server, which nobody looks at but by the webhook.
pub(super) struct Scene {
    pub(super) namespace: Namespace,
    pub(super) repo: GitRepo,
    pub(super) server: GitHttp,
    pub(super) program: Running,
    pub(super) webhook: String,
    endpoints: String,
    _secret: TempDir,
}

impl Scene {
    pub(super) async fn new(name: &str) -> Self {
        let namespace = Testbed::shared().await.namespace(name).await;
        let repo = GitRepo::bare();
        repo.commit("main", ISSUES, issues(1));
        let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, format!("{SECRET}\n")).unwrap();
        let mut program = Program::new(env!("CARGO_BIN_EXE_beadlet"))
            .args(["sync", "--repo", &server.url(&repo)])
            .args(["--namespace", namespace.name(), "--sync-interval", "1d"])
            .args(["--proxy", "none", "--log-format", "json"])
            .args(["--log-level", "debug", "--listen", "127.0.0.1:0"])
            .args(["--webhook-listen", "127.0.0.1:0"])
            .arg("--webhook-secret-file")
            .arg(&secret)
            .arg("--kubeconfig")
            .arg(namespace.user("beadlet").kubeconfig())
            .start();
        let endpoints = address(&mut program, "listening").await;
        let webhook = address(&mut program, "webhooks are received").await;
        let scene = Self {
            namespace,
            repo,
            server,
            program,
            webhook,
            endpoints,
            _secret: folder,
        };
        scene.mirrored(1).await;
        scene
    }

    pub(super) fn commit(&self, count: usize) {
        self.repo.commit("main", ISSUES, issues(count));
    }

    /// Waits for so many ConfigMaps.
    pub(super) async fn mirrored(&self, count: usize) {
        let api = self.namespace.api::<ConfigMap>();
        let name = format!("bead-gt-{}", count - 1);
        eventually(SOON, "the newest issue is mirrored", async || {
            api.get_opt(&name).await.unwrap().is_some()
        })
        .await;
    }

    /// A sample of the metrics.
    pub(super) async fn counted(&self, sample: &str) -> u64 {
        let host = &self.endpoints;
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let text = exchange(host, request.as_bytes()).await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(sample));
        let number = line.unwrap_or_else(|| panic!("{sample} is not in\n{text}"));
        number.trim().parse::<f64>().unwrap() as u64
    }

    pub(super) async fn calls(&self, outcome: &str) -> u64 {
        let sample = format!("beadlet_webhook_calls_total{{outcome=\"{outcome}\"}}");
        self.counted(&sample).await
    }

    pub(super) async fn push(&self) -> u16 {
        push(&self.webhook, "/webhook", SECRET).await.unwrap()
    }
}

/// The address in a line of the log.
pub(super) async fn address(program: &mut Running, line: &str) -> String {
    let line: Value = serde_json::from_str(&program.line(line, SOON).await).unwrap();
    line["address"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn push_shows_when_a_forge_says_so_in_its_own_words() {
    let scene = Scene::new("forges").await;
    let digits = sign(SECRET, PUSH);
    let prefixed = format!("sha256={digits}");
    let calls: [(&str, &str); 6] = [
        ("X-Hub-Signature-256", &prefixed),
        ("X-Hub-Signature", &prefixed),
        ("X-Gitea-Signature", &digits),
        ("X-Forgejo-Signature", &digits),
        ("X-Signature", &digits),
        ("X-Gitlab-Token", SECRET),
    ];
    for (n, header) in calls.into_iter().enumerate() {
        scene.commit(n + 2);
        let code = post(&scene.webhook, "/webhook", &[header], PUSH.as_bytes()).await;
        assert_eq!(code.unwrap(), 202, "{header:?}");
        scene.mirrored(n + 2).await;
    }
    assert_eq!(scene.calls("accepted").await, calls.len() as u64);
    let log = scene.program.stderr();
    assert!(!log.contains(SECRET) && !log.contains(&digits), "{log}");
}

#[tokio::test]
async fn call_that_does_not_know_the_secret_does_nothing() {
    let scene = Scene::new("strangers").await;
    scene.commit(2);
    let looks = scene.server.seen().len();
    let stranger = format!("sha256={}", sign("another", PUSH));
    let body = format!("sha256={}", sign(SECRET, "another body"));
    let signed = |value| vec![("X-Hub-Signature-256", value)];
    let cases = [
        ("unsigned", 401, vec![]),
        ("unsigned", 401, vec![("X-Hub-Signature", "sha1=00")]),
        ("unsigned", 401, vec![("Authorization", SECRET)]),
        ("wrong_signature", 403, signed(stranger.as_str())),
        ("wrong_signature", 403, signed(body.as_str())),
        ("wrong_signature", 403, vec![("X-Gitlab-Token", "another")]),
        ("wrong_signature", 403, vec![("X-Gitlab-Token", "")]),
    ];
    for (outcome, code, headers) in &cases {
        let before = scene.calls(outcome).await;
        let answer = post(&scene.webhook, "/webhook", headers, PUSH.as_bytes()).await;
        assert_eq!(answer.unwrap(), *code, "{headers:?}");
        assert_eq!(scene.calls(outcome).await, before + 1, "{headers:?}");
    }
    for path in ["/", "/metrics", "/webhook/", "/webhook/a/b", "/status"] {
        assert_eq!(push(&scene.webhook, path, SECRET).await.unwrap(), 404);
    }
    let get =
        "GET /webhook HTTP/1.1\r\nHost: a\r\nX-Gitlab-Token: correct horse battery staple\r\n\r\n";
    let answer = exchange(&scene.webhook, get.as_bytes()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nallow: post\r\n"));
    assert_eq!(scene.server.seen().len(), looks, "nobody looked");
    assert_eq!(scene.calls("accepted").await, 0);
    assert_eq!(scene.push().await, 202);
    scene.mirrored(2).await;
}

#[tokio::test]
async fn call_that_is_repeated_looks_once_more_and_writes_nothing() {
    let scene = Scene::new("replay").await;
    let testbed = scene.namespace.testbed();
    let (mark, passes) = (testbed.audit().mark().await, "beadlet_passes_total");
    let unchanged = format!("{passes}{{outcome=\"unchanged\"}}");
    let before = scene.counted(&unchanged).await;
    for _ in 0..20 {
        assert_eq!(scene.push().await, 202);
    }
    eventually(SOON, "somebody looked again", async || {
        scene.counted(&unchanged).await > before
    })
    .await;
    let audit = testbed.audit().since(mark).await;
    let requests = audit.in_namespace(scene.namespace.name()).writes();
    assert_eq!(requests.len(), 0, "{requests}");
}

#[tokio::test]
async fn webhook_without_a_secret_is_refused() {
    let start = |arguments: &[&str]| {
        let program = Program::new(env!("CARGO_BIN_EXE_beadlet"));
        let program = program.args(["sync", "--repo", "/nowhere", "--namespace", "a"]);
        let kubeconfig = Testbed::shared();
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        async move {
            let kubeconfig = kubeconfig.await.user("nobody").kubeconfig().to_owned();
            let program = program.arg("--kubeconfig").arg(kubeconfig).args(arguments);
            let mut running = program.env("BEADLET_WEBHOOK_SECRET", "").start();
            let code = running.wait(SOON).await.code();
            (code, running.stderr())
        }
    };
    let (code, said) = start(&["--webhook-listen", "127.0.0.1:0"]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("BEADLET_WEBHOOK_SECRET"), "{said}");
    let (code, said) = start(&["--webhook-secret-file", "/nowhere"]).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--webhook-listen"), "{said}");
}
