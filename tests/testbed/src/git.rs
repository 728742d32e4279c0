//! Throw-away git repositories, and servers for them.

mod cgi;
pub mod change;
pub mod connect;
pub mod http;
pub mod repo;
pub mod ssh;

pub use connect::ConnectProxy;
pub use http::GitHttp;
pub use repo::GitRepo;
pub use ssh::GitSsh;
