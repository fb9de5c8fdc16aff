"""`symphony plan`: from a goal to a workflow of registered functions, shown before it runs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import Refusal, emit, say, table

if TYPE_CHECKING:
    from conductor.wire.extensions import Function
    from conductor.workflow.composing import Plan

CONDUCTORS_MAX = 16


@click.command()
@click.argument("goal", type=click.Path(path_type=Path))
@click.option("--functions", "module", help="Functions of this module, in place of those that a running system serves")
@click.option("--out", type=click.Path(path_type=Path), help="Write the workflow's document there")
@click.option("--run", "run_it", is_flag=True, help="Run it and wait for its end")
@click.option("-i", "--input", "inputs", multiple=True, metavar="KEY=VALUE", help="With --run: an input")
@click.option("--embedded", is_flag=True, help="With --run and --functions: on a system for this run alone")
@place_options
@json_option
@click.pass_context
def plan(
    ctx: click.Context,
    goal: Path,
    module: str | None,
    out: Path | None,
    run_it: bool,
    inputs: tuple[str, ...],
    embedded: bool,
    data: Path,
    url: str | None,
    as_json: bool,
) -> None:
    """Compose functions by their contracts until GOAL's values are made; says which value nobody makes."""
    from conductor.workflow.composing import compose, wish
    from conductor.workflow.reader import read_file

    if embedded and not (module and run_it):
        raise Refusal("--embedded goes with --run and --functions: a system of its own serves nothing else")
    place = Place(data, url)

    async def work() -> Plan:
        asked = wish(read_file(goal).value, str(goal))
        functions, seconds = await _served(place) if module is None else (_offered(module), {})
        return compose(asked, functions, seconds, str(goal))

    made = connect.run(work())
    document = made.document()
    if out is not None:
        _write(out, document)
    if not run_it:
        _show(made, document, as_json)
        return
    if not as_json:
        _show(made, document, False)
    _run(ctx, document, module if embedded else None, inputs, place, as_json)


def _offered(module: str) -> list[Function]:
    """The functions of a module, as a worker would offer them."""
    from conductor.worker.load import functions

    return [function.manifest for function in functions(module)]


async def _served(place: Place) -> tuple[list[Function], dict[str, float]]:
    """What active workers serve, as the conductors know it, and what Arbitration learned of how long it takes.

    Raises:
        Refusal: no conductor answers.
    """
    from conductor.bus import BusError
    from conductor.wire import subjects
    from conductor.wire.base import decode, encode
    from conductor.wire.extensions import Function
    from conductor.wire.grants import ArbitrationShow, Nothing

    async with connect.operator(place) as bus:
        found: dict[str, Function] = {}
        for number in range(CONDUCTORS_MAX):
            try:
                data = await bus.request(subjects.pit("conductor", "functions", f"conductor-{number}"), b"", 2)
            except BusError:
                break
            found.update((one.capability, one) for one in msgspec.msgpack.decode(data, type=list[Function]))
        if not found:
            raise Refusal("no conductor knows of any function: start workers, or name a module with --functions")
        try:
            shown = decode(await bus.request(subjects.pit("arbitration", "show"), encode(Nothing())), ArbitrationShow)
        except BusError:
            return list(found.values()), {}
    return list(found.values()), {one.capability: one.seconds for one in shown.estimates if not one.workflow}


def _write(out: Path, document: dict[str, Any]) -> None:
    import yaml

    try:
        out.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    except OSError as error:
        raise Refusal(f"--out {out}: {error.strerror}") from None


def _show(made: Plan, document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit({"workflow": document, "seconds": made.seconds, "work_seconds": made.work_seconds})
        return
    rows = []
    for function, (name, task) in zip(made.calls, document["tasks"].items(), strict=True):
        others = ", ".join(one.capability for one in made.standby.get(function.capability, ()))
        given = ", ".join(f"{key}: {value}" for key, value in task["with"].items())
        rows.append((name, function.capability, given, ", ".join(function.outputs or {}), others))
    table(made.wish.name, ("task", "calls", "with", "makes", "in its place"), rows)
    say(f"estimated {made.seconds:.3g} s along the longest way, {made.work_seconds:.3g} s of work")


def _run(
    ctx: click.Context,
    document: dict[str, Any],
    module: str | None,
    inputs: tuple[str, ...],
    place: Place,
    as_json: bool,
) -> None:
    """As `symphony run` does it, on the running system or on one of its own with the module's functions."""
    from conductor.cli.run import Request, _run, temporary_system

    with tempfile.TemporaryDirectory(prefix="symphony-plan-") as folder:
        path = Path(folder) / f"{document['workflow']}.json"
        path.write_bytes(msgspec.json.encode(document))
        request = Request(str(path), list(inputs), None, None, None, None, True, None, None, as_json)

        async def work() -> int:
            if module is None:
                return await _run(request, place)
            async with temporary_system(module) as own:
                return await _run(request, own)

        ctx.exit(connect.run(work()))
