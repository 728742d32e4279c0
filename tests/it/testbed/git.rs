//! The git servers serve, and fail as asked, both to git itself and to libgit2.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use beadlet_testbed::{
    GitRepo,
    git::{
        ConnectProxy, GitHttp, GitSsh,
        http::{Auth, Behaviour, Tls},
        ssh::HostKey,
    },
};
use git2::{CertificateCheckStatus, Cred, FetchOptions, RemoteCallbacks, build::RepoBuilder};

fn served() -> GitRepo {
    let repo = GitRepo::bare();
    repo.commit("main", "file", "content");
    repo
}

fn basic() -> Auth {
    Auth::Basic {
        user: "gastown".into(),
        password: "hunter2".into(),
    }
}

/// `git` with nothing of the person's settings.
fn git(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs(variables.iter().copied());
    command.args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What libgit2 clones, with a user and a password where it is asked.
fn clone(url: &str, login: Option<(&str, &str)>) -> Result<String, git2::Error> {
    let mut callbacks = RemoteCallbacks::new();
    callbacks.credentials(|_, _, _| match login {
        Some((user, password)) => Cred::userpass_plaintext(user, password),
        None => Err(git2::Error::from_str("asked for a password")),
    });
    clone_with(url, callbacks)
}

fn clone_with(url: &str, callbacks: RemoteCallbacks<'_>) -> Result<String, git2::Error> {
    let folder = tempfile::tempdir().unwrap();
    let mut options = FetchOptions::new();
    options.remote_callbacks(callbacks);
    RepoBuilder::new()
        .fetch_options(options)
        .clone(url, folder.path())?;
    Ok(fs::read_to_string(folder.path().join("file")).unwrap())
}

fn clone_over_ssh(url: &str, key: &Path) -> Result<String, git2::Error> {
    let mut callbacks = RemoteCallbacks::new();
    let mut asked = false;
    callbacks.credentials(|_, user, _| {
        if std::mem::replace(&mut asked, true) {
            return Err(git2::Error::from_str("the key is refused"));
        }
        Cred::ssh_key(user.unwrap(), None, key, None)
    });
    callbacks.certificate_check(|_, _| Ok(CertificateCheckStatus::CertificateOk));
    clone_with(url, callbacks)
}

#[test]
fn local_path_is_cloned() {
    assert_eq!(clone(&served().url(), None).unwrap(), "content");
}

#[test]
fn http_server_serves_those_who_know_the_password() {
    let repo = served();
    let server = GitHttp::start(&repo, Tls::Plain, basic());
    let url = server.url(&repo);
    assert_eq!(
        clone(&url, Some(("gastown", "hunter2"))).unwrap(),
        "content"
    );
    assert!(clone(&url, None).is_err());
    let seen = server.seen();
    assert_eq!(
        (seen[0].status, seen[0].authorization.as_deref()),
        (Some(401), None)
    );
    assert_eq!(
        (seen[1].status, seen[1].authorization.as_deref()),
        (Some(200), Some("Basic"))
    );
}

#[test]
fn http_server_asks_for_a_token() {
    let repo = served();
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Bearer("s3cret".into()));
    let header = "http.extraHeader=Authorization: Bearer s3cret";
    let listed = git(
        &[
            "-c",
            header,
            "ls-remote",
            &server.url(&repo),
            "refs/heads/main",
        ],
        &[],
    );
    assert_eq!(
        String::from_utf8_lossy(&listed.stdout).split('\t').next(),
        repo.head("main").as_deref()
    );
    assert!(
        !git(&["ls-remote", &server.url(&repo)], &[])
            .status
            .success()
    );
}

