"""`symphony artifacts search|tag|lineage`: what is stored, found by words, by tags and by what it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import Refusal, emit, moment, say, size, table

PATIENCE_S = 30.0
"""A catalogue of millions is searched and followed for longer than other questions take."""


def whole_digest(text: str) -> str:
    """A digest as it was given.

    Raises:
        Refusal: it is none, or only the beginning of one.
    """
    if len(text) != 64 or any(letter not in "0123456789abcdef" for letter in text):
        raise Refusal(f"{text!r} is no digest: give the 64 hexadecimal digits that `symphony artifacts ls` shows")
    return text


@click.command()
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@place_options
@json_option
def search(words: tuple[str, ...], limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """Artifacts that have all of these words, or their beginnings, in name, tags, task, media type or text."""
    from conductor.wire.store import ArtifactList, SearchArtifacts

    ask = SearchArtifacts(words=" ".join(words), limit=limit)
    found = connect.ask(Place(data, url), "store", "search", ask, ArtifactList, patience_s=PATIENCE_S).artifacts
    if as_json:
        emit({"artifacts": msgspec.to_builtins(found)})
        return
    names = [", ".join(sorted({entry.name for entry in artifact.lineage if entry.name})) for artifact in found]
    rows = [(a.digest, size(a.size_bytes), a.media_type, name) for a, name in zip(found, names, strict=True)]
    table("", ("digest", "size", "type", "name"), rows, ("size",))


@click.command()
@click.argument("digest")
@click.argument("tags", nargs=-1)
@click.option("--remove", multiple=True, help="A tag to take away")
@place_options
@json_option
def tag(
    digest: str, tags: tuple[str, ...], remove: tuple[str, ...], data: Path, url: str | None, as_json: bool
) -> None:
    """Add tags to an artifact, and take some away; prints those that it has then."""
    from conductor.wire.grants import Reply
    from conductor.wire.store import TagArtifact

    ask = TagArtifact(digest=whole_digest(digest), add=list(tags), remove=list(remove))
    has = connect.ask(Place(data, url), "store", "tag", ask, Reply, patience_s=PATIENCE_S).message.split()
    if as_json:
        emit({"digest": digest, "tags": has})
    else:
        say(" ".join(has))


@click.command()
@click.argument("digest")
@click.option("--up", "way", flag_value="up", help="What it was made of, and what these were made of")
@click.option("--down", "way", flag_value="down", help="What was made of it")
@click.option("--depth", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option("--openlineage", is_flag=True, help="Events of OpenLineage, one a line, for a catalogue of lineage")
@place_options
@json_option
def lineage(
    digest: str, way: str | None, depth: int, openlineage: bool, data: Path, url: str | None, as_json: bool
) -> None:
    """Which runs and tasks made an artifact, and of what."""
    from conductor.wire.store import ArtifactExplained, AskArtifact

    whole = whole_digest(digest)
    ask = AskArtifact(digest=whole, depth=depth)
    told = connect.ask(Place(data, url), "store", "explain", ask, ArtifactExplained, patience_s=PATIENCE_S)
    entries = msgspec.to_builtins(told.artifact.lineage)
    if openlineage:
        for event in events(told):
            say(msgspec.json.encode(event).decode())
        return
    if as_json:
        edges = {"up": msgspec.to_builtins(told.up), "down": msgspec.to_builtins(told.down)}
        emit({"digest": whole, "lineage": entries, **{name: edges[name] for name in ([way] if way else ())}})
        return
    if way is not None:
        rows = [(edge.made, edge.of) for edge in (told.up if way == "up" else told.down)]
        table("", ("artifact", "made of"), rows)
        return
    lines = [
        (e.get("run") or "", e.get("task") or "", e.get("name") or "", len(e.get("inputs") or [])) for e in entries
    ]
    table("", ("run", "task", "name", "inputs"), lines, ("inputs",))


def events(told: Any) -> list[dict[str, Any]]:
    """The tasks that made an artifact as run events of OpenLineage 2-0-2 (https://openlineage.io/spec/2-0-2/OpenLineage.json)."""
    from uuid import UUID, uuid5

    namespace = UUID("6f1c0c4e-5d53-5b5c-9d0f-0c5a0e1c7a51")

    def dataset(digest: str) -> dict[str, Any]:
        return {"namespace": "symphony", "name": f"artifact/{digest}"}

    return [
        {
            "eventType": "COMPLETE",
            "eventTime": moment(told.artifact.created_at_ms),
            "producer": "https://github.com/symphony-conductor/symphony",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": str(uuid5(namespace, f"{made.run}/{made.task or ''}"))},
            "job": {"namespace": "symphony", "name": made.task or made.name or "put"},
            "inputs": [dataset(digest) for digest in made.inputs],
            "outputs": [dataset(told.artifact.digest)],
        }
        for made in told.artifact.lineage
    ]
