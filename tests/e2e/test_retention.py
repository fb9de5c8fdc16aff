"""Runs leave the archive in two steps, by a policy that was looked at before; what is held or needed stays."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductor.bus import BusError
from conductor.embedded import System, SystemOptions
from conductor.wire import subjects
from conductor.wire.base import decode
from conductor.wire.runs import RunEvent
from tests.e2e.conftest import until
from tests.e2e.running import Running, document, outputs

pytestmark = pytest.mark.broker

LONG = 'days = 0\ngrace_hours = 1\ntell_from_value = 2\n[[rules]]\nname = "noise"\nworkflow = "noise-*"\ndays = 0\n'
"""Noise goes, and may be brought back for an hour."""
SHORT = LONG.replace("grace_hours = 1", "grace_hours = 0").replace("tell_from_value = 2", "deletions_per_second = 1")
"""Noise goes at once, one run a second."""
NOOP = {"a": {"call": "test.noop"}}


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[Running]:
    """A system that a test may break, without workers that have no part in it."""
    options = SystemOptions(tmp_path / "data", workers="stock=1x4")
    async with System(options) as system, Running(system) as running:
        yield running


async def ask(running: Running, *arguments: str, check: int | None = 0) -> Any:
    """What `symphony pit stale … --json` says."""
    done = await running.cli_async("pit", "stale", *arguments, "--json", check=check)
    return json.loads(done.stdout) if done.stdout else done


async def apply(running: Running, tmp_path: Path, text: str, *rest: str) -> Any:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return await ask(running, "policy", "apply", str(file), *rest)


async def archived(running: Running, *runs: str) -> None:
    for run in runs:

        async def there(run: str = run) -> bool:
            return await running.client.read(run) is not None

        await until(there)


async def noise(running: Running, count: int) -> list[str]:
    runs = [(await running.run(document(NOOP, f"noise-{n % 2}"))).run for n in range(count)]
    await archived(running, *runs)
    return runs


async def gone(running: Running, run: str) -> bool:
    return await running.client.read(run) is None


async def test_a_dry_run_tells_what_goes_an_undo_brings_it_back_and_what_is_held_or_needed_stays(
    system: Running, tmp_path: Path
) -> None:
    runs = await noise(system, 4)
    await ask(system, "hold", runs[0], "--reason", "case 7")
    # `keep` is not governed by the policy; it uses what `noise-2` made, so that one stays, too.
    big = {"a": {"call": "process.run", "with": {"command": ["python3", "-c", "print('x' * 200000)"]}}}
    maker = await system.run(document(big, "noise-2", outputs={"text": "${tasks.a.stdout}"}))
    made = outputs(maker)["text"]
    echo = document(NOOP, "keep", inputs={"text": {"type": "artifact"}})
    user = await system.run(echo, {"text": made})
    await archived(system, maker.run, user.run)

    file = tmp_path / "try.toml"
    file.write_text(LONG + "daze = 3\n")
    refused = await system.cli_async("pit", "stale", "policy", "try", str(file), check=2)
    assert "line 8: unknown field `daze`" in refused.stderr
    assert refused.stderr.count("\n") == 1
    file.write_text(LONG)
    tried = await ask(system, "policy", "try", str(file))
    assert {doomed["run"] for doomed in tried["goes"]} == set(runs[1:])
    assert tried["saved"] == {"hold": 1, "lineage": 1}
    assert all("ended" in doomed["reason"] for doomed in tried["goes"])
    assert (await ask(system, "tombstones"))["count"] == 0, "a dry run changes nothing"

    assert (await apply(system, tmp_path, LONG, "--reason", "less noise"))["version"] == 1

    async def tombstoned() -> bool:
        return (await ask(system, "tombstones"))["count"] == 3

    await until(tombstoned)
    found = await ask(system, "tombstones")
    assert {doomed["run"] for doomed in found["doomed"]} == {doomed["run"] for doomed in tried["goes"]}
    assert await system.client.read(runs[1]) is not None, "until its grace has passed it is there"
    assert (await ask(system, "explain", runs[1]))["verdict"] == "tombstoned"
    assert (await ask(system, "explain", runs[0]))["verdict"] == "held"
    needed = await ask(system, "explain", maker.run)
    assert (needed["verdict"], needed["found"]) == ("lineage", True)
    artifact = await ask(system, "explain", made["digest"])
    assert set(artifact["named_by"]) == {maker.run, user.run}

    assert (await ask(system, "undo", runs[1]))["runs"] == 1
    await system.cli_async("pit", "stale", "undo", runs[1], check=1)
    await apply(system, tmp_path, SHORT)  # what an undo spares stays by the next policy, too
    assert (await ask(system, "policy", "show"))["version"] == 2
    assert (await ask(system, "undo", "--all"))["runs"] == 2
    await apply(system, tmp_path, SHORT.replace('"noise-*"', '"noise-7"'))
    trail = await ask(system, "trail")
    what = [entry["what"] for entry in trail["entries"]]
    assert what.count("tombstoned") == 3
    assert what.count("lifted") == 3
    assert trail["broken_at"] is None
    for run in runs:
        assert await system.client.read(run) is not None


async def test_a_pit_killed_between_deletions_goes_on_and_deletes_what_the_dry_run_said(
    system: Running, tmp_path: Path
) -> None:
    runs = await noise(system, 6)
    kept = (await system.run(document(NOOP, "keep"))).run
    await archived(system, kept)
    bus = await system.connect("client-default")
    listening = await bus.subscribe(subjects.run_events("default", "*"))
    told = await system.begin(
        document({"a": {"wait_for": {"event": "retention"}}}, "keep", outputs={"runs": "${tasks.a.value.runs}"})
    )
    await system.waits(told)
    file = tmp_path / "try.toml"
    file.write_text(SHORT)
    said = {doomed["run"] for doomed in (await ask(system, "policy", "try", str(file)))["goes"]}
    assert said == set(runs)

    before = await ask(system, "show")
    await apply(system, tmp_path, SHORT.replace("days = 0\ngrace", "days = 0\ntell_from_value = 0\ngrace"))

    async def begun() -> bool:
        return sum([await gone(system, run) for run in runs]) >= 2

    await until(begun)
    os.kill(system.process("pit").pid, signal.SIGKILL)

    async def done() -> bool:
        try:
            return all([await gone(system, run) for run in runs])
        except Exception:
            return False  # the pit is coming back

    await until(done, 60)
    assert await system.client.read(kept) is not None
    shown = await ask(system, "show")
    assert (shown["deleted"], shown["tombstones"], shown["policy"]) == (6, 0, 1)
    assert shown["bytes"] < before["bytes"], "the room is free as well"
    trail = await ask(system, "trail")
    assert [entry["what"] for entry in trail["entries"]].count("deleted") == 6, "each once"
    assert trail["broken_at"] is None
    events = [decode(message.data, RunEvent) for message in listening.take_all()]
    heard = [event for event in events if event.event == "tombstoned"]
    assert {event.run for event in heard} == set(runs), "each was told before it went"
    assert outputs(await system.end(told)) == {"runs": 6}, "a workflow can wait for what goes"
    await bus.close()


async def test_a_tenant_is_erased_and_what_is_another_s_stays(system: Running, tmp_path: Path) -> None:
    runs = await noise(system, 3)
    big = {"a": {"call": "process.run", "with": {"command": ["python3", "-c", "print('y' * 200000)"]}}}
    maker = await system.run(document(big, "maker", outputs={"text": "${tasks.a.stdout}"}))
    await archived(system, maker.run)
    digest = outputs(maker)["text"]["digest"]
    other = await system.client.artifacts.put(b"nobody's run names this", "text/plain")
    await ask(system, "hold", runs[0], "--reason", "case 7")
    refused = await system.cli_async("pit", "stale", "erase", "default", "--yes", check=2)
    assert "are held" in refused.stderr
    assert await system.client.read(runs[0]) is not None
    await ask(system, "release", runs[0])
    waiting = await system.begin(document({"a": {"wait_for": {"signal": "go"}}}, "waits"))
    await system.waits(waiting)
    refused = await system.cli_async("pit", "stale", "erase", "default", "--yes", check=2)
    assert "are live" in refused.stderr
    await system.client.cancel(waiting)
    await system.end(waiting)
    erased = await ask(system, "erase", "default", "--yes")
    assert (erased["runs"], erased["artifacts"]) == (4, 1)
    with pytest.raises(BusError) as missing:
        await system.client.artifacts.get(digest)
    assert missing.value.kind == "not_found"
    assert await system.client.artifacts.get(other) == b"nobody's run names this"
    for run in runs:
        assert await system.client.read(run) is None
    entries = (await ask(system, "trail"))["entries"]
    assert entries[-1]["what"] == "erased"
    assert entries[-1]["hash"] == erased["hash"]
    assert "default" not in json.dumps(entries)
    pit = system.system.layout.pit
    assert b"noise-" not in b"".join(path.read_bytes() for path in (pit / "archive").rglob("*") if path.is_file())


async def test_the_archive_is_read_without_a_system(tmp_path: Path) -> None:
    options = SystemOptions(tmp_path / "data", workers="stock=1x4")
    async with System(options) as system, Running(system) as running:
        echo = document({"a": {"call": "test.echo", "with": {"said": "hello"}}}, "told", outputs={"o": "${tasks.a}"})
        ended = await running.run(echo)
        await archived(running, ended.run)
    done = running.cli("pit", "stale", "archive")
    (line,) = done.stdout.splitlines()
    run = json.loads(line)
    assert run["summary"]["run"] == ended.run
    assert run["run"]["nodes"][0]["outputs"] == {"said": "hello"}
    assert run["history"]
    assert "is not in the archive" in running.cli("pit", "stale", "archive", "--run", "0" * 32, check=2).stderr
