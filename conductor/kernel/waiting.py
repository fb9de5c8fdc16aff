"""Executions that wait for a slot, in lines of those that may go to the same workers. Pure."""

from __future__ import annotations

from itertools import islice

from conductor.kernel.execution import SUSPECT_DEATHS, Execution, Key, parts_of

LATE_LOOKED_AT = 1_024
"""Of the executions that wait for one capability, once a second: a pool cannot start more processes than for so many."""


class Waiting:
    """Executions that wait for a slot, by function and range of versions, in the order they came."""

    def __init__(self) -> None:
        self.lines: dict[str, dict[Key, Execution]] = {}
        self.suspects: set[Key] = set()
        """Those that workers died with. Almost always none: then nobody looks for them."""

    def add(self, execution: Execution) -> None:
        if execution.deaths >= SUSPECT_DEATHS:
            self.suspects.add(execution.key)
        self.lines.setdefault(execution.line, {})[execution.key] = execution

    def remove(self, execution: Execution) -> None:
        self.suspects.discard(execution.key)
        found = self.lines.get(execution.line)
        if found is not None:
            found.pop(execution.key, None)
            if not found:
                del self.lines[execution.line]

    def counts(self) -> dict[str, int]:
        """How many a worker could take now, by capability: those that wait for a key need no more workers."""
        counts: dict[str, int] = {}
        for line, found in self.lines.items():
            if count := sum(not e.awaits_grant for e in found.values()):
                capability, _, _ = parts_of(line)
                counts[capability] = counts.get(capability, 0) + count
        return counts

    def late(self, by_ms: int) -> dict[str, int]:
        """How many miss their deadlines unless they start by then, by capability; the first `LATE_LOOKED_AT` of each are
        looked at."""
        counts: dict[str, int] = {}
        for line, found in self.lines.items():
            late = 0
            for execution in islice(found.values(), LATE_LOOKED_AT):
                task = execution.task
                late += task.deadline_at_ms is not None and task.deadline_at_ms - task.rest_us // 1000 < by_ms
            if late:
                capability, _, _ = parts_of(line)
                counts[capability] = counts.get(capability, 0) + late
        return counts

    def usage(self) -> dict[tuple[str, str, str], int]:
        """How many wait, by tenant, workflow and capability."""
        counts: dict[tuple[str, str, str], int] = {}
        for found in self.lines.values():
            for execution in found.values():
                who = (execution.task.tenant, execution.task.workflow, execution.task.capability)
                counts[who] = counts.get(who, 0) + 1
        return counts
