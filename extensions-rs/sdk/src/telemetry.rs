//! Spans over OTLP, switched on by OpenTelemetry's standard environment variables; without them nothing is made or kept.
//!
//! A span is recorded once its attempt has ended, with the times that the worker measured, below the span that the task
//! carried. The exporter has a thread of its own and a bounded queue: a backend that is slow or absent costs spans, never
//! tasks.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use symphony_protocol::trace::TraceContext;
use symphony_protocol::{Outcome, TaskResult, Trace};

static TRACING: OnceLock<Option<(SdkTracerProvider, SdkTracer)>> = OnceLock::new();

/// Whether the environment asks for traces.
fn asked() -> bool {
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if said("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
        || said("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none")
    {
        return false;
    }
    said("OTEL_EXPORTER_OTLP_ENDPOINT").is_some() || said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").is_some()
}

/// Begin tracing, where it is asked for. Called once, before the runtime starts: the exporter makes a runtime of its own.
pub fn init(service: &str) {
    let made = asked().then(|| provider(service)).flatten();
    if TRACING.set(made).is_err() {
        tracing::debug!("tracing has begun already");
    }
}

fn provider(service: &str) -> Option<(SdkTracerProvider, SdkTracer)> {
    let exporter = match opentelemetry_otlp::SpanExporter::builder().with_http().build() {
        Ok(exporter) => exporter,
        Err(error) => {
            tracing::warn!(%error, "no traces");
            return None;
        }
    };
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| service.to_owned());
    let resource = Resource::builder()
        .with_service_name(name)
        .with_attribute(KeyValue::new("service.namespace", "symphony"))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("symphony");
    Some((provider, tracer))
}

fn tracer() -> Option<&'static SdkTracer> {
    TRACING.get().and_then(Option::as_ref).map(|(_, tracer)| tracer)
}

/// Send what waits; a few seconds at most.
pub fn shutdown() {
    if let Some((provider, _)) = TRACING.get().and_then(Option::as_ref)
        && let Err(error) = provider.shutdown_with_timeout(Duration::from_secs(3))
    {
        tracing::debug!(%error, "the last spans may be lost");
    }
}

/// What an attempt's span hangs below: kept only where the run is sampled and tracing is on.
#[derive(Clone, Copy, Debug)]
pub struct Traced(TraceContext);

/// The parent of an attempt's span, if it is to have one.
pub fn traced(trace: Option<&Trace>) -> Option<Traced> {
    tracer()?;
    trace
        .map(TraceContext::unpack)
        .filter(TraceContext::sampled)
        .map(Traced)
}

fn moment(us: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(us)
}

/// Record the span of an attempt that has ended.
pub fn attempt(parent: Traced, capability: &str, worker: &str, result: &TaskResult) {
    let Some(tracer) = tracer() else { return };
    let Traced(above) = parent;
    let remote = SpanContext::new(
        TraceId::from_bytes(above.trace_id),
        SpanId::from_bytes(above.span_id),
        TraceFlags::new(above.flags),
        true,
        TraceState::default(),
    );
    let (status, word) = match &result.outcome {
        Outcome::Succeeded(_) => (Status::Ok, "succeeded"),
        Outcome::Failed(failed) => {
            let text = format!("{}: {}", failed.error.kind, failed.error.message);
            (Status::error(text), "failed")
        }
        Outcome::Cancelled(_) => (Status::error("cancelled"), "cancelled"),
    };
    let attributes = vec![
        KeyValue::new("symphony.run", result.run.clone()),
        KeyValue::new("symphony.task", result.task.clone()),
        KeyValue::new("symphony.capability", capability.to_owned()),
        KeyValue::new("symphony.try", i64::from(result.r#try)),
        KeyValue::new("symphony.worker", worker.to_owned()),
        KeyValue::new("symphony.status", word),
    ];
    let mut span = tracer
        .span_builder(format!("execute {capability}"))
        .with_kind(SpanKind::Internal)
        .with_start_time(moment(result.started_at_us))
        .with_attributes(attributes)
        .start_with_context(tracer, &Context::new().with_remote_span_context(remote));
    span.set_status(status);
    span.end_with_timestamp(moment(result.started_at_us + result.run_us));
}
