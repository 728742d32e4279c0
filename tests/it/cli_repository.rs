//! The offline commands read repositories: in place, over http, https and ssh, and say what is wrong with them.

use std::path::{Path, PathBuf};

use beadlet_testbed::git::http::{Auth, Tls};
use beadlet_testbed::git::ssh::HostKey;
use beadlet_testbed::git::{GitHttp, GitRepo, GitSsh};

use crate::cli::{Answer, answer, beadlet, command, fixture};

const NOW: &str = "2026-01-10T00:00:00Z";

fn town() -> GitRepo {
    let repo = GitRepo::bare();
    repo.commit(
        "main",
        ".beads/issues.jsonl",
        std::fs::read(fixture("town.jsonl")).unwrap(),
    );
    repo.set_head("main");
    repo
}

fn ready(url: &str, more: &[&str]) -> Answer {
    beadlet(&[&["ready", url, "--now", NOW, "-o", "name"], more].concat())
}

fn file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    path.display().to_string()
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().unwrap()
}

#[test]
fn a_repository_is_read_at_its_branch() {
    let repo = GitRepo::bare();
    let issues = std::fs::read(fixture("town.jsonl")).unwrap();
    repo.commit("main", ".beads/issues.jsonl", &issues);
    repo.set_head("main");
    let head = beadlet(&["ready", &repo.url(), "--now", NOW, "-o", "name"]);
    assert_eq!(head.lines(), ["gt-0005", "gt-0001", "gt-0008"]);
    let fewer: Vec<u8> = issues
        .split_inclusive(|byte| *byte == b'\n')
        .take(1)
        .flatten()
        .copied()
        .collect();
    repo.commit("side", "deep/export.jsonl", fewer);
    let args = [
        "ready",
        &repo.url(),
        "--branch",
        "side",
        "--path",
        "deep/export.jsonl",
        "--now",
        NOW,
        "-o",
        "name",
    ];
    assert_eq!(beadlet(&args).lines(), ["gt-0001"]);
}

#[test]
fn the_current_folder_is_the_target_when_none_is_given() {
    let repo = GitRepo::with_work_tree();
    repo.commit(
        "main",
        ".beads/issues.jsonl",
        std::fs::read(fixture("town.jsonl")).unwrap(),
    );
    repo.set_head("main");
    let mut list = command(&["show", "gt-0008", "-o", "name"]);
    list.current_dir(repo.path());
    assert_eq!(answer(list, b"").good(), "gt-0008\n");
}

#[test]
fn what_cannot_be_read_is_named() {
    let missing = beadlet(&["list", "/nowhere/issues.jsonl"]);
    assert!(
        missing
            .failed(1)
            .contains("cannot read /nowhere/issues.jsonl: "),
        "{}",
        missing.stderr
    );
    let folder = tempfile::tempdir().unwrap();
    let empty = beadlet(&["list", folder.path().to_str().unwrap()]);
    assert!(empty.failed(1).contains("cannot read "), "{}", empty.stderr);
}

#[test]
fn secrets_do_not_show_in_messages_or_help() {
    let url = "https://ann:hunter2@127.0.0.1:1/beads.git";
    let failed = beadlet(&["list", url]);
    assert!(!failed.failed(1).contains("hunter2"), "{}", failed.stderr);
    let mut help = command(&["list", "--help"]);
    help.env("BEADLET_REPO", url)
        .env("BEADLET_TOKEN", "hunter2")
        .env("BEADLET_PROXY", "http://u:hunter2@proxy.example.com");
    assert!(!answer(help, b"").good().contains("hunter2"));
}

#[test]
fn a_folder_inside_a_work_tree_means_its_repository() {
    let repo = GitRepo::with_work_tree();
    repo.commit(
        "main",
        ".beads/issues.jsonl",
        std::fs::read(fixture("town.jsonl")).unwrap(),
    );
    repo.set_head("main");
    let deep = repo.path().join("src/deep");
    std::fs::create_dir_all(&deep).unwrap();
    assert_eq!(ready(deep.to_str().unwrap(), &[]).lines().len(), 3);
}

