//! A project: its repository, its bead prefix, how many polecats it may have and of what make.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::DurationText;
use super::schema;
use super::template::PolecatTemplate;

/// What a project is, and how its ready beads are worked on.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "gastown.gastown.io",
    version = "v1alpha1",
    kind = "Rig",
    status = "RigStatus",
    derive = "Default",
    derive = "PartialEq",
    category = "gastown",
    doc = "A Rig is a project: a repository, the prefix of its beads, how many polecats may work on it at once and of what make.",
    scale(
        spec_replicas_path = ".spec.settings.maxPolecats",
        status_replicas_path = ".status.polecatCount"
    ),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(
        name = "Polecats",
        type_ = "integer",
        json_path = ".status.polecatCount"
    ),
    printcolumn(
        name = "Max",
        type_ = "integer",
        json_path = ".spec.settings.maxPolecats"
    ),
    printcolumn(name = "Queued", type_ = "integer", json_path = ".status.queued"),
    printcolumn(
        name = "Convoys",
        type_ = "integer",
        json_path = ".status.activeConvoys"
    ),
    printcolumn(
        name = "Why",
        type_ = "string",
        json_path = ".status.waiting[0].reason",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].message",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = schema::require::<RigRequired>)]
pub struct RigSpec {
    /// Prefix of the project's bead ids, without the hyphen (`mp` for `mp-abc`).
    #[schemars(length(min = 1, max = 62))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9_])?$')",
         "the prefix of the bead ids without its hyphen: mp for mp-abc"),
    ])))]
    pub beads_prefix: String,

    /// The project's repository: what polecats clone, and where BeadStores of this Rig read the issues when they name no other.
    #[serde(rename = "gitURL")]
    #[schemars(length(min = 1, max = 2048))]
    pub git_url: String,

    /// A clone of `gitURL` on the controller's own disk, for controllers that run beside it and are started with
    /// `--local-repositories`: BeadStores of this Rig that name no `source.url` read it in place. Otherwise ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub local_path: Option<String>,

    /// The limit of the Rig, and how its polecats are called.
    #[schemars(extend("default" = {"maxPolecats": MAX_POLECATS}))]
    pub settings: RigSettings,

    /// What the Rig's polecats are made of, where a Polecat does not say otherwise itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polecat_template: Option<PolecatTemplate>,

    /// Which ready beads become Polecats, and when.
    pub dispatch: Dispatch,

    /// Namespaces whose beads and Polecats this Rig serves. All when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1000))]
    pub allowed_namespaces: Option<Vec<String>>,
}

/// What the schema demands of a Rig's spec.
pub(super) enum RigRequired {}

impl schema::Required for RigRequired {
    const FIELDS: &'static [&'static str] = &["beadsPrefix", "gitURL"];
}

/// The limit of a Rig that names none.
const MAX_POLECATS: u32 = 8;

#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct RigSettings {
    /// How many polecats of this Rig work at once, over all namespaces; 0 starts none. Lowering it does not stop those that work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000), extend("default" = MAX_POLECATS))]
    pub max_polecats: Option<u32>,
    /// Theme of the names under which polecats sign their commits: `mad-max`, `minerals`, `wasteland`; any other word is used as
    /// the name itself, with a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namepool_theme: Option<String>,
}

impl RigSettings {
    /// How many polecats may work at once. The API server gives every Rig a limit: one that has none has lost it with the field of the
    /// CRD, and starts nothing.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.max_polecats.unwrap_or(0)
    }
}

/// Which ready beads become Polecats, and when.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Dispatch {
    /// False leaves ready beads alone; Polecats made by hand still run.
    pub enabled: bool,
    /// Issue types that are worked on.
    pub types: Vec<String>,
    /// Beads with any of these labels are left to people.
    pub deny_labels: Vec<String>,
    /// Only beads with all of these labels are worked on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub require_labels: Vec<String>,
    /// How often a bead is tried before its last Polecat is Stuck. Evictions do not count.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: u32,
    /// The pause between a failure and the next attempt.
    pub backoff: Backoff,
    /// When polecats may be started; always when empty. Those that work when a window ends go on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub windows: Vec<Window>,
    /// How long a polecat may go on after its bead was closed, deleted or given to somebody else, as a duration.
    pub stop_grace: DurationText,
    /// How long a finished Polecat is kept after its bead stopped being ready, as a duration. While the bead is ready or a Convoy
    /// tracks it, the Polecat is kept in any case.
    pub retention: DurationText,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self {
            enabled: true,
            types: words(&["task", "bug", "feature", "chore"]),
            deny_labels: words(&[
                "human",
                "gt:sling-context",
                "gt:agent",
                "gt:role",
                "gt:rig",
                "gt:merge-request",
                "gt:message",
            ]),
            require_labels: Vec::new(),
            max_attempts: 3,
            backoff: Backoff::default(),
            windows: Vec::new(),
            stop_grace: "30s".into(),
            retention: "24h".into(),
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// The pause doubles with every failure.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Backoff {
    /// After the first failure, as a duration.
    pub initial: DurationText,
    /// At most, as a duration.
    pub max: DurationText,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial: "5m".into(),
            max: "1h".into(),
        }
    }
}

