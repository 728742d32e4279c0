//! A repository behind http and https.

use std::fs;
use std::time::{Duration, Instant};

use beadlet_sync::git::{Auth, CaBundle, Proxy, Reason, Repository, Secret, Source};
use beadlet_testbed::git::http::{self, Behaviour, GitHttp, Tls};
use beadlet_testbed::git::{ConnectProxy, GitRepo};
use tempfile::TempDir;

use super::{ISSUES, SOON, beads, line, read, refused, source, text, tip};

/// A served repository and a folder for its clone.
struct Served {
    repo: GitRepo,
    server: GitHttp,
    cache: TempDir,
}

impl Served {
    fn start(tls: Tls, auth: http::Auth) -> Self {
        let repo = beads();
        Self {
            server: GitHttp::start(&repo, tls, auth),
            repo,
            cache: tempfile::tempdir().unwrap(),
        }
    }

    fn plain() -> Self {
        Self::start(Tls::Plain, http::Auth::Anyone)
    }

    fn with_password() -> Self {
        Self::start(Tls::Plain, basic("secret"))
    }

    fn source(&self) -> Source {
        source(&self.server.url(&self.repo), self.cache.path())
    }

    fn trusting(&self) -> Source {
        let ca = CaBundle::parse(&fs::read(self.server.ca_file()).unwrap()).unwrap();
        Source {
            ca_bundle: Some(ca),
            ..self.source()
        }
    }

    fn impatient(&self) -> Source {
        Source {
            timeout: Duration::from_secs(1),
            ..self.source()
        }
    }

    /// What was asked of the server since `mark`.
    fn asked(&self, mark: usize) -> Vec<String> {
        self.server
            .seen()
            .split_off(mark)
            .into_iter()
            .map(|seen| format!("{} {}", seen.method, tail(&seen.path)))
            .collect()
    }
}

fn tail(path: &str) -> String {
    path.split_once(".git")
        .map_or(path, |(_, tail)| tail)
        .to_owned()
}

fn basic(password: &str) -> http::Auth {
    http::Auth::Basic {
        user: "ann".to_owned(),
        password: password.to_owned(),
    }
}

fn password(password: &str) -> Auth {
    Auth::Basic {
        username: "ann".to_owned(),
        password: Secret::new(password),
    }
}

const LOOK: &str = "GET /info/refs?service=git-upload-pack";

#[tokio::test]
async fn commits_are_fetched_over_http() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    for id in ["gt-2", "gt-3"] {
        served.repo.commit("main", ISSUES, line(id));
        assert_eq!(text(&mut repository).await, line(id));
    }
}

#[tokio::test]
async fn unchanged_repository_costs_one_request_a_look() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    read(&mut repository).await.unwrap();
    let mark = served.server.seen().len();
    for _ in 0..3 {
        read(&mut repository).await.unwrap();
    }
    assert_eq!(served.asked(mark), [LOOK; 3]);
}

#[tokio::test]
async fn commit_that_is_in_the_clone_is_not_fetched_again_by_the_next_process() {
    let served = Served::plain();
    let mut first = Repository::open(served.source());
    read(&mut first).await.unwrap();
    drop(first);
    let mark = served.server.seen().len();
    let mut second = Repository::open(served.source());
    super::unlocked(&mut second).await;
    assert!(
        served.asked(mark).iter().all(|request| request == LOOK),
        "{:?}",
        served.asked(mark)
    );
}

