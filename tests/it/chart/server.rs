//! Everything that `deploy/` has is taken by a real API server: no field unknown, no value refused.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use beadlet_testbed::{
    Testbed, eventually,
    tools::{Tool, monitoring},
};
use serde_json::{Value, json};

use super::helm::{objects, repository, template};

const SOON: Duration = Duration::from_secs(120);

/// Sets of values that people have, beside the defaults.
fn sets() -> Vec<(&'static str, Value)> {
    let monitoring = json!({"enabled": true});
    vec![
        ("defaults", json!({})),
        ("one namespace", json!({"scope": "Namespace"})),
        (
            "everything is watched",
            json!({"serviceMonitor": monitoring, "prometheusRule": monitoring, "dashboard": monitoring}),
        ),
        (
            "a guarded cluster",
            json!({
                "replicas": 3,
                "image": {"repository": "registry.example.com/beadlet", "digest": format!("sha256:{}", "0".repeat(64)), "pullPolicy": "Always"},
                "imagePullSecrets": [{"name": "registry"}],
                "networkPolicy": {
                    "enabled": true,
                    "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                    "egress": [{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"protocol": "TCP", "port": 3128}]}],
                },
                "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
                "priorityClassName": "",
                "nodeSelector": {"kubernetes.io/os": "linux"},
                "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64"]}]}]}}},
                "podDisruptionBudget": {"maxUnavailable": "50%"},
                "cache": {"sizeLimit": "1Gi"},
            }),
        ),
        (
            "rights are somebody else's affair",
            json!({"rbac": {"create": false}, "serviceAccount": {"create": false, "name": "theirs"}, "crds": {"enabled": false}}),
        ),
        (
            "one controller on a desk",
            json!({"replicas": 1, "podDisruptionBudget": {"enabled": false}, "topologySpreadConstraints": [], "log": {"format": "text"}}),
        ),
        (
            "beside gastown-operator",
            serde_saphyr::from_str(include_str!(
                "../../../deploy/examples/beside-gastown-operator.yaml"
            ))
            .unwrap(),
        ),
    ]
}

/// Asks the API server about objects, as `kubectl apply` does, and changes nothing.
fn ask(testbed: &Testbed, text: &str) -> Output {
    kubectl(
        testbed,
        &[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "-f",
            "-",
        ],
        text,
    )
}

fn kubectl(testbed: &Testbed, arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(Tool::Kubectl.locate().unwrap())
        .arg("--kubeconfig")
        .arg(testbed.kubeconfig())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

/// Every object is taken, and none is warned about.
fn assert_taken(testbed: &Testbed, what: &str, text: &str) {
    let output = ask(testbed, text);
    let (said, warned) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && warned.is_empty(),
        "{what}: {warned}\n{said}"
    );
    assert_eq!(said.lines().count(), objects(text).len(), "{what}: {said}");
}

/// The namespace of releases. What names none goes to `default`.
const PLACE: &str = "place";

/// A control plane of its own with our kinds and those of the Prometheus operator, and namespaces that warn of what is not `restricted`.
async fn testbed() -> Testbed {
    let testbed = Testbed::start().await.unwrap();
    for arguments in [
        ["create", "namespace", PLACE].as_slice(),
        &[
            "label",
            "namespace",
            PLACE,
            "default",
            "pod-security.kubernetes.io/warn=restricted",
        ],
    ] {
        let output = kubectl(&testbed, arguments, "");
        assert!(output.status.success(), "{output:?}");
    }
    let ours = repository().join("deploy/crds");
    for file in monitoring::kinds().unwrap().into_iter().chain([ours]) {
        let output = kubectl(
            &testbed,
            &["apply", "--server-side", "-f", file.to_str().unwrap()],
            "",
        );
        assert!(output.status.success(), "{output:?}");
    }
    testbed
}

/// Waits until kinds that were just brought in are served.
async fn served(testbed: &Testbed, kinds: &str) {
    eventually(SOON, "the kinds are served", async || {
        let output = kubectl(testbed, &["get", kinds, "--all-namespaces"], "");
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    })
    .await;
}

/// The YAML files below a folder of `deploy/` that are objects.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().unwrap() != "chart" {
            found.extend(files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_deployed_is_taken_by_the_api_server() {
    let testbed = testbed().await;
    served(&testbed, "servicemonitors,prometheusrules,polecats").await;
    for (what, values) in sets() {
        assert_taken(&testbed, what, &template(PLACE, &values));
    }
    let (values, manifests): (Vec<PathBuf>, Vec<PathBuf>) = files(&repository().join("deploy"))
        .into_iter()
        .partition(|file| file.parent().unwrap().ends_with("examples"));
    assert!(manifests.len() > 10 && values.len() == 1, "{manifests:?}");
    for file in manifests {
        let mut text = fs::read_to_string(&file).unwrap();
        for namespace in ["beadlet", "beads"] {
            text = text.replace(
                &format!("namespace: {namespace}\n"),
                &format!("namespace: {PLACE}\n"),
            );
        }
        assert_taken(&testbed, &file.display().to_string(), &text);
    }
    let rendered = template(PLACE, &json!({"crds": {"enabled": false}}));
    for (right, wrong, complaint) in [
        ("  replicas: 2", "  replica: 2", "replica"),
        (
            "maxUnavailable: 1",
            "maxUnavailable: some",
            "maxUnavailable",
        ),
        ("verbs: [update]", "verb: [update]", "verb"),
    ] {
        assert!(rendered.contains(right));
        let output = ask(&testbed, &rendered.replace(right, wrong));
        let warned = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && warned.contains(complaint),
            "{warned}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn command_of_the_readme_installs_kinds_and_controllers() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let command = "kubectl apply -f deploy/crds -f deploy/controller/all-namespaces";
    assert!(readme.contains(command));
    let testbed = Testbed::start().await.unwrap();
    let arguments: Vec<String> = command
        .split(' ')
        .skip(1)
        .map(|word| match word.strip_prefix("deploy/") {
            Some(_) => repository().join(word).display().to_string(),
            None => word.to_owned(),
        })
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = kubectl(&testbed, &arguments, "");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    served(&testbed, "beadstores,rigs,polecats,convoys").await;
    let deployment = kubectl(
        &testbed,
        &["get", "deployment", "--namespace", "beadlet", "-o", "name"],
        "",
    );
    assert_eq!(
        String::from_utf8_lossy(&deployment.stdout),
        "deployment.apps/beadlet-controller\n"
    );
}
