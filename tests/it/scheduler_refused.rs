//! Rights that are taken away while everything runs: said where a person looks, and used again when they are given back.

use std::time::Instant;

use beadlet_store::kinds::PolecatPhase;
use beadlet_testbed::{Requests, User, eventually};
use k8s_openapi::api::{
    authorization::v1::SubjectAccessReview,
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{from_value, json};

use super::{
    scheduler_history::History,
    scheduler_town::{End, SOON, Town},
    scheduler_trouble::ready_says,
};

/// What the scheduler asks for, by group.
const ASKED_FOR: [(&str, &[&str]); 5] = [
    ("", &["configmaps", "secrets", "pods"]),
    ("batch", &["jobs"]),
    ("events.k8s.io", &["events"]),
    ("coordination.k8s.io", &["leases"]),
    (
        GROUP,
        &[
            "rigs",
            "rigs/status",
            "polecats",
            "polecats/status",
            "convoys",
            "convoys/status",
            "beadstores",
        ],
    ),
];
const GROUP: &str = "gastown.gastown.io";
const VERBS: [&str; 7] = [
    "get", "list", "watch", "create", "update", "patch", "delete",
];

/// A user who may do what a ClusterRole says.
struct Rights {
    user: User,
    name: String,
    roles: Api<ClusterRole>,
}

impl Rights {
    /// All of [`ASKED_FOR`].
    async fn of(town: &Town) -> Self {
        let name = format!("limited-{}", town.name());
        let user = town.namespace.testbed().user_in(&name, &[]);
        let rights = Self {
            user,
            roles: Api::all(town.client()),
            name,
        };
        rights.are(&[]).await;
        let binding = json!({"metadata": {"name": rights.name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": rights.name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": rights.user.name()}]});
        let bindings: Api<ClusterRoleBinding> = Api::all(town.client());
        let binding = from_value(binding).unwrap();
        bindings
            .create(&PostParams::default(), &binding)
            .await
            .unwrap();
        rights.taken_notice_of("get", "rigs", true).await;
        rights
    }

    /// All but these verbs on these resources.
    async fn are(&self, taken: &[(&str, &str)]) {
        let mut rules = Vec::new();
        for (group, resource) in all() {
            let left = VERBS
                .into_iter()
                .filter(|verb| !taken.contains(&(verb, resource)));
            let verbs: Vec<&str> = left.collect();
            rules.push(json!({"apiGroups": [group], "resources": [resource], "verbs": verbs}));
        }
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": self.name}, "rules": rules});
        let params = PatchParams::apply("tests").force();
        self.roles
            .patch(&self.name, &params, &Patch::Apply(role))
            .await
            .unwrap();
    }

    async fn take(&self, verb: &str, resource: &str) {
        self.are(&[(verb, resource)]).await;
        self.taken_notice_of(verb, resource, false).await;
    }

    async fn give_back(&self, verb: &str, resource: &str) {
        self.are(&[]).await;
        self.taken_notice_of(verb, resource, true).await;
    }

    /// Waits until the API server judges by the rules as they are now.
    async fn taken_notice_of(&self, verb: &str, resource: &str, is_allowed: bool) {
        let reviews: Api<SubjectAccessReview> = Api::all(self.roles.clone().into_client());
        let (kind, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let (group, _) = all().find(|(_, known)| *known == resource).unwrap();
        let review: SubjectAccessReview = from_value(json!({"metadata": {}, "spec": {"user": self.user.name(),
            "resourceAttributes": {"group": group, "resource": kind, "subresource": subresource, "verb": verb}}}))
        .unwrap();
        let what = format!("{verb} {resource} is allowed: {is_allowed}");
        eventually(SOON, &what, async || {
            let answer = reviews.create(&PostParams::default(), &review).await;
            answer.unwrap().status.unwrap().allowed == is_allowed
        })
        .await;
    }

    async fn forget(self, town: &Town) {
        let bindings: Api<ClusterRoleBinding> = Api::all(town.client());
        let params = DeleteParams::default();
        bindings.delete(&self.name, &params).await.unwrap();
        self.roles.delete(&self.name, &params).await.unwrap();
    }
}

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ASKED_FOR
        .into_iter()
        .flat_map(|(group, resources)| resources.iter().map(move |resource| (group, *resource)))
}

