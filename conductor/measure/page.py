"""The page of the figures, `performance.md`, as `bench --record` writes it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conductor.measure.goals import verdicts
from conductor.measure.history import Recorded, newest
from conductor.measure.machine import described
from conductor.measure.rows import Row, floors_of, number, parts_of, peers_of

PAGE, PICTURE = "performance.md", "performance.svg"
HEAD = """# Performance

What the newest recorded run measured, made by `make bench RECORD=docs/results` (or `symphony bench --record docs/results`
of a release build); nothing here is written by hand. {machine}, Python {python}, version {version}{commit}, durability
`{durability}`. Broker, Pit, conductor, worker and load generator share the machine.

*Value* is the median of a latency, or a rate; p50 and p99 of a rate are of whole runs, in milliseconds. *Beside the floor*
is the value over a floor that was measured just before and just after it, on the same broker and disk, the better of the
two: `publish_fsync` is one durable message from publish to delivery, one at a time; `publish_rate` is durable messages
a second with 500 under way; `disk_fsync` is 4 KiB appended and synced; `memcpy` one copy of the payload. Loops are closed
(the next run waits for an earlier one) but for `open_<rate>`, whose runs come at their moments and are measured from them.
Every step is durable by itself before the next one begins, those of `chain_40_pure` too.
"""
SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Floors", "", ("floor_",)),
    (
        "One run at a time",
        "`chain_40` by the step; the others from submission to result. `open_<rate>`: at a fixed rate a second.",
        ("chain_", "fanout_", "map_", "signal", "open_"),
    ),
    (
        "Many runs",
        "`one_step_<n>`: each run submitted and acknowledged alone, n under way; `flow_9`: nine steps that hand on an "
        "order. `after_s`: for so long after the load went on what it had put off (archiving). `trickle`: 33 runs a "
        "second of nine tenants, each of one step of 20 ms, on 8 slots; alone, and while a tenth tenant has 10,000 such "
        "runs waiting.",
        ("one_step", "flow_", "submit", "throughput_", "tenants_", "trickle_"),
    ),
    (
        "Overhead",
        "`overhead`: one minus the time in functions over slots times makespan. `dispatch`: tasks that compute for 10 ms "
        "on a worker of one slot, against calls of the same function in a loop. `trace_<name>`: how much longer a recorded "
        "workflow takes than its longest path, scaled to a second.",
        ("overhead_", "dispatch_", "trace"),
    ),
    (
        "Payloads",
        "Given by the client, through one step, read back by the client; above 64 KiB through the Artifact Store both "
        "ways.",
        ("payload_",),
    ),
    (
        "Growth",
        "`live_<n>`: a step of a chain beside n waiting runs. `live_bytes_<n>`: what all processes grew by, over n.",
        ("live_", "memory_"),
    ),
    ("Processors", "User and system time of every process of the system over the window, by the step.", ("cpu_",)),
    ("Ready", "From exec to the first answer, each in a process of its own.", ("ready_",)),
    (
        "Cores",
        "In process, without a broker. `core_pool_lease`: a worker's slots divided by demand and leased to two conductors.",
        ("core_",),
    ),
)


def page(lines: Sequence[Recorded]) -> str:
    """The page of the newest figures of the last line's machine."""
    last = lines[-1]
    rows = newest(list(lines))
    commit = f" at {last.commit}" if last.commit else ""
    text = HEAD.format(
        machine=described(last.machine),
        python=last.machine["python"],
        version=last.version,
        commit=commit,
        durability=last.durability,
    )
    parts = [text]
    known: set[int] = set()
    for title, about, prefixes in SECTIONS:
        chosen = [row for row in rows if row["name"].startswith(prefixes) and not row.get("peer")]
        known |= {id(row) for row in chosen}
        parts += _section(title, about, chosen, rows)
    others = [row for row in rows if id(row) not in known]
    parts += _section("Others", "", others, rows)
    parts += [_goals(rows), f"## History\n\n![Ratios by recorded run]({PICTURE})\n"]
    parts.append(f"{len(lines)} runs are recorded in [history/bench.jsonl](history/bench.jsonl), one a line.\n")
    return "\n".join(parts)


def _section(title: str, about: str, rows: list[Row], all_rows: Sequence[Row]) -> Iterable[str]:
    if not rows:
        return []
    lines = [f"## {title}\n", *([f"{about}\n"] if about else [])]
    lines.append("| name | value | unit | p50 | p99 | runs | beside the floor | beside peers | goal |")
    lines.append("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        goal = "; ".join(f"{one.goal}: {'met' if one.met else 'missed'}" for one in verdicts(row, all_rows))
        cells = [f"`{row['name']}`", number(row["value"]), row["unit"], number(row["p50"]), number(row["p99"])]
        cells += [f"{row['runs']:,}", floors_of(row), peers_of(row), goal]
        lines.append("| " + " | ".join(cells) + " |")
    made = [row for row in rows if row.get("parts")]
    if made:
        lines += ["", *(f"- `{row['name']}`: {parts_of(row)}." for row in made)]
    return [*lines, ""]


def _goals(rows: Sequence[Row]) -> str:
    missed = [(row, one) for row in rows for one in verdicts(row, rows) if not one.met]
    judged = sum(len(verdicts(row, rows)) for row in rows)
    if not judged:
        return ""
    said = [f"- `{row['name']}` is {number(one.measured)}; the goal is {one.goal}." for row, one in missed]
    return "\n".join([f"## Goals\n\n{judged - len(missed)} of {judged} are met.\n", *said, ""])
