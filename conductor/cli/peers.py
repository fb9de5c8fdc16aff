"""`symphony bench --against PEER`: ours and another orchestrator in turns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conductor.cli import connect
from conductor.cli.output import FAILED, WRONG, Refusal, emit, say, table

if TYPE_CHECKING:
    from conductor.measure.load import LoadOptions
    from conductor.measure.rows import Row

PEER_NAMES = ("restate", "dbos", "dbos-sqlite", "temporal", "celery", "prefect", "airflow", "ray")
COLUMNS = ("name", "unit", "ours", "rounds", "theirs", "rounds", "ours / theirs")


def against_peer(
    name: str, names: Sequence[str], options: LoadOptions, rounds: int, record: Path | None, as_json: bool
) -> None:
    """Measure both, print them side by side, and write them down where `record` says."""
    from conductor.measure.suite import Suite, measure
    from conductor.peers import PEERS, PeerError
    from conductor.peers.compare import Compared, compare, wanted
    from conductor.peers.page import document, side_by_side, write
    from conductor.peers.peer import Load
    from conductor.peers.tools import cache

    if name not in PEERS:
        raise Refusal(f"there is no peer {name!r}; there are {', '.join(PEERS)}")
    try:
        scenarios = wanted(names)
    except PeerError as error:
        raise Refusal(str(error), WRONG) from None

    async def ours(asked: Sequence[str]) -> list[Row]:
        rows, _ = await measure(Suite(list(asked), options))
        return rows

    peer, load = PEERS[name], Load(options.window_s, options.runs)

    async def work() -> Compared:
        return await compare(peer, scenarios, load, ours, cache() / name, rounds, lambda line: say(line, err=True))

    try:
        made = document(peer, connect.run(work()))
    except PeerError as error:
        raise Refusal(f"{name}: {error}", FAILED) from None
    if record is not None:
        say(f"written down: {write(record, made)}", err=True)
    if as_json:
        emit(made)
        return
    versions = ", ".join(f"{part} {version}" for part, version in made["versions"].items())
    say(f"{name} ({versions}): {made['settings']}")
    table("", COLUMNS, side_by_side(made["results"]), ("ours", "theirs", "ours / theirs"))
    for one in made["skipped"]:
        say(f"left out: {one['name']}: {one['why']}")
    for caveat in made["caveats"]:
        say(f"not alike: {caveat}")
