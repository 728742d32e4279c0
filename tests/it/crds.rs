//! The generated CRDs on a real API server: what people have applies unchanged, what is wrong is refused with a sentence.

use std::{collections::BTreeMap, fs, path::Path};

use beadlet_store::kinds::{Convoy, DesiredState, Polecat, Rig};
use beadlet_testbed::{Namespace, Testbed, kinds};
use kube::{
    Api, Client,
    api::{
        ApiResource, DynamicObject, ListParams, Patch, PatchParams, PostParams, ValidationDirective,
    },
    core::GroupVersionKind,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    string::string_regex,
    test_runner::TestRunner,
};
use serde_json::{Value, from_value, json};
use tokio::sync::OnceCell;

/// The control plane with our kinds in it.
pub(crate) async fn testbed_with_kinds() -> &'static Testbed {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let testbed = Testbed::shared().await;
    INSTALLED.get_or_init(|| install(testbed.client())).await;
    testbed
}

/// Installs the CRDs and waits until they are served.
pub(crate) async fn install(client: Client) {
    kinds::install(&client).await.unwrap();
}

fn api_of(client: Client, object: &DynamicObject, namespace: &str) -> Api<DynamicObject> {
    let kind = &object.types.as_ref().unwrap().kind;
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(
        "gastown.gastown.io",
        "v1alpha1",
        kind,
    ));
    match kind.as_str() {
        "Rig" => Api::all_with(client, &resource),
        _ => Api::namespaced_with(client, namespace, &resource),
    }
}

/// Applies as `kubectl apply --server-side` does (which refuses unknown fields), and deletes again.
async fn apply(namespace: &Namespace, yaml: &str) -> Result<DynamicObject, kube::Error> {
    let mut object: DynamicObject = serde_saphyr::from_str(yaml).unwrap();
    object.metadata.namespace = None;
    let name = object.metadata.name.clone().unwrap();
    let api = api_of(namespace.client(), &object, namespace.name());
    let params = PatchParams {
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply("kubectl").force()
    };
    let answer = api.patch(&name, &params, &Patch::Apply(&object)).await;
    if answer.is_ok() {
        api.delete(&name, &Default::default()).await.unwrap();
    }
    answer
}

#[tokio::test]
async fn published_samples_apply_unchanged() {
    let namespace = testbed_with_kinds().await.namespace("samples").await;
    let folder = Path::new("../shared/compat/gastown-operator");
    let mut applied = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let yaml = fs::read_to_string(&path).unwrap();
        if path.extension().is_none_or(|ext| ext != "yaml")
            || yaml.contains("kind: Witness")
            || yaml.contains("kind: Refinery")
        {
            continue;
        }
        let object = apply(&namespace, &yaml)
            .await
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        applied.insert(
            path.file_name().unwrap().to_string_lossy().into_owned(),
            object,
        );
    }
    assert_eq!(applied.len(), 5, "{:?}", applied.keys());
    let rig = &applied["gastown_v1alpha1_rig.yaml"].data["spec"];
    assert_eq!(rig["localPath"], "/workspaces/myproject");
    let convoy = &applied["gastown_v1alpha1_convoy.yaml"].data["spec"];
    assert_eq!(convoy["notifyOnComplete"], "mayor");
}

const SEED: &str = include_str!("../../deploy/polecats/polecat.yaml");

#[tokio::test]
async fn polecat_by_hand_applies_unchanged_and_nothing_is_put_into_its_mouth() {
    let namespace = testbed_with_kinds().await.namespace("seed").await;
    let wanted: Value = serde_saphyr::from_str(SEED).unwrap();
    let stored = apply(&namespace, SEED).await.unwrap();
    assert_eq!(stored.data["spec"], wanted["spec"]);
    let polecat: Polecat = stored.try_parse().unwrap();
    assert_eq!(polecat.spec.desired_state, None);
}

