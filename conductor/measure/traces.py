"""Recorded workflows, made documents for the load generator."""

from __future__ import annotations

from pathlib import Path

import msgspec

from conductor.workflow.importers.wfformat import import_wfformat


def documents(folder: Path, target: Path) -> tuple[Path, ...]:
    """Import every trace of a folder (WfFormat, plain or gzipped); the documents lie in `target`, named after theirs.

    Raises:
        WorkflowError: a file there is no trace.
    """
    made = []
    for path in sorted(folder.glob("*.json*")):
        imported = import_wfformat(path)
        name = path.name.removesuffix(".gz").removesuffix(".json")
        out = target / f"{name}.json"
        out.write_bytes(msgspec.json.encode(imported.document))
        made.append(out)
    return tuple(made)
