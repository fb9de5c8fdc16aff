"""The bus in memory: the same interface for tests of what stands on it. One contract suite runs on this and on NATS.

Streams are those of `schemas/streams.toml`, without their bounds and transforms; a bucket's keys expire as leases do.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from conductor.bus.errors import BusError
from conductor.bus.interface import EXPECTED_SEQUENCE, EXPECTED_SUBJECT, Endpoint, Headers, Mailbox, Received
from conductor.bus.streams import configurations

PENDING_COUNT_MAX = 1_000_000


def fits(pattern: str, subject: str) -> bool:
    """Whether a subject fits a pattern of `*` (one token) and `>` (the rest)."""
    wanted, tokens = pattern.split("."), subject.split(".")
    for place, part in enumerate(wanted):
        if part == ">":
            return len(tokens) > place
        if place >= len(tokens) or part not in ("*", tokens[place]):
            return False
    return len(wanted) == len(tokens)


@dataclass
class _Stored:
    subject: str
    data: bytes
    sequence: int
    headers: dict[str, str]
    expires_at: float | None = None


@dataclass
class _Stream:
    name: str
    subjects: list[str]
    messages: list[_Stored] = field(default_factory=list)
    sequence: int = 0

    def last(self, pattern: str) -> _Stored | None:
        now = time.monotonic()
        alive = (m for m in reversed(self.messages) if m.expires_at is None or m.expires_at > now)
        return next((m for m in alive if fits(pattern, m.subject)), None)


class MemoryMailbox:
    """A subscription of a memory bus."""

    def __init__(self, broker: MemoryBroker, patterns: tuple[str, ...], queue: str, notify: Callable[[], None] | None):
        self._broker = broker
        self.patterns = patterns
        self.queue = queue
        self._notify = notify
        self._messages: deque[Received] = deque(maxlen=PENDING_COUNT_MAX)
        self._arrived = asyncio.Event()

    def take(self, message: Received) -> None:
        """A message arrives."""
        self._messages.append(message)
        self._arrived.set()
        if self._notify is not None:
            self._notify()

    def take_all(self) -> list[Received]:
        taken = list(self._messages)
        self._messages.clear()
        self._arrived.clear()
        return taken

    async def wait(self) -> None:
        if not self._messages:
            await self._arrived.wait()

    async def close(self) -> None:
        if self in self._broker.mailboxes:
            self._broker.mailboxes.remove(self)


class MemoryBroker:
    """What several memory buses share."""

    def __init__(self, partitions: int = 1) -> None:
        self.mailboxes: list[MemoryMailbox] = []
        self.endpoints: dict[str, Endpoint] = {}
        self.streams = [_Stream(row["name"], row["subjects"]) for row in configurations(partitions)]
        self._turn = 0

    def deliver(self, message: Received) -> int:
        """To every subscription that fits, and to one of each queue group. Returns how many took it."""
        groups: dict[str, list[MemoryMailbox]] = {}
        count = 0
        for mailbox in list(self.mailboxes):
            if any(fits(pattern, message.subject) for pattern in mailbox.patterns):
                if mailbox.queue:
                    groups.setdefault(mailbox.queue, []).append(mailbox)
                else:
                    mailbox.take(message)
                    count += 1
        for members in groups.values():
            self._turn += 1
            members[self._turn % len(members)].take(message)
            count += 1
        return count

    def store(self, subject: str, data: bytes, headers: dict[str, str]) -> int:
        """Append to the stream that takes the subject.

        Raises:
            BusError: `not_found` (no stream), `fenced`.
        """
        stream = next((s for s in self.streams if any(fits(p, subject) for p in s.subjects)), None)
        if stream is None:
            raise BusError("not_found", f"no stream takes {subject}")
        if EXPECTED_SEQUENCE in headers:
            guarded = headers.get(EXPECTED_SUBJECT, subject)
            last = stream.last(guarded)
            if (last.sequence if last else 0) != int(headers[EXPECTED_SEQUENCE]):
                raise BusError("fenced", f"{subject}: wrong last sequence of {guarded}")
        stream.sequence += 1
        ttl = headers.get("Nats-TTL")
        expires = time.monotonic() + float(ttl.removesuffix("s")) if ttl else None
        if subject.startswith("$KV."):
            stream.messages = [message for message in stream.messages if message.subject != subject]
        stream.messages.append(_Stored(subject, data, stream.sequence, headers, expires))
        return stream.sequence

    def last(self, name: str, subject: str) -> bytes:
        """What `$JS.API.STREAM.MSG.GET` answers about the last message of a subject."""
        stream = next((s for s in self.streams if s.name == name), None)
        found = stream.last(subject) if stream else None
        if found is None:
            return json.dumps({"error": {"code": 404, "err_code": 10037, "description": "no message found"}}).encode()
        lines = "".join(f"{key}: {value}\r\n" for key, value in found.headers.items())
        message = {
            "subject": subject,
            "seq": found.sequence,
            "data": base64.b64encode(found.data).decode(),
            "hdrs": base64.b64encode(f"NATS/1.0\r\n{lines}\r\n".encode()).decode(),
        }
        return json.dumps({"message": message}).encode()


class MemoryBus:
    """One user of a memory broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._mine: list[str] = []
        self._open = True

    @property
    def connected(self) -> bool:
        return self._open

    def _check(self) -> None:
        if not self._open:
            raise BusError("unavailable", "the bus is closed")

    async def publish(self, subject: str, data: bytes, headers: Headers | None = None) -> None:
        self._check()
        self._broker.deliver(Received(subject, data, "", headers))

    async def publish_log(self, subject: str, data: bytes, headers: Headers | None = None) -> int:
        self._check()
        sequence = self._broker.store(subject, data, dict(headers or {}))
        self._broker.deliver(Received(subject, data, "", headers))
        return sequence

    async def subscribe(self, *subjects: str, queue: str = "", notify: Callable[[], None] | None = None) -> Mailbox:
        self._check()
        mailbox = MemoryMailbox(self._broker, subjects, queue, notify)
        self._broker.mailboxes.append(mailbox)
        return mailbox

    async def request(self, subject: str, data: bytes, timeout_s: float = 5.0) -> bytes:
        self._check()
        prefix = "$JS.API.STREAM.MSG.GET."
        if subject.startswith(prefix):
            return self._broker.last(subject.removeprefix(prefix), json.loads(data)["last_by_subj"])
        endpoint = next((e for e in self._broker.endpoints.values() if fits(e.subject, subject)), None)
        if endpoint is None:
            raise BusError("unavailable", f"nobody answers {subject}")
        try:
            return await asyncio.wait_for(endpoint.handler(Received(subject, data)), timeout_s)
        except TimeoutError:
            raise BusError("timed_out", f"{subject}: no answer within {timeout_s:g} s") from None

    async def serve(self, name: str, version: str, description: str, endpoints: list[Endpoint]) -> None:
        self._check()
        info = json.dumps({"name": name, "version": version, "description": description}).encode()

        async def answer(_: Received) -> bytes:
            return info

        for endpoint in [*endpoints, Endpoint("info", f"$SRV.INFO.{name}", answer)]:
            self._broker.endpoints[endpoint.subject] = endpoint
            self._mine.append(endpoint.subject)

    def send(self) -> None:
        """Everything has arrived already."""

    async def flush(self) -> None:
        self._check()

    async def close(self) -> None:
        for subject in self._mine:
            self._broker.endpoints.pop(subject, None)
        self._open = False
