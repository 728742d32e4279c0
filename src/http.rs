//! What is served over HTTP: liveness, readiness, metrics and the status.
//!
//! | path | of | answer |
//! |---|---|---|
//! | `/livez` | sync, controller | 200 while the process turns |
//! | `/readyz` | sync | 200 after the first pass that ended well, 503 with the reason until then |
//! | `/readyz` | controller | 200 while the process turns, also while it waits for the Lease |
//! | `/metrics` | sync, controller | the metrics in the OpenMetrics text format, see [`crate::metrics`] |
//! | `/status` | sync | the latest report as JSON |

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use beadlet_sync::report::Report;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::controller::ControllerMetrics;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::view::json::pretty;
use crate::view::status::{Status, not_ready};
use crate::webhook::Calls;

/// Why there are no endpoints.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot listen on {address}; give another with {flag}")]
    Bind {
        flag: &'static str,
        address: SocketAddr,
        source: io::Error,
    },
    #[error("the HTTP endpoints have failed")]
    Serve { source: io::Error },
}

#[derive(Clone, Debug)]
struct Sources {
    reports: watch::Receiver<Report>,
    metrics: Arc<Metrics>,
}

/// Takes the address. Connections wait until [`serve`] is called.
///
/// # Errors
/// When the address is taken or is none of this machine.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    let (listener, address) = taken("--listen", address).await?;
    tracing::info!(%address, "listening");
    Ok(listener)
}

/// Takes the address at which webhooks are received, and nothing else.
///
/// # Errors
/// When the address is taken or is none of this machine.
pub async fn bind_webhook(address: SocketAddr) -> Result<TcpListener, HttpError> {
    let (listener, address) = taken("--webhook-listen", address).await?;
    tracing::info!(%address, "webhooks are received");
    Ok(listener)
}

async fn taken(
    flag: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), HttpError> {
    let failed = |source| HttpError::Bind {
        flag,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let local = listener.local_addr().map_err(failed)?;
    Ok((listener, local))
}

/// Serves the endpoints until `stop` is cancelled.
///
/// # Errors
/// When no more connections can be taken.
pub async fn serve(
    listener: TcpListener,
    reports: watch::Receiver<Report>,
    calls: &Calls,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let served = axum::serve(listener, router(reports, calls))
        .with_graceful_shutdown(stop.cancelled_owned());
    served.await.map_err(|source| HttpError::Serve { source })
}

/// Serves the endpoints of a controller until `stop` is cancelled. It is ready as soon as it runs: one that waits for the lease is, too.
///
/// # Errors
/// When no more connections can be taken.
pub async fn serve_controller(
    listener: TcpListener,
    metrics: Arc<ControllerMetrics>,
    stop: CancellationToken,
) -> Result<(), HttpError> {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(livez))
        .route("/metrics", get(controller_metrics))
        .with_state(metrics);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    served.await.map_err(|source| HttpError::Serve { source })
}

async fn controller_metrics(State(metrics): State<Arc<ControllerMetrics>>) -> Response {
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn router(reports: watch::Receiver<Report>, calls: &Calls) -> Router {
    let metrics = Arc::new(Metrics::new(reports.clone(), calls));
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .route("/status", get(status))
        .with_state(Sources { reports, metrics })
}

async fn livez() -> &'static str {
    "ok\n"
}

async fn readyz(State(sources): State<Sources>) -> Response {
    let report = sources.reports.borrow();
    if report.first_good_pass {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, not_ready(&report)).into_response()
    }
}

async fn metrics_text(State(sources): State<Sources>) -> Response {
    match sources.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn status(State(sources): State<Sources>) -> Response {
    let text = pretty(&Status::from(&*sources.reports.borrow()));
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
