//! The kinds of `gastown.gastown.io/v1alpha1`, the source of the CRDs in `deploy/crds`.
//!
//! A superset of what gastown-operator 0.4.2 users have: every field, enum value and column of theirs is here with the same meaning.
//! Fields that a Rig's template may give have no default in the schema, because a default written into every Polecat would hide
//! the template; what holds when nobody says anything stands in the field's description.
//!
//! All fields of a `spec` are optional in Rust even where the schema requires them: an object from an older CRD, or one whose field
//! an administrator took out of the CRD, must not make a whole list unreadable.
//!
//! Witness and Refinery are left out until a controller does something with them.

#![expect(
    clippy::duplicated_attributes,
    reason = "printer columns of the same type are no duplicates"
)]

mod beadstore;
mod convoy;
mod duration;
mod kept;
mod polecat;
mod refs;
mod rig;
mod schema;
mod template;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

pub use beadstore::{
    BeadStore, BeadStorePhase, BeadStoreSpec, BeadStoreStatus, CommitAuthor, DeletionPolicy, Prune,
    ReadyProfile, RejectedLine, Source, Webhook, WriteBack, WriteBackMode, WriteBackStatus,
};
pub use convoy::{Convoy, ConvoyPhase, ConvoySpec, ConvoyStatus};
pub use duration::{DurationText, NotADuration};
pub use kept::lost;
pub use polecat::{
    DesiredState, ExecutionMode, FailureClass, Polecat, PolecatPhase, PolecatResult, PolecatSpec,
    PolecatStatus,
};
pub use refs::{ConfigMapRef, SecretKeyRef, SecretRef};
pub use rig::{
    Backoff, Dispatch, Rig, RigPhase, RigSettings, RigSpec, RigStatus, WaitReason, Waiting, Window,
};
pub use template::{
    Agent, AgentConfig, Claim, HostKeyChecking, Kubernetes, ModelProvider, PolecatTemplate,
    PolecatTemplateSpec, Provider, TemplateMetadata, Workspace,
};

/// The API group of all kinds.
pub const GROUP: &str = "gastown.gastown.io";
/// The version of all kinds.
pub const VERSION: &str = "v1alpha1";

/// The CRDs, in the order in which they are best installed.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    [BeadStore::crd(), Rig::crd(), Polecat::crd(), Convoy::crd()]
        .into_iter()
        .map(schema::finished)
        .collect()
}

/// The file of `deploy/crds` that holds `crd`.
#[must_use]
pub fn file_name(crd: &CustomResourceDefinition) -> String {
    format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural)
}

#[cfg(test)]
mod tests;
