"""What a policy learns from a tenth of the runs, kept by training value or by chance.

The runs are made up, so that the truth is known; the archive, the worth, the export and the draw are the real ones.
"""

from __future__ import annotations

import json
import logging
import random
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded import System, SystemOptions
from conductor.policy.subset import candidates, keep
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.dag import ArchiveBatch, ArchiveRecord, NodeView, RunSummary, RunView
from conductor.wire.runs import TaskCounts
from conductor.wire.stale import Candidate, Decision, DecisionBatch
from tests.e2e.conftest import until
from tests.e2e.running import Running

pytestmark = pytest.mark.broker
_log = logging.getLogger(__name__)

RUNS = 3000
CONTEXTS = 24
"""Workflows: the n-th has a share that goes by 1 / n (Zipf)."""
ACTIONS = 3
LOGGED = (0.8, 0.1, 0.1)
"""What the logging policy gave each action; the first is the best in two of three contexts."""
GOOD, BAD = 0.9, 0.4
DRAWS = 60


def best(context: int) -> int:
    return 0 if context % 3 else 1 + context // 3 % 2


def shares() -> list[float]:
    sizes = [1 / (context + 1) for context in range(CONTEXTS)]
    return [size / sum(sizes) for size in sizes]


def true_value(chosen: dict[int, int]) -> float:
    """How often runs succeed under a policy that takes one action a context."""
    good = (GOOD if chosen.get(context, 0) == best(context) else BAD for context in range(CONTEXTS))
    return sum(share * value for share, value in zip(shares(), good, strict=True))


def learned(rows: list[dict[str, Any]], weights: dict[str, float]) -> dict[int, int]:
    """The action with the best weighted mean of success in each context, with one half of a success before anything."""
    sums: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.5, 1.0])
    for row in rows:
        weight = weights.get(row["run"])
        if weight is not None:
            sums_of = sums[int(row["workflow"][1:]), row["chosen"]]
            sums_of[0] += weight * row["reward"]["success"]
            sums_of[1] += weight
    return {
        context: max(range(ACTIONS), key=lambda action: sums[context, action][0] / sums[context, action][1])
        for context in range(CONTEXTS)
    }


def made_up(seed: int) -> tuple[list[ArchiveRecord], list[Decision]]:
    chance = random.Random(seed)
    records, decisions = [], []
    for number in range(RUNS):
        context = chance.choices(range(CONTEXTS), shares())[0]
        action = chance.choices(range(ACTIONS), LOGGED)[0]
        ok = chance.random() < (GOOD if action == best(context) else BAD)
        run, at, status = f"{number + 1:032x}", 1_700_000_000_000 + number, "succeeded" if ok else "failed"
        named = {"run": run, "tenant": "default", "workflow": f"w{context}", "version": "1.0.0", "status": status}
        counts = TaskCounts(total=1, succeeded=int(ok), failed=int(not ok))
        summary = RunSummary(
            **named, tasks=counts, submitted_at_ms=at, ended_at_ms=at + 5, duration_us=5000, parent=None
        )
        node = NodeView(task="a", capability=f"test.{action}", status=status, attempts=1, run_us=5000)
        view = RunView(**named, nodes=[node], submitted_at_ms=at, ended_at_ms=at + 5, duration_us=5000)
        records.append(ArchiveRecord(summary=summary, view=encode(view)))
        choices = [Candidate(label=f"action {n}", probability=p) for n, p in enumerate(LOGGED)]
        decisions.append(
            Decision(
                at_us=at * 1000,
                kind="start",
                run=run,
                tenant="default",
                workflow=f"w{context}",
                task="a",
                chosen=action,
                candidates=choices,
            )
        )
    return records, decisions


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[Running]:
    options = SystemOptions(tmp_path / "data", workers="stock=1x1")
    async with System(options) as system, Running(system) as running:
        policy = tmp_path / "policy.toml"
        policy.write_text("days = 0\n")  # the runs seem to be of long ago
        await running.cli_async("pit", "stale", "policy", "apply", str(policy))
        yield running


async def test_a_tenth_by_value_teaches_no_less_than_a_tenth_by_chance(system: Running, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    records, decisions = made_up(1)
    bus = await system.connect("conductor-0")
    for start in range(0, RUNS, 500):
        batch = ArchiveBatch(partition=0, records=records[start : start + 500])
        await bus.request(subjects.pit("stale", "archive"), encode(batch), 30)
        some = decisions[start : start + 500]
        await bus.publish(
            subjects.decision(0), encode(DecisionBatch(partition=0, epoch=1, conductor="c", decisions=some))
        )
    await bus.close()

    async def followed() -> bool:
        shown = json.loads((await system.cli_async("pit", "stale", "show", "--json")).stdout)
        return shown["decisions"] == RUNS

    await until(followed, 60)
    out = tmp_path / "all.parquet"
    told = json.loads((await system.cli_async("pit", "stale", "export", "--out", str(out), "--json")).stdout)
    assert told["decisions"] == RUNS
    rows = parquet.read_table(out).to_pylist()
    assert rows[0]["propensity"] == pytest.approx(LOGGED[rows[0]["chosen"]])
    assert rows[0]["outcome"]["run_status"] == records[0].summary.status
    lines = tmp_path / "all.jsonl"
    await system.cli_async("pit", "stale", "export", "--out", str(lines))
    assert len(lines.read_text().splitlines()) == RUNS

    pool = candidates(rows)
    assert len(pool) == RUNS
    values = {
        by: [true_value(learned(rows, keep(pool, 0.1, by, seed))) for seed in range(DRAWS)]
        for by in ("value", "random")
    }
    differences = [one - other for one, other in zip(values["value"], values["random"], strict=True)]
    mean = statistics.fmean(differences)
    half = 1.96 * statistics.stdev(differences) / DRAWS**0.5
    whole = true_value(learned(rows, {candidate.run: 1.0 for candidate in pool}))
    _log.info(
        "a tenth of %d runs, %d draws: success of the learned policy by value %.4f, by chance %.4f; from all runs %.4f; at "
        "best %.4f; difference %+.4f, 95 %% interval %+.4f to %+.4f",
        *(RUNS, DRAWS, statistics.fmean(values["value"]), statistics.fmean(values["random"]), whole),
        *(true_value({context: best(context) for context in range(CONTEXTS)}), mean, mean - half, mean + half),
    )
    assert mean - half > 0, "kept by value it is better, beyond the noise"
