//! A batch of beads.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Beads that belong together.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "gastown.gastown.io",
    version = "v1alpha1",
    kind = "Convoy",
    namespaced,
    status = "ConvoyStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "cv",
    category = "gastown",
    doc = "A Convoy is a batch of beads that is complete when all of them are.",
    scale(
        spec_replicas_path = ".spec.parallelism",
        status_replicas_path = ".status.running"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Progress", type_ = "string", json_path = ".status.progress"),
    printcolumn(name = "Running", type_ = "integer", json_path = ".status.running"),
    printcolumn(name = "Succeeded", type_ = "integer", json_path = ".status.succeeded"),
    printcolumn(name = "Failed", type_ = "integer", json_path = ".status.failed"),
    printcolumn(
        name = "Description",
        type_ = "string",
        json_path = ".spec.description",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = schema::require::<ConvoyRequired>)]
pub struct ConvoySpec {
    /// What the batch is about; its polecats are told.
    #[schemars(length(min = 1))]
    pub description: String,

    /// Ids of the beads. An empty convoy is never complete.
    pub tracked_beads: Vec<String>,

    /// How many of its polecats work at once; 0 sets no limit beside the Rig's.
    #[schemars(range(min = 0))]
    pub parallelism: u32,

    /// The Rig that works on its beads, whatever their prefix. The Rig of the prefix when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub rig_ref: Option<String>,

    /// Who is to hear of it: an Event that names them is written once, when the convoy is complete or has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub notify_on_complete: Option<String>,
}

/// What the schema demands of a Convoy's spec.
pub(super) enum ConvoyRequired {}

impl schema::Required for ConvoyRequired {
    const FIELDS: &'static [&'static str] = &["description", "trackedBeads"];
}

/// How far the batch is.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct ConvoyStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Pending"))]
    pub phase: Option<ConvoyPhase>,
    /// Completed beads of all tracked ones, as `n/m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Tracked beads that are closed in git, in the order of `trackedBeads`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub completed_beads: Vec<String>,
    /// The other ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending_beads: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Time>,
    /// Ready, Reconciling and Stalled follow kstatus.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Tracked beads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Beads whose last Polecat of this convoy is Done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<i64>,
    /// Beads whose last Polecat of this convoy is Stuck or Terminated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<i64>,
    /// Beads with a Polecat of this convoy at work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<i64>,
    /// Tracked beads that no ConfigMap of this namespace holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_beads: Vec<String>,
}

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
pub enum ConvoyPhase {
    #[default]
    Pending,
    InProgress,
    Complete,
    Failed,
}

impl ConvoyPhase {
    /// As it stands in statuses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Complete => "Complete",
            Self::Failed => "Failed",
        }
    }
}
