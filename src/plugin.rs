//! `kubectl bead`: the same program under the name `kubectl-bead`. Looks at the beads and polecats of a cluster, and acts on them.

mod act;
mod ask;
pub mod cli;
pub mod decide;
mod read;
mod record;

use std::io;
use std::path::Path;

use kube::{Client, ResourceExt};

use crate::cluster::{ClusterError, Connection, connect};
use crate::view::json::FormError;
use cli::{Cli, Command, ConvoyCommand, KubectlArgs, ScopeArgs};
use decide::request::Refusal;
use decide::town::{Town, Unfound};

pub use read::ReadError;
pub use record::RecordError;

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Unfound(#[from] Unfound),
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(transparent)]
    Record(#[from] Box<RecordError>),
    #[error("cannot {what}: {}", read::words(.source))]
    Write {
        what: &'static str,
        source: Box<kube::Error>,
    },
    #[error("cannot print the answer")]
    Form(#[from] FormError),
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl From<RecordError> for PluginError {
    fn from(error: RecordError) -> Self {
        Self::Record(Box::new(error))
    }
}

impl PluginError {
    fn write(what: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Write {
            what,
            source: Box::new(source),
        }
    }
}

/// Where a person sits: a cluster, and a namespace of it.
struct Seat {
    client: Client,
    namespace: String,
}

impl Seat {
    async fn at(cluster: &KubectlArgs) -> Result<Self, ClusterError> {
        let Connection { client, namespace } = connect(&cluster.to_cluster_args()).await?;
        Ok(Self { client, namespace })
    }

    /// The one namespace that is looked at; `None` for all.
    fn scope(&self, args: ScopeArgs) -> Option<&str> {
        (!args.all_namespaces).then_some(self.namespace.as_str())
    }

    async fn town(&self, args: ScopeArgs) -> Result<Town, ReadError> {
        read::town(&self.client, self.scope(args)).await
    }
}

/// An object's name as kubectl takes it.
fn name_of<K: ResourceExt<DynamicType = ()>>(object: &K) -> String {
    let kind = K::kind(&()).to_lowercase();
    format!("{kind}.{}/{}", K::group(&()), object.name_any())
}

/// Whether the program was started as the plugin: kubectl looks for a program of this name.
#[must_use]
pub fn is_asked(program: Option<&Path>) -> bool {
    program
        .and_then(Path::file_stem)
        .is_some_and(|name| name == "kubectl-bead" || name == "kubectl_bead")
}

/// Does what the arguments ask.
///
/// # Errors
/// When it cannot be done.
pub async fn run(cli: Cli) -> Result<(), PluginError> {
    let Cli { cluster, command } = &cli;
    let seat = || Seat::at(cluster);
    match command {
        Command::List(args) => ask::list(&seat().await?, args).await,
        Command::Ready(args) => ask::ready(&seat().await?, args).await,
        Command::Why(args) => ask::why(&seat().await?, args).await,
        Command::Show(args) => ask::show(&seat().await?, args).await,
        Command::Queue(args) => ask::queue(&seat().await?, args).await,
        Command::Sling(args) => act::sling(&seat().await?, args).await,
        Command::Retry(args) => act::retry(&seat().await?, args).await,
        Command::Stop(args) => act::stop(&seat().await?, args).await,
        Command::Convoy { command } => match command {
            ConvoyCommand::Create(args) => act::create_convoy(&seat().await?, args).await,
            ConvoyCommand::List(args) => ask::convoys(&seat().await?, args).await,
            ConvoyCommand::Status(args) => ask::convoy(&seat().await?, args).await,
        },
        // It holds a whole conversation with a git server.
        Command::Record(command) => Box::pin(record::run(cluster, command)).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugin_is_asked_for_by_the_name_of_the_program() {
        let is_asked = |name: &str| is_asked(Some(Path::new(name)));
        assert!(is_asked("/home/person/bin/kubectl-bead") && is_asked("kubectl_bead"));
        assert!(!is_asked("/usr/bin/beadlet") && !is_asked("kubectl-beads"));
    }
}
