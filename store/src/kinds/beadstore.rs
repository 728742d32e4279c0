//! One issue file in one git ref, mirrored into the BeadStore's namespace.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration::DurationText;
use super::refs::{ConfigMapRef, SecretKeyRef, SecretRef};
use super::schema;

/// Where the issues are and how to mirror them.
#[derive(CustomResource, Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "gastown.gastown.io",
    version = "v1alpha1",
    kind = "BeadStore",
    namespaced,
    status = "BeadStoreStatus",
    derive = "Default",
    derive = "PartialEq",
    shortname = "bs",
    category = "gastown",
    doc = "A BeadStore mirrors the beads issue file of a git repository: every issue becomes a labelled ConfigMap in its namespace.",
    selectable = ".spec.rigRef",
    printcolumn(name = "Rig", type_ = "string", json_path = ".spec.rigRef"),
    printcolumn(name = "Prefix", type_ = "string", json_path = ".spec.prefix"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Issues", type_ = "integer", json_path = ".status.issueCount"),
    printcolumn(name = "Ready", type_ = "integer", json_path = ".status.readyCount"),
    printcolumn(
        name = "Commit",
        type_ = "string",
        json_path = ".status.commit",
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
#[schemars(extend("x-kubernetes-validations" = schema::rules(&[
    ("has(self.rigRef) || (has(self.source) && has(self.source.url))",
     "say where the issues are: spec.source.url, or spec.rigRef of a Rig whose gitURL holds them"),
    ("!has(self.writeBack) || !has(self.writeBack.branch) || (has(self.source) && has(self.source.branch))",
     "spec.writeBack.branch needs spec.source.branch: say which branch is read"),
    ("!has(self.writeBack) || !has(self.writeBack.branch) || !has(self.source) || !has(self.source.branch) \
      || self.source.branch != self.writeBack.branch",
     "spec.writeBack.branch is the branch that is read: leave it out to write there"),
])))]
pub struct BeadStoreSpec {
    /// The Rig that works on these issues. Its `gitURL` is read when `source.url` is not given, and issues with this store's prefix go
    /// to this Rig even where another Rig has the same prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub rig_ref: Option<String>,

    /// Prefix of the issue ids, with its hyphen (`gt-`). It decides where an id's prefix ends (label `bead-prefix`); issues with
    /// other prefixes in the same file are mirrored too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*-$')",
         "a prefix ends with its hyphen and holds letters, digits, '_' and '-' before it: gt-"),
    ])))]
    pub prefix: Option<String>,

    /// Secret with the git credential: `ssh-privatekey` (and optionally `known_hosts`), or `username` and `password`, or `token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_secret_ref: Option<SecretRef>,

    /// How often the remote is asked whether the branch moved, as a duration. 5s when not given, 1s for a repository on a local
    /// path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_interval: Option<DurationText>,

    /// Where the issue file is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,

    /// Leaves everything as it is: nothing is fetched and nothing written until it is false again.
    pub suspend: bool,

    /// Whose rules decide which issues are ready: the tracker's version that the repository's people use.
    pub ready_profile: ReadyProfile,

    /// How long closed issues stay mirrored after they were closed, as a duration. For ever when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_retention: Option<DurationText>,

    /// Guards against a commit that loses issues.
    pub prune: Prune,

    /// What becomes of the ConfigMaps when this BeadStore is deleted.
    pub deletion_policy: DeletionPolicy,

    /// What is committed to the issue file of what Polecats do with its issues. What comes within a second is one commit, and a
    /// controller leaves five seconds between two.
    pub write_back: WriteBack,

    /// Lets the forge say that somebody pushed, so that it shows at once and not after `syncInterval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
}

/// The forge calls `POST /webhook/<namespace>/<name of the BeadStore>` at the controller's `--webhook-listen`.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// Secret with the key `token`: what the forge signs its calls with. A call that is not signed with it does nothing.
    pub secret_ref: SecretRef,
}

/// What is committed to the issue file. Only the records that it is about are changed, by the rules of the tracker's import.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct WriteBack {
    /// Whether Polecats claim their issues in git, close them there, both or neither.
    pub mode: WriteBackMode,
    /// Who commits. `beadlet` with the controller's `--author-email` when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<CommitAuthor>,
    /// A branch to write to that is not the one that is read. It is beadlet's alone: always one commit after the tip of
    /// `source.branch`, with all that is not merged there yet, moved by force. Somebody else merges it; until then the ConfigMaps
    /// show what is merged. It says what the Polecats say: merge it before their records go (`dispatch.retention` of the Rig, for
    /// beads that are not ready any more). A branch with a commit of somebody else is not touched.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^[a-zA-Z0-9._/-]+$') && !self.startsWith('refs/')",
         "a branch name holds letters, digits, '.', '_', '/' and '-', and no refs/heads/"),
    ])))]
    pub branch: Option<String>,
    /// Key of a Secret with the private ssh key that signs the commits: OpenSSH's form without a passphrase, ed25519 or ECDSA
    /// (nistp256, nistp384). Commits are not signed when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing_key_secret_ref: Option<SecretKeyRef>,
}

