//! The program: arguments, wiring, HTTP endpoints and the commands that need no cluster.

pub mod board;
pub mod cache;
pub mod changes;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod command;
pub mod dispatch;
pub mod http;
pub mod input;
pub mod log;
pub mod metrics;
pub mod plugin;
pub mod reasons;
pub mod selector;
pub mod settings;
pub mod signals;
pub mod source;
pub mod telemetry;
pub mod terminal;
pub mod there;
pub mod view;
pub mod webhook;
