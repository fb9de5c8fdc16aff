"""No artifact goes that somebody needs, whatever happens between the questions of a collection.

The collector is the real one. Around it stand models of the store, the trackers and the archive that answer by the rules of
the real ones, and clients whose steps fall between its questions in every possible way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations_with_replacement
from typing import Any

import pytest

from conductor.bus import Bus
from conductor.kernel.housekeeping import Housekeeping
from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.dag import Referred, Refers
from conductor.wire.stale import Collect, Collected
from conductor.wire.store import ArtifactList, ArtifactView, DeleteArtifacts, Deleted

NOW_MS = 10_000_000
AGE_MS = 3_600_000
OLD_MS = NOW_MS - 2 * AGE_MS
D, CHILD, OTHER = ("a" * 64, "b" * 64, "c" * 64)
RUN, NEXT = "1" * 32, "2" * 32

Step = Callable[["Mesh"], None]


class Mesh:
    """Store, trackers and archive, as far as a collection asks them; and runs that are on their way to a tracker."""

    def __init__(self) -> None:
        self.stored: dict[str, int] = {OTHER: OLD_MS}
        """When each was stored last."""
        self.names: dict[str, set[str]] = {}
        """What a stored value names."""
        self.flying: dict[str, set[str]] = {}
        self.live: tuple[dict[str, set[str]], ...] = ({}, {})
        """What the live runs of each partition name."""
        self.archive: dict[str, set[str]] = {}

    def put(self, digest: str, *named: str) -> None:
        """Acknowledged when it returns."""
        self.stored[digest] = NOW_MS
        if named:
            self.names[digest] = set(named)

    def fold(self, run: str, partition: int) -> None:
        self.live[partition][run] = self.flying.pop(run)

    def needed(self) -> set[str]:
        """Everything that some run names, and what these values name."""
        runs = [*self.flying.values(), *self.live[0].values(), *self.live[1].values(), *self.archive.values()]
        found = set().union(*runs)
        while more := set().union(*(self.names.get(digest, set()) for digest in found)) - found:
            found |= more
        return found


class Interleaved:
    """A bus that answers by the models, and has the clients' steps fall before some of the questions."""

    def __init__(self, mesh: Mesh, steps: list[Step], before: tuple[int, ...]) -> None:
        self.mesh = mesh
        self.rest = list(zip(steps, before, strict=True))
        self.asked = 0

    def go(self, until: float) -> None:
        while self.rest and self.rest[0][1] <= until:
            self.rest.pop(0)[0](self.mesh)

    async def request(self, subject: str, data: bytes, _timeout_s: float = 5.0) -> bytes:
        self.go(self.asked)
        self.asked += 1
        _, _, service, operation, *rest = subject.split(".")
        return encode(getattr(self, f"{service}_{operation}")(data, *rest))

    def store_list(self, _data: bytes) -> ArtifactList:
        views = [
            ArtifactView(digest=digest, size_bytes=1, stored_bytes=1, media_type="x", created_at_ms=at)
            for digest, at in sorted(self.mesh.stored.items())
        ]
        return ArtifactList(artifacts=views)

    def dag_refers(self, data: bytes, partition: str) -> Referred:
        used = set().union(*self.mesh.live[int(partition)].values())
        return Referred(digests=[digest for digest in decode(data, Refers).digests if digest in used])

    def stale_collect(self, data: bytes) -> Collected:
        ask = decode(data, Collect)
        used = set().union(*self.mesh.archive.values()) | set(ask.live)
        return Collected(unreferenced=[digest for digest in ask.candidates if digest not in used])

    def store_delete(self, data: bytes) -> Deleted:
        ask, kept, mesh = decode(data, DeleteArtifacts), [], self.mesh
        for digest in ask.digests:
            named = any(digest in children for children in mesh.names.values())
            if named or mesh.stored.get(digest, OLD_MS) >= ask.before_ms:
                kept.append(digest)
                continue
            mesh.stored.pop(digest, None)
            mesh.names.pop(digest, None)
        return Deleted(deleted=len(ask.digests) - len(kept), kept=kept)


def submit(run: str, *digests: str) -> Step:
    return lambda mesh: mesh.flying.update({run: set(digests)})


def folded(run: str, partition: int) -> Step:
    return lambda mesh: mesh.fold(run, partition)


def kept(run: str, partition: int) -> Step:
    return lambda mesh: mesh.archive.update({run: mesh.live[partition][run]})


def forgotten(run: str, partition: int) -> Step:
    return lambda mesh: mesh.live[partition].pop(run, None) and None


def stored(digest: str, *named: str) -> Step:
    return lambda mesh: mesh.put(digest, *named)


def buried(run: str) -> Step:
    return lambda mesh: mesh.archive.pop(run, None) and None


def old(mesh: Mesh) -> None:
    mesh.stored[D] = OLD_MS


