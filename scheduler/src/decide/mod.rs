//! What is to be done, computed from what was seen: no client, no clock, no I/O.

pub mod alias;
pub mod attempt;
pub mod batch;
pub mod bead;
pub mod claim;
pub mod condition;
pub mod contract;
pub mod convoy;
pub mod dispatch;
pub mod fate;
#[cfg(test)]
#[allow(
    clippy::needless_pass_by_value,
    reason = "tests read better with values"
)]
mod fixture;
pub mod job;
pub mod lifecycle;
pub mod name;
pub mod newborn;
pub mod order;
pub mod outcome;
pub mod pod;
pub mod policy;
pub mod prune;
pub mod retry;
pub mod revision;
pub mod rig_status;
pub mod route;
pub mod scope;
pub mod slot;
pub mod spans;
pub mod story;
pub mod verdict;
pub mod window;
