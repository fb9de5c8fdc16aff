"""Connections to the broker break or hang: each process comes back to what it was, and no run is lost or ends otherwise."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from conductor.bus import BusError, BusOptions, NatsBus
from conductor.embedded import System, SystemOptions
from conductor.embedded.broker import free_port
from conductor.workflow.client import Client
from tests.chaos.proxy import Mode, Proxy
from tests.e2e.running import Running, document, outputs

pytestmark = pytest.mark.broker

NAMES = ("conductor-0", "pit", "stock-0")
CUT_S = 4.0
"""Longer than leases, grants and heartbeats last: everybody has to come back, and nobody gets by on what it had."""
CHAIN = document(
    {f"t{n}": {"call": "test.echo", "with": {"n": n}, "after": [f"t{n - 1}"] if n else []} for n in range(20)},
    outputs={"last": "${tasks.t19.n}"},
)


@pytest.mark.parametrize("mode", ["drop", "reset"])
async def test_a_connection_that_hangs_or_breaks_costs_time_and_no_run(tmp_path: Path, mode: Mode) -> None:
    port = free_port(None)
    async with contextlib.AsyncExitStack() as stack:
        proxies = {name: await stack.enter_async_context(Proxy(port)) for name in NAMES}
        addresses = {name: proxy.url for name, proxy in proxies.items()}
        options = SystemOptions(tmp_path / "data", port, workers="stock=1x8", addresses=addresses)
        running = await stack.enter_async_context(Running(await stack.enter_async_context(System(options))))
        for name, proxy in proxies.items():
            runs = [await running.begin(CHAIN) for _ in range(20)]
            proxy.set(mode)
            runs += [await running.begin(CHAIN) for _ in range(5)]  # the broker takes them all the same
            await asyncio.sleep(CUT_S)  # the length of the fault, not a wait for something
            proxy.set("pass")
            for run in runs:
                assert outputs(await running.end(run, 90)) == {"last": 19}, name


async def test_a_client_hears_of_a_broken_connection_and_its_submission_is_one_run_however_often_it_is_sent(
    own_system: Running,
) -> None:
    port = int(own_system.system.url.rsplit(":", 1)[1])
    credentials = own_system.system.layout.cred("client-default")
    async with Proxy(port) as proxy:
        bus = await NatsBus.connect(BusOptions(proxy.url, "client-default", credentials, wait_s=10))
        client = Client(bus)
        await client.partitions()
        draft = client.draft("test", CHAIN, {})
        proxy.set("drop")
        with pytest.raises(BusError) as refused:
            await client.submit([draft])
        assert refused.value.kind in ("timed_out", "unavailable"), "it may be in the log or not"
        proxy.set("pass")
        async with asyncio.timeout(30):
            while True:
                try:
                    await client.submit([draft])
                    break
                except BusError as error:
                    assert error.kind in ("timed_out", "unavailable")
                    await asyncio.sleep(0.1)
        assert outputs(await client.wait(draft.run)) == {"last": 19}
        assert len([run for run in await client.list() if run.run == draft.run]) == 1
        await bus.close()
