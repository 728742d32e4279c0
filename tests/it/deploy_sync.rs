//! The manifests in `deploy/sync`: the Role is the least that works, and the pods pass the `restricted` standard.

use std::collections::BTreeSet;
use std::time::Duration;

use beadlet_testbed::git::GitRepo;
use beadlet_testbed::{Namespace, Program, Testbed, User, eventually};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::{self, ConfigMap, Pod, PodTemplateSpec};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding, Subject};
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ROLE: &str = include_str!("../../deploy/sync/role.yaml");
const SIDECAR: &str = include_str!("../../deploy/sync/sidecar.yaml");
const CRONJOB: &str = include_str!("../../deploy/sync/cronjob.yaml");
const SOON: Duration = Duration::from_secs(120);

/// The object of this kind in a file of several.
fn object<T: DeserializeOwned>(manifest: &str, kind: &str) -> T {
    let objects: Vec<Value> = serde_saphyr::from_multiple(manifest).unwrap();
    let object = objects.into_iter().find(|object| object["kind"] == kind);
    serde_json::from_value(object.unwrap_or_else(|| panic!("no {kind} in the manifest"))).unwrap()
}

/// A user who may do what the Role grants and nothing else.
async fn granted(namespace: &Namespace) -> User {
    let user = namespace
        .testbed()
        .user_in(&format!("least-{}", namespace.name()), &[]);
    let post = PostParams::default();
    let role: Role = object(ROLE, "Role");
    namespace.api::<Role>().create(&post, &role).await.unwrap();
    let mut binding: RoleBinding = object(ROLE, "RoleBinding");
    binding.subjects = Some(vec![Subject {
        api_group: Some("rbac.authorization.k8s.io".into()),
        kind: "User".into(),
        name: user.name().into(),
        namespace: None,
    }]);
    namespace
        .api::<RoleBinding>()
        .create(&post, &binding)
        .await
        .unwrap();
    user
}

fn issues(ids: &[&str], title: &str) -> String {
    let issue = |id: &&str| {
        json!({"id": id, "title": title, "status": "open", "priority": 1, "issue_type": "task",
            "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"})
        .to_string()
            + "\n"
    };
    ids.iter().map(issue).collect()
}

/// Waits until exactly these issues are there with this title.
async fn shown(configmaps: &Api<ConfigMap>, ids: &[&str], title: &str) {
    let wanted: BTreeSet<_> = ids
        .iter()
        .map(|id| (format!("bead-{id}"), title.to_owned()))
        .collect();
    let what = format!("{ids:?} are mirrored with the title {title}");
    eventually(SOON, &what, async || {
        let beads = ListParams::default().labels("app.kubernetes.io/managed-by=beadlet");
        let beads = configmaps.list(&beads).await.unwrap().items;
        let found: BTreeSet<_> = beads
            .into_iter()
            .map(|bead| {
                let title = bead.data.unwrap_or_default().remove("title");
                (bead.metadata.name.unwrap(), title.unwrap_or_default())
            })
            .collect();
        found == wanted
    })
    .await;
}

#[tokio::test]
async fn the_role_of_the_mirror_is_the_least_that_works() {
    let testbed = Testbed::shared().await;
    let namespace = testbed.namespace("least").await;
    let user = granted(&namespace).await;
    let repo = GitRepo::bare();
    let file = ".beads/issues.jsonl";
    repo.commit("main", file, issues(&["a-1", "a-2"], "first"));
    repo.set_head("main");
    let mark = testbed.audit().mark().await;
    let mut mirror = Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args(["sync", "--namespace", namespace.name(), "--repo"])
        .args([repo.path().display().to_string()])
        .args(["--kubeconfig", &user.kubeconfig().display().to_string()])
        .start();
    let configmaps = namespace.api::<ConfigMap>();
    shown(&configmaps, &["a-1", "a-2"], "first").await;
    repo.commit("main", file, issues(&["a-1", "a-2"], "second"));
    shown(&configmaps, &["a-1", "a-2"], "second").await;
    // Drift is looked at by a GET.
    let edit = Patch::Merge(json!({"data": {"title": "edited"}}));
    configmaps
        .patch("bead-a-1", &PatchParams::default(), &edit)
        .await
        .unwrap();
    shown(&configmaps, &["a-1", "a-2"], "second").await;
    repo.commit("main", file, issues(&["a-2"], "second"));
    shown(&configmaps, &["a-2"], "second").await;
    configmaps
        .delete("bead-a-2", &DeleteParams::default())
        .await
        .unwrap();
    shown(&configmaps, &["a-2"], "second").await;
    assert!(mirror.terminate(SOON).await.success());

    let requests = testbed.audit().since(mark).await.by(user.name());
    let refused = requests.clone().matching(|request| request.code == 403);
    assert_eq!(refused.len(), 0, "{refused}");
    let used: BTreeSet<_> = requests
        .matching(|request| request.namespace == namespace.name())
        .iter()
        .map(|request| (request.resource.clone(), request.verb.clone()))
        .collect();
    let role: Role = object(ROLE, "Role");
    let granted: BTreeSet<_> = role
        .rules
        .unwrap()
        .into_iter()
        .flat_map(|rule| {
            let verbs = rule.verbs;
            rule.resources
                .unwrap()
                .into_iter()
                .flat_map(move |resource| {
                    verbs
                        .clone()
                        .into_iter()
                        .map(move |verb| (resource.clone(), verb))
                })
        })
        .collect();
    assert_eq!(used, granted);
}

#[tokio::test]
async fn the_pods_of_the_examples_pass_the_restricted_standard() {
    let testbed = Testbed::shared().await;
    let namespace = testbed.namespace("examples").await;
    namespace.restrict().await;
    namespace
        .api::<v1::ServiceAccount>()
        .create(&PostParams::default(), &object(ROLE, "ServiceAccount"))
        .await
        .unwrap();
    let sidecar: Deployment = object(SIDECAR, "Deployment");
    let cronjob: CronJob = object(CRONJOB, "CronJob");
    let dry = PostParams {
        dry_run: true,
        field_manager: None,
    };
    let deployments = namespace.api::<Deployment>();
    deployments.create(&dry, &sidecar).await.unwrap();
    let cronjobs = namespace.api::<CronJob>();
    cronjobs.create(&dry, &cronjob).await.unwrap();
    let templates = [
        sidecar.spec.template,
        cronjob.spec.job_template.spec.unwrap().template,
    ];
    for PodTemplateSpec { spec, .. } in templates {
        let pod = Pod {
            metadata: ObjectMeta {
                name: Some("example".into()),
                ..ObjectMeta::default()
            },
            spec,
            status: None,
        };
        namespace.api::<Pod>().create(&dry, &pod).await.unwrap();
    }
}

/// The settings of the examples are the program's own: a renamed flag must not leave them behind.
#[test]
fn the_environment_of_the_examples_is_understood() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_beadlet"))
        .args(["sync", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for manifest in [SIDECAR, CRONJOB] {
        for word in manifest.split(|c: char| !(c.is_ascii_uppercase() || c == '_')) {
            if word.starts_with("BEADLET_") {
                assert!(
                    help.contains(&format!("env: {word}")),
                    "{word} is not a setting of beadlet sync"
                );
            }
        }
    }
}
