"""Artifacts that nothing needs go; those of a live run, or of one that is kept, stay."""

from __future__ import annotations

import time
from pathlib import Path

from conductor.bus import BusError
from conductor.kernel.housekeeping import Housekeeping
from conductor.kernel.partition import Owned, Partition
from conductor.wire.values import pack, reference
from tests.e2e.conftest import until
from tests.e2e.running import Running, document


async def test_only_what_nothing_needs_is_collected(own_system: Running, tmp_path: Path) -> None:
    client = own_system.client
    lost = await client.artifacts.put(b"nobody needs this", "text/plain")
    kept = await client.artifacts.put(b"an archived run has this", "text/plain")
    live = await client.artifacts.put(b"a live run has this", "text/plain")
    inputs = {"blob": {"type": "artifact"}}
    echo = document({"a": {"call": "test.noop"}}, inputs=inputs)
    ended = await own_system.run(echo, {"blob": reference(kept, 24)})
    # Nested twice: the run names only the outermost value.
    leaf = await client.artifacts.put(b"deep inside", "text/plain")
    middle = pack({"inner": [reference(leaf, 11)]})
    between = await client.artifacts.put(middle, "application/msgpack")
    outer = pack({"outer": reference(between, len(middle), "application/msgpack")})
    holder = await client.artifacts.put(outer, "application/msgpack")
    ended = await own_system.run(echo, {"blob": reference(holder, len(outer), "application/msgpack")})
    waiting = document({"a": {"call": "time.sleep", "with": {"seconds": 60}}}, inputs=inputs)
    run = await own_system.begin(waiting, {"blob": reference(live, 19)})

    async def archived() -> bool:
        return await client.read(ended.run) is not None

    await until(archived)

    async def begun() -> bool:
        return await client.show(run) is not None

    await until(begun)
    policy = tmp_path / "policy.toml"
    policy.write_text("artifacts_grace_minutes = 0")
    await own_system.cli_async("pit", "stale", "policy", "apply", str(policy))
    bus = await own_system.connect("conductor-0")
    housekeeping = Housekeeping(bus, lambda: [Partition(0, Owned(1, 1))], 1)
    assert await housekeeping.collect(int(time.time() * 1000) + 10_000, age_ms=0) == 1
    await housekeeping.close()
    assert await client.artifacts.get(kept) == b"an archived run has this"
    assert await client.artifacts.get(leaf) == b"deep inside"
    assert await client.artifacts.get(live) == b"a live run has this"
    try:
        await client.artifacts.get(lost)
        raise AssertionError("it is still there")
    except BusError as error:
        assert error.kind == "not_found"
    await client.cancel(run)
    await own_system.end(run)
    await bus.close()
