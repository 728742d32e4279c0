//! What a polecat is made of: the part of the API that a Polecat and a Rig's template share.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refs::{ConfigMapRef, SecretKeyRef, SecretRef};
use super::schema;

/// What the Rig's polecats are made of.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct PolecatTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    pub spec: PolecatTemplateSpec,
}

/// Labels and annotations that every Polecat of the Rig, its Job and its pod get.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(default)]
pub struct TemplateMetadata {
    /// Labels; those of beadlet itself win.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations; those of beadlet itself win.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The fields of a Polecat that a Rig may give: each holds for Polecats that do not give it themselves.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct PolecatTemplateSpec {
    /// The agent program. `claude-code` when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_config: Option<AgentConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kubernetes: Option<Kubernetes>,
    /// Resources of the agent's container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// The agent is ended after this long without output and without a changed file. Not watched when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_idle_seconds: Option<i64>,
    /// The Job goes away this long after it finished and its outcome was recorded, at the earliest after 30 s. It stays as long as
    /// its Polecat when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub ttl_seconds_after_finished: Option<i32>,
    /// What to do, beside what the bead says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub task_description: Option<String>,
}

/// The agent programs that are known; `custom` is any other.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[serde(rename_all = "kebab-case")]
pub enum Agent {
    ClaudeCode,
    #[serde(rename = "opencode")]
    OpenCode,
    Custom,
}

/// How the agent is started and which model it talks to.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentConfig {
    /// Arguments for the agent, after those that beadlet gives it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// The command that starts the agent instead of the usual one. Required for the agent `custom`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// ConfigMap with configuration files of the agent, mounted read-only at `/agent-config`: `opencode.json` for opencode,
    /// `settings.json` for claude-code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_ref: Option<ConfigMapRef>,
    /// Environment of the agent's container, beside what beadlet sets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<EnvVar>,
    /// Image of the agent's container; wins over `kubernetes.image`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image: Option<String>,
    /// The model by the name that its endpoint knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_provider: Option<ModelProvider>,
    /// The kind of endpoint. When not given: `anthropic` for claude-code without an endpoint, else `litellm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
}

/// The endpoint that serves the model.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct ModelProvider {
    /// Secret with the key for the endpoint. A changed key is taken by new Jobs; running ones are marked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
    /// Address of the endpoint, with its version where it has one (`https://gateway.example.com/v1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.startsWith('http://') || self.startsWith('https://')",
         "the address of a model endpoint starts with http:// or https://"),
    ])))]
    pub endpoint: Option<String>,
}

/// The kinds of model endpoints.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    LiteLlm,
    Anthropic,
    OpenAi,
    Ollama,
}

/// The Job and its pod.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Kubernetes {
    /// The agent program; the same as `spec.agent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// How the agent is started; the same as `spec.agentConfig`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_config: Option<AgentConfig>,
    /// The repository that is worked on. The Rig's `gitURL` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^((https?|ssh|git)://[A-Za-z0-9._~:@%\\\\[\\\\]-]+/|[A-Za-z0-9._-]+@[A-Za-z0-9._-]+:)[A-Za-z0-9._~%/+-]+$')",
         "not an address of a git repository: use git@host:path, ssh://, https:// or http://"),
    ])))]
    pub git_repository: Option<String>,
    /// The branch that is started from. `main` when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^[a-zA-Z0-9._/-]+$')",
         "a branch name holds letters, digits, '.', '_', '/' and '-'"),
    ])))]
    pub git_branch: Option<String>,
    /// The branch that is pushed. `polecat/<name of the Polecat>` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^[a-zA-Z0-9._/-]+$')",
         "a branch name holds letters, digits, '.', '_', '/' and '-'"),
    ])))]
    pub work_branch: Option<String>,
    /// Secret with the git credential: `ssh-privatekey` (and optionally `known_hosts`), or `username` and `password`, or `token` (and
    /// optionally `ca.crt`, the only authority that is trusted). The agent never sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_secret_ref: Option<SecretRef>,
    /// ConfigMap with the key `known_hosts`: the only host keys that are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_known_hosts_config_map_ref: Option<ConfigMapRef>,
    /// Host keys are always checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_strict_host_key_checking: Option<HostKeyChecking>,
    /// Key for the model; `agentConfig.modelProvider.apiKeySecretRef` wins over it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
    /// Secret with a Claude login (`.credentials.json`), for claude-code without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claude_creds_secret_ref: Option<SecretRef>,
    /// Image of the agent's container.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image: Option<String>,
    /// Names of Secrets to pull the images with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub image_pull_secrets: Vec<SecretRef>,
    /// The Job fails after this long. 3600 when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub active_deadline_seconds: Option<i64>,
    /// How long the pod may take to end when it is stopped: the time in which the work is still pushed. 60 when nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub termination_grace_period_seconds: Option<i64>,
    /// Resources of the agent's container; wins over `spec.resources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Where the clone and the agent's files are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Workspace>,
    /// Kueue's LocalQueue: the Job is created suspended and started by Kueue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub queue_name: Option<String>,
    /// Priority class of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// The container runtime of the pod, such as a sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub runtime_class_name: Option<String>,
    /// The pod's service account. Its token is never mounted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: Option<String>,
    /// Labels of the nodes on which the pod may run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub node_selector: BTreeMap<String, String>,
    /// Taints of nodes that the pod tolerates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Toleration>,
}

/// Host keys are always checked: there is one value.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyChecking {
    #[serde(rename = "yes")]
    Yes,
}

/// The volume with the clone. An EmptyDir when no claim is given.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::rules(&[
    ("!(has(self.sizeLimit) && has(self.claim))",
     "sizeLimit is for the EmptyDir: a claim has its own size"),
])))]
pub struct Workspace {
    /// Limit of the EmptyDir.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_limit: Option<Quantity>,
    /// A PersistentVolumeClaim instead of an EmptyDir.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// An existing PersistentVolumeClaim, or one that is made with the pod and goes away with it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::rules(&[
    ("has(self.name) != has(self.size)",
     "give either name (of an existing claim) or size (of a new one)"),
    ("!(has(self.name) && has(self.storageClassName))",
     "storageClassName is for a new claim: an existing one has its class"),
])))]
pub struct Claim {
    /// Name of an existing claim; each polecat has its own folder in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Size of a new claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Quantity>,
    /// Storage class of a new claim; the cluster's default when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
}
