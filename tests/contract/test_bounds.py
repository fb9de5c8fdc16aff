"""Rule 8: room. Submissions alone are refused for load, by name; what is under way goes on, and can still be stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conductor.bus import BusError
from conductor.bus.streams import configurations
from conductor.wire import subjects
from tests.broker import Broker

pytestmark = pytest.mark.broker

RUN = f"{7:032x}"


async def test_rule_8_a_full_house_refuses_submissions_as_busy_and_takes_results_and_cancels() -> None:
    async with Broker() as broker:
        bus = await broker.connect("client")
        for config in configurations(1):
            if config["name"] == "SYM_IN":
                config["max_bytes"] = 8192
            made = json.loads(await bus.request(f"$JS.API.STREAM.CREATE.{config['name']}", json.dumps(config).encode()))
            assert "error" not in made, made
        stored = 0
        with pytest.raises(BusError) as refused:
            while stored < 100:
                await bus.publish_log(subjects.submit("acme", RUN), b"x" * 1024)
                stored += 1
        assert refused.value.kind == "busy"
        assert 0 < stored < 10
        await bus.publish_log(subjects.log_event(0, "result"), b"x" * 1024)
        await bus.publish_log(subjects.cancel("acme", RUN), b"x" * 1024)

        async def messages(stream: str) -> int:
            info: dict[str, Any] = json.loads(await bus.request(f"$JS.API.STREAM.INFO.{stream}", b""))
            return int(info["state"]["messages"])

        assert await messages("SYM_IN") == stored, "nothing that was acknowledged was dropped for what was refused"
        await bus.request("$JS.API.STREAM.PURGE.SYM_IN", json.dumps({"keep": 1}).encode())
        await bus.publish_log(subjects.submit("acme", RUN), b"x" * 1024)
        await bus.close()
