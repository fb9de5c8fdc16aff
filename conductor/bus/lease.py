"""A lease: a key with a time to live in a bucket. Whoever holds it may act; it is lost when it is not renewed in time.

Each renewal states its time to live again, since a renewal without one never expires, and expects the revision of the one
before, so that a holder that slept cannot renew what another has taken.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from conductor.bus.errors import BusError
from conductor.bus.interface import EXPECTED_SEQUENCE, Bus

TIME_TO_LIVE_S = 2
"""The shortest that leaves room for a slow fsync; the broker knows no less than one."""


class Lease:
    """A held lease; `revision` grows with every holder and renewal."""

    def __init__(self, bus: Bus, bucket: str, key: str, holder: str) -> None:
        self._bus = bus
        self._bucket = bucket
        self._subject = f"$KV.{bucket}.{key}"
        self._holder = holder.encode()
        self.revision = 0

    async def acquire(self, gone: str | None = None) -> bool:
        """Take the key, if nobody else holds it. `gone` is a holder that need not be waited for, since its connection is
        known to be closed; should it live after all, its next renewal is refused.

        Raises:
            BusError: the broker cannot be asked.
        """
        last = await self._last()
        self.revision = 0
        if last is not None:
            holder, sequence = last
            if holder not in (None, self._holder.decode(), gone):
                return False
            self.revision = sequence
        try:
            await self.renew()
        except BusError as error:
            if error.kind == "fenced":
                return False
            raise
        return True

    async def renew(self) -> None:
        """Hold it for another time to live. Raises `BusError` of kind `fenced` where it is lost."""
        headers = {"Nats-TTL": f"{TIME_TO_LIVE_S}s", EXPECTED_SEQUENCE: str(self.revision)}
        self.revision = await self._bus.publish_log(self._subject, self._holder, headers)

    async def release(self) -> None:
        """Give it back, so that the next holder need not wait."""
        # The mark goes too, after a while: keys that are named after processes would else be more with every start.
        headers = {"KV-Operation": "DEL", "Nats-TTL": f"{TIME_TO_LIVE_S}s", EXPECTED_SEQUENCE: str(self.revision)}
        try:
            await self._bus.publish_log(self._subject, b"", headers)
        except BusError:
            return  # it expires by itself

    async def holder(self) -> str | None:
        """Who holds the key now.

        Raises:
            BusError: the broker cannot be asked.
        """
        last = await self._last()
        return last[0] if last is not None else None

    async def _last(self) -> tuple[str | None, int] | None:
        """The holder (none where the key was given back or has expired) and the revision."""
        ask = json.dumps({"last_by_subj": self._subject}).encode()
        reply: dict[str, Any] = json.loads(await self._bus.request(f"$JS.API.STREAM.MSG.GET.KV_{self._bucket}", ask))
        error = reply.get("error")
        if error is not None:
            if error.get("err_code") == 10037:  # no message found
                return None
            raise BusError("unavailable", str(error.get("description")))
        message = reply["message"]
        headers = base64.b64decode(message.get("hdrs", "")).decode(errors="replace")
        free = "KV-Operation" in headers or "Nats-Marker-Reason" in headers
        holder = base64.b64decode(message.get("data", "")).decode(errors="replace")
        return None if free else holder, int(message["seq"])
