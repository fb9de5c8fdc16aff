"""`symphony pit arbitration`: who gets slots and why, the policy that says so, and who holds locks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from conductor.cli import connect, versions
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import emit, say, table

if TYPE_CHECKING:
    from conductor.wire.policies import PolicyShow


@click.group()
def arbitration() -> None:
    """Shares, limits, orders, locks, and the policy behind them."""


@arbitration.command("show")
@place_options
@json_option
def show(data: Path, url: str | None, as_json: bool) -> None:
    """Shares, allowances, usage, what was learned of durations, and the last orders with their reasons."""
    from conductor.wire.grants import ArbitrationShow, Nothing

    shown = connect.ask(Place(data, url), "arbitration", "show", Nothing(), ArbitrationShow)
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    table(
        "Shares",
        ("tenant", "weight", "priority"),
        [(s.tenant, s.weight, s.priority) for s in shown.shares],
        ("weight",),
    )
    limits = [(a.key, a.concurrency, a.starts, a.reason) for a in shown.allowances]
    table("Limits", ("key", "concurrency", "starts left", "now"), limits, ("concurrency", "starts left"))
    learned = [
        (e.capability, e.workflow or "all", f"{e.seconds:.3f}", _figure(e.error), f"{e.starts:.0f}")
        for e in shown.estimates
    ]
    columns = ("capability", "workflow", "seconds", "standard error", "starts")
    table("Learned durations", columns, learned, columns[2:])
    for order in shown.decisions:
        for placed in order.order:
            say(f"{order.decision}: {placed.rationale}")


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


@arbitration.command("explain")
@click.argument("decision")
@place_options
@json_option
def explain(decision: str, data: Path, url: str | None, as_json: bool) -> None:
    """One of the last decisions: what was asked, by which rules it was decided, and everybody's place with its factors."""
    from conductor.wire.policies import AskDecision, Explained

    found = connect.ask(Place(data, url), "arbitration", "explain", AskDecision(decision=decision), Explained)
    if as_json:
        emit(msgspec.to_builtins(found))
        return
    order, question = found.order, found.question
    policy = f"policy version {found.version}" if found.version else "the configuration's policy"
    say(
        f"{order.decision}: {question.slots} slots of {question.capability} for {len(question.claimants)} claimants, "
        f"asked by {question.conductor}; {order.by} by {policy}, decided by {order.strategy.replace('_', ' ')}; "
        f"an execution holds its slot for {found.seconds:.3f} s"
    )
    names = sorted({name for placed in order.order for name in placed.factors})
    rows = [
        (p.tenant, p.workflow, p.slots, *(f"{p.factors[name]:g}" if name in p.factors else "" for name in names))
        for p in order.order
    ]
    heads = [name.replace("_", " ") for name in names]
    table("", ("tenant", "workflow", "slots", *heads), rows, ("slots", *heads))
    for placed in order.order:
        say(placed.rationale)


@arbitration.group("policy")
def policy() -> None:
    """The policy: weights, priorities, limits, strategies and worth, changed while everything runs."""


def _policy(place: Place, **said: Any) -> PolicyShow:
    from conductor.wire.policies import AskPolicy, PolicyShow

    return connect.ask(place, "arbitration", "policy", AskPolicy(**said), PolicyShow)


versions.add(policy, _policy)


@policy.command("try")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@place_options
@json_option
def policy_try(file: Any, data: Path, url: str | None, as_json: bool) -> None:
    """Validate a policy and say what of the last decisions it would have decided otherwise. Changes nothing."""
    shown = _policy(Place(data, url), action="try", document=file.read())
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    differ = len({changed.decision for changed in shown.changed})
    say(f"of the last {shown.decisions} decisions {differ} would differ")
    rows = [(c.decision, c.capability, c.tenant, c.workflow, c.before, c.after) for c in shown.changed]
    table("", ("decision", "capability", "tenant", "workflow", "slots", "would be"), rows, ("slots", "would be"))


@arbitration.command("holds")
@place_options
@json_option
def holds(data: Path, url: str | None, as_json: bool) -> None:
    """Locks and semaphores: who holds what, and who waits for whom."""
    from conductor.wire import subjects
    from conductor.wire.holds import AskHolds, HoldsShow

    shown = connect.ask(Place(data, url), "arbitration", "holds", AskHolds(), HoldsShow, subjects.EVERY_TENANT)
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    held = [(h.tenant, h.key.key, f"{h.key.permits}/{h.key.of}", h.hold.run, h.hold.task, h.token) for h in shown.held]
    table("Held", ("tenant", "key", "permits", "run", "task", "token"), held, ("permits", "token"))
    waits = [
        (
            w.tenant,
            w.key,
            w.ahead,
            w.hold.run,
            w.hold.task,
            "" if w.holder is None else f"{w.holder.run} {w.holder.task}",
        )
        for w in shown.waiting
    ]
    table("Waiting", ("tenant", "key", "ahead", "run", "task", "for"), waits, ("ahead",))
