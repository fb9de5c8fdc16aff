"""The examples of the reference page run, and give what is written beside them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from conductor.bus import Bus
from tests.e2e.conftest import until
from tests.e2e.running import Running, outputs
from tests.reference import Example, examples


async def tell(running: Running, bus: Bus, run: str, events: dict[str, Any]) -> None:
    """Publish events until the run has heard them: it may not listen yet."""

    async def ended() -> bool:
        for name, value in events.items():
            await bus.publish(f"sym.event.{name}", json.dumps(value).encode())
        await asyncio.sleep(0.1)  # told again until the wait is known to the conductor
        view = await running.client.show(run)
        return view is not None and view.status == "succeeded"

    await until(ended)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.section)
async def test_examples_give_what_the_page_says(example: Example, shared_system: Running, tmp_path: Path) -> None:
    *before, source = example.documents
    for number, document in enumerate(before):
        file = tmp_path / f"{number}.json"
        file.write_bytes(document.canonical())
        await shared_system.cli_async("workflows", "register", str(file))
    given = json.loads(json.dumps(example.given).replace("$FOLDER", str(tmp_path)))
    run = await shared_system.begin(source.packed(), given.get("inputs"))
    for name, value in given.get("signals", {}).items():
        await shared_system.cli_async("runs", "signal", run, name, "--value", json.dumps(value))
    if "events" in given:
        bus = await shared_system.connect("operator")
        await tell(shared_system, bus, run, given["events"])
        await bus.close()
    ended = await shared_system.end(run)
    assert ended.status == given.get("status", "succeeded"), ended.error
    if "error" in given:
        assert ended.error is not None and ended.error.kind == given["error"]
    if "outputs" in given:
        assert outputs(ended) == given["outputs"]
    if "lines" in given:
        written = Path(given["inputs"]["file"]).read_text().splitlines()
        assert [line.split(" ", 3)[3] for line in written] == given["lines"]  # behind run, task and try
