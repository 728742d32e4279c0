//! The clone that is kept of a remote repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use beadlet_sync::git::{Reason, Repository, Source};
use beadlet_testbed::git::GitRepo;
use beadlet_testbed::git::http::{Auth, GitHttp, Tls};
use tempfile::TempDir;

use super::{ISSUES, beads, line, needs_user_namespaces, refused, source, text, unlocked};

struct Served {
    repo: GitRepo,
    server: GitHttp,
    cache: TempDir,
}

impl Served {
    fn start() -> Self {
        let repo = beads();
        Self {
            server: GitHttp::start(&repo, Tls::Plain, Auth::Anyone),
            repo,
            cache: tempfile::tempdir().unwrap(),
        }
    }

    fn open(&self) -> Repository {
        self.open_in(self.cache.path())
    }

    fn open_in(&self, cache: &Path) -> Repository {
        Repository::open(source(&self.server.url(&self.repo), cache))
    }

    fn clones(&self) -> Vec<PathBuf> {
        let names = fs::read_dir(self.cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        names.filter(|path| path.is_dir()).collect()
    }

    fn clone(&self) -> PathBuf {
        let clones = self.clones();
        assert_eq!(clones.len(), 1, "{clones:?}");
        clones[0].clone()
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}

/// Damages each file of the clone in turn.
async fn survives(damage: impl Fn(&Path)) {
    let served = Served::start();
    served.repo.commit("main", ISSUES, line("gt-1").repeat(200));
    let mut repository = served.open();
    text(&mut repository).await;
    for file in files(&served.clone()) {
        let file = served
            .clone()
            .join(file.strip_prefix(served.clone()).unwrap());
        // The names of packs differ from clone to clone.
        let file = if file.exists() {
            file
        } else {
            same_kind(&served.clone(), &file)
        };
        damage(&file);
        assert_eq!(
            text(&mut repository).await,
            line("gt-1").repeat(200),
            "{}",
            file.display()
        );
    }
    drop(repository);
    let mut repository = served.open();
    unlocked(&mut repository).await;
    served.repo.commit("main", ISSUES, line("gt-2"));
    assert_eq!(text(&mut repository).await, line("gt-2"));
    assert_eq!(served.clones().len(), 1);
}

fn same_kind(clone: &Path, gone: &Path) -> PathBuf {
    let same =
        |path: &PathBuf| path.extension() == gone.extension() && path.parent() == gone.parent();
    files(clone).into_iter().find(same).unwrap()
}

fn writable(path: &Path) {
    let mut permissions = fs::metadata(path).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    fs::set_permissions(path, permissions).unwrap();
}

#[tokio::test]
async fn clone_with_a_missing_file_is_made_anew() {
    survives(|file| fs::remove_file(file).unwrap()).await;
}

#[tokio::test]
async fn clone_with_an_empty_file_is_made_anew() {
    survives(|file| {
        writable(file);
        fs::write(file, "").unwrap();
    })
    .await;
}

#[tokio::test]
async fn clone_with_garbage_in_a_file_is_made_anew() {
    survives(|file| {
        writable(file);
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..] {
            *byte ^= 0x55;
        }
        fs::write(file, bytes).unwrap();
    })
    .await;
}

#[tokio::test]
async fn clone_that_disappears_is_made_anew() {
    let served = Served::start();
    let mut repository = served.open();
    text(&mut repository).await;
    fs::remove_dir_all(served.clone()).unwrap();
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn clone_does_not_grow_with_the_number_of_fetches() {
    let served = Served::start();
    let mut repository = served.open();
    let mut most = 0;
    for number in 0..80 {
        let content = line(&format!("gt-{number}"));
        served.repo.commit("main", ISSUES, &content);
        assert_eq!(text(&mut repository).await, content);
        most = most.max(files(&served.clone().join("objects/pack")).len());
    }
    let left = files(&served.clone().join("objects/pack")).len();
    assert!(left < most && most <= 2 * 65, "{left} of {most}");
}

#[tokio::test]
async fn history_is_as_deep_as_the_settings_say() {
    let served = Served::start();
    for number in 2..6 {
        served
            .repo
            .commit("main", ISSUES, line(&format!("gt-{number}")));
    }
    for depth in [1, 3] {
        let cache = tempfile::tempdir().unwrap();
        let settings = source(&served.server.url(&served.repo), cache.path());
        let mut repository = Repository::open(Source {
            depth: depth.try_into().unwrap(),
            ..settings
        });
        text(&mut repository).await;
        let clone = fs::read_dir(cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.is_dir())
            .unwrap();
        let clone = git2::Repository::open(clone).unwrap();
        let mut history = clone.revwalk().unwrap();
        history.push_glob("refs/beadlet/*").unwrap();
        assert_eq!(history.count(), depth as usize);
    }
}

#[tokio::test]
async fn folder_that_another_process_uses_is_refused() {
    let served = Served::start();
    text(&mut served.open()).await;
    let other = fs::File::create(served.cache.path().join("lock")).unwrap();
    other.lock().unwrap();
    let message = refused(&mut served.open(), Reason::CacheUnusable).await;
    assert!(message.contains("in use by another process"), "{message}");
    other.unlock().unwrap();
    assert_eq!(text(&mut served.open()).await, line("gt-1"));
}

#[tokio::test]
async fn handles_of_one_process_share_a_clone() {
    let served = Served::start();
    let (mut one, mut two) = (served.open(), served.open());
    let texts = tokio::join!(text(&mut one), text(&mut two));
    assert_eq!(texts, (line("gt-1"), line("gt-1")));
    let clones = fs::read_dir(served.cache.path()).unwrap();
    let clones = clones.filter(|entry| entry.as_ref().unwrap().path().is_dir());
    assert_eq!(clones.count(), 1);
}

#[tokio::test]
async fn clone_of_another_url_is_removed() {
    let (first, second) = (Served::start(), Served::start());
    text(&mut first.open()).await;
    let before = first.clone();
    unlocked(&mut second.open_in(first.cache.path())).await;
    assert_ne!(first.clone(), before);
}

#[tokio::test]
async fn folder_that_cannot_be_made_is_named() {
    let served = Served::start();
    let file = served.cache.path().join("file");
    fs::write(&file, "").unwrap();
    let message = refused(
        &mut served.open_in(&file.join("cache")),
        Reason::CacheUnusable,
    )
    .await;
    assert!(message.contains("file/cache"), "{message}");
}

#[test]
fn full_disk_is_said_so_and_space_mends_it() {
    needs_user_namespaces();
    let served = Served::start();
    served.repo.commit("main", "large", noise(4 << 20));
    let disk = tempfile::tempdir().unwrap();
    // A small file system in a mount namespace of its own needs no privilege, and only the program sees it.
    let script = "mount -t tmpfs -o size=1m tmpfs $TMPDIR || exit 9
        $BEADLET list $URL -o name; echo $?
        ls -A $TMPDIR | wc -l
        mount -o remount,size=64m $TMPDIR || exit 9
        $BEADLET list $URL -o name; echo $?";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script])
        .env("TMPDIR", disk.path())
        .env("BEADLET", env!("CARGO_BIN_EXE_beadlet"))
        .env("URL", served.server.url(&served.repo))
        .output()
        .expect("unshare, of util-linux");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        message.contains("no space is left for the clone"),
        "{message}"
    );
    let lines: Vec<_> = str::from_utf8(&output.stdout).unwrap().lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_ne!(lines[0], "0");
    assert_eq!(lines[1..], ["0", "gt-1", "0"]);
}

/// Bytes that do not compress.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}
