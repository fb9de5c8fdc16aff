"""The bus as everything above it sees it: one interface, NATS and in-memory behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

Headers = Mapping[str, str]

EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
EXPECTED_SUBJECT = "Nats-Expected-Last-Subject-Sequence-Subject"
"""Headers of a fenced write: refused unless the subject's last message has this sequence."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message as it arrived. `reply` is where an answer goes, if one is wanted."""

    subject: str
    data: bytes
    reply: str = ""
    headers: Headers | None = None


class Mailbox(Protocol):
    """A subscription that is emptied a beat at a time."""

    def take_all(self) -> list[Received]:
        """Everything that has arrived, without waiting."""

    async def wait(self) -> None:
        """Until something has arrived."""

    async def close(self) -> None:
        """Listen no more."""


Handler = Callable[[Received], Awaitable[bytes]]
"""Answers a request; raising `BusError` answers with its kind."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation of a micro service."""

    name: str
    subject: str
    handler: Handler
    request: str = ""
    reply: str = ""


class Bus(Protocol):
    """One connection, as one user."""

    async def publish(self, subject: str, data: bytes, headers: Headers | None = None) -> None:
        """A core message: sent once, lost if nobody listens."""

    def send(self) -> None:
        """Give what was published to the network now; without it, that is done in the next turn of the loop."""

    async def publish_log(self, subject: str, data: bytes, headers: Headers | None = None) -> int:
        """A durable message; the sequence at which the broker has it.

        Raises:
            BusError: `fenced`, `busy`, `timed_out`, `unavailable` or `not_found` (no stream takes the subject).
        """

    async def subscribe(self, *subjects: str, queue: str = "", notify: Callable[[], None] | None = None) -> Mailbox:
        """Listen; `queue` shares the messages with others of the same name; `notify` is called at each arrival."""

    async def request(self, subject: str, data: bytes, timeout_s: float = 5.0) -> bytes:
        """Ask and wait.

        Raises:
            BusError: `timed_out`, `unavailable` (nobody answers), or the kind of the service's refusal.
        """

    async def serve(self, name: str, version: str, description: str, endpoints: list[Endpoint]) -> None:
        """Be a micro service: `$SRV.PING`, `INFO` and `STATS` list it."""

    async def flush(self) -> None:
        """Until everything that was published has reached the broker."""

    async def close(self) -> None:
        """Drain and disconnect."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection at this moment."""
