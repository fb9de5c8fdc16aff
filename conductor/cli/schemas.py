"""`symphony schemas`: write what is made from the messages, or check that it is what they say."""

from __future__ import annotations

from pathlib import Path

import click

from conductor.cli.connect import json_option
from conductor.cli.output import FAILED, WRONG, Refusal, emit, say


@click.group()
def schemas() -> None:
    """JSON Schema, AsyncAPI, golden vectors and the Rust types, all from `conductor/wire`."""


_ROOT = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), help="The tree; the one this package lies in otherwise"
)


def _root(given: Path | None) -> Path:
    root = given or Path(__file__).resolve().parents[2]
    if not (root / "schemas").is_dir():
        raise Refusal(f"{root} has no folder schemas/: name the tree with --root", WRONG)
    return root


@schemas.command("emit")
@_ROOT
@json_option
def emit_(root: Path | None, as_json: bool) -> None:
    """Write schemas/ and the Rust messages; format the latter with `cargo fmt`."""
    from conductor.wire.emit import emit as write
    from conductor.workflow.document import workflow_schema

    written = write(_root(root), workflow_schema())
    if as_json:
        emit({"written": written})
        return
    for name in written:
        say(f"written: {name}")
    say(f"{len(written)} files written")


@schemas.command()
@_ROOT
@json_option
@click.pass_context
def check(ctx: click.Context, root: Path | None, as_json: bool) -> None:
    """Fail on any difference between the messages and what is made from them."""
    from conductor.wire.emit import check as compare
    from conductor.workflow.document import workflow_schema

    found = compare(_root(root), workflow_schema())
    if as_json:
        emit({"differences": found})
    else:
        for line in found:
            say(line)
        say("schemas/ is what the messages say" if not found else "run `symphony schemas emit`")
    if found:
        ctx.exit(FAILED)
