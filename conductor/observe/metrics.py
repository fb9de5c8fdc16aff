"""Metrics of the Python processes, as Prometheus text on `SYMPHONY_METRICS_PORT` (loopback), where that is set."""

from __future__ import annotations

import logging
import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

REGISTRY = CollectorRegistry()
_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

BEATS = Counter("symphony_beats", "Turns of the conductor's loop", registry=REGISTRY)
BEAT_SECONDS = Histogram("symphony_beat_seconds", "Time of one beat", buckets=_SECONDS, registry=REGISTRY)
DISPATCHES = Counter("symphony_dispatches", "Attempts sent to workers", registry=REGISTRY)
REDISPATCHES = Counter("symphony_redispatches", "Attempts sent again after they were lost", registry=REGISTRY)
SETTLED = Counter("symphony_settled", "Attempts whose result was folded", ["status"], registry=REGISTRY)
RUNS_ENDED = Counter("symphony_runs_ended", "Runs that ended", ["status"], registry=REGISTRY)
DECISIONS = Counter("symphony_decisions", "Choices of the policy", ["kind"], registry=REGISTRY)
POLICY_ANSWERS = Counter(
    "symphony_policy_answers", "Decisions asked of a learned policy, by who answered", ["by"], registry=REGISTRY
)
ORDERS = Counter(
    "symphony_orders", "Questions to Arbitration about the order of claimants", ["outcome"], registry=REGISTRY
)
RESYNCS = Counter("symphony_resyncs", "Times that the conductor asked the tracker for everything", registry=REGISTRY)
WAITING = Gauge("symphony_waiting_tasks", "Executions that wait for a slot here", ["capability"], registry=REGISTRY)
BACKLOG = Gauge("symphony_backlog_tasks", "Executions held back by the tracker", ["capability"], registry=REGISTRY)
OPEN = Gauge("symphony_open_tasks", "Executions given out and not ended", registry=REGISTRY)
SLOTS = Gauge("symphony_leased_slots", "Slots leased to this conductor", registry=REGISTRY)
BUSY = Gauge("symphony_busy_slots", "Leased slots in use", registry=REGISTRY)
LIVE = Gauge("symphony_live_runs", "Runs that have not ended", ["partition"], registry=REGISTRY)
GATE_CLOSED = Gauge("symphony_gate_closed", "1 while submissions are refused as busy", registry=REGISTRY)
HELD = Gauge("symphony_held_keys", "Executions and runs that hold a lock or a semaphore", registry=REGISTRY)
HOLD_WAITS = Gauge("symphony_key_waits", "Those that wait for a lock, a semaphore or a rate", registry=REGISTRY)
WORKER_TASKS = Counter(
    "symphony_worker_tasks", "Attempts run by this worker", ["capability", "status"], registry=REGISTRY
)


def serve() -> None:
    """Answer scrapes where `SYMPHONY_METRICS_PORT` is set. A taken port is said once, and costs nothing else."""
    port = os.environ.get("SYMPHONY_METRICS_PORT")
    if not port:
        return
    try:
        start_http_server(int(port), addr="127.0.0.1", registry=REGISTRY)
    except (OSError, ValueError) as error:
        logging.getLogger("symphony.observe").warning("no metrics on port %s: %s", port, error)
