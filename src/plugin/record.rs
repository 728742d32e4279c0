//! The commands that write into the issue file: through a BeadStore's own address and credential, read with the rights of whoever calls, or in a
//! clone on this machine.

use std::path::{Path, PathBuf};

use beadlet_store::issue::IssueId;
use beadlet_store::keys::label;
use beadlet_store::kinds::{BeadStore, WriteBack};
use beadlet_store::name::configmap_name;
use beadlet_store::ready::Profile;
use beadlet_sync::by_hand::{Desk, HandError};
use beadlet_sync::controller::Error as ControlError;
use beadlet_sync::decide::beadstore::{Given, LocalRepositories, Wrong, settings};
use beadlet_sync::git::{Author, GitUrl, Onto, Repository, Source, UrlError, identity};
use beadlet_sync::inputs::{inputs, rig};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use tempfile::TempDir;

use super::cli::record::BookArgs;
use super::cli::{KubectlArgs, RecordCommand};
use super::decide::record::{Errand, NotTried, answer, errand, store};
use super::{PluginError, Seat, read};
use crate::terminal;

/// Why the issue file could not be written to.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error(transparent)]
    NotTried(#[from] NotTried),
    #[error("{} is no path of a repository", path.display())]
    Path { path: PathBuf, source: UrlError },
    #[error("cannot ask the cluster for what BeadStore {name} refers to")]
    Cluster { name: String, source: ControlError },
    #[error(
        "you may not read the {kind} {name}, with which the repository is reached: ask for `get` on it, or use a clone of your own with --repo"
    )]
    Forbidden { kind: &'static str, name: String },
    #[error(
        "the repository of BeadStore {name} is a path on the controller's disk: use --repo there"
    )]
    Elsewhere { name: String },
    #[error("BeadStore {name} cannot be used")]
    Store { name: String, source: Wrong },
    #[error("no folder can be made for a clone")]
    Folder { source: std::io::Error },
    #[error(transparent)]
    Hand(#[from] HandError),
}

/// Where the file is reached, and what has to be there for as long.
struct Book {
    desk: Desk,
    _clones: Option<TempDir>,
}

/// Carries out a command and says what came of it.
pub(super) async fn run(cluster: &KubectlArgs, command: &RecordCommand) -> Result<(), PluginError> {
    let errand = errand(command).map_err(RecordError::from)?;
    let mut book = match &errand.book.repo {
        Some(path) => in_clone(path, &errand)?,
        None => in_cluster(&Seat::at(cluster).await?, &errand).await?,
    };
    let written = book.desk.carry_out(&errand.request).await;
    let written = written.map_err(RecordError::from)?;
    let text = answer(&written, errand.verb, errand.book.output)?;
    terminal::print(&text)?;
    Ok(())
}

fn in_clone(path: &Path, errand: &Errand<'_>) -> Result<Book, RecordError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let url: GitUrl = path
        .to_string_lossy()
        .parse()
        .map_err(|source| RecordError::Path {
            path: path.clone(),
            source,
        })?;
    let source = Source {
        branch: errand.book.branch.clone(),
        ..Source::new(url, PathBuf::new())
    };
    let author = author(errand.book, Some(&path), None)?;
    Ok(Book {
        desk: Desk {
            repository: Repository::open(source),
            actor: actor(errand.book, &author),
            author,
            profile: Profile::default(),
            prefix: errand.prefix.map(str::to_owned),
            onto: Onto::Checkout,
        },
        _clones: None,
    })
}

async fn in_cluster(seat: &Seat, errand: &Errand<'_>) -> Result<Book, PluginError> {
    let stores: Api<BeadStore> = Api::namespaced(seat.client.clone(), &seat.namespace);
    let stores = read::listed(stores.list(&ListParams::default()).await, "BeadStores")?;
    let of_bead = match (errand.bead, stores.len()) {
        (Some(id), 2..) if errand.book.store.is_none() => mirrored_by(seat, id).await?,
        _ => None,
    };
    let named = errand.book.store.as_deref();
    let store = store(&stores, &seat.namespace, named, of_bead.as_deref());
    Ok(at(seat, store.map_err(RecordError::from)?, errand).await?)
}

/// The BeadStore that mirrors a bead.
async fn mirrored_by(seat: &Seat, id: &str) -> Result<Option<String>, PluginError> {
    let Some(id) = IssueId::new(id) else {
        return Ok(None);
    };
    let api: Api<ConfigMap> = Api::namespaced(seat.client.clone(), &seat.namespace);
    let found = read::read(
        api.get_opt(&configmap_name(&id)).await,
        "the bead's ConfigMap",
    )?;
    Ok(found.and_then(|configmap| configmap.labels().get(label::STORE).cloned()))
}

/// The desk of a BeadStore.
async fn at(seat: &Seat, store: &BeadStore, errand: &Errand<'_>) -> Result<Book, RecordError> {
    let name = store.name_any();
    let asked = |source| RecordError::Cluster {
        name: name.clone(),
        source,
    };
    let author = author(errand.book, None, store.spec.write_back.author.as_ref())?;
    // What the controller writes and signs with is no business of a person.
    let mut store = store.clone();
    store.spec.write_back = WriteBack::default();
    let source = store.spec.source.as_ref();
    if source.is_some_and(|source| source.url.is_some()) {
        // It says all itself: who may not read its Rig need not.
        store.spec.rig_ref = None;
    }
    let rig = rig(&seat.client, &store).await.map_err(asked)?;
    let wrong = |source| match source {
        Wrong::Forbidden { kind, name } => RecordError::Forbidden { kind, name },
        Wrong::LocalPath(_) => RecordError::Elsewhere { name: name.clone() },
        source => RecordError::Store {
            name: name.clone(),
            source,
        },
    };
    let inputs = inputs(&seat.client, &store).await.map_err(asked)?;
    let inputs = inputs.map_err(wrong)?;
    let clones = tempfile::tempdir().map_err(|source| RecordError::Folder { source })?;
    let given = Given {
        store: &store,
        rig: rig.as_ref(),
        inputs: &inputs,
        clones: clones.path(),
        local_repositories: LocalRepositories::Refused,
    };
    let settings = settings(given).map_err(wrong)?;
    let prefix = errand.prefix.or(store.spec.prefix.as_deref());
    Ok(Book {
        desk: Desk {
            repository: Repository::open(settings.source),
            actor: actor(errand.book, &author),
            author,
            profile: settings.scope.profile,
            prefix: prefix.map(str::to_owned),
            onto: Onto::Branch,
        },
        _clones: Some(clones),
    })
}

/// Who commits: as the arguments say, else git's own variables and settings, else the BeadStore.
fn author(
    args: &BookArgs,
    repository: Option<&Path>,
    of_store: Option<&beadlet_store::kinds::CommitAuthor>,
) -> Result<Author, NotTried> {
    let author = |(name, email): (String, String)| Author { name, email };
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let of_environment = || variable("GIT_AUTHOR_NAME").zip(variable("GIT_AUTHOR_EMAIL"));
    let of_store = || of_store.map(|found| (found.name.clone(), found.email.clone()));
    let said = args.author.clone().or_else(of_environment).map(author);
    said.or_else(|| identity(repository))
        .or_else(|| of_store().map(author))
        .ok_or(NotTried::Nobody)
}

fn actor(args: &BookArgs, author: &Author) -> String {
    let actor = args.actor.clone().filter(|actor| !actor.is_empty());
    actor.unwrap_or_else(|| author.name.clone())
}
