//! Throw-away git repositories, and servers for them.

pub mod repo;

pub use repo::GitRepo;
