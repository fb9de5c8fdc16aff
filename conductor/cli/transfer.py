"""`symphony workflows import` and `export`: documents of other systems, and documents in other forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import Refusal, emit, say

FORMS = ("yaml", "json", "mermaid", "dot")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "kind", type=click.Choice(["wfformat", "argo", "serverless"]), required=True)
@click.option(
    "--as", "how", type=click.Choice(["sleep", "busy"]), default="sleep", help="wfformat: what tasks do for their time"
)
@click.option(
    "--map",
    "said",
    multiple=True,
    metavar="NAME=FUNCTION",
    help="argo, serverless: the function that does a template's or a task's work; or a YAML file of such pairs",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where the document goes (.json or .yaml); NAME.json here otherwise"
)
@click.option("--register", "register_", is_flag=True, help="Register it in the system as well")
@place_options
@json_option
def import_(
    file: Path,
    kind: str,
    how: Any,
    said: tuple[str, ...],
    out: Path | None,
    register_: bool,
    data: Path,
    url: str | None,
    as_json: bool,
) -> None:
    """Make a document of a foreign one, and say by line what of it has no meaning here."""
    from conductor.workflow.errors import WorkflowError
    from conductor.workflow.exporters import to_yaml
    from conductor.workflow.importers import import_argo, import_serverless, import_wfformat
    from conductor.workflow.reader import read_bytes

    try:
        mapping = read_mapping(said)
        if kind == "wfformat":
            made = import_wfformat(file, how)
        else:
            made = (import_argo if kind == "argo" else import_serverless)(file, mapping)
        document = made.document
        target = out or Path(f"{document['workflow']}.json")
        body = msgspec.json.encode(document)
        shown = (
            to_yaml(document).encode() if target.suffix in (".yaml", ".yml") else msgspec.json.format(body, indent=1)
        )
    except WorkflowError as error:
        raise Refusal(str(error)) from None
    try:
        target.write_bytes(shown)
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
    say(f"{document['workflow']} {document['version']}: {len(document['tasks'])} tasks, written to {target}")
    tags = document["tags"]
    if kind == "wfformat":
        say(f"  critical path {float(tags['critical_path_s']):.3f} s, work {float(tags['work_s']):.3f} s (recorded)")
    for entry in unsupported:
        say(f"  line {entry['line']}: {entry['word']}: {entry['why']}")
    say(f"next: symphony run {target}" + (" --time-scale 0.01" if kind == "wfformat" else ""))


def read_mapping(said: tuple[str, ...]) -> dict[str, str]:
    """Names and functions of `--map`: pairs, or files of them.

    Raises:
        WorkflowError: a file cannot be read or is no mapping of texts.
    """
    from conductor.workflow.errors import WorkflowError
    from conductor.workflow.reader import read_file

    found: dict[str, str] = {}
    for one in said:
        name, equals, function = one.partition("=")
        if equals:
            found[name] = function
            continue
        for key, value in read_file(one).value.items():
            if not isinstance(value, str):
                raise WorkflowError.one(one, f"{key!r} names no function", "write `template: function`, one a line")
            found[key] = value
    return found


@click.command()
@click.argument("workflow", metavar="FILE|NAME")
@click.option("--to", "form", type=click.Choice(FORMS), required=True)
@click.option("--out", type=click.Path(path_type=Path), help="A file, instead of stdout")
@place_options
@json_option
def export(workflow: str, form: str, out: Path | None, data: Path, url: str | None, as_json: bool) -> None:
    """A document, of a file or registered (NAME or NAME@VERSION), as YAML, JSON, a Mermaid flowchart or a DOT graph."""
    from conductor.workflow.document import Document
    from conductor.workflow.errors import WorkflowError
    from conductor.workflow.exporters import to_dot, to_json, to_mermaid, to_yaml

    write = {"yaml": to_yaml, "json": to_json, "mermaid": to_mermaid, "dot": to_dot}[form]
    try:
        document = _document(workflow, data, url)
        msgspec.convert(document, Document)
        text = write(document)
    except WorkflowError as error:
        raise Refusal(str(error)) from None
    except msgspec.ValidationError as error:
        raise Refusal(
            f"{workflow} is no workflow of the right form: {error}; see `symphony workflows validate`"
        ) from None
    if out is not None:
        try:
            out.write_text(text, "utf-8")
        except OSError as error:
            raise Refusal(f"{out} cannot be written: {error.strerror}") from None
    if as_json:
        emit(
            {"workflow": workflow, "to": form, "text": text}
            if out is None
            else {"workflow": workflow, "file": str(out)}
        )
    elif out is None:
        click.echo(text, nl=False)
    else:
        say(f"{workflow} is written to {out}")


def _document(workflow: str, data: Path, url: str | None) -> dict[str, Any]:
    from conductor.workflow.reader import read_file

    if ".py" in workflow:
        from conductor.worker.load import workflow as load

        return load(workflow).document()
    if Path(workflow).suffix in (".yaml", ".yml", ".json") or Path(workflow).exists():
        return read_file(workflow).value

    async def work() -> str:
        from conductor.cli.registry import registered

        async with connect.client(Place(data, url)) as client:
            return await registered(client, workflow)

    text = connect.run(work())
    found: dict[str, Any] = msgspec.json.decode(text)
    return found
