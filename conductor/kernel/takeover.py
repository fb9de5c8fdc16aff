"""Taking a partition over: DESIGN.md's rule 7. All workers are heard first, and what they still do is waited for. Pure.

What an earlier owner dispatched goes on under its epoch and its token, and the fold takes its result as any other. So the
new owner dispatches only what no worker holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from conductor.kernel.execution import Execution, Key
from conductor.wire.heartbeat import Heartbeat
from conductor.wire.ready import Settled
from conductor.wire.tasks import Attempt


@dataclass(slots=True)
class Adopted:
    """An attempt of an earlier owner that a worker still holds."""

    worker: str
    attempt: Attempt
    missing_since: int | None = None
    """Its worker lists it no more since the broker had results up to this sequence: its own may be among them."""


@dataclass(slots=True)
class Takeover:
    """The roll of one partition: who has not answered yet, and what those who have still do."""

    partition: int
    awaited: set[str] = field(default_factory=set)
    adopted: dict[Key, Adopted] = field(default_factory=dict)
    earlier: dict[str, dict[tuple[int, int], Key]] = field(default_factory=dict)
    """By worker, with epoch and number: every attempt that the roll told of, until its worker lists it no more."""
    leaving: dict[Key, Adopted] = field(default_factory=dict)
    """Attempts that nobody wants, until their worker lets go of them: what they hold is not free before."""
    stored_sequence: int = 0
    """Results up to here are in the log, as workers say: the tracker has to have folded them."""

    def answered(self, beat: Heartbeat) -> bool:
        """Take a heartbeat in. True: it is the last answer that was awaited."""
        if beat.holding is None:
            return False
        for held in beat.holding:
            if held.partition == self.partition:
                key = (held.run, held.task, held.generation, held.try_)
                attempt = Attempt(partition=held.partition, epoch=held.epoch, n=held.n)
                self.adopted[key] = Adopted(beat.worker, attempt)
                self.earlier.setdefault(beat.worker, {})[held.epoch, held.n] = key
        for stored in beat.stored:
            if stored.partition == self.partition:
                self.stored_sequence = max(self.stored_sequence, stored.sequence)
        self.awaited.discard(beat.worker)
        return not self.awaited

    def missed(self, beat: Heartbeat, folded: int) -> list[Key]:
        """Adopted attempts of a worker that will never answer: neither held nor stored, and all results folded."""
        if not self.adopted:
            return []
        self.stored_sequence = max(
            [self.stored_sequence, *(s.sequence for s in beat.stored if s.partition == self.partition)]
        )
        mine = [(key, adopted) for key, adopted in self.adopted.items() if adopted.worker == beat.worker]
        if not mine or beat.truncated:
            return []
        listed = set(_numbers(beat.held)) | {(s.partition, s.epoch, s.n) for s in beat.stored}
        lost = []
        for key, adopted in mine:
            if (adopted.attempt.partition, adopted.attempt.epoch, adopted.attempt.n) in listed:
                continue
            if adopted.missing_since is None:
                adopted.missing_since = self.stored_sequence
            if folded >= adopted.missing_since:
                lost.append(key)
        return lost

    def unwanted(self, beat: Heartbeat, open_: Mapping[Key, Execution]) -> list[Attempt]:
        """Rule 14: what a worker is at for an earlier owner, and nobody wants any more. It is told so until it is not."""
        mine = self.earlier.get(beat.worker)
        if not mine or beat.truncated:
            return []
        held = {(a.epoch, a.n): a for a in beat.held if a.partition == self.partition}
        self.earlier[beat.worker] = mine = {place: key for place, key in mine.items() if place in held}
        return [held[place] for place, key in mine.items() if key not in open_]

    def settled(self, settled: Settled) -> list[Key]:
        """An attempt was accepted: the execution that it was adopted for, which waits no more."""
        said = (settled.worker, settled.epoch, settled.n)
        found = [k for k, a in self.adopted.items() if (a.worker, a.attempt.epoch, a.attempt.n) == said]
        for key in found:
            del self.adopted[key]
        return found

    def let_go(self, beat: Heartbeat) -> list[Key]:
        """Unwanted attempts that a worker no longer has."""
        if not self.leaving or beat.truncated:
            return []
        held = set(_numbers(beat.held)) if beat.state != "stopped" else set()
        mine = [(key, a.attempt) for key, a in self.leaving.items() if a.worker == beat.worker]
        return self._left([key for key, a in mine if (a.partition, a.epoch, a.n) not in held])

    def let_go_of(self, workers: set[str]) -> list[Key]:
        """Unwanted attempts of workers that are dead."""
        return self._left([key for key, adopted in self.leaving.items() if adopted.worker in workers])

    def _left(self, keys: list[Key]) -> list[Key]:
        for key in keys:
            del self.leaving[key]
        return keys

    def of(self, workers: set[str]) -> list[Key]:
        """Everything adopted that some workers held, which are gone."""
        for worker in workers:
            self.earlier.pop(worker, None)
        return [key for key, adopted in self.adopted.items() if adopted.worker in workers]

    def left(self, open_: Mapping[Key, Execution]) -> list[Execution]:
        """What is open and no worker does: it may be dispatched. What is adopted and not open is to be stopped."""
        self.leaving |= {key: adopted for key, adopted in self.adopted.items() if key not in open_}
        self.adopted = {key: adopted for key, adopted in self.adopted.items() if key in open_}
        return [e for key, e in open_.items() if key not in self.adopted and not e.is_scope]


def _numbers(attempts: Iterable[Attempt]) -> Iterable[tuple[int, int, int]]:
    return ((a.partition, a.epoch, a.n) for a in attempts)
