"""Retries, time limits, locks, caches and resources of Argo's templates."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from conductor.workflow.importers.argo.scope import Scope
from conductor.workflow.importers.cel import Text
from conductor.workflow.importers.foreign import Node
from conductor.workflow.importers.groups import CALLS, EACH, give_retry
from conductor.workflow.importers.scanner import Untranslatable

ATTEMPTS_MAX = 1000
"""What our language counts to; a retry of Argo without a limit has none."""
_TRANSIENT = ["lost", "unavailable", "resource", "internal"]
_NEVER = ["contract", "expression", "rejected", "cancelled"]
_POLICIES: dict[str, dict[str, Any]] = {
    "Always": {},
    "OnFailure": {"not_on": [*_NEVER, *_TRANSIENT]},
    "OnError": {"on": _TRANSIENT},
    "OnTransientError": {"on": ["lost", "unavailable", "resource"]},
}
_UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6, "d": 8.64e7}
_SIZES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
          "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}  # fmt: skip


def duration(text: str) -> str:
    """A duration of Argo (`10`, `10s`, `1m30s`, `1.5h`) as one of ours.

    Raises:
        Untranslatable: it is none.
    """
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return shown(float(text) * 1000)
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise Untranslatable(f"{text!r} is no duration that is known here")
    return shown(sum(float(number) * _UNITS[unit] for number, unit in parts))


def shown(milliseconds: float) -> str:
    """A duration of ours, in the largest unit that holds it whole."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{int(milliseconds // size)}{unit}"
    return f"{milliseconds:.0f}ms" if milliseconds >= 1 or not milliseconds else "1ms"


def fixed(node: Node, scope: Scope, say: Callable[[str], Any]) -> Any:
    """A word that has to be known before the run; listed, and None, where it is not."""
    try:
        text = scope.substitute(node.text() or "").plain()
        if text is None:
            raise Untranslatable("its value is known only at run time")
        return say(text)
    except (Untranslatable, ValueError) as error:
        node.note(f"{node.peek()}: {error}")
        return None


def retry(node: Node, scope: Scope) -> dict[str, Any]:
    """`retryStrategy`."""
    made: dict[str, Any] = {}
    limit = node.take("limit")
    count = fixed(limit, scope, int) if limit is not None else None
    if limit is None:
        node.note(f"a retry without a limit tries {ATTEMPTS_MAX} times here")
    tries = ATTEMPTS_MAX if count is None else count + 1
    made["max_attempts"] = min(ATTEMPTS_MAX, max(1, tries))
    backoff = node.take("backoff")
    if backoff is not None:
        for theirs, ours in (("duration", "backoff"), ("maxDuration", "max_elapsed"), ("cap", "max_backoff")):
            value = backoff.take(theirs)
            said = fixed(value, scope, duration) if value is not None else None
            if said is not None:
                made[ours] = said
        factor = backoff.take("factor")
        made["factor"] = max(1.0, (fixed(factor, scope, float) if factor is not None else None) or 1.0)
        made["jitter"] = False
    policy = node.take("retryPolicy")
    if policy is not None:
        name = policy.text() or ""
        if name not in _POLICIES:
            policy.note(f"{name!r} is no policy that is known here")
        made |= _POLICIES.get(name, {})
    return made


def template_words(template: Node, scope: Scope, form: dict[str, Any]) -> dict[str, Any]:
    """The words of ours that a template's own say; `form` is what it does, which not all of them go with."""
    called = any(word in form for word in CALLS)
    words: dict[str, Any] = {}
    timeout: dict[str, str] = {}
    deadline = template.take("activeDeadlineSeconds")
    if deadline is not None and (said := fixed(deadline, scope, duration)):
        timeout["attempt" if called else "task"] = said
    whole = template.take("timeout")
    if whole is not None and (said := fixed(whole, scope, duration)):
        timeout["task"] = said
    if timeout:
        words["timeout"] = timeout["attempt"] if list(timeout) == ["attempt"] else timeout
    strategy = template.take("retryStrategy")
    if strategy is not None:
        made = retry(strategy, scope)
        if called:
            words["retry"] = made
        elif "switch" in form:
            strategy.note(EACH)
            give_retry(form["switch"][0]["then"]["tasks"], made)
        else:
            strategy.note("a wait is not tried again")
    priority = template.take("priority")
    if priority is not None and (level := fixed(priority, scope, _level)) is not None and "wait_for" not in form:
        words["priority"] = level
    if called:
        words |= _locks(template, scope)
        memoize = template.take("memoize")
        if memoize is not None:
            words |= _cache(memoize, scope)
    for word in ("synchronization", "memoize"):
        node = None if called else template.take(word)
        if node is not None:
            node.refuse("it goes with a call here, not with a group of tasks or a wait")
    template.skip(["metadata"])
    return words


def _level(text: str) -> int:
    level = int(text)
    if not 0 <= level <= 9:
        raise Untranslatable("a priority is 0 to 9 here")
    return level


def _locks(template: Node, scope: Scope) -> dict[str, Any]:
    found = mutexes(template, scope)
    if found:
        for node, _ in found[1:]:
            node.note("a task holds one lock here")
        return {"lock": found[0][1].text_value()}
    return {}


def mutexes(owner: Node, scope: Scope) -> list[tuple[Node, Text]]:
    """The mutexes of a `synchronization`, with what each is called."""
    synchronization = owner.take("synchronization")
    if synchronization is None:
        return []
    several = synchronization.take("mutexes")
    single = synchronization.take("mutex")
    nodes = ([single] if single is not None else []) + (several.items() if several is not None else [])
    found = []
    for node in nodes:
        name = node.take("name")
        node.skip(["namespace"])
        if name is not None and (said := substituted(name, scope)) is not None:
            found.append((node, said))
    return found


def substituted(node: Node, scope: Scope) -> Text | None:
    """A scalar with its `{{...}}` replaced; listed, and None, where one of them has no meaning."""
    try:
        return scope.substitute(node.text() or "")
    except Untranslatable as error:
        node.note(str(error))
        return None


def _cache(memoize: Node, scope: Scope) -> dict[str, Any]:
    key, age = memoize.take("key"), memoize.take("maxAge")
    text = substituted(key, scope) if key is not None else None
    ttl = fixed(age, scope, duration) if age is not None else "1d"
    if age is None:
        memoize.note("a memory without `maxAge` holds for a day here")
    if text is None or ttl is None:
        return {}
    return {"cache": {"key": text.cel().text, "ttl": ttl}}


def resources(node: Node, scope: Scope) -> dict[str, Any]:
    """`resources` of a container: what is requested, or else the limit."""
    made: dict[str, Any] = {}
    for side in ("requests", "limits"):
        said = node.take(side)
        for name, value in said.entries() if said is not None else ():
            ours = {"cpu": "cpu", "memory": "memory", "nvidia.com/gpu": "gpu", "amd.com/gpu": "gpu"}.get(name)
            if ours is None:
                value.refuse("is no resource that is known here")
                continue
            count = fixed(value, scope, quantity)
            if count is not None and ours not in made:
                made[ours] = int(count) if ours == "memory" or count == int(count) else count
    return {"resources": made} if made else {}


def quantity(text: str) -> float:
    """A quantity of Kubernetes: `500m`, `2`, `64Mi`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(m|[kKMGT]i?)?", text.strip())
    if found is None:
        raise Untranslatable(f"{text!r} is no quantity that is known here")
    number, unit = float(found[1]), found[2] or ""
    return number / 1000 if unit == "m" else number * _SIZES[unit]
