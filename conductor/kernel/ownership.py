"""Ownership of partitions: a lease in a bucket, and an `owner` event in the log that fences the one before (rule 3)."""

from __future__ import annotations

import asyncio
import json
import logging

from conductor.bus import BusError, Lease, NatsBus
from conductor.bus.interface import EXPECTED_SEQUENCE
from conductor.kernel.partition import Owned
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.log import Owner

_log = logging.getLogger("symphony.kernel")

BUCKET = "sym_owners"
RENEW_INTERVAL_S = 0.5


class Ownership:
    """The leases of one conductor."""

    def __init__(self, bus: NatsBus, conductor: str) -> None:
        self._bus = bus
        self._conductor = conductor
        self._leases: dict[int, Lease] = {}

    async def take(self, partition: int) -> Owned | None:
        """Own a partition, where nobody else does.

        The `owner` event stands in the log before anything else is written: a conductor that slept through it is refused.

        Raises:
            BusError: the broker cannot be asked.
        """
        lease = Lease(self._bus, BUCKET, f"conductor.{partition}", self._conductor)
        if not await lease.acquire():
            return None
        try:
            owned = await self._announce(partition, lease.revision)
        except BusError as error:
            await lease.release()
            if error.kind == "fenced":
                return None  # another one wrote its event in the same moment
            raise
        self._leases[partition] = lease
        _log.info("partition %d is ours: epoch %d", partition, owned.epoch)
        return owned

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
            try:
                await lease.renew()
            except BusError as error:
                if error.kind == "fenced":
                    lost.append(partition)
                    del self._leases[partition]
                else:
                    _log.warning("the lease of partition %d is not renewed: %s", partition, error)
        return lost

    async def release(self) -> None:
        """Give everything back, so that the next conductor need not wait."""
        await asyncio.gather(*(lease.release() for lease in self._leases.values()), return_exceptions=True)
        self._leases.clear()

    def drop(self, partition: int) -> None:
        """The partition is lost already."""
        self._leases.pop(partition, None)
