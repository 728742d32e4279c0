//! Whom we trust over http and https, and whom we tell our secrets.

use beadlet_sync::git::{Auth, Proxy, Reason, Repository, Secret, Source};
use beadlet_testbed::git::ConnectProxy;
use beadlet_testbed::git::http::{self, Behaviour, Tls};

use super::served::{LOOK, Served, password};
use super::{ISSUES, line, read, refused, source, text};

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
    let (out, err) = listed(&url, &ca, std::slice::from_ref(&by_proxy)).await;
    assert_eq!(out, "gt-1\n", "{err}");
    let tunnels = proxy.tunnels().len();
    assert_ne!(tunnels, 0);
    let (out, err) = listed(&url, &ca, &[by_proxy, ("NO_PROXY", "127.0.0.1".to_owned())]).await;
    assert_eq!(out, "gt-1\n", "{err}");
    assert_eq!(proxy.tunnels().len(), tunnels);
}
