//! The manifests in `deploy/controller`: their rights are the least that works, as everything is run with them and each is used.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use beadlet_store::{
    keys::work,
    kinds::{BeadStore, Convoy, Polecat, PolecatPhase, RigStatus},
};
use beadlet_testbed::{GitRepo, Program, Request, Requests, Testbed, eventually};
use k8s_openapi::api::{
    apps::v1::Deployment,
    authorization::v1::SelfSubjectAccessReview,
    core::v1::{ConfigMap, Namespace, Pod, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json};

use super::{
    crds::{install, testbed_with_kinds},
    scheduler_town::{End, SOON, Town, beadstore, merge},
    scheduler_trouble::ready_says,
};

const FILE: &str = ".beads/issues.jsonl";
const GROUP: &str = "gastown.gastown.io";
const DEPLOY: &str = "deploy/controller";

/// The namespace in the manifests for one namespace.
const EXAMPLE: &str = "namespace: beads";
/// What is named beyond it.
const BEYOND: &str = "beadlet-controller-rigs";

/// A folder of manifests.
struct Form {
    folder: &'static str,
    /// The controller's own namespace.
    namespace: String,
}

impl Form {
    fn text(&self, file: &str) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(DEPLOY).join(self.folder).join(file)).unwrap();
        text.replace(EXAMPLE, &format!("namespace: {}", self.namespace))
            .replace(BEYOND, &format!("{BEYOND}-{}", self.namespace))
    }

    /// Who stands for the service account.
    fn user(&self) -> String {
        format!("least-{}", self.namespace)
    }

    fn subjects(&self) -> Option<Vec<Subject>> {
        Some(vec![Subject {
            api_group: Some("rbac.authorization.k8s.io".into()),
            kind: "User".into(),
            name: self.user(),
            namespace: None,
        }])
    }

    /// The objects of this kind in a file.
    fn objects<T: DeserializeOwned>(&self, file: &str, kind: &str) -> Vec<T> {
        let objects: Vec<Value> = serde_saphyr::from_multiple(&self.text(file)).unwrap();
        let of_kind = objects.into_iter().filter(|object| object["kind"] == kind);
        of_kind.map(|object| from_value(object).unwrap()).collect()
    }

    fn object<T: DeserializeOwned>(&self, file: &str, kind: &str) -> T {
        let mut objects = self.objects(file, kind);
        assert_eq!(objects.len(), 1, "{kind} in {}/{file}", self.folder);
        objects.remove(0)
    }

    fn roles<T: DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        self.objects("role.yaml", kind)
    }

    /// Grants a user what the manifest grants the service account.
    async fn grant(&self, client: &Client) {
        for role in self.roles::<ClusterRole>("ClusterRole") {
            create(Api::all(client.clone()), &role).await;
        }
        for mut binding in self.roles::<ClusterRoleBinding>("ClusterRoleBinding") {
            binding.subjects = self.subjects();
            create(Api::all(client.clone()), &binding).await;
        }
        for role in self.roles::<Role>("Role") {
            create(Api::namespaced(client.clone(), &place(&role)), &role).await;
        }
        for mut binding in self.roles::<RoleBinding>("RoleBinding") {
            binding.subjects = self.subjects();
            create(Api::namespaced(client.clone(), &place(&binding)), &binding).await;
        }
    }
}

fn place(object: &impl ResourceExt) -> String {
    object.namespace().unwrap()
}

async fn create<K>(api: Api<K>, object: &K)
where
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
{
    api.create(&PostParams::default(), object).await.unwrap();
}

/// Group, resource with its subresource, verb.
type Right = (String, String, String);

fn rights(rules: Option<Vec<PolicyRule>>) -> BTreeSet<Right> {
    let rules = rules.unwrap_or_default();
    let each = rules.iter().flat_map(|rule| {
        let groups = rule.api_groups.iter().flatten();
        groups.flat_map(move |group| {
            let resources = rule.resources.iter().flatten();
            resources.flat_map(move |resource| {
                let verbs = rule.verbs.iter();
                verbs.map(move |verb| (group.clone(), resource.clone(), verb.clone()))
            })
        })
    });
    each.collect()
}

fn used(request: &Request) -> Right {
    let subresource = if request.subresource.is_empty() {
        String::new()
    } else {
        format!("/{}", request.subresource)
    };
    (
        request.group.clone(),
        format!("{}{subresource}", request.resource),
        request.verb.clone(),
    )
}

