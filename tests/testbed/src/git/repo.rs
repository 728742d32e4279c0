//! Repositories made and changed through libgit2, without the program `git`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use git2::{BranchType, Repository, RepositoryInitOptions};
use tempfile::TempDir;

use super::change::Change;

/// A repository in a temporary folder. Every method panics when git refuses: a test has nothing else to do then.
pub struct GitRepo {
    folder: TempDir,
    path: PathBuf,
}

impl GitRepo {
    /// A bare repository, as on a server; HEAD is `main`, which has no commit yet.
    pub fn bare() -> Self {
        Self::new("repo.git", true)
    }

    /// A repository with files beside its `.git`, as a person has it; a commit on HEAD's branch updates the files.
    pub fn with_work_tree() -> Self {
        Self::new("repo", false)
    }

    /// Where the repository is: the folder that is bare, or that has the files.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path, as a clone takes it.
    pub fn url(&self) -> String {
        self.path.display().to_string()
    }

    /// The folder in which the repository is, to be served over HTTP.
    pub fn parent(&self) -> &Path {
        self.folder.path()
    }

    /// The repository for libgit2.
    pub fn open(&self) -> Repository {
        Repository::open(&self.path).unwrap()
    }

    /// A change on top of a branch, which is made with the first commit.
    pub fn on(&self, branch: &str) -> Change<'_> {
        Change::new(
            self,
            branch,
            self.head(branch).map(|id| id.parse().unwrap()),
        )
    }

    /// History that shares nothing with what the branch had: the commit replaces the branch, as a force-push does.
    pub fn unrelated(&self, branch: &str) -> Change<'_> {
        Change::new(self, branch, None)
    }

    /// One commit with one file.
    pub fn commit(&self, branch: &str, path: &str, content: impl AsRef<[u8]>) -> String {
        self.on(branch).write(path, content).commit("change")
    }

    /// The commit of a branch, 40 hex digits.
    pub fn head(&self, branch: &str) -> Option<String> {
        let repo = self.open();
        let branch = repo.find_branch(branch, BranchType::Local).ok()?;
        Some(branch.get().peel_to_commit().unwrap().id().to_string())
    }

    /// What a file holds on a branch, or at a commit.
    pub fn read(&self, at: &str, path: &str) -> Option<Vec<u8>> {
        let repo = self.open();
        let commit = repo.revparse_single(at).ok()?;
        let tree = commit.peel_to_tree().unwrap();
        let entry = tree.get_path(Path::new(path)).ok()?;
        Some(entry.to_object(&repo).ok()?.as_blob()?.content().to_owned())
    }

    /// Lets those push by http who did not say who they are, which git refuses otherwise.
    pub fn let_anyone_push(&self) {
        let mut config = self.open().config().unwrap();
        config.set_bool("http.receivepack", true).unwrap();
    }

    pub fn delete_branch(&self, branch: &str) {
        // As a server does it: also the branch of HEAD.
        self.open()
            .find_reference(&format!("refs/heads/{branch}"))
            .unwrap()
            .delete()
            .unwrap();
    }

    pub fn rename_branch(&self, from: &str, to: &str) {
        let id = self.head(from).unwrap();
        self.set_reference(&format!("refs/heads/{to}"), &id);
        self.delete_branch(from);
    }

    /// Makes a branch the default one, whether it exists or not.
    pub fn set_head(&self, branch: &str) {
        self.open()
            .set_head(&format!("refs/heads/{branch}"))
            .unwrap();
    }

    /// Points any reference (`refs/…`) to a commit, which may be anything it was not before.
    pub fn set_reference(&self, name: &str, commit: &str) {
        self.open()
            .reference(name, commit.parse().unwrap(), true, "testbed")
            .unwrap();
    }

    /// Stores all commits of all references in one pack, and the references in one file, as `git gc` does.
    pub fn pack(&self) {
        let repo = self.open();
        let (mut walk, mut builder) = (repo.revwalk().unwrap(), repo.packbuilder().unwrap());
        walk.push_glob("refs/*").unwrap();
        builder.insert_walk(&mut walk).unwrap();
        builder.write(&repo.path().join("objects/pack"), 0).unwrap();
        for folder in fs::read_dir(repo.path().join("objects")).unwrap().flatten() {
            if folder.file_name().len() == 2 {
                fs::remove_dir_all(folder.path()).unwrap();
            }
        }
        pack_references(&repo);
    }

    fn new(name: &str, bare: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        let mut options = RepositoryInitOptions::new();
        options
            .bare(bare)
            .initial_head("main")
            .external_template(false);
        let repo = Repository::init_opts(&path, &options).unwrap();
        // A server of `git` leaves objects where the tests put them.
        repo.config().unwrap().set_i32("gc.auto", 0).unwrap();
        Self { folder, path }
    }
}

