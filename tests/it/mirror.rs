//! The mirror, from a commit to the ConfigMaps of a real control plane.

mod drift;
mod guard;
mod sync;
mod town;
mod trouble;
