"""Who was heard here is alive: neither a Pool Manager that hears nobody nor a sleep of our own is a sign of death."""

from __future__ import annotations

from conductor.bus.memory import MemoryBroker, MemoryBus
from conductor.kernel.core import ALIVE_MS, HEARD_MS
from conductor.kernel.levels import level
from conductor.kernel.takeover import Adopted
from conductor.wire.tasks import Attempt
from tests.conductor.kernel.support import beat, close, core, grant, task

NOW = 1_000_000


async def test_a_worker_that_beats_here_is_not_dead_because_a_pool_manager_does_not_hear_it() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.begin(NOW, NOW)
    made.accept(office, office.partition.add(task(1)))
    made.pool_grant(grant(("w", 1)))
    made.act()
    made.heartbeat(beat(1))
    made.begin(NOW + HEARD_MS - 1, NOW)
    made.pool_grant(grant(dead=["w"]))
    assert len(made.workers.by_name["w"].held) == 1
    assert made.waiting.counts() == {}
    made.begin(NOW + HEARD_MS, NOW)
    made.pool_grant(grant(dead=["w"]))
    assert made.workers.by_name["w"].held == {}
    assert made.waiting.counts() == {"f": 1}
    await close(office)


async def test_what_a_worker_does_for_an_earlier_owner_is_not_lost_because_we_slept() -> None:
    made, office = core(MemoryBus(MemoryBroker()))
    made.begin(NOW, NOW)
    execution = office.partition.add(task(1))
    assert execution is not None
    attempt = Attempt(partition=0, epoch=5, n=1)
    office.partition.takeover.adopted[execution.key] = Adopted("w", attempt)
    made.heartbeat(beat(1, held=(1,)))
    made.begin(NOW + 9_000, NOW)
    level(made)
    assert execution.key in office.partition.takeover.adopted
    for later_ms in range(250, ALIVE_MS + 1, 250):
        made.begin(NOW + 9_000 + later_ms, NOW)
    level(made)
    assert execution.key not in office.partition.takeover.adopted
    await close(office)
