"""Recorded workflows (WfFormat 1.5) as quests: the recorded times on a pool of so many slots."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from quest.document import Artifact, Function, Goal, Input, Limits, Pool, Quest, TypeRef

LEAST_MS = 1.0
"""Recorders round short tasks to nothing."""


def read(path: Path, slots: int, spread: float = 0.0) -> Quest:
    """A trace, also compressed; `spread` is the noise of durations that the player does not know."""
    data = path.read_bytes()
    trace: dict[str, Any] = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    workflow = trace["workflow"]
    tasks = workflow["specification"]["tasks"]
    recorded = {one["id"]: float(one.get("runtimeInSeconds", 0)) for one in workflow["execution"]["tasks"]}
    number = {task["id"]: index for index, task in enumerate(tasks)}
    parents: list[set[int]] = [{number[one] for one in task.get("parents", [])} for task in tasks]
    for task in tasks:
        for child in task.get("children", []):
            parents[number[child]].add(number[task["id"]])
    inner = {one for each in parents for one in each}
    functions = [
        Function(
            name=f"t{index}",
            inputs=[Input(type=f"T{one}") for one in sorted(parents[index])] or [Input(type="Start")],
            output=TypeRef(type=f"T{index}"),
            duration_ms=max(LEAST_MS, recorded.get(task["id"], 0.0) * 1000),
            spread=spread,
        )
        for index, task in enumerate(tasks)
    ]
    work_ms = sum(function.duration_ms for function in functions)
    return Quest(
        quest=str(trace.get("name", path.stem)),
        types={"Start": [], **{f"T{index}": [] for index in range(len(tasks))}},
        functions=functions,
        pools=[Pool(name="workers", slots=slots)],
        artifacts=[Artifact(type="Start")],
        goals=[Goal(type=f"T{index}") for index in range(len(tasks)) if index not in inner],
        limits=Limits(deadline_ms=int(work_ms * 4) + 1, budget=1.0, calls=len(tasks) * 2),
    )
