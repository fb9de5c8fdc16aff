"""The evaluator says what the language's page says, and its documents are ones that the system takes."""

from __future__ import annotations

import asyncio
import json
import random

import msgspec

from conductor.embedded import binaries
from tests.chaos.evaluate import Flow, Step, evaluate
from tests.chaos.shapes import SHAPES, Maker, flow


def test_a_hard_edge_from_a_skipped_task_skips_and_one_from_a_failed_task_that_continues_does_not() -> None:
    steps = (
        Step("skipped", {}, ends="skipped"),
        Step("failed", {}, ends="failed"),
        Step("a", {}, edges=(("skipped", "hard"),)),
        Step("b", {}, edges=(("failed", "hard"),)),
        Step("c", {}, edges=(("failed", "optional"),)),
        Step("d", {}, edges=(("skipped", "optional"),)),
        Step("e", {}, edges=(("a", "soft"), ("c", "soft"))),
        Step("f", {}, when=False),
    )
    assert evaluate(Flow("w", steps, {})).statuses == {
        "skipped": "skipped",
        "failed": "failed",
        "a": "skipped",
        "b": "succeeded",
        "c": "skipped",
        "d": "succeeded",
        "e": "succeeded",
        "f": "skipped",
    }


def test_outputs_are_computed_in_order_and_a_fatal_task_has_none() -> None:
    one = Step("one", {}, lambda _: {"v": 1})
    two = Step("two", {}, lambda env: {"v": env["one"]["v"] + 1}, edges=(("one", "hard"),), implied=frozenset(["one"]))
    made = evaluate(Flow("w", (one, two), {"v": ("${tasks.two.v}", lambda env: env["two"]["v"])}))
    assert (made.status, made.outputs) == ("succeeded", {"v": 2})
    bad = Step("bad", {}, ends="failed", fatal="kind")
    made = evaluate(Flow("w", (one, bad), {"v": ("${tasks.one.v}", lambda env: env["one"]["v"])}))
    assert (made.status, made.outputs, made.error) == ("failed", {}, ("kind", "bad"))


def test_a_seed_names_its_workflow_and_all_shapes_come_up() -> None:
    assert flow(11, "f").document() == flow(11, "f").document()
    chosen: set[str] = set()
    for shape in SHAPES:
        maker = Maker(random.Random(1), "f")
        maker.shape(shape)
        chosen |= {shape.__name__} if maker.steps else set()
    assert chosen == {shape.__name__ for shape in SHAPES}


async def test_the_system_takes_every_document() -> None:
    async def problems(seed: int) -> list[str]:
        document = msgspec.json.encode(flow(seed, "/tmp/effects.txt").document())
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(binaries.pit(), "check", stdin=pipe, stdout=pipe)
        answer, _ = await process.communicate(document)
        return [str(problem) for problem in json.loads(answer)["problems"]]

    for found in await asyncio.gather(*(problems(seed) for seed in range(40))):
        assert found == []
