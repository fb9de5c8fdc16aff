"""`symphony bench`: the performance suite, on systems of its own, beside the floors of the same machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from conductor import __version__
from conductor.cli import connect
from conductor.cli.connect import json_option
from conductor.cli.output import FAILED, Refusal, emit, say, table
from conductor.cli.peers import PEER_NAMES, against_peer
from conductor.measure.scenarios import SCENARIOS, SHORT_NAMES, USUAL_NAMES

PROFILES = Path("build") / "profile"
COLUMNS = ("name", "value", "unit", "p50", "p99", "runs", "beside the floor", "beside peers", "goal")
CHECK_TRIES = 3
"""A change for the worse shows in each of three measurements; noise rarely does."""
BASELINE_ROUNDS = 5


LISTED = "\n".join(f"  {name:<11} {one.about}" for name, one in SCENARIOS.items())


@click.command(epilog=f"\b\nScenarios:\n{LISTED}")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--against", metavar="PEER", help=f"Another orchestrator on the same work: {', '.join(PEER_NAMES)}")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="With --against: of each")
@click.option("--window", type=click.FloatRange(0.5, 600), default=5.0, show_default=True, help="Seconds of each rate")
@click.option("--runs", type=click.IntRange(1, 100_000), default=40, show_default=True, help="Runs of each latency")
@click.option("--rate", type=click.FloatRange(0, 100_000, min_open=True), help="Runs a second of the open loop")
@click.option(
    "--traces",
    envvar="SYMPHONY_TRACES",
    type=click.Path(path_type=Path),
    help="A folder of recorded workflows (WfFormat), for the scenario traces",
)
@click.option("--interval", is_flag=True, help="Without a sync before each acknowledgement: for comparison only")
@click.option("--profile", is_flag=True, help=f"Leave flame graphs of every process below {PROFILES}")
@click.option(
    "--record", type=click.Path(path_type=Path), help="A folder whose history, page and chart get what is measured"
)
@click.option(
    "--check", type=click.Path(path_type=Path), help="Fail where a ratio is worse than in this baseline, beyond noise"
)
@click.option("--update", is_flag=True, help=f"With --check: measure {BASELINE_ROUNDS} times and write the baseline")
@json_option
def bench(
    names: tuple[str, ...],
    against: str | None,
    rounds: int,
    window: float,
    runs: int,
    rate: float | None,
    traces: Path | None,
    interval: bool,
    profile: bool,
    record: Path | None,
    check: Path | None,
    update: bool,
    as_json: bool,
) -> None:
    """Measure the scenarios NAME, or all usual ones, each beside the floors of this machine."""
    from conductor.measure.load import LoadOptions
    from conductor.measure.suite import Suite

    if against:
        against_peer(against, names, LoadOptions(window, runs), rounds, record, as_json)
        return
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        raise Refusal(f"there is no benchmark {unknown[0]!r}; there are {', '.join(SCENARIOS)}")
    if update and check is None:
        raise Refusal("--update says to write the file of --check, and none is named")
    options = LoadOptions(window, runs, not interval, rate)
    suite = Suite(list(names or (SHORT_NAMES if check else USUAL_NAMES)), options, traces, tell=_progress)
    if check is not None and update:
        _update(suite, check)
        return
    if check is not None:
        _check(suite, check)
        return
    if profile:
        from conductor.measure.profile import Profiles

        folder = PROFILES / time.strftime("%Y%m%d-%H%M%S")
        suite.watch = Profiles(folder, _progress).watch
    document = _measured(suite)
    if profile:
        say(f"flame graphs: {folder}", err=True)
    if record is not None:
        _record(document, record)
    if as_json:
        emit(document)
    else:
        _show(document)


def _progress(line: str) -> None:
    say(f"bench: {line}", err=True)


def _measured(suite: Any) -> dict[str, Any]:
    """What `--json` prints."""
    from conductor.measure.machine import machine
    from conductor.measure.rows import beside_peers
    from conductor.measure.suite import measure

    rows, skipped = connect.run(measure(suite))
    for one in skipped:
        _progress(f"{one.name} is left out: {one.why}")
    return {
        "machine": machine(),
        "durability": "always" if suite.options.durable else "interval",
        "results": beside_peers(rows),
        "skipped": [one._asdict() for one in skipped],
    }


def _show(document: dict[str, Any]) -> None:
    from conductor.measure.goals import verdicts
    from conductor.measure.machine import described
    from conductor.measure.rows import floors_of, number, parts_of, peers_of

    rows = document["results"]
    shown = []
    for row in rows:
        goals = "; ".join(f"{one.goal}: {'met' if one.met else 'missed'}" for one in verdicts(row, rows))
        figures = (number(row["value"]), row["unit"], number(row["p50"]), number(row["p99"]), row["runs"])
        shown.append((row["name"], *figures, floors_of(row), peers_of(row), goals))
    say(f"{described(document['machine'])}, durability {document['durability']}, version {__version__}")
    table("", COLUMNS, shown, ("value", "p50", "p99", "runs"))
    for row in rows:
        if row.get("parts"):
            say(f"{row['name']}: {parts_of(row)}")


def _record(document: dict[str, Any], folder: Path) -> None:
    """One more line of the history, and the page and the chart of all of them."""
    from conductor.measure import history
    from conductor.measure.chart import chart
    from conductor.measure.machine import commit
    from conductor.measure.page import PAGE, PICTURE, page

    try:
        path = history.append(folder, history.recorded(document, commit()))
        lines = history.read(folder)
        (folder / PAGE).write_text(page(lines), "utf-8")
        (folder / PICTURE).write_text(chart(lines), "utf-8")
    except OSError as error:
        raise Refusal(f"--record {folder}: {error.filename or ''} cannot be written: {error.strerror}") from None
    except ValueError as error:
        raise Refusal(f"--record {folder}: {error}; mend or remove the line") from None
    say(f"recorded in {path}; the page is {folder / PAGE}", err=True)


def _check(suite: Any, path: Path) -> None:
    """Exit code 1 where a scenario is beyond its band in every one of a few measurements."""
    from conductor.measure import baseline
    from conductor.measure.machine import machine

    known = _baseline(path).on(machine())
    rounds = [_measured(suite)["results"]]
    misses = baseline.beyond(known, rounds[0])
    while misses and len(rounds) < CHECK_TRIES:
        for miss in misses:
            _progress(f"once more: {miss}")
        rounds.append(_measured(suite)["results"])
        misses = baseline.beyond(known, baseline.best(known, rounds))
    if misses:
        raise Refusal(f"slower than {path} beyond its noise: {'; '.join(map(str, misses))}", FAILED)
    say(f"{len(known.scenarios)} scenarios are as in {path}, or better")


def _baseline(path: Path) -> Any:
    import msgspec

    from conductor.measure.baseline import Baseline

    try:
        return msgspec.json.decode(path.read_bytes(), type=Baseline)
    except OSError as error:
        raise Refusal(f"--check {path}: {error.strerror}; --update makes one") from None
    except msgspec.MsgspecError as error:
        raise Refusal(f"--check {path} is no baseline: {error}; --update makes one") from None


def _update(suite: Any, path: Path) -> None:
    import msgspec

    from conductor.measure import baseline
    from conductor.measure.machine import machine

    rounds = [_measured(suite)["results"] for _ in range(BASELINE_ROUNDS)]
    made = baseline.drawn(machine(), datetime.now(UTC).date().isoformat(), rounds)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    say(f"{path}: {len(made.scenarios)} scenarios, the medians of {BASELINE_ROUNDS} measurements")
