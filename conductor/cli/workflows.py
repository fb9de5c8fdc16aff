"""`symphony workflows`: validate, register, list, show, import."""

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

    async def work() -> str | None:
        from conductor.cli.registry import Registry

        plain, _, version = name.partition("@")
        async with connect.client(Place(data, url)) as client:
            return await Registry(client).get(plain, version or None)

    text = connect.run(work())
    if text is None:
        raise Refusal(f"no workflow {name} is registered: `symphony workflows list` shows those that are", FAILED)
    document = msgspec.json.decode(text)
    if as_json:
        emit(document)
        return
    import yaml

    say(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip())


@workflows.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "kind", type=click.Choice(["wfformat", "argo", "serverless"]), required=True)
@click.option(
    "--as", "how", type=click.Choice(["sleep", "busy"]), default="sleep", help="What the tasks do for their time"
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where the document goes; NAME.json in this folder otherwise"
)
@click.option("--register", "register_", is_flag=True, help="Register it in the system as well")
@place_options
@json_option
def import_(
    file: Path, kind: str, how: Any, out: Path | None, register_: bool, data: Path, url: str | None, as_json: bool
) -> None:
    """Make a document of a foreign one, and say what of it has no meaning here."""
    if kind != "wfformat":
        raise Refusal(f"--from {kind} is not in this version; wfformat is")
    from conductor.workflow.errors import WorkflowError
    from conductor.workflow.importers.wfformat import import_wfformat
    from conductor.workflow.reader import read_bytes

    try:
        made = import_wfformat(file, how)
    except WorkflowError as error:
        raise Refusal(str(error)) from None
    document = made.document
    target = out or Path(f"{document['workflow']}.json")
    body = msgspec.json.encode(document)
    try:
        target.write_bytes(msgspec.json.format(body, indent=1))
    except OSError as error:
        raise Refusal(f"{target} cannot be written: {error.strerror}") from None
    if register_:

        async def work() -> None:
            from conductor.cli.registry import Registry

            async with connect.client(Place(data, url)) as client:
                await Registry(client).put(read_bytes(body, str(target)))

        connect.run(work())
    unsupported = [{"line": u.line, "word": u.word, "why": u.why} for u in made.unsupported]
    if as_json:
        summary = {"workflow": document["workflow"], "version": document["version"], "tasks": len(document["tasks"])}
        emit({**summary, "unsupported": unsupported, "document": str(target)})
        return
    tags = document["tags"]
    say(f"{document['workflow']} {document['version']}: {len(document['tasks'])} tasks, written to {target}")
    say(f"  critical path {float(tags['critical_path_s']):.3f} s, work {float(tags['work_s']):.3f} s (recorded)")
    for entry in unsupported:
        say(f"  line {entry['line']}: {entry['word']}: {entry['why']}")
    say(f"next: symphony run {target} --time-scale 0.01")
