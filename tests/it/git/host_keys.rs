//! Which hosts are trusted over ssh.

use beadlet_sync::git::{Reason, Repository};
use beadlet_testbed::git::ssh::HostKey;

use super::ssh::Served;
use super::{line, refused, text, unlocked};

#[tokio::test]
async fn host_is_asked_for_the_kind_of_key_that_is_known() {
    let served = Served::start(&HostKey::ALL);
    let all = served.server.known_hosts();
    assert_eq!(all.lines().count(), 3);
    for line_of_one_kind in all.lines() {
        let mut repository = Repository::open(served.knowing(line_of_one_kind));
        unlocked(&mut repository).await;
        assert_eq!(
            text(&mut repository).await,
            line("gt-1"),
            "{line_of_one_kind}"
        );
    }
}

#[tokio::test]
async fn unknown_host_is_refused_with_the_fingerprint_that_was_seen() {
    let served = Served::start(&[HostKey::Ed25519]);
    let mut repository = Repository::open(served.knowing(""));
    let message = refused(&mut repository, Reason::HostKeyUnknown).await;
    assert!(
        message.contains(&served.server.fingerprints()[0]),
        "{message}"
    );
    assert_eq!(served.logins(), 0);
}

#[tokio::test]
async fn changed_host_key_names_the_one_seen_and_the_one_expected() {
    let mut served = Served::start(&[HostKey::Ed25519]);
    let source = served.source();
    let before = served.server.fingerprints();
    let mut repository = Repository::open(source.clone());
    assert_eq!(text(&mut repository).await, line("gt-1"));
    drop(repository);
    served.server.change_host_keys(&[HostKey::Ed25519]);
    let seen = served.server.fingerprints();
    let mut repository = Repository::open(source);
    let message = refused(&mut repository, Reason::HostKeyChanged).await;
    assert!(
        message.contains(&seen[0]) && message.contains(&before[0]),
        "{message}"
    );
}

#[tokio::test]
async fn host_that_has_only_keys_of_another_kind_has_changed_its_key() {
    let mut served = Served::start(&[HostKey::Ed25519]);
    let source = served.source();
    served.server.change_host_keys(&[HostKey::Rsa]);
    let message = refused(&mut Repository::open(source), Reason::HostKeyChanged).await;
    assert!(
        message.contains(&served.server.fingerprints()[0]),
        "{message}"
    );
}

#[tokio::test]
async fn revoked_key_and_certificate_authority_are_refused() {
    let served = Served::start(&[HostKey::Ed25519]);
    let known = served.server.known_hosts();
    let mut repository = Repository::open(served.knowing(&format!("{known}@revoked {known}")));
    refused(&mut repository, Reason::HostKeyRevoked).await;
    let mut repository = Repository::open(served.knowing(&format!("@cert-authority {known}")));
    let message = refused(&mut repository, Reason::HostKeyUnknown).await;
    assert!(
        message.contains("host certificates are not supported"),
        "{message}"
    );
}
