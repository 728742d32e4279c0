//! Floods: many calls, endless ones, large ones, broken ones. The process stays small and goes on.

use beadlet_testbed::{
    eventually,
    forge::{exchange, post, sign},
    usage::Usage,
};
use futures::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::SOON;
use super::mirror::{SECRET, Scene};

/// How much a process may grow by whatever strangers do: buffers of 128 connections, and what the allocator keeps.
const GROWTH: u64 = 24 * 1024 * 1024;
const MIB: usize = 1024 * 1024;

fn peak(scene: &Scene) -> u64 {
    Usage::of(scene.program.id()).unwrap().peak
}

/// The process has not grown, and the mirror does what it is for.
async fn unharmed(scene: &Scene, before: u64, count: usize) {
    let after = peak(scene);
    let grown = after.saturating_sub(before);
    assert!(grown < GROWTH, "{before} bytes became {after}");
    scene.commit(count);
    eventually(SOON, "a place for a signed call", async || {
        let signature = format!("sha256={}", sign(SECRET, "{}"));
        let headers = [("X-Hub-Signature-256", signature.as_str())];
        let code = post(&scene.webhook, "/webhook", &headers, b"{}").await;
        code.is_ok_and(|code| code == 202)
    })
    .await;
    scene.mirrored(count).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_calls_costs_no_memory_and_no_look() {
    let scene = Scene::new("flood").await;
    let (before, looks) = (peak(&scene), scene.server.seen().len());
    let large = vec![b'a'; MIB];
    let wrong = sign("another", "");
    let calls = (0..600).map(|n| {
        let (address, large, wrong) = (&scene.webhook, &large, &wrong);
        let (headers, body) = match n % 3 {
            0 => (vec![], &large[..1]),
            1 => (vec![("X-Gitea-Signature", wrong.as_str())], &large[..]),
            _ => (vec![("X-Gitlab-Token", "another")], &large[..64 * 1024]),
        };
        async move { post(address, "/webhook", &headers, body).await }
    });
    let codes: Vec<_> = stream::iter(calls).buffer_unordered(64).collect().await;
    // On a busy machine a call may take too long and be ended; none is believed.
    let answers = |code| codes.iter().flatten().filter(|&&one| one == code).count();
    assert!(answers(401) > 0 && answers(403) > 0, "{codes:?}");
    assert_eq!(answers(202), 0);
    assert_eq!(scene.server.seen().len(), looks, "nobody looked");
    unharmed(&scene, before, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_never_end_are_ended() {
    let scene = Scene::new("slow").await;
    let before = peak(&scene);
    let mut open = Vec::new();
    for n in 0..300 {
        let mut stream = TcpStream::connect(&scene.webhook).await.unwrap();
        let part: &[u8] = match n % 3 {
            0 => b"",
            1 => b"POST /webhook HTTP/1.1\r\nHost: a\r\nX-Slow: ",
            _ => b"POST /webhook HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nX-Gitlab-Token: a\r\n\r\nabc",
        };
        // It may have been ended already.
        let _ = stream.write_all(part).await;
        open.push(stream);
    }
    for mut stream in open {
        let mut rest = Vec::new();
        let end = tokio::time::timeout(SOON, stream.read_to_end(&mut rest));
        // An end is an end, also a hard one.
        let _ = end.await.expect("the connection was ended");
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{rest:?}");
    }
    assert!(scene.calls("timed_out").await > 0);
    unharmed(&scene, before, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_forge_sends_is_refused_and_never_kept() {
    let scene = Scene::new("large").await;
    let before = peak(&scene);
    let said = "POST /webhook HTTP/1.1\r\nHost: a\r\nX-Gitlab-Token: correct horse battery staple\r\nContent-Length: 99999999999\r\n\r\n";
    let answer = exchange(&scene.webhook, said.as_bytes()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Without saying so: it stops somewhere, and at the latest when the time of a call is over.
    let mut stream = TcpStream::connect(&scene.webhook).await.unwrap();
    let head = "POST /webhook HTTP/1.1\r\nHost: a\r\nX-Gitlab-Token: correct horse battery staple\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [
        format!("{MIB:x}\r\n").into_bytes(),
        vec![b'a'; MIB],
        b"\r\n".to_vec(),
    ]
    .concat();
    let mut sent = 0;
    while sent < 64 && stream.write_all(&chunk).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 64, "the connection was ended after {sent} MiB");
    assert_eq!(scene.calls("accepted").await, 0);
    unharmed(&scene, before, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_http_is_answered_or_ended() {
    let scene = Scene::new("broken").await;
    let before = peak(&scene);
    let many = format!("POST /webhook HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(5_000));
    let long = format!("POST /{} HTTP/1.1\r\n\r\n", "a".repeat(1_000_000));
    for bytes in [
        &b"\r\n\r\n\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /webhook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        b"POST \xff\xfe HTTP/1.1\r\n\r\n",
        many.as_bytes(),
        long.as_bytes(),
    ] {
        // Some are reset in the middle of what they send.
        let answer = exchange(&scene.webhook, bytes).await.unwrap_or_default();
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    unharmed(&scene, before, 2).await;
}
