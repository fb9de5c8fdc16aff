"""What the figures are to come to, on two cores with a sync before every acknowledgement. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conductor.measure.rows import Row, is_rate, number


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound of a row's value, or of its ratio to a floor, a peer or another row (`of`); of its p99 where that is said."""

    bound: float
    of: str | None = None
    p99: bool = False


GOALS: dict[str, tuple[Goal, ...]] = {
    "chain_40": (Goal(0.75), Goal(1.9, "floor_publish_fsync"), Goal(0.75, "restate")),
    "chain_40_pure": (Goal(0.40),),
    "throughput_50": (Goal(25_000),),
    "throughput_500": (Goal(75_000),),
    "throughput_2000": (Goal(150_000),),
    "one_step": (Goal(3.0),),
    "one_step_50": (Goal(3_000),),
    "one_step_500": (Goal(3_000),),
    "one_step_batch_100": (Goal(15_000),),
    "map_10000": (Goal(500.0),),
    "trickle_flooded": (Goal(2.0, "trickle_alone", p99=True),),
    "overhead_10ms": (Goal(5.0),),
    "overhead_100ms": (Goal(1.0),),
    "dispatch_10ms": (Goal(3.0),),
    "core_pool_lease": (Goal(100.0),),
    "core_fold_result": (Goal(1.0),),
    "core_arbitration_1000": (Goal(20.0),),
    "core_artifact_get_1kib": (Goal(0.2),),
    "live_100000": (Goal(1.2, "live_100"),),
    "live_bytes_100000": (Goal(1.2, "live_bytes_10000"),),
    **{
        f"ready_{name}": (Goal(100.0, p99=True),) for name in ("dag", "pool", "store", "arbitration", "stale")
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal beside what was measured."""

    goal: str
    measured: float
    met: bool


def verdicts(row: Row, rows: Iterable[Row]) -> list[Verdict]:
    """Each goal of a row that can be judged: its floor, peer or other row was measured too."""
    if row.get("peer"):
        return []
    others = {other["name"]: other for other in rows if not other.get("peer")}
    sign = ">=" if is_rate(row["unit"]) else "<="
    found = []
    for goal in GOALS.get(row["name"], ()):
        measured = _measured(row, goal, others)
        if measured is None:
            continue
        met = measured >= goal.bound if sign == ">=" else measured <= goal.bound
        unit = f" x {goal.of.removeprefix('floor_')}" if goal.of else f" {row['unit']}"
        said = f"{'p99 ' if goal.p99 else ''}{sign} {number(goal.bound)}{unit}"
        found.append(Verdict(said, measured, met))
    return found


def _measured(row: Row, goal: Goal, others: dict[str, Row]) -> float | None:
    figure = "p99" if goal.p99 else "value"
    if goal.of is None:
        return float(row[figure])
    floors = {floor["name"]: floor["times"] for floor in row.get("floors", [])}
    ratio: float | None = floors.get(goal.of) or row.get("peers", {}).get(goal.of)
    if ratio is None and goal.of in others and others[goal.of][figure]:
        ratio = row[figure] / others[goal.of][figure]
    return ratio