/// Nothing was refused, and each right was used where it is granted.
fn check(form: &Form, requests: &Requests) {
    let refused: Vec<String> = requests
        .iter()
        .filter(|request| request.code == 403)
        .map(ToString::to_string)
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
    let everywhere: Vec<ClusterRole> = form.roles("ClusterRole");
    let everywhere: BTreeSet<Right> = everywhere
        .into_iter()
        .flat_map(|role| rights(role.rules))
        .collect();
    let here = |namespace: &str| {
        let is_here = |request: &&Request| request.namespace == namespace;
        requests.iter().filter(is_here).map(used).collect()
    };
    for role in form.roles::<Role>("Role") {
        let namespace = place(&role);
        let granted = rights(role.rules);
        let twice: Vec<&Right> = granted.intersection(&everywhere).collect();
        assert!(twice.is_empty(), "granted twice: {twice:#?}");
        assert_used(&granted, &here(&namespace), &namespace);
    }
    let used: BTreeSet<Right> = requests.iter().map(used).collect();
    assert_used(&everywhere, &used, "the cluster");
}

fn assert_used(granted: &BTreeSet<Right>, used: &BTreeSet<Right>, place: &str) {
    let idle: Vec<&Right> = granted.difference(used).collect();
    assert!(
        idle.is_empty(),
        "granted in {place} and not used: {idle:#?}"
    );
}

