"""What has to hold, whatever the nemesis did. Pure: a journal and the appended lines go in, violations come out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.journal import Journal, Seen

Lines = dict[tuple[str, str], Counter[tuple[int, str]]]
"""By run and task: how often each line was appended by each try."""


@dataclass(frozen=True)
class Violation:
    """`kind`: `lost` (an acknowledged run that does not end), `wrong` (another result than the right one), `changed` (a
    result that did not stay), `effect` (too few or too many), `held` (a lease or a lock for ever), `limit` (a lock, a
    semaphore or a rate that was not kept)."""

    kind: str
    run: str | None
    text: str


@dataclass(frozen=True)
class Disturbance:
    """When something that may lose an attempt was done to the system, in seconds of the harness's clock."""

    begin_s: float
    end_s: float


def read_effects(folder: Path) -> tuple[Lines, list[str]]:
    """Every line of the files, and those that cannot be read."""
    lines: Lines = {}
    torn = []
    for path in sorted(folder.glob("*.txt")):
        for line in path.read_text(errors="replace").splitlines():
            parts = line.split(" ")
            if len(parts) != 4 or not parts[2].isdigit():
                torn.append(f"{path.name}: {line[:200]!r}")
                continue
            run, task, attempt, said = parts
            lines.setdefault((run, task), Counter())[(int(attempt), said)] += 1
    return lines, torn


def check(journal: Journal, lines: Lines, torn: Iterable[str], disturbances: list[Disturbance]) -> list[Violation]:
    """Every violation that what clients saw proves."""
    found = [Violation("effect", None, f"a line is torn: {line}") for line in torn]
    for seen in journal.runs.values():
        found += [Violation("changed" if _is_change(text) else "wrong", seen.run, text) for text in seen.complaints]
        found += _end(seen)
        found += _effects(seen, lines, disturbances)
    expected = {
        (seen.run, task) for seen in journal.runs.values() for task in (*seen.expected.effects, *seen.expected.undone)
    }
    for run, task in lines.keys() - expected:
        found.append(Violation("effect", run, f"{task} appended a line, and no run asked for it"))
    return found


def _is_change(text: str) -> bool:
    return not text.startswith("its outputs are")


def _end(seen: Seen) -> list[Violation]:
    if seen.acknowledged_s is None:
        return []
    if seen.end is None:
        return [Violation("lost", seen.run, "it was acknowledged, and has not ended")]
    status, _, error = seen.end
    expected = seen.expected
    if seen.cancelled and status == "cancelled":
        return []
    if (status, error) != (expected.status, expected.error):
        text = f"it ended as {status} {error or ''}, not as {expected.status} {expected.error or ''}"
        return [Violation("wrong", seen.run, text)]
    found = []
    for task, wanted in expected.statuses.items():
        shown = seen.results.get(task)
        if shown is not None and shown[0] != wanted:
            found.append(Violation("wrong", seen.run, f"{task} is {shown[0]}, not {wanted}"))
    return found


def _effects(seen: Seen, lines: Lines, disturbances: list[Disturbance]) -> list[Violation]:
    found = []
    succeeded = seen.end is not None and seen.end[0] == "succeeded"
    for task, (wanted, lasting) in seen.expected.effects.items():
        written = lines.get((seen.run, task), Counter())
        for line in wanted:
            times = sum(count for (_, said), count in written.items() if said == line)
            if succeeded and times == 0:
                found.append(Violation("effect", seen.run, f"{task} succeeded, and its line {line!r} is missing"))
            if times > 1 and not _disturbed(seen, disturbances):
                found.append(Violation("effect", seen.run, f"{task} wrote {line!r} {times} times with no attempt lost"))
        twice = {attempt: count for (attempt, _), count in written.items() if count > 1}
        if lasting and twice:
            text = f"{task} must not be repeated within a try, and wrote in try: times {twice}"
            found.append(Violation("effect", seen.run, text))
    for task, line in seen.expected.undone.items():
        found += _undone(seen, task, line, lines.get((seen.run, task), Counter()), disturbances)
    return found


def _undone(
    seen: Seen, task: str, line: str, written: Counter[tuple[int, str]], disturbances: list[Disturbance]
) -> list[Violation]:
    """A run that failed has undone what it did; one that was cancelled may have."""
    times = sum(count for (_, said), count in written.items() if said == line)
    if seen.end is not None and seen.end[0] == "failed" and times == 0:
        return [Violation("effect", seen.run, f"its run failed, and the line {line!r} of {task} is missing")]
    if times > 1 and not _disturbed(seen, disturbances):
        return [Violation("effect", seen.run, f"{task} wrote {line!r} {times} times with no attempt lost")]
    return []


def _disturbed(seen: Seen, disturbances: list[Disturbance]) -> bool:
    """Whether anything was done to the system while the run was under way."""
    end_s = seen.ended_s if seen.ended_s is not None else float("inf")
    return any(d.begin_s <= end_s and d.end_s >= seen.submitted_s for d in disturbances)
