"""Who may have held something: the workers heard lately, and those that the Pool Manager calls dead. Pure.

Whoever takes a partition over knows what living workers hold (rule 7), and nothing of what a dead one has begun. What must
not be done twice is begun anew only where no worker is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from conductor.kernel.fitting import in_range
from conductor.kernel.places import Capacity, Offer, takes
from conductor.kernel.workers import Worker
from conductor.wire import bounds
from conductor.wire.heartbeat import HEARTBEAT_INTERVAL_MS, Heartbeat
from conductor.wire.log import Serving
from conductor.wire.ready import Requires

LATELY_MS = 5_000
"""Longer than a takeover takes from an owner that died or fell asleep: a worker that died with it may not be known as
dead."""
YOUNG_BEATS = LATELY_MS // HEARTBEAT_INTERVAL_MS


class Heard(NamedTuple):
    """A worker of late, in milliseconds of the conductor's steady clock."""

    at_ms: int
    """Its last beat."""
    answered_ms: int
    """Its last answer to a roll. It has got everything that was sent to it before the call. A beat alone says nothing of
    what is on its way there: of the two ways, only one may be open."""
    is_young: bool
    """Its process is so young that another under its name may have died lately."""
    process: tuple[str, int] | None
    """Its host and process id; None where it says none."""
    beat: int
    """The number of its last beat."""


@dataclass(slots=True)
class Roster:
    """The workers of the mesh, as one conductor has heard of them."""

    heard: dict[str, Heard] = field(default_factory=dict)
    """By name, in the order of their beats."""
    dead: frozenset[str] | None = None
    """As the last grant says; None before the first one."""
    offers: dict[str, Offer] = field(default_factory=dict)
    """Where each of them is and what it has, by its last beat."""
    served: dict[str, tuple[Serving, ...]] = field(default_factory=dict)
    """What each of them serves, by the manifest that it sent last."""
    _capacity: Capacity | None = None

    def beat(self, beat: Heartbeat, now_ms: int) -> None:
        """A worker lives. One that has stopped of itself has let go of everything before."""
        if beat.state == "stopped":
            self.heard.pop(beat.worker, None)
            self._forget(beat.worker)
        else:
            offer = Offer.of(beat)
            if self.offers.get(beat.worker) != offer:
                self.offers[beat.worker] = offer
                self._capacity = None
            before = self.heard.pop(beat.worker, None)
            answered_ms = now_ms if beat.holding is not None else before.answered_ms if before is not None else -1
            # At the end: the order is that of the beats.
            process = (beat.host, beat.pid) if beat.pid else None
            self.heard[beat.worker] = Heard(now_ms, answered_ms, beat.beat < YOUNG_BEATS, process, beat.beat)
        if beat.manifest is not None:
            self.served[beat.worker] = tuple(
                Serving(
                    capability=function.capability, version=function.version, cost_per_second=function.cost_per_second
                )
                for function in beat.manifest.functions
            )
        while self.heard and now_ms - next(iter(self.heard.values())).at_ms > LATELY_MS:
            gone = next(iter(self.heard))
            del self.heard[gone]
            self._forget(gone)

    def _forget(self, worker: str) -> None:
        if self.offers.pop(worker, None) is not None:
            self._capacity = None

    def share(self, needs: Requires) -> float:
        """How many slots an execution that needs this counts as, where tenants' shares are compared."""
        if self._capacity is None:
            self._capacity = Capacity.of(self.offers.values())
        return self._capacity.share(needs)

    def takes(self, worker: Worker, needs: Requires) -> int:
        """How many more executions that need this a worker may be given by what it offers."""
        return takes(worker, self.offers.get(worker.name), needs)

    def could(self, worker: Worker, needs: Requires) -> bool:
        """Whether it could be given one, once it holds nothing."""
        return takes(worker, self.offers.get(worker.name), needs, empty=True) > 0

    def fits(self, worker: str, capability: str, wanted: str) -> bool:
        """Whether a worker serves a version in a range. Not, as long as its manifest has not been heard."""
        served = self.served.get(worker, ())
        return any(one.capability == capability and in_range(wanted, one.version) for one in served)

    def serving(self) -> list[Serving]:
        """Every version of a function that is served, in an order of its own."""
        self.served = {worker: functions for worker, functions in self.served.items() if worker in self.heard}
        found = {(one.capability, one.version): one for functions in self.served.values() for one in functions}
        return [found[key] for key in sorted(found)][: bounds.BATCH_COUNT_MAX]

    def complete(self, since_ms: int) -> bool:
        """Whether every worker of late has answered a roll since a moment, and none of them is new under an old name."""
        if self.dead is None or self.dead - self.heard.keys():
            return False
        return all(worker.answered_ms >= since_ms and not worker.is_young for worker in self.heard.values())
