//! The arguments of each component.

use std::fmt::Display;

use serde_json::json;

use super::Files;
use crate::node;

/// etcd listens on sockets in the folder, so nobody can take its ports.
pub(super) fn etcd(files: &Files) -> Vec<String> {
    let (client, peer) = (
        etcd_url(files),
        format!("unix://{}", files.path("peer.sock").display()),
    );
    vec![
        flag("data-dir", files.path("etcd").display()),
        flag("listen-client-urls", &client),
        flag("advertise-client-urls", &client),
        flag("listen-peer-urls", &peer),
        flag("initial-advertise-peer-urls", &peer),
        flag("initial-cluster", format!("default={peer}")),
        flag("log-level", "warn"),
        // What is lost when the machine loses power is a test.
        "--unsafe-no-fsync".into(),
        // 100,000 issues with their history are more than the default of 2 GiB allows in a long benchmark.
        flag("quota-backend-bytes", 8_u64 << 30),
    ]
}

pub(super) fn api_server(files: &Files) -> Vec<String> {
    let path = |name: &str| files.path(name).display().to_string();
    vec![
        flag("bind-address", "127.0.0.1"),
        flag("advertise-address", "127.0.0.1"),
        flag("secure-port", files.port),
        flag("endpoint-reconciler-type", "none"),
        flag("etcd-servers", etcd_url(files)),
        flag("client-ca-file", path("ca.crt")),
        flag("tls-cert-file", path("apiserver.crt")),
        flag("tls-private-key-file", path("apiserver.key")),
        flag("service-account-issuer", "https://kubernetes.default.svc"),
        flag("service-account-key-file", path("service-accounts.pub")),
        flag(
            "service-account-signing-key-file",
            path("service-accounts.key"),
        ),
        flag("service-cluster-ip-range", "10.0.0.0/24"),
        flag("authorization-mode", "Node,RBAC"),
        flag("kubelet-client-certificate", path("kubelet-client.crt")),
        flag("kubelet-client-key", path("kubelet-client.key")),
        flag("kubelet-preferred-address-types", "InternalIP"),
        flag("audit-log-path", path("audit.log")),
        flag("audit-policy-file", path("audit-policy.json")),
        // One file from begin to end, so that a mark in it stays a mark.
        flag("audit-log-maxsize", 0),
        // A benchmark is to find the limit of the server, not of its default settings.
        flag("max-requests-inflight", 1600),
        flag("max-mutating-requests-inflight", 800),
        flag("v", 1),
    ]
}

pub(super) fn controllers(files: &Files) -> Vec<String> {
    let path = |name: &str| files.path(name).display().to_string();
    vec![
        flag("kubeconfig", path("kube-controller-manager.kubeconfig")),
        flag("root-ca-file", path("ca.crt")),
        flag(
            "service-account-private-key-file",
            path("service-accounts.key"),
        ),
        flag("leader-elect", false),
        // It serves nothing: its state is seen in what it does.
        flag("secure-port", 0),
        // The default of 20 requests a second would be what the tests wait for.
        flag("kube-api-qps", 1000),
        flag("kube-api-burst", 2000),
        flag("concurrent-job-syncs", 20),
        flag("resource-quota-sync-period", "5s"),
        flag("v", 1),
    ]
}

pub(super) fn scheduler(files: &Files) -> Vec<String> {
    vec![
        flag(
            "kubeconfig",
            files.path("kube-scheduler.kubeconfig").display(),
        ),
        flag("leader-elect", false),
        flag("secure-port", 0),
        flag("v", 1),
    ]
}

/// Which requests the audit log holds. Each is written once it is answered (a watch also when it begins).
/// Reads of the control plane itself are left out; the objects of a scheduler's writes are kept.
pub(super) fn audit_policy() -> String {
    let internal = [
        "system:apiserver",
        "system:kube-controller-manager",
        "system:kube-scheduler",
        node::USER,
    ];
    let reads = ["get", "list", "watch"];
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    let kept = [
        json!({"group": "batch", "resources": ["jobs", "jobs/status"]}),
        json!({"group": "gastown.gastown.io"}),
        json!({"group": "coordination.k8s.io", "resources": ["leases"]}),
        json!({"group": "events.k8s.io", "resources": ["events"]}),
    ];
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "omitManagedFields": true,
        "rules": [
            {"level": "None", "users": internal, "verbs": reads},
            {"level": "None", "users": internal, "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "RequestResponse", "verbs": writes, "resources": kept},
            {"level": "Metadata"},
        ],
    })
    .to_string()
}

fn etcd_url(files: &Files) -> String {
    format!("unix://{}", files.path("etcd.sock").display())
}

fn flag(name: &str, value: impl Display) -> String {
    format!("--{name}={value}")
}
