//! BeadStores behind webhooks: two replicas, of which only one mirrors, and whichever is called.

use beadlet_store::{
    keys::annotation,
    kinds::{BeadStore, BeadStoreStatus},
};
use beadlet_testbed::{
    GitRepo, Namespace, Program, Running, eventually,
    forge::{post, push},
    git::{
        GitHttp,
        http::{Auth, Tls},
    },
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, from_value, json};

use super::super::{crds::testbed_with_kinds, scheduler_town::beadstore};
use super::mirror::{SECRET, address};
use super::{ISSUES, SOON, issues};

/// A BeadStore behind a git server that nobody looks at but by the webhook.
struct Place {
    namespace: Namespace,
    repo: GitRepo,
    _server: GitHttp,
}

impl Place {
    async fn new(name: &str) -> Self {
        let namespace = testbed_with_kinds().await.namespace(name).await;
        let repo = GitRepo::bare();
        repo.commit("main", ISSUES, issues(1));
        let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
        let spec = json!({"source": {"url": server.url(&repo)}, "syncInterval": "24h",
            "webhook": {"secretRef": {"name": "hook"}}});
        beadstore(&namespace, "beads", spec).await;
        Self {
            namespace,
            repo,
            _server: server,
        }
    }

    fn path(&self) -> String {
        format!("/webhook/{}/beads", self.namespace.name())
    }

    /// A controller of the namespace.
    async fn replica(&self, more: &[&str]) -> Running {
        let name = self.namespace.name();
        Program::new(env!("CARGO_BIN_EXE_beadlet"))
            .args(["controller", "--controllers", "sync", "--namespace", name])
            .args(["--leader-elect", "--lease-namespace", name])
            .args(["--log-format", "json"])
            .args(more)
            .env("NO_PROXY", "127.0.0.1")
            .arg("--kubeconfig")
            .arg(self.namespace.user("controller").kubeconfig())
            .start()
    }

    async fn receiver(&self) -> (Running, String) {
        let mut running = self.replica(&["--webhook-listen", "127.0.0.1:0"]).await;
        let address = address(&mut running, "webhooks are received").await;
        (running, address)
    }

    async fn secret(&self, data: Value) {
        let secret: Secret =
            from_value(json!({"metadata": {"name": "hook"}, "stringData": data})).unwrap();
        let params = PatchParams::apply("test").force();
        let secrets: Api<Secret> = self.namespace.api();
        let patch = Patch::Apply(&secret);
        secrets.patch("hook", &params, &patch).await.unwrap();
    }

    async fn store(&self) -> BeadStore {
        self.namespace.api().get("beads").await.unwrap()
    }

    /// Waits until the condition about webhooks has this reason.
    async fn webhook_is(&self, reason: &str) -> String {
        eventually(SOON, "what is said about webhooks", async || {
            let status: BeadStoreStatus = self.store().await.status.unwrap_or_default();
            let mut conditions = status.conditions.iter();
            let said = conditions.find(|condition| condition.type_ == "WebhookReady");
            match said {
                Some(said) if said.reason == reason => Ok(said.message.clone()),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    async fn mirrored(&self, count: usize) {
        let beads: Api<ConfigMap> = self.namespace.api();
        let name = format!("bead-gt-{}", count - 1);
        eventually(SOON, "the newest issue is mirrored", async || {
            beads.get_opt(&name).await.unwrap().is_some()
        })
        .await;
    }

    /// Calls until the call is believed: a Secret is read a moment after it is there.
    async fn believed(&self, address: &str, secret: &str) {
        eventually(SOON, "the call is believed", async || {
            match push(address, &self.path(), secret).await {
                Ok(202) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_shows_whichever_replica_is_called() {
    let place = Place::new("replicas").await;
    place.secret(json!({"token": SECRET})).await;
    let replicas = [place.receiver().await, place.receiver().await];
    place.mirrored(1).await;
    let message = place.webhook_is("Awaited").await;
    assert!(message.contains(&place.path()), "{message}");
    let mut count = 1;
    for (_, address) in &replicas {
        count += 1;
        place.repo.commit("main", ISSUES, issues(count));
        place.believed(address, SECRET).await;
        place.mirrored(count).await;
    }
    let announced = place.store().await;
    let announced = announced.annotations().get(annotation::PUSH_ANNOUNCED);
    assert!(announced.is_some(), "one of the two does not mirror");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stranger_learns_nothing_and_moves_nothing() {
    let place = Place::new("unknown").await;
    place.secret(json!({"token": SECRET})).await;
    let (running, address) = place.receiver().await;
    place.mirrored(1).await;
    place.believed(&address, SECRET).await;
    let here = place.namespace.name();
    let signed = [("X-Gitlab-Token", "another")];
    for store in [
        format!("{here}/beads"),
        format!("{here}/none"),
        "no/ne".into(),
    ] {
        let path = format!("/webhook/{store}");
        let code = post(&address, &path, &signed, b"{}").await.unwrap();
        assert_eq!(code, 403, "{path}");
        let code = post(&address, &path, &[], b"{}").await.unwrap();
        assert_eq!(code, 401, "{path}");
    }
    let other = format!("/webhook/{here}/none");
    assert_eq!(push(&address, &other, SECRET).await.unwrap(), 403);
    assert!(!running.stderr().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secret_that_is_missing_or_changed_is_said_and_seen() {
    let place = Place::new("rotated").await;
    let (_running, address) = place.receiver().await;
    place.mirrored(1).await;
    let message = place.webhook_is("NotFound").await;
    assert!(message.contains("Secret hook"), "{message}");
    let code = push(&address, &place.path(), SECRET).await.unwrap();
    assert_eq!(code, 403);
    let events: Api<Event> = place.namespace.api();
    eventually(SOON, "an Event says so", async || {
        let list = events.list(&ListParams::default()).await.unwrap();
        let mut notes = list.iter().filter_map(|event| event.note.as_ref());
        notes.any(|note| note.contains("Secret hook"))
    })
    .await;
    place.secret(json!({"token": ""})).await;
    place.webhook_is("KeyMissing").await;
    place.secret(json!({"token": SECRET})).await;
    place.believed(&address, SECRET).await;
    place.webhook_is("Awaited").await;
    place.secret(json!({"token": "a newer one"})).await;
    place.believed(&address, "a newer one").await;
    let code = push(&address, &place.path(), SECRET).await.unwrap();
    assert_eq!(code, 403, "the old one is not believed any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_that_nobody_receives_is_said() {
    let place = Place::new("deaf").await;
    let _running = place.replica(&[]).await;
    place.mirrored(1).await;
    let message = place.webhook_is("NoReceiver").await;
    assert!(message.contains("--webhook-listen"), "{message}");
}
