//! A repository behind ssh.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use beadlet_sync::git::{Auth, Proxy, Reason, Repository, Secret, Source, known_hosts};
use beadlet_testbed::eventually;
use beadlet_testbed::git::ssh::HostKey;
use beadlet_testbed::git::{ConnectProxy, GitRepo, GitSsh};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::{ISSUES, SOON, beads, line, read, refused, source, text, tip};

/// A repository served over ssh, and a folder for its clone.
pub(super) struct Served {
    pub(super) repo: GitRepo,
    pub(super) server: GitSsh,
    cache: TempDir,
}

impl Served {
    pub(super) fn start(host_keys: &[HostKey]) -> Self {
        Self {
            repo: beads(),
            server: GitSsh::start(host_keys),
            cache: tempfile::tempdir().unwrap(),
        }
    }

    pub(super) fn source(&self) -> Source {
        let key = Auth::SshKey {
            private: file(&self.server.client_key()),
            passphrase: None,
            username: None,
        };
        let known_hosts = known_hosts::parse(self.server.known_hosts().as_bytes()).0;
        Source {
            auth: key,
            known_hosts,
            ..source(&self.server.url(&self.repo), self.cache.path())
        }
    }

    pub(super) fn knowing(&self, lines: &str) -> Source {
        let (known_hosts, rejected) = known_hosts::parse(lines.as_bytes());
        assert_eq!(rejected, []);
        Source {
            known_hosts,
            ..self.source()
        }
    }

    /// How many connections the server has let in.
    pub(super) fn logins(&self) -> usize {
        self.server.log().matches("Accepted publickey").count()
    }
}

fn file(path: &Path) -> Secret {
    Secret::new(fs::read(path).unwrap())
}

#[tokio::test]
async fn commits_are_fetched_over_ssh_by_one_connection() {
    let served = Served::start(&[HostKey::Ed25519]);
    let mut repository = Repository::open(served.source());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    for id in ["gt-2", "gt-3"] {
        served.repo.commit("main", ISSUES, line(id));
        assert_eq!(text(&mut repository).await, line(id));
    }
    served
        .repo
        .unrelated("main")
        .write(ISSUES, line("gt-9"))
        .commit("anew");
    assert_eq!(text(&mut repository).await, line("gt-9"));
    assert_eq!(served.logins(), 1);
}

#[tokio::test]
async fn key_with_a_passphrase_is_opened_by_it() {
    let served = Served::start(&[HostKey::Ed25519]);
    let key = |passphrase: Option<&str>| Auth::SshKey {
        private: file(&served.server.client_key_with_passphrase()),
        passphrase: passphrase.map(Secret::new),
        username: None,
    };
    let mut repository = Repository::open(Source {
        auth: key(Some(GitSsh::PASSPHRASE)),
        ..served.source()
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    for wrong in [None, Some("wrong")] {
        let mut repository = Repository::open(Source {
            auth: key(wrong),
            ..served.source()
        });
        let message = refused(&mut repository, Reason::SettingsInvalid).await;
        assert!(message.contains("passphrase"), "{message}");
    }
}

#[tokio::test]
async fn key_with_windows_line_ends_is_read() {
    let served = Served::start(&[HostKey::Ed25519]);
    let key = fs::read_to_string(served.server.client_key()).unwrap();
    let auth = Auth::SshKey {
        private: Secret::new(key.trim_end().replace('\n', "\r\n")),
        passphrase: None,
        username: None,
    };
    assert_eq!(
        text(&mut Repository::open(Source {
            auth,
            ..served.source()
        }))
        .await,
        line("gt-1")
    );
}

#[tokio::test]
async fn key_that_the_server_does_not_know_is_refused() {
    let served = Served::start(&[HostKey::Ed25519]);
    let auth = Auth::SshKey {
        private: file(&served.server.foreign_key()),
        passphrase: None,
        username: None,
    };
    let mut repository = Repository::open(Source {
        auth,
        ..served.source()
    });
    let message = refused(&mut repository, Reason::AuthenticationFailed).await;
    assert!(message.contains("deploy key"), "{message}");
}

#[tokio::test]
async fn repository_that_is_not_there_is_said_so_in_the_words_of_the_server() {
    let served = Served::start(&[HostKey::Ed25519]);
    let url = served
        .server
        .url(&served.repo)
        .replace("repo.git", "nowhere.git");
    let missing = Source {
        url: url.parse().unwrap(),
        ..served.source()
    };
    let message = refused(&mut Repository::open(missing), Reason::RepositoryNotFound).await;
    assert!(message.contains("nowhere.git"), "{message}");
}

#[tokio::test]
async fn server_that_accepts_and_is_silent_is_given_up() {
    let served = Served::start(&[HostKey::Ed25519]);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ssh://git@{}/x.git", silent.local_addr().unwrap());
    let source = Source {
        url: url.parse().unwrap(),
        timeout: Duration::from_millis(300),
        ..served.source()
    };
    let started = Instant::now();
    let message = refused(&mut Repository::open(source), Reason::TimedOut).await;
    assert!(message.contains("silent for 300ms"), "{message}");
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn connection_that_was_cut_is_made_again() {
    let served = Served::start(&[HostKey::Ed25519]);
    let middle = Middle::start(served.server.url(&served.repo)).await;
    let known_hosts = served.server.known_hosts().replace(
        &format!(":{} ", middle.behind),
        &format!(":{} ", middle.port),
    );
    let source = Source {
        url: middle.url.parse().unwrap(),
        ..served.knowing(&known_hosts)
    };
    let mut repository = Repository::open(source);
    assert_eq!(text(&mut repository).await, line("gt-1"));
    middle.cut.notify_waiters();
    served.repo.commit("main", ISSUES, line("gt-2"));
    assert_eq!(text(&mut repository).await, line("gt-2"));
    assert_eq!(served.logins(), 2);
}

/// Passes connections on, and cuts them when told to.
struct Middle {
    url: String,
    port: u16,
    behind: u16,
    cut: Arc<Notify>,
}

impl Middle {
    async fn start(url: String) -> Self {
        let behind: u16 = url
            .split(['/', ':'])
            .find_map(|part| part.parse().ok())
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(Notify::new());
        let told = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        () = told.notified() => {}
                    }
                });
            }
        });
        Self {
            url: url.replace(&format!(":{behind}/"), &format!(":{port}/")),
            port,
            behind,
            cut,
        }
    }
}

