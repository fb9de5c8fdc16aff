"""`symphony workflows`: validate, register, list, show; `transfer` adds import and export."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, emit, say, table
from conductor.cli.transfer import export, import_


@click.group()
def workflows() -> None:
    """Workflow documents."""


@workflows.command()
@click.argument("file")
@json_option
@click.pass_context
def validate(ctx: click.Context, file: str, as_json: bool) -> None:
    """Check a document on this machine alone; functions are checked where a system runs it."""
    from conductor.workflow.errors import WorkflowError

    try:
        checked = _offline(file)
    except WorkflowError as error:
        if not as_json:
            for mistake in error.mistakes:
                say(f"symphony: {mistake}", err=True)
        else:
            emit({"valid": False, "problems": [_problem(mistake) for mistake in error.mistakes]})
        ctx.exit(2)
    if as_json:
        emit(
            {
                "valid": True,
                "workflow": checked.workflow,
                "version": checked.version,
                "tasks": checked.tasks,
                "problems": [],
            }
        )
    else:
        say(f"{file}: {checked.workflow} {checked.version}, {checked.tasks} tasks, no problems")


def _problem(mistake: Any) -> dict[str, Any]:
    place = {"source": mistake.source, "line": mistake.line, "column": mistake.column}
    return {**place, "message": mistake.message, "remedy": mistake.remedy}


def _offline(file: str) -> Any:
    from conductor.cli.follow import refuse_problems
    from conductor.embedded import binaries
    from conductor.embedded.errors import EmbeddedError
    from conductor.wire.dag import Checked
    from conductor.workflow.reader import read_file

    if ".py" in file:
        from conductor.worker.load import workflow

        source = workflow(file).source()
    else:
        source = read_file(file)
    source.packed()
    try:
        command = [str(binaries.pit()), "check"]
    except EmbeddedError as error:
        raise Refusal(str(error)) from None
    done = subprocess.run(command, input=source.canonical(), capture_output=True, check=False, timeout=60)
    try:
        checked = msgspec.json.decode(done.stdout, type=Checked)
    except msgspec.DecodeError:
        raise Refusal(f"the checker failed on {file} (exit code {done.returncode})", FAILED) from None
    refuse_problems(source, checked)
    return checked


@workflows.command()
@click.argument("file")
@place_options
@json_option
def register(file: str, data: Path, url: str | None, as_json: bool) -> None:
    """Keep a document in the system, to be run by its name."""

    async def work() -> tuple[str, str]:
        from conductor.cli.follow import refuse_problems
        from conductor.cli.registry import Registry
        from conductor.workflow.reader import read_file

        source = read_file(file)
        async with connect.client(Place(data, url)) as client:
            refuse_problems(source, await client.check(source.packed()))
            return await Registry(client).put(source)

    name, version = connect.run(work())
    if as_json:
        emit({"workflow": name, "version": version})
    else:
        say(f"{name} {version} is registered; `symphony run {name}` runs it")


@workflows.command("list")
@place_options
@json_option
def list_(data: Path, url: str | None, as_json: bool) -> None:
    """Registered workflows and their versions."""
    tenant = os.environ.get("SYMPHONY_TENANT", "default")

    async def work() -> list[tuple[str, str]]:
        from conductor.cli.registry import listed

        async with connect.operator(Place(data, url)) as bus:
            return await listed(bus, tenant)

    found = connect.run(work())
    if as_json:
        emit({"workflows": [{"workflow": name, "version": version} for name, version in found]})
    else:
        table("", ("workflow", "version"), found)


@workflows.command()
@click.argument("name")
@place_options
@json_option
def show(name: str, data: Path, url: str | None, as_json: bool) -> None:
    """The document of a registered workflow (NAME or NAME@VERSION)."""

    async def work() -> str:
        from conductor.cli.registry import registered

        async with connect.client(Place(data, url)) as client:
            return await registered(client, name)

    text = connect.run(work())
    document = msgspec.json.decode(text)
    if as_json:
        emit(document)
        return
    import yaml

    say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


workflows.add_command(import_)
workflows.add_command(export)
