"""What a peer is: something that is set up beside the project, started with its durable settings, measured, and stopped."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from conductor.measure.rows import Row
from conductor.measure.suite import Skipped

SCENARIOS = ("chain", "one", "flow")
"""What every peer does, in the words of `symphony bench`: 40 steps in a row; runs of one step, alone and 50 and 500 at a
time; nine steps in a row that hand on an order, alone and 50 and 500 at a time."""


class PeerError(Exception):
    """A peer cannot be had, or failed: one line that says what, and what to install."""


@dataclass(frozen=True, slots=True)
class Load:
    """`window_s` of each rate, `runs` of each latency; as `LoadOptions` has them."""

    window_s: float
    runs: int


class Measured(NamedTuple):
    """A peer's rows, named as ours, and what it could not end in the time that a scenario may take."""

    rows: list[Row]
    skipped: list[Skipped]


class Running(Protocol):
    """A peer that has been started."""

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        """Do the scenarios, one after the other.

        Raises:
            PeerError: its load generator failed.
        """
        ...


class Peer(Protocol):
    """`durable`: a step that has ended is not lost with the machine. `settings` says how it is made so, `caveats` what is
    not alike. None of them changes while it runs."""

    @property
    def name(self) -> str: ...

    @property
    def durable(self) -> bool: ...

    @property
    def settings(self) -> str: ...

    @property
    def caveats(self) -> tuple[str, ...]: ...

    async def set_up(self, folder: Path) -> dict[str, str]:
        """Fetch and build what is not in `folder` yet, which is kept. The versions of its parts, by name.

        Raises:
            PeerError: something is missing here that has to be installed first.
        """
        ...

    def running(self, folder: Path, data: Path) -> AbstractAsyncContextManager[Running]:
        """Start it with its data in `data`, on the disk that is measured, and stop it at the end.

        Raises:
            PeerError: it does not start.
        """
        ...
