//! What `git-init` leaves for `git-push` where the agent cannot touch it.
//!
//! The agent owns the work tree and everything in its `.git`: hooks, configuration, remotes, refs. So `git-push` has a repository of its
//! own, with its own configuration and index, that takes nothing but objects from the agent's: those are named by their content.

use std::io;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryInitOptions};
use serde::{Deserialize, Serialize};

/// The record of a clone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cloned {
    pub(crate) base_branch: String,
    /// Where the base branch stood.
    pub(crate) base: String,
    pub(crate) work_branch: String,
    /// Where the work branch stood on the server, if it was there.
    pub(crate) earlier: Option<String>,
    /// The folders that were checked out; none: all.
    pub(crate) sparse: Vec<String>,
}

impl Cloned {
    /// Where the agent started from.
    pub(crate) fn start(&self) -> &str {
        self.earlier.as_deref().unwrap_or(&self.base)
    }
}

/// The folder of the state.
#[derive(Clone, Debug)]
pub(crate) struct State(PathBuf);

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("git-init did not finish: {} is missing", .0.display())]
    Missing(PathBuf),
    #[error("cannot use {}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot use {}", .path.display())]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("cannot use the repository in {}", .path.display())]
    Git { path: PathBuf, source: git2::Error },
}

impl State {
    pub(crate) fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn record(&self) -> PathBuf {
        self.0.join("clone.json")
    }

    fn repository(&self) -> PathBuf {
        self.0.join("git")
    }

    /// Takes over from the finished clone in `work_tree`: the record is written last, so that it is there only when all is.
    pub(crate) fn write(&self, cloned: &Cloned, work_tree: &Path) -> Result<(), StateError> {
        let io = |path: PathBuf| move |source| StateError::Io { path, source };
        std::fs::create_dir_all(&self.0).map_err(io(self.0.clone()))?;
        self.clear().map_err(io(self.0.clone()))?;
        let folder = self.repository();
        self.init().map_err(|source| StateError::Git {
            path: folder.clone(),
            source,
        })?;
        self.share(&work_tree.join(".git")).map_err(io(folder))?;
        let text = serde_json::to_vec(cloned).map_err(|source| StateError::Json {
            path: self.record(),
            source,
        })?;
        beadlet_supervise::files::write(&self.record(), &text).map_err(io(self.record()))
    }

    /// The record and the repository, with the agent's files as its work tree.
    pub(crate) fn read(&self, work_tree: &Path) -> Result<(Cloned, Repository), StateError> {
        let text = std::fs::read(self.record()).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StateError::Missing(self.record()),
            _ => StateError::Io {
                path: self.record(),
                source,
            },
        })?;
        let cloned = serde_json::from_slice(&text).map_err(|source| StateError::Json {
            path: self.record(),
            source,
        })?;
        let git = |source| StateError::Git {
            path: self.repository(),
            source,
        };
        let repository = Repository::open_bare(self.repository()).map_err(git)?;
        repository.set_workdir(work_tree, false).map_err(git)?;
        Ok((cloned, repository))
    }

    fn clear(&self) -> io::Result<()> {
        remove(&self.record())?;
        remove(&self.repository())
    }

    fn init(&self) -> Result<(), git2::Error> {
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).no_reinit(true);
        let repository = Repository::init_opts(self.repository(), &options)?;
        let mut config = repository.config()?;
        config.set_bool("core.filemode", true)?;
        config.set_bool("core.symlinks", true)?;
        // The agent's files go in as they are; only what .gitattributes asks for is done to them.
        config.set_str("core.autocrlf", "false")
    }

    /// Copies what says how the agent's repository stood before the agent.
    fn share(&self, git: &Path) -> io::Result<()> {
        let folder = self.repository();
        std::fs::copy(git.join("index"), folder.join("index"))?;
        if git.join("shallow").exists() {
            std::fs::copy(git.join("shallow"), folder.join("shallow"))?;
        }
        std::fs::create_dir_all(folder.join("objects/info"))?;
        std::fs::write(
            folder.join("objects/info/alternates"),
            format!("{}\n", git.join("objects").display()),
        )
    }
}

/// Removes a file or a folder with all that is in it. One that is not there is no error.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
