"""Which policy this conductor goes by: follows `sym.policy.conductor`, and steps down where a guard rail breaks.

A step that names a file that is refused changes nothing, and is told; the policy before it stays. What is said so survives
every restart; what a guard has counted is counted anew.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from conductor.bus import BusError, NatsBus
from conductor.kernel.core import Core
from conductor.policy import Policy, Rules
from conductor.policy.errors import PolicyError
from conductor.policy.staged import Staged
from conductor.wire import subjects
from conductor.wire.base import WireError, decode, encode
from conductor.wire.ladder import Ladder

_log = logging.getLogger("symphony.kernel")

LOOK_INTERVAL_S = 0.5
SUBJECT = subjects.policy("conductor")
ASK_TIME_S = 5.0


class Steps:
    """Keeps `Core.policy` as the newest step says."""

    def __init__(self, bus: NatsBus, core: Core, name: str) -> None:
        self._bus = bus
        self._core = core
        self._name = name
        self._sequence = 0
        self.step: Ladder | None = None
        self.refused = ""
        """Why the newest step was not taken."""

    async def run(self) -> None:
        """Until cancelled. A broker that does not answer is asked again."""
        changed = await self._bus.subscribe(SUBJECT)
        stale = True
        while True:
            try:
                if stale or changed.take_all():
                    await self._read()
                    stale = False
                await self._look()
            except (BusError, WireError, TimeoutError) as error:
                _log.warning("following the policy's steps: %s", error)
                stale = True
            await asyncio.sleep(LOOK_INTERVAL_S)

    def report(self) -> dict[str, object]:
        """For people: the step, and what was seen since."""
        policy = self._core.policy
        return {
            "step": None if self.step is None else self.step.stage,
            "reason": "" if self.step is None else self.step.reason,
            "by": "" if self.step is None else self.step.by,
            "refused": self.refused,
            **(policy.report() if isinstance(policy, Staged) else {}),
        }

    async def _read(self) -> None:
        found = await self._bus.last("SYM_POLICIES", SUBJECT, ASK_TIME_S)
        if found is None or found[0] <= self._sequence:
            return
        self._sequence, step = found[0], decode(found[1], Ladder)
        try:
            # Reading a network takes tens of milliseconds: no beat waits for it.
            self._core.policy = await asyncio.to_thread(made, step)
        except PolicyError as error:
            self.refused = str(error)
            _log.error("the policy %s is refused, %s stays: %s", step.policy, self._core.policy.name, error)
            return
        self.step, self.refused = step, ""
        _log.info("the policy is %s: %s", self._core.policy.name, step.reason or step.by)

    async def _look(self) -> None:
        policy = self._core.policy
        if not isinstance(policy, Staged) or (why := policy.guard.broken()) is None:
            return
        self._core.policy = Rules()  # at once: what others hear of it may take a while
        _log.warning("%s is rolled back: %s", policy.name, why)
        before = "shipped" if self.step is None else self.step.policy
        step = Ladder(stage="rules", policy=before, by=self._name, reason=why, at_ms=int(time.time() * 1000))
        # Whoever is first says it: another conductor's rail, or an operator, may have spoken meanwhile.
        expected = {"Nats-Expected-Last-Subject-Sequence": str(self._sequence)}
        try:
            self._sequence = await self._bus.publish_log(SUBJECT, encode(step), expected)
            self.step = step
        except BusError as error:
            if error.kind != "fenced":
                raise
            await self._read()


def made(step: Ladder) -> Policy:
    """The policy of a step.

    Raises:
        PolicyError: its file is refused, or what reads it is not installed.
    """
    if step.stage == "rules":
        return Rules()
    try:
        from conductor.policy.learned import Learned  # noqa: PLC0415 - needs packages that the rules do not
        from conductor.policy.network import Network, shipped  # noqa: PLC0415
    except ImportError as error:
        raise PolicyError(
            "packages", f"a learned policy needs {error.name}: install symphony-conductor[policy]"
        ) from None
    network = shipped() if step.policy == "shipped" else Network(Path(step.policy))
    return Staged(Learned(network), step.stage, step.percent / 100)