/// A time in which polecats may be started.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Window {
    /// When the window opens, as a cron expression of five fields (`0 20 * * 1-5`), or six with seconds first.
    #[schemars(length(min = 1, max = 256))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.trim().matches('^[^ ]+( +[^ ]+){4,5}$')",
         "a cron expression has five fields (minute hour day month weekday), or six with seconds first"),
    ])))]
    pub opens: String,
    /// How long it stays open, as a duration.
    pub duration: DurationText,
    /// IANA name of the time zone in which `opens` is meant (`Europe/Berlin`). UTC when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
}

/// How much works, how much waits, and why.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct RigStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Initializing"))]
    pub phase: Option<RigPhase>,
    /// Polecats that have a place among `maxPolecats`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polecat_count: Option<i64>,
    /// Convoys with open beads of this Rig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_convoys: Option<i64>,
    /// Written by gastown-operator only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child_namespace: Option<String>,
    /// Written by gastown-operator only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refinery_created: Option<bool>,
    /// Written by gastown-operator only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness_created: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The places that are taken, as `namespace/polecat`: written by compare-and-swap before a Job may start, and given back after
    /// it has ended. The limit holds because of this list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slots: Option<Vec<String>>,
    /// Polecats whose agent runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<i64>,
    /// Ready beads and Polecats that wait for something other than time or people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<i64>,
    /// What ready beads wait for, the most frequent reason first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
    /// When the next dispatch window opens, while all are closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_window: Option<Time>,
}

/// Ready beads that wait for the same thing.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub reason: WaitReason,
    pub count: i64,
    /// The first of them in dispatch order.
    pub first: String,
}

/// Why a ready bead has no polecat. A closed set; `kubectl bead why ID` explains the one that holds for a bead.
#[derive(
    Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash,
)]
pub enum WaitReason {
    /// All places of the Rig are taken.
    AtLimit,
    /// The convoy's parallelism is used up.
    ConvoyLimit,
    /// No dispatch window is open.
    WindowClosed,
    /// Dispatch is switched off for the Rig.
    Disabled,
    /// The pause after a failure is not over.
    Backoff,
    /// Every attempt failed: a person has to look.
    Stuck,
    /// The last attempt ended well and the bead has not changed since.
    AlreadyDone,
    /// The last attempt was stopped by a person and the bead has not changed since.
    Stopped,
    /// Somebody has it.
    Assigned,
    /// An issue type that is not dispatched.
    Type,
    /// A label keeps it for people.
    DeniedLabel,
    /// It lacks a required label.
    MissingLabel,
    /// No Rig has its prefix.
    NoRig,
    /// More than one Rig has its prefix.
    ManyRigs,
    /// The Rig does not serve its namespace.
    NamespaceNotAllowed,
    /// The Rig is being deleted.
    RigDeleting,
}

impl WaitReason {
    pub const ALL: [Self; 16] = [
        Self::AtLimit,
        Self::ConvoyLimit,
        Self::WindowClosed,
        Self::Disabled,
        Self::Backoff,
        Self::Stuck,
        Self::AlreadyDone,
        Self::Stopped,
        Self::Assigned,
        Self::Type,
        Self::DeniedLabel,
        Self::MissingLabel,
        Self::NoRig,
        Self::ManyRigs,
        Self::NamespaceNotAllowed,
        Self::RigDeleting,
    ];

    /// As it stands in statuses and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AtLimit => "AtLimit",
            Self::ConvoyLimit => "ConvoyLimit",
            Self::WindowClosed => "WindowClosed",
            Self::Disabled => "Disabled",
            Self::Backoff => "Backoff",
            Self::Stuck => "Stuck",
            Self::AlreadyDone => "AlreadyDone",
            Self::Stopped => "Stopped",
            Self::Assigned => "Assigned",
            Self::Type => "Type",
            Self::DeniedLabel => "DeniedLabel",
            Self::MissingLabel => "MissingLabel",
            Self::NoRig => "NoRig",
            Self::ManyRigs => "ManyRigs",
            Self::NamespaceNotAllowed => "NamespaceNotAllowed",
            Self::RigDeleting => "RigDeleting",
        }
    }
}

#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RigPhase {
    #[default]
    Initializing,
    Ready,
    Degraded,
}
