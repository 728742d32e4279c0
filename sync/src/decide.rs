//! What is decided without a clock, a repository or a cluster.

pub mod branch;
pub mod path;
