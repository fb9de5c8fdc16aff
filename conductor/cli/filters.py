"""The words that say which runs are meant, and one way to do something to all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from conductor.cli.output import Refusal, emit, say, table

F = TypeVar("F", bound=Callable[..., Any])

BULK_COUNT_MAX = 100_000
"""Runs of one bulk command: what a person means by a filter, and not a whole year by mistake."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def filter_options(function: F) -> F:
    """`--workflow`, `--status`, `--tag`, `--search`, `--older-than`, `--newer-than`."""
    options = (
        click.option("--workflow", help="Of this workflow"),
        click.option("--status", help="In this state"),
        click.option("--tag", metavar="NAME=VALUE", help="With this tag"),
        click.option("--search", metavar="TEXT", help="Part of the identifier, the workflow or the kind of error"),
        click.option("--older-than", metavar="AGE", help="Submitted before that: 30m, 2h, 7d, or a date and time"),
        click.option("--newer-than", metavar="AGE", help="Submitted after that"),
    )
    for option in reversed(options):
        function = option(function)
    return function


def run_filter(said: dict[str, Any]) -> Any:
    """The filter of what `filter_options` gave; its words are taken out of `said`.

    Raises:
        Refusal: an age or a tag that cannot be read.
    """
    from conductor.workflow.listing import RunFilter

    tag = said.pop("tag")
    if tag is not None and "=" not in tag:
        raise Refusal(f"--tag {tag}: write it as NAME=VALUE")
    return RunFilter(
        workflow=said.pop("workflow"),
        status=said.pop("status"),
        tag=tag,
        text=said.pop("search"),
        until_ms=_moment("--older-than", said.pop("older_than")),
        since_ms=_moment("--newer-than", said.pop("newer_than")),
    )


def _moment(option: str, text: str | None) -> int | None:
    """Milliseconds since the epoch: an age counts back from now, a moment stands for itself."""
    if text is None:
        return None
    age = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h|d)", text)
    if age:
        return int((time.time() - float(age[1]) * _UNITS[age[2]]) * 1000)
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
    except ValueError:
        raise Refusal(f"{option} {text}: write an age (30m, 2h, 7d) or a moment (2026-01-31T12:00)") from None


def is_empty(wanted: Any) -> bool:
    """Whether a filter leaves every run in."""
    from conductor.workflow.listing import RunFilter

    return bool(wanted == RunFilter())


async def bulk(
    client: Any, verb: str, wanted: Any, fits: Callable[[str], bool], yes: bool, act: Callable[[str], Awaitable[Any]]
) -> dict[str, Any]:
    """Do something to every run of a filter whose status fits. Without `yes` it is only told which those are."""
    found = [summary for summary in await client.list(wanted, BULK_COUNT_MAX) if fits(summary.status)]
    if yes:
        for summary in found:
            await act(summary.run)
    listed = [{"run": s.run, "workflow": s.workflow, "status": s.status} for s in found]
    return {"verb": verb, "done": yes, "runs": listed}


def tell_bulk(report: dict[str, Any], as_json: bool) -> None:
    """What a bulk command did, or would do."""
    if as_json:
        emit(report)
        return
    rows = [(r["run"], r["workflow"], r["status"]) for r in report["runs"]]
    table("", ("run", "workflow", "status"), rows)
    count = len(rows)
    if report["done"]:
        say(f"{report['verb']}: asked of {count} runs")
    else:
        say(f"{report['verb']} would be asked of {count} runs; add --yes to do it")
