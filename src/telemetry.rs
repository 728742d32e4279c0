//! Traces over OTLP, as the environment variables of OpenTelemetry say; none without them.
//!
//! | environment variable | what it says |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | where the collector is, like http://collector:4318; no traces without one of them |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL`, `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL` | `http/protobuf`, and nothing else |
//! | `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TRACES_HEADERS` | headers for the collector, like `authorization=Bearer%20…` |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT`, `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT` | how long the collector may take for a batch, in milliseconds; 10000 when not given |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which traces are sent: `always_on`, `always_off` or `traceidratio` with a ratio; a trace is sent whole or not at all |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_QUEUE_SIZE`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | how often batches go, in milliseconds, how many spans may wait, and how many go together |
//! | `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` | under which name, `beadlet` when not given, and with which attributes |
//! | `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER` | `true` and `none` mean no traces, whatever the others say |
//!
//! Telling a span costs no more than a place in a bounded queue: a thread of its own takes batches to the collector, and what finds no
//! place is dropped. Whether the collector answers changes nothing for the work, and is said once.

mod collector;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use beadlet_store::trace::{Span, Spans, TraceParent};
use opentelemetry::trace::{
    Link, Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _,
    TraceFlags, TraceId, TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    IdGenerator, Sampler, SamplingResult, SdkTracer, SdkTracerProvider, ShouldSample, SpanData,
};

use collector::Collector;

/// How long the last batch may take at the end of the process.
const FAREWELL: Duration = Duration::from_secs(3);
/// Where traces go: one of these switches them on.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];

const TIMEOUTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];
/// OpenTelemetry's own default for one batch.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there can be no traces.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error(
        "traces cannot be sent over {0:?}, which {1} asks for; set it to http/protobuf, or leave it out"
    )]
    Protocol(String, &'static str),
    #[error("OTEL_TRACES_SAMPLER is {0:?}, which is none of {known}", known = KNOWN_SAMPLERS.join(", "))]
    Sampler(String),
    #[error("{1} is {0:?}, which is no number of milliseconds")]
    Timeout(String, &'static str),
    #[error("OTEL_TRACES_SAMPLER_ARG is {0:?}, which is no number from 0 to 1")]
    Ratio(String),
    #[error("traces cannot be sent; look at OTEL_EXPORTER_OTLP_ENDPOINT and its like")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    #[error("the system's certificates cannot be read, and without them no traces can be sent")]
    Certificates(#[source] std::io::Error),
}

/// Takes spans, and sends them.
#[derive(Debug)]
pub struct Telemetry {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// An environment variable that says something.
fn said(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn first<const N: usize>(names: [&'static str; N]) -> Option<(&'static str, String)> {
    names.into_iter().find_map(|name| Some((name, said(name)?)))
}

/// Starts to send traces where the environment says that somebody wants them. To be called in the runtime that the process works in.
///
/// # Errors
/// When the environment asks for what there is not.
pub fn start() -> Result<Option<Arc<Telemetry>>, TelemetryError> {
    let is_off = said("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"))
        || said("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none");
    if is_off || first(ENDPOINTS).is_none() {
        return Ok(None);
    }
    if let Some((name, protocol)) = first(PROTOCOLS).filter(|(_, known)| known != "http/protobuf") {
        return Err(TelemetryError::Protocol(protocol, name));
    }
    let sampler = sampler(
        said("OTEL_TRACES_SAMPLER").as_deref(),
        said("OTEL_TRACES_SAMPLER_ARG").as_deref(),
    )?;
    let patience = patience(first(TIMEOUTS))?;
    let collector = Collector::new(patience).map_err(TelemetryError::Certificates)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(collector)
        .build()
        .map_err(TelemetryError::Exporter)?;
    tracing::info!("traces are sent");
    Ok(Some(Arc::new(Telemetry::new(exporter, sampler))))
}

impl Telemetry {
    fn new(exporter: SpanExporter, sampler: Sampler) -> Self {
        let provider = SdkTracerProvider::builder()
            .with_sampler(ByTrace(sampler))
            .with_id_generator(Given)
            .with_resource(resource())
            .with_batch_exporter(Heard {
                exporter,
                is_silent: AtomicBool::new(false),
            })
            .build();
        let tracer = provider.tracer("beadlet");
        Self { provider, tracer }
    }

    /// Sends what is left, for a short while.
    pub async fn end(self: Arc<Self>) {
        let ending = move || self.provider.shutdown_with_timeout(FAREWELL);
        match tokio::task::spawn_blocking(ending).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "last traces not sent"),
            Err(error) => tracing::warn!(%error, "last traces not sent"),
        }
    }
}

impl Spans for Telemetry {
    fn tell(&self, span: Span) {
        let Span {
            id,
            parent,
            name,
            start,
            end,
            attributes,
            failure,
        } = span;
        let attributes = attributes.into_iter();
        let builder = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Internal)
            .with_start_time(SystemTime::from(start))
            .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value)));
        let context = parent.map_or_else(Context::new, |parent| {
            Context::new().with_remote_span_context(context(parent))
        });
        let mut told = Given::with(id, || self.tracer.build_with_context(builder, &context));
        if let Some(failure) = failure {
            told.set_status(Status::error(failure));
        }
        told.end_with_timestamp(SystemTime::from(end));
    }
}

