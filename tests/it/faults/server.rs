//! An API server that fails, refuses, restarts or lags while the program works with it.

use std::sync::{Mutex, mpsc};
use std::time::Duration;

use beadlet_testbed::control_plane::Component;
use beadlet_testbed::{Fault, FaultProxy, On, Running, Testbed, User, eventually};
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use serde_json::{from_value, json};

use super::place::{Place, SOON, edited, issues};

const A_LITTLE: Duration = Duration::from_millis(300);

fn before() -> String {
    issues(0..10)
}

/// Seven writes away from [`before`], there and back.
fn after() -> String {
    edited(0..2) + &issues(2..8) + &issues(20..23)
}

const WRITES: usize = 7;

/// What happens to one request, and whether a list can meet it.
fn faults() -> Vec<(&'static str, Fault, bool)> {
    let hang = |_: &_| std::thread::sleep(A_LITTLE);
    vec![
        ("409", Fault::status(409), false),
        (
            "429",
            Fault::too_many_requests(Duration::from_secs(1)),
            true,
        ),
        ("500", Fault::status(500), true),
        ("503", Fault::status(503), true),
        ("504", Fault::status(504), true),
        ("lost before it arrives", Fault::DropRequest, true),
        ("lost after it is done", Fault::DropAnswer, true),
        ("hangs, then is cut", Fault::instead(hang), true),
        ("arrives late", Fault::Delay(A_LITTLE), true),
        ("is answered late", Fault::DelayAnswer(A_LITTLE), true),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn request_of_each_kind_that_fails_once_is_made_good_without_a_second_write() {
    let place = Place::new("server-once").await;
    place.commit(before());
    place.synced().await;
    let proxy = FaultProxy::start(&place.user);
    let files = [after(), before()].into_iter().cycle();
    for ((name, fault, lists), file) in faults().into_iter().zip(files) {
        proxy.clear();
        let verbs = ["create", "patch", "delete", "list"];
        let verbs = verbs.into_iter().filter(|verb| lists || *verb != "list");
        let rules: Vec<_> = verbs
            .map(|verb| proxy.rule(On::verb(verb).nth(1), fault.clone()))
            .collect();
        place.commit(&file);
        let mark = place.mark().await;
        let ended = place.once_through(proxy.kubeconfig(), &[]).await;
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.log);
        assert!(rules.iter().all(|rule| rule.held() == 1), "{name}");
        place.shows(&file).await;
        let written = place.written_since(mark).await;
        assert_eq!(written.len(), WRITES, "{name}: {written}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_takes_no_writes_is_said_and_written_to_when_it_is_back() {
    let place = Place::new("server-down").await;
    place.commit(before());
    place.synced().await;
    let proxy = FaultProxy::start(&place.user);
    let down = proxy.rule(On::writes(), Fault::status(503));
    place.commit(after());
    let mark = place.mark().await;
    let mut running = start(&place, &proxy);
    let said = running.line("ObjectsFailed", SOON).await;
    assert!(said.contains("the API server failed (503)"), "{said}");
    place.shows(before()).await;
    // Each write of a pass is tried eight times, and the passes wait longer and longer.
    assert!(down.held() <= 8 * WRITES * 4, "{}", down.held());
    proxy.clear();
    place.eventually_shows(after()).await;
    assert!(running.terminate(SOON).await.success());
    let written = place.written_since(mark).await;
    assert_eq!(written.len(), WRITES, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_dies_in_the_middle_of_a_pass_finds_the_rest_written_when_it_is_back() {
    let testbed = Testbed::start().await.unwrap();
    let place = Place::on(&testbed, "server-restart").await;
    let proxy = FaultProxy::start(&place.user);
    let (reached, mut middle) = tokio::sync::mpsc::unbounded_channel();
    let (dead, is_dead) = mpsc::channel::<()>();
    let is_dead = Mutex::new(is_dead);
    let hold = move |_: &_| {
        reached.send(()).unwrap();
        is_dead.lock().unwrap().recv_timeout(SOON).unwrap();
    };
    proxy.rule(On::writes().nth(15), Fault::before(hold));
    place.commit(issues(0..40));
    let mark = place.mark().await;
    let mut running = start(&place, &proxy);
    middle.recv().await.unwrap();
    testbed.kill(Component::ApiServer).await.unwrap();
    dead.send(()).unwrap();
    running.line("Unreachable", SOON).await;
    testbed.start_again(Component::ApiServer).await.unwrap();
    place.eventually_shows(issues(0..40)).await;
    let written = place.written_since(mark).await;
    // A write that was done at the time of death may have no line in the log, and none has two.
    assert!(written.len() <= 40, "{written}");
    assert!(written.iter().all(|w| w.verb == "create"), "{written}");
    // The watch is back as well.
    delete(&place, "bead-gt-3").await;
    place.eventually_shows(issues(0..40)).await;
    assert!(running.terminate(SOON).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn permission_that_is_taken_away_is_named_and_used_when_it_is_given_back() {
    let mut place = Place::new("server-rbac").await;
    let name = format!("limited-{}", place.namespace.name());
    place.user = place.namespace.testbed().user_in(&name, &[]);
    grant(&place).await;
    place.commit(before());
    let mark = place.mark().await;
    let program = place.program(place.user.kubeconfig());
    let mut running = program.args(["--log-format", "json"]).start();
    place.eventually_shows(before()).await;
    let bindings: Api<RoleBinding> = place.namespace.api();
    let binding = bindings.get("mirror").await.unwrap();
    bindings
        .delete("mirror", &DeleteParams::default())
        .await
        .unwrap();
    until_allowed(&place.user, &place, false).await;
    place.commit(after());
    let said = running.line("Forbidden", SOON).await;
    let message = format!(
        "not allowed to create configmaps in namespace {}; grant this verb in a Role",
        place.namespace.name()
    );
    let patch = message.replace("create", "patch");
    assert!(said.contains(&message) || said.contains(&patch), "{said}");
    place.shows(before()).await;
    bindings
        .create(&PostParams::default(), &fresh(binding))
        .await
        .unwrap();
    place.eventually_shows(after()).await;
    assert!(running.terminate(SOON).await.success());
    let written = place.written_since(mark).await;
    assert_eq!(written.len(), 10 + WRITES, "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_that_lags_behind_repairs_what_others_did_and_nothing_of_ours() {
    let place = Place::new("server-lag").await;
    let proxy = FaultProxy::start(&place.user);
    let late = Fault::Delay(Duration::from_secs(2));
    let late = proxy.rule(On::verb("watch").nth(1), late);
    place.commit(before());
    let mark = place.mark().await;
    let mut running = start(&place, &proxy);
    place.eventually_shows(before()).await;
    // All of this is news to the watch when it begins.
    for file in [after(), before(), after()] {
        place.commit(&file);
        place.eventually_shows(&file).await;
    }
    delete(&place, "bead-gt-4").await;
    place.eventually_shows(after()).await;
    assert!(running.terminate(SOON).await.success());
    assert_eq!(late.held(), 1);
    let written = place.written_since(mark).await;
    assert_eq!(written.len(), 10 + 3 * WRITES + 1, "{written}");
}

fn start(place: &Place, proxy: &FaultProxy) -> Running {
    let program = place.program(proxy.kubeconfig());
    program.args(["--log-format", "json"]).start()
}

async fn delete(place: &Place, name: &str) {
    let params = DeleteParams::default();
    place.api().delete(name, &params).await.unwrap();
}

/// What the sidecar's manifest grants.
async fn grant(place: &Place) {
    let role = json!({"metadata": {"name": "mirror"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"]}]});
    let binding = json!({"metadata": {"name": "mirror"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "mirror"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": place.user.name()}]});
    let (roles, bindings) = (
        place.namespace.api::<Role>(),
        place.namespace.api::<RoleBinding>(),
    );
    let params = PostParams::default();
    roles
        .create(&params, &from_value(role).unwrap())
        .await
        .unwrap();
    bindings
        .create(&params, &from_value(binding).unwrap())
        .await
        .unwrap();
    until_allowed(&place.user, place, true).await;
}

/// Waits until the API server has taken notice.
async fn until_allowed(user: &User, place: &Place, allowed: bool) {
    let theirs: Api<ConfigMap> = Api::namespaced(user.client(), place.namespace.name());
    eventually(SOON, "the grant is taken notice of", async || {
        theirs.list(&ListParams::default()).await.is_ok() == allowed
    })
    .await;
}

fn fresh(binding: RoleBinding) -> RoleBinding {
    let mut fresh = binding;
    fresh.metadata.resource_version = None;
    fresh.metadata.uid = None;
    fresh
}
