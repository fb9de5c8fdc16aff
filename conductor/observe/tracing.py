"""Spans: OpenTelemetry's SDK and OTLP exporter, switched on by the standard environment variables, without cost when off.

Spans are recorded when they end, with identifiers given from outside: a run's root is begun by a client, continued by
others and ended by the conductor, so no process holds an open span for it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from conductor.wire.trace import TraceContext, parse_traceparent, run_span_id

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def enabled() -> bool:
    """Whether the environment asks for traces."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return False
    return any(os.environ.get(name) for name in ENDPOINTS)


def new_span_id() -> bytes:
    """Eight random bytes, never all zero."""
    return secrets.token_bytes(7) + bytes((secrets.randbelow(255) + 1,))


def begin(run: str) -> TraceContext:
    """The trace context of a submission: `TRACEPARENT` in the environment where it is valid, else a trace of the run's own.

    A trace of its own has the run's identifier. `OTEL_TRACES_SAMPLER` and its argument decide whether it is sampled, as the
    SDK's own samplers do.
    """
    given = os.environ.get("TRACEPARENT")
    parent = parse_traceparent([given]) if given else None
    if parent is not None:
        return parent._replace(flags=int(_sampled(parent.trace_id, parent)))
    trace_id = bytes.fromhex(run)
    return TraceContext(trace_id, run_span_id(run), int(_sampled(trace_id, None)))


def _sampled(trace_id: bytes, parent: TraceContext | None) -> bool:
    name = os.environ.get("OTEL_TRACES_SAMPLER", "parentbased_always_on")
    if name.startswith("parentbased_") and parent is not None:
        return bool(parent.sampled)
    kind = name.removeprefix("parentbased_")
    if kind == "always_off":
        return False
    if kind == "traceidratio":
        from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased  # noqa: PLC0415 - only where it is asked for

        ratio = min(max(float(os.environ.get("OTEL_TRACES_SAMPLER_ARG", "1")), 0.0), 1.0)
        verdict = TraceIdRatioBased(ratio).should_sample(None, int.from_bytes(trace_id, "big"), "run")
        return verdict.decision is Decision.RECORD_AND_SAMPLE
    return True


class Tracer:
    """Records ended spans of one process. `on` is False where the environment asks for none: then nothing is done."""

    def __init__(self, service: str) -> None:
        self.on = enabled()
        self._service = service
        self._processor: Any = None
        if self.on:
            self._set_up()

    def _set_up(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - slow
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415

        name = os.environ.get("OTEL_SERVICE_NAME", self._service)
        self._resource = Resource.create({"service.name": name, "service.namespace": "symphony"})
        self._scope = InstrumentationScope("symphony")
        self._processor = BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=16_384, schedule_delay_millis=500)

    def record(
        self,
        name: str,
        trace: TraceContext,
        parent_id: bytes | None,
        start_us: int,
        end_us: int,
        attributes: Mapping[str, Any] | None = None,
        error: str | None = None,
        events: Sequence[tuple[str, int, Mapping[str, Any]]] = (),
        links: Sequence[TraceContext] = (),
    ) -> None:
        """One ended span. `trace` names the span itself, `links` others that it belongs with; times are microseconds since
        the Unix epoch."""
        if self._processor is None or not trace.sampled:
            return
        from opentelemetry.sdk.trace import Event, ReadableSpan  # noqa: PLC0415
        from opentelemetry.trace import Link, SpanContext, SpanKind, TraceFlags  # noqa: PLC0415
        from opentelemetry.trace.status import Status, StatusCode  # noqa: PLC0415

        trace_id, flags = int.from_bytes(trace.trace_id, "big"), TraceFlags(trace.flags)

        def _span_context(of: TraceContext) -> SpanContext:
            return SpanContext(
                int.from_bytes(of.trace_id, "big"), int.from_bytes(of.span_id, "big"), True, TraceFlags(of.flags)
            )

        own = SpanContext(trace_id, int.from_bytes(trace.span_id, "big"), False, flags)
        above = SpanContext(trace_id, int.from_bytes(parent_id, "big"), True, flags) if parent_id else None
        span = ReadableSpan(
            name=name,
            context=own,
            parent=above,
            resource=self._resource,
            attributes=dict(attributes or {}),
            links=[Link(_span_context(link)) for link in links],
            events=[Event(what, dict(values), at_us * 1000) for what, at_us, values in events],
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, error) if error else Status(StatusCode.OK),
            start_time=start_us * 1000,
            end_time=max(end_us, start_us) * 1000,
            instrumentation_scope=self._scope,
        )
        self._processor.on_end(span)

    def close(self) -> None:
        """Send what waits; a few seconds at most."""
        if self._processor is not None:
            self._processor.force_flush(3000)
            self._processor.shutdown()


def transfer(
    tracer: Tracer,
    above: TraceContext,
    direction: str,
    span_us: tuple[int, int],
    digest: str | None,
    size_bytes: int | None,
    error: str | None = None,
) -> None:
    """The span of an artifact's transfer below that of `above`. `direction` is `put` or `get`; times as in `record`."""
    attributes: dict[str, Any] = {"symphony.artifact.direction": direction}
    if digest is not None:
        attributes["symphony.artifact.digest"] = digest
    if size_bytes is not None:
        attributes["symphony.artifact.size_bytes"] = size_bytes
    own = above._replace(span_id=new_span_id())
    tracer.record(f"{direction} artifact", own, above.span_id, *span_us, attributes, error)
