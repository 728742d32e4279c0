//! A collector of traces, as OpenTelemetry's own: OTLP over HTTP.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use prost::Message;

use crate::server::{self, Dropped, Reply, Server};

/// A span that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The `service.name` of whoever sent it.
    pub service: String,
    pub trace: Vec<u8>,
    pub id: Vec<u8>,
    /// Empty for a root.
    pub parent: Vec<u8>,
    pub name: String,
    /// In nanoseconds since the epoch.
    pub start: u64,
    pub end: u64,
    pub attributes: BTreeMap<String, String>,
    /// What went wrong.
    pub failure: Option<String>,
}

/// Takes every span.
pub struct Collector {
    server: Server,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Collector {
    /// # Panics
    /// No port is free.
    #[must_use]
    pub fn start() -> Self {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let taken = Arc::clone(&received);
        let server = Server::start(None, move |request| take(Arc::clone(&taken), request));
        Self {
            server: server.unwrap(),
            received,
        }
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port())
    }

    /// What came until now, in no order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        let received = self.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(received: Arc<Mutex<Vec<Received>>>, request: Request<Incoming>) -> Reply {
    if request.uri().path() != "/v1/traces" {
        return Ok(server::empty(StatusCode::NOT_FOUND));
    }
    let body = request.into_body().collect().await.map_err(|_| Dropped)?;
    let Ok(spans) = decode(&body.to_bytes()) else {
        return Ok(server::empty(StatusCode::BAD_REQUEST));
    };
    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
    received.extend(spans);
    Ok(Response::new(server::empty(StatusCode::OK).into_body()))
}

fn decode(body: &[u8]) -> Result<Vec<Received>> {
    let request = ExportTraceServiceRequest::decode(body)?;
    let mut received = Vec::new();
    for resource in request.resource_spans {
        let mut about = attributes(resource.resource.unwrap_or_default().attributes);
        let service = about.remove("service.name").unwrap_or_default();
        for span in resource
            .scope_spans
            .into_iter()
            .flat_map(|scope| scope.spans)
        {
            let status = span.status.unwrap_or_default();
            received.push(Received {
                service: service.clone(),
                trace: span.trace_id,
                id: span.span_id,
                parent: span.parent_span_id,
                name: span.name,
                start: span.start_time_unix_nano,
                end: span.end_time_unix_nano,
                attributes: attributes(span.attributes),
                failure: (status.code == 2).then_some(status.message),
            });
        }
    }
    Ok(received)
}

fn attributes(all: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        other => format!("{other:?}"),
    };
    all.into_iter()
        .map(|pair| (pair.key, text(pair.value)))
        .collect()
}
