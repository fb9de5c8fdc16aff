"""The proxy loses time, never bytes, and cuts what it is told to cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.chaos.proxy import Mode, Proxy


class Peer:
    """A server that says back what it hears, and the client end of a connection to it through a proxy."""

    def __init__(self, proxy: Proxy, heard: list[bytes]) -> None:
        self.proxy = proxy
        self.heard = heard
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter

    async def open(self) -> None:
        port = int(self.proxy.url.rpartition(":")[2])
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, timeout_s: float = 5.0) -> bytes:
        return await asyncio.wait_for(self.reader.read(1024), timeout_s)

    async def until_heard(self, data: bytes) -> None:
        async with asyncio.timeout(5):
            while b"".join(self.heard) != data:
                await asyncio.sleep(0.005)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    heard: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1024):
            heard.append(data)
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server, Proxy(server.sockets[0].getsockname()[1]) as proxy:
        made = Peer(proxy, heard)
        await made.open()
        yield made
        made.writer.close()


async def test_it_carries_both_ways(peer: Peer) -> None:
    await peer.say(b"one")
    assert await peer.answer() == b"one"


@pytest.mark.parametrize("mode", ["drop", "drop_in", "drop_out"])
async def test_what_a_cut_holds_back_comes_once_it_is_whole(peer: Peer, mode: Mode) -> None:
    peer.proxy.set(mode)
    await peer.say(b"one")
    if mode == "drop_in":
        await peer.until_heard(b"one")
    with pytest.raises(TimeoutError):
        await peer.answer(0.1)
    assert mode == "drop_in" or peer.heard == []
    await peer.say(b"two")
    peer.proxy.set("pass")
    await peer.until_heard(b"onetwo")
    async with asyncio.timeout(5):
        assert await peer.reader.readexactly(6) == b"onetwo"


async def test_a_reset_breaks_what_stands_and_refuses_what_is_new(peer: Peer) -> None:
    peer.proxy.set("reset")
    with pytest.raises(ConnectionResetError):
        await peer.answer()
    await peer.open()
    with pytest.raises(ConnectionResetError):
        await peer.answer()
    peer.proxy.set("pass")
    await peer.open()
    await peer.say(b"again")
    assert await peer.answer() == b"again"


async def test_the_end_of_a_connection_does_not_come_through_a_cut(peer: Peer) -> None:
    await peer.say(b"one")
    assert await peer.answer() == b"one"
    peer.proxy.set("drop")
    peer.writer.write_eof()
    with pytest.raises(TimeoutError):
        await peer.answer(0.1)
    peer.proxy.set("pass")
    assert await peer.answer() == b""
