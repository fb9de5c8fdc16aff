"""The page of what was measured, and which goals it misses. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.growth.measure import GRAPHS, Figure
from tests.growth.submit import NODES, Submission

FLAT = 1.5
"""How much a node of the largest graph may cost, against one of a tenth of its size."""
WAITING_BYTES = 2048
RUN_BYTES = 64 * 1024 * 1024
SUBMIT_MS = 200.0

HEAD = """# Growth

What a node, an item, a turn and a waiting run cost, as there are more of them. `make growth` measures all of it in one
run and writes this page{command}. {machine}. Each figure is the least of {rounds}.

![Time and memory of one more, by size](growth.svg)

## The fold

Its core alone, without a broker, answered by the test as fast as it takes answers; a process for each figure. Small
graphs are run many at once, {nodes:,} nodes in all, each with a document of its own. *Begin* is from the submission to
the first tasks that are ready: the document is unpacked, checked and made a plan. *Step* is from a result to what
follows it. *Memory* is what the process has grown by when all has ended and nothing is archived yet: the document, the
history and every result. Times are those of the processor, which the machine's other work does not touch; they are
known to a few milliseconds, so that of what takes less in all they say little.
"""
WORDS = {"map": "an item", "loop": "a turn", "waiting": "a waiting run"}
RANGES = {"map": (30_000, 300_000), "loop": (10_000, 200_000), "waiting": (10_000, 100_000)}
"""Over which the time of one is compared. A map's first 8,192 items are begun at once; those of a larger one follow, each
with a message of its own, as others end."""


def page(
    figures: list[Figure], submissions: list[Submission], machine: dict[str, Any], profile: str, rounds: int
) -> str:
    """The page, in Markdown."""
    where = f"{machine['cpus']} cores ({machine['processor']}), {machine['memory_bytes'] / 2**30:.0f} GiB"
    command = "" if profile == "release" else " (here by `python -m tests.growth --profile dev`, a development build)"
    lines = [HEAD.format(command=command, machine=where, rounds=rounds, nodes=10_000)]
    lines += ["| graph | nodes | begin, µs a node | step, µs a node | memory, bytes a node |", "|---|---|---|---|---|"]
    lines += [_row(figure) for figure in figures if figure.shape in GRAPHS]
    lines += ["", "From 1,000 to 10,000 nodes, as a factor; the goal is 1.5 at most:", ""]
    lines += ["| graph | begin | step | memory |", "|---|---|---|---|"]
    for shape in GRAPHS:
        factors = factors_of(figures, shape)
        lines.append(f"| {shape} | {factors['begin']:.2f} | {factors['step']:.2f} | {factors['memory']:.2f} |")
    for shape, one in WORDS.items():
        lines += ["", f"| {shape} | begin, µs {one} | step, µs {one} | memory, bytes {one} | memory, all |"]
        lines.append("|---|---|---|---|---|")
        mine = [figure for figure in figures if figure.shape == shape]
        lines += [_row(figure, f" {_mebibytes(figure.bytes_all)} |") for figure in mine]
    lines += ["", "A map's first 8,192 items are begun at once; the others follow one by one, as items end."]
    lines += ["", "## A document of 10,000 tasks", "", _SUBMISSION]
    lines += ["| graph | text read and packed | acknowledged | together | run | the tracker's memory |"]
    lines += ["|---|---|---|---|---|---|"]
    lines += [_submitted(one) for one in submissions]
    found = list(missed(figures, submissions))
    lines += ["", "## Goals", "", *(f"- Missed: {text}." for text in found)]
    lines += [] if found else ["All are met."]
    return "\n".join(lines) + "\n"


_SUBMISSION = f"""On a whole system (each of the Pit a process, one worker of test functions), by the client that the
command line uses: from the JSON text of a document of {NODES:,} tasks to the broker's word that it is on disk; the goal
is {SUBMIT_MS:.0f} ms. *Run* is from there to the end, each task a call of `test.noop`. The memory is the most that the
tracker's process had beyond what it had idle; the goal is 64 MiB.
"""


def _row(figure: Figure, more: str = "") -> str:
    size = f"{figure.size:,}"
    name = figure.shape if figure.shape in GRAPHS else ""
    cells = f"{figure.begin_us:.2f} | {figure.us:.2f} | {figure.bytes:,.0f} |{more}"
    return f"| {name} | {size} | {cells}" if name else f"| {size} | {cells}"


def _submitted(one: Submission) -> str:
    times = f"{one.read_ms:.0f} ms | {one.acknowledged_ms:.0f} ms | {one.submit_ms:.0f} ms | {one.run_ms:,.0f} ms"
    return f"| {one.shape} | {times} | {_mebibytes(one.grown_bytes)} |"


def _mebibytes(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def _of(figures: Iterable[Figure], shape: str, size: int) -> Figure:
    return next(figure for figure in figures if (figure.shape, figure.size) == (shape, size))


def factors_of(figures: list[Figure], shape: str) -> dict[str, float]:
    """How a node's cost grows from 1,000 nodes to 10,000."""
    small, large = _of(figures, shape, 1_000), _of(figures, shape, 10_000)
    return {
        "begin": large.begin_us / small.begin_us,
        "step": large.us / small.us,
        "memory": large.bytes / max(small.bytes, 1.0),
    }


def missed(figures: list[Figure], submissions: list[Submission]) -> list[str]:
    """The goals that the figures do not reach."""
    return [*_graphs(figures), *_others(figures), *_whole(submissions)]


def _graphs(figures: list[Figure]) -> Iterator[str]:
    for shape in GRAPHS:
        for what, factor in factors_of(figures, shape).items():
            if factor > FLAT:
                yield f"{what} of a {shape} grows {factor:.2f} times from 1,000 to 10,000 nodes"


def _others(figures: list[Figure]) -> Iterator[str]:
    for shape, (first, last) in RANGES.items():
        small, large = _of(figures, shape, first), _of(figures, shape, last)
        time = (large.begin_us + large.us) / (small.begin_us + small.us)
        if time > FLAT:
            yield f"the time of {WORDS[shape]} grows {time:.2f} times from {first:,} to {last:,}"
    turns = _of(figures, "loop", 200_000).bytes_all - _of(figures, "loop", 100_000).bytes_all
    if turns > 2**20:
        yield f"100,000 turns more take {_mebibytes(turns)} more"
    waiting = _of(figures, "waiting", 100_000).bytes
    if waiting > WAITING_BYTES:
        yield f"a waiting run takes {waiting:,.0f} bytes"


def _whole(submissions: list[Submission]) -> Iterator[str]:
    for one in submissions:
        if one.submit_ms > SUBMIT_MS:
            yield f"the submission of a {one.shape} takes {one.submit_ms:.0f} ms"
        if one.grown_bytes > RUN_BYTES:
            yield f"the run of a {one.shape} takes {_mebibytes(one.grown_bytes)} of the tracker"
