//! The town's git repository, as a person has it: a work tree, a branch `main`, the issue file in `.beads/`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use git2::{Oid, Repository, RepositoryInitOptions, Signature};

use super::{RIGS, Town};

const ISSUES: &str = ".beads/issues.jsonl";
const BRANCH: &str = "refs/heads/main";

/// A repository that holds a town, and its only writer beside the person who looks around in it.
pub struct TownRepo {
    git: Repository,
    path: PathBuf,
}

/// A commit that is on the branch.
#[derive(Clone, Copy, Debug)]
pub struct Landed {
    pub id: Oid,
    /// Taken just before the branch was moved to the commit.
    pub moved_at: Instant,
}

impl TownRepo {
    /// Makes the repository at `path` (a folder that does not exist yet, or is empty) with one commit.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(path: &Path, town: &Town) -> Result<Self> {
        let mut options = RepositoryInitOptions::new();
        options
            .initial_head("main")
            .mkpath(true)
            .external_template(false);
        let git = Repository::init_opts(path, &options)
            .with_context(|| format!("make a repository in {}", path.display()))?;
        let mut config = git.config()?;
        config.set_str("user.name", "mayor")?;
        config.set_str("user.email", "mayor@town.example")?;
        let repo = Self {
            git,
            path: path.to_owned(),
        };
        repo.write(
            ".beads/config.yaml",
            b"issue-prefix: hq\nexport.auto: true\nexport.git-add: true\n",
        )?;
        repo.write(".beads/routes.jsonl", routes().as_bytes())?;
        repo.commit(town, "Export the town's issues")?;
        Ok(repo)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the issue file stands in the work tree.
    #[must_use]
    pub fn issues_path(&self) -> PathBuf {
        self.path.join(ISSUES)
    }

    /// Writes the town into the work tree and the index and commits all of it. The branch moves last, so the time taken
    /// for [`Landed::moved_at`] has no preparation in it.
    ///
    /// # Errors
    /// When the repository cannot be written, or the branch was moved by somebody else meanwhile.
    pub fn commit(&self, town: &Town, message: &str) -> Result<Landed> {
        self.write(ISSUES, &town.to_jsonl()?)?;
        self.land(message)
    }

    /// Commits a file that is not the issue file: the branch moves, and no issue changes.
    ///
    /// # Errors
    /// As of [`TownRepo::commit`].
    pub fn commit_beside(&self, name: &str, text: &str) -> Result<Landed> {
        self.write(name, text.as_bytes())?;
        self.land(&format!("Write {name}"))
    }

    fn land(&self, message: &str) -> Result<Landed> {
        let mut index = self.git.index()?;
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None)?;
        let tree = self.git.find_tree(index.write_tree()?)?;
        index.write()?;
        let author = Signature::now("mayor", "mayor@town.example")?;
        let parent = self
            .git
            .head()
            .ok()
            .map(|head| head.peel_to_commit())
            .transpose()?;
        let parents: Vec<_> = parent.iter().collect();
        let id = self
            .git
            .commit(None, &author, &author, message, &tree, &parents)?;
        let moved_at = Instant::now();
        match &parent {
            Some(parent) => self
                .git
                .reference_matching(BRANCH, id, true, parent.id(), message)?,
            None => self.git.reference(BRANCH, id, false, message)?,
        };
        Ok(Landed { id, moved_at })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let file = self.path.join(name);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("make {}", folder.display()))?;
        }
        std::fs::write(&file, bytes).with_context(|| format!("write {}", file.display()))
    }
}

/// Which prefix belongs to which rig.
fn routes() -> String {
    RIGS.iter()
        .map(|rig| {
            format!(
                "{{\"prefix\":\"{}-\",\"path\":\"{}/mayor/rig\"}}\n",
                rig.prefix, rig.name
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_leaves_a_clean_work_tree() {
        let folder = tempfile::tempdir().unwrap();
        let mut town = Town::small("2026-01-01T00:00:00Z".parse().unwrap());
        let repo = TownRepo::create(&folder.path().join("town"), &town).unwrap();
        town.bead_mut("gy-5tc").unwrap().title = "Keep telemetry for a year".to_owned();
        let landed = repo.commit(&town, "Retitle gy-5tc").unwrap();
        assert_eq!(repo.git.head().unwrap().target(), Some(landed.id));
        assert!(
            repo.git.statuses(None).unwrap().is_empty(),
            "something is not committed"
        );
        assert_eq!(
            std::fs::read(repo.issues_path()).unwrap(),
            town.to_jsonl().unwrap()
        );
    }
}
