"""What tenants and their workflows used lately and what they run now: what fair shares compare. Pure."""

from __future__ import annotations

KEPT = 0.5 ** (1 / 10)
"""Of what was used, a second later: it counts half after ten seconds, as Arbitration's own memory does unless told."""
FORGOTTEN_US = 1_000.0
"""Less than a millisecond of use decides nothing any more."""
NOTHING = 1e-6
"""Slots: what is left of sums of fractions where nothing runs."""
ACCOUNTS_MAX = 16_384
"""Above it those that used least are dropped: one that comes again is taken for new, which favours it once."""


class Account:
    """A tenant's, or one of its workflows'. `used_us` is slot time, which fades; `served_ms` is its last start.

    An execution that takes a larger part of some resource than a slot is of all slots counts as so many more slots:
    dominant-resource fairness (Ghodsi et al., NSDI 2011), over time.
    """

    __slots__ = ("running", "served_ms", "used_us")

    def __init__(self) -> None:
        self.running = 0.0
        """Slots that its executions count as."""
        self.used_us = 0.0
        self.served_ms = 0

    def load_us(self, more: float, typical_us: float) -> float:
        """Slot time: used lately, and to be taken by what runs and by `more` starts of `typical_us` each."""
        return self.used_us + (self.running + more) * typical_us


class Used:
    """A tenant's workflow on a capability: since the last claim, but for `running`."""

    __slots__ = ("run_us", "running", "share_us", "started", "tenant", "workflow")

    def __init__(self, tenant: Account, workflow: Account) -> None:
        self.started = 0
        self.running = 0
        self.run_us = 0
        self.share_us = 0.0
        self.tenant = tenant
        self.workflow = workflow

    def start(self, now_ms: int, share: float = 1.0) -> None:
        """One of its executions starts, which counts as `share` slots."""
        tenant, workflow = self.tenant, self.workflow
        self.started += 1
        self.running += 1
        tenant.running += share
        workflow.running += share
        tenant.served_ms = workflow.served_ms = now_ms

    def end(self, run_us: int, share: float = 1.0) -> None:
        """One of them ended after a time, or was lost."""
        self.running -= 1
        self.run_us += run_us
        used_us = run_us * share
        self.share_us += used_us
        for account in (self.tenant, self.workflow):
            account.running -= share
            account.used_us += used_us


class Accounts:
    """Accounts by tenant, and by tenant and workflow."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, str | None], Account] = {}

    def of(self, tenant: str, workflow: str | None = None) -> Account:
        """The account, a new one where there is none."""
        found = self._of.get((tenant, workflow))
        if found is None:
            found = self._of[(tenant, workflow)] = Account()
        return found

    def fade(self) -> None:
        """A second has passed. Accounts that say nothing any more are dropped."""
        for account in self._of.values():
            account.used_us *= KEPT
        idle = [key for key, one in self._of.items() if one.running < NOTHING and one.used_us < FORGOTTEN_US]
        for key in idle:
            del self._of[key]
        surplus = len(self._of) - ACCOUNTS_MAX
        if surplus > 0:
            least = sorted((one.running, one.used_us, key[0], key[1] or "") for key, one in self._of.items())
            for running, _, tenant, workflow in least[:surplus]:
                if running < NOTHING:
                    del self._of[(tenant, workflow or None)]
