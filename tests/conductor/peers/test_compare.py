"""Ours and a peer's in turns, and what is made of their rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from conductor.cli.peers import PEER_NAMES
from conductor.measure.rows import Row
from conductor.measure.suite import Skipped
from conductor.peers import PEERS
from conductor.peers import compare as comparing
from conductor.peers.compare import compare, medians, wanted
from conductor.peers.page import document, page, side_by_side, write
from conductor.peers.peer import Load, Measured, PeerError


@pytest.fixture(autouse=True)
def _shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "BUSY_S", 0.05)


def row(name: str, value: float, unit: str = "ms") -> Row:
    return {"name": name, "unit": unit, "value": value, "p50": value, "p99": 2 * value, "runs": 10, "loop": "closed"}


class Fake:
    """A peer whose rounds take 3, 9 and 4 ms; it notes what is done with it."""

    name = "fake"
    durable = True
    settings = "nothing is written"
    caveats = ("it does nothing",)

    def __init__(self) -> None:
        self.done: list[str] = []
        self.folders: set[Path] = set()
        self.values = [3.0, 9.0, 4.0]
        self.stuck: list[int] = []

    async def set_up(self, folder: Path) -> dict[str, str]:
        self.done.append("set up")
        return {"fake": "1.2.3"}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[Fake]:
        assert list(data.iterdir()) == []
        self.folders.add(data)
        self.done.append("start")
        yield self
        self.done.append("stop")

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        assert (list(scenarios), load) == (["chain"], Load(1.0, 5))
        self.done.append("theirs")
        number = self.done.count("theirs")
        if number in self.stuck:
            return Measured([], [Skipped("chain_40", "it never ended")])
        return Measured([row("chain_40", self.values.pop(0))], [])


async def compared(fake: Fake, tmp_path: Path, rounds: int = 3):
    async def ours(scenarios: Sequence[str]) -> list[Row]:
        fake.done.append("ours")
        return [row("chain_40", 2.0), row("only_ours", 1.0), row("floor_disk_fsync", 0.1)]

    return await compare(fake, ["chain"], Load(1.0, 5), ours, tmp_path, rounds)


async def test_they_take_turns_each_with_empty_data_and_the_peer_is_stopped(tmp_path: Path) -> None:
    fake = Fake()
    await compared(fake, tmp_path)
    assert fake.done == ["set up", *(["ours", "start", "theirs", "stop"] * 3)]
    assert len(fake.folders) == 3
    assert not any(folder.exists() for folder in fake.folders)


async def test_a_row_is_the_median_of_its_rounds_and_shows_all_of_them(tmp_path: Path) -> None:
    made = await compared(Fake(), tmp_path)
    (theirs,) = [one for one in made.rows if one.get("peer") == "fake"]
    assert (theirs["value"], theirs["p99"], theirs["runs"], theirs["rounds"]) == (4.0, 8.0, 30, [3.0, 9.0, 4.0])
    assert [one["name"] for one in made.rows if not one.get("peer")] == ["chain_40", "floor_disk_fsync"]
    assert side_by_side(made.rows) == [("chain_40", "ms", "2.00", "2.00 2.00 2.00", "4.00", "3.00 9.00 4.00", "0.5")]


async def test_what_a_peer_never_ended_is_told_with_the_rounds_that_did(tmp_path: Path) -> None:
    fake = Fake()
    fake.stuck = [2]
    made = await compared(fake, tmp_path)
    (theirs,) = [one for one in made.rows if one.get("peer")]
    assert theirs["rounds"] == [3.0, 9.0]
    assert made.skipped == [Skipped("chain_40", "in round 2: it never ended")]
    fake.stuck, fake.done = [1], []
    none = await compared(fake, tmp_path, rounds=1)
    assert [one["name"] for one in none.rows] == ["floor_disk_fsync"]
    text = page([document(fake, none)])
    assert "Left out:\n\n- `chain_40`: it never ended." in text


async def test_what_others_took_of_the_machine_is_written_down(tmp_path: Path) -> None:
    made = await compared(Fake(), tmp_path)
    assert len(made.others) == 3
    assert all(0 <= share <= 1 for share in made.others)
    line = document(Fake(), made) | {"others": [0.42, 1.0]}
    assert "Others took of its processors, before each round: 42% 100%." in page([line])
    del line["others"]
    assert "Others took" not in page([line])


async def test_what_is_not_durable_stands_apart(tmp_path: Path) -> None:
    kept, fake = Fake(), Fake()
    kept.name, fake.durable = "zeal", False
    lines = [document(peer, await compared(peer, tmp_path, rounds=1)) for peer in (fake, kept)]
    assert [line["durability"] for line in lines] == ["none", "always"]
    text = page(lines)
    assert text.index("## zeal") < text.index("# Not durable\n") < text.index("## fake")
    assert "# Not durable\n" not in page(lines[1:])


async def test_the_page_has_the_newest_of_each_peer(tmp_path: Path) -> None:
    fake = Fake()
    fake.values = [8.0, 4.0]
    for _ in range(2):
        made = await compared(fake, tmp_path, rounds=1)
        written = write(tmp_path, document(fake, made))
    text = written.read_text()
    assert "| `chain_40` | ms | 2.00 | 2.00 | 4.00 | 4.00 | 0.5 |" in text
    assert "8.00" not in text
    assert "fake 1.2.3: nothing is written." in text
    assert "- it does nothing." in text
    assert len((tmp_path / "history" / "peers.jsonl").read_text().splitlines()) == 2


async def test_a_scenario_that_the_newest_left_out_stays_with_its_versions(
    tmp_path: Path,
) -> None:
    fake = Fake()
    made = document(fake, await compared(fake, tmp_path, rounds=1))
    without = made | {"results": [row | {"name": "flow_9"} for row in made["results"]]}
    other = without | {"versions": {"fake": "9"}}
    assert "`chain_40` | ms" in page([made, without])
    assert "`chain_40` | ms" not in page([made, other])


def test_rates_and_times_alike_are_the_median() -> None:
    rates = medians([[row("r", value, "runs/s")] for value in (10.0, 30.0, 20.0, 40.0)])
    assert [one["value"] for one in rates] == [25.0]


def test_what_no_peer_does_is_refused_by_name() -> None:
    assert wanted([]) == ["chain", "one", "flow"]
    assert wanted(["flow", "chain"]) == ["chain", "flow"]
    with pytest.raises(PeerError, match="peers do chain, one, flow; 'map'"):
        wanted(["map"])


def test_the_command_line_names_the_peers_that_there_are() -> None:
    assert tuple(PEERS) == PEER_NAMES
    assert all(peer.settings and peer.caveats for peer in PEERS.values())
    assert page([]).startswith("# Beside the peers")
