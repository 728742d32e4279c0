//! A commit in the making.

use git2::{
    FileMode, Oid, Repository, Signature, Time,
    build::{CheckoutBuilder, TreeUpdateBuilder},
};

use super::repo::GitRepo;

/// A commit in the making: a branch, what it starts from, and what is to differ.
pub struct Change<'a> {
    repo: &'a GitRepo,
    branch: String,
    parent: Option<Oid>,
    edits: Vec<(String, Edit)>,
    seconds: Option<i64>,
}

enum Edit {
    Put(Vec<u8>, FileMode),
    /// An entry that names a commit of another repository.
    Submodule(Oid),
    Remove,
}

impl<'a> Change<'a> {
    pub(super) fn new(repo: &'a GitRepo, branch: &str, parent: Option<Oid>) -> Self {
        Self {
            repo,
            branch: branch.to_owned(),
            parent,
            edits: Vec::new(),
            seconds: None,
        }
    }

    #[must_use]
    pub fn write(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.edit(path, Edit::Put(content.as_ref().to_owned(), FileMode::Blob))
    }

    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.edit(path, Edit::Put(target.into(), FileMode::Link))
    }

    /// An entry for another repository at a commit (40 hex digits) that this one does not have.
    #[must_use]
    pub fn submodule(self, path: &str, commit: &str) -> Self {
        self.edit(path, Edit::Submodule(commit.parse().unwrap()))
    }

    #[must_use]
    pub fn remove(self, path: &str) -> Self {
        self.edit(path, Edit::Remove)
    }

    /// When the commit says it was made, in seconds since 1970; now when not set.
    #[must_use]
    pub fn at(self, seconds: i64) -> Self {
        Self {
            seconds: Some(seconds),
            ..self
        }
    }

    /// Makes the commit, moves the branch and gives the commit's id.
    pub fn commit(self, message: &str) -> String {
        let repo = self.repo.open();
        let id = self.write_commit(&repo, message);
        let name = format!("refs/heads/{}", self.branch);
        repo.reference(&name, id, true, message).unwrap();
        let is_head = repo
            .find_reference("HEAD")
            .is_ok_and(|head| head.symbolic_target().ok().flatten() == Some(&name));
        if is_head && !repo.is_bare() {
            repo.checkout_head(Some(CheckoutBuilder::new().force()))
                .unwrap();
            repo.index().unwrap().update_all(["*"], None).unwrap();
        }
        id.to_string()
    }

    fn write_commit(&self, repo: &Repository, message: &str) -> Oid {
        let parent = self.parent.map(|id| repo.find_commit(id).unwrap());
        let before = match &parent {
            Some(parent) => parent.tree().unwrap(),
            None => repo
                .find_tree(repo.treebuilder(None).unwrap().write().unwrap())
                .unwrap(),
        };
        let mut tree = TreeUpdateBuilder::new();
        for (path, edit) in &self.edits {
            match edit {
                Edit::Put(content, mode) => tree.upsert(path, repo.blob(content).unwrap(), *mode),
                Edit::Submodule(commit) => tree.upsert(path, *commit, FileMode::Commit),
                Edit::Remove => tree.remove(path),
            };
        }
        let tree = repo
            .find_tree(tree.create_updated(repo, &before).unwrap())
            .unwrap();
        let who = self.signature();
        repo.commit(
            None,
            &who,
            &who,
            message,
            &tree,
            &parent.iter().collect::<Vec<_>>(),
        )
        .unwrap()
    }

    fn signature(&self) -> Signature<'static> {
        let (name, address) = ("Testbed", "testbed@example.com");
        let at = |seconds| Signature::new(name, address, &Time::new(seconds, 0));
        self.seconds
            .map_or_else(|| Signature::now(name, address), at)
            .unwrap()
    }

    fn edit(mut self, path: &str, edit: Edit) -> Self {
        self.edits.push((path.to_owned(), edit));
        self
    }
}
