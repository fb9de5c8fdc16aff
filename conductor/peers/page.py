"""What comparisons came to: a line of JSON each, and a page of the newest one of every peer. Pure but for the files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from conductor.measure.machine import described, machine
from conductor.measure.rows import Row, beside_peers, number
from conductor.peers.compare import Compared
from conductor.peers.peer import Peer

FILE = Path("history") / "peers.jsonl"
PAGE = "peers.md"
HEAD = """# Beside the peers

Made by `symphony bench --against PEER --record docs/results` of a release build; nothing here is written by hand. Ours
and the peer's take turns on one machine, each round with empty data; a figure is the median of its rounds, which stand
behind it. All but those under *Not durable* write down what has been done; their settings say how. `chain_40`:
milliseconds a step of 40 in a row; `one_step`, `flow_9`: milliseconds of a run of one step, and of nine that hand on an
order; `_50`, `_500`: runs a second with so many under way, each begun and awaited alone. Steps do nothing, so that what
is measured is the orchestrator. A peer that has not ended a scenario after three minutes leaves it out, and those after it.
"""
NOT_DURABLE = """# Not durable

These write nothing down before the next step begins, while ours does: what they gain by it is in the figures.
"""


def document(peer: Peer, compared: Compared) -> dict[str, Any]:
    """What `bench --against --json` prints, and what is written down."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "peer": peer.name,
        "versions": compared.versions,
        "settings": peer.settings,
        "caveats": list(peer.caveats),
        "machine": machine(),
        "durability": "always" if peer.durable else "none",
        "others": compared.others,
        "results": beside_peers(compared.rows),
        "skipped": [one._asdict() for one in compared.skipped],
    }


def side_by_side(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """A line a figure that both have: name, unit, ours, its rounds, theirs, its rounds, ours over theirs."""
    theirs = {row["name"]: row for row in rows if row.get("peer")}
    ours = [row for row in rows if not row.get("peer") and row["name"] in theirs]
    lines: list[tuple[str, ...]] = []
    for row in ours:
        other = theirs[row["name"]]
        ratio = row["value"] / other["value"] if other["value"] else 0.0
        figures = (number(row["value"]), _rounds(row), number(other["value"]), _rounds(other), number(ratio))
        lines.append((row["name"], row["unit"], *figures))
    return lines


def _rounds(row: Row) -> str:
    return " ".join(number(value) for value in row.get("rounds", []))


def write(folder: Path, made: dict[str, Any]) -> Path:
    """Add a line, and make the page anew."""
    path = folder / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(made) + b"\n")
    lines = [msgspec.json.decode(line, type=dict[str, Any]) for line in path.read_bytes().splitlines()]
    (folder / PAGE).write_text(page(lines))
    return folder / PAGE


def page(lines: Sequence[dict[str, Any]]) -> str:
    """The newest comparison with each peer, in the order of their names; a scenario that it left out, from the newest
    that has it with the same versions on the same machine."""
    newest = {line["peer"]: line for line in lines}
    durable = {name: line for name, line in sorted(newest.items()) if line["durability"] == "always"}
    parts = [HEAD, *(part for line in durable.values() for part in _section(lines, line))]
    others = [_section(lines, line) for name, line in sorted(newest.items()) if name not in durable]
    if others:
        parts += [NOT_DURABLE, *(part for section in others for part in section)]
    return "\n".join(parts)


def _section(lines: Sequence[dict[str, Any]], line: dict[str, Any]) -> list[str]:
    versions = ", ".join(f"{part} {version}" for part, version in line["versions"].items())
    measured = f"{versions}: {line['settings']}. {described(line['machine'])}, {line['at'][:10]}.{_others(line)}"
    parts = [f"## {line['peer']}", "", measured, ""]
    parts += ["| name | unit | ours | rounds | theirs | rounds | ours / theirs |", "|---|---|---|---|---|---|---|"]
    parts += [f"| `{cells[0]}` | {' | '.join(cells[1:])} |" for cells in _latest(lines, line)]
    if line.get("skipped"):
        parts += ["", "Left out:", "", *(f"- `{one['name']}`: {one['why']}." for one in line["skipped"])]
    return [*parts, "", "Not alike:", "", *(f"- {caveat}." for caveat in line["caveats"]), ""]


def _others(line: dict[str, Any]) -> str:
    """What else ran on the machine, where it was written down."""
    if not line.get("others"):
        return ""
    shares = " ".join(f"{share:.0%}" for share in line["others"])
    return f" Others took of its processors, before each round: {shares}."


def _latest(lines: Sequence[dict[str, Any]], newest: dict[str, Any]) -> list[tuple[str, ...]]:
    alike = ("peer", "versions", "settings", "machine")
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        if all(line[key] == newest[key] for key in alike):
            found |= {cells[0]: cells for cells in side_by_side(line["results"])}
    return [found[name] for name in sorted(found)]