/// libgit2 reads `packed-refs` but offers no call that writes it.
fn pack_references(repo: &Repository) {
    let mut lines = vec!["# pack-refs with: peeled fully-peeled sorted".to_owned()];
    let mut names = Vec::new();
    for reference in repo.references().unwrap().flatten() {
        if let (Some(id), Ok(name)) = (reference.target(), reference.name()) {
            names.push((name.to_owned(), id));
        }
    }
    names.sort();
    lines.extend(names.iter().map(|(name, id)| format!("{id} {name}")));
    fs::write(repo.path().join("packed-refs"), lines.join("\n") + "\n").unwrap();
    for (name, _) in names {
        let _ = fs::remove_file(repo.path().join(name));
    }
}

#[cfg(test)]
mod tests {
    use git2::ObjectType;

    use super::*;

    #[test]
    fn commits_add_change_and_remove_files_in_folders() {
        let repo = GitRepo::bare();
        let first = repo
            .on("main")
            .write(".beads/issues.jsonl", "a\n")
            .write("README.md", "hi")
            .commit("first");
        let second = repo
            .on("main")
            .write(".beads/issues.jsonl", "b\n")
            .remove("README.md")
            .commit("second");
        assert_eq!(repo.read("main", ".beads/issues.jsonl").unwrap(), b"b\n");
        assert_eq!(repo.read("main", "README.md"), None);
        let parent = repo
            .open()
            .find_commit(second.parse().unwrap())
            .unwrap()
            .parent_id(0)
            .unwrap();
        assert_eq!(parent.to_string(), first);
    }

    #[test]
    fn work_tree_follows_its_branch() {
        let repo = GitRepo::with_work_tree();
        repo.commit("main", "a/file", "1");
        repo.commit("other", "a/file", "3");
        repo.commit("main", "a/file", "2");
        assert_eq!(fs::read(repo.path().join("a/file")).unwrap(), b"2");
        assert!(repo.open().statuses(None).unwrap().is_empty());
    }

    #[test]
    fn packed_repository_holds_what_it_held() {
        let repo = GitRepo::bare();
        let id = repo.commit("main", "file", "1");
        repo.set_reference("refs/dolt/data", &id);
        repo.pack();
        assert_eq!(repo.read("main", "file").unwrap(), b"1");
        assert!(!repo.path().join("refs/heads/main").exists());
        repo.commit("main", "file", "2");
        assert_eq!(repo.read("main", "file").unwrap(), b"2");
    }

    #[test]
    fn branch_is_replaced_renamed_and_deleted() {
        let repo = GitRepo::bare();
        repo.commit("main", "old", "1");
        let id = repo.unrelated("main").write("new", "1").commit("unrelated");
        assert_eq!(
            repo.open()
                .find_commit(id.parse().unwrap())
                .unwrap()
                .parent_count(),
            0
        );
        assert_eq!(repo.read("main", "old"), None);
        repo.rename_branch("main", "trunk");
        assert_eq!((repo.head("main"), repo.head("trunk")), (None, Some(id)));
        repo.delete_branch("trunk");
        assert_eq!(repo.head("trunk"), None);
    }

    #[test]
    fn link_and_submodule_are_entries_of_the_tree() {
        let repo = GitRepo::bare();
        let commit = repo
            .on("main")
            .symlink("link", "target")
            .submodule("sub", &"1".repeat(40))
            .commit("odd");
        let tree = repo
            .open()
            .find_commit(commit.parse().unwrap())
            .unwrap()
            .tree_id();
        let opened = repo.open();
        let tree = opened.find_tree(tree).unwrap();
        assert_eq!(tree.get_name("link").unwrap().filemode(), 0o120_000);
        assert_eq!(
            tree.get_name("sub").unwrap().kind(),
            Some(ObjectType::Commit)
        );
    }
}
