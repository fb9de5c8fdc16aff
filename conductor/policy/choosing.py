"""Which policy a conductor has: `SYMPHONY_POLICY`, `rules` where it says nothing."""

from __future__ import annotations

import logging
from pathlib import Path

from conductor.policy.errors import PolicyError
from conductor.policy.interface import Policy
from conductor.policy.rules import Rules

_log = logging.getLogger("symphony.policy")


def chosen(name: str) -> Policy:
    """`rules`, `shipped` (the network of this package), or the path of an ONNX file. What is refused is told, and the rules
    decide: a conductor without a policy would be worse."""
    if name in ("", "rules"):
        return Rules()
    try:
        # Here, so that a conductor without a learned policy needs neither NumPy nor ONNX Runtime.
        from conductor.policy.learned import Learned  # noqa: PLC0415
        from conductor.policy.network import Network, shipped  # noqa: PLC0415

        return Learned(shipped() if name == "shipped" else Network(Path(name)))
    except PolicyError as error:
        _log.error("policy %s is refused, the rules decide: %s", name, error)
    except ImportError as error:
        _log.error("policy %s needs packages, the rules decide: install symphony-conductor[policy] (%s)", name, error)
    return Rules()
