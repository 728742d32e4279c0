//! Servers that hang, break off and fail.

use std::time::{Duration, Instant};

use beadlet_sync::git::{Reason, Repository, Source};
use beadlet_testbed::git::http::Behaviour;

use super::served::Served;
use super::{SOON, line, read, refused, source, text};

#[tokio::test]
async fn server_that_never_answers_or_hangs_mid_pack_is_given_up() {
    let served = Served::plain();
    let mut repository = Repository::open(served.impatient());
    for behaviour in [Behaviour::Hang, Behaviour::HangMidPack] {
        served.server.behave(behaviour);
        let started = Instant::now();
        let message = refused(&mut repository, Reason::TimedOut).await;
        assert!(message.contains("silent for 1s"), "{message}");
        assert!(started.elapsed() < SOON);
    }
    served.server.behave(Behaviour::Serve);
    assert_eq!(text(&mut repository).await, line("gt-1"));
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
    assert!(started.elapsed() < SOON);
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
