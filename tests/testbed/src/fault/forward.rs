//! Passes requests on, and does to them what the rules say.

use std::{future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Value, json};
use tokio::{select, task::block_in_place, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{Asked, Fault, Passed, State, lock};
use crate::server::{Body, BoxError, Dropped, Reply, broken, full};

pub(super) async fn respond(state: Arc<State>, request: Request<Incoming>) -> Reply {
    let asked = Asked::of(request.method(), request.uri());
    let fault = lock(&state.rules)
        .iter()
        .find(|rule| rule.holds(&asked))
        .map(|rule| rule.fault.clone());
    let name = fault.as_ref().map(Fault::name);
    let reply = match &fault {
        None => state.pass(request).await,
        Some(fault) => state.spoil(&asked, fault, request).await,
    };
    let status = reply
        .as_ref()
        .ok()
        .map(|response| response.status().as_u16());
    let watch = asked.verb == "watch";
    state.record(asked, status, name);
    if matches!(fault, Some(Fault::Hang)) {
        return pending().await;
    }
    let until = lock(&state.watches).clone();
    reply.map(|response| {
        if watch {
            response.map(|body| cut_when(body, until))
        } else {
            response
        }
    })
}

impl State {
    async fn spoil(&self, asked: &Asked, fault: &Fault, request: Request<Incoming>) -> Reply {
        match fault {
            Fault::Answer {
                status,
                retry_after,
            } => Ok(answer(*status, *retry_after)),
            Fault::DropRequest | Fault::Hang => Err(Dropped),
            Fault::DropAnswer => self.pass(request).await.and(Err(Dropped)),
            Fault::Delay(pause) => {
                sleep(*pause).await;
                self.pass(request).await
            }
            Fault::DelayAnswer(pause) => {
                let reply = self.pass(request).await;
                sleep(*pause).await;
                reply
            }
            Fault::CutAfterLines(lines) => Ok(self
                .pass(request)
                .await?
                .map(|body| cut_after(body, *lines))),
            Fault::TooOld => Ok(full(StatusCode::OK, too_old())),
            Fault::Before(hook) => {
                block_in_place(|| hook(asked));
                self.pass(request).await
            }
            Fault::Instead(hook) => {
                block_in_place(|| hook(asked));
                Err(Dropped)
            }
            Fault::After(hook) => {
                let reply = self.pass(request).await;
                block_in_place(|| hook(asked));
                reply
            }
        }
    }

    /// Asks the API server as the proxy's user.
    async fn pass(&self, request: Request<Incoming>) -> Reply {
        let (mut parts, body) = request.into_parts();
        parts.uri = parts.uri.path_and_query().cloned().ok_or(Dropped)?.into();
        parts.version = http::Version::default();
        own(&mut parts.headers);
        // The whole body, so that a client killed meanwhile has either asked or not.
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        let asking = self
            .upstream
            .send(Request::from_parts(parts, Vec::from(body).into()));
        let (mut parts, body) = asking.await.map_err(|_| Dropped)?.into_parts();
        parts.version = http::Version::default();
        own(&mut parts.headers);
        Ok(Response::from_parts(
            parts,
            body.map_err(BoxError::from).boxed_unsync(),
        ))
    }

    fn record(&self, asked: Asked, status: Option<u16>, fault: Option<&'static str>) {
        lock(&self.log).push(Passed {
            asked,
            status,
            fault,
        });
    }
}

/// Takes out the headers that belong to one connection, and the client's credentials: the proxy has its own.
fn own(headers: &mut HeaderMap) {
    for name in [
        header::HOST,
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::AUTHORIZATION,
    ] {
        headers.remove(name);
    }
}

/// A `Status` as the API server would send it.
fn answer(status: u16, retry_after: Option<Duration>) -> Response<Body> {
    let seconds = retry_after.map(|pause| pause.as_secs());
    let details = json!({"retryAfterSeconds": seconds.unwrap_or_default()});
    let mut response = full(
        StatusCode::from_u16(status).unwrap(),
        status_object(status, &details).to_string(),
    );
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = seconds {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn status_object(code: u16, details: &Value) -> Value {
    let reason = match code {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        // A create that meets an object says AlreadyExists; this is what an update or a patch gets.
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "Unknown",
    };
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{reason}, says the fault proxy"), "reason": reason, "details": details, "code": code,
    })
}

fn too_old() -> String {
    format!(
        "{}\n",
        json!({"type": "ERROR", "object": status_object(410, &json!({}))})
    )
}

/// Passes a body on until it is told to stop, which breaks the connection.
fn cut_when(body: Body, until: CancellationToken) -> Body {
    let pieces = stream::unfold(Some(body.into_data_stream()), move |pieces| {
        let until = until.clone();
        async move {
            let mut pieces = pieces?;
            select! {
                () = until.cancelled() => Some((broken().await, None)),
                piece = pieces.next() => piece.map(|piece| (piece, Some(pieces))),
            }
        }
    });
    streamed(pieces)
}

/// Passes so many lines on, then breaks the connection without waiting for more.
fn cut_after(body: Body, lines: usize) -> Body {
    let pieces = stream::unfold(Some((body.into_data_stream(), lines)), |state| async move {
        let (mut pieces, wanted) = state?;
        if wanted == 0 {
            return Some((broken().await, None));
        }
        let bytes = match pieces.next().await? {
            Ok(bytes) => bytes,
            Err(error) => return Some((Err(error), None)),
        };
        let (kept, missing) = first_lines(&bytes, wanted);
        Some((Ok(kept), Some((pieces, missing))))
    });
    streamed(pieces)
}

fn streamed(pieces: impl Stream<Item = Result<Bytes, BoxError>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map(|piece| piece.map(Frame::data))).boxed_unsync()
}

/// The begin of `bytes` with at most `wanted` line ends, and how many are still missing.
fn first_lines(bytes: &Bytes, wanted: usize) -> (Bytes, usize) {
    let ends: Vec<usize> = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    match ends.get(wanted.saturating_sub(1)) {
        Some(end) => (bytes.slice(..*end), 0),
        None => (bytes.clone(), wanted - ends.len()),
    }
}
