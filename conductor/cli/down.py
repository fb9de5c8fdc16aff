"""`symphony down`: stop the system of a data folder."""

from __future__ import annotations

from pathlib import Path

import click

from conductor.cli.connect import DEFAULT_DATA, json_option
from conductor.cli.output import FAILED, Refusal, emit, say


@click.command()
@click.option(
    "--data", envvar="SYMPHONY_DATA", type=click.Path(path_type=Path), default=DEFAULT_DATA, show_default=True
)
@json_option
def down(data: Path, as_json: bool) -> None:
    """Stop the system; runs under way go on when it is up again."""
    from conductor.embedded.errors import EmbeddedError
    from conductor.embedded.service import stop

    try:
        stopped = stop(data)
    except EmbeddedError as error:
        raise Refusal(str(error), FAILED) from None
    if as_json:
        emit({"stopped": stopped})
    else:
        say("stopped" if stopped else f"no system runs on {data.absolute()}")