def old_live(mesh: Mesh) -> None:
    old(mesh)
    mesh.live[0][RUN] = {D}


def old_value(mesh: Mesh) -> None:
    mesh.stored.update({D: OLD_MS, CHILD: OLD_MS})
    mesh.names[D] = {CHILD}
    mesh.live[1][RUN] = {D}


def old_archived(mesh: Mesh) -> None:
    old(mesh)
    mesh.archive[RUN] = {D}


def nothing(mesh: Mesh) -> None:
    pass


STORIES: dict[str, tuple[Step, list[Step]]] = {
    "a new blob is stored, a run is submitted with it, ends and is archived": (
        nothing,
        [stored(D), submit(RUN, D), folded(RUN, 1), kept(RUN, 1), forgotten(RUN, 1)],
    ),
    "what nothing needs any more is stored again, and a run is submitted with it": (
        old,
        [stored(D), submit(RUN, D), folded(RUN, 0)],
    ),
    "a live run ends and goes to the archive": (old_live, [kept(RUN, 0), forgotten(RUN, 0)]),
    "one run's artifact becomes another's input before the first is archived and forgotten by retention": (
        old_live,
        [submit(NEXT, D), folded(NEXT, 1), kept(RUN, 0), forgotten(RUN, 0), buried(RUN)],
    ),
    "a value that names another is stored over an old one": (
        nothing,
        [stored(CHILD), stored(OTHER, CHILD), submit(RUN, OTHER), folded(RUN, 0), kept(RUN, 0)],
    ),
    "a run with a value that names another goes to the archive": (old_value, [kept(RUN, 1), forgotten(RUN, 1)]),
    "an archived run's artifact is stored again, used, and the archived run goes": (
        old_archived,
        [stored(D), submit(NEXT, D), buried(RUN), folded(NEXT, 1)],
    ),
}
QUESTIONS = 12
"""Of a collection of two passes with two partitions, and one beyond."""


def schedules(steps: int) -> Iterator[tuple[int, ...]]:
    return combinations_with_replacement(range(QUESTIONS + 1), steps)


async def collect(kind: type[Housekeeping], begin: Step, steps: list[Step], before: tuple[int, ...]) -> set[str]:
    """Collect once while the steps happen; what is needed afterwards and gone."""
    mesh = Mesh()
    begin(mesh)
    bus: Any = Interleaved(mesh, steps, before)
    housekeeping = kind(bus, tuple, len(mesh.live))
    try:
        await housekeeping.collect(NOW_MS, AGE_MS)
    finally:
        await housekeeping.close()
    bus.go(float("inf"))
    return mesh.needed() - mesh.stored.keys()


@pytest.mark.parametrize("story", STORIES)
async def test_whatever_falls_between_the_questions_nothing_that_is_needed_goes(story: str) -> None:
    begin, steps = STORIES[story]
    count = 0
    for before in schedules(len(steps)):
        assert not await collect(Housekeeping, begin, steps, before), before
        count += 1
    assert count >= 90


class AsksTheArchiveFirst(Housekeeping):
    """A collector that is wrong: a run that goes to the archive after the answer of one and before the other's is in
    neither."""

    async def _unreferenced(self, digests: list[str], now_ms: int) -> list[str]:
        bus: Bus = self._bus
        ask = encode(Collect(candidates=digests, live=[], now_ms=now_ms))
        free = decode(await bus.request(subjects.pit("stale", "collect"), ask, 30), Collected).unreferenced
        live: set[str] = set()
        for number in range(self._partitions):
            refers = encode(Refers(partition=number, digests=free))
            live.update(decode(await bus.request(subjects.pit("dag", "refers", number), refers, 30), Referred).digests)
        return [digest for digest in free if digest not in live]


class LooksAtNoAge(Housekeeping):
    """A collector that is wrong: what was stored a moment ago, before anybody could name it, goes."""

    async def collect(self, now_ms: int, age_ms: int = 0) -> int:
        return await super().collect(now_ms + 1, 0)


@pytest.mark.parametrize(
    ("kind", "story"),
    [
        (AsksTheArchiveFirst, "a live run ends and goes to the archive"),
        (LooksAtNoAge, "a new blob is stored, a run is submitted with it, ends and is archived"),
    ],
)
async def test_the_search_finds_a_collector_that_is_wrong(kind: type[Housekeeping], story: str) -> None:
    begin, steps = STORIES[story]
    assert any([await collect(kind, begin, steps, before) for before in schedules(len(steps))])


async def test_what_nobody_needs_goes() -> None:
    mesh = Mesh()
    old(mesh)
    bus: Any = Interleaved(mesh, [], ())
    housekeeping = Housekeeping(bus, tuple, 2)
    assert await housekeeping.collect(NOW_MS, AGE_MS) == 2
    await housekeeping.close()
    assert not mesh.stored
