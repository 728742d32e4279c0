//! The BeadStore controller: mirrors by object, status, Secrets, suspension, pokes, and the end.

use std::path::Path;

use beadlet_store::kinds::{BeadStore, BeadStorePhase, BeadStoreStatus};
use beadlet_sync::{
    controller::{Reports, Setup, run},
    decide::beadstore::LocalRepositories,
    git::Author,
};
use beadlet_testbed::{
    GitRepo, Namespace, eventually,
    git::http::{Auth, GitHttp, Tls},
};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, from_value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{
    crds::testbed_with_kinds,
    scheduler_town::{SOON, beadstore},
};

const ISSUES: &str = ".beads/issues.jsonl";

/// A namespace with a repository and the controller on it.
struct Place {
    namespace: Namespace,
    repo: GitRepo,
    clones: TempDir,
}

/// A controller in this process. Dropped, it stops where it is.
struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn line(id: &str, fields: &Value) -> String {
    let mut issue = json!({"id": id, "title": id, "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    super::scheduler_town::merge(&mut issue, fields);
    format!("{issue}\n")
}

impl Place {
    async fn new(name: &str) -> Self {
        let namespace = testbed_with_kinds().await.namespace(name).await;
        Self {
            namespace,
            repo: GitRepo::bare(),
            clones: tempfile::tempdir().unwrap(),
        }
    }

    fn commit(&self, content: &str) -> String {
        self.repo.commit("main", ISSUES, content)
    }

    fn controller(&self) -> Running {
        let stop = CancellationToken::new();
        let setup = Setup {
            namespace: Some(self.namespace.name().to_owned()),
            clones: self.clones.path().to_owned(),
            local_repositories: LocalRepositories::Allowed,
            pullers: None,
            watcher: None,
            author: Author {
                name: "beadlet".to_owned(),
                email: "beadlet@example.com".to_owned(),
            },
        };
        let client = self.namespace.user("stores").client();
        let task = tokio::spawn(run(client, setup, Reports::default(), stop.clone()));
        Running { task, stop }
    }

    fn stores(&self) -> Api<BeadStore> {
        self.namespace.api()
    }

    fn beads(&self) -> Api<ConfigMap> {
        self.namespace.api()
    }

    async fn store(&self, name: &str, spec: Value) {
        beadstore(&self.namespace, name, spec).await;
    }

    async fn patch(&self, name: &str, patch: Value) {
        self.stores()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    async fn synced(&self, name: &str) -> BeadStoreStatus {
        let is_synced = |status: &BeadStoreStatus| status.phase == Some(BeadStorePhase::Synced);
        self.says(name, "it is synced", is_synced).await
    }

    async fn says(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&BeadStoreStatus) -> bool,
    ) -> BeadStoreStatus {
        let api = self.stores();
        eventually(SOON, what, async || {
            let status = api
                .get(name)
                .await
                .map_err(|error| error.to_string())?
                .status
                .unwrap_or_default();
            if is_so(&status) {
                Ok(status)
            } else {
                Err(serde_json::to_string(&status).unwrap())
            }
        })
        .await
    }

    async fn mirrored(&self) -> Vec<String> {
        let list = self
            .beads()
            .list(&ListParams::default().labels("gastown.gastown.io/store"))
            .await
            .unwrap();
        list.items.iter().map(ResourceExt::name_any).collect()
    }
}

fn ready(status: &BeadStoreStatus) -> Option<(&str, &str, &str)> {
    let ready = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")?;
    Some((&ready.status, &ready.reason, &ready.message))
}

#[tokio::test]
async fn store_mirrors_its_repository_and_says_truthfully_how_far_it_is() {
    let place = Place::new("store").await;
    let first = place.commit(
        &(line("gt-1", &json!({}))
            + &line(
                "gt-2",
                &json!({"status": "closed", "closed_at": "2026-01-02T00:00:00Z"}),
            )),
    );
    let _controller = place.controller();
    place
        .store(
            "beads",
            json!({"source": {"url": place.repo.url()}, "prefix": "gt-"}),
        )
        .await;
    let status = place
        .says("beads", "it is synced", |status| {
            status.commit.as_deref() == Some(&first) && status.phase == Some(BeadStorePhase::Synced)
        })
        .await;
    assert_eq!(
        (
            status.issue_count,
            status.ready_count,
            status.rejected_count
        ),
        (Some(2), Some(1), Some(0))
    );
    assert_eq!((status.counts["open"], status.counts["closed"]), (1, 1));
    assert_eq!(
        (
            status.branch.as_deref(),
            status.path.as_deref(),
            status.observed_generation
        ),
        (Some("main"), Some(ISSUES), Some(1))
    );
    assert!(
        status.lag.is_some() && status.last_sync_time.is_some() && status.commit_time.is_some()
    );
    let bead = place.beads().get("bead-gt-1").await.unwrap();
    assert_eq!(
        (
            bead.labels()["bead-ready"].as_str(),
            bead.owner_references()[0].kind.as_str()
        ),
        ("true", "BeadStore")
    );

    let audit = place.namespace.testbed().audit();
    let mark = audit.mark().await;
    let second = place.commit(&line("gt-1", &json!({"title": "new"})));
    place
        .says("beads", "it shows the next commit", |status| {
            status.commit.as_deref() == Some(&second)
        })
        .await;
    let writes = audit
        .since(mark)
        .await
        .by(place.namespace.user("stores").name())
        .writes()
        .of("beadstores");
    assert_eq!(writes.len(), 1, "one status update a commit: {writes}");
}

#[tokio::test]
async fn broken_commit_is_said_with_its_lines_and_the_last_good_state_stays() {
    let place = Place::new("broken").await;
    let good = place.commit(&line("gt-1", &json!({})));
    let _controller = place.controller();
    place
        .store("beads", json!({"source": {"url": place.repo.url()}}))
        .await;
    place.synced("beads").await;
    place.commit(&(line("gt-1", &json!({})) + "{\"id\": \"gt-2\", \n"));
    let status = place
        .says("beads", "it says what is wrong", |status| {
            status.phase == Some(BeadStorePhase::Error)
        })
        .await;
    assert_eq!(
        (status.rejected_count, status.rejected_lines[0].line),
        (Some(1), 2)
    );
    assert_eq!(status.commit.as_deref(), Some(good.as_str()));
    assert_eq!(place.mirrored().await, ["bead-gt-1"]);
}

#[tokio::test]
async fn suspended_store_does_nothing_until_it_goes_on() {
    let place = Place::new("suspend").await;
    place.commit(&line("gt-1", &json!({})));
    let _controller = place.controller();
    place
        .store(
            "beads",
            json!({"source": {"url": place.repo.url()}, "suspend": true}),
        )
        .await;
    place
        .says("beads", "it is suspended", |status| {
            ready(status).is_some_and(|ready| ready.1 == "Suspended")
        })
        .await;
    assert_eq!(place.mirrored().await, Vec::<String>::new());
    place
        .patch("beads", json!({"spec": {"suspend": false}}))
        .await;
    let status = place.synced("beads").await;
    assert_eq!(status.observed_generation, Some(2));
}

#[tokio::test]
async fn request_to_sync_now_is_carried_out_and_said() {
    let place = Place::new("poke").await;
    place.commit(&line("gt-1", &json!({})));
    let server = GitHttp::start(&place.repo, Tls::Plain, Auth::Anyone);
    let _controller = place.controller();
    place
        .store(
            "beads",
            json!({"source": {"url": server.url(&place.repo)}, "syncInterval": "1h"}),
        )
        .await;
    place.synced("beads").await;
    let second = place.commit(&line("gt-2", &json!({})));
    place
        .patch(
            "beads",
            json!({"metadata": {"annotations": {"gastown.gastown.io/sync-requested-at": "now"}}}),
        )
        .await;
    let status = place
        .says("beads", "it has handled the request", |status| {
            status.last_handled_sync_request.as_deref() == Some("now")
        })
        .await;
    assert_eq!(status.commit.as_deref(), Some(second.as_str()));
}

#[tokio::test]
async fn credential_comes_from_a_secret_and_is_read_again() {
    let place = Place::new("login").await;
    place.commit(&line("gt-1", &json!({})));
    let server = GitHttp::start(
        &place.repo,
        Tls::Plain,
        Auth::Basic {
            user: "gt".into(),
            password: "right".into(),
        },
    );
    let _controller = place.controller();
    place.store("beads", json!({"source": {"url": server.url(&place.repo)}, "gitSecretRef": {"name": "git"}, "syncInterval": "200ms"})).await;
    let status = place
        .says("beads", "it says that the Secret is missing", |status| {
            ready(status).is_some_and(|ready| ready.1 == "NotFound")
        })
        .await;
    assert_eq!(
        ready(&status).unwrap().2,
        "there is no Secret git in this namespace: create it"
    );
    let secrets: Api<Secret> = place.namespace.api();
    let secret = |password: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git"}, "stringData": {"username": "gt", "password": password}});
    let apply = async |password: &str| {
        secrets
            .patch(
                "git",
                &PatchParams::apply("tests").force(),
                &Patch::Apply(secret(password)),
            )
            .await
            .unwrap();
    };
    apply("wrong").await;
    place
        .patch("beads", json!({"metadata": {"annotations": {"x": "1"}}}))
        .await;
    place
        .says("beads", "it is refused", |status| {
            status.phase == Some(BeadStorePhase::Error)
                && ready(status).is_some_and(|ready| ready.1 != "NotFound")
        })
        .await;
    apply("right").await;
    place
        .patch("beads", json!({"metadata": {"annotations": {"x": "2"}}}))
        .await;
    place.synced("beads").await;
}

#[tokio::test]
async fn credential_that_goes_away_is_said_and_what_was_mirrored_stays_until_it_is_back() {
    let place = Place::new("logout").await;
    place.commit(&line("gt-1", &json!({})));
    let auth = Auth::Basic {
        user: "gt".into(),
        password: "right".into(),
    };
    let server = GitHttp::start(&place.repo, Tls::Plain, auth);
    let secrets: Api<Secret> = place.namespace.api();
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git"}, "stringData": {"username": "gt", "password": "right"}});
    let secret: Secret = from_value(secret).unwrap();
    let params = PostParams::default();
    secrets.create(&params, &secret).await.unwrap();
    let _controller = place.controller();
    let spec = json!({"source": {"url": server.url(&place.repo)}, "gitSecretRef": {"name": "git"}, "syncInterval": "200ms"});
    place.store("beads", spec).await;
    place.synced("beads").await;

    let at_once = DeleteParams::default();
    secrets.delete("git", &at_once).await.unwrap();
    // Secrets are not watched: they are read again every now and then, and when something changes.
    place
        .patch("beads", json!({"metadata": {"annotations": {"x": "1"}}}))
        .await;
    place
        .says("beads", "it says that the Secret is missing", |status| {
            ready(status).is_some_and(|ready| ready.1 == "NotFound")
        })
        .await;
    let newer = place.commit(&(line("gt-1", &json!({})) + &line("gt-2", &json!({}))));
    assert_eq!(place.mirrored().await, ["bead-gt-1"]);

    secrets.create(&params, &secret).await.unwrap();
    place
        .patch("beads", json!({"metadata": {"annotations": {"x": "2"}}}))
        .await;
    place
        .says("beads", "it shows the newest commit", |status| {
            status.commit.as_deref() == Some(&newer)
        })
        .await;
    assert_eq!(place.mirrored().await, ["bead-gt-1", "bead-gt-2"]);
}

#[tokio::test]
async fn deleted_store_takes_its_beads_with_it_or_leaves_them_as_it_says() {
    let place = Place::new("gone").await;
    place.commit(&line("gt-1", &json!({})));
    let _controller = place.controller();
    place
        .store(
            "orphaning",
            json!({"source": {"url": place.repo.url()}, "deletionPolicy": "Orphan"}),
        )
        .await;
    place.synced("orphaning").await;
    place
        .stores()
        .delete("orphaning", &DeleteParams::default())
        .await
        .unwrap();
    let stores = place.stores();
    eventually(SOON, "the store is gone", async || {
        stores.get_opt("orphaning").await.unwrap().is_none()
    })
    .await;
    let left = place.beads().get("bead-gt-1").await.unwrap();
    assert_eq!(left.owner_references(), []);
    place
        .beads()
        .delete("bead-gt-1", &DeleteParams::default())
        .await
        .unwrap();

    place
        .store("deleting", json!({"source": {"url": place.repo.url()}}))
        .await;
    place.synced("deleting").await;
    place
        .stores()
        .delete("deleting", &DeleteParams::default())
        .await
        .unwrap();
    let beads = place.beads();
    eventually(SOON, "the bead is gone", async || {
        beads.get_opt("bead-gt-1").await.unwrap().is_none()
    })
    .await;
}

#[tokio::test]
async fn store_without_a_url_follows_its_rig_and_stores_of_one_url_share_a_clone() {
    let place = Place::new("rigged").await;
    place.commit(&line("gt-1", &json!({})));
    let server = GitHttp::start(&place.repo, Tls::Plain, Auth::Anyone);
    let name = place.namespace.name().to_owned();
    let rigs: Api<beadlet_store::kinds::Rig> = Api::all(place.namespace.client());
    let _controller = place.controller();
    place.store("beads", json!({"rigRef": name})).await;
    let status = place
        .says("beads", "it says that there is no Rig", |status| {
            ready(status).is_some_and(|ready| ready.1 == "NoRig")
        })
        .await;
    assert!(ready(&status).unwrap().2.contains("there is no Rig"));
    let rig = from_value(json!({"apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": name},
        "spec": {"gitURL": server.url(&place.repo), "beadsPrefix": "gt", "allowedNamespaces": [name]}}))
    .unwrap();
    rigs.create(&PostParams::default(), &rig).await.unwrap();
    place.synced("beads").await;

    place
        .store(
            "twin",
            json!({"source": {"url": server.url(&place.repo), "path": "other.jsonl"}}),
        )
        .await;
    place
        .says("twin", "it says that the file is missing", |status| {
            status.phase == Some(BeadStorePhase::Error)
        })
        .await;
    assert_eq!(clones(place.clones.path()), 1);
    rigs.delete(&name, &DeleteParams::default()).await.unwrap();
}

fn clones(folder: &Path) -> usize {
    let sources = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let clones = sources.flat_map(|source| std::fs::read_dir(source).unwrap());
    clones
        .filter(|entry| entry.as_ref().unwrap().path().is_dir())
        .count()
}

#[tokio::test]
async fn controller_that_is_told_to_stop_ends_in_order_and_its_successor_writes_nothing() {
    let place = Place::new("handover").await;
    place.commit(&line("gt-1", &json!({})));
    let mut controller = place.controller();
    place
        .store("beads", json!({"source": {"url": place.repo.url()}}))
        .await;
    place.synced("beads").await;
    controller.stop.cancel();
    (&mut controller.task).await.unwrap();
    let audit = place.namespace.testbed().audit();
    let mark = audit.mark().await;
    let _successor = place.controller();
    let second = place.commit(&(line("gt-1", &json!({})) + &line("gt-2", &json!({}))));
    place
        .says("beads", "the successor goes on", |status| {
            status.commit.as_deref() == Some(&second)
        })
        .await;
    let writes = audit
        .since(mark)
        .await
        .in_namespace(place.namespace.name())
        .writes()
        .of("configmaps");
    assert_eq!(writes.len(), 1, "only the new bead: {writes}");
}
