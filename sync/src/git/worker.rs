//! The blocking side of a repository: chooses the branch, gets the commit and reads the file.

use std::sync::{Arc, Once};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::cache::Wanted;
use super::origin::{self, Origin};
use super::read::Reader;
use super::revise::{self, Publication};
use super::{Aside, CommitId, GitError, Limits, Onto, Published, Revision, Snapshot, Source, Tip};
use crate::decide::branch::{self, BranchError, DOLT_DATA, Refs, SYNC_BRANCH};

/// The commit that the mirror reads, where the settings name no branch. With a branch, the branch has a part in it: sources of other
/// branches may share the clone.
const KEEP_TIP: &str = "refs/beadlet/tip";
/// The branch that is written to and not read.
const KEEP_ASIDE: &str = "refs/beadlet/aside";
/// HEAD, whose tracker configuration names the branch.
const KEEP_HEAD: &str = "refs/beadlet/head";

/// One repository.
pub(crate) struct Worker {
    source: Arc<Source>,
    /// What to call the repository.
    place: String,
    origin: Box<dyn Origin>,
    /// `sync-branch` of the tracker at a commit, the last that was asked for.
    sync_branch: Option<(CommitId, Option<String>)>,
}

impl Worker {
    /// Touches neither disk nor network.
    pub(crate) fn new(source: Arc<Source>) -> Result<Self, GitError> {
        read_fast();
        Ok(Self {
            place: source.url.to_string(),
            origin: origin::origin(&source)?,
            source,
            sync_branch: None,
        })
    }

    /// Where the branch stands.
    pub(crate) fn tip(&mut self, limits: &Limits) -> Result<Tip, GitError> {
        let expected = self
            .sync_branch
            .as_ref()
            .and_then(|(_, branch)| branch.clone());
        let refs = self
            .origin
            .refs(Some(&self.names(expected.as_deref())), limits)?;
        let sync_branch = self.sync_branch(&refs, limits)?;
        let refs = if sync_branch == expected {
            refs
        } else {
            self.origin
                .refs(Some(&self.names(sync_branch.as_deref())), limits)?
        };
        self.chosen(sync_branch.as_deref(), &refs).or_else(|_| {
            // Now the other refs matter as well: the message names them.
            let refs = self.origin.refs(None, limits)?;
            self.chosen(sync_branch.as_deref(), &refs)
                .map_err(GitError::Branch)
        })
    }

    /// The file at `tip`, or at a later commit of its branch if that has moved on and the server does not give out the old one.
    pub(crate) fn fetch(&mut self, tip: &Tip, limits: &Limits) -> Result<Snapshot, GitError> {
        let reference = full_name(&tip.branch);
        let keep_as = self.keep_as();
        let wanted = Wanted {
            reference: &reference,
            commit: tip.commit,
            keep_as: &keep_as,
            depth: self.source.depth,
        };
        self.read(wanted, limits, |reader, commit| {
            reader.snapshot(&Tip {
                commit,
                ..tip.clone()
            })
        })
    }

    /// What another branch holds, if it is there, of the file at `path`.
    pub(crate) fn aside(
        &mut self,
        branch: &str,
        path: &str,
        limits: &Limits,
    ) -> Result<Option<Aside>, GitError> {
        let reference = full_name(branch);
        let refs = self
            .origin
            .refs(Some(std::slice::from_ref(&reference)), limits)?;
        let Some(commit) = refs.by_name.get(&reference) else {
            return Ok(None);
        };
        let keep_as = format!("{KEEP_ASIDE}-{}", part(branch));
        let wanted = Wanted {
            reference: &reference,
            commit: *commit,
            keep_as: &keep_as,
            depth: self.source.depth,
        };
        self.read(wanted, limits, |reader, commit| reader.aside(commit, path))
            .map(Some)
    }

    /// Makes the commit after `base`, and takes it to the branch if that still stands there.
    pub(crate) fn commit(
        &mut self,
        base: &Snapshot,
        revision: &Revision,
        onto: &Onto,
        limits: &Limits,
    ) -> Result<Published, GitError> {
        let reference = full_name(&base.branch);
        let (target, old) = match onto {
            Onto::Branch | Onto::Checkout => (reference.clone(), Some(base.commit.0)),
            Onto::Aside { branch, old } => (full_name(branch), old.map(|old| old.0)),
        };
        if !target.starts_with("refs/heads/") {
            return Ok(Published::Refused(not_a_branch(&target)));
        }
        let keep_as = self.keep_as();
        let held = self.origin.held()?;
        let _turn = held.as_ref().map(|held| held.turn());
        let wanted = Wanted {
            reference: &reference,
            commit: base.commit,
            keep_as: &keep_as,
            depth: self.source.depth,
        };
        let (repository, commit) = self.origin.bring(wanted, limits)?;
        if commit != base.commit {
            return Ok(Published::Moved);
        }
        let unwritable = |error| GitError::Unwritable {
            place: self.place.clone(),
            error,
        };
        let new = revise::make(&repository, commit.0, &base.path, revision).map_err(unwritable)?;
        let publication = Publication {
            repository: &repository,
            reference: &target,
            old,
            new,
            base: commit.0,
            path: &base.path,
            is_followed: *onto == Onto::Checkout,
            message: &revision.message,
        };
        self.origin.publish(&publication, limits)
    }

