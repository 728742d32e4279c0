//! What runs inside a Polecat's pod beside the agent: `clone` brings the repository, `push` takes the work back.
//!
//! There is no Kubernetes client in here and no shell. What the agent leaves behind is not trusted: see [`push`].

mod args;
pub mod branches;
pub mod clone;
pub mod credential;
pub mod elf;
mod ended;
mod history;
mod place;
pub mod push;
mod server;
pub mod sparse;
mod state;
mod stop;

pub use args::{CloneArgs, ProjectArgs, PushArgs};
pub use clone::clone;
pub use push::push;
