//! The rows of what a Polecat and a Rig's template have in common. Seen in the Job that is made of it.

use serde_json::{Value, json};

use super::table::{Row, refused, row, whole};

/// An agent with a model and a repository that needs a credential.
pub(super) fn base() -> Value {
    json!({
        "agent": "opencode",
        "agentConfig": model(),
        "kubernetes": {"gitSecretRef": {"name": "git"}},
    })
}

fn model() -> Value {
    json!({"model": "m", "modelProvider": {
        "endpoint": "http://llm.example.com/v1", "apiKeySecretRef": {"name": "llm", "key": "API_KEY"}}})
}

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    let own = [
        row(
            "agent",
            "claude-code",
            "containers/agent/image = \"claude-code:test\"",
        ),
        row("maxIdleSeconds", 90, "/value = \"90s\""),
        row("ttlSecondsAfterFinished", 90, "SetTtl(90)"),
        row(
            "taskDescription",
            "mind the gap",
            "task-description = \"mind the gap\"",
        ),
        resources(),
    ];
    let agent = agent_config()
        .into_iter()
        .map(|row| row.under("agentConfig"));
    let of_kubernetes = kubernetes().into_iter().map(|row| row.under("kubernetes"));
    own.into_iter()
        .chain(agent)
        .chain(of_kubernetes)
        .chain(keys())
        .chain(seed_form())
        .collect()
}

fn resources() -> Row {
    let claims = json!([{"name": "gpu", "request": "one"}]);
    let amounts = json!({"memory": "1Gi"});
    whole("resources")
        .given(json!({"resources": {"claims": claims, "limits": amounts, "requests": amounts}}))
}

fn agent_config() -> Vec<Row> {
    vec![
        row("args[]", "--loud", "containers/agent/command"),
        row("command[]", "my-agent", "containers/agent/command"),
        row(
            "configMapRef.name",
            "files",
            "volumes/agent-config/configMap/name = \"files\"",
        ),
        row("env[].name", "OTHER", "containers/agent/env/OTHER")
            .given(json!({"env": [{"name": "MINE", "value": "1"}]})),
        row(
            "env[].value",
            "2",
            "containers/agent/env/MINE/value = \"2\"",
        )
        .given(json!({"env": [{"name": "MINE", "value": "1"}]})),
        value_from(),
        row("image", "mine:1", "containers/agent/image = \"mine:1\""),
        row("model", "other-model", "other-model"),
        row(
            "modelProvider.apiKeySecretRef.key",
            "K",
            "/valueFrom/secretKeyRef/key = \"K\"",
        ),
        row(
            "modelProvider.apiKeySecretRef.name",
            "s",
            "/valueFrom/secretKeyRef/name = \"s\"",
        ),
        row(
            "modelProvider.endpoint",
            "http://other.example.com",
            "http://other.example.com",
        ),
        row("provider", "anthropic", "anthropic"),
    ]
}

/// Where a variable comes from: everywhere at once, which a Job would not take, but a field that is left out would show.
fn value_from() -> Row {
    let from = json!({
        "configMapKeyRef": {"name": "n", "key": "k", "optional": false},
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"},
        "fileKeyRef": {"key": "k", "optional": false, "path": "p", "volumeName": "v"},
        "resourceFieldRef": {"containerName": "agent", "divisor": "1", "resource": "limits.cpu"},
        "secretKeyRef": {"name": "n", "key": "k", "optional": false},
    });
    whole("env[].valueFrom").given(json!({"env": [{"name": "MINE", "valueFrom": from}]}))
}

