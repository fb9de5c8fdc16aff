//! Spans over OTLP, switched on by OpenTelemetry's standard environment variables; without them nothing is made or kept.
//!
//! An attempt's span lasts from the moment its slot is taken until its output is stored, below the span that the task carried;
//! the transfers of artifacts meanwhile hang below it. The exporter has a thread of its own and a bounded queue: a backend that is slow or absent costs spans, never
//! tasks.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
    TracerProvider,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span as SdkSpan};
use symphony_protocol::trace::TraceContext;
use symphony_protocol::{Outcome, TaskResult, Trace};

use crate::current::current;
use crate::error::Error;

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

/// The span of an attempt under way: recorded only where the run is sampled and tracing is on.
#[derive(Debug, Default)]
pub struct Traced {
    at: Option<TraceContext>,
    span: Option<Box<SdkSpan>>,
}

impl Traced {
    /// What the attempt's work belongs to: its own span, or the one above where it has none.
    pub fn at(&self) -> Option<TraceContext> {
        self.at
    }
}

fn below(above: &TraceContext) -> Context {
    Context::new().with_remote_span_context(SpanContext::new(
        TraceId::from_bytes(above.trace_id),
        SpanId::from_bytes(above.span_id),
        TraceFlags::new(above.flags),
        true,
        TraceState::default(),
    ))
}

/// Begin the span of an attempt, if it is to have one.
pub fn traced(trace: Option<&Trace>, capability: &str) -> Traced {
    let Some(above) = trace.map(TraceContext::unpack) else {
        return Traced::default();
    };
    let Some(tracer) = tracer().filter(|_| above.sampled()) else {
        return Traced {
            at: Some(above),
            span: None,
        };
    };
    let span = tracer
        .span_builder(format!("execute {capability}"))
        .with_kind(SpanKind::Internal)
        .start_with_context(tracer, &below(&above));
    let span_id = span.span_context().span_id().to_bytes();
    Traced {
        at: Some(TraceContext { span_id, ..above }),
        span: Some(Box::new(span)),
    }
}

/// End the span of an attempt.
pub fn attempt(traced: Traced, capability: &str, worker: &str, result: &TaskResult) {
    let Some(mut span) = traced.span else { return };
    let (status, word) = match &result.outcome {
        Outcome::Succeeded(_) => (Status::Ok, "succeeded"),
        Outcome::Failed(failed) => {
            let text = format!("{}: {}", failed.error.kind, failed.error.message);
            (Status::error(text), "failed")
        }
        Outcome::Cancelled(_) => (Status::error("cancelled"), "cancelled"),
    };
    span.set_attributes([
        KeyValue::new("symphony.run", result.run.clone()),
        KeyValue::new("symphony.task", result.task.clone()),
        KeyValue::new("symphony.capability", capability.to_owned()),
        KeyValue::new("symphony.try", i64::from(result.r#try)),
        KeyValue::new("symphony.worker", worker.to_owned()),
        KeyValue::new("symphony.status", word),
    ]);
    span.set_status(status);
    span.end();
}

/// The transfer of an artifact under way; `None` inside where nobody is to hear of it.
#[derive(Debug)]
pub struct Transfer(Option<SdkSpan>);

/// Begin the span of a transfer below that of the work under way. `direction` is `put` or `get`.
pub fn transfer(direction: &'static str) -> Transfer {
    let begun = tracer().and_then(|tracer| {
        let above = current().filter(TraceContext::sampled)?;
        let span = tracer
            .span_builder(format!("{direction} artifact"))
            .with_kind(SpanKind::Client)
            .with_attributes([KeyValue::new("symphony.artifact.direction", direction)])
            .start_with_context(tracer, &below(&above));
        Some(span)
    });
    Transfer(begun)
}

impl Transfer {
    /// It is over: the artifact's digest and size in bytes, or why there is none.
    pub fn end(self, outcome: Result<(&str, usize), &Error>) {
        let Some(mut span) = self.0 else { return };
        match outcome {
            Ok((digest, size)) => {
                span.set_attribute(KeyValue::new("symphony.artifact.digest", digest.to_owned()));
                let size = i64::try_from(size).unwrap_or(i64::MAX);
                span.set_attribute(KeyValue::new("symphony.artifact.size_bytes", size));
                span.set_status(Status::Ok);
            }
            Err(error) => span.set_status(Status::error(error.to_string())),
        }
        span.end();
    }
}
