"""`symphony pit stale export|erase|archive`: what leaves the archive, as files and for good."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, emit, say, size

PATIENCE_S = 600.0
"""A gibibyte of decisions is joined with its runs in minutes."""


@click.command()
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="FILE.parquet or FILE.jsonl"
)
@click.option("--since", type=click.DateTime(), help="Decisions from then on (UTC)")
@click.option("--until", type=click.DateTime(), help="Decisions before then (UTC)")
@place_options
@json_option
def export(out: Path, since: Any, until: Any, data: Path, url: str | None, as_json: bool) -> None:
    """Write the logged decisions to a file, each with what became of it and what its run is worth."""
    from conductor.policy.trajectories import ParquetError, lines, schema, write
    from conductor.wire.stale import ExportTrajectories

    if out.suffix not in (".parquet", ".jsonl"):
        raise Refusal(f"--out {out}: the name has to end in .parquet or .jsonl")
    ask = ExportTrajectories(since_ms=_millis(since), until_ms=_millis(until))
    plain = out if out.suffix == ".jsonl" else out.with_name(f".{out.name}.jsonl")
    try:
        if out.suffix == ".parquet":
            schema()  # whether it can be written is told before anything is asked for
        count = connect.run(_fetch(Place(data, url), ask, plain))
        if plain != out:
            write(lines(plain), out)
        taken = out.stat().st_size
    except ParquetError as error:
        raise Refusal(str(error)) from None
    except OSError as error:
        raise Refusal(f"--out {out}: {error.strerror}", FAILED) from None
    finally:
        if plain != out:
            with suppress(OSError):
                plain.unlink(missing_ok=True)
    if as_json:
        emit({"path": str(out), "decisions": count, "bytes": taken})
    else:
        say(f"{count} decisions in {out}, {size(taken)}")


def _millis(given: Any) -> int | None:
    from datetime import UTC

    return None if given is None else round(given.replace(tzinfo=UTC).timestamp() * 1000)


async def _fetch(place: Place, ask: Any, out: Path) -> int:
    from conductor.wire import subjects
    from conductor.wire.base import decode, encode
    from conductor.wire.retention import ExportPiece, ReadExport
    from conductor.wire.stale import Exported

    async with connect.operator(place) as bus:
        asked = await bus.request(subjects.pit("stale", "export"), encode(ask), PATIENCE_S)
        made = decode(asked, Exported)
        with out.open("wb") as file:
            while file.tell() < made.bytes:
                piece = encode(ReadExport(path=made.path, offset=file.tell()))
                data = decode(await bus.request(subjects.pit("stale", "piece"), piece, 30), ExportPiece).data
                if not data:
                    raise Refusal(f"the export {made.path} was cut off at {file.tell()} bytes: try again", FAILED)
                file.write(data)
        return made.decisions


@click.command()
@click.argument("tenant")
@click.option("--yes", is_flag=True, help="Do not ask: what goes cannot be brought back")
@place_options
@json_option
def erase(tenant: str, yes: bool, data: Path, url: str | None, as_json: bool) -> None:
    """Erase everything of a tenant: archived runs, decisions, artifacts that are its own and their key, workflows.

    Refused while a run of it is live or held.
    """
    from conductor.kernel.erasure import erase as everything

    if not yes:
        if as_json:
            raise Refusal("say --yes: what goes cannot be brought back")
        click.confirm(f"Everything of {tenant!r} goes, and nothing brings it back. Go on?", abort=True, err=True)

    async def work() -> Any:
        async with connect.operator(Place(data, url)) as bus:
            return await everything(bus, tenant)

    done = connect.run(work())
    if as_json:
        emit(msgspec.to_builtins(done))
        return
    say(
        f"{done.runs} runs, {done.decisions} decisions, {done.artifacts} artifacts with {done.keys} keys and "
        f"{done.workflows} registered workflows are gone, out of {done.exports} exported files too; entry {done.entry} of "
        "the trail says so, without the name"
    )


@click.command()
@click.option("--run", "only", help="This one alone")
@click.option(
    "--data",
    envvar="SYMPHONY_DATA",
    type=click.Path(path_type=Path),
    default=connect.DEFAULT_DATA,
    show_default=True,
    help="The data folder of a system; it need not run",
)
def archive(only: str | None, data: Path) -> None:
    """Archived runs as JSON lines, read from the disk: no system has to run."""
    from conductor.embedded.layout import Layout
    from conductor.workflow.archived import ArchiveError, read

    try:
        for run in read(Layout(data).pit / "archive", only):
            say(msgspec.json.encode(run).decode())
    except ArchiveError as error:
        raise Refusal(str(error)) from None