fn kubernetes() -> Vec<Row> {
    let job = [
        row(
            "activeDeadlineSeconds",
            90,
            "/spec/activeDeadlineSeconds = 90",
        ),
        row("gitBranch", "next", "/value = \"next\""),
        row(
            "gitRepository",
            "https://git.example.com/other.git",
            "https://git.example.com/other.git",
        ),
        row(
            "gitSecretRef.name",
            "other",
            "volumes/git-credential/secret/secretName = \"other\"",
        ),
        row("image", "mine:1", "containers/agent/image = \"mine:1\""),
        row("imagePullSecrets[].name", "pull", "/imagePullSecrets/pull"),
        row(
            "nodeSelector{}",
            "x",
            "/nodeSelector/example.com/changed = \"x\"",
        ),
        row(
            "priorityClassName",
            "urgent",
            "/priorityClassName = \"urgent\"",
        ),
        row(
            "queueName",
            "agents",
            "/metadata/labels/kueue.x-k8s.io/queue-name = \"agents\"",
        ),
        row(
            "runtimeClassName",
            "gvisor",
            "/runtimeClassName = \"gvisor\"",
        ),
        row(
            "serviceAccountName",
            "agent",
            "/serviceAccountName = \"agent\"",
        ),
        row(
            "sshKnownHostsConfigMapRef.name",
            "hosts",
            "volumes/known-hosts/configMap/name = \"hosts\"",
        ),
        refused(
            "sshStrictHostKeyChecking",
            "no",
            "Unsupported value: \"no\"",
        ),
        row(
            "terminationGracePeriodSeconds",
            90,
            "/terminationGracePeriodSeconds = 90",
        ),
        tolerations(),
        row("workBranch", "mine", "/value = \"mine\""),
        resources(),
    ];
    job.into_iter().chain(workspace()).collect()
}

fn tolerations() -> Row {
    let toleration = json!({"effect": "NoExecute", "key": "k", "operator": "Equal", "tolerationSeconds": 1, "value": "v"});
    whole("tolerations[]").given(json!({"tolerations": [toleration]}))
}

fn workspace() -> [Row; 4] {
    let claim = json!({"workspace": {"claim": {"size": "1Gi"}}});
    [
        row(
            "workspace.sizeLimit",
            "2Gi",
            "volumes/workspace/emptyDir/sizeLimit = \"2Gi\"",
        ),
        row(
            "workspace.claim.name",
            "mine",
            "volumes/workspace/persistentVolumeClaim/claimName = \"mine\"",
        ),
        row("workspace.claim.size", "2Gi", "requests/storage = \"2Gi\"").given(claim.clone()),
        row(
            "workspace.claim.storageClassName",
            "fast",
            "storageClassName = \"fast\"",
        )
        .given(claim),
    ]
}

/// The model's credentials that stand under `kubernetes`. The key counts where `agentConfig` names none.
fn keys() -> Vec<Row> {
    let given = json!({
        "agentConfig": {"modelProvider": {"apiKeySecretRef": null}},
        "kubernetes": {"apiKeySecretRef": {"name": "k", "key": "KEY"}},
    });
    let key = "/valueFrom/secretKeyRef";
    vec![
        row(
            "kubernetes.apiKeySecretRef.key",
            "K",
            &format!("{key}/key = \"K\""),
        )
        .given(given.clone()),
        row(
            "kubernetes.apiKeySecretRef.name",
            "s",
            &format!("{key}/name = \"s\""),
        )
        .given(given),
        row(
            "kubernetes.claudeCredsSecretRef.name",
            "login",
            "volumes/claude-credentials/secret/secretName = \"login\"",
        ),
    ]
}

/// The form of the README: `agent` and `agentConfig` stand under `kubernetes`.
fn seed_form() -> Vec<Row> {
    let given = json!({"agent": null, "agentConfig": null, "kubernetes": {"agent": "opencode", "agentConfig": model()}});
    let agent = row(
        "kubernetes.agent",
        "claude-code",
        "containers/agent/image = \"claude-code:test\"",
    );
    let config = agent_config()
        .into_iter()
        .map(|row| row.under("kubernetes.agentConfig"));
    [agent]
        .into_iter()
        .chain(config)
        .map(|row| row.given_first(given.clone()))
        .collect()
}
