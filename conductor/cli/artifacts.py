"""`symphony artifacts`: put, get, list, lineage and verify blobs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.catalogue import lineage, search, tag, whole_digest
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, emit, say, size, table


@click.group()
def artifacts() -> None:
    """Content-addressed blobs."""


for verb in (lineage, search, tag):
    artifacts.add_command(verb)


@artifacts.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--media-type", help="By the file's name otherwise")
@place_options
@json_option
def put(file: Path, media_type: str | None, data: Path, url: str | None, as_json: bool) -> None:
    """Store a file; prints its digest."""
    import mimetypes

    kind = media_type or mimetypes.guess_type(file.name)[0] or "application/octet-stream"

    async def work() -> tuple[str, int]:
        from conductor.wire.store import Lineage

        async with connect.client(Place(data, url)) as client:
            stored: tuple[str, int] = await client.artifacts.put_file(file, kind, Lineage(name=file.name[:128]))
            return stored

    digest, count = connect.run(work())
    if as_json:
        emit({"digest": digest, "size": count, "media_type": kind})
    else:
        say(digest)


@artifacts.command()
@click.argument("digest")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="A file; stdout otherwise")
@place_options
@json_option
def get(digest: str, out: Path | None, data: Path, url: str | None, as_json: bool) -> None:
    """Write the content of an artifact to a file or to stdout."""
    if as_json and out is None:
        raise Refusal("artifacts get --json needs --out: stdout cannot hold the content and the document")

    async def work() -> int:
        count = 0
        async with connect.client(Place(data, url)) as client:
            part = None if out is None else out.with_name(f".{out.name}.part")
            stream: Any = sys.stdout.buffer if part is None else part.open("wb")
            try:
                async for piece in client.artifacts.pieces(whole_digest(digest)):
                    stream.write(piece)
                    count += len(piece)
                stream.flush()
            finally:
                if part is not None:
                    stream.close()
        if part is not None and out is not None:
            part.replace(out)
        return count

    count = connect.run(work())
    if as_json:
        emit({"digest": digest, "size": count, "path": str(out)})
    elif out is not None:
        say(f"{size(count)} in {out}")


@artifacts.command()
@click.option("--run", "run_id", help="Of this run only")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@place_options
@json_option
def ls(run_id: str | None, limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """Stored artifacts, newest first."""
    from conductor.wire.store import ArtifactList, ListArtifacts

    ask = ListArtifacts(run=run_id, limit=limit)
    found = connect.ask(Place(data, url), "store", "list", ask, ArtifactList).artifacts
    if as_json:
        emit({"artifacts": [msgspec.to_builtins(artifact) for artifact in found]})
        return
    rows = [(a.digest, size(a.size_bytes), size(a.stored_bytes), a.media_type) for a in found]
    table("", ("digest", "size", "stored", "type"), rows, ("size", "stored"))


@artifacts.command()
@click.argument("digest", required=False)
@click.option("--repair", is_flag=True, help="Set aside what is damaged and catalogue what is in no catalogue")
@place_options
@json_option
def verify(digest: str | None, repair: bool, data: Path, url: str | None, as_json: bool) -> None:
    """Read an artifact, or all of them, from the disk and compare with the digests; say who needs what is damaged."""

    from conductor.wire.store import Verified, Verify

    ask = Verify(digest=None if digest is None else whole_digest(digest), repair=repair)
    verified = connect.ask(Place(data, url), "store", "verify", ask, Verified, patience_s=600)
    if as_json:
        emit(msgspec.to_builtins(verified))
    else:
        say(f"{verified.checked} read, {len(verified.corrupt)} corrupt, {len(verified.missing)} missing")
        for needed in verified.needed:
            runs = ", ".join(needed.runs) or "no run"
            say(f"{needed.digest} is needed by {runs} and by {len(needed.values)} stored values")
        if repair:
            say(f"{verified.repaired} set aside, {verified.adopted} taken into the catalogue")
    bad = [*verified.corrupt, *verified.missing]
    if bad:
        raise Refusal(f"{bad[0]} does not verify: store it again from its source", FAILED)
