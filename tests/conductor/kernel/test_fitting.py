"""Which versions of a function a call takes, and which workers serve one."""

from __future__ import annotations

from conductor.kernel.fitting import in_range
from conductor.kernel.roster import Roster
from conductor.wire.extensions import Function, Manifest
from conductor.wire.heartbeat import Heartbeat


def says(worker: str, version: str | None) -> Heartbeat:
    functions = [] if version is None else [Function(capability="text.count", version=version)]
    manifest = None if version is None else Manifest(name="m", functions=functions)
    return Heartbeat(worker=worker, beat=1, manifest=manifest)


def test_a_worker_serves_what_its_manifest_says() -> None:
    roster = Roster()
    roster.beat(says("a", "1.4.0"), 0)
    roster.beat(says("b", "2.0.1"), 0)
    found = {worker: roster.fits(worker, "text.count", "^1.2") for worker in ("a", "b", "unheard")}
    assert found == {"a": True, "b": False, "unheard": False}
    assert not roster.fits("a", "other", "*")


def test_a_beat_without_a_manifest_changes_nothing_and_another_manifest_does() -> None:
    roster = Roster()
    roster.beat(says("a", "1.4.0"), 0)
    roster.beat(says("a", None), 0)
    assert roster.fits("a", "text.count", "1")
    roster.beat(says("a", "2.0.0"), 0)
    assert roster.fits("a", "text.count", ">=2")


def test_what_is_no_range_fits_nothing() -> None:
    assert not in_range("latest", "1.4.0")
