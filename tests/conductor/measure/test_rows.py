"""Ratios: ours over the floor's, ours over theirs."""

from __future__ import annotations

from conductor.measure.rows import Row, beside_peers, floors_of, number, peers_of


def row(name: str, value: float, unit: str = "ms", **more: object) -> Row:
    return {"name": name, "unit": unit, "value": value, "p50": value, "p99": value, "runs": 1, **more}


def test_a_row_of_ours_stands_beside_each_peer_that_was_measured() -> None:
    ours, theirs, other = row("chain_40", 0.6), row("chain_40", 0.8, peer="restate"), row("submit", 1.0)
    told = beside_peers([ours, theirs, other])
    assert told[0]["peers"] == {"restate": 0.6 / 0.8}
    assert told[1:] == [theirs, other]
    assert (peers_of(told[0]), peers_of(theirs), peers_of(other)) == ("0.75 x restate", "restate", "")


def test_floors_are_named_without_their_prefix() -> None:
    beside = row("chain_40", 0.6, floors=[{"name": "floor_publish_fsync", "value": 0.3, "times": 2.0}])
    assert floors_of(beside) == "2.00 x publish_fsync"
    assert floors_of(row("chain_40", 0.6)) == ""


def test_numbers_have_three_digits_or_so() -> None:
    assert [number(value) for value in (0.0123456, 1.2345, 123.45, 12345.6, 0)] == [
        "0.0123",
        "1.23",
        "123.5",
        "12,346",
        "0.00",
    ]
