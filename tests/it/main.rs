//! The integration tests: against a real control plane, real repositories and the real program. One file a subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod chart;
mod cli;
mod cli_arguments;
mod cli_check;
mod cli_diff;
mod cli_offline;
mod cli_ready;
mod cli_reference;
mod cli_render;
mod cli_repository;
mod cli_sync;
mod crds;
mod demo;
mod deploy_polecats;
mod deploy_sync;
mod events;
mod faults;
mod fields;
mod fuzz;
mod git;
mod mirror;
mod pod;
mod release;
mod scheduler_cluster;
mod scheduler_convoy;
mod scheduler_crd;
mod scheduler_git;
mod scheduler_history;
mod scheduler_kueue;
mod scheduler_limit;
mod scheduler_plugin;
mod scheduler_program;
mod scheduler_refused;
mod scheduler_rights;
mod scheduler_store;
mod scheduler_story;
mod scheduler_town;
mod scheduler_trouble;
mod testbed;
mod traces;
mod tree;
mod webhook;
mod worker;
mod writeback;
