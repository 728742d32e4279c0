//! From git to the cluster and back.
//!
//! [`decide`] takes values and returns values; the other modules read the world, call it and apply the answer.

pub mod by_hand;
pub mod condition;
pub mod controller;
pub mod decide;
pub mod git;
pub mod inputs;
pub mod mirror;
pub mod observe;
pub mod report;
pub mod settings;
pub mod triggers;

mod apply;
mod chance;
mod drift;
mod ends;
#[cfg(test)]
mod fake;
mod pass;
mod state;
mod write;
mod writeback;
