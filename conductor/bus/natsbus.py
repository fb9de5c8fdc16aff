"""The bus over NATS, by nats-py."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.micro import add_service
from nats.micro.request import Request
from nats.micro.service import ServiceConfig

from conductor.bus.errors import BusError, Kind
from conductor.bus.interface import Endpoint, Headers, Mailbox, Received

_log = logging.getLogger("symphony.bus")

PENDING_COUNT_MAX = 1_000_000
"""Messages of one subscription that a beat may find; above it the client drops, as for a slow consumer."""
PENDING_BYTES_MAX = 512 * 1024 * 1024
CONNECT_TIMEOUT_S = 5
PUBLISH_TIMEOUT_S = 5.0
_CODES: dict[int, Kind] = {10071: "fenced", 10077: "busy", 10047: "busy", 10023: "busy", 503: "unavailable"}
_SERVICE_KINDS: dict[str, Kind] = {"400": "invalid", "404": "not_found", "503": "unavailable"}


@dataclass(frozen=True, slots=True)
class BusOptions:
    """Where the broker is, and who we are to it. `name` stands in the inbox prefix, `_INBOX_<name>`."""

    url: str
    name: str
    credentials: Path | None = None
    wait_s: float = 0.0
    """How long to wait for a broker that is not there yet."""


class _Inlet(asyncio.Queue[Msg]):
    """Where the client puts what it has parsed; it goes straight on: a task that waits costs a turn of the loop."""

    def __init__(self, take: Callable[[Msg], None]) -> None:
        super().__init__()
        self._hand_on = take

    def put_nowait(self, item: Msg) -> None:
        self._hand_on(item)


class NatsMailbox:
    """What some subscriptions received, emptied by hand: no callback and no task for each message."""

    def __init__(self, notify: Callable[[], None] | None) -> None:
        self._subscriptions: list[Subscription] = []
        self._arrived = asyncio.Event()
        self._notify = notify
        self._messages: list[Received] = []

    def add(self, subscription: Subscription) -> None:
        """Take over what `subscription` has received, and all that it will."""
        before, subscription._pending_queue = subscription._pending_queue, _Inlet(self._take)
        self._subscriptions.append(subscription)
        while not before.empty():
            self._take(before.get_nowait())

    def _take(self, message: Msg) -> None:
        if len(self._messages) >= PENDING_COUNT_MAX:
            raise asyncio.QueueFull  # the client drops it, and says so
        self._messages.append(Received(message.subject, message.data, message.reply, message.headers))
        self._arrived.set()
        if self._notify is not None:
            self._notify()

    def take_all(self) -> list[Received]:
        for subscription in self._subscriptions:
            subscription._pending_size = 0  # the client adds to it, and drops what comes above its bound
        taken, self._messages = self._messages, []
        self._arrived.clear()
        return taken

    async def wait(self) -> None:
        if not self._messages:
            await self._arrived.wait()

    async def close(self) -> None:
        for subscription in self._subscriptions:
            try:
                await subscription.unsubscribe()
            except nats.errors.Error:
                return


class NatsBus:
    """One connection; reconnects for ever with growing, spread delays."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._js = client.jetstream(timeout=PUBLISH_TIMEOUT_S)
        self._services: list[Any] = []

    @classmethod
    async def connect(cls, options: BusOptions) -> NatsBus:
        """Connect.

        Raises:
            BusError: `unavailable` (no broker, after `wait_s`), `config` (credentials that cannot be read or are refused).
        """
        inbox = f"_INBOX_{options.name.replace('.', '-')}".encode()
        settings: dict[str, Any] = {
            "name": options.name,
            "inbox_prefix": inbox,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.1 + random.random() * 0.2,  # noqa: S311 - spread, not secrecy
            "connect_timeout": CONNECT_TIMEOUT_S,
            "ping_interval": 10,
            "max_outstanding_pings": 2,
            "allow_reconnect": True,
            "error_cb": _on_error,
            "disconnected_cb": _on_disconnect,
            "reconnected_cb": _on_reconnect,
            "pending_size": 64 * 1024 * 1024,
        }
        if options.credentials is not None:
            if not options.credentials.is_file():
                raise BusError("config", f"the credentials {options.credentials} are not there")
            settings["user_credentials"] = str(options.credentials)
        deadline = asyncio.get_running_loop().time() + options.wait_s
        while True:
            client = Client()
            try:
                # Without a first connection the client would try for ever: a person waits for an answer.
                await asyncio.wait_for(client.connect(options.url, **settings | {"allow_reconnect": False}), 10)
                client.options["allow_reconnect"] = True
                return cls(client)
            except (OSError, nats.errors.Error, TimeoutError) as error:
                await _let_go(client)
                if "authorization" in str(error).lower():
                    raise BusError("config", f"the broker at {options.url} refuses these credentials") from error
                if asyncio.get_running_loop().time() >= deadline:
                    raise BusError("unavailable", f"no broker answers at {options.url}") from error
                await asyncio.sleep(0.05)

    @property
    def client(self) -> Client:
        """The client beneath, for what the interface does not cover: streams and buckets."""
        return self._client

    @property
    def connected(self) -> bool:
        return self._client.is_connected

    async def publish(self, subject: str, data: bytes, headers: Headers | None = None) -> None:
        try:
            await self._client.publish(subject, data, headers=dict(headers) if headers else None)
        except (nats.errors.Error, OSError) as error:
            raise BusError("unavailable", f"{subject}: {_reason(error)}") from error

    def send(self) -> None:
        client = self._client
        transport = client._transport
        if not client.is_connected or transport is None or not client._pending:
            return
        writer = getattr(transport, "_io_writer", None)
        if writer is None or writer.transport.get_write_buffer_size() > 0:
            return  # the broker is slower than we are: the client's own writer waits for it
        pending, client._pending, client._pending_data_size = client._pending, [], 0
        writer.writelines(pending)

    async def publish_log(self, subject: str, data: bytes, headers: Headers | None = None) -> int:
        try:
            ack = await self._js.publish(subject, data, headers=dict(headers) if headers else None)
        except nats.js.errors.NoStreamResponseError as error:
            raise BusError("not_found", f"no stream takes {subject}") from error
        except nats.js.errors.APIError as error:
            kind = _CODES.get(error.err_code or 0) or ("busy" if "maximum" in str(error.description) else "unavailable")
            raise BusError(kind, f"{subject}: {error.description}") from error
        except (TimeoutError, nats.errors.TimeoutError) as error:
            raise BusError("timed_out", f"{subject}: the broker did not acknowledge") from error
        except (nats.errors.Error, OSError) as error:
            raise BusError("unavailable", f"{subject}: {_reason(error)}") from error
        return int(ack.seq)

    async def last(self, stream: str, subject: str, timeout_s: float = 5.0) -> tuple[int, bytes] | None:
        """Sequence and content of the last message of a subject in a stream that allows direct reads; none: there is none.

        Raises:
            BusError: the broker does not answer, or refuses.
        """
        try:
            reply = await self._client.request(f"$JS.API.DIRECT.GET.{stream}.{subject}", b"", timeout=timeout_s)
        except (TimeoutError, nats.errors.Error, OSError) as error:
            raise BusError("unavailable", f"{subject}: {_reason(error)}") from error
        headers = reply.headers or {}
        if headers.get("Status") == "404":
            return None
        if "Nats-Sequence" not in headers:
            raise BusError(
                "unavailable", f"{subject}: the broker answers {headers.get('Description', 'without a sequence')}"
            )
        return int(headers["Nats-Sequence"]), reply.data

    async def subscribe(self, *subjects: str, queue: str = "", notify: Callable[[], None] | None = None) -> Mailbox:
        mailbox = NatsMailbox(notify)
        for subject in subjects:
            subscription = await self._client.subscribe(
                subject,
                queue=queue,
                pending_msgs_limit=PENDING_COUNT_MAX,
                pending_bytes_limit=PENDING_BYTES_MAX,
            )
            mailbox.add(subscription)
        return mailbox

    async def request(self, subject: str, data: bytes, timeout_s: float = 5.0) -> bytes:
        try:
            reply = await self._client.request(subject, data, timeout=timeout_s)
        except nats.errors.NoRespondersError as error:
            raise BusError("unavailable", f"nobody answers {subject}") from error
        except (TimeoutError, nats.errors.TimeoutError) as error:
            raise BusError("timed_out", f"{subject}: no answer within {timeout_s:g} s") from error
        except (nats.errors.Error, OSError) as error:
            raise BusError("unavailable", f"{subject}: {_reason(error)}") from error
        code = (reply.headers or {}).get("Nats-Service-Error-Code")
        if code is not None:
            text = (reply.headers or {}).get("Nats-Service-Error", "refused")
            raise BusError(_SERVICE_KINDS.get(code, "unavailable"), text)
        return reply.data

    async def serve(self, name: str, version: str, description: str, endpoints: list[Endpoint]) -> None:
        service = await add_service(self._client, ServiceConfig(name=name, version=version, description=description))
        for endpoint in endpoints:
            metadata = {"request": endpoint.request, "reply": endpoint.reply}
            await service.add_endpoint(
                name=endpoint.name, subject=endpoint.subject, handler=_handler(endpoint), metadata=metadata
            )
        self._services.append(service)

    async def flush(self) -> None:
        try:
            # The client writes a ping past what it still holds back: its answer alone says nothing of a subscription that
            # was made just before. By then all of that is written, and the second ping goes behind it.
            await self._client.flush(timeout=5)
            await self._client.flush(timeout=5)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise BusError("unavailable", _reason(error)) from error

    async def close(self) -> None:
        for service in self._services:
            try:
                await asyncio.wait_for(service.stop(), 2)
            except (nats.errors.Error, TimeoutError, OSError):
                continue
        try:
            if self._client.is_connected:
                await asyncio.wait_for(self._client.flush(), 2)
        except (nats.errors.Error, TimeoutError, OSError):
            _log.debug("the last messages may not have been sent")
        await self._client.close()


async def _let_go(client: Client) -> None:
    """Close what a failed attempt opened: the client leaves its socket behind."""
    transport = client._transport
    if transport is not None:
        transport.close()  # type: ignore[no-untyped-call]  # as the client declares it
    with contextlib.suppress(nats.errors.Error, OSError):
        await client.close()


def _handler(endpoint: Endpoint) -> Any:
    async def answer(request: Request) -> None:
        try:
            data = await endpoint.handler(Received(request.subject, request.data))
        except BusError as error:
            codes = {kind: code for code, kind in _SERVICE_KINDS.items()}
            await request.respond_error(code=codes.get(error.kind, "500"), description=str(error))
            return
        await request.respond(data)

    return answer


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__


async def _on_error(error: Exception) -> None:
    # A broker that is not there is told of by whoever needs it; what else goes wrong nobody would hear of.
    level = logging.DEBUG if isinstance(error, OSError) else logging.WARNING
    _log.log(level, "broker connection: %s", _reason(error))


async def _on_disconnect() -> None:
    _log.debug("the broker connection was lost")


async def _on_reconnect() -> None:
    _log.info("connected to the broker again")