/// The indented block of the README that begins with a `apiVersion`.
fn readme_objects() -> Vec<String> {
    let lines = include_str!("../../README.md").lines();
    let block: Vec<&str> = lines
        .skip_while(|line| !line.starts_with("    apiVersion:"))
        .map_while(|line| line.strip_prefix("    "))
        .collect();
    let text = block.join("\n");
    text.split("\n---\n").map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn objects_of_the_readme_apply() {
    let namespace = testbed_with_kinds().await.namespace("readme").await;
    let params = PatchParams {
        dry_run: true,
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::apply("kubectl").force()
    };
    let mut kinds = Vec::new();
    for yaml in readme_objects() {
        let mut object: DynamicObject = serde_saphyr::from_str(&yaml).unwrap();
        object.metadata.namespace = None;
        let name = object.metadata.name.clone().unwrap();
        let api = api_of(namespace.client(), &object, namespace.name());
        let patch = Patch::Apply(&object);
        api.patch(&name, &params, &patch).await.unwrap();
        kinds.push(object.types.unwrap().kind);
    }
    assert_eq!(kinds, ["BeadStore", "Rig"]);
}

/// A rule, an object that breaks it, and a part of the sentence that its author gets.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "BeadStore",
        "{}",
        "say where the issues are: spec.source.url, or spec.rigRef",
    ),
    (
        "BeadStore",
        "{rigRef: r, prefix: gt}",
        "a prefix ends with its hyphen",
    ),
    (
        "BeadStore",
        "{rigRef: r, syncInterval: 5 minutes}",
        "not a duration: write it like 30s, 5m or 1h30m",
    ),
    (
        "BeadStore",
        "{source: {url: 'ftp://x/y'}}",
        "not an address of a git repository",
    ),
    (
        "BeadStore",
        "{rigRef: r, source: {path: ../x}}",
        "a path inside the repository",
    ),
    (
        "BeadStore",
        "{rigRef: r, source: {proxy: 'socks5://x'}}",
        "a proxy address starts with http://",
    ),
    (
        "BeadStore",
        "{rigRef: r, readyProfile: bd-2}",
        "Unsupported value: \"bd-2\"",
    ),
    (
        "BeadStore",
        "{rigRef: r, writeBack: {mode: Claim, branch: claims}}",
        "spec.writeBack.branch needs spec.source.branch",
    ),
    (
        "BeadStore",
        "{rigRef: r, source: {branch: main}, writeBack: {mode: Claim, branch: main}}",
        "spec.writeBack.branch is the branch that is read",
    ),
    (
        "BeadStore",
        "{rigRef: r, source: {branch: main}, writeBack: {mode: Claim, branch: refs/heads/claims}}",
        "a branch name holds letters",
    ),
    (
        "BeadStore",
        "{rigRef: r, prune: {maxDeletePercent: 101}}",
        "less than or equal to 100",
    ),
    ("Rig", "{beadsPrefix: mp}", "spec.gitURL: Required value"),
    (
        "Rig",
        "{gitURL: 'https://x/y', beadsPrefix: 'mp-'}",
        "the prefix of the bead ids without its hyphen",
    ),
    (
        "Rig",
        "{gitURL: 'https://x/y', beadsPrefix: mp, dispatch: {windows: [{opens: always, duration: 1h}]}}",
        "a cron expression has five fields",
    ),
    (
        "Rig",
        "{gitURL: 'https://x/y', beadsPrefix: mp, dispatch: {windows: [{opens: '0 20 * * *', duration: night}]}}",
        "not a duration",
    ),
    (
        "Polecat",
        "{beadID: gt-1}",
        "say what to work on: spec.kubernetes.gitRepository, or spec.rig",
    ),
    (
        "Polecat",
        "{rig: r, agent: claude-code, kubernetes: {agent: opencode}}",
        "spec.agent and spec.kubernetes.agent differ: leave one out",
    ),
    (
        "Polecat",
        "{rig: r, agentConfig: {model: a}, kubernetes: {agentConfig: {model: b}}}",
        "agentConfig stands under spec and under spec.kubernetes: leave one out",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {gitRepository: /srv/repo}}",
        "not an address of a git repository",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {gitBranch: 'a b'}}",
        "a branch name holds letters",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {workBranch: 'x;y'}}",
        "a branch name holds letters",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {agentConfig: {modelProvider: {endpoint: 'localhost:4000'}}}}",
        "the address of a model endpoint starts with http://",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {sshStrictHostKeyChecking: 'no'}}",
        "Unsupported value: \"no\"",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {workspace: {claim: {}}}}",
        "give either name (of an existing claim) or size",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {workspace: {claim: {name: c, storageClassName: fast}}}}",
        "storageClassName is for a new claim",
    ),
    (
        "Polecat",
        "{rig: r, kubernetes: {workspace: {sizeLimit: 1Gi, claim: {name: c}}}}",
        "sizeLimit is for the EmptyDir",
    ),
    (
        "Convoy",
        "{trackedBeads: [gt-1]}",
        "spec.description: Required value",
    ),
    (
        "Convoy",
        "{description: d, trackedBeads: [gt-1], parallelism: -1}",
        "greater than or equal to 0",
    ),
    (
        "Convoy",
        "{description: d, trackedBeads: [gt-1], paralelism: 1}",
        "field not declared in schema",
    ),
];

