//! The words of the domain (issue, readiness, convoy, labels, kinds) and the cluster as the place that holds them.
//!
//! Everything but [`cluster`] decides: values in, values out, no client, no clock, no I/O.

pub mod claim;
pub mod cluster;
pub mod configmap;
pub mod convoy;
pub mod edit;
pub mod issue;
pub mod keys;
pub mod kinds;
pub mod name;
pub mod reader;
pub mod ready;
pub mod trace;
pub mod tracker;