fn context(parent: TraceParent) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(parent.trace_id()),
        SpanId::from_bytes(parent.span_id()),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    )
}

/// `beadlet`, unless somebody gave it another name.
fn resource() -> Resource {
    let attributes = said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let is_named = said("OTEL_SERVICE_NAME").is_some()
        || attributes
            .split(',')
            .any(|pair| pair.trim().starts_with("service.name="));
    let builder = Resource::builder();
    if is_named {
        builder.build()
    } else {
        builder.with_service_name("beadlet").build()
    }
}

/// Gives a span the ids that it has already.
#[derive(Clone, Copy, Debug)]
struct Given;

thread_local! {
    /// Of the span that is being made on this thread.
    static IDS: Cell<Option<TraceParent>> = const { Cell::new(None) };
}

impl Given {
    fn with<T>(id: TraceParent, make: impl FnOnce() -> T) -> T {
        IDS.set(Some(id));
        let made = make();
        IDS.set(None);
        made
    }
}

impl IdGenerator for Given {
    fn new_trace_id(&self) -> TraceId {
        let trace = IDS.get().map(|id| id.trace_id());
        trace.map_or(TraceId::INVALID, TraceId::from_bytes)
    }

    fn new_span_id(&self) -> SpanId {
        let span = IDS.get().map(|id| id.span_id());
        span.map_or(SpanId::INVALID, SpanId::from_bytes)
    }
}

fn patience(given: Option<(&'static str, String)>) -> Result<Duration, TelemetryError> {
    let Some((name, text)) = given else {
        return Ok(PATIENCE);
    };
    let milliseconds = text.parse().map(Duration::from_millis);
    milliseconds.map_err(|_| TelemetryError::Timeout(text, name))
}

/// A trace is wanted or it is not, whoever tells of which part of it when.
#[derive(Clone, Debug)]
struct ByTrace(Sampler);

impl ShouldSample for ByTrace {
    fn should_sample(
        &self,
        _: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.0
            .should_sample(None, trace, name, kind, attributes, links)
    }
}

const KNOWN_SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Nobody outside decides about our traces, so those that go by a parent go by its absence.
fn sampler(name: Option<&str>, ratio: Option<&str>) -> Result<Sampler, TelemetryError> {
    let name = name.unwrap_or("parentbased_always_on");
    match name.strip_prefix("parentbased_").unwrap_or(name) {
        "always_on" => Ok(Sampler::AlwaysOn),
        "always_off" => Ok(Sampler::AlwaysOff),
        "traceidratio" => {
            let text = ratio.unwrap_or("1");
            let ratio = text
                .parse()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio));
            let wrong = || TelemetryError::Ratio(text.to_owned());
            ratio.map(Sampler::TraceIdRatioBased).ok_or_else(wrong)
        }
        _ => Err(TelemetryError::Sampler(name.to_owned())),
    }
}

/// Says once that nobody takes the traces, and once that somebody does again.
#[derive(Debug)]
struct Heard {
    exporter: SpanExporter,
    is_silent: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Heard {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let answer = self.exporter.export(batch).await;
        let was_silent = self.is_silent.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(error) if !was_silent => {
                tracing::warn!(%error, "traces are not taken, and get lost until they are");
            }
            Ok(()) if was_silent => tracing::info!("traces are taken again"),
            _ => {}
        }
        answer
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samplers_are_those_of_the_specification() {
        let of = |name, ratio| format!("{:?}", sampler(name, ratio).unwrap());
        assert_eq!(of(None, None), "AlwaysOn");
        assert_eq!(of(Some("parentbased_always_off"), None), "AlwaysOff");
        let ratio = of(Some("traceidratio"), Some("0.25"));
        assert_eq!(ratio, "TraceIdRatioBased(0.25)");
        for name in KNOWN_SAMPLERS {
            assert!(sampler(Some(name), None).is_ok(), "{name}");
        }
        let wrong = |name, ratio| sampler(Some(name), ratio).unwrap_err().to_string();
        assert!(wrong("xray", None).contains("always_on"));
        assert!(wrong("traceidratio", Some("2")).contains("from 0 to 1"));
    }
}
