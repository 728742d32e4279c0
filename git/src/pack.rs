//! Packs of what is new.

use std::collections::BTreeSet;

use git2::{Commit, ObjectType, Oid, PackBuilder, Repository, Tree};

/// A pack in the making, for somebody who has the trees that its commits are compared with.
pub struct Pack<'r> {
    repository: &'r Repository,
    builder: PackBuilder<'r>,
    packed: BTreeSet<Oid>,
}

impl<'r> Pack<'r> {
    /// # Errors
    /// When libgit2 cannot make one.
    pub fn new(repository: &'r Repository) -> Result<Self, git2::Error> {
        Ok(Self {
            repository,
            builder: repository.packbuilder()?,
            packed: BTreeSet::new(),
        })
    }

    /// Adds a commit, and what its tree has and `before` does not have in the same place.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn add(&mut self, commit: &Commit<'_>, before: &Tree<'_>) -> Result<(), git2::Error> {
        self.builder.insert_object(commit.id(), None)?;
        self.add_tree(&commit.tree()?, Some(before))
    }

    fn add_tree(&mut self, tree: &Tree<'_>, before: Option<&Tree<'_>>) -> Result<(), git2::Error> {
        let is_known = before.is_some_and(|before| before.id() == tree.id());
        if is_known || !self.packed.insert(tree.id()) {
            return Ok(());
        }
        self.builder.insert_object(tree.id(), None)?;
        for entry in tree {
            let old = before.and_then(|before| before.get_name_bytes(entry.name_bytes()));
            if old.as_ref().is_some_and(|old| old.id() == entry.id()) {
                continue;
            }
            match entry.kind() {
                Some(ObjectType::Tree) => {
                    let old = old.and_then(|old| self.repository.find_tree(old.id()).ok());
                    let new = self.repository.find_tree(entry.id())?;
                    self.add_tree(&new, old.as_ref())?;
                }
                Some(ObjectType::Blob) if self.packed.insert(entry.id()) => {
                    self.builder.insert_object(entry.id(), None)?;
                }
                // A submodule's commit is in another repository.
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the pack. A writer that gives false is written to no more.
    ///
    /// # Errors
    /// When an object cannot be read.
    pub fn write(mut self, write: &mut dyn FnMut(&[u8]) -> bool) -> Result<(), git2::Error> {
        self.builder.foreach(write)
    }
}
