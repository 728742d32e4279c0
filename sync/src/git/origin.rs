//! Where commits come from: a repository in place, or a server with a clone of ours.

use std::path::PathBuf;
use std::sync::Arc;

use git2::Repository;

use super::cache::{Cache, FetchError, Held, Wanted};
use super::revise::{self, Publication};
use super::{
    CommitId, ExchangeError, GitError, Limits, Place, Published, Source, Wire, WireError, local,
};
use crate::decide::branch::{Head, Refs};

/// A source of commits.
pub(crate) trait Origin: Send {
    /// The refs, or at least those of `names` and HEAD.
    fn refs(&self, names: Option<&[String]>, limits: &Limits) -> Result<Refs, GitError>;

    /// Who else may work on our clone has to wait while this is held. `None` for a repository that is not ours.
    fn held(&mut self) -> Result<Option<Arc<Held>>, GitError>;

    /// A repository that holds the commit that is wanted, or the one where its ref stands now.
    fn bring(
        &mut self,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<(Repository, CommitId), GitError>;

    /// The same after what [`Origin::bring`] gave could not be read. `None` where that is not ours to mend.
    fn renew(
        &mut self,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<Option<(Repository, CommitId)>, GitError>;

    /// Moves the branch to a new commit, if it stands at the old one.
    fn publish(
        &self,
        publication: &Publication<'_>,
        limits: &Limits,
    ) -> Result<Published, GitError>;
}

/// Touches neither disk nor network.
pub(crate) fn origin(source: &Arc<Source>) -> Result<Box<dyn Origin>, GitError> {
    Ok(match source.url.place() {
        Place::Local(path) => Box::new(InPlace { path: path.clone() }),
        Place::Remote(url) => {
            let wire = Wire::new(&source.access(), url).map_err(GitError::Settings)?;
            Box::new(Server {
                wire,
                cache: None,
                source: Arc::clone(source),
                place: url.to_string(),
            })
        }
    })
}

struct InPlace {
    path: PathBuf,
}

impl Origin for InPlace {
    fn refs(&self, names: Option<&[String]>, _limits: &Limits) -> Result<Refs, GitError> {
        let unreadable = |error| GitError::Unreadable {
            place: self.path.display().to_string(),
            error,
        };
        local::refs(&local::open(&self.path)?, names).map_err(unreadable)
    }

    fn held(&mut self) -> Result<Option<Arc<Held>>, GitError> {
        Ok(None)
    }

    fn bring(
        &mut self,
        wanted: Wanted<'_>,
        _limits: &Limits,
    ) -> Result<(Repository, CommitId), GitError> {
        Ok((local::open(&self.path)?, wanted.commit))
    }

    fn renew(
        &mut self,
        _wanted: Wanted<'_>,
        _limits: &Limits,
    ) -> Result<Option<(Repository, CommitId)>, GitError> {
        Ok(None)
    }

    fn publish(
        &self,
        publication: &Publication<'_>,
        _limits: &Limits,
    ) -> Result<Published, GitError> {
        revise::move_here(publication).map_err(|error| GitError::Unwritable {
            place: self.path.display().to_string(),
            error,
        })
    }
}

struct Server {
    wire: Wire,
    /// Taken when it is first needed.
    cache: Option<Cache>,
    source: Arc<Source>,
    place: String,
}

impl Server {
    fn failed(&self, error: WireError) -> GitError {
        GitError::Wire {
            place: self.place.clone(),
            error,
        }
    }

    fn act(
        &mut self,
        act: impl FnOnce(&Cache, &Wire) -> Result<CommitId, FetchError>,
    ) -> Result<(Repository, CommitId), GitError> {
        let cache = opened(&mut self.cache, &self.source, &self.place)?;
        let commit = act(cache, &self.wire).map_err(|error| match error {
            FetchError::Exchange(error) => GitError::Wire {
                place: self.place.clone(),
                error,
            },
            FetchError::Cache(error) => GitError::Cache(error),
        })?;
        Ok((cache.repository().map_err(GitError::Cache)?, commit))
    }
}

/// The clone's folder, taken when it is first needed.
fn opened<'a>(
    cache: &'a mut Option<Cache>,
    source: &Source,
    place: &str,
) -> Result<&'a Cache, GitError> {
    let found = match cache.take() {
        Some(cache) => cache,
        None => Cache::open(&source.cache_dir, place).map_err(GitError::Cache)?,
    };
    Ok(cache.insert(found))
}

impl Origin for Server {
    fn refs(&self, _names: Option<&[String]>, limits: &Limits) -> Result<Refs, GitError> {
        self.wire
            .exchange(None, limits, advertised)
            .map_err(|error| {
                let error = match error {
                    ExchangeError::Wire(error) => error,
                    ExchangeError::Local(error) => WireError::Protocol(error.message().to_owned()),
                };
                self.failed(error)
            })
    }

    fn held(&mut self) -> Result<Option<Arc<Held>>, GitError> {
        opened(&mut self.cache, &self.source, &self.place).map(|cache| Some(cache.held()))
    }

    fn bring(
        &mut self,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<(Repository, CommitId), GitError> {
        self.act(|cache, wire| cache.fetch(wire, wanted, limits))
    }

    fn renew(
        &mut self,
        wanted: Wanted<'_>,
        limits: &Limits,
    ) -> Result<Option<(Repository, CommitId)>, GitError> {
        self.act(|cache, wire| cache.renew(wire, wanted, limits))
            .map(Some)
    }

    fn publish(
        &self,
        publication: &Publication<'_>,
        limits: &Limits,
    ) -> Result<Published, GitError> {
        revise::push(&self.wire, publication, limits).map_err(|error| match error {
            ExchangeError::Wire(error) => self.failed(error),
            ExchangeError::Local(error) => GitError::Unwritable {
                place: self.place.clone(),
                error,
            },
        })
    }
}

fn advertised(remote: &mut git2::Remote<'_>) -> Result<Refs, git2::Error> {
    let mut refs = Refs::default();
    for head in remote.list()? {
        let (name, commit) = (head.name(), CommitId(head.oid()));
        if name == "HEAD" {
            refs.head = Some(Head {
                reference: head.symref_target().map(str::to_owned),
                commit,
            });
        } else {
            refs.by_name.insert(name.to_owned(), commit);
        }
    }
    Ok(refs)
}
