//! Which part of a repository is checked out, as git's cone mode has it (git-sparse-checkout(1)).

use std::collections::BTreeSet;

/// Folders that are checked out whole, with the files of the folders above them. None: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    folders: BTreeSet<String>,
}

/// Why a folder cannot be asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no folder of a repository: write it from the top, without . and .., without * and \\"
)]
pub struct SparseError(pub String);

impl Sparse {
    /// Folders from the top of the repository, with or without slashes around them.
    ///
    /// # Errors
    /// When one is no path inside a repository.
    pub fn new<'a>(folders: impl IntoIterator<Item = &'a str>) -> Result<Self, SparseError> {
        let folders = folders.into_iter().map(folder).collect::<Result<_, _>>()?;
        Ok(Self { folders })
    }

    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.folders.is_empty()
    }

    /// Whether the file at `path` is checked out.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        self.is_whole()
            || self
                .folders
                .iter()
                .any(|folder| is_within(path, folder) || is_within(folder, above))
    }

    /// The content of `info/sparse-checkout` for a git that reads it.
    #[must_use]
    pub fn patterns(&self) -> String {
        let mut above = BTreeSet::new();
        for folder in &self.folders {
            above.extend(folder.match_indices('/').map(|(at, _)| &folder[..at]));
        }
        let mut text = "/*\n!/*/\n".to_owned();
        for parent in above
            .into_iter()
            .filter(|parent| !self.folders.iter().any(|folder| is_within(parent, folder)))
        {
            text.push_str(&format!("/{parent}/\n!/{parent}/*/\n"));
        }
        for folder in &self.folders {
            text.push_str(&format!("/{folder}/\n"));
        }
        text
    }
}

/// Whether `path` is `folder` or below it; everything is below the top.
fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path
            .strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn folder(text: &str) -> Result<String, SparseError> {
    let folder = text.trim_matches('/');
    let is_part = |part: &str| !matches!(part, "" | "." | ".." | ".git");
    if folder.split('/').all(is_part) && !folder.contains(['*', '?', '[', '\\', '\n', '\r']) {
        Ok(folder.to_owned())
    } else {
        Err(SparseError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_asked_is_everything() {
        let whole = Sparse::new([]).unwrap();
        assert!(whole.is_whole() && whole.contains("any/where"));
    }

    #[test]
    fn folder_brings_all_below_and_the_files_above() {
        let sparse = Sparse::new(["/a/b/", "x"]).unwrap();
        for path in ["top", "a/file", "a/b/file", "a/b/c/d", "x/y/z"] {
            assert!(sparse.contains(path), "{path}");
        }
        for path in ["a/c/file", "a/bc/file", "y/file", "xy/file"] {
            assert!(!sparse.contains(path), "{path}");
        }
    }

    #[test]
    fn patterns_are_those_of_cone_mode() {
        let sparse = Sparse::new(["a/b/c", "x"]).unwrap();
        assert_eq!(
            sparse.patterns(),
            "/*\n!/*/\n/a/\n!/a/*/\n/a/b/\n!/a/b/*/\n/a/b/c/\n/x/\n"
        );
    }

    #[test]
    fn path_that_leaves_the_repository_is_refused() {
        for text in [
            "", "/", "..", "a/../b", "a//b", "a/*", ".git", "a/.git/b", "a\nb",
        ] {
            assert_eq!(Sparse::new([text]), Err(SparseError(text.into())));
        }
    }
}
