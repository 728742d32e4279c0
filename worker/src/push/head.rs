//! Where the agent left its repository: read as text, without libgit2 and without trust. What is odd counts as nothing.

use std::path::Path;

use beadlet_supervise::files;
use git2::Oid;

const REF_LIMIT: usize = 4096;
const PACKED_LIMIT: usize = 64 << 20;
/// As many refs may name another one; git itself follows five.
const DEEPEST: usize = 5;

/// The commit that HEAD of the repository in `git` names.
pub(super) fn head(git: &Path) -> Option<Oid> {
    if !git
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir())
    {
        return None;
    }
    let mut name = "HEAD".to_owned();
    for _ in 0..DEEPEST {
        let text = loose(git, &name)?;
        match text.strip_prefix("ref: ") {
            None => return Oid::from_str(&text).ok().filter(|_| text.len() == 40),
            Some(next) if is_ref(next) => name = next.to_owned(),
            Some(_) => return None,
        }
    }
    None
}

/// The content of a ref's own file, else its line in `packed-refs`.
fn loose(git: &Path, name: &str) -> Option<String> {
    match files::read(&git.join(name), REF_LIMIT).ok()? {
        Some(bytes) => Some(String::from_utf8(bytes).ok()?.trim_end().to_owned()),
        None => packed(
            &files::read(&git.join("packed-refs"), PACKED_LIMIT).ok()??,
            name,
        ),
    }
}

fn packed(bytes: &[u8], name: &str) -> Option<String> {
    let line = bytes
        .split(|&byte| byte == b'\n')
        .find(|line| line.get(41..) == Some(name.as_bytes()) && line.get(40) == Some(&b' '))?;
    String::from_utf8(line[..40].to_vec()).ok()
}

fn is_ref(name: &str) -> bool {
    name.starts_with("refs/") && git2::Reference::is_valid_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn git(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    fn head_of(files: &[(&str, &str)]) -> Option<String> {
        head(git(files).path()).map(|commit| commit.to_string())
    }

    #[test]
    fn head_leads_to_a_commit_by_a_loose_and_by_a_packed_ref() {
        let (head, line) = (
            "ref: refs/heads/a/b\n",
            format!("# pack-refs with: peeled\n{COMMIT} refs/heads/a/b\n"),
        );
        assert_eq!(
            head_of(&[("HEAD", head), ("refs/heads/a/b", &format!("{COMMIT}\n"))]).as_deref(),
            Some(COMMIT)
        );
        assert_eq!(
            head_of(&[("HEAD", head), ("packed-refs", &line)]).as_deref(),
            Some(COMMIT)
        );
        assert_eq!(head_of(&[("HEAD", COMMIT)]).as_deref(), Some(COMMIT));
    }

    #[test]
    fn head_that_leads_nowhere_is_nothing() {
        for files in [
            &[][..],
            &[("HEAD", "ref: refs/heads/a")],
            &[("HEAD", "ref: refs/heads/../../../etc/passwd")],
            &[("HEAD", "ref: /etc/passwd")],
            &[("HEAD", "0123")],
            &[
                ("HEAD", "ref: refs/heads/a"),
                ("refs/heads/a", "ref: refs/heads/a"),
            ],
            &[("HEAD", "ref: refs/heads/a"), ("packed-refs", "nonsense\n")],
        ] {
            assert_eq!(head_of(files), None, "{files:?}");
        }
    }

    #[test]
    fn repository_that_is_a_link_is_nothing() {
        let real = git(&[("HEAD", COMMIT)]);
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join(".git");
        std::os::unix::fs::symlink(real.path(), &link).unwrap();
        assert_eq!(head(&link), None);
    }
}
