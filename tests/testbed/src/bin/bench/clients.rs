//! Other ways to bring the same ConfigMaps into a cluster.

mod create;
mod kubectl;

pub(crate) use create::create;
pub(crate) use kubectl::Kubectl;
