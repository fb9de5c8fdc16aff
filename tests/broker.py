"""A real broker for tests: nats-server with JetStream, without accounts, gone at the end."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from pathlib import Path

from conductor.bus import BusError, BusOptions, NatsBus
from conductor.embedded import binaries
from conductor.embedded.broker import free_port


class Broker:
    """`async with Broker() as broker`; it can be killed and started again on its data."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="symphony-test-")
        self.port = free_port(None)
        self.url = f"nats://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Broker:
        await self.resume()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        self._folder.cleanup()

    async def resume(self) -> None:
        """Start it on the same port and data."""
        folder = Path(self._folder.name)
        config = folder / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self.port}"\nmax_payload: 4198400\n'
            f'jetstream {{ store_dir: "{folder}/data", max_file_store: 64GB, sync_interval: always }}\n'
        )
        self._process = subprocess.Popen(
            [binaries.nats_server(), "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        bus = await self.connect("probe")
        async with asyncio.timeout(20):
            while True:
                try:
                    await bus.request("$JS.API.INFO", b"")
                    break
                except BusError:
                    await asyncio.sleep(0.02)
        await bus.close()

    def kill(self) -> None:
        """As a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    async def connect(self, name: str) -> NatsBus:
        return await NatsBus.connect(BusOptions(self.url, name, wait_s=20))
