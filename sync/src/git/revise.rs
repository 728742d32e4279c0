//! A commit that changes one file, made in the object database and taken to the branch. No work tree, no index, no hook.

use std::collections::BTreeMap;
use std::path::Path;

use beadlet_git::{Answer, Pack, Update};
use bytes::Bytes;
use git2::build::TreeUpdateBuilder;
use git2::{ErrorCode, FileMode, Oid, Repository, Signature, Time};
use jiff::Timestamp;

use super::checkouts::{self, Checkout};
use super::{CommitId, ExchangeError, Limits, SigningKey, Wire};

/// The next commit of a branch.
#[derive(Clone, Debug)]
pub struct Revision {
    /// What the file is to hold.
    pub file: Vec<u8>,
    pub author: Author,
    pub at: Timestamp,
    pub message: String,
    /// Signs the commit.
    pub signing_key: Option<SigningKey>,
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub name: String,
    pub email: String,
}

/// Where a commit goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Onto {
    /// The branch that it comes after. One that is checked out is left alone.
    Branch,
    /// The same. Where the branch is checked out the file in the work tree goes with it, if nobody has changed that.
    Checkout,
    /// Another one, of ours alone: wherever it stands, the commit takes its place.
    Aside {
        branch: String,
        /// Where it was seen; `None` where it was not there.
        old: Option<CommitId>,
    },
}

/// What a branch of ours holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aside {
    pub commit: CommitId,
    /// The first commit that it comes after.
    pub parent: Option<CommitId>,
    pub at: Timestamp,
    pub message: String,
    /// The issue file, where there is one.
    pub file: Option<Bytes>,
}

/// How the repository took a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Published {
    At(CommitId),
    /// The branch has moved on: nothing was changed.
    Moved,
    /// Why, in the repository's own words where it has some.
    Refused(String),
}

/// A commit on its way.
pub(crate) struct Publication<'a> {
    pub(crate) repository: &'a Repository,
    /// The full name of the branch.
    pub(crate) reference: &'a str,
    /// Where it has to stand; `None` where it must not be there yet.
    pub(crate) old: Option<Oid>,
    pub(crate) new: Oid,
    /// A commit that the repository has, and that the new one was made from.
    pub(crate) base: Oid,
    /// The file that the commit changes.
    pub(crate) path: &'a str,
    /// Whether a work tree is taken along.
    pub(crate) is_followed: bool,
    pub(crate) message: &'a str,
}

/// Makes the commit after `base`, with another content of the file at `path`.
pub(crate) fn make(
    repository: &Repository,
    base: Oid,
    path: &str,
    revision: &Revision,
) -> Result<Oid, git2::Error> {
    let parent = repository.find_commit(base)?;
    let before = parent.tree()?;
    let mode = match before.get_path(Path::new(path))?.filemode() {
        0o100_755 => FileMode::BlobExecutable,
        _ => FileMode::Blob,
    };
    let blob = repository.blob(&revision.file)?;
    let tree = TreeUpdateBuilder::new()
        .upsert(path, blob, mode)
        .create_updated(repository, &before)?;
    let signature = Signature::new(
        &revision.author.name,
        &revision.author.email,
        &Time::new(revision.at.as_second(), 0),
    )?;
    let (message, tree) = (&revision.message, repository.find_tree(tree)?);
    let Some(key) = &revision.signing_key else {
        return repository.commit(None, &signature, &signature, message, &tree, &[&parent]);
    };
    let commit =
        repository.commit_create_buffer(&signature, &signature, message, &tree, &[&parent])?;
    let text = std::str::from_utf8(&commit)
        .map_err(|_| git2::Error::from_str("the commit is not UTF-8"))?;
    let signed = key
        .sign(&commit)
        .map_err(|error| git2::Error::from_str(&error.to_string()))?;
    repository.commit_signed(text, &signed, Some("gpgsig"))
}

/// Moves the branch of the repository itself, if it still stands where it was seen.
pub(crate) fn move_here(publication: &Publication<'_>) -> Result<Published, git2::Error> {
    let Publication {
        repository,
        reference,
        old,
        new,
        message,
        is_followed,
        ..
    } = publication;
    let checked_out = checkouts::checked_out(repository, reference);
    let follows = match checked_out {
        None => None,
        Some(Checkout::Here) if *is_followed => match checkouts::follower(publication)? {
            Ok(follower) => Some(follower),
            Err(why) => return Ok(Published::Refused(why)),
        },
        Some(place) => return Ok(Published::Refused(left_alone(reference, &place))),
    };
    let subject = message.lines().next().unwrap_or_default();
    let moved = match old {
        Some(old) => repository.reference_matching(reference, *new, true, *old, subject),
        None => repository.reference(reference, *new, false, subject),
    };
    match moved {
        Ok(_) => {
            if let Some(follower) = follows {
                follower.follow(publication)?;
            }
            Ok(Published::At(CommitId(*new)))
        }
        Err(error)
            if matches!(
                error.code(),
                ErrorCode::Modified | ErrorCode::Locked | ErrorCode::NotFound | ErrorCode::Exists
            ) =>
        {
            Ok(Published::Moved)
        }
        Err(error) => Err(error),
    }
}

fn left_alone(reference: &str, place: &Checkout) -> String {
    match place {
        Checkout::Here => format!(
            "{reference} is checked out there, and its files would not follow: give a bare repository, or check out another branch"
        ),
        Checkout::Elsewhere(path) => format!(
            "{reference} is checked out in another work tree, and its files would not follow: go to {}",
            path.display()
        ),
    }
}

/// Pushes the commit, which the server takes only if the branch still stands where it was seen.
pub(crate) fn push(
    wire: &Wire,
    publication: &Publication<'_>,
    limits: &Limits,
) -> Result<Published, ExchangeError> {
    let mut tip = None;
    let decide = |refs: &BTreeMap<String, Oid>| {
        tip = refs.get(publication.reference).copied();
        (tip == publication.old).then(|| Update {
            reference: publication.reference.to_owned(),
            old: publication.old,
            new: publication.new,
        })
    };
    let answer = wire.push(limits, decide, |write| pack(publication, write))?;
    Ok(match answer {
        Answer::Accepted => Published::At(CommitId(publication.new)),
        Answer::NotAsked if tip == Some(publication.new) => {
            Published::At(CommitId(publication.new))
        }
        Answer::NotAsked => Published::Moved,
        Answer::Refused(words) => Published::Refused(words),
    })
}

/// What the new commit has and the one before it has not: itself, the trees on the way to the file, the file.
fn pack(
    publication: &Publication<'_>,
    write: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<(), git2::Error> {
    let commit = |id: Oid| publication.repository.find_commit(id);
    let mut pack = Pack::new(publication.repository)?;
    pack.add(
        &commit(publication.new)?,
        &commit(publication.base)?.tree()?,
    )?;
    pack.write(write)
}
