"""Durations of Serverless Workflow: `{seconds: 3}` or ISO 8601."""

from __future__ import annotations

import re

from conductor.workflow.importers.argo.policies import shown
from conductor.workflow.importers.foreign import Node

_UNITS = {"days": 86_400_000, "hours": 3_600_000, "minutes": 60_000, "seconds": 1000, "milliseconds": 1}
_ISO = re.compile(
    r"P(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)


def duration(node: Node) -> str | None:
    """A duration of ours; listed, and None, where it is known only at run time or is none."""
    if node.is_map:
        total = 0.0
        for unit, size in _UNITS.items():
            value = node.take(unit)
            amount = value.whole() if value is not None else 0
            if not isinstance(amount, (int, float)) or isinstance(amount, bool) or amount < 0:
                node.note(f"{amount!r}: a duration is known before the run here")
                return None
            total += amount * size
        return shown(total)
    text = (node.text() or "").strip()
    found = _ISO.fullmatch(text)
    if found is None or text in ("P", "PT"):
        node.note(f"{text!r}: a duration is known before the run here, and written as ISO 8601 or in units")
        return None
    sizes = (7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1000)
    return shown(sum(float(part) * size for part, size in zip(found.groups(), sizes, strict=True) if part))