#[tokio::test]
async fn what_is_wrong_is_refused_with_a_sentence() {
    let namespace = testbed_with_kinds().await.namespace("refused").await;
    for (kind, spec, sentence) in REFUSED {
        let yaml = format!(
            "{{apiVersion: gastown.gastown.io/v1alpha1, kind: {kind}, metadata: {{name: refused-{}}}, spec: {spec}}}",
            namespace.name()
        );
        let refusal = apply(&namespace, &yaml).await.expect_err(spec).to_string();
        assert!(refusal.contains(sentence), "{kind} {spec}: {refusal}");
    }
}

#[tokio::test]
async fn started_polecat_keeps_its_bead() {
    let namespace = testbed_with_kinds().await.namespace("keeps-bead").await;
    let api: Api<Polecat> = namespace.api();
    let polecat: Polecat = from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat", "metadata": {"name": "p"},
        "spec": {"rig": "r", "beadID": "gt-1"},
    }))
    .unwrap();
    api.create(&PostParams::default(), &polecat).await.unwrap();
    let other_bead = json!({"spec": {"beadID": "gt-2"}});
    let params = PatchParams::default();
    api.patch("p", &params, &Patch::Merge(&other_bead))
        .await
        .unwrap();
    api.patch_status(
        "p",
        &params,
        &Patch::Merge(json!({"status": {"jobName": "polecat-p"}})),
    )
    .await
    .unwrap();
    let third = json!({"spec": {"beadID": "gt-3"}});
    let refusal = api
        .patch("p", &params, &Patch::Merge(&third))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("beadID cannot change, make another Polecat"),
        "{refusal}"
    );
    let stop = json!({"spec": {"desiredState": "Terminated"}});
    let stopped = api.patch("p", &params, &Patch::Merge(&stop)).await.unwrap();
    assert_eq!(stopped.spec.desired_state, Some(DesiredState::Terminated));
}

/// Their patterns, at the place of each.
const THEIR_PATTERNS: &[(&str, &str, &str)] = &[
    ("Rig", "beadsPrefix", "[a-z]{2,10}"),
    ("BeadStore", "prefix", "[a-z]{1,40}-"),
    ("Polecat", "kubernetes.gitBranch", "[a-zA-Z0-9._/-]{1,80}"),
    ("Polecat", "kubernetes.workBranch", "[a-zA-Z0-9._/-]{1,80}"),
    (
        "Polecat",
        "kubernetes.gitRepository",
        "(git@[a-zA-Z0-9._-]{1,30}:|https?://[a-zA-Z0-9._-]{1,30}/)[a-zA-Z0-9._/-]{1,60}(\\.git)?",
    ),
];