#[test]
fn push_over_http_is_seen_in_the_repository() {
    let (repo, work) = (served(), GitRepo::with_work_tree());
    let server = GitHttp::start(&repo, Tls::Plain, basic());
    let pushed = work.commit("main", "pushed", "1");
    let url = server.url(&repo).replace("://", "://gastown:hunter2@");
    let path = work.url();
    let output = git(
        &[
            "-C",
            &path,
            "-c",
            "safe.directory=*",
            "push",
            &url,
            "main:refs/heads/topic",
        ],
        &[],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(repo.head("topic"), Some(pushed));
}

#[test]
fn https_server_is_trusted_by_its_authority_only() {
    let repo = served();
    let server = GitHttp::start(&repo, Tls::Valid, Auth::Anyone);
    let (url, ca) = (server.url(&repo), server.ca_file().display().to_string());
    assert!(
        git(&["ls-remote", &url], &[("GIT_SSL_CAINFO", &ca)])
            .status
            .success()
    );
    assert!(!git(&["ls-remote", &url], &[]).status.success());
}

#[test]
fn expired_and_foreign_certificates_are_refused_although_their_authority_is_trusted() {
    let repo = served();
    for tls in [Tls::Expired, Tls::OtherHost] {
        let server = GitHttp::start(&repo, tls, Auth::Anyone);
        let ca = server.ca_file().display().to_string();
        assert!(
            !git(
                &["ls-remote", &server.url(&repo)],
                &[("GIT_SSL_CAINFO", &ca)]
            )
            .status
            .success()
        );
        assert_eq!(server.seen(), []);
    }
}

#[test]
fn http_server_misbehaves_as_asked() {
    let (repo, other) = (served(), served());
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    let url = server.url(&repo);
    server.behave(Behaviour::Status(403));
    assert!(clone(&url, None).unwrap_err().message().contains("403"));
    server.behave(Behaviour::DropMidPack);
    assert!(clone(&url, None).is_err());
    server.behave(Behaviour::Slow(Duration::from_millis(1)));
    assert_eq!(clone(&url, None).unwrap(), "content");
    let target = GitHttp::start(&other, Tls::Plain, Auth::Anyone);
    server.behave(Behaviour::Redirect(target.base()));
    assert_eq!(clone(&url, None).unwrap(), "content");
    assert!(!target.seen().is_empty());
}

#[test]
fn server_that_hangs_mid_pack_has_sent_its_header() {
    let repo = served();
    let server = GitHttp::start(&repo, Tls::Plain, Auth::Anyone);
    server.behave(Behaviour::HangMidPack);
    let slow = ["-c", "http.lowSpeedLimit=1000", "-c", "http.lowSpeedTime=1"];
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("clone").display().to_string();
    let output = git(
        &[&slow[..], &["clone", &server.url(&repo), &into]].concat(),
        &[],
    );
    assert!(!output.status.success());
    assert_eq!(server.seen().last().unwrap().status, Some(200));
}

#[test]
fn proxy_records_the_tunnel_and_asks_for_its_password() {
    let repo = served();
    let server = GitHttp::start(&repo, Tls::Valid, Auth::Anyone);
    let ca = server.ca_file().display().to_string();
    let through = |proxy: &str| {
        let proxy = format!("http.proxy={proxy}");
        git(
            &["-c", &proxy, "ls-remote", &server.url(&repo)],
            &[("GIT_SSL_CAINFO", &ca)],
        )
        .status
        .success()
    };
    let open = ConnectProxy::start();
    assert!(through(&open.url()));
    assert_eq!(
        format!("https://{}", open.tunnels()[0].target),
        server.base()
    );
    let closed = ConnectProxy::start_with_password("user", "secret");
    assert!(!through(&closed.url()));
    assert!(through(&closed.url().replace("://", "://user:secret@")));
    let answers: Vec<u16> = closed
        .tunnels()
        .iter()
        .map(|tunnel| tunnel.status)
        .collect();
    assert_eq!((answers.first(), answers.last()), (Some(&407), Some(&200)));
}

#[test]
fn ssh_server_lets_its_key_in_and_no_other() {
    let repo = served();
    let server = GitSsh::start(&[HostKey::Ed25519]);
    assert_eq!(
        clone_over_ssh(&server.url(&repo), &server.client_key()).unwrap(),
        "content"
    );
    assert!(clone_over_ssh(&server.url(&repo), &server.foreign_key()).is_err());
}

#[test]
fn ssh_server_is_known_by_its_host_keys_until_they_change() {
    let repo = served();
    let mut server = GitSsh::start(&HostKey::ALL);
    let (folder, url) = (tempfile::tempdir().unwrap(), server.url(&repo));
    let known = folder.path().join("known_hosts");
    fs::write(&known, server.known_hosts()).unwrap();
    let ssh = format!(
        "ssh -F none -i {} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={}",
        server.client_key().display(),
        known.display()
    );
    let listed = git(&["ls-remote", &url], &[("GIT_SSH_COMMAND", &ssh)]);
    assert!(
        listed.status.success(),
        "{}\n{}",
        stderr(&listed),
        server.log()
    );
    let before = server.fingerprints();
    server.change_host_keys(&HostKey::ALL);
    let refused = git(&["ls-remote", &url], &[("GIT_SSH_COMMAND", &ssh)]);
    assert!(
        stderr(&refused).contains("HOST IDENTIFICATION HAS CHANGED"),
        "{}",
        stderr(&refused)
    );
    assert!(
        server
            .fingerprints()
            .iter()
            .all(|print| print.starts_with("SHA256:") && !before.contains(print))
    );
}

#[test]
fn ssh_server_runs_nothing_but_git() {
    let server = GitSsh::start(&[HostKey::Ed25519]);
    let url = server.url(&served());
    let (host, _) = url.trim_start_matches("ssh://").split_once('/').unwrap();
    let (host, port) = host.split_once(':').unwrap();
    let options = [
        "-F",
        "none",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
    ];
    let output = Command::new("ssh")
        .args(options)
        .arg("-i")
        .arg(server.client_key())
        .args(["-p", port, host, "cat /etc/passwd"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
}
