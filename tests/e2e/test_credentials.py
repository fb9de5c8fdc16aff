"""Least privilege: what each kind of process may not do, the broker refuses."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator

import nats
import pytest

from conductor.bus import BusError, BusOptions, NatsBus
from conductor.embedded import roles
from tests.e2e.running import Running


class Refused:
    """A connection that notes what the broker refuses."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.client: nats.NATS

    async def open(self, running: Running, user: str) -> Refused:
        async def note(error: Exception) -> None:
            self.errors.append(str(error).lower())

        inbox = f"_INBOX_{user}".encode()
        creds = str(running.system.layout.cred(user))
        self.client = await nats.connect(running.system.url, user_credentials=creds, inbox_prefix=inbox, error_cb=note)
        return self

    async def publishes(self, subject: str) -> bool:
        self.errors.clear()
        await self.client.publish(subject, b"x")
        return await self._allowed()

    async def hears(self, subject: str) -> bool:
        self.errors.clear()
        subscription = await self.client.subscribe(subject)
        allowed = await self._allowed()
        if allowed:
            await subscription.unsubscribe()
        return allowed

    async def _allowed(self) -> bool:
        await self.client.flush()
        for _ in range(20):
            if any("permissions violation" in error for error in self.errors):
                return False
            await asyncio.sleep(0.005)  # the refusal and the answer to the flush come on one connection, in this order
        return True


@pytest.fixture
async def opened(shared_system: Running) -> AsyncIterator[list[Refused]]:
    made: list[Refused] = []
    yield made
    for refused in made:
        await refused.client.close()


async def as_user(running: Running, opened: list[Refused], user: str, permissions: roles.Permissions) -> Refused:
    running.system.mint(user, permissions)
    opened.append(await Refused().open(running, user))
    return opened[-1]


async def test_a_worker_reads_its_own_tasks_and_publishes_results_and_nothing_else(
    shared_system: Running, opened: list[Refused]
) -> None:
    worker = await as_user(shared_system, opened, "someone", roles.worker("someone"))
    assert await worker.publishes("sym.log.0.result")
    assert await worker.publishes("sym.heartbeat.someone")
    assert await worker.hears("sym.task.*.someone")
    for subject in (
        "sym.task.text-count.stock-0",
        "sym.task.text-count",
        "sym.heartbeat.stock-0",
        "sym.log.0.decided",
        "sym.log.0.owner",
        "sym.in.submit.default.x",
        "sym.ready.0",
        "sym.grant.conductor-0",
        "sym.run.default.x.ended",
        "sym.pit.store.delete",
        "sym.pit.dag.resync.0",
        "$JS.API.STREAM.DELETE.SYM_LOG",
        "$JS.API.STREAM.PURGE.SYM_LOG",
        "$JS.API.STREAM.MSG.GET.SYM_LOG",
        "$JS.API.CONSUMER.CREATE.SYM_LOG",
        "$KV.sym_owners.conductor.0",
    ):
        assert not await worker.publishes(subject), subject
    for subject in (
        "sym.task.>",
        "sym.task.*.stock-0",
        "sym.ready.>",
        "sym.log.>",
        "sym.run.>",
        "_INBOX_conductor-0.>",
        ">",
    ):
        assert not await worker.hears(subject), subject


async def test_a_client_acts_for_its_own_tenant_alone(shared_system: Running, opened: list[Refused]) -> None:
    client = await as_user(shared_system, opened, "client-acme", roles.client("acme"))
    assert await client.publishes("sym.in.submit.acme.x")
    assert await client.hears("sym.run.acme.>")
    for subject in (
        "sym.in.submit.default.x",
        "sym.in.cancel.default.x",
        "sym.pit.dag.show.0.default",
        "sym.pit.dag.show.0.-",
        "sym.pit.stale.read.default",
        "sym.pit.dag.status.0",
        "sym.log.0.result",
        "sym.task.x.y",
        "$KV.sym_workflows.default.w.1",
    ):
        assert not await client.publishes(subject), subject
    for subject in ("sym.run.default.>", "sym.run.>", "sym.log.>"):
        assert not await client.hears(subject), subject


async def test_an_operator_forges_neither_tasks_nor_results(shared_system: Running, opened: list[Refused]) -> None:
    operator = await as_user(shared_system, opened, "somebody", roles.operator())
    for subject in ("sym.task.x.stock-0", "sym.log.0.result", "sym.log.0.owner", "sym.grant.conductor-0"):
        assert not await operator.publishes(subject), subject


async def test_nobody_comes_in_without_credentials(shared_system: Running) -> None:
    with pytest.raises(BusError) as refused:
        await NatsBus.connect(BusOptions(shared_system.system.url, "nobody"))
    assert refused.value.kind == "config"


def test_seeds_lie_in_files_of_their_owner_alone(shared_system: Running) -> None:
    layout = shared_system.system.layout
    files = [*layout.keys.iterdir(), *layout.creds.iterdir(), *layout.config.iterdir(), layout.state]
    assert len(files) > 8
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for folder in (layout.keys, layout.creds):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_no_secret_stands_in_a_log_or_in_an_argument_list(shared_system: Running) -> None:
    import psutil

    layout = shared_system.system.layout
    seeds = [path.read_text().strip() for path in layout.keys.glob("*.nk")]
    seeds += [
        line for path in layout.creds.iterdir() for line in path.read_text().splitlines() if line.startswith("SU")
    ]
    assert len(seeds) > 6
    logs = "".join(path.read_text(errors="replace") for path in layout.logs.iterdir())
    arguments = ""
    for process in psutil.process_iter():
        try:
            arguments += " ".join(process.cmdline())
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    for seed in seeds:
        assert seed not in logs
        assert seed not in arguments
