"""Trajectories as Parquet: a row a decision, with what was seen, what could be chosen and how likely, and what came of it.

The schema is that of `docs/guides/retention.md`. Writing needs pyarrow (`pip install symphony-conductor[parquet]`); files
are read by pyarrow, polars, DuckDB or anything else that reads Parquet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

SCHEMA_VERSION = 1
ROW_GROUP = 8192
"""Decisions of a row group: some megabytes, which is what a writer holds at once."""
FEATURES = {"start": ("priority", "rest_us", "waited_ms")}
"""What a candidate's features are, by the kind of the decision: the execution's priority, the expected time from its start
to the run's end in microseconds, and how long it has waited in milliseconds."""
_PLAIN = ("kind", "run", "tenant", "workflow", "task", "capability", "worker", "policy", "reason", "order", "rationale")
_PARTS = ("outcome", "reward", "worth")


class ParquetError(Exception):
    """Parquet cannot be written here; the sentence says what to do."""


def _pyarrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415 - an extra that most do without
        import pyarrow.parquet  # noqa: PLC0415 - the same
    except ImportError:
        text = "Parquet needs pyarrow: install it (`pip install pyarrow`), or export a file that ends in .jsonl"
        raise ParquetError(text) from None
    return pyarrow


def schema() -> Any:
    """The columns, as a `pyarrow.Schema`.

    Raises:
        ParquetError: pyarrow is not installed.
    """
    pa = _pyarrow()
    text, real, whole = pa.string(), pa.float64(), pa.int64()
    candidate = pa.struct([("label", text), ("probability", real), ("features", pa.list_(real))])
    outcome = [("run_status", text), ("task_status", text), ("attempts", whole), ("error_kind", text)]
    reward = ("success", "task_success", "waited", "worked", "took", "retried")
    worth = ("value", "surprise", "rarity", "outcome", "cost")
    fields = [
        ("sequence", whole),
        ("index", pa.int32()),
        ("at", pa.timestamp("us", tz="UTC")),
        *((name, text) for name in _PLAIN),
        ("generation", whole),
        ("try", whole),
        ("observation", pa.struct([("waiting", whole), ("free", whole)])),
        ("candidates", pa.list_(candidate)),
        ("chosen", pa.int32()),
        ("propensity", real),
        ("outcome", pa.struct(outcome)),
        ("reward", pa.struct([(name, real) for name in reward])),
        ("worth", pa.struct([*((name, real) for name in worth), ("shape", text)])),
    ]
    told = {f"features.{kind}": ",".join(names) for kind, names in FEATURES.items()}
    return pa.schema(fields, metadata={"symphony.trajectories": str(SCHEMA_VERSION), **told})


def row(decision: dict[str, Any]) -> dict[str, Any]:
    """A decision as the Stale Manager exports it, a JSON object, as a row of `schema`."""
    candidates = decision.get("candidates") or []
    chosen = decision.get("chosen", 0)
    return {
        "sequence": decision.get("sequence"),
        "index": decision.get("index"),
        "at": decision.get("at_us"),
        **{name: decision.get(name) for name in _PLAIN},
        "generation": decision.get("generation", 0),
        "try": decision.get("try", 1),
        "observation": {"waiting": decision.get("waiting", 0), "free": decision.get("free", 0)},
        "candidates": [
            {"label": c.get("label"), "probability": c.get("probability", 0.0), "features": c.get("features") or []}
            for c in candidates
        ],
        "chosen": chosen,
        "propensity": candidates[chosen].get("probability", 0.0) if chosen < len(candidates) else None,
        **{name: decision.get(name) for name in _PARTS},
    }


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The decisions of an exported file of JSON lines."""
    with path.open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line)


def write(decisions: Iterable[dict[str, Any]], path: Path) -> int:
    """Write decisions to a Parquet file, beside its place first, so that nobody reads half of one. Returns how many.

    Raises:
        ParquetError: pyarrow is not installed.
        OSError: the disk refuses.
    """
    pa = _pyarrow()
    columns = schema()
    part = path.with_name(f".{path.name}.part")
    count = 0
    try:
        with pa.parquet.ParquetWriter(part, columns, compression="zstd") as writer:
            rest = iter(decisions)
            while group := list(islice(rest, ROW_GROUP)):
                writer.write_table(pa.Table.from_pylist([row(decision) for decision in group], schema=columns))
                count += len(group)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count
