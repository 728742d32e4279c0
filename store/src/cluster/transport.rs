//! One request to the API server: a deadline, and another try where one may help.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use tokio::time::{Instant, sleep_until, timeout};

use super::fault::{Fault, Verb};

/// How long one try may take. An answer of 1 MiB over a slow line is there by then; a lost connection is noticed.
const TRY: Duration = Duration::from_secs(20);
/// The longest wait a server may ask for before the request is given up instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends requests about one namespace. Clones share the pause that a 429 asks for.
#[derive(Clone)]
pub(super) struct Transport {
    client: Client,
    namespace: Arc<str>,
    /// Nothing is sent before this instant.
    paused_until: Arc<Mutex<Instant>>,
}

impl Transport {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            paused_until: Arc::new(Mutex::new(Instant::now())),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The body of a successful answer. Overload, failures of the server and lost answers are tried again for about six
    /// seconds, so a request may have been done more than once: each must be guarded.
    ///
    /// # Errors
    /// What the last answer means.
    pub(super) async fn send(
        &self,
        verb: Verb,
        request: http::Request<Bytes>,
    ) -> Result<Bytes, Fault> {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(4))
            .with_max_times(7)
            .with_jitter();
        (|| self.once(verb, request.clone()))
            .retry(backoff)
            .when(Fault::is_transient)
            .adjust(|fault, delay| self.pause(fault, delay))
            .notify(|fault, wait| {
                tracing::debug!(
                    verb = verb.as_str(),
                    reason = fault.reason().as_str(),
                    wait_ms = wait.as_millis(),
                    "request is tried again"
                );
            })
            .await
    }

    /// The wait before the next try. What the server asks for holds for all requests, not just for this one.
    fn pause(&self, fault: &Fault, delay: Option<Duration>) -> Option<Duration> {
        let delay = delay?;
        let Some(asked) = fault.retry_after() else {
            return Some(delay);
        };
        if asked > PATIENCE {
            return None;
        }
        let mut until = self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Instant::now() + asked);
        Some(delay.max(asked))
    }

    async fn once(&self, verb: Verb, request: http::Request<Bytes>) -> Result<Bytes, Fault> {
        let until = *self
            .paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if until > Instant::now() {
            sleep_until(until).await;
        }
        match timeout(TRY, self.exchange(verb, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::Unreachable {
                message: format!("no answer within {} seconds", TRY.as_secs()),
            }),
        }
    }

    async fn exchange(&self, verb: Verb, request: http::Request<Bytes>) -> Result<Bytes, Fault> {
        let answer = self
            .client
            .send(request.map(Body::from))
            .await
            .map_err(|e| unreachable(&e))?;
        let (parts, body) = answer.into_parts();
        let body = body.collect_bytes().await.map_err(|e| unreachable(&e))?;
        if parts.status.is_success() {
            return Ok(body);
        }
        let after = parts.headers.get(http::header::RETRY_AFTER);
        let after = after
            .and_then(|v| v.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let status = serde_json::from_slice(&body)
            .unwrap_or_else(|_| Status::failure(String::from_utf8_lossy(&body).trim(), ""));
        Err(Fault::of_answer(
            verb,
            &self.namespace,
            parts.status.as_u16(),
            after,
            &status,
        ))
    }
}

/// Names the innermost cause: the outer ones only say that a request failed.
fn unreachable(error: &kube::Error) -> Fault {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    Fault::Unreachable {
        message: cause.to_string(),
    }
}
