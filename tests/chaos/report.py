"""The summary of a chaos: for people, and as JSON."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from tests.chaos.run import Verdict

VIOLATIONS_SHOWN = 40


def summary(verdict: Verdict) -> dict[str, Any]:
    """All figures. Recovery times are in seconds, of faults that came alone; `all` has the others too."""
    journal, kinds = verdict.journal, Counter(violation.kind for violation in verdict.violations)
    done = [done for done in verdict.faults if done.pid is not None or done.fault.kind == "cut"]
    runs = list(journal.runs.values())
    return {
        "seed": verdict.options.seed,
        "seconds": round(verdict.seconds, 1),
        "runs": {
            "acknowledged": journal.counts["acknowledged"],
            "ended": journal.counts["ended"],
            "tasks": sum(seen.tasks for seen in runs),
            "retried": sum(seen.retried for seen in runs),
            "statuses": dict(Counter(seen.end[0] if seen.end else "none" for seen in runs)),
        },
        "clients": dict(sorted(journal.counts.items())),
        "dispatches": verdict.dispatched,
        "faults": {
            "total": len(done),
            "by_kind": dict(Counter(_kind(entry.fault) for entry in done)),
            "by_target": dict(Counter(entry.fault.role for entry in done)),
        },
        "limits": {
            "attempts": verdict.limits.attempts,
            "waited_for": verdict.limits.next_holders,
            "ghosts": verdict.limits.ghosts,
            "excused": verdict.limits.excused,
        },
        "lost": kinds["lost"],
        "wrong": sum(kinds.values()) - kinds["lost"],
        "violations": dict(kinds),
        "recovery_s": {
            "alone": _recovery([measure for measure in verdict.measures if measure.alone]),
            "all": _recovery(verdict.measures),
        },
    }


def _kind(fault: Any) -> str:
    return f"cut {fault.mode}" if fault.kind == "cut" else str(fault.kind)


def _recovery(measures: list[Any]) -> dict[str, Any]:
    found = {}
    for role, kind in sorted({(measure.role, measure.kind) for measure in measures}):
        mine = [measure for measure in measures if (measure.role, measure.kind) == (role, kind)]
        found[f"{kind} {role}"] = {
            "faults": len(mine),
            "dispatch": quantiles([m.dispatch_s for m in mine if m.dispatch_s is not None]),
            "step": quantiles([m.step_s for m in mine if m.step_s is not None]),
        }
    return found


def quantiles(values: list[float]) -> dict[str, float] | None:
    """Median, 99th percentile and the worst; None of nothing."""
    if not values:
        return None
    values = sorted(values)

    def at(share: float) -> float:
        return round(values[min(len(values) - 1, max(0, math.ceil(share * len(values)) - 1))], 3)

    return {"p50": at(0.5), "p99": at(0.99), "max": round(values[-1], 3)}


def text(verdict: Verdict) -> str:
    """The same for a terminal; with violations, all that is needed to find out why."""
    told = summary(verdict)
    runs, faults = told["runs"], told["faults"]
    lines = [
        f"seed {told['seed']}, {told['seconds']:.0f} s",
        f"runs: {runs['acknowledged']} acknowledged, {runs['ended']} ended, {runs['tasks']} tasks, {runs['statuses']}",
        f"faults: {faults['total']}",
        f"  by kind: {faults['by_kind']}",
        f"  by target: {faults['by_target']}",
        f"clients: {told['clients']}",
        f"limits: {told['limits']}",
        f"lost: {told['lost']}   wrong: {told['wrong']}   {told['violations'] or ''}",
        "recovery in seconds, faults that came alone (dispatch / step: p50, p99, max):",
    ]
    for name, entry in told["recovery_s"]["alone"].items():
        both = "   ".join(f"{what} {entry[what]}" for what in ("dispatch", "step"))
        lines.append(f"  {name:24} {entry['faults']:4}   {both}")
    if verdict.violations:
        lines += ["", *_story(verdict)]
    return "\n".join(lines)


def _story(verdict: Verdict) -> list[str]:
    lines = [f"{len(verdict.violations)} violations; the data lies in {verdict.options.data}"]
    runs = verdict.journal.runs
    for violation in verdict.violations[:VIOLATIONS_SHOWN]:
        seed = runs[violation.run].seed if violation.run in runs else ""
        lines.append(f"  {violation.kind}: run {violation.run} (seed {seed}): {violation.text}")
    first = min((done.begin_s for done in verdict.faults), default=0.0)
    lines.append("what was done, in seconds from the first fault:")
    lines += [f"  {done.begin_s - first:8.2f} - {done.end_s - first:8.2f}  {done}" for done in verdict.faults]
    for run, history in verdict.histories.items():
        seen = runs[run]
        ended = f"{seen.ended_s - first:.2f}" if seen.ended_s else "never"
        lines.append(f"run {run}, submitted at {seen.submitted_s - first:.2f}, ended at {ended}:")
        lines += [f"  {entry}" for entry in history[-60:]]
    return lines
