"""`symphony pit artifacts`: the Artifact Store from inside: totals, one artifact explained, its trail and its keys."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from conductor.cli import connect
from conductor.cli.catalogue import PATIENCE_S, whole_digest
from conductor.cli.connect import Place, json_option, place_options
from conductor.cli.output import FAILED, Refusal, clock, emit, say, size, table


@click.group("artifacts")
def store() -> None:
    """The Artifact Store: what it keeps and how."""


@store.command()
@place_options
@json_option
def show(data: Path, url: str | None, as_json: bool) -> None:
    """How much is stored, what compression and sharing save, encryption, and what the slow check found."""
    from conductor.wire.grants import Nothing
    from conductor.wire.store import StoreShow

    shown = connect.ask(Place(data, url), "store", "show", Nothing(), StoreShow, patience_s=PATIENCE_S)
    if as_json:
        emit(msgspec.to_builtins(shown))
        return
    keys = (
        f"encrypted, {shown.keys} master keys, {shown.tenant_keys} of tenants" if shown.encrypted else "not encrypted"
    )
    say(f"{shown.artifacts} artifacts of {size(shown.size_bytes)}, {size(shown.stored_bytes)} on the disk; {keys}")
    say(
        f"{shown.packs} packs of {size(shown.pack_bytes)}, {shown.cold_packs} of them in the cold place; "
        f"{shown.chunks} chunks, which save {size(shown.shared_bytes)} by being shared"
    )
    say(
        f"{shown.scrubbed} read again since the start, {len(shown.damaged)} damaged; {shown.trail} entries in the trail"
    )
    for needed in shown.damaged:
        say(f"{needed.digest} is damaged, and needed by {', '.join(needed.runs) or 'no run'}")


@store.command()
@click.argument("digest")
@click.option("--depth", type=click.IntRange(1, 64), default=8, show_default=True)
@place_options
@json_option
def explain(digest: str, depth: int, data: Path, url: str | None, as_json: bool) -> None:
    """One artifact: where it came from, what was made of it, and why it is still there."""
    from conductor.wire.store import ArtifactExplained, AskArtifact

    ask = AskArtifact(digest=whole_digest(digest), depth=depth)
    told = connect.ask(Place(data, url), "store", "explain", ask, ArtifactExplained, patience_s=PATIENCE_S)
    if as_json:
        emit(msgspec.to_builtins(told))
        return
    artifact = told.artifact
    how = "encrypted" if told.encrypted else "not encrypted"
    say(
        f"{artifact.digest}: {artifact.media_type}, {size(artifact.size_bytes)} "
        f"({size(artifact.stored_bytes)} on the disk, {how}); {told.why}"
    )
    if told.tags:
        say(f"tags: {' '.join(told.tags)}")
    rows = [(entry.run or "", entry.task or "", entry.name or "") for entry in artifact.lineage]
    table("Made by", ("run", "task", "name"), rows)
    table("Made of", ("artifact", "of"), [(edge.made, edge.of) for edge in told.up])
    table("Used for", ("artifact", "of"), [(edge.made, edge.of) for edge in told.down])


@store.command()
@click.option("--from", "start", type=click.IntRange(0), default=0, help="The first entry to be shown")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@place_options
@json_option
def trail(start: int, limit: int, data: Path, url: str | None, as_json: bool) -> None:
    """The audit trail, with its chain of hashes checked from the beginning."""
    from conductor.wire.store import AskTrail, Trail

    ask = AskTrail(start=start, limit=limit)
    found = connect.ask(Place(data, url), "store", "trail", ask, Trail, patience_s=PATIENCE_S)
    if as_json:
        emit(msgspec.to_builtins(found))
    else:
        rows = [(e.number, clock(e.at_ms), e.what.replace("_", " "), e.digest or "", e.detail) for e in found.entries]
        table("", ("number", "at", "what", "artifact", "detail"), rows, ("number",))
    if found.broken_at is not None:
        raise Refusal(f"entry {found.broken_at} does not follow from those before it: the trail was edited", FAILED)


@store.command()
@place_options
@json_option
def rewrap(data: Path, url: str | None, as_json: bool) -> None:
    """Put the keys of all tenants under the newest master key, and encrypt what is plain."""
    from conductor.wire.grants import Nothing
    from conductor.wire.store import Rewrapped

    made = connect.ask(Place(data, url), "store", "rewrap", Nothing(), Rewrapped, patience_s=3600)
    if as_json:
        emit(msgspec.to_builtins(made))
    else:
        say(f"{made.rewrapped} keys put under the newest, {made.kept} as they were; {made.sealed} packs encrypted")
    if made.failed:
        raise Refusal(f"{made.failed} could not be changed: `symphony artifacts verify` tells which", FAILED)


@store.command()
@click.argument("tenant")
@click.option("--yes", is_flag=True, help="Do not ask: it cannot be undone")
@place_options
@json_option
def erase(tenant: str, yes: bool, data: Path, url: str | None, as_json: bool) -> None:
    """Destroy the key of a tenant: what was stored under it can never be read again, wherever copies of it lie."""
    from conductor.wire.store import ArtifactsErased, EraseArtifacts

    if not yes:
        raise Refusal(f"everything that {tenant} has stored would be gone for good: say --yes")
    ask = EraseArtifacts(tenant=tenant)
    made = connect.ask(Place(data, url), "store", "erase", ask, ArtifactsErased, patience_s=600)
    if as_json:
        emit(msgspec.to_builtins(made))
    else:
        say(f"{made.keys} keys destroyed, {made.artifacts} artifacts of {size(made.bytes)} forgotten")
    if not made.keys:
        raise Refusal(f"{tenant} has no key here: nothing of it is encrypted, and nothing was erased", FAILED)


@store.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def key(file: Path) -> None:
    """Add a new master key to a key file (made where there is none); what is stored from the next start on is under it."""
    import os
    import secrets

    old = file.read_text() if file.exists() else ""
    if old and file.stat().st_mode & 0o077:
        raise Refusal(f"{file}: others may read the keys; `chmod 600` it first")
    part = file.with_name(f"{file.name}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(old if not old or old.endswith("\n") else f"{old}\n")
        out.write(f"{secrets.token_hex(32)}\n")
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
    say(f"{file} has a new master key: keep a copy of it elsewhere, for without it nothing stored under it can be read")
