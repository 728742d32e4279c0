//! The Helm chart: what it renders is taken by the API server, what its values do, and that its alerts ask for what there is.

pub(crate) mod helm;
mod manifests;
mod monitoring;
mod server;
mod table;
mod values;
