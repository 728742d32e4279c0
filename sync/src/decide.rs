//! What is decided without a clock, a repository or a cluster.

pub mod beadstore;
pub mod branch;
pub mod by_hand;
pub mod conclude;
pub mod errand;
pub mod farewell;
pub mod guard;
pub mod observed;
pub mod pace;
pub mod path;
pub mod plan;
pub mod revision;
pub mod store_status;
pub mod suspicion;
pub mod writeback;
