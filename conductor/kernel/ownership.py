"""Ownership of partitions: a lease in a bucket, and an `owner` event in the log that fences the one before (rule 3)."""

from __future__ import annotations

import asyncio
import json
import logging
import time

from conductor.bus import BusError, Lease, NatsBus
from conductor.bus.interface import EXPECTED_SEQUENCE
from conductor.bus.lease import TIME_TO_LIVE_S
from conductor.kernel.partition import Owned
from conductor.kernel.standing import Standing, share
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.log import Owner

_log = logging.getLogger("symphony.kernel")

BUCKET = "sym_owners"
LOOK_INTERVAL_S = 0.15
RENEW_INTERVAL_S = 0.5
YIELD_INTERVAL_S = 1.0
"""Between two partitions given back: the conductor that is to take one needs a moment."""
ANSWER_TIME_S = 0.5


class Ownership:
    """The leases of one conductor: a fair share of the partitions, and those of conductors that died."""

    def __init__(self, bus: NatsBus, conductor: str, partitions: int) -> None:
        self._bus = bus
        self._conductor = conductor
        self._partitions = partitions
        self._leases: dict[int, Lease] = {}
        self._member = Lease(bus, BUCKET, f"conductor-member.{conductor}", conductor)
        self._standing = Standing()
        self._fair = partitions
        self._yielded_at = time.monotonic()
        self._renewed_at: dict[int, float] = {}
        """When a renewal that the broker took was sent, by the monotonic clock."""

    @property
    def fresh(self) -> bool:
        """Whether no lease of ours can have expired. A process that slept, or was cut off, must not go on as if it had not:
        others own its partitions meanwhile."""
        oldest = time.monotonic() - TIME_TO_LIVE_S
        return all(self._renewed_at.get(partition, oldest) > oldest for partition in self._leases)

    async def enrol(self) -> None:
        """Be counted among the conductors, and count them.

        Raises:
            BusError: the broker cannot be asked.
        """
        try:
            await self._member.renew()
        except BusError as error:
            if error.kind != "fenced":
                raise
            await self._member.acquire()
        ask = json.dumps({"subjects_filter": f"$KV.{BUCKET}.conductor-member.*"}).encode()
        info = json.loads(await self._bus.request(f"$JS.API.STREAM.INFO.KV_{BUCKET}", ask))
        members = len((info.get("state") or {}).get("subjects") or {})
        self._fair = share(self._partitions, members)

    async def look(self) -> list[int]:
        """Look at what others hold, or nobody. Returns the partitions that may be taken now.

        A holder that is alive answers its ping. Where nobody listens there, its connection is closed, which a killed
        process cannot hide: what it held is taken at once. A stopped one keeps its connection, and its leases expire.

        Raises:
            BusError: the broker cannot be asked.
        """
        others = [number for number in range(self._partitions) if number not in self._leases]
        for number in others:
            self._standing.seen(number, await self._lease(number).holder())
        silent = set()
        for holder in set(self._standing.holders.values()) - {self._conductor}:
            if await self._is_silent(holder):
                silent.add(holder)
        self._standing.heard(silent)
        own = {number for number, holder in self._standing.holders.items() if holder == self._conductor}
        free = [number for number in others if self._standing.may_take(number, len(self._leases), self._fair)]
        return sorted(own.union(free))

    async def _is_silent(self, holder: str) -> bool:
        try:
            await self._bus.request(subjects.pit("conductor", "ping", holder), b"", ANSWER_TIME_S)
        except BusError as error:
            return error.kind == "unavailable" and self._bus.connected
        return False

    def _lease(self, partition: int) -> Lease:
        return Lease(self._bus, BUCKET, f"conductor.{partition}", self._conductor)

    async def take(self, partition: int) -> Owned | None:
        """Own a partition, where nobody else does that lives.

        The `owner` event stands in the log before anything else is written: a conductor that slept through it is refused.

        Raises:
            BusError: the broker cannot be asked.
        """
        over = len(self._leases) >= self._fair
        if over and not self._standing.may_take(partition, len(self._leases), self._fair):
            return None  # the ones taken a moment ago were our share
        lease = self._lease(partition)
        sent_at = time.monotonic()
        if not await lease.acquire(self._standing.gone(partition)):
            return None
        try:
            owned = await self._announce(partition, lease.revision)
        except BusError as error:
            await lease.release()
            if error.kind == "fenced":
                return None  # another one wrote its event in the same moment
            raise
        self._leases[partition] = lease
        self._renewed_at[partition] = sent_at
        self._standing.ours(partition)
        _log.info("partition %d is ours: epoch %d", partition, owned.epoch)
        return owned

    def surplus(self) -> int | None:
        """A partition that should go to somebody who has less."""
        if len(self._leases) <= self._fair or time.monotonic() - self._yielded_at < YIELD_INTERVAL_S:
            return None
        self._yielded_at = time.monotonic()
        return max(self._leases)

    async def give(self, partition: int) -> None:
        """Give one back."""
        lease = self._leases.pop(partition, None)
        if lease is not None:
            await lease.release()

    async def _announce(self, partition: int, epoch: int) -> Owned:
        subject = subjects.log_event(partition, "owner")
        last = await self._last_event(subject)
        event = Owner(partition=partition, epoch=epoch, conductor=self._conductor)
        sequence = await self._bus.publish_log(subject, encode(event), {EXPECTED_SEQUENCE: str(last)})
        return Owned(epoch=epoch, fence=sequence, first=last == 0)

    async def _last_event(self, subject: str) -> int:
        ask = json.dumps({"last_by_subj": subject}).encode()
        answer = json.loads(await self._bus.request("$JS.API.STREAM.MSG.GET.SYM_LOG", ask))
        if "message" not in answer:
            if (answer.get("error") or {}).get("code") == 404:
                return 0
            raise BusError("unavailable", f"{subject}: {answer.get('error')}")
        return int(answer["message"]["seq"])

    async def renew(self) -> list[int]:
        """Renew every lease; the partitions whose lease is somebody else's now."""
        lost = []
        for partition, lease in list(self._leases.items()):
            sent_at = time.monotonic()
            try:
                await lease.renew()
                self._renewed_at[partition] = sent_at
            except BusError as error:
                if error.kind == "fenced":
                    lost.append(partition)
                    del self._leases[partition]
                else:
                    _log.warning("the lease of partition %d is not renewed: %s", partition, error)
        return lost

    async def release(self) -> None:
        """Give everything back, so that the next conductor need not wait."""
        leases = (*self._leases.values(), self._member)
        await asyncio.gather(*(lease.release() for lease in leases), return_exceptions=True)
        self._leases.clear()

    def drop(self, partition: int) -> None:
        """The partition is lost already."""
        self._leases.pop(partition, None)
