"""The fold alone: each figure by a process of its own, since memory that one case frees is found free by the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GRAPHS = ("chain", "fan", "layered", "random")
SIZES = (10, 100, 1_000, 10_000)
CASES = (
    *((shape, size) for shape in GRAPHS for size in SIZES),
    *(("map", size) for size in (1_000, 10_000, 30_000, 100_000, 300_000)),
    *(("loop", size) for size in (10_000, 100_000, 200_000)),
    *(("waiting", size) for size in (1_000, 10_000, 100_000)),
)


@dataclass(frozen=True)
class Figure:
    """What a shape of a size costs: microseconds of a processor and bytes, for each node, item, turn or run."""

    shape: str
    size: int
    nodes: int
    begin_us: float
    us: float
    bytes: float
    bytes_all: int


def measure(cases: Iterable[tuple[str, int]], profile: str, rounds: int) -> list[Figure]:
    """Every case `rounds` times, one after the other; the least of each, which is what the machine's other work adds to."""
    binary = _build(profile)
    return [_best([_one(binary, shape, size) for _ in range(rounds)]) for shape, size in cases]


def _best(figures: list[Figure]) -> Figure:
    first = figures[0]
    return Figure(
        first.shape,
        first.size,
        first.nodes,
        min(figure.begin_us for figure in figures),
        min(figure.us for figure in figures),
        min(figure.bytes for figure in figures),
        min(figure.bytes_all for figure in figures),
    )


def _build(profile: str) -> Path:
    command = ["cargo", "test", "--locked", "--no-run", "--message-format=json", "-p", "symphony-dag-tracker"]
    command += ["--test", "growth", *(["--release"] if profile == "release" else [])]
    made = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    for line in made.stdout.splitlines():
        said = json.loads(line)
        if said.get("executable") and said["target"]["name"] == "growth":
            return Path(said["executable"])
    raise AssertionError("cargo made no test `growth`")


def _one(binary: Path, shape: str, size: int) -> Figure:
    env = {**os.environ, "GROWTH_CASE": f"{shape}:{size}"}
    command = [str(binary), "--ignored", "--exact", "measure", "--nocapture"]
    made = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True, text=True)
    for line in made.stdout.splitlines():
        _, found, said = line.partition("GROWTH ")
        if found:
            figure = Figure(**json.loads(said))
            sys.stderr.write(f"{figure}\n")
            return figure
    raise AssertionError(f"{shape} of {size} said nothing")
