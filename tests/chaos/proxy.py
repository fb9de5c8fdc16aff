"""A TCP proxy between a process and the broker, so that a network can fail: one listener for each process."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Literal

Mode = Literal["pass", "drop", "drop_in", "drop_out", "delay", "reset"]
MODES: tuple[Mode, ...] = ("drop", "drop_in", "drop_out", "delay", "reset")
"""`drop`: nothing arrives, and nobody is told; `drop_in`: nothing reaches the process, `drop_out`: nothing reaches the
broker; `delay`: everything comes late; `reset`: connections break, and new ones are refused."""
PIECE_BYTES = 64 * 1024
HELD_BYTES_MAX = 16 * 1024 * 1024
"""Of one direction while it is cut: a peer that sends more is no longer read, as when a socket's buffers are full."""
DELAY_S = 0.4


class Proxy:
    """`async with Proxy(port) as proxy`: what connects to `proxy.url` reaches the broker's port, as `mode` says.

    Bytes of a cut direction are held and go on once it is whole again, as TCP would send them again: a black hole loses
    time, never the middle of a stream.
    """

    def __init__(self, upstream_port: int) -> None:
        self._upstream = upstream_port
        self._server: asyncio.Server | None = None
        self._changed = asyncio.Event()
        self._mode: Mode = "pass"
        self._links: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()[:2]
        self.url = f"nats://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    @property
    def mode(self) -> Mode:
        return self._mode

    def set(self, mode: Mode) -> None:
        """From now on. `reset` breaks the connections that stand."""
        self._mode = mode
        self._changed.set()
        self._changed = asyncio.Event()
        if mode == "reset":
            for link in self._links:
                link.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        upstream: asyncio.StreamWriter | None = None
        try:
            if self._mode == "reset":
                return
            source, upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            directions = {
                asyncio.create_task(self._carry(reader, upstream, "drop_out")),
                asyncio.create_task(self._carry(source, writer, "drop_in")),
            }
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            return  # the broker is gone, or the link was cut: either end sees a closed socket
        finally:
            self._links.discard(link)
            for end in (writer, upstream):
                if end is not None:
                    self._end(end)

    def _end(self, writer: asyncio.StreamWriter) -> None:
        """Close a socket; as a network that resets connections does it, where it is one."""
        if self._mode == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, cut: Mode) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE_BYTES):
                held = [piece]
                while self._mode in ("drop", cut):
                    await self._hold(source, held)
                if self._mode == "delay":
                    await asyncio.sleep(DELAY_S)
                for part in held:
                    target.write(part)
                await target.drain()
            while self._mode in ("drop", cut):
                await self._changed.wait()  # that it ended does not come through either

    async def _hold(self, source: asyncio.StreamReader, held: list[bytes]) -> None:
        """Until the mode changes, or one more piece has come."""
        changed = asyncio.ensure_future(self._changed.wait())
        full = source.at_eof() or sum(map(len, held)) >= HELD_BYTES_MAX
        read = None if full else asyncio.ensure_future(source.read(PIECE_BYTES))
        try:
            await asyncio.wait({changed, read} if read else {changed}, return_when=asyncio.FIRST_COMPLETED)
            if read is not None and read.done():
                held.append(read.result())
        finally:
            changed.cancel()
            if read is not None and not read.done():
                read.cancel()
                await asyncio.gather(read, return_exceptions=True)