#[test]
fn a_password_over_https_comes_from_a_file_or_the_environment() {
    let repo = town();
    let basic = Auth::Basic {
        user: "ann".to_owned(),
        password: "s3cret".to_owned(),
    };
    let server = GitHttp::start(&repo, Tls::Valid, basic);
    let (url, ca, folder) = (
        server.url(&repo),
        text(server.ca_file()),
        tempfile::tempdir().unwrap(),
    );
    let password = file(folder.path(), "password", "s3cret\n");
    let flags = ["--ca-file", &ca, "--username", "ann"];
    assert_eq!(
        ready(
            &url,
            &[&flags[..], &["--password-file", &password]].concat()
        )
        .lines()
        .len(),
        3
    );

    let args = ["ready", &url, "--now", NOW, "-o", "name"];
    let mut by_environment = command(&[&args[..], &flags].concat());
    by_environment.env("BEADLET_PASSWORD", "s3cret");
    assert_eq!(answer(by_environment, b"").lines().len(), 3);

    let wrong = file(folder.path(), "wrong", "guess");
    let refused = ready(&url, &[&flags[..], &["--password-file", &wrong]].concat());
    assert!(
        refused.failed(1).contains("cannot read https://127.0.0.1:"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("guess"), "{}", refused.stderr);
}

#[test]
fn a_server_of_an_unknown_authority_is_refused() {
    let repo = town();
    let server = GitHttp::start(&repo, Tls::Valid, Auth::Anyone);
    let refused = ready(&server.url(&repo), &[]);
    assert!(
        refused.failed(1).contains("certificate"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_token_over_https_comes_from_a_file() {
    let repo = town();
    let server = GitHttp::start(&repo, Tls::Valid, Auth::Anyone);
    let folder = tempfile::tempdir().unwrap();
    let (token, ca) = (
        file(folder.path(), "token", "t0ken\n"),
        text(server.ca_file()),
    );
    let flags = ["--token-file", &token, "--ca-file", &ca, "--proxy", "none"];
    assert_eq!(ready(&server.url(&repo), &flags).lines().len(), 3);
    assert!(
        server
            .seen()
            .iter()
            .any(|seen| seen.authorization.is_some())
    );
}

#[test]
fn ssh_needs_the_key_and_the_host_key() {
    let repo = town();
    let server = GitSsh::start(&[HostKey::Ed25519]);
    let (url, folder) = (server.url(&repo), tempfile::tempdir().unwrap());
    let hosts = file(folder.path(), "known_hosts", &server.known_hosts());
    let key = text(server.client_key());
    let flags = ["--ssh-key-file", &key, "--known-hosts-file", &hosts];
    assert_eq!(ready(&url, &flags).lines().len(), 3);

    let closed = text(server.client_key_with_passphrase());
    let passphrase = file(folder.path(), "passphrase", GitSsh::PASSPHRASE);
    let flags = [
        "--ssh-key-file",
        &closed,
        "--ssh-passphrase-file",
        &passphrase,
        "--known-hosts-file",
        &hosts,
    ];
    assert_eq!(ready(&url, &flags).lines().len(), 3);

    let stranger = ready(&url, &["--ssh-key-file", &key]);
    assert!(
        stranger.failed(1).contains(&server.fingerprints()[0]),
        "{}",
        stranger.stderr
    );
}

#[test]
fn a_known_hosts_line_that_cannot_be_used_is_warned_of() {
    let repo = town();
    let folder = tempfile::tempdir().unwrap();
    let hosts = file(folder.path(), "known_hosts", "what is this\n");
    let answer = ready(&repo.url(), &["--known-hosts-file", &hosts]);
    assert_eq!(answer.stdout.lines().count(), 3);
    assert!(
        answer.stderr.contains("known hosts line cannot be used"),
        "{}",
        answer.stderr
    );
}

#[test]
fn a_configuration_that_cannot_be_read_is_ignored_with_a_warning_and_found_by_check() {
    let repo = town();
    repo.commit("main", ".beads/config.yaml", "issue-prefix: [1, 2\n");
    let answer = ready(&repo.url(), &[]);
    assert_eq!((answer.code, answer.stdout.lines().count()), (0, 3));
    assert!(
        answer
            .stderr
            .contains("the tracker's configuration is ignored"),
        "{}",
        answer.stderr
    );
    let check = beadlet(&["check", &repo.url()]);
    assert_eq!(check.code, 1);
    assert!(check.stdout.contains("configuration"), "{}", check.stdout);
}

#[test]
fn a_larger_file_than_allowed_is_refused() {
    let repo = town();
    let big = vec![b'#'; 1 << 20];
    repo.commit(
        "main",
        ".beads/issues.jsonl",
        [big, b"\n".to_vec()].concat(),
    );
    let refused = ready(&repo.url(), &["--max-file-mib", "1"]);
    assert!(
        refused.failed(1).contains("more than the limit of 1048576"),
        "{}",
        refused.stderr
    );
}
