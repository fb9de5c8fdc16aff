"""Locks, semaphores and rates of what this conductor was given: asked of Arbitration in bulk, off the path. Pure.

What a try has to be granted first is blocked until the ledger has it. Its hold is let go of once nobody wants the try and
no attempt of it can be running: its result is folded, or its worker no longer lists it, or its worker is dead. Nothing here
is durable: the ledger says what is held, a resync what is wanted, heartbeats what runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from conductor.kernel.execution import Execution, Key
from conductor.wire import bounds, subjects
from conductor.wire.base import encode
from conductor.wire.holds import HoldAsk, HoldGrant, HoldRef, HoldWant


class Holds:
    """Executions that hold or wait for something, by partition."""

    def __init__(self, conductor: str) -> None:
        self._conductor = conductor
        self._wanted: dict[int, dict[Key, Execution]] = {}
        self._behind: dict[Key, Execution] = {}
        """Given out anew while an attempt of before, of the same identity, may still run: they ask once it is over."""
        self._asks: dict[int, list[Execution]] = {}
        self._released: dict[int, list[HoldRef]] = {}

    def want(self, execution: Execution) -> None:
        """An execution is new here: it waits, unless it has to be granted nothing."""
        if execution.task.wants is None:
            return
        wanted = self._wanted.setdefault(execution.partition, {})
        before = wanted.get(execution.key)
        if before is not None and before is not execution:
            self._behind[execution.key] = execution
            return
        wanted[execution.key] = execution
        self._asks.setdefault(execution.partition, []).append(execution)

    def renew(self, execution: Execution) -> None:
        """An attempt was lost, and may still be about: the next one is told a greater token."""
        if execution.task.wants is None or not execution.task.wants.keys:
            return
        execution.renewal += 1
        execution.token = None
        self.want(execution)

    def over(self, execution: Execution) -> None:
        """Nobody wants it any more, and no attempt of it runs."""
        wanted = self._wanted.get(execution.partition, {})
        if self._behind.get(execution.key) is execution:
            del self._behind[execution.key]
        if wanted.get(execution.key) is not execution:
            return
        del wanted[execution.key]
        following = self._behind.pop(execution.key, None)
        if following is not None:
            following.renewal = execution.renewal + 1
            self.want(following)
        elif execution.token != 0:
            self.release(execution.partition, execution.key)

    def left(self, partition: int, key: Key) -> None:
        """A worker has let go of an attempt that nobody wanted, of this owner's time or of one before."""
        execution = self._wanted.get(partition, {}).get(key)
        if execution is not None:
            self.over(execution)
        else:
            self.release(partition, key)

    def release(self, partition: int, key: Key) -> None:
        """A hold that nothing here wants. Saying it twice does no harm."""
        run, task, generation, try_ = key
        hold = HoldRef(run=run, task=task, generation=generation, try_=try_)
        self._released.setdefault(partition, []).append(hold)

    def granted(self, grant: HoldGrant, keep: Callable[[Key], bool]) -> list[Execution]:
        """What the ledger has. Returns executions that need not wait for it any more; what nobody here knows of is let
        go, unless `keep` says that an attempt of it may run."""
        wanted = self._wanted.get(grant.partition, {})
        made = []
        for held in grant.held:
            key = (held.hold.run, held.hold.task, held.hold.generation, held.hold.try_)
            execution = wanted.get(key)
            if execution is None:
                if held.token and not keep(key):
                    self.release(grant.partition, key)
            elif execution.token is None and held.renewal >= execution.renewal:
                execution.token, execution.renewal = held.token, held.renewal
                if execution.task.wants is not None:
                    keys = {want.key: held.token for want in execution.task.wants.keys}
                    execution.fences = {**execution.task.fences, **keys}
                made.append(execution)
        return made

    def forget(self, partition: int) -> None:
        """The partition is somebody else's, and so are its holds."""
        self._wanted.pop(partition, None)
        self._asks.pop(partition, None)
        self._released.pop(partition, None)
        for key in [key for key, execution in self._behind.items() if execution.partition == partition]:
            del self._behind[key]

    def counts(self) -> tuple[int, int]:
        """How many hold something, and how many wait."""
        found = [execution.token for wanted in self._wanted.values() for execution in wanted.values()]
        return sum(1 for token in found if token), sum(1 for token in found if token is None)

    def level(self, partition: int) -> None:
        """Everything that waits is asked for again: nothing depends on one message arriving."""
        self._asks[partition] = [e for e in self._wanted.get(partition, {}).values() if e.token is None]

    def messages(self, epochs: dict[int, int], level: bool = False) -> Iterator[tuple[str, bytes]]:
        """What is to be said, by the epochs of the partitions that are owned here."""
        if not (level or self._asks or self._released):
            return
        for partition, epoch in epochs.items():
            asks = iter(self._asks.pop(partition, []))
            released = iter(self._released.pop(partition, []))
            wanted = self._wanted.get(partition, {})
            held = sum(1 for execution in wanted.values() if execution.token)
            said = level
            while True:
                wants = [_want(e) for e in islice(asks, bounds.BATCH_COUNT_MAX // 4) if e.token is None]
                gone = list(islice(released, bounds.BATCH_COUNT_MAX // 4))
                if not (wants or gone or said):
                    break
                message = HoldAsk(
                    conductor=self._conductor,
                    partition=partition,
                    epoch=epoch,
                    wants=wants,
                    released=gone,
                    level=said,
                    held=held,
                )
                yield subjects.pit("arbitration", "hold"), encode(message)
                said = False


def _want(execution: Execution) -> HoldWant:
    task = execution.task
    assert task.wants is not None
    return HoldWant(
        tenant=task.tenant,
        hold=HoldRef(run=task.run, task=task.task, generation=task.generation, try_=task.try_),
        wants=task.wants,
        priority=task.priority,
        since_ms=task.ready_at_ms,
        renewal=execution.renewal,
    )


def over(executions: Iterable[Execution], is_open: Callable[[Execution], bool]) -> list[Execution]:
    """Of executions that something happened to, those that nobody wants and no worker has."""
    return [e for e in executions if e.worker is None and e.task.wants is not None and not is_open(e)]