    fn keep_as(&self) -> String {
        let branch = self.source.branch.as_ref();
        branch.map_or_else(
            || KEEP_TIP.to_owned(),
            |branch| format!("{KEEP_TIP}-{}", part(branch)),
        )
    }

    /// The refs that matter. There may be thousands of others, a file each.
    fn names(&self, sync_branch: Option<&str>) -> Vec<String> {
        let asked = self.source.branch.as_deref().unwrap_or(SYNC_BRANCH);
        let mut names = branch::candidates(asked);
        names.extend(sync_branch.map(branch::candidates).unwrap_or_default());
        names
    }

    fn chosen(&self, sync_branch: Option<&str>, refs: &Refs) -> Result<Tip, BranchError> {
        let choice = branch::branch(self.source.branch.as_deref(), sync_branch, refs)?;
        let dolt = refs.by_name.contains_key(DOLT_DATA);
        Ok(Tip {
            branch: choice.branch().to_owned(),
            commit: choice.commit,
            dolt,
        })
    }

    /// What the tracker says at HEAD, if the settings name no branch. Fetches HEAD when that has moved.
    fn sync_branch(&mut self, refs: &Refs, limits: &Limits) -> Result<Option<String>, GitError> {
        let (None, Some(head)) = (&self.source.branch, &refs.head) else {
            return Ok(None);
        };
        if let Some((commit, branch)) = &self.sync_branch
            && *commit == head.commit
        {
            return Ok(branch.clone());
        }
        let reference = head.reference.as_deref().unwrap_or("HEAD");
        let wanted = Wanted {
            reference,
            commit: head.commit,
            keep_as: KEEP_HEAD,
            depth: self.source.depth,
        };
        let branch = self.read(wanted, limits, |reader, commit| reader.sync_branch(commit))?;
        self.sync_branch = Some((head.commit, branch.clone()));
        Ok(branch)
    }

    /// Reads a commit, once more after a clone of ours turned out to be damaged.
    fn read<T>(
        &mut self,
        wanted: Wanted<'_>,
        limits: &Limits,
        read: impl Fn(&Reader<'_>, CommitId) -> Result<T, GitError>,
    ) -> Result<T, GitError> {
        let held = self.origin.held()?;
        let _turn = held.as_ref().map(|held| held.turn());
        let (repository, commit) = self.origin.bring(wanted, limits)?;
        let error = match read(&self.reader(&repository), commit) {
            Err(error @ (GitError::Unreadable { .. } | GitError::MissingObject { .. })) => error,
            result => return result,
        };
        let Some((repository, commit)) = self.origin.renew(wanted, limits)? else {
            return Err(error);
        };
        tracing::warn!(repository = self.place, %error, "a damaged clone was made anew");
        read(&self.reader(&repository), commit)
    }

    fn reader<'a>(&'a self, repository: &'a git2::Repository) -> Reader<'a> {
        Reader {
            repository,
            source: &self.source,
            place: &self.place,
        }
    }
}

/// A branch as a part of a ref's name, whatever its own is.
fn part(branch: &str) -> String {
    let digest = Sha256::digest(branch);
    HEXLOWER.encode(&digest[..4])
}

fn not_a_branch(reference: &str) -> String {
    match reference.strip_prefix("refs/remotes/origin/") {
        Some(branch) => format!(
            "{branch} is there only as a branch of the remote: make it one of this repository (`git branch {branch} origin/{branch}`)"
        ),
        None if reference == "HEAD" => "HEAD is detached there: name a branch".to_owned(),
        None => format!("{reference} is no branch: name one"),
    }
}

fn full_name(branch: &str) -> String {
    if branch == "HEAD" || branch.starts_with("refs/") {
        branch.to_owned()
    } else {
        format!("refs/heads/{branch}")
    }
}

/// Has libgit2 read objects as git does: without hashing each once more, which takes as long as all the rest for a file of some megabytes.
/// A fetched pack is hashed when it comes in, and a damaged object fails its zlib checksum. The setting is one of the whole process.
fn read_fast() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| git2::opts::strict_hash_verification(false));
}
