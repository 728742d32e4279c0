//! Where the project is and how to get there, from the settings and the mounted files.

use std::io;
use std::path::{Path, PathBuf};

use beadlet_git::{
    Access, CaBundle, GitUrl, KnownHosts, Place as Where, Proxy, Scheme, SettingsError, UrlError,
    known_hosts,
};

use tokio_util::sync::CancellationToken;

use crate::args::ProjectArgs;
use crate::branches::{BranchError, Branches, Guard};
use crate::credential::{Credential, CredentialError, Files, Speech, credential, telltales};
use crate::server::{Patience, Server};

/// A file of a Secret is small.
const SECRET_LIMIT: usize = 1 << 20;

/// The project's repository.
pub(crate) struct Place {
    pub(crate) url: GitUrl,
    pub(crate) branches: Branches,
    pub(crate) server: Server,
    /// Parts of the credential that must not be in anything that is pushed.
    pub(crate) telltales: Vec<Vec<u8>>,
}

/// Why the settings do not lead to a repository.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("cannot use the repository's address")]
    Url(#[from] UrlError),
    #[error(transparent)]
    Branch(#[from] BranchError),
    #[error("cannot read {}", .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Credential(#[from] CredentialError),
    #[error("cannot use the settings for git")]
    Settings(#[from] SettingsError),
}

/// The place for these settings. Reads files, touches no network.
pub(crate) fn place(args: &ProjectArgs, unwanted: &CancellationToken) -> Result<Place, PlaceError> {
    let url: GitUrl = args.repository.parse()?;
    let guard = if args.allow_base_branch {
        Guard::Off
    } else {
        Guard::On
    };
    let branches = Branches::new(&args.branch, &args.work_branch, &args.polecat, guard)?;
    let files = args
        .git_secret
        .as_deref()
        .map(secret)
        .transpose()?
        .unwrap_or_default();
    let access = access(&url, args, &files)?;
    let patience = Patience {
        silence: args.git_timeout,
        total: args.git_total_timeout,
        unwanted: unwanted.clone(),
    };
    let server = Server::new(&url, access, patience)?;
    Ok(Place {
        url,
        branches,
        server,
        telltales: telltales(&files),
    })
}

fn access(url: &GitUrl, args: &ProjectArgs, files: &Files) -> Result<Access, PlaceError> {
    let speech = match url.place() {
        Where::Remote(url) if url.scheme == Scheme::Ssh => Speech::Ssh,
        Where::Remote(_) => Speech::Http,
        Where::Local(_) => return Ok(Access::default()),
    };
    let Credential {
        auth,
        known_hosts,
        ca,
    } = credential(files, speech)?;
    let known_hosts = match &args.known_hosts_file {
        Some(path) => Some(read(path)?),
        None => known_hosts,
    };
    Ok(Access {
        auth,
        known_hosts: known_hosts.as_deref().map(hosts).unwrap_or_default(),
        ca_bundle: args
            .ca_file
            .as_deref()
            .map(read)
            .transpose()?
            .or(ca)
            .map(|pem| CaBundle::parse(&pem))
            .transpose()?,
        proxy: proxy(args.proxy.as_deref())?,
    })
}

fn hosts(text: &[u8]) -> KnownHosts {
    let (hosts, rejected) = known_hosts::parse(text);
    for line in rejected {
        tracing::warn!(line = line.line, reason = %line.error, "known hosts line cannot be used");
    }
    hosts
}

fn proxy(given: Option<&str>) -> Result<Proxy, PlaceError> {
    match given {
        None => Ok(Proxy::Environment),
        Some("none") => Ok(Proxy::None),
        Some(url) => Ok(Proxy::Url(url.parse()?)),
    }
}

/// The files of a mounted Secret, whose own bookkeeping starts with `..`.
fn secret(folder: &Path) -> Result<Files, PlaceError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PlaceError::File { path, source }
    };
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if !name.starts_with("..") && path.is_file() {
            files.insert(name, read(&path)?);
        }
    }
    Ok(files)
}

fn read(path: &Path) -> Result<Vec<u8>, PlaceError> {
    let failed = |source| PlaceError::File {
        path: path.to_owned(),
        source,
    };
    let real = path.canonicalize().map_err(failed)?;
    beadlet_supervise::files::read(&real, SECRET_LIMIT)
        .map(Option::unwrap_or_default)
        .map_err(failed)
}