/// None: nothing. Claim: an issue that a Polecat works on gets status `in_progress` and the Polecat as assignee
/// (`<rig>/polecats/<polecat>`), and is given back with a comment when the Polecat fails. Close: an issue whose work is done is closed, and a
/// convoy whose issues are all closed.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteBackMode {
    #[default]
    None,
    Claim,
    Close,
    ClaimAndClose,
}

/// The author and committer of a commit.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
pub struct CommitAuthor {
    /// As it stands in the log.
    #[schemars(length(min = 1, max = 255))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("!self.matches('[<>\\n]')", "a name holds no '<', '>' or line end"),
    ])))]
    pub name: String,
    /// Address of the author.
    #[schemars(length(min = 1, max = 255))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^[^<>\\\\s]+$')", "an e-mail address holds no '<', '>' or space"),
    ])))]
    pub email: String,
}

/// The issue file in git.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Source {
    /// Address of the repository: https, http, ssh, `user@host:path`, or an absolute path that the controller can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.matches('^(https?://|ssh://|git://|file://|/|[A-Za-z0-9._-]+@[A-Za-z0-9._-]+:).+$')",
         "not an address of a git repository: use https://, ssh://, user@host:path or an absolute path"),
    ])))]
    pub url: Option<String>,

    /// The branch. When not given: `sync-branch` of the tracker's config.yaml, else `beads-sync`, else the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub branch: Option<String>,

    /// The file in the repository. When not given: `.beads/issues.jsonl`, else `.beads/beads.jsonl`, else `.beads/export.jsonl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("!self.startsWith('/') && !self.contains('..')",
         "a path inside the repository: no leading '/', no '..'"),
    ])))]
    pub path: Option<String>,

    /// How many commits are fetched; 0 fetches all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub depth: Option<i32>,

    /// ConfigMap with the key `known_hosts`: the only host keys that are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_known_hosts_config_map_ref: Option<ConfigMapRef>,

    /// ConfigMap with the key `ca.crt`: certificate authorities that are believed beside the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_bundle_config_map_ref: Option<ConfigMapRef>,

    /// Address of an HTTP proxy for https and http repositories.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = schema::rules(&[
        ("self.startsWith('http://') || self.startsWith('https://')",
         "a proxy address starts with http:// or https://"),
    ])))]
    pub proxy: Option<String>,
}

/// The limit of what one commit may delete without being asked.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct Prune {
    /// A commit that would delete more than this share of the issues (and more than 10) waits for the annotation
    /// `gastown.gastown.io/allow-delete` with the commit id. 100 lets everything through.
    #[schemars(range(min = 0, max = 100))]
    pub max_delete_percent: i32,
}

impl Default for Prune {
    fn default() -> Self {
        Self {
            max_delete_percent: 20,
        }
    }
}

/// The tracker whose READY rules hold.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadyProfile {
    #[default]
    #[serde(rename = "bd-1.1")]
    Bd11,
    #[serde(rename = "bd-1.0.5")]
    Bd105,
    #[serde(rename = "bd-0.49")]
    Bd049,
    #[serde(rename = "br-0.1")]
    Br01,
}

/// What becomes of a deleted BeadStore's ConfigMaps.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    #[default]
    Delete,
    Orphan,
}

/// What the mirror last saw and did.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default)]
pub struct BeadStoreStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<BeadStorePhase>,
    /// Issues in the mirror.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issue_count: Option<i64>,
    /// End of the last pass that went well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sync_time: Option<Time>,
    /// Ready, Reconciling and Stalled follow kstatus.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The commit that the ConfigMaps show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When that commit was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_time: Option<Time>,
    /// The branch that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The file that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// From seeing the commit until its last ConfigMap was written, as a duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lag: Option<DurationText>,
    /// Ready issues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_count: Option<i64>,
    /// Issues by status.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, i64>,
    /// Lines of the file that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_count: Option<i64>,
    /// The first of them, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rejected_lines: Vec<RejectedLine>,
    /// The last commit that was made to the issue file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_back: Option<WriteBackStatus>,
    /// The value of the annotation `gastown.gastown.io/sync-requested-at` that was last acted upon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_sync_request: Option<String>,
}

/// A commit that was made to the issue file.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct WriteBackStatus {
    /// Its id.
    pub commit: String,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// A line that could not be read, and why.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
pub struct RejectedLine {
    /// 1-based.
    pub line: i64,
    pub message: String,
}

#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeadStorePhase {
    Pending,
    Synced,
    Error,
}
