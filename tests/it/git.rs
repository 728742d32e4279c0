//! Reading the issue file from repositories: in place, over http, https and ssh.

mod cache;
mod commit;
mod host_keys;
mod http;
mod local;
mod served;
mod ssh;
mod trouble;
mod trust;
mod watch;

use std::path::Path;
use std::time::Duration;

use beadlet_sync::git::{GitError, GitUrl, Reason, Repository, Snapshot, Source, Tip};
use beadlet_testbed::git::GitRepo;

/// A test that waits longer than this for anything has failed.
const SOON: Duration = Duration::from_secs(120);

const ISSUES: &str = ".beads/issues.jsonl";

fn line(id: &str) -> String {
    format!(
        "{{\"id\":\"{id}\",\"title\":\"{id}\",\"status\":\"open\",\"priority\":1,\"issue_type\":\"task\"}}\n"
    )
}

/// A repository as on a server, with one issue.
fn beads() -> GitRepo {
    let repo = GitRepo::bare();
    repo.commit("main", ISSUES, line("gt-1"));
    repo
}

fn source(url: &str, cache: &Path) -> Source {
    Source {
        timeout: Duration::from_secs(10),
        ..Source::new(url.parse::<GitUrl>().unwrap(), cache.to_owned())
    }
}

/// What a pass does.
async fn read(repository: &mut Repository) -> Result<Snapshot, GitError> {
    let tip = repository.tip().await?;
    repository.fetch(&tip).await
}

async fn text(repository: &mut Repository) -> String {
    let snapshot = read(repository).await.unwrap();
    String::from_utf8(snapshot.file.to_vec()).unwrap()
}

async fn tip(repository: &mut Repository) -> Tip {
    repository.tip().await.unwrap()
}

/// The pass fails for this reason. Gives the message.
async fn refused(repository: &mut Repository, reason: Reason) -> String {
    match read(repository).await {
        Ok(snapshot) => panic!("read {} at {}", snapshot.path, snapshot.commit),
        Err(error) => {
            assert_eq!(error.reason(), reason, "{error}");
            error.to_string()
        }
    }
}

/// Reads once the clone is free: a handle that was dropped may hold it for a moment longer.
async fn unlocked(repository: &mut Repository) {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        match read(repository).await {
            Err(error)
                if error.reason() == Reason::CacheUnusable
                    && std::time::Instant::now() < deadline => {}
            result => return drop(result.unwrap()),
        }
    }
}

/// Small disks and low limits are made in a user namespace, which needs no privilege but must be allowed.
fn needs_user_namespaces() {
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "true"])
        .output()
        .expect("unshare, of util-linux");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "this test needs a machine or container that allows user namespaces: {message}"
    );
}
