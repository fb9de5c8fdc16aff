"""One decision of a beat about who goes where, and what follows from it: dispatches, spans, run events, logged choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conductor.kernel import recovery
from conductor.kernel.placement import Sites, place
from conductor.observe import metrics

if TYPE_CHECKING:
    from conductor.kernel.core import Core


def dispatch(core: Core) -> None:
    """Fill free slots from what waits, and put what was chosen into the outboxes of its partitions."""
    placement = place(
        core.waiting,
        core.workers,
        core.allowances,
        core.policy,
        core.now_ms,
        core.orders,
        core.reports.conductor,
        Sites(core.roster.fits, core.roster.takes, core.roster.share, core.roster.could),
    )
    for execution, worker in placement.starts:
        execution.sent_at_ms = core.now_ms
        execution.expires_at_ms = recovery.expiry(execution, worker, core.now_ms)
        trace = None if execution.task.trace is None else core.spans.dispatch(execution)
        core.offices[execution.partition].outbox.task(execution, worker, trace)
        if execution.task.watch:
            core.reports.task(execution.task, "running", worker.name, core.wall_ms)
    metrics.DISPATCHES.inc(len(placement.starts))
    if placement.decisions:
        metrics.DECISIONS.labels("start").inc(len(placement.decisions))
        core.reports.choices(core.partitions, placement.decisions)
