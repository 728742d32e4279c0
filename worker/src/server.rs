//! The server that holds the project's repository.

mod far;
mod trouble;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use beadlet_git::{
    Access, Auth, GitUrl, Place, RemoteUrl, Scheme, Secret, SettingsError, UrlError, Wire,
    authorization,
};
use git2::{Direction, FetchOptions, Oid, PushOptions, Remote, RemoteCallbacks, Repository};
use tokio_util::sync::CancellationToken;

use far::Far;
pub(crate) use trouble::{ServerError, Trouble};
use trouble::{by_cause, by_code};

/// The branches of a repository on a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refs {
    /// The branch that HEAD names.
    pub(crate) default: Option<String>,
    /// Tips by the branches' short names.
    pub(crate) branches: BTreeMap<String, Oid>,
}

/// How a server took a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Accepted,
    /// The branch has commits that ours does not come after.
    Moved,
    /// In the server's own words.
    Refused(String),
}

/// How long may be waited for a server.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// Without hearing from it.
    pub(crate) silence: Duration,
    /// For one exchange.
    pub(crate) total: Duration,
    /// Cancelled when the answer is not wanted any more.
    pub(crate) unwanted: CancellationToken,
}

/// A commit for a server, which is known to have one of its ancestors.
pub(crate) struct Delivery<'a> {
    pub(crate) repository: &'a Repository,
    /// Names `commit` in the repository.
    pub(crate) reference: &'a str,
    pub(crate) commit: Oid,
    /// The server has it, and all that it holds.
    pub(crate) known: Oid,
}

/// A repository to fetch from and push to.
pub(crate) enum Server {
    /// On this machine.
    Local(PathBuf),
    Remote(Box<Far>),
}

/// A header for every request to one server.
pub(crate) struct Pass {
    /// The top of the server.
    pub(crate) url: String,
    pub(crate) authorization: Option<Secret>,
}

