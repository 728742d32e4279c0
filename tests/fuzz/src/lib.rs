//! What must hold for any bytes. `cargo fuzz` calls these, and so do ordinary tests, with the seeds and mutations of them.

pub mod known_hosts;
pub mod reader;
pub mod webhook;
