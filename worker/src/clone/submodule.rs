//! Submodules: each a repository of its own, at the commit that the project names.

use git2::build::CheckoutBuilder;
use git2::{Oid, Repository, Submodule};

use crate::server::{Server, ServerError, SiblingError};
use crate::sparse::Sparse;

/// Submodules of submodules beyond this are taken for a circle.
const DEEPEST: usize = 10;

/// Why a submodule could not be brought.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubmoduleError {
    #[error("the submodule {path} cannot be read")]
    Read { path: String, source: git2::Error },
    #[error("the submodule {path} is not usable")]
    Address { path: String, source: SiblingError },
    #[error("cannot clone the submodule {path}")]
    Server { path: String, source: ServerError },
    #[error("the submodule {path} is the {DEEPEST}th inside another")]
    TooDeep { path: String },
}

/// Brings all submodules of the checked-out commit, and theirs.
pub(super) fn bring(
    repository: &Repository,
    server: &Server,
    sparse: &Sparse,
    depth: u32,
) -> Result<(), SubmoduleError> {
    bring_level(repository, server, sparse, depth, DEEPEST)
}

fn bring_level(
    repository: &Repository,
    server: &Server,
    sparse: &Sparse,
    depth: u32,
    levels: usize,
) -> Result<(), SubmoduleError> {
    let submodules = repository
        .submodules()
        .map_err(|source| SubmoduleError::Read {
            path: ".gitmodules".to_owned(),
            source,
        })?;
    for mut submodule in submodules {
        let path = submodule.path().display().to_string();
        let Some(commit) = submodule.index_id().filter(|_| sparse.contains(&path)) else {
            continue;
        };
        if levels == 0 {
            return Err(SubmoduleError::TooDeep { path });
        }
        let read = |source| SubmoduleError::Read {
            path: path.clone(),
            source,
        };
        let url = address(repository, &mut submodule).map_err(read)?;
        let server = server
            .sibling(&url)
            .map_err(|source| SubmoduleError::Address {
                path: path.clone(),
                source,
            })?;
        let inner = submodule.repo_init(true).map_err(read)?;
        fetch(&inner, &server, commit, depth).map_err(|source| SubmoduleError::Server {
            path: path.clone(),
            source,
        })?;
        check_out(&inner, commit).map_err(read)?;
        bring_level(&inner, &server, &Sparse::default(), depth, levels - 1)?;
    }
    Ok(())
}

/// The address, where it is relative made absolute by that of the repository around it.
fn address(repository: &Repository, submodule: &mut Submodule<'_>) -> Result<String, git2::Error> {
    submodule.init(true)?;
    let name = String::from_utf8_lossy(submodule.name_bytes()).into_owned();
    repository
        .config()?
        .get_string(&format!("submodule.{name}.url"))
}

/// Asks for the one commit, which a server need not allow, else for everything.
fn fetch(into: &Repository, server: &Server, commit: Oid, depth: u32) -> Result<(), ServerError> {
    let one = server.fetch(
        into,
        &[format!("{commit}:refs/remotes/origin/pinned")],
        depth,
    );
    if one.is_ok() && into.find_commit(commit).is_ok() {
        return Ok(());
    }
    server.fetch(into, &["+refs/heads/*:refs/remotes/origin/*".to_owned()], 0)
}

fn check_out(repository: &Repository, commit: Oid) -> Result<(), git2::Error> {
    repository.set_head_detached(commit)?;
    repository.checkout_head(Some(CheckoutBuilder::new().force()))
}
