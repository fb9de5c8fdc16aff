"""The policy: what runs next, and what to do after a failure."""

from conductor.policy.interface import Policy, Ranked, Recovery, Situation
from conductor.policy.rules import Rules

__all__ = ["Policy", "Ranked", "Recovery", "Rules", "Situation"]
