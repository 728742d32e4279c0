//! The cluster as the place that holds the beads: list, watch, create, patch, delete, each guarded.
//!
//! [`Beads`] is the ConfigMaps of one store in one namespace. It speaks to the API server by plain requests, because it wants
//! less than a typed client gives (metadata only in the answers, no `managedFields`) and more (`Retry-After`).

mod beads;
mod events;
mod fault;
mod ownership;
mod patch;
mod stored;
mod transport;
mod watch;

pub use beads::{Beads, Cursor, Deleted, Page};
pub use events::{Chronicle, News};
pub use fault::{Fault, FaultReason, Verb};
pub use ownership::Ownership;
pub use stored::{Identity, OwnKey, Prior, ResourceVersion, Sighting, Stored, own_keys};
pub use watch::Seen;
