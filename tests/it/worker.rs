//! What runs inside a Polecat's pod: clone, supervise, push, as programs with real git servers and real processes as agents.

mod clone;
mod ending;
mod hostile;
mod parts;
mod pod;
mod push;
mod stopping;
pub(crate) mod supervisor;
mod work;
