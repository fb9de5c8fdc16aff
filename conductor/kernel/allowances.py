"""Shares and allowances that Arbitration pushed, spent here without asking: the limits that no policy may break. Pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from conductor.wire.grants import ShareGrant, Usage
from conductor.wire.ready import ReadyTask

TOLD_MAX = 8
"""Claims that no grant has counted yet: one a second, and an allowance lasts three."""


@dataclass(slots=True)
class Limit:
    """What is left of an allowance. None: unlimited."""

    starts: int | None
    concurrency: int | None
    expires_at_ms: int
    running: int = 0


class Allowances:
    """Limits by key, weights by claimant, and the usage that is settled with Arbitration afterwards."""

    def __init__(self, first: int = 0) -> None:
        """`first` lies above every claim's number of a process of this name before: the time of the start will do."""
        self.limits: dict[str, Limit] = {}
        self.weights: dict[tuple[str, str | None], float] = {}
        self.starvation_ms = 30_000
        self.usage: dict[tuple[str, str, str], list[int]] = {}
        self.tenants: dict[str, int] = {}
        """Running executions by tenant: what fair shares compare."""
        self.run_us: dict[str, float] = {}
        """How long each function ran lately, on average."""
        self.number = self._first = first
        """The number of the last claim."""
        self._told: deque[tuple[int, Counter[str]]] = deque(maxlen=TOLD_MAX)
        """Starts by key of the claims that the last grant had not counted."""
        self._sequence: tuple[str, int] = ("", -1)
        self._last: tuple[str, str, str, list[int]] | None = None
        """The record that was counted in last: the executions of a beat are much alike, and comparing is cheaper than
        looking up three fresh strings."""

    def grant(self, grant: ShareGrant, now_ms: int) -> None:
        """Take a grant in; it is absolute. Passed over: an older one of the same issuer, and one that counts a claim that
        was not made here, for it is meant for the process before this one."""
        if grant.issuer == self._sequence[0] and grant.sequence <= self._sequence[1]:
            return
        if grant.counted and not self._first < grant.counted <= self.number:
            return
        self._sequence = (grant.issuer, grant.sequence)
        self.starvation_ms = grant.starvation_ms
        self.weights = {(share.tenant, share.workflow): share.weight for share in grant.shares}
        while self._told and (self._told[0][0] <= grant.counted or not grant.counted):
            self._told.popleft()
        uncounted = self._uncounted() if grant.allowances else Counter[str]()
        before = self.limits
        self.limits = {}
        for given in grant.allowances:
            old = before.get(given.key)
            running = old.running if old else self._running(given.key)
            expires = now_ms + given.expires_in_ms
            starts = None if given.starts is None else max(given.starts - uncounted[given.key], 0)
            self.limits[given.key] = Limit(starts, given.concurrency, expires, running)

    def _uncounted(self) -> Counter[str]:
        """Starts by key that the sender of a grant did not know of: without them a grant would give back what is spent."""
        counts = self._started()
        for _, told in self._told:
            counts.update(told)
        return counts

    def _started(self) -> Counter[str]:
        """Starts by key since the last claim."""
        counts: Counter[str] = Counter()
        for who, used in self.usage.items():
            if used[0]:
                for key in _keys(*who):
                    counts[key] += used[0]
        return counts

    def _running(self, key: str) -> int:
        """How many executions of a key run now: a limit may arrive after they began."""
        kind, _, name = key.partition(":")
        place = {"tenant": 0, "workflow": 1, "capability": 2}.get(kind)
        return sum(used[1] for who, used in self.usage.items() if place is not None and who[place] == name)

    @property
    def heard(self) -> int:
        """The number of the last grant that was taken in."""
        return max(self._sequence[1], 0)

    def admits(self, task: ReadyTask, now_ms: int) -> bool:
        """Whether every limit that the task falls under has room."""
        for key in _keys(task.tenant, task.workflow, task.capability):
            limit = self.limits.get(key)
            if limit is None:
                continue
            if limit.expires_at_ms <= now_ms:
                return False  # an allowance that was not renewed allows nothing
            if limit.starts is not None and limit.starts <= 0:
                return False
            if limit.concurrency is not None and limit.running >= limit.concurrency:
                return False
        return True

    def start(self, task: ReadyTask) -> list[int]:
        """An execution starts: spend, and count. Returns the record that `end` takes."""
        if self.limits:
            for key in _keys(task.tenant, task.workflow, task.capability):
                limit = self.limits.get(key)
                if limit is not None:
                    limit.running += 1
                    if limit.starts is not None:
                        limit.starts -= 1
        used = self._record(task.tenant, task.workflow, task.capability)
        used[0] += 1
        used[1] += 1
        self.tenants[task.tenant] = self.tenants.get(task.tenant, 0) + 1
        return used

    def _record(self, tenant: str, workflow: str, capability: str) -> list[int]:
        last = self._last
        if last is not None and last[2] == capability and last[1] == workflow and last[0] == tenant:
            return last[3]
        used = self.usage.setdefault((tenant, workflow, capability), [0, 0, 0])
        self._last = (tenant, workflow, capability, used)
        return used

    def end(self, task: ReadyTask, used: list[int], run_us: int) -> None:
        """It ended, or was lost."""
        if self.limits:
            for key in _keys(task.tenant, task.workflow, task.capability):
                limit = self.limits.get(key)
                if limit is not None and limit.running > 0:
                    limit.running -= 1
        used[1] -= 1
        used[2] += run_us
        if run_us:
            before = self.run_us.get(task.capability, float(run_us))
            self.run_us[task.capability] = before + (run_us - before) / 8
        left = self.tenants.get(task.tenant, 1) - 1
        if left > 0:
            self.tenants[task.tenant] = left
        else:
            self.tenants.pop(task.tenant, None)

    def settle(self, waiting: dict[tuple[str, str, str], int]) -> list[Usage]:
        """The usage since the last call, and what waits; records of those that rest are dropped."""
        self.number += 1
        self._last = None  # its record may be dropped below
        if self.limits:
            self._told.append((self.number, self._started()))
        told = []
        for who in {*self.usage, *waiting}:
            used = self.usage.get(who, [0, 0, 0])
            tenant, workflow, capability = who
            told.append(
                Usage(
                    tenant=tenant,
                    workflow=workflow,
                    capability=capability,
                    started=used[0],
                    running=max(used[1], 0),
                    waiting=waiting.get(who, 0),
                    run_us=used[2],
                )
            )
            if used[1] <= 0 and who in self.usage:
                del self.usage[who]
            else:
                used[0] = used[2] = 0
        return told

    def share(self, tenant: str) -> float:
        """How much a tenant has of what it may have: running executions over its weight. The least goes first."""
        return (self.tenants.get(tenant, 0) + 1) / self.weights.get((tenant, None), 1.0)

    def workflow_share(self, task: ReadyTask) -> int:
        """Running executions of a task's workflow on its capability."""
        used = self.usage.get((task.tenant, task.workflow, task.capability))
        return used[1] if used else 0


def _keys(tenant: str, workflow: str, capability: str) -> tuple[str, str, str]:
    return (f"tenant:{tenant}", f"workflow:{workflow}", f"capability:{capability}")
