//! What becomes of the ConfigMaps of a BeadStore that is deleted.

use beadlet_store::kinds::{BeadStoreSpec, DeletionPolicy};

/// What is done before a BeadStore may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Farewell {
    /// Nothing: the garbage collector removes what the BeadStore owns.
    TakeBeads,
    /// It is taken off the owners of its ConfigMaps.
    LeaveBeads,
}

/// Goes by the policy that the BeadStore has when it is deleted.
#[must_use]
pub fn farewell(spec: &BeadStoreSpec) -> Farewell {
    match spec.deletion_policy {
        DeletionPolicy::Delete => Farewell::TakeBeads,
        DeletionPolicy::Orphan => Farewell::LeaveBeads,
    }
}
