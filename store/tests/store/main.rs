//! Tests of the crate as others use it: on the shared inputs, on arbitrary ones, and on hand-written fixtures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod conformance;
mod fuzz;
mod properties;
mod reading;
mod ready;
mod render;

use std::path::{Path, PathBuf};

/// A path among the shared inputs, which lie beside the repository.
fn shared(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(path)
}

/// A path among the repository's own fixtures.
fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fixtures")
        .join(path)
}
