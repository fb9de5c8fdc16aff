"""How far a learned policy is trusted: `sym.policy.conductor`, in `SYM_POLICIES`. The last version stands.

An operator steps up (`shadow`, `canary`, `live`) and down; a guard rail of a conductor steps down by itself, and says why.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from conductor.wire.base import Message, Millis, Name, Text


class Ladder(Message, frozen=True, kw_only=True):
    """A step. `policy` is `shipped`, or the path of a network's file where the conductors run; a canary decides `percent`
    of the runs, by hash. `by` is `operator`, or the conductor whose guard rail broke."""

    stage: Literal["rules", "shadow", "canary", "live"]
    policy: Text = "shipped"
    percent: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    by: Name = "operator"
    reason: Text = ""
    at_ms: Millis = 0
