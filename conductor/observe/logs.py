"""Logs: one line a record on stderr, text or JSON, with the trace and span that the record belongs to."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextvars import ContextVar

from conductor.wire.trace import TraceContext

CURRENT: ContextVar[TraceContext | None] = ContextVar("symphony_trace", default=None)
"""The span that work under way belongs to; log records carry it."""


def fields() -> dict[str, str]:
    """The trace and span of the work under way, where there is one."""
    trace = CURRENT.get()
    if trace is None:
        return {}
    return {"trace_id": trace.trace_id.hex(), "span_id": trace.span_id.hex()}


class Text(logging.Formatter):
    """`2026-11-24T10:00:00.123Z INFO symphony.kernel: words trace_id=… span_id=…`."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        tail = "".join(f" {name}={value}" for name, value in fields().items())
        line = f"{at}.{int(record.msecs):03d}Z {record.levelname:>5} {record.name}: {record.getMessage()}{tail}"
        return " ".join(line.splitlines()) + self._trouble(record)

    def _trouble(self, record: logging.LogRecord) -> str:
        return "\n" + self.formatException(record.exc_info) if record.exc_info else ""


class Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "timestamp": round(record.created, 3),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **fields(),
        }
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document)


def set_up(default: str = "info") -> None:
    """Log to stderr: level by `SYMPHONY_LOG`, form by `SYMPHONY_LOG_FORMAT` (`text` or `json`)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if os.environ.get("SYMPHONY_LOG_FORMAT") == "json" else Text())
    level = os.environ.get("SYMPHONY_LOG", default).split(",")[0].upper()
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level if level in logging.getLevelNamesMapping() else "INFO")
    logging.getLogger("nats").setLevel(logging.WARNING)
    logging.getLogger("opentelemetry").setLevel(logging.WARNING)
