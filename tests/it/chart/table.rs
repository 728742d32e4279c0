//! What each value of the chart does.

use serde_json::{Value, json};

/// A value that somebody sets, and what is there then and not before.
pub(super) struct Row {
    /// Like `image.tag`.
    pub(super) path: &'static str,
    /// What has to be set as well.
    pub(super) beside: Value,
    pub(super) value: Value,
    /// A part of what is rendered; with `!` in front one that is rendered only without the value.
    pub(super) shows: &'static str,
}

pub(super) fn rows() -> Vec<Row> {
    let none = json!({});
    let row = |path, value, shows| with(none.clone(), path, value, shows);
    let of = |part: &str| json!({part: {"enabled": true}});
    let mut rows = vec![
        row(
            "nameOverride",
            json!("town"),
            "app.kubernetes.io/name: town\n",
        ),
        row("fullnameOverride", json!("town"), "name: town-controller\n"),
        row("scope", json!("Namespace"), "name: BEADLET_NAMESPACE\n"),
        row("replicas", json!(5), "replicas: 5\n"),
        row(
            "controllers",
            json!(["sync", "convoy"]),
            "value: \"sync,convoy\"\n",
        ),
        row(
            "image.repository",
            json!("r.example.com/b"),
            "image: r.example.com/b:",
        ),
        row("image.tag", json!("v9"), "value: \"beadlet:v9\"\n"),
        row("image.digest", json!(DIGEST), "image: beadlet@sha256:1111"),
        row(
            "image.pullPolicy",
            json!("Never"),
            "imagePullPolicy: Never\n",
        ),
        row(
            "imagePullSecrets",
            json!([{"name": "pull"}]),
            "imagePullSecrets:\n        - name: pull\n",
        ),
        row(
            "agents.opencode.repository",
            json!("r.example.com/o"),
            "value: \"r.example.com/o:",
        ),
        row(
            "agents.opencode.tag",
            json!("v8"),
            "value: \"beadlet-opencode:v8\"\n",
        ),
        row(
            "agents.opencode.digest",
            json!(DIGEST),
            "value: \"beadlet-opencode@sha256:1111",
        ),
        row(
            "agents.claudeCode.repository",
            json!("r.example.com/c"),
            "value: \"r.example.com/c:",
        ),
        row(
            "agents.claudeCode.tag",
            json!("v7"),
            "value: \"beadlet-claude-code:v7\"\n",
        ),
        row(
            "agents.claudeCode.digest",
            json!(DIGEST),
            "value: \"beadlet-claude-code@sha256:1111",
        ),
        row(
            "authorEmail",
            json!("p@example.com"),
            "name: BEADLET_AUTHOR_EMAIL\n              value: \"p@example.com\"\n",
        ),
        row(
            "log.format",
            json!("text"),
            "name: BEADLET_LOG_FORMAT\n              value: \"text\"\n",
        ),
        row(
            "log.level",
            json!("debug"),
            "name: BEADLET_LOG_LEVEL\n              value: \"debug\"\n",
        ),
        row(
            "leaderElection.duration",
            json!("40s"),
            "name: BEADLET_LEASE_DURATION\n              value: \"40s\"\n",
        ),
        row(
            "leaderElection.renewal",
            json!("7s"),
            "name: BEADLET_LEASE_RENEWAL\n              value: \"7s\"\n",
        ),
        row(
            "extraArgs",
            json!(["--resync", "9m"]),
            "- \"--resync\"\n            - \"9m\"\n",
        ),
        row(
            "extraEnv",
            json!([{"name": "NO_PROXY", "value": "*"}]),
            "- name: NO_PROXY\n              value: '*'\n",
        ),
        row(
            "crds.enabled",
            json!(false),
            "!kind: CustomResourceDefinition\n",
        ),
        row(
            "crds.keep",
            json!(false),
            "!helm.sh/resource-policy: keep\n",
        ),
        row(
            "releaseOnUninstall",
            json!(false),
            "!helm.sh/hook: pre-delete\n",
        ),
        row(
            "serviceAccount.create",
            json!(false),
            "!kind: ServiceAccount\nmetadata:\n",
        ),
        row(
            "serviceAccount.name",
            json!("who"),
            "serviceAccountName: who\n",
        ),
        row(
            "serviceAccount.annotations",
            json!({"a": "b"}),
            "annotations:\n    a: b\n",
        ),
        row("rbac.create", json!(false), "!rbac.authorization.k8s.io"),
        row(
            "podAnnotations",
            json!({"a": "b"}),
            "annotations:\n        a: b\n",
        ),
        row(
            "podLabels",
            json!({"a": "b"}),
            "component: controller\n        a: b\n",
        ),
        row(
            "podSecurityContext",
            json!({"runAsUser": 7}),
            "runAsUser: 7\n",
        ),
        row(
            "securityContext",
            json!({"runAsGroup": 7}),
            "runAsGroup: 7\n",
        ),
        row(
            "resources",
            json!({"limits": {"memory": "9Gi"}}),
            "memory: 9Gi\n",
        ),
        row(
            "priorityClassName",
            json!("high"),
            "priorityClassName: high\n",
        ),
        row(
            "nodeSelector",
            json!({"a": "b"}),
            "nodeSelector:\n        a: b\n",
        ),
        row(
            "tolerations",
            json!([{"operator": "Exists"}]),
            "tolerations:\n        - operator: Exists\n",
        ),
        row(
            "affinity",
            json!({"podAffinity": {}}),
            "affinity:\n        podAffinity: {}\n",
        ),
        row(
            "topologySpreadConstraints",
            json!([{"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]),
            "topologyKey: zone\n",
        ),
        row(
            "terminationGracePeriodSeconds",
            json!(77),
            "terminationGracePeriodSeconds: 77\n",
        ),
        row("cache.sizeLimit", json!("3Gi"), "sizeLimit: 3Gi\n"),
        row(
            "podDisruptionBudget.enabled",
            json!(false),
            "!kind: PodDisruptionBudget\n",
        ),
        row(
            "podDisruptionBudget.maxUnavailable",
            json!("40%"),
            "maxUnavailable: 40%\n",
        ),
        row("service.port", json!(9999), "port: 9999\n"),
        row(
            "service.annotations",
            json!({"a": "b"}),
            "annotations:\n    a: b\n",
        ),
    ];
    let mut of_part = |part: &'static str, more: Vec<Row>| {
        rows.push(with(none.clone(), more[0].path, json!(true), more[0].shows));
        rows.extend(more.into_iter().skip(1).map(|row| Row {
            beside: of(part),
            ..row
        }));
    };
    of_part(
        "webhook",
        vec![
            row(
                "webhook.enabled",
                json!(true),
                "name: BEADLET_WEBHOOK_LISTEN\n",
            ),
            row("webhook.port", json!(9999), "port: 9999\n"),
        ],
    );
    of_part(
        "networkPolicy",
        vec![
            row(
                "networkPolicy.enabled",
                json!(true),
                "kind: NetworkPolicy\n",
            ),
            row(
                "networkPolicy.from",
                json!([{"podSelector": {}}]),
                "from:\n        - podSelector: {}\n",
            ),
            row("networkPolicy.ports", json!([2222]), "port: 2222}\n"),
            row(
                "networkPolicy.egress",
                json!([{"to": []}]),
                "    - to: []\n",
            ),
        ],
    );
    of_part(
        "serviceMonitor",
        vec![
            row(
                "serviceMonitor.enabled",
                json!(true),
                "kind: ServiceMonitor\n",
            ),
            row("serviceMonitor.interval", json!("7s"), "interval: 7s\n"),
            row(
                "serviceMonitor.labels",
                json!({"release": "p"}),
                "    release: p\n",
            ),
        ],
    );
    of_part(
        "prometheusRule",
        vec![
            row(
                "prometheusRule.enabled",
                json!(true),
                "kind: PrometheusRule\n",
            ),
            row(
                "prometheusRule.labels",
                json!({"release": "p"}),
                "    release: p\n",
            ),
            row(
                "prometheusRule.alertLabels",
                json!({"team": "t"}),
                "severity: critical\n            team: t\n",
            ),
            row("prometheusRule.behindSeconds", json!(11), "> 11\n"),
        ],
    );
    of_part(
        "dashboard",
        vec![
            row("dashboard.enabled", json!(true), "beadlet.json: |\n"),
            row(
                "dashboard.labels",
                json!({"board": "1"}),
                "    board: \"1\"\n",
            ),
            row(
                "dashboard.annotations",
                json!({"folder": "f"}),
                "annotations:\n    folder: f\n",
            ),
        ],
    );
    rows.push(with(
        json!({"webhook": {"enabled": true}, "networkPolicy": {"enabled": true}}),
        "webhook.from",
        json!([{"namespaceSelector": {}}]),
        "from:\n        - namespaceSelector: {}\n",
    ));
    rows
}

const DIGEST: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn with(beside: Value, path: &'static str, value: Value, shows: &'static str) -> Row {
    Row {
        path,
        beside,
        value,
        shows,
    }
}
