"""`policy show|apply|reset`: the verbs of a policy that has versions, alike for every extension that keeps one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import emit, moment, say

if TYPE_CHECKING:
    from conductor.wire.policies import PolicyShow
    from conductor.wire.retention import RetentionShow

    Ask = Callable[..., PolicyShow | RetentionShow]
    """Asks the extension at a place; `action`, `document`, `reason` and `expected` are its question's."""


def add(policy: click.Group, ask: Ask) -> None:
    """Give a group the three verbs."""

    @policy.command("show")
    @place_options
    @json_option
    def show(data: Path, url: str | None, as_json: bool) -> None:
        """The policy in force."""
        _in_force(ask(Place(data, url)), as_json)

    @policy.command("apply")
    @click.argument("file", type=click.File("r", encoding="utf-8"))
    @click.option("--reason", default="", help="Kept with the version")
    @click.option("--expected", type=click.IntRange(0), help="Only where this version is in force")
    @place_options
    @json_option
    def apply(file: Any, reason: str, expected: int | None, data: Path, url: str | None, as_json: bool) -> None:
        """Have a policy in force at once, and from now on. It stands above the configuration, over restarts too."""
        place = Place(data, url)
        _in_force(ask(place, action="apply", document=file.read(), reason=reason, expected=expected), as_json)

    @policy.command("reset")
    @click.option("--reason", default="", help="Kept with the version")
    @place_options
    @json_option
    def reset(reason: str, data: Path, url: str | None, as_json: bool) -> None:
        """Go back to the configuration's policy."""
        _in_force(ask(Place(data, url), action="reset", reason=reason), as_json)


def _in_force(shown: PolicyShow | RetentionShow, as_json: bool) -> None:
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    if shown.version == 0:
        say("the configuration's policy is in force; none was applied")
        return
    why = f": {shown.reason}" if shown.reason else ""
    what = "" if shown.document else ", back to the configuration's"
    say(f"version {shown.version}, applied {moment(shown.applied_at_ms)}{what}{why}")
    if shown.document:
        say(shown.document.rstrip())