#[tokio::test]
async fn values_of_their_patterns_are_accepted() {
    let namespace = testbed_with_kinds().await.namespace("patterns").await;
    let mut runner = TestRunner::deterministic();
    for (kind, path, pattern) in THEIR_PATTERNS {
        let values = string_regex(pattern).unwrap();
        for _ in 0..40 {
            let value = values.new_tree(&mut runner).unwrap().current();
            let object = sample_with(kind, path, &value);
            let api = api_of(namespace.client(), &object, namespace.name());
            let dry = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            api.create(&dry, &object)
                .await
                .unwrap_or_else(|e| panic!("{kind} {path} {value:?}: {e}"));
        }
    }
}

fn sample_with(kind: &str, path: &str, value: &str) -> DynamicObject {
    let mut spec = match kind {
        "Rig" => json!({"gitURL": "https://example.com/x", "beadsPrefix": "mp"}),
        "BeadStore" => json!({"rigRef": "r"}),
        _ => json!({"rig": "r", "kubernetes": {}}),
    };
    let mut place = &mut spec;
    for key in path.split('.') {
        place = &mut place[key];
    }
    *place = value.into();
    from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": kind,
        "metadata": {"generateName": "pattern-"}, "spec": spec,
    }))
    .unwrap()
}

#[tokio::test]
async fn short_names_category_and_scale_are_served() {
    let testbed = testbed_with_kinds().await;
    let namespace = testbed.namespace("scale").await;
    let convoys: Api<Convoy> = namespace.api();
    let convoy: Convoy = from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Convoy", "metadata": {"name": "c"},
        "spec": {"description": "d", "trackedBeads": ["gt-1"]},
    }))
    .unwrap();
    convoys
        .create(&PostParams::default(), &convoy)
        .await
        .unwrap();
    let scale = json!({"spec": {"replicas": 2}});
    convoys
        .patch_scale("c", &PatchParams::default(), &Patch::Merge(&scale))
        .await
        .unwrap();
    assert_eq!(convoys.get("c").await.unwrap().spec.parallelism, 2);

    let rigs: Api<Rig> = Api::all(testbed.client());
    let name = namespace.name();
    let rig: Rig = from_value(json!({
        "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Rig", "metadata": {"name": name},
        "spec": {"gitURL": "https://example.com/x", "beadsPrefix": "mp", "allowedNamespaces": [name]},
    }))
    .unwrap();
    rigs.create(&PostParams::default(), &rig).await.unwrap();
    let scale = json!({"spec": {"replicas": 3}});
    rigs.patch_scale(name, &PatchParams::default(), &Patch::Merge(&scale))
        .await
        .unwrap();
    assert_eq!(rigs.get(name).await.unwrap().spec.settings.limit(), 3);
    rigs.delete(name, &Default::default()).await.unwrap();

    let resources = testbed
        .client()
        .list_api_group_resources("gastown.gastown.io/v1alpha1")
        .await
        .unwrap();
    for (plural, short) in [("beadstores", "bs"), ("polecats", "pc"), ("convoys", "cv")] {
        let resource = resources
            .resources
            .iter()
            .find(|r| r.name == plural)
            .unwrap();
        assert_eq!(
            resource.short_names.as_deref(),
            Some(&[short.to_owned()][..])
        );
        assert_eq!(
            resource.categories.as_deref(),
            Some(&["gastown".to_owned()][..])
        );
    }
}

#[tokio::test]
async fn polecats_are_selected_by_bead_and_phase() {
    let namespace = testbed_with_kinds().await.namespace("select").await;
    let api: Api<Polecat> = namespace.api();
    for (name, bead) in [("a", "gt-1"), ("b", "gt-2")] {
        let polecat: Polecat = from_value(json!({
            "apiVersion": "gastown.gastown.io/v1alpha1", "kind": "Polecat", "metadata": {"name": name},
            "spec": {"rig": "r", "beadID": bead},
        }))
        .unwrap();
        api.create(&PostParams::default(), &polecat).await.unwrap();
    }
    let found = api
        .list(&ListParams::default().fields("spec.beadID=gt-2"))
        .await
        .unwrap();
    let names: Vec<_> = found
        .items
        .iter()
        .map(|p| p.metadata.name.clone().unwrap())
        .collect();
    assert_eq!(names, ["b"]);
}
