//! Ready issues to Polecats, Polecats to Jobs, Jobs to status, convoys.
//!
//! [`decide`] takes values and returns values; the rest reads the cluster, asks it, and applies the answer.

pub mod decide;
