//! Ready issues to Polecats, Polecats to Jobs, Jobs to status, convoys.
//!
//! [`decide`] takes values and returns values; the rest reads the cluster, asks it, and applies the answer. [`run()`] is the whole.

mod ask;
mod clock;
mod context;
mod convoy;
pub mod decide;
pub mod fault;
mod latest;
mod lease;
pub mod observations;
mod polecat;
mod release;
mod rig;
mod run;
pub mod settings;
mod tell;
pub mod term;
mod together;
mod trigger;
mod watch;
mod watches;
mod wire;
mod world;

pub use release::release;
pub use run::{RunError, elected, lead, run};
