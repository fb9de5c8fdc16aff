"""What a conductor says and counts every second, whether anything changed or not."""

from __future__ import annotations

from conductor.kernel.core import ALIVE_MS, Core
from conductor.kernel.credit import give_credit
from conductor.kernel.losses import lose_adopted
from conductor.kernel.reports import Work
from conductor.observe import metrics
from conductor.wire.grants import PRESSING_MS, Usage


def level(core: Core) -> None:
    """What is said every second, whether anything changed or not."""
    backlog = dict(core.waiting.counts())
    for partition in core.partitions:
        for capability, count in partition.backlog.items():
            backlog[capability] = backlog.get(capability, 0) + count
    usage = core.allowances.settle(core.waiting.usage())
    core.reports.demand(core.partitions, _work(core, backlog, usage), core.outcomes.take())
    core.reports.claim(usage, core.allowances.heard, core.allowances.number)
    for partition in core.partitions:
        if partition.ready:
            core.holds.level(partition.number)
    core.reports.say(core.holds.messages({p.number: p.owned.epoch for p in core.partitions if p.ready}, level=True))
    give_credit(core)
    serving = core.roster.serving()
    for office in core.offices.values():
        office.serve(serving)
    leased = {worker.name for worker in core.workers if worker.expires_at_ms > core.now_ms}
    core.heard_at = {name: at for name, at in core.heard_at.items() if core.now_ms - at < ALIVE_MS}
    if 0 in core.offices:
        core.lifecycle.level(leased, set(core.heard_at), core.now_ms)
    takeovers = [partition.takeover for partition in core.partitions]
    adopters = {a.worker for t in takeovers for a in (*t.adopted.values(), *t.leaving.values())}
    lose_adopted(core, adopters - set(core.heard_at), "its worker is dead: three heartbeats missed")
    _gauge(core, backlog)


def _work(core: Core, backlog: dict[str, int], usage: list[Usage]) -> Work:
    """What waits and what came, as the Pool Manager is told."""
    run_us = core.allowances.run_us
    started: dict[str, int] = {}
    for used in usage:
        if used.started:
            started[used.capability] = started.get(used.capability, 0) + used.started
    return Work(
        backlog,
        {name: int(count * run_us[name]) for name, count in backlog.items() if name in run_us},
        core.waiting.late(core.wall_ms + PRESSING_MS),
        started,
    )


def _gauge(core: Core, backlog: dict[str, int]) -> None:
    for status, count in core.settled.items():
        metrics.SETTLED.labels(status).inc(count)
    core.settled.clear()
    metrics.WAITING.clear()
    metrics.BACKLOG.clear()
    for capability, count in core.waiting.counts().items():
        metrics.WAITING.labels(capability).set(count)
    for capability, count in backlog.items():
        metrics.BACKLOG.labels(capability).set(count)
    leased, busy = core.workers.total()
    metrics.SLOTS.set(leased)
    metrics.BUSY.set(busy)
    held, waits = core.holds.counts()
    metrics.HELD.set(held)
    metrics.HOLD_WAITS.set(waits)
    metrics.OPEN.set(sum(len(partition.open) for partition in core.partitions))
    for partition in core.partitions:
        metrics.LIVE.labels(str(partition.number)).set(partition.live)
