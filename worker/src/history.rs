//! Walking a repository that has not all of its history: a shallow clone knows the names of commits that it does not have.

use std::collections::BTreeSet;

use beadlet_git::Pack;
use git2::{Oid, Repository};

use crate::server::Delivery;

/// Commits that are looked at before a search is given up.
const FARTHEST: usize = 100_000;

/// What was met on the way back from a commit.
struct Walk {
    /// Without the commit that was stopped at.
    commits: BTreeSet<Oid>,
    stopped: bool,
    /// A first commit, or one whose history is not here, was met.
    ended: bool,
}

/// Whether `commit` is `ancestor` or comes after it, as far as the history that is here says.
pub(crate) fn is_descendant(repository: &Repository, commit: Oid, ancestor: Oid) -> bool {
    walk(repository, commit, Some(ancestor)).stopped
}

/// Goes back from `commit`, not beyond `stop`.
fn walk(repository: &Repository, commit: Oid, stop: Option<Oid>) -> Walk {
    let mut walk = Walk {
        commits: BTreeSet::new(),
        stopped: false,
        ended: false,
    };
    let mut next = vec![commit];
    while let Some(id) = next.pop() {
        if Some(id) == stop {
            walk.stopped = true;
        } else if walk.commits.len() < FARTHEST && walk.commits.insert(id) {
            let parents: Vec<Oid> = repository
                .find_commit(id)
                .map(|commit| commit.parent_ids().collect())
                .unwrap_or_default();
            walk.ended |= parents.is_empty();
            next.extend(parents);
        }
    }
    walk
}

/// The commits that `delivery.commit` brings to a server that has `delivery.known`.
fn new_commits(delivery: &Delivery<'_>) -> BTreeSet<Oid> {
    let Walk {
        mut commits, ended, ..
    } = walk(delivery.repository, delivery.commit, Some(delivery.known));
    if ended {
        // The agent merged something older: the way back led past the known commit.
        let known = walk(delivery.repository, delivery.known, None).commits;
        commits.retain(|commit| !known.contains(commit));
    }
    commits
}

/// Writes a pack with what `delivery.commit` has and `delivery.known` has not. A writer that gives false is written to no more.
pub(crate) fn pack(
    delivery: &Delivery<'_>,
    write: &mut dyn FnMut(&[u8]) -> bool,
) -> Result<(), git2::Error> {
    let repository = delivery.repository;
    let mut pack = Pack::new(repository)?;
    for id in new_commits(delivery) {
        let commit = repository.find_commit(id)?;
        let before = commit
            .parent(0)
            .or_else(|_| repository.find_commit(delivery.known))?
            .tree()?;
        pack.add(&commit, &before)?;
    }
    pack.write(write)
}

#[cfg(test)]
mod tests {
    use beadlet_testbed::git::GitRepo;
    use git2::ObjectType;

    use super::*;

    fn id(text: &str) -> Oid {
        Oid::from_str(text).unwrap()
    }

    /// What arrives in an empty repository, by kind.
    fn delivered(repo: &GitRepo, commit: &str, known: &str) -> (usize, usize, usize) {
        let (repository, target) = (repo.open(), GitRepo::bare());
        let delivery = Delivery {
            repository: &repository,
            reference: "",
            commit: id(commit),
            known: id(known),
        };
        let mut bytes = Vec::new();
        pack(&delivery, &mut |part| {
            bytes.extend_from_slice(part);
            true
        })
        .unwrap();
        let target = target.open();
        let odb = target.odb().unwrap();
        let mut writer = odb.packwriter().unwrap();
        std::io::Write::write_all(&mut writer, &bytes).unwrap();
        writer.commit().unwrap();
        let mut kinds = Vec::new();
        odb.foreach(|id| {
            kinds.push(odb.read_header(*id).unwrap().1);
            true
        })
        .unwrap();
        let count = |kind| kinds.iter().filter(|&&other| other == kind).count();
        (
            count(ObjectType::Commit),
            count(ObjectType::Tree),
            count(ObjectType::Blob),
        )
    }

    #[test]
    fn pack_holds_only_what_changed() {
        let repo = GitRepo::bare();
        let base = repo
            .on("main")
            .write("a/b/c", "1")
            .write("d/e", "1")
            .write("f", "1")
            .commit("base");
        let first = repo.on("main").write("a/b/c", "2").commit("first");
        let second = repo.on("main").write("f", "3").commit("second");
        assert_eq!(delivered(&repo, &first, &base), (1, 3, 1));
        assert_eq!(delivered(&repo, &second, &base), (2, 4, 2));
        assert_eq!(delivered(&repo, &base, &base), (0, 0, 0));
    }

    #[test]
    fn file_that_comes_back_is_packed_with_the_commit_that_brings_it_back() {
        let repo = GitRepo::bare();
        let base = repo.on("main").write("a", "1").commit("base");
        repo.on("main").write("a", "2").commit("away");
        let back = repo.on("main").write("a", "1").commit("back");
        assert_eq!(delivered(&repo, &back, &base), (2, 2, 2));
    }

    #[test]
    fn merge_of_older_work_does_not_bring_the_whole_history() {
        let repo = GitRepo::bare();
        for n in 0..5 {
            repo.commit("main", "file", format!("{n}"));
        }
        let old = repo.head("main").unwrap();
        let known = repo.commit("main", "file", "known");
        repo.set_reference("refs/heads/side", &old);
        let side = repo.commit("side", "other", "x");
        let repository = repo.open();
        let (one, two) = (
            repository.find_commit(id(&known)).unwrap(),
            repository.find_commit(id(&side)).unwrap(),
        );
        let author = git2::Signature::now("a", "a@example.com").unwrap();
        let merge = repository
            .commit(
                None,
                &author,
                &author,
                "merge",
                &one.tree().unwrap(),
                &[&one, &two],
            )
            .unwrap();
        let delivery = Delivery {
            repository: &repository,
            reference: "",
            commit: merge,
            known: id(&known),
        };
        assert_eq!(new_commits(&delivery), BTreeSet::from([merge, id(&side)]));
    }

    #[test]
    fn ancestry_is_found_as_far_as_the_history_goes() {
        let repo = GitRepo::bare();
        let first = repo.commit("main", "a", "1");
        let second = repo.commit("main", "a", "2");
        let other = repo.commit("other", "b", "1");
        let repository = repo.open();
        assert!(
            is_descendant(&repository, id(&second), id(&first))
                && is_descendant(&repository, id(&first), id(&first))
        );
        assert!(
            !is_descendant(&repository, id(&first), id(&second))
                && !is_descendant(&repository, id(&second), id(&other))
        );
    }
}
