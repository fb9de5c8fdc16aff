"""`symphony policy`: how far a learned policy is trusted, from the shadow to nearly every run, and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
import msgspec

from conductor.cli.connect import Place, json_option, operator, place_options, run
from conductor.cli.output import Refusal, emit, moment, say, table

if TYPE_CHECKING:
    from conductor.wire.ladder import Ladder

Stage = Literal["rules", "shadow", "canary", "live"]
CONDUCTORS_MAX = 16


@click.group()
def policy() -> None:
    """The conductor's policy: shadow, canary, promote, roll back, report."""


def _checked(name: str) -> str:
    """A policy's name as conductors are told it: refused here, where a person reads it, if it would be refused there.

    Raises:
        Refusal: the file cannot be served.
    """
    from conductor.policy.errors import PolicyError

    try:
        from conductor.policy.network import Network, shipped

        if name == "shipped":
            shipped()
            return name
        path = Path(name).resolve()
        Network(path)
        return str(path)
    except PolicyError as error:
        raise Refusal(str(error)) from None
    except ImportError as error:
        raise Refusal(f"a learned policy needs {error.name}: install symphony-conductor[policy]") from None


def _say(place: Place, stage: Stage, name: str | None, percent: int, reason: str) -> Ladder:
    """Write a step. Without a name, that of the step before."""
    from conductor.wire import subjects
    from conductor.wire.base import decode, encode
    from conductor.wire.ladder import Ladder

    async def work() -> Ladder:
        async with operator(place) as bus:
            found = await bus.last("SYM_POLICIES", subjects.policy("conductor"))
            before = "shipped" if found is None else decode(found[1], Ladder).policy
            chosen = before if name is None else name
            now_ms = int(time.time() * 1000)
            step = Ladder(stage=stage, policy=chosen, percent=percent, reason=reason, at_ms=now_ms)
            await bus.publish_log(subjects.policy("conductor"), encode(step))
            return step

    return run(work())


def _told(step: Ladder, as_json: bool) -> None:
    if as_json:
        emit(msgspec.to_builtins(step))
        return
    share = f" for {step.percent} % of the runs" if step.stage == "canary" else ""
    say(f"{step.stage}{share}: {step.policy}; `symphony policy report` shows what comes of it")


_NAME = click.argument("name", default="shipped", metavar="[POLICY]")
_REASON = click.option("--reason", default="", help="Why, for whoever reads it later")


@policy.command()
@_NAME
@_REASON
@place_options
@json_option
def shadow(name: str, reason: str, data: Path, url: str | None, as_json: bool) -> None:
    """Ask POLICY (`shipped`, or a network's file) beside the rules, and decide nothing by it."""
    _told(_say(Place(data, url), "shadow", _checked(name), 0, reason), as_json)


@policy.command()
@_NAME
@click.option("--percent", type=click.IntRange(1, 50), default=10, show_default=True, help="Of the runs")
@_REASON
@place_options
@json_option
def canary(name: str, percent: int, reason: str, data: Path, url: str | None, as_json: bool) -> None:
    """Let POLICY decide a share of the runs, by hash; guard rails compare them with the rest."""
    _told(_say(Place(data, url), "canary", _checked(name), percent, reason), as_json)


@policy.command()
@click.argument("name", required=False, metavar="[POLICY]")
@_REASON
@place_options
@json_option
def promote(name: str | None, reason: str, data: Path, url: str | None, as_json: bool) -> None:
    """Let the policy of the last step decide nearly every run; one in twenty stays with the rules, to compare."""
    _told(_say(Place(data, url), "live", _checked(name) if name else None, 0, reason), as_json)


@policy.command()
@_REASON
@place_options
@json_option
def rollback(reason: str, data: Path, url: str | None, as_json: bool) -> None:
    """Back to the rules."""
    _told(_say(Place(data, url), "rules", None, 0, reason), as_json)


@policy.command()
@place_options
@json_option
def report(data: Path, url: str | None, as_json: bool) -> None:
    """What each conductor goes by, how often a shadow agrees, and what the guard rails have counted."""
    found = _conductors(Place(data, url))
    if as_json:
        emit(found)
        return
    rows = []
    for one in found:
        guard = one["ladder"].get("guard", {})
        sides = [f"{guard[side]['failed']}/{guard[side]['runs']}" if guard else "" for side in ("candidate", "rules")]
        agreed = f"{one['ladder']['agreed']}/{one['ladder']['compared']}" if "compared" in one["ladder"] else ""
        why = one["ladder"].get("refused") or one["ladder"].get("reason", "")
        rows.append((one["conductor"], one["policy"], agreed, *sides, why))
    table("", ("conductor", "policy", "agreed", "its runs failed", "the rules' failed", "why"), rows)


@policy.command("list")
@place_options
@json_option
def listed(data: Path, url: str | None, as_json: bool) -> None:
    """The step that stands; before any, there is none."""
    from conductor.wire import subjects
    from conductor.wire.base import decode
    from conductor.wire.ladder import Ladder

    async def work() -> Ladder | None:
        async with operator(Place(data, url)) as bus:
            found = await bus.last("SYM_POLICIES", subjects.policy("conductor"))
            return None if found is None else decode(found[1], Ladder)

    step = run(work())
    if as_json:
        emit([] if step is None else [msgspec.to_builtins(step)])
    elif step is None:
        say("rules: nothing was said yet")
    else:
        say(f"{step.stage}: {step.policy}, since {moment(step.at_ms)} by {step.by} {step.reason}".rstrip())


def _conductors(place: Place) -> list[dict[str, Any]]:
    from conductor.embedded import inspect

    async def work() -> list[dict[str, Any]]:
        async with operator(place) as bus:
            found: list[dict[str, Any]] = []
            for number in range(CONDUCTORS_MAX):
                one = await inspect.conductor(bus, f"conductor-{number}")
                if not one:
                    break
                found.append({key: one[key] for key in ("conductor", "policy", "ladder") if key in one})
            return found

    return run(work())
