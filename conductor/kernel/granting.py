"""Grants of locks, semaphores and rates to what waits in a conductor, and what it lets go of again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conductor.kernel import recovery
from conductor.kernel.execution import Execution, Key
from conductor.kernel.holds import over
from conductor.kernel.office import Office
from conductor.wire.holds import HoldGrant

if TYPE_CHECKING:
    from conductor.kernel.core import Core


def granted(core: Core, grant: HoldGrant) -> None:
    """What Arbitration's ledger has: executions that waited for it may start."""
    office = core.offices.get(grant.partition)
    if office is None or grant.epoch != office.partition.owned.epoch:
        return
    partition = office.partition
    leaving = partition.takeover.leaving
    for execution in core.holds.granted(grant, lambda key: key in leaving or not partition.ready):
        core.look(execution)
        if execution.is_scope and execution.token and not execution.task.fences:
            core.decided(office, recovery.acquired(execution, execution.token))


def let_go(core: Core) -> None:
    """Of the executions that something happened to, those that nobody wants and no worker has hold nothing any more."""

    def is_open(execution: Execution) -> bool:
        office = core.offices.get(execution.partition)
        if office is None:
            return False
        partition = office.partition
        return partition.open.get(execution.key) is execution or execution.key in partition.takeover.leaving

    touched, core.touched = core.touched, []
    for execution in over(touched, is_open):
        if execution.is_scope and _runs(core, execution):
            core.touched.append(execution)  # looked at again in the next beat
        else:
            core.holds.over(execution)


def _runs(core: Core, scope: Execution) -> bool:
    """Whether an attempt of a run's tasks may still be about, though nobody wants it: they go on under its hold."""
    office = core.offices.get(scope.partition)
    leaving = () if office is None else office.partition.takeover.leaving
    cancelled = (execution for worker in core.workers for execution in worker.cancelled.values())
    return any(key[0] == scope.task.run for key in leaving) or any(e.task.run == scope.task.run for e in cancelled)


def left(core: Core, office: Office, keys: list[Key]) -> None:
    """Workers have let go of attempts that nobody wanted."""
    for key in keys:
        core.holds.left(office.partition.number, key)
