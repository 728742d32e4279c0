//! The receiver of webhooks: a forge says that somebody pushed, and whoever mirrors that repository looks at the branch at once.
//!
//! | answer | when |
//! |---|---|
//! | 202 | the call is signed with the secret |
//! | 401 | nothing in the call says that it knows the secret |
//! | 403 | it is signed with another secret, or nobody is there to be called |
//! | 404, 405, 413 | another path, another method than POST, more than 25 MiB |
//!
//! It has an address of its own, as that one is for the world and the metrics are not. Nothing that a call says is believed or even kept:
//! the body goes through the hash as it comes in. One connection is one call, of five seconds at most, and only so many are open at once,
//! so that whoever calls, and how often, costs a fixed amount of memory.

mod callee;
mod calls;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use beadlet_sync::git::webhook::{Check, Proofs};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use callee::{Callee, SecretError, secret};
pub use calls::{Calls, Outcome};

/// What the largest forge sends at most.
const BODY: u64 = 25 * 1024 * 1024;
/// From the first byte of a connection to its end.
const CALL: Duration = Duration::from_secs(5);
/// Connections at once. The next ones wait in the system's queue, and those of a flood fall out of it.
const CONNECTIONS: usize = 128;
/// For the head of a request, and of the body at once. Forges send heads of 2 KiB.
const BUFFER: usize = 16 * 1024;
/// After a connection could not be taken, for want of file descriptors for example.
const AGAIN: Duration = Duration::from_millis(100);

/// Answers calls until `stop` is cancelled, and then lets those that came finish.
pub async fn serve(listener: TcpListener, callee: Callee, calls: Calls, stop: CancellationToken) {
    let (callee, places) = (Arc::new(callee), Arc::new(Semaphore::new(CONNECTIONS)));
    let open = TaskTracker::new();
    let accepting = async {
        // The semaphore is never closed.
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let Some(stream) = accept(&listener).await else {
                continue;
            };
            let (callee, calls) = (Arc::clone(&callee), calls.clone());
            open.spawn(async move {
                converse(stream, &callee, &calls).await;
                drop(place);
            });
        }
    };
    stop.run_until_cancelled(accepting).await;
    open.close();
    open.wait().await;
}

async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            if error.kind() != io::ErrorKind::ConnectionAborted {
                tracing::warn!(%error, "connection of a webhook not taken");
                sleep(AGAIN).await;
            }
            None
        }
    }
}

/// One connection, which is one call.
async fn converse(stream: TcpStream, callee: &Callee, calls: &Calls) {
    let is_answered = AtomicBool::new(false);
    let answering = service_fn(async |request| {
        let outcome = answer(request, callee).await;
        is_answered.store(true, Ordering::Relaxed);
        calls.count(outcome);
        tracing::debug!(outcome = outcome.as_str(), "webhook called");
        Ok::<_, Infallible>(response(outcome))
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), answering);
    let end = timeout(CALL, connection).await;
    // How a connection ends after its call does not matter.
    match end {
        _ if is_answered.load(Ordering::Relaxed) => {}
        Ok(Ok(())) => {}
        Ok(Err(_)) => calls.count(Outcome::Broken),
        Err(_) => calls.count(Outcome::TimedOut),
    }
}

async fn answer(request: Request<Incoming>, callee: &Callee) -> Outcome {
    let proofs = Proofs::of(request.headers());
    let (method, door) = (request.method().clone(), callee.at(request.uri().path()));
    let is_unsigned = proofs.is_empty();
    let check = door
        .as_ref()
        .filter(|_| method == Method::POST && !is_unsigned)
        .map(|door| proofs.check(&door.secret));
    // A body that is left in the socket would take the answer with it.
    let is_right = match through(request.into_body(), check).await {
        Ok(is_right) => is_right,
        Err(outcome) => return outcome,
    };
    match door {
        None => Outcome::NoSuchPath,
        Some(_) if method != Method::POST => Outcome::WrongMethod,
        Some(_) if is_unsigned => Outcome::Unsigned,
        Some(door) if is_right => {
            if let Some(bell) = door.bell {
                bell.ring();
            }
            Outcome::Accepted
        }
        Some(_) => Outcome::WrongSignature,
    }
}

/// Lets the body through the check. Gives whether it is right.
async fn through(mut body: Incoming, mut check: Option<Check>) -> Result<bool, Outcome> {
    let mut length = body.size_hint().lower();
    if length > BODY {
        return Err(Outcome::TooLarge);
    }
    length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Outcome::Broken)?.into_data() else {
            continue;
        };
        length += data.len() as u64;
        if length > BODY {
            return Err(Outcome::TooLarge);
        }
        if let Some(check) = &mut check {
            check.update(&data);
        }
    }
    Ok(check.is_some_and(Check::is_right))
}

fn response(outcome: Outcome) -> Response<Full<Bytes>> {
    let (status, text) = match outcome {
        Outcome::Accepted => (StatusCode::ACCEPTED, "accepted\n"),
        Outcome::Unsigned => (StatusCode::UNAUTHORIZED, "the call is not signed\n"),
        Outcome::WrongSignature => (
            StatusCode::FORBIDDEN,
            "the call is not signed with the secret that is known here\n",
        ),
        Outcome::NoSuchPath => (StatusCode::NOT_FOUND, "no webhook has this path\n"),
        Outcome::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "POST it\n"),
        Outcome::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "more than 25 MiB\n"),
        Outcome::Broken | Outcome::TimedOut => (StatusCode::BAD_REQUEST, "the call broke off\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    if outcome == Outcome::WrongMethod {
        let allowed = HeaderValue::from_static("POST");
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}