fn issue(id: &str, fields: &Value) -> String {
    let mut issue = json!({"id": id, "title": id, "status": "open", "priority": 2, "issue_type": "task",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"});
    merge(&mut issue, fields);
    format!("{issue}\n")
}

fn convoy(members: &[&str]) -> String {
    let edges: Vec<_> = members
        .iter()
        .map(|id| json!({"issue_id": "hq-cv-1", "depends_on_id": id, "type": "tracks"}))
        .collect();
    issue(
        "hq-cv-1",
        &json!({"issue_type": "convoy", "dependencies": edges}),
    )
}

/// Uses everything that there is.
async fn live(town: &Town, repo: &GitRepo) {
    let commit = |lines: &[String]| repo.commit("main", FILE, lines.concat());
    let closed = json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"});
    let convoys: Api<Convoy> = town.namespace.api();
    let filler = (0..20)
        .map(|n| issue(&format!("mp-{n}"), &closed))
        .collect::<String>();

    commit(&[issue("gt-1", &json!({})), convoy(&["gt-1"]), filler.clone()]);
    let kubelet = town.kubelet(End::Well);
    town.phase("gt-1-1", PolecatPhase::Done).await;
    eventually(SOON, "the convoy is an object", async || {
        convoys.get_opt("hq-cv-1").await.unwrap()
    })
    .await;
    drop(kubelet);
    let _kubelet = town.kubelet(End::Never);
    commit(&[
        issue("gt-1", &closed),
        issue("gt-2", &json!({})),
        convoy(&["gt-1", "gt-2"]),
        filler.clone(),
    ]);
    town.phase("gt-2-1", PolecatPhase::Working).await;
    eventually(SOON, "the convoy grew", async || {
        convoys
            .get("hq-cv-1")
            .await
            .unwrap()
            .spec
            .tracked_beads
            .len()
            == 2
    })
    .await;
    commit(&[issue("gt-1", &closed), filler]);
    let is_stopped = |polecat: Polecat| {
        polecat.status.unwrap_or_default().phase == Some(PolecatPhase::Terminated)
    };
    eventually(
        SOON,
        "it is stopped, and perhaps forgotten already",
        async || {
            town.polecats()
                .get_opt("gt-2-1")
                .await
                .unwrap()
                .is_none_or(is_stopped)
        },
    )
    .await;
    eventually(SOON, "the convoy is gone", async || {
        convoys.get_opt("hq-cv-1").await.unwrap().is_none()
    })
    .await;

    // A slot that nobody has a reason for.
    let ghost = json!({"status": {"slots": [format!("{}/ghost", town.name())]}});
    town.rigs()
        .patch_status(town.name(), &PatchParams::default(), &Patch::Merge(&ghost))
        .await
        .unwrap();
    town.rig_says("the slot is free again", |rig| rig.slots == Some(vec![]))
        .await;

    tell_twice(town).await;

    // One of Kueue's, and one that is deleted.
    let queued =
        json!({"rig": town.name(), "taskDescription": "t", "kubernetes": {"queueName": "agents"}});
    town.polecat("queued", queued).await;
    eventually(SOON, "it has a Job", async || {
        town.jobs().get_opt("polecat-queued").await.unwrap()
    })
    .await;
    town.polecats()
        .delete("queued", &Default::default())
        .await
        .unwrap();

    eventually(
        Duration::from_secs(150),
        "records that nobody needs are gone",
        async || town.polecats().get_opt("gt-1-1").await.unwrap().is_none(),
    )
    .await;
    let beads: Api<ConfigMap> = town.namespace.api();
    let note = beads
        .get("bead-gt-1")
        .await
        .unwrap()
        .annotations()
        .get(work::LAST_ATTEMPT)
        .cloned();
    assert_eq!(
        note.as_deref(),
        Some("1"),
        "which attempt it was is remembered"
    );
}

/// Makes everything that Events are about say the same thing twice: the second time the Event is counted up, not made anew.
async fn tell_twice(town: &Town) {
    let stores: Api<BeadStore> = town.namespace.api();
    let (params, rigs) = (PatchParams::default(), town.rigs());
    for is_bad in [true, false, true, false] {
        let opens = if is_bad { "61 0 * * *" } else { "* * * * *" };
        let windows =
            json!({"spec": {"dispatch": {"windows": [{"opens": opens, "duration": "1h"}]}}});
        let patch = Patch::Merge(&windows);
        rigs.patch(town.name(), &params, &patch).await.unwrap();
        let has_told = |rig: &RigStatus| is_ready(&rig.conditions) == Some(!is_bad);
        town.rig_says("the Rig says what it thinks of its windows", has_told)
            .await;
        let suspend = json!({"spec": {"suspend": is_bad}});
        let patch = Patch::Merge(&suspend);
        stores.patch("beads", &params, &patch).await.unwrap();
        eventually(SOON, "the store says whether it is suspended", async || {
            let status = stores.get("beads").await.unwrap().status.unwrap();
            is_ready(&status.conditions) == Some(!is_bad)
        })
        .await;
    }
}

fn is_ready(conditions: &[Condition]) -> Option<bool> {
    let mut conditions = conditions.iter();
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    ready.map(|condition| condition.status == "True")
}

/// Runs everything with the rights of the manifests in one namespace of the testbed, and looks at what was used.
async fn try_out(testbed: &Testbed, town: &Town, form: Form, arguments: &[&str]) {
    form.grant(&testbed.client()).await;
    let repo = GitRepo::bare();
    repo.commit("main", FILE, "");
    let hosts: ConfigMap =
        from_value(json!({"metadata": {"name": "hosts"}, "data": {"known_hosts": ""}})).unwrap();
    let post = PostParams::default();
    let configmaps = town.namespace.api::<ConfigMap>();
    configmaps.create(&post, &hosts).await.unwrap();
    let source = json!({"url": repo.url(), "sshKnownHostsConfigMapRef": {"name": "hosts"}});
    let spec = json!({"source": source, "rigRef": town.name(), "webhook": {"secretRef": {"name": "hook"}}});
    beadstore(&town.namespace, "beads", spec).await;
    let stores: Api<BeadStore> = town.namespace.api();

    let user = testbed.user_in(&form.user(), &[]);
    let mut program = Program::new(env!("CARGO_BIN_EXE_beadlet"))
        .args(["controller", "--leader-elect", "--local-repositories"])
        .args(["--webhook-listen", "127.0.0.1:0"])
        .args(["--resync", "5s", "--lease-namespace", &form.namespace])
        .args(arguments.iter().copied())
        .arg("--kubeconfig")
        .arg(user.kubeconfig())
        .start();
    live(town, &repo).await;
    stores
        .delete("beads", &DeleteParams::default())
        .await
        .unwrap();
    eventually(SOON, "the store is gone with its finalizer", async || {
        stores.get_opt("beads").await.unwrap().is_none()
    })
    .await;
    assert!(program.terminate(SOON).await.success());
    check(
        &form,
        &testbed.audit().since(town.begin).await.by(&form.user()),
    );
}

/// A Rig that forgets soon.
fn hasty() -> Value {
    json!({"dispatch": {"stopGrace": "100ms", "retention": "1s"}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_for_all_namespaces_are_the_least_that_works() {
    let testbed = Testbed::start().await.unwrap();
    install(testbed.client()).await;
    let form = Form {
        folder: "all-namespaces",
        namespace: "beadlet".into(),
    };
    let namespace: Namespace = form.object("00-namespace.yaml", "Namespace");
    let namespaces = Api::all(testbed.client());
    namespaces
        .create(&PostParams::default(), &namespace)
        .await
        .unwrap();
    let town = Town::on(&testbed, "rights", hasty()).await;
    try_out(&testbed, &town, form, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_for_one_namespace_are_the_least_that_works() {
    let testbed = testbed_with_kinds().await;
    let town = Town::on(testbed, "rights", hasty()).await;
    let form = Form {
        folder: "one-namespace",
        namespace: town.name().into(),
    };
    try_out(testbed, &town, form, &["--namespace", town.name()]).await;
}

/// Takes a right of the namespace away, or gives all back, and waits until the API server knows.
async fn grant_without(user: &Client, town: &Town, form: &Form, taken: Option<(&str, &str)>) {
    let mut role = form.roles::<Role>("Role").remove(0);
    for rule in role.rules.iter_mut().flatten() {
        let is_of = |resource: &str| rule.resources.iter().flatten().any(|name| name == resource);
        if let Some((_, verb)) = taken.filter(|(resource, _)| is_of(resource)) {
            // A rule without verbs is refused.
            rule.verbs.retain(|known| known != verb);
            rule.verbs.push("nothing".into());
        }
    }
    let roles: Api<Role> = town.namespace.api();
    let patch = Patch::Merge(json!({"rules": role.rules}));
    let name = role.name_any();
    let params = PatchParams::default();
    roles.patch(&name, &params, &patch).await.unwrap();
    for (group, resource, verb) in [
        ("", "secrets", "get"),
        ("batch", "jobs", "create"),
        ("batch", "jobs", "patch"),
        (GROUP, "polecats", "create"),
    ] {
        let is_right = taken != Some((resource, verb));
        let asked: SelfSubjectAccessReview = from_value(json!({"spec": {"resourceAttributes":
            {"namespace": town.name(), "group": group, "resource": resource, "verb": verb}}}))
        .unwrap();
        eventually(SOON, "the API server knows the rights", async || {
            let api: Api<SelfSubjectAccessReview> = Api::all(user.clone());
            let answer = api.create(&PostParams::default(), &asked).await.unwrap();
            answer.status.unwrap().allowed == is_right
        })
        .await;
    }
}

#[tokio::test]
async fn right_that_is_taken_away_is_said_and_recovered_from() {
    let town = Town::new("taken", json!({"settings": {"maxPolecats": 10}})).await;
    let form = Form {
        folder: "one-namespace",
        namespace: town.name().into(),
    };
    form.grant(&town.client()).await;
    let user = town.namespace.testbed().user_in(&form.user(), &[]);
    grant_without(&user.client(), &town, &form, None).await;
    let _controller = town.controller_with(town.settings(), user.client());
    let rights = [("secrets", "get"), ("jobs", "create"), ("jobs", "patch")];
    for (n, right) in rights.into_iter().enumerate() {
        grant_without(&user.client(), &town, &form, Some(right)).await;
        town.bead(&format!("gt-{n}"), json!({})).await;
        let polecat = format!("gt-{n}-1");
        let message = ready_says(&town, &polecat, "Forbidden").await;
        assert!(message.contains(right.0), "{message}");
        grant_without(&user.client(), &town, &form, None).await;
        town.phase(&polecat, PolecatPhase::Working).await;
    }
    grant_without(&user.client(), &town, &form, Some(("polecats", "create"))).await;
    town.bead("gt-9", json!({})).await;
    town.rig_says("that it may not", |rig| {
        let mut conditions = rig.conditions.iter();
        conditions.any(|condition| condition.reason == "Forbidden")
    })
    .await;
    grant_without(&user.client(), &town, &form, None).await;
    town.phase("gt-9-1", PolecatPhase::Working).await;
}

/// The Deployments of both forms.
fn forms() -> [Form; 2] {
    ["all-namespaces", "one-namespace"].map(|folder| Form {
        folder,
        namespace: String::new(),
    })
}

#[tokio::test]
async fn pods_of_the_controller_pass_the_restricted_standard() {
    let namespace = Testbed::shared().await.namespace("restricted").await;
    namespace.restrict().await;
    let dry = PostParams {
        dry_run: true,
        field_manager: None,
    };
    for form in forms() {
        let account: ServiceAccount = form.object("role.yaml", "ServiceAccount");
        let mut deployment: Deployment = form.object("deployment.yaml", "Deployment");
        deployment.metadata.namespace = None;
        let deployments = namespace.api::<Deployment>();
        deployments.create(&dry, &deployment).await.unwrap();
        let mut spec = deployment.spec.template.spec.unwrap();
        assert_eq!(spec.service_account_name, account.metadata.name);
        spec.service_account_name = None;
        spec.automount_service_account_token = Some(false);
        let pod: Pod = from_value(json!({"metadata": {"name": "example"}, "spec": spec})).unwrap();
        namespace.api::<Pod>().create(&dry, &pod).await.unwrap();
    }
}

/// The settings are the program's own: a renamed flag must not leave them behind.
#[test]
fn environment_of_the_controller_is_understood() {
    for form in forms() {
        let deployment: Deployment = form.object("deployment.yaml", "Deployment");
        let containers = deployment.spec.template.spec.unwrap().containers;
        let container = containers.first().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_beadlet"));
        program.args(container.args.iter().flatten()).arg("--help");
        let help = program.output().unwrap();
        assert!(help.status.success());
        let help = String::from_utf8(help.stdout).unwrap();
        for variable in container.env.iter().flatten() {
            let named = format!("env: {}", variable.name);
            assert!(help.contains(&named), "{named} is not in the help");
        }
    }
}
