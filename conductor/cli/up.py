"""`symphony up`: a system on this machine, in the foreground or behind the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from conductor.cli.connect import DEFAULT_DATA, json_option, run
from conductor.cli.output import FAILED, Refusal, emit, say


@click.command()
@click.option(
    "--data", envvar="SYMPHONY_DATA", type=click.Path(path_type=Path), default=DEFAULT_DATA, show_default=True
)
@click.option("--detach", is_flag=True, help="Return once it is up")
@click.option("--port", type=click.IntRange(1, 65535), help="The broker's port; any free one otherwise")
@click.option(
    "--pit", type=click.Choice(["one", "each"]), default="one", help="The five in one process, or each its own"
)
@click.option(
    "--brokers",
    type=click.Choice(["1", "3", "5"]),
    default="1",
    show_default=True,
    help="Each has everything; one of three may be gone, or two of five",
)
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(["pool", "dag", "store", "arbitration", "stale"]),
    help="Not started: something else takes its place (credentials in DATA/creds/pit-ROLE.creds)",
)
@click.option(
    "--workers", metavar="SPEC", help="Pools of workers: stock=1x8,my.module=1-4x2 (processes x slots), or none"
)
@click.option("--partitions", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option(
    "--conductors", type=click.IntRange(1, 16), default=1, show_default=True, help="They share the partitions"
)
@click.option(
    "--trackers",
    type=click.IntRange(1, 16),
    default=1,
    show_default=True,
    help="They share the partitions, and each stands by for the others",
)
@json_option
def up(
    data: Path,
    detach: bool,
    port: int | None,
    pit: str,
    brokers: str,
    without: tuple[str, ...],
    workers: str | None,
    partitions: int,
    conductors: int,
    trackers: int,
    as_json: bool,
) -> None:
    """Start broker, Pit, conductor and workers on this machine, and keep them running."""
    from conductor.embedded import EmbeddedError, SystemOptions
    from conductor.embedded.service import detach as start_behind
    from conductor.embedded.service import supervise

    options = SystemOptions(
        data,
        port,
        pit,
        workers,
        partitions,
        conductors=conductors,
        trackers=trackers,
        without=without,
        brokers=int(brokers),
    )
    if detach:
        try:
            state = start_behind(options)
        except EmbeddedError as error:
            raise Refusal(str(error), 2 if error.kind == "wrong" else FAILED) from None
        _tell(state, as_json)
        return
    from conductor.observe import logs

    logs.set_up("warning")
    run(supervise(options, lambda system: _tell(system.state(), as_json)))


def _tell(state: Any, as_json: bool) -> None:
    if as_json:
        emit({"url": state.url, "pid": state.pid, "version": state.version})
        return
    say(f"symphony {state.version} is up at {state.url} (process {state.pid})")
    ready = ", ".join(f"{service.name} {service.ready_ms:.0f} ms" for service in state.services if service.ready_ms)
    say(f"ready after: {ready}")
    say("next: symphony run examples/word-atlas/workflow.yaml -i folder=.   |   symphony status   |   symphony down")
