//! The issue file in a commit.

use bytes::Bytes;
use git2::{ObjectType, Oid, Repository, Tree};
use jiff::Timestamp;

use beadlet_store::tracker::TrackerConfig;

use super::{Aside, CommitId, GitError, Snapshot, Source, Tip};
use crate::decide::path::{self, About, Entry, TreePath};

const SYMLINK: i32 = 0o120_000;
const SUBMODULE: i32 = 0o160_000;

/// Larger than any sensible `config.yaml` or `redirect`.
const MAX_SMALL_FILE: usize = 1 << 20;

/// Files beside the issues that are none (beads' own list, and what its merges leave).
const NOT_ISSUES: [&str; 9] = [
    "deletions.jsonl",
    "interactions.jsonl",
    "routes.jsonl",
    "molecules.jsonl",
    "sync_base.jsonl",
    "gates.jsonl",
    "beads.base.jsonl",
    "beads.left.jsonl",
    "beads.right.jsonl",
];

/// Reads commits of one repository.
pub(crate) struct Reader<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) source: &'a Source,
    /// What to call the repository.
    pub(crate) place: &'a str,
}

impl Reader<'_> {
    /// The issue file at `tip`, and the tracker's configuration beside it.
    pub(crate) fn snapshot(&self, tip: &Tip) -> Result<Snapshot, GitError> {
        let commit = self
            .repository
            .find_commit(tip.commit.0)
            .map_err(|error| self.unreadable(error))?;
        let tree = commit.tree().map_err(|error| self.unreadable(error))?;
        let beads = self.beads(&tree)?;
        let config = self.small_file(&tree, &beads, "config.yaml")?;
        let tracker = self.tracker(config.as_deref(), tip.commit);
        let (path, blob) = self.issue_file(&tree, &beads, &tracker, tip)?;
        Ok(Snapshot {
            branch: tip.branch.clone(),
            commit: tip.commit,
            committed_at: Timestamp::from_second(commit.time().seconds())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            file: self.content(&path, blob)?,
            path: path.as_str().to_owned(),
            tracker_config: config,
            dolt: tip.dolt,
        })
    }

    /// A commit with the file at `path`.
    pub(crate) fn aside(&self, id: CommitId, path: &str) -> Result<Aside, GitError> {
        let commit = self
            .repository
            .find_commit(id.0)
            .map_err(|error| self.unreadable(error))?;
        let tree = commit.tree().map_err(|error| self.unreadable(error))?;
        let path: TreePath = path
            .parse()
            .map_err(path::PathError::Setting)
            .map_err(GitError::Path)?;
        let file = match self.entry(&tree, &path)? {
            Entry::File(blob) => Some(self.content(&path, blob)?),
            _ => None,
        };
        Ok(Aside {
            commit: id,
            parent: commit.parent_id(0).ok().map(CommitId),
            at: Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH),
            message: String::from_utf8_lossy(commit.message_bytes()).into_owned(),
            file,
        })
    }

    /// `sync-branch` of the tracker at `commit`.
    pub(crate) fn sync_branch(&self, commit: CommitId) -> Result<Option<String>, GitError> {
        let found = self
            .repository
            .find_commit(commit.0)
            .and_then(|commit| commit.tree());
        let tree = found.map_err(|error| self.unreadable(error))?;
        let beads = self.beads(&tree)?;
        let config = self.small_file(&tree, &beads, "config.yaml")?;
        Ok(self.tracker(config.as_deref(), commit).sync_branch)
    }

    /// The folder of the tracker: `.beads`, or where its `redirect` leads.
    fn beads(&self, tree: &Tree<'_>) -> Result<TreePath, GitError> {
        let beads = TreePath::beads();
        let Some(redirect) = self.small_file(tree, &beads, "redirect")? else {
            return Ok(beads);
        };
        Ok(path::redirected(&redirect)
            .map_err(GitError::Path)?
            .unwrap_or(beads))
    }

    /// A broken configuration costs its settings and not the mirror.
    fn tracker(&self, config: Option<&[u8]>, commit: CommitId) -> TrackerConfig {
        config.map_or_else(TrackerConfig::default, |bytes| {
            TrackerConfig::parse(bytes).unwrap_or_else(|error| {
                tracing::warn!(repository = self.place, %commit, %error, "the tracker's config.yaml is ignored");
                TrackerConfig::default()
            })
        })
    }

    fn issue_file(
        &self,
        tree: &Tree<'_>,
        beads: &TreePath,
        tracker: &TrackerConfig,
        tip: &Tip,
    ) -> Result<(TreePath, Oid), GitError> {
        let configured = self.source.path.as_deref();
        let candidates = path::candidates(configured, beads, tracker.export_path.as_deref())
            .map_err(GitError::Path)?;
        let mut entries = Vec::new();
        for candidate in candidates {
            let entry = self.entry(tree, &candidate)?;
            entries.push((candidate, entry));
        }
        let others = self.other_files(tree, beads);
        let about = About {
            branch: tip.branch.clone(),
            commit: tip.commit,
            dolt: tip.dolt,
            others,
        };
        path::path(entries, about).map_err(GitError::Path)
    }

    fn entry(&self, tree: &Tree<'_>, path: &TreePath) -> Result<Entry<Oid>, GitError> {
        let mut tree = tree.clone();
        let mut at = String::new();
        let mut names = path.as_str().split('/').peekable();
        while let Some(name) = names.next() {
            at = if at.is_empty() {
                name.to_owned()
            } else {
                format!("{at}/{name}")
            };
            let Some(entry) = tree.get_name(name).map(|entry| entry.to_owned()) else {
                return Ok(Entry::Nothing);
            };
            match (entry.filemode(), entry.kind(), names.peek()) {
                (SYMLINK, _, _) => {
                    return Ok(Entry::Symlink {
                        target: self.link(entry.id())?,
                        at,
                    });
                }
                (SUBMODULE, _, _) => return Ok(Entry::Submodule { at }),
                (_, Some(ObjectType::Tree), None) => return Ok(Entry::Directory),
                (_, Some(ObjectType::Tree), Some(_)) => {
                    tree = self
                        .repository
                        .find_tree(entry.id())
                        .map_err(|error| self.unreadable(error))?;
                }
                (_, Some(ObjectType::Blob), None) => return Ok(Entry::File(entry.id())),
                _ => return Ok(Entry::Nothing),
            }
        }
        Ok(Entry::Nothing)
    }

    fn link(&self, blob: Oid) -> Result<String, GitError> {
        let blob = self
            .repository
            .find_blob(blob)
            .map_err(|error| self.unreadable(error))?;
        Ok(String::from_utf8_lossy(blob.content())
            .chars()
            .take(200)
            .collect())
    }

    /// A file of the tracker beside the issues. One that is no file or far too large counts as absent.
    fn small_file(
        &self,
        tree: &Tree<'_>,
        beads: &TreePath,
        name: &str,
    ) -> Result<Option<Bytes>, GitError> {
        let path = format!("{beads}/{name}")
            .parse()
            .map_err(path::PathError::Setting)
            .map_err(GitError::Path)?;
        let Entry::File(blob) = self.entry(tree, &path)? else {
            return Ok(None);
        };
        let (size, _) = self.header(blob)?;
        if size > MAX_SMALL_FILE {
            tracing::warn!(repository = self.place, %path, size, "a file of the tracker is too large and ignored");
            return Ok(None);
        }
        self.content(&path, blob).map(Some)
    }

    fn other_files(&self, tree: &Tree<'_>, beads: &TreePath) -> Vec<String> {
        let folder = tree
            .get_path(std::path::Path::new(beads.as_str()))
            .and_then(|entry| self.repository.find_tree(entry.id()));
        let Ok(folder) = folder else {
            return Vec::new();
        };
        let names = folder
            .iter()
            .filter_map(|entry| entry.name().ok().map(str::to_owned));
        names
            .filter(|name| name.ends_with(".jsonl") && !NOT_ISSUES.contains(&name.as_str()))
            .map(|name| format!("{beads}/{name}"))
            .collect()
    }

    fn header(&self, blob: Oid) -> Result<(usize, ObjectType), GitError> {
        let odb = self
            .repository
            .odb()
            .map_err(|error| self.unreadable(error))?;
        odb.read_header(blob)
            .map_err(|error| self.missing(blob, error))
    }

    fn content(&self, path: &TreePath, blob: Oid) -> Result<Bytes, GitError> {
        let (size, _) = self.header(blob)?;
        let (size, limit) = (size as u64, self.source.max_file_bytes.get());
        if size > limit {
            return Err(GitError::TooLarge {
                path: path.to_string(),
                size,
                limit,
            });
        }
        let blob = self
            .repository
            .find_blob(blob)
            .map_err(|error| self.unreadable(error))?;
        Ok(Bytes::copy_from_slice(blob.content()))
    }

    fn missing(&self, object: Oid, error: git2::Error) -> GitError {
        if error.code() == git2::ErrorCode::NotFound {
            GitError::MissingObject {
                place: self.place.to_owned(),
                object,
            }
        } else {
            self.unreadable(error)
        }
    }

    fn unreadable(&self, error: git2::Error) -> GitError {
        GitError::Unreadable {
            place: self.place.to_owned(),
            error,
        }
    }
}