#[tokio::test]
async fn proxy_carries_ssh_as_well() {
    let served = Served::start(&[HostKey::Ed25519]);
    let proxy = ConnectProxy::start();
    let mut repository = Repository::open(Source {
        proxy: Proxy::Url(proxy.url().parse().unwrap()),
        ..served.source()
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    assert_eq!(proxy.tunnels().len(), 1);
}

#[tokio::test]
async fn token_over_ssh_says_what_to_give_instead() {
    let served = Served::start(&[HostKey::Ed25519]);
    let mut repository = Repository::open(Source {
        auth: Auth::Token(Secret::new("x")),
        ..served.source()
    });
    let message = refused(&mut repository, Reason::SettingsInvalid).await;
    assert!(message.contains("ssh key"), "{message}");
    let unreadable = Auth::SshKey {
        private: Secret::new("no key"),
        passphrase: None,
        username: None,
    };
    let mut repository = Repository::open(Source {
        auth: unreadable,
        ..served.source()
    });
    refused(&mut repository, Reason::SettingsInvalid).await;
}

#[tokio::test]
async fn unchanged_repository_is_looked_at_over_the_same_connection() {
    let served = Served::start(&[HostKey::Ed25519]);
    let mut repository = Repository::open(served.source());
    let first = read(&mut repository).await.unwrap().commit;
    for _ in 0..3 {
        assert_eq!(tip(&mut repository).await.commit, first);
    }
    assert_eq!(served.logins(), 1);
}

#[tokio::test]
async fn password_that_the_server_does_not_take_is_refused() {
    let served = Served::start(&[HostKey::Ed25519]);
    let auth = Auth::Basic {
        username: "ann".to_owned(),
        password: Secret::new("hunter2"),
    };
    let message = refused(
        &mut Repository::open(Source {
            auth,
            ..served.source()
        }),
        Reason::AuthenticationFailed,
    )
    .await;
    assert!(!message.contains("hunter2"), "{message}");
}

/// An agent that holds one key. Ends with the value.
struct Agent {
    process: std::process::Child,
    folder: TempDir,
}

impl Agent {
    async fn start(key: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("agent");
        let process = Command::new("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { process, folder };
        eventually(SOON, "the agent holds the key", async || {
            let add = Command::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", agent.socket())
                .output();
            add.unwrap().status.success()
        })
        .await;
        agent
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("agent")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn agent_of_the_person_is_asked_where_no_key_is_given() {
    let served = Served::start(&[HostKey::Ed25519]);
    let known = served.cache.path().join("known_hosts");
    fs::write(&known, served.server.known_hosts()).unwrap();
    let list = |socket: Option<PathBuf>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_beadlet"));
        command
            .args([
                "list",
                &served.server.url(&served.repo),
                "-o",
                "name",
                "--known-hosts-file",
            ])
            .arg(&known);
        command
            .env_clear()
            .envs(socket.map(|socket| ("SSH_AUTH_SOCK", socket)))
            .output()
            .unwrap()
    };
    let agent = Agent::start(&served.server.client_key()).await;
    let output = list(Some(agent.socket()));
    assert_eq!(
        output.stdout,
        b"gt-1\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let message = String::from_utf8(list(None).stderr).unwrap();
    assert!(message.contains("credentials are needed"), "{message}");
}
