//! A real control plane and real git servers for the tests, the demo and the benchmarks.
//!
//! [`Testbed`] is etcd, kube-apiserver and kube-controller-manager, built from the Go modules under `go/`. It is kept by
//! the program `testbed` ([`supervisor`]), so that everything it started ends with the process that asked for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is test code: a panic with a sentence is how a test fails"
)]

pub mod audit;
pub mod collector;
pub mod control_plane;
pub mod daemon;
pub mod fault;
pub mod forge;
pub mod git;
pub mod images;
pub mod kinds;
pub mod kubelet;
pub mod namespace;
pub mod node;
pub mod pki;
pub mod process;
pub mod program;
pub mod supervisor;
pub mod testbed;
pub mod tools;
pub mod town;
pub mod usage;
pub mod wait;
pub mod watching;

mod server;
mod state;

pub use audit::{Audit, JobHistory, Mark, Request, Requests};
pub use fault::{Fault, FaultProxy, On};
pub use git::GitRepo;
pub use namespace::Namespace;
pub use program::{Program, Running};
pub use testbed::{Testbed, User};
pub use wait::eventually;
