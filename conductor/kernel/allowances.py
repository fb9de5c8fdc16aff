"""Shares and allowances that Arbitration pushed, spent here without asking: the limits that no policy may break. Pure."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from conductor.kernel.accounts import Accounts, Used
from conductor.wire.grants import ShareGrant, Usage
from conductor.wire.ready import ReadyTask, Weight

WEIGHT_MIN = 0.001
UNKNOWN_US = 1_000_000.0
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
        self.priorities: dict[tuple[str, str | None], int] = {}
        """What Arbitration says in place of the runs' own."""
        self.starvation_ms = 30_000
        self.usage: dict[tuple[str, str, str], Used] = {}
        self.accounts = Accounts()
        self.run_us: dict[str, float] = {}
        """How long each function ran lately, on average."""
        self.number = self._first = first
        """The number of the last claim."""
        self._told: deque[tuple[int, Counter[str]]] = deque(maxlen=TOLD_MAX)
        """Starts by key of the claims that the last grant had not counted."""
        self._sequence: tuple[str, int] = ("", -1)
        self._last: tuple[str, str, str, Used] | None = None
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
        self.weights = {(share.tenant, share.workflow): max(share.weight, WEIGHT_MIN) for share in grant.shares}
        said = [share for share in grant.shares if share.priority is not None]
        self.priorities = {(share.tenant, share.workflow): share.priority or 0 for share in said}
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
            if used.started:
                for key in _keys(*who):
                    counts[key] += used.started
        return counts

    def _running(self, key: str) -> int:
        """How many executions of a key run now: a limit may arrive after they began."""
        kind, _, name = key.partition(":")
        place = {"tenant": 0, "workflow": 1, "capability": 2}.get(kind)
        return sum(used.running for who, used in self.usage.items() if place is not None and who[place] == name)

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

    def start(self, task: ReadyTask, now_ms: int = 0, share: float = 1.0) -> Used:
        """An execution starts, which counts as `share` slots: spend, and count. Returns the record that `end` takes."""
        if self.limits:
            for key in _keys(task.tenant, task.workflow, task.capability):
                limit = self.limits.get(key)
                if limit is not None:
                    limit.running += 1
                    if limit.starts is not None:
                        limit.starts -= 1
        used = self._record(task.tenant, task.workflow, task.capability)
        used.start(now_ms, share)
        return used

    def _record(self, tenant: str, workflow: str, capability: str) -> Used:
        last = self._last
        if last is not None and last[2] == capability and last[1] == workflow and last[0] == tenant:
            return last[3]
        used = self.usage.get((tenant, workflow, capability))
        if used is None:
            accounts = self.accounts
            used = Used(accounts.of(tenant), accounts.of(tenant, workflow))
            self.usage[(tenant, workflow, capability)] = used
        self._last = (tenant, workflow, capability, used)
        return used

    def end(self, task: ReadyTask, used: Used, run_us: int, share: float = 1.0) -> None:
        """It ended, or was lost. `share` is what it began with."""
        if self.limits:
            for key in _keys(task.tenant, task.workflow, task.capability):
                limit = self.limits.get(key)
                if limit is not None and limit.running > 0:
                    limit.running -= 1
        used.end(run_us, share)
        if run_us:
            before = self.run_us.get(task.capability, float(run_us))
            self.run_us[task.capability] = before + (run_us - before) / 8

    def settle(self, waiting: dict[tuple[str, str, str], int]) -> list[Usage]:
        """The usage since the last call, and what waits; records of those that rest are dropped."""
        self.number += 1
        self._last = None  # its record may be dropped below
        if self.limits:
            self._told.append((self.number, self._started()))
        self.accounts.fade()
        told = []
        for who in {*self.usage, *waiting}:
            tenant, workflow, capability = who
            used = self.usage.get(who)
            started, running, run_us = (used.started, max(used.running, 0), used.run_us) if used else (0, 0, 0)
            share_us = 0 if used is None else round(used.share_us)
            if used is not None:
                used.started = used.run_us = 0
                used.share_us = 0.0
                if used.running <= 0:
                    del self.usage[who]
            told.append(
                Usage(
                    tenant=tenant,
                    workflow=workflow,
                    capability=capability,
                    started=started,
                    running=running,
                    waiting=waiting.get(who, 0),
                    run_us=run_us,
                    share_us=share_us,
                )
            )
        return told

    def weight(self, tenant: str, workflow: str | None = None) -> float:
        """What a share is held against; 1 unless Arbitration says otherwise."""
        return self.weights.get((tenant, workflow), 1.0)

    def stated_weights(self) -> list[Weight]:
        """Those that are not 1."""
        return [
            Weight(tenant=tenant, workflow=workflow, weight=weight)
            for (tenant, workflow), weight in self.weights.items()
            if weight != 1.0
        ]

    def fixed_priority(self, tenant: str, workflow: str) -> int | None:
        """The priority that Arbitration sets for a claimant, over what its runs say; None: it sets none."""
        return self.priorities.get((tenant, workflow), self.priorities.get((tenant, None)))

    def typical_us(self, capability: str) -> float:
        """How long an execution takes here, for the shares; a second where nothing is known yet."""
        return max(self.run_us.get(capability, UNKNOWN_US), 1.0)

    def running(self, tenant: str, workflow: str, capability: str) -> int:
        """Running executions of a workflow on a capability."""
        used = self.usage.get((tenant, workflow, capability))
        return used.running if used else 0


def _keys(tenant: str, workflow: str, capability: str) -> tuple[str, str, str]:
    return (f"tenant:{tenant}", f"workflow:{workflow}", f"capability:{capability}")
