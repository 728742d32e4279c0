//! One agent at work on one bead.

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;
use super::template::{Agent, AgentConfig, Kubernetes};

/// One attempt at one bead. Made by dispatch, by `kubectl bead sling`, or by hand.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "gastown.gastown.io",
    version = "v1alpha1",
    kind = "Polecat",
    namespaced,
    status = "PolecatStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "pc",
    category = "gastown",
    doc = "A Polecat is one agent at work on one bead: it becomes the Job polecat-<name>, and stays as the record of how that went.",
    selectable = ".spec.rig",
    selectable = ".spec.beadID",
    selectable = ".status.phase",
    printcolumn(name = "Rig", type_ = "string", json_path = ".spec.rig"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Bead", type_ = "string", json_path = ".status.assignedBead"),
    printcolumn(name = "Pod", type_ = "string", json_path = ".status.podName"),
    printcolumn(name = "Active", type_ = "boolean", json_path = ".status.podActive"),
    printcolumn(name = "Model", type_ = "string", json_path = ".status.agentModel"),
    printcolumn(name = "Attempt", type_ = "integer", json_path = ".status.attempt", priority = 1),
    printcolumn(name = "Failure", type_ = "string", json_path = ".status.failureClass"),
    printcolumn(name = "Branch", type_ = "string", json_path = ".status.result.branch", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.jobName) || (has(self.spec.beadID) == has(oldSelf.spec.beadID) \
         && (!has(self.spec.beadID) || self.spec.beadID == oldSelf.spec.beadID))"
    )
    .message("this Polecat has started: beadID cannot change, make another Polecat for another bead"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.jobName) || (has(self.spec.rig) == has(oldSelf.spec.rig) \
         && (!has(self.spec.rig) || self.spec.rig == oldSelf.spec.rig))"
    )
    .message("this Polecat has started: rig cannot change, make another Polecat for another Rig"),
    validation = Rule::new(
        "!has(oldSelf.status) || !has(oldSelf.status.jobName) || self.spec.executionMode == oldSelf.spec.executionMode"
    )
    .message("this Polecat has started: executionMode cannot change")
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::rules(&[
    ("has(self.rig) || (has(self.kubernetes) && has(self.kubernetes.gitRepository)) || self.executionMode == 'local'",
     "say what to work on: spec.kubernetes.gitRepository, or spec.rig of a Rig whose gitURL is the repository"),
    ("!(has(self.agent) && has(self.kubernetes) && has(self.kubernetes.agent) && self.agent != self.kubernetes.agent)",
     "spec.agent and spec.kubernetes.agent differ: leave one out"),
    ("!(has(self.agentConfig) && has(self.kubernetes) && has(self.kubernetes.agentConfig))",
     "agentConfig stands under spec and under spec.kubernetes: leave one out"),
])))]
pub struct PolecatSpec {
    /// The Rig it belongs to: it counts against the Rig's `maxPolecats`, and takes from the Rig's template what it does not say
    /// itself. Without a Rig it stands for itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub rig: Option<String>,

    /// Id of the bead to work on.
    #[serde(rename = "beadID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub bead_id: Option<String>,

    /// Working starts the agent, or lets it go on. Idle does not start it, or pauses it: its pod goes away, its Job stays. Terminated
    /// ends it for good. When not given: Working if there is a `beadID` or a `taskDescription`, else Idle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_state: Option<DesiredState>,

    /// Where the agent runs. A `local` Polecat belongs to a program outside the cluster: beadlet leaves it alone.
    pub execution_mode: ExecutionMode,

    /// The agent program. `claude-code` when neither the Polecat nor its Rig says.
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

/// What a person wants of a Polecat.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DesiredState {
    Idle,
    Working,
    Terminated,
}

/// Where the agent runs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    #[default]
    Kubernetes,
    Local,
}

/// How it goes, and how it went.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct PolecatStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Idle"))]
    pub phase: Option<PolecatPhase>,
    /// The agent program that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The image that the agent runs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_image: Option<String>,
    /// The model that was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_model: Option<String>,
    /// The bead it works on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_bead: Option<String>,
    /// The branch it pushes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Ready, Reconciling and Stalled follow kstatus.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The last time anything was seen of its pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Time>,
    /// Whether a pod of it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_active: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_name: Option<String>,
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Its Job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// The Job's uid, once it was made: a Polecat has one Job, ever.
    #[serde(rename = "jobUID", skip_serializing_if = "Option::is_none")]
    pub job_uid: Option<String>,
    /// Which attempt at the bead this is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<i64>,
    /// How often it gave its place among `maxPolecats` back: after each pause it needs another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pauses: Option<i64>,
    /// The name under which it signs its commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Fingerprint of the bead's content when the attempt ended, or while it works when it started: a later one starts a new attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bead_revision: Option<String>,
    /// Fingerprint of the model key that the Job was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_class: Option<FailureClass>,
    /// True where the same attempt, started again unchanged, could not end otherwise (a credential that is refused, a branch that is not
    /// there): there is no other one until the bead changes or somebody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permanent: Option<bool>,
    /// What it made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<PolecatResult>,
}

/// Idle: not started. Queued: waits for a place or for Kueue. Working: its Job runs. Done: it ended well. Failed: it ended badly, and
/// the bead is tried again. Stuck: it ended badly and a person has to look. Terminated: it was stopped.
#[derive(
    Serialize,
    Deserialize,
    JsonSchema,
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
)]
pub enum PolecatPhase {
    #[default]
    Idle,
    Queued,
    Working,
    Done,
    Failed,
    Stuck,
    Terminated,
}

impl PolecatPhase {
    /// As it stands in statuses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Queued => "Queued",
            Self::Working => "Working",
            Self::Done => "Done",
            Self::Failed => "Failed",
            Self::Stuck => "Stuck",
            Self::Terminated => "Terminated",
        }
    }

    /// An ended attempt never starts again.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed | Self::Stuck | Self::Terminated
        )
    }
}

/// Why an attempt failed.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub enum FailureClass {
    /// The agent ended with an error.
    AgentFailed,
    /// The agent ended well and had changed nothing.
    NoChanges,
    /// The repository could not be cloned.
    CloneFailed,
    /// The work could not be pushed.
    PushFailed,
    /// An image could not be pulled.
    ImageNotPulled,
    /// It took longer than `activeDeadlineSeconds`.
    DeadlineExceeded,
    /// The agent was silent for longer than `maxIdleSeconds`.
    Idle,
    /// The agent needed more memory than its limit.
    OutOfMemory,
    /// The node took the pod away. Tried again free of charge.
    Evicted,
    /// Somebody deleted the pod or the Job.
    Killed,
}

impl FailureClass {
    /// As it stands in statuses and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AgentFailed => "AgentFailed",
            Self::NoChanges => "NoChanges",
            Self::CloneFailed => "CloneFailed",
            Self::PushFailed => "PushFailed",
            Self::ImageNotPulled => "ImageNotPulled",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::Idle => "Idle",
            Self::OutOfMemory => "OutOfMemory",
            Self::Evicted => "Evicted",
            Self::Killed => "Killed",
        }
    }
}

/// What an attempt made.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct PolecatResult {
    /// The branch that was pushed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Its tip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Changed files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insertions: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletions: Option<i64>,
    /// Tokens that the agent reported, in and out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<i64>,
    /// What the agent said it cost, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
}