#[tokio::test]
async fn force_push_to_unrelated_history_is_followed() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    served
        .repo
        .unrelated("main")
        .write(ISSUES, line("gt-9"))
        .commit("anew");
    assert_eq!(text(&mut repository).await, line("gt-9"));
    served
        .repo
        .unrelated("main")
        .write(ISSUES, line("gt-1"))
        .commit("back");
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn deleted_branch_is_an_error_until_it_comes_back() {
    let served = Served::plain();
    let mut repository = Repository::open(Source {
        branch: Some("main".to_owned()),
        ..served.source()
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    served.repo.commit("other", ISSUES, line("gt-other"));
    served.repo.delete_branch("main");
    let message = refused(&mut repository, Reason::BranchNotFound).await;
    assert!(message.contains("(there is other)"), "{message}");
    served.repo.commit("main", ISSUES, line("gt-2"));
    assert_eq!(text(&mut repository).await, line("gt-2"));
}

#[tokio::test]
async fn renamed_default_branch_is_followed_by_head() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    assert_eq!(tip(&mut repository).await.branch, "main");
    served.repo.rename_branch("main", "trunk");
    let message = refused(&mut repository, Reason::BranchNotFound).await;
    assert!(
        message.contains("HEAD") && message.contains("trunk"),
        "{message}"
    );
    served.repo.set_head("trunk");
    let tip = tip(&mut repository).await;
    assert_eq!(tip.branch, "trunk");
    assert_eq!(repository.fetch(&tip).await.unwrap().file, line("gt-1"));
}

#[tokio::test]
async fn branch_that_the_tracker_names_is_read_and_dolt_data_seen() {
    let served = Served::plain();
    served.repo.commit("tracker", ISSUES, line("gt-tracker"));
    let commit = served
        .repo
        .commit("main", ".beads/config.yaml", "sync-branch: tracker\n");
    served.repo.set_reference("refs/dolt/data", &commit);
    let mut repository = Repository::open(served.source());
    let snapshot = read(&mut repository).await.unwrap();
    assert_eq!((snapshot.branch.as_str(), snapshot.dolt), ("tracker", true));
    assert_eq!(snapshot.file, line("gt-tracker"));
    let mark = served.server.seen().len();
    read(&mut repository).await.unwrap();
    assert_eq!(served.asked(mark), [LOOK]);
}

#[tokio::test]
async fn empty_repository_and_one_that_is_not_there_are_told_apart() {
    let served = Served::plain();
    served.repo.delete_branch("main");
    refused(
        &mut Repository::open(served.source()),
        Reason::RepositoryEmpty,
    )
    .await;
    let url = format!("{}/nowhere.git", served.server.base());
    refused(
        &mut Repository::open(source(&url, served.cache.path())),
        Reason::RepositoryNotFound,
    )
    .await;
}

#[tokio::test]
async fn password_is_sent_with_the_first_request() {
    let served = Served::with_password();
    let mut repository = Repository::open(Source {
        auth: password("secret"),
        ..served.source()
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    assert!(
        served
            .server
            .seen()
            .iter()
            .all(|seen| seen.status == Some(200)),
        "{:?}",
        served.server.seen()
    );
}

#[tokio::test]
async fn password_of_the_url_is_used_and_never_shown() {
    let served = Served::with_password();
    let with = |password: &str| {
        served
            .server
            .url(&served.repo)
            .replace("http://", &format!("http://ann:{password}@"))
    };
    let mut repository = Repository::open(source(&with("secret"), served.cache.path()));
    assert_eq!(text(&mut repository).await, line("gt-1"));
    let mut repository = Repository::open(source(&with("hunter2"), served.cache.path()));
    let message = refused(&mut repository, Reason::AuthenticationFailed).await;
    assert!(!message.contains("hunter2"), "{message}");
}

#[tokio::test]
async fn missing_wrong_and_insufficient_credentials_are_told_apart() {
    let served = Served::with_password();
    let message = refused(
        &mut Repository::open(served.source()),
        Reason::AuthenticationFailed,
    )
    .await;
    assert!(message.contains("credentials are needed"), "{message}");
    let mut repository = Repository::open(Source {
        auth: password("old"),
        ..served.source()
    });
    let message = refused(&mut repository, Reason::AuthenticationFailed).await;
    assert!(message.contains("are refused"), "{message}");
    let mut repository = Repository::open(Source {
        auth: password("secret"),
        ..served.source()
    });
    served.server.behave(Behaviour::Status(403));
    refused(&mut repository, Reason::AccessDenied).await;
    served.server.behave(Behaviour::Serve);
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn token_is_a_password_or_a_bearer_token_as_the_server_wants() {
    let token = || Auth::Token(Secret::new("t0ken"));
    let user = || http::Auth::Basic {
        user: "x-access-token".to_owned(),
        password: "t0ken".to_owned(),
    };
    let served = Served::start(Tls::Plain, user());
    assert_eq!(
        text(&mut Repository::open(Source {
            auth: token(),
            ..served.source()
        }))
        .await,
        line("gt-1")
    );
    let served = Served::start(Tls::Plain, http::Auth::Bearer("t0ken".to_owned()));
    let mut repository = Repository::open(Source {
        auth: token(),
        ..served.source()
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    let mark = served.server.seen().len();
    read(&mut repository).await.unwrap();
    assert_eq!(served.asked(mark), [LOOK]);
}

#[tokio::test]
async fn certificate_is_checked_against_the_bundle_of_the_source() {
    let served = Served::start(Tls::Valid, http::Auth::Anyone);
    assert_eq!(
        text(&mut Repository::open(served.trusting())).await,
        line("gt-1")
    );
    let message = refused(
        &mut Repository::open(served.source()),
        Reason::CertificateRefused,
    )
    .await;
    assert!(message.contains("CA bundle"), "{message}");
    let other = Served::start(Tls::Valid, http::Auth::Anyone);
    let foreign = Source {
        ca_bundle: other.trusting().ca_bundle,
        ..served.source()
    };
    refused(&mut Repository::open(foreign), Reason::CertificateRefused).await;
    assert_eq!(
        text(&mut Repository::open(other.trusting())).await,
        line("gt-1")
    );
}

#[tokio::test]
async fn expired_certificate_and_one_for_another_host_are_refused() {
    let expired = Served::start(Tls::Expired, http::Auth::Anyone);
    let message = refused(
        &mut Repository::open(expired.trusting()),
        Reason::CertificateRefused,
    )
    .await;
    assert!(message.contains("expired"), "{message}");
    let other = Served::start(Tls::OtherHost, http::Auth::Anyone);
    let message = refused(
        &mut Repository::open(other.trusting()),
        Reason::CertificateRefused,
    )
    .await;
    assert!(message.contains("127.0.0.1"), "{message}");
}

#[tokio::test]
async fn server_that_never_answers_or_hangs_mid_pack_is_given_up() {
    let served = Served::plain();
    let mut repository = Repository::open(served.impatient());
    for behaviour in [Behaviour::Hang, Behaviour::HangMidPack] {
        served.server.behave(behaviour);
        let started = Instant::now();
        let message = refused(&mut repository, Reason::TimedOut).await;
        assert!(message.contains("silent for 1s"), "{message}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    served.server.behave(Behaviour::Serve);
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn branch_that_moves_between_look_and_fetch_is_read_where_it_is() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    let before = tip(&mut repository).await;
    drop(repository);
    let mut repository = Repository::open(Source {
        branch: Some("main".to_owned()),
        ..served.source()
    });
    let cache = tempfile::tempdir().unwrap();
    let mut fresh = Repository::open(Source {
        cache_dir: cache.path().to_owned(),
        ..served.source()
    });
    served.repo.commit("main", ISSUES, line("gt-2"));
    let snapshot = fresh.fetch(&before).await.unwrap();
    assert_eq!(Some(snapshot.commit.to_string()), served.repo.head("main"));
    assert_eq!(snapshot.file, line("gt-2"));
    super::unlocked(&mut repository).await;
    // The commit that is here is read as it was asked for.
    assert_eq!(repository.fetch(&before).await.unwrap().file, line("gt-1"));
}

#[tokio::test]
async fn server_that_sends_a_little_now_and_then_is_given_up_in_the_end() {
    let served = Served::plain();
    served
        .server
        .behave(Behaviour::Slow(Duration::from_millis(700)));
    let source = Source {
        timeout: Duration::from_secs(1),
        ..served.source()
    };
    let message = refused(&mut Repository::open(source), Reason::TimedOut).await;
    assert!(message.contains("more than 10s"), "{message}");
}

#[tokio::test]
async fn pack_that_breaks_off_costs_nothing_but_the_attempt() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    served.server.behave(Behaviour::DropMidPack);
    let error = read(&mut repository).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    served.server.behave(Behaviour::Serve);
    assert_eq!(text(&mut repository).await, line("gt-1"));
}

#[tokio::test]
async fn call_that_nobody_waits_for_ends_and_the_next_one_works() {
    let served = Served::plain();
    served.server.behave(Behaviour::Hang);
    let mut repository = Repository::open(served.source());
    {
        let hanging = repository.tip();
        let asked = beadlet_testbed::eventually(SOON, "the server is asked", async || {
            !served.server.seen().is_empty()
        });
        tokio::select! {
            tip = hanging => panic!("answered: {tip:?}"),
            _ = asked => {}
        }
    }
    served.server.behave(Behaviour::Serve);
    let started = Instant::now();
    assert_eq!(text(&mut repository).await, line("gt-1"));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn broken_server_is_worth_another_try_and_a_wrong_url_is_not() {
    let served = Served::plain();
    let mut repository = Repository::open(served.source());
    for (status, transient) in [(500, true), (503, true), (429, true), (400, false)] {
        served.server.behave(Behaviour::Status(status));
        let error = read(&mut repository).await.unwrap_err();
        assert_eq!(
            (error.reason(), error.is_transient()),
            (Reason::ServerFailed, transient),
            "{error}"
        );
    }
    served.server.behave(Behaviour::Status(200));
    let message = refused(&mut repository, Reason::ServerFailed).await;
    assert!(message.contains("no git server"), "{message}");
}

#[tokio::test]
async fn unreachable_server_is_named() {
    let served = Served::plain();
    let url = served.server.url(&served.repo);
    let cache = tempfile::tempdir().unwrap();
    drop(served);
    let message = refused(
        &mut Repository::open(source(&url, cache.path())),
        Reason::ServerUnreachable,
    )
    .await;
    assert!(
        message.starts_with(&format!("{url}: cannot connect")),
        "{message}"
    );
}

#[tokio::test]
async fn redirect_to_another_server_is_followed_without_the_credentials() {
    let (from, to) = (Served::with_password(), Served::plain());
    from.repo.pack();
    from.server.behave(Behaviour::Redirect(to.server.base()));
    let mut repository = Repository::open(Source {
        auth: password("secret"),
        ..from.source()
    });
    to.repo.commit("main", ISSUES, line("gt-moved"));
    assert_eq!(text(&mut repository).await, line("gt-moved"));
    assert!(
        from.server
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_some())
    );
    assert!(
        to.server
            .seen()
            .iter()
            .all(|seen| seen.authorization.is_none()),
        "{:?}",
        to.server.seen()
    );
}

#[tokio::test]
async fn redirect_away_from_tls_is_not_followed() {
    let (from, to) = (
        Served::start(Tls::Valid, http::Auth::Anyone),
        Served::plain(),
    );
    from.server.behave(Behaviour::Redirect(to.server.base()));
    let message = refused(&mut Repository::open(from.trusting()), Reason::ServerFailed).await;
    assert!(message.contains(&to.server.base()), "{message}");
    assert_eq!(to.server.seen(), []);
}

#[tokio::test]
async fn proxy_is_used_with_its_password() {
    let served = Served::start(Tls::Valid, http::Auth::Anyone);
    let proxy = ConnectProxy::start_with_password("ann", "secret");
    let through = |url: String| Source {
        proxy: Proxy::Url(url.parse().unwrap()),
        ..served.trusting()
    };
    let with = |password: &str| {
        proxy
            .url()
            .replace("http://", &format!("http://ann:{password}@"))
    };
    let mut repository = Repository::open(through(with("secret")));
    assert_eq!(text(&mut repository).await, line("gt-1"));
    assert!(!proxy.tunnels().is_empty());
    let message = refused(
        &mut Repository::open(through(with("hunter2"))),
        Reason::ProxyFailed,
    )
    .await;
    assert!(
        message.contains("credentials") && !message.contains("hunter2"),
        "{message}"
    );
    let message = refused(
        &mut Repository::open(through("http://127.0.0.1:1".to_owned())),
        Reason::ProxyFailed,
    )
    .await;
    assert!(message.contains("127.0.0.1:1"), "{message}");
}

#[tokio::test]
async fn settings_that_do_not_go_together_say_so() {
    let served = Served::plain();
    let key = Auth::SshKey {
        private: Secret::new("x"),
        passphrase: None,
        username: None,
    };
    let message = refused(
        &mut Repository::open(Source {
            auth: key,
            ..served.source()
        }),
        Reason::SettingsInvalid,
    )
    .await;
    assert!(message.contains("ssh key"), "{message}");
    let proxy = Proxy::Url(
        "socks5://127.0.0.1:1"
            .parse()
            .unwrap_or_else(|_| "ssh://127.0.0.1/x".parse().unwrap()),
    );
    refused(
        &mut Repository::open(Source {
            proxy,
            ..served.source()
        }),
        Reason::SettingsInvalid,
    )
    .await;
}

#[tokio::test]
async fn proxy_passes_on_single_requests_without_tls() {
    let proxy = Served::plain();
    let url = proxy
        .server
        .url(&proxy.repo)
        .replace(&proxy.server.base(), "http://git.example.com");
    let through = Proxy::Url(proxy.server.base().parse().unwrap());
    let mut repository = Repository::open(Source {
        proxy: through,
        ..source(&url, proxy.cache.path())
    });
    assert_eq!(text(&mut repository).await, line("gt-1"));
    assert!(
        proxy
            .server
            .seen()
            .iter()
            .all(|seen| seen.path.starts_with("http://git.example.com/"))
    );
}

/// The program, with nothing in its environment but this.
async fn listed(url: &str, arguments: &[&str], environment: &[(&str, String)]) -> (String, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_beadlet"));
    command
        .args(["list", url, "-o", "name"])
        .args(arguments)
        .env_clear();
    let output = command
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .await
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn proxy_of_the_environment_is_used_but_for_hosts_that_need_none() {
    let served = Served::start(Tls::Valid, http::Auth::Anyone);
    let (url, proxy) = (served.server.url(&served.repo), ConnectProxy::start());
    let ca = served.server.ca_file();
    let ca = ["--ca-file", ca.to_str().unwrap()];
    let by_proxy = ("HTTPS_PROXY", proxy.url());
    let (out, err) = listed(&url, &ca, &[by_proxy.clone()]).await;
    assert_eq!(out, "gt-1\n", "{err}");
    let tunnels = proxy.tunnels().len();
    assert_ne!(tunnels, 0);
    let (out, err) = listed(&url, &ca, &[by_proxy, ("NO_PROXY", "127.0.0.1".to_owned())]).await;
    assert_eq!(out, "gt-1\n", "{err}");
    assert_eq!(proxy.tunnels().len(), tunnels);
}
