"""`symphony runs signal`: word to a run that waits for it, and answers to its questions."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

import click

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.control import no_run, run_id
from conductor.cli.output import FAILED, Refusal, emit, say


@click.command()
@click.argument("run")
@click.argument("name")
@click.option("--value", "text", default="null", help="JSON; an approval takes yes or no, or {answer, comment}")
@click.option("--comment", default="", help="Kept in the run's history, and in the output of an approval")
@click.option("--foreign", is_flag=True, help="The run is another tenant's, which asks for your approval")
@place_options
@json_option
def signal(
    run: str, name: str, text: str, comment: str, foreign: bool, data: Path, url: str | None, as_json: bool
) -> None:
    """Send a run the signal NAME: of `wait_for: {signal: NAME}`, or the path of an `approve` task."""
    value, key = _value(text), run_id(run)

    async def work() -> Any:
        async with connect.client(Place(data, url)) as client:
            if foreign:  # nobody shows us what became of it: the run is not ours to see
                await client.signal(key, name, value, comment, _user())
                return None
            if await client.show(key) is None:
                raise Refusal(f"{no_run(run).message}; --foreign answers the question of another tenant's run", FAILED)
            return await client.signal_and_hear(key, name, value, comment, _user())

    entry = connect.run(work())
    if entry is not None and not entry.accepted:
        raise Refusal(f"the signal {name} to {run} was not taken: {entry.detail}", FAILED)
    state = "sent" if foreign else "taken" if entry is not None else "accepted"
    if as_json:
        emit({"run": run, "signal": name, "state": state, "by": entry.by if entry is not None else None})
    else:
        say(f"the signal {name} to {run} is {state}")


def _value(text: str) -> Any:
    if text in ("yes", "no"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise Refusal(f"--value is JSON: {error}; a text stands in quotes, as in --value '\"blue\"'") from None


def _user() -> str:
    """What the sender says of itself; who it is to the mesh, the broker says."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