/// Waits until the Rig says that something is forbidden, and gives the message.
async fn rig_is_refused(town: &Town) -> String {
    let is_refused = |condition: &&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition| {
        condition.type_ == "Ready" && condition.reason == "Forbidden"
    };
    let status = town
        .rig_says("something is forbidden", |rig| {
            rig.conditions
                .iter()
                .any(|condition| is_refused(&condition))
        })
        .await;
    let said = status.conditions.iter().find(is_refused).unwrap();
    said.message.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_to_start_work_is_missed_aloud_and_used_again_when_it_is_given_back() {
    let town = Town::new("rights", json!({"settings": {"maxPolecats": 1}})).await;
    let rights = Rights::of(&town).await;
    let _kubelet = town.kubelet(End::Well);
    let _controller = town.controller_with(town.settings(), rights.user.client());
    let begin = Instant::now();
    let said_by_polecats = [
        ("create", "jobs", "could not create the Job"),
        ("patch", "jobs", "could not start the Job"),
        ("get", "rigs", "could not read the Rig"),
    ];
    for (n, (verb, resource, words)) in said_by_polecats.into_iter().enumerate() {
        rights.take(verb, resource).await;
        town.bead(&format!("gt-{n}"), json!({})).await;
        let message = ready_says(&town, &format!("gt-{n}-1"), "Forbidden").await;
        assert!(message.contains(words), "{message}");
        rights.give_back(verb, resource).await;
        town.phase(&format!("gt-{n}-1"), PolecatPhase::Done).await;
    }

    rights.take("create", "polecats").await;
    town.bead("gt-3", json!({})).await;
    let message = rig_is_refused(&town).await;
    assert!(
        message.contains("could not create the Polecat"),
        "{message}"
    );
    rights.give_back("create", "polecats").await;
    town.phase("gt-3-1", PolecatPhase::Done).await;

    // Where nothing can be said, there is at least nothing lost.
    for (n, resource) in [(4, "polecats/status"), (5, "rigs/status")] {
        rights.take("update", resource).await;
        town.bead(&format!("gt-{n}"), json!({})).await;
        refused(&town, &rights, resource).await;
        rights.give_back("update", resource).await;
        town.phase(&format!("gt-{n}-1"), PolecatPhase::Done).await;
    }

    let history = History::of(&town).await;
    assert!(history.most_at_once() <= 1, "{}", history.most_at_once());
    assert_eq!(history.creations().len(), 6);
    assert!(history.creations().values().all(|count| *count == 1));
    let refusals = refusals(&town, &rights).await.len();
    let at_most = 20 + usize::try_from(begin.elapsed().as_secs()).unwrap();
    assert!(
        refusals <= at_most,
        "{refusals} refusals, it should not insist"
    );
    rights.forget(&town).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn right_to_end_work_is_missed_aloud_and_used_again_when_it_is_given_back() {
    let town = Town::new("ends", json!({"dispatch": {"stopGrace": "10ms"}})).await;
    let rights = Rights::of(&town).await;
    let _kubelet = town.kubelet(End::Never);
    let _controller = town.controller_with(town.settings(), rights.user.client());
    town.bead("gt-1", json!({})).await;
    town.phase("gt-1-1", PolecatPhase::Working).await;

    rights.take("delete", "jobs").await;
    let closed = json!({"status": "closed", "closed_at": "2026-02-01T00:00:00Z"});
    town.bead("gt-1", closed).await;
    let message = ready_says(&town, "gt-1-1", "Forbidden").await;
    assert!(message.contains("could not delete the Job"), "{message}");
    rights.give_back("delete", "jobs").await;
    town.phase("gt-1-1", PolecatPhase::Terminated).await;

    rights.take("patch", "configmaps").await;
    let (polecats, params) = (town.polecats(), DeleteParams::default());
    polecats.delete("gt-1-1", &params).await.unwrap();
    let message = ready_says(&town, "gt-1-1", "Forbidden").await;
    assert!(message.contains("note the attempt"), "{message}");
    rights.give_back("patch", "configmaps").await;
    eventually(SOON, "the polecat is gone", async || {
        polecats.get_opt("gt-1-1").await.unwrap().is_none()
    })
    .await;
    rights.forget(&town).await;
}

#[tokio::test]
async fn secret_that_may_not_be_read_is_said_and_waited_for() {
    let town = Town::new("unread", json!({})).await;
    let rights = Rights::of(&town).await;
    rights.take("get", "secrets").await;
    let _controller = town.controller_with(town.settings(), rights.user.client());
    town.bead("gt-1", json!({})).await;
    let message = ready_says(&town, "gt-1-1", "Forbidden").await;
    assert!(message.contains("could not read the Secret"), "{message}");
    rights.give_back("get", "secrets").await;
    town.phase("gt-1-1", PolecatPhase::Working).await;
    rights.forget(&town).await;
}

/// What the user was refused so far.
async fn refusals(town: &Town, rights: &Rights) -> Requests {
    let requests = town.audit().since(town.begin).await;
    requests
        .by(rights.user.name())
        .matching(|request| request.code == 403)
}

/// Waits until the user is refused a write of `resource`.
async fn refused(town: &Town, rights: &Rights, resource: &str) {
    let (kind, subresource) = resource.split_once('/').unwrap();
    let what = format!("a write of {resource} is refused");
    eventually(SOON, &what, async || {
        refusals(town, rights)
            .await
            .iter()
            .any(|request| request.resource == kind && request.subresource == subresource)
    })
    .await;
}
