"""Attempts that will never answer, and workers that are gone with all they held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conductor.kernel import recovery
from conductor.kernel.execution import DEATHS_MAX, Execution, Key
from conductor.kernel.granting import left
from conductor.kernel.office import Office
from conductor.kernel.workers import Worker
from conductor.observe import metrics

if TYPE_CHECKING:
    from conductor.kernel.core import Core


def gone(core: Core, worker: Worker, why: str, died: bool = False) -> None:
    """A worker is dead or has stopped: what it held is lost."""
    core.lifecycle.lost(worker.name, why, core.now_ms)
    core.heard_at.pop(worker.name, None)
    for execution in worker.cancelled.values():
        core.release(execution)
    for execution in recovery.gone(worker):
        lost(core, execution, why, died=died)
    lose_adopted(core, {worker.name}, why)


def again(core: Core, execution: Execution) -> None:
    """It waits for a slot once more, under the same identity: the next dispatch gets another number."""
    core.release(execution)
    execution.missing_since = None
    if (office := core.offices.get(execution.partition)) and office.partition.open.get(execution.key) is execution:
        core.waiting.add(execution)


def lost(core: Core, execution: Execution, why: str, begun: bool = True, died: bool = False) -> None:
    """An attempt that will never answer: done again where that does no harm, else a failure of kind `lost`.

    One that took too many workers with it does harm, whatever its function says.
    """
    execution.deaths += died
    office = core.offices.get(execution.partition)
    plain = execution.expires_at_ms is not None
    safe = execution.task.retry_safe and core.lifecycle.retry_safe(execution.task.capability)
    if safe and not plain and execution.deaths < DEATHS_MAX:
        metrics.REDISPATCHES.inc()
        core.holds.renew(execution)
        core.look(execution)
        again(core, execution)
        return
    core.release(execution)
    if office is None or office.partition.open.get(execution.key) is not execution:
        return
    del office.partition.open[execution.key]
    core.decided(office, recovery.loss(execution, why, begun))


def lose_adopted(core: Core, workers: set[str], why: str) -> None:
    """What workers did for an earlier owner will never be answered."""
    for office in list(core.offices.values()):
        takeover = office.partition.takeover
        lost_adopted(core, office, takeover.of(workers), why)
        left(core, office, takeover.let_go_of(workers))


def lost_adopted(core: Core, office: Office, keys: list[Key], why: str) -> None:
    """Adopted attempts that will never be answered."""
    for key in keys:
        office.partition.takeover.adopted.pop(key, None)
        if (execution := office.partition.open.get(key)) is not None and office.partition.ready:
            lost(core, execution, why)
