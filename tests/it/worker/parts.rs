//! `git-init`: what lies outside the repository itself, submodules and files in Git LFS.

use beadlet_supervise::contract::ExitCode;
use beadlet_testbed::git::GitRepo;

use super::clone::{TOKEN, changes, over_https, project};
use super::pod::Pod;

/// SHA-256 of "large" and a line end.
const LARGE_HASH: &str = "9bfce334a37bd1bc1d36b0370195b31fe9a9389dd43d0873891a3544ef1140a1";

#[test]
fn submodules_are_brought_when_asked_for() {
    let (repo, part) = (project(), GitRepo::bare());
    let pinned = part.commit("main", "part.txt", "of the whole\n");
    part.commit("main", "part.txt", "newer\n");
    let (server, _) = over_https(&repo);
    // Beside the project, so that the same server has it.
    copy(part.path(), &repo.parent().join("part.git"));
    repo.on("main")
        .write(
            ".gitmodules",
            "[submodule \"part\"]\n\tpath = lib/part\n\turl = ../part.git\n",
        )
        .submodule("lib/part", &pinned)
        .commit("a part");
    let pod = || {
        Pod::new(&server.url(&repo))
            .with("BEADLET_CA_FILE", &server.ca_file().display().to_string())
            .secret("token", TOKEN)
    };
    let without = pod();
    assert_eq!(without.clone().code, ExitCode::Success);
    assert!(!without.file("lib/part/part.txt").exists());
    let with = pod().with("BEADLET_SUBMODULES", "recursive");
    let cloned = with.clone();
    assert_eq!(cloned.code, ExitCode::Success, "{cloned:?}");
    assert_eq!(
        std::fs::read_to_string(with.file("lib/part/part.txt")).unwrap(),
        "of the whole\n"
    );
    assert_eq!(changes(&with), [""; 0]);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(to)
            .status()
            .unwrap()
            .success()
    );
}

/// A repository that keeps `large.bin` in Git LFS, as git-lfs itself leaves it.
fn lfs_project() -> GitRepo {
    let repo = project();
    let pointer =
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{LARGE_HASH}\nsize 6\n");
    repo.on("main")
        .write(
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        )
        .write("large.bin", pointer)
        .commit("large");
    let folder = repo
        .path()
        .join("lfs/objects")
        .join(&LARGE_HASH[..2])
        .join(&LARGE_HASH[2..4]);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(LARGE_HASH), "large\n").unwrap();
    repo
}

#[test]
fn files_in_lfs_are_brought_by_git_lfs() {
    let repo = lfs_project();
    let pod = Pod::new(&repo.url());
    let cloned = pod.clone();
    assert_eq!(cloned.code, ExitCode::Success, "{cloned:?}");
    assert_eq!(
        std::fs::read_to_string(pod.file("large.bin")).unwrap(),
        "large\n"
    );
}

#[test]
fn files_in_lfs_without_git_lfs_are_a_clear_error() {
    let repo = lfs_project();
    let pod = || Pod::new(&repo.url()).with("PATH", "/nowhere");
    let cloned = pod().clone();
    assert_eq!(cloned.code, ExitCode::CloneUnsupported);
    assert_eq!(
        cloned.report.message,
        "1 files are in Git LFS (such as large.bin), and git-lfs is not in this image: add it, or set lfs to pointers"
    );
    let pod = pod().with("BEADLET_LFS", "pointers");
    assert_eq!(pod.clone().code, ExitCode::Success);
    assert!(
        std::fs::read_to_string(pod.file("large.bin"))
            .unwrap()
            .starts_with("version ")
    );
}