/// Why a submodule's address cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiblingError {
    #[error("its address is none")]
    Url(#[from] UrlError),
    #[error("its address is a path, which means nothing on this machine")]
    Path,
    #[error("it cannot be reached with the settings of the project")]
    Settings(#[from] SettingsError),
}

impl Server {
    /// The server at `url`. Touches no network.
    ///
    /// # Errors
    /// When the credential is for another kind of server.
    pub(crate) fn new(
        url: &GitUrl,
        access: Access,
        patience: Patience,
    ) -> Result<Self, SettingsError> {
        Ok(match url.place() {
            Place::Local(path) => Self::Local(path.clone()),
            Place::Remote(url) => {
                let wire = Wire::new(&access, url)?;
                Self::Remote(Box::new(Far {
                    wire,
                    url: url.clone(),
                    access,
                    patience,
                }))
            }
        })
    }

    /// The server of a submodule. It gets the credential only if it is this very server.
    pub(crate) fn sibling(&self, url: &str) -> Result<Self, SiblingError> {
        let url: GitUrl = url.parse()?;
        match (self, url.place()) {
            (Self::Local(_), Place::Local(path)) => Ok(Self::Local(path.clone())),
            (Self::Remote(far), Place::Remote(there)) => {
                let mut access = far.access.clone();
                if !is_same_server(&far.url, there) {
                    access.auth = Auth::None;
                }
                Ok(Self::new(&url, access, far.patience.clone())?)
            }
            _ => Err(SiblingError::Path),
        }
    }

    /// What another program needs to be let in by this server; `None` where it would need a key for ssh.
    pub(crate) fn pass(&self) -> Option<Pass> {
        match self {
            Self::Local(_) => Some(Pass {
                url: String::new(),
                authorization: None,
            }),
            Self::Remote(far) if far.url.scheme == Scheme::Ssh => None,
            Self::Remote(far) => {
                let scheme = if far.url.scheme == Scheme::Https {
                    "https"
                } else {
                    "http"
                };
                let authorization = authorization(&far.access.auth, &far.url).ok()?;
                Some(Pass {
                    url: format!("{scheme}://{}/", far.url.authority()),
                    authorization,
                })
            }
        }
    }

    pub(crate) fn refs(&self) -> Result<Refs, ServerError> {
        self.talk(None, Direction::Fetch, |remote| {
            let mut refs = Refs::default();
            for head in remote.list()? {
                if let Some(branch) = head.name().strip_prefix("refs/heads/") {
                    refs.branches.insert(branch.to_owned(), head.oid());
                } else if head.name() == "HEAD" {
                    refs.default = head
                        .symref_target()
                        .and_then(|name| name.strip_prefix("refs/heads/"))
                        .map(str::to_owned);
                }
            }
            Ok(refs)
        })
    }

    /// Fetches `refspecs` with at most `depth` commits of history each; 0 is all. From this machine it is always all, as libgit2 has it.
    pub(crate) fn fetch(
        &self,
        into: &Repository,
        refspecs: &[String],
        depth: u32,
    ) -> Result<(), ServerError> {
        self.talk(Some(into), Direction::Fetch, |remote| {
            let mut options = FetchOptions::new();
            options
                .download_tags(git2::AutotagOption::None)
                .update_fetchhead(false);
            if matches!(self, Self::Remote(_)) {
                options.depth(i32::try_from(depth).unwrap_or(i32::MAX));
            }
            remote.fetch(refspecs, Some(&mut options), Some("clone"))
        })
    }

    /// Pushes what `delivery` holds to `branch`, where that is not there yet or stands at a commit that ours comes after.
    pub(crate) fn push(
        &self,
        delivery: &Delivery<'_>,
        branch: &str,
    ) -> Result<Pushed, ServerError> {
        let reference = format!("refs/heads/{branch}");
        match self {
            Self::Local(_) => self.push_here(delivery, &reference),
            Self::Remote(far) => far.push(delivery, &reference),
        }
    }

    /// By libgit2, which knows no better way to a folder of the same machine.
    fn push_here(&self, delivery: &Delivery<'_>, reference: &str) -> Result<Pushed, ServerError> {
        let mut refused = None;
        let pushed = self.talk(Some(delivery.repository), Direction::Push, |remote| {
            let mut callbacks = RemoteCallbacks::new();
            callbacks.push_update_reference(|_, words| {
                refused = words.map(str::to_owned);
                Ok(())
            });
            let mut options = PushOptions::new();
            options.remote_callbacks(callbacks);
            match remote.push(
                &[format!("{}:{reference}", delivery.reference)],
                Some(&mut options),
            ) {
                Err(error) if error.code() == git2::ErrorCode::NotFastForward => Ok(Pushed::Moved),
                other => other.map(|()| Pushed::Accepted),
            }
        })?;
        Ok(refused.map_or(pushed, Pushed::Refused))
    }

    fn talk<T>(
        &self,
        repository: Option<&Repository>,
        direction: Direction,
        talk: impl FnOnce(&mut Remote<'_>) -> Result<T, git2::Error>,
    ) -> Result<T, ServerError> {
        match self {
            Self::Local(path) => {
                let url = path.display().to_string();
                if !path.exists() {
                    return Err(ServerError {
                        trouble: Trouble::NotFound,
                        message: "there is no such folder".to_owned(),
                    });
                }
                let remote = repository.map_or_else(
                    || Remote::create_detached(url.as_str()),
                    |repository| repository.remote_anonymous(&url),
                );
                let talked = remote.and_then(|mut remote| {
                    remote.connect(direction)?;
                    talk(&mut remote)
                });
                talked.map_err(|error| by_code(&error))
            }
            Self::Remote(far) => far
                .wire
                .exchange(repository, &far.limits(), talk)
                .map_err(by_cause),
        }
    }
}

fn is_same_server(one: &RemoteUrl, other: &RemoteUrl) -> bool {
    (one.scheme, &one.host, one.port) == (other.scheme, &other.host, other.port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Server {
        let access = Access {
            auth: Auth::Token(beadlet_git::Secret::new("t")),
            ..Access::default()
        };
        let second = Duration::from_secs(1);
        let patience = Patience {
            silence: second,
            total: second,
            unwanted: CancellationToken::new(),
        };
        Server::new(&url.parse().unwrap(), access, patience).unwrap()
    }

    fn has_credential(server: &Server) -> bool {
        matches!(server, Server::Remote(far) if matches!(far.access.auth, Auth::Token(_)))
    }

    #[test]
    fn submodule_on_the_same_server_gets_the_credential() {
        let sibling = server("https://git.example.com/a/b.git")
            .sibling("https://git.example.com/c.git")
            .unwrap();
        assert!(has_credential(&sibling));
    }

    #[test]
    fn submodule_on_another_server_gets_no_credential() {
        for url in [
            "https://other.example.com/c.git",
            "https://git.example.com:444/c.git",
            "http://git.example.com/c.git",
        ] {
            assert!(
                !has_credential(
                    &server("https://git.example.com/a.git")
                        .sibling(url)
                        .unwrap()
                ),
                "{url}"
            );
        }
    }

    #[test]
    fn submodule_on_a_path_is_refused() {
        for url in ["/etc", "file:///etc", "../etc"] {
            assert!(
                server("https://git.example.com/a.git")
                    .sibling(url)
                    .is_err(),
                "{url}"
            );
        }
    }
}
