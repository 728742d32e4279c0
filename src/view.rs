//! What is printed: rows and texts, made from values. Nothing here reads the world, a clock or an environment variable.

pub mod age;
pub mod changes;
pub mod check;
pub mod describe;
pub mod issues;
pub mod json;
pub mod manifest;
pub mod node;
pub mod paint;
pub mod status;
pub mod table;
pub mod text;
pub mod why;
