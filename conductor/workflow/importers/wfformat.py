"""WfFormat traces (https://github.com/wfcommons/WfFormat, versions 1.0 to 1.5) as workflows.

A task becomes `time.sleep` (or `test.busy`) of its recorded runtime times the input `time_scale`. Edges are the union of
the recorded parents and children and of the files: whoever reads a file comes after whoever wrote it.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from conductor.workflow.errors import WorkflowError
from conductor.workflow.importers.foreign import Report
from conductor.workflow.importers.imported import Imported, Names, workflow_name

TRACE_BYTES_MAX = 256 * 1024 * 1024
"""Of a trace unpacked; a trace of a million tasks takes about as much."""
_LEFT_OUT = {
    "command": "a recorded command is not run; its recorded runtime is",
    "avgCPU": "load is not reproduced",
    "coreCount": "cores are not reserved",
    "memoryInBytes": "memory is not reserved",
    "machines": "the recorded machines are not here",
    "energyInKWh": "energy is not reproduced",
    "avgPowerInWatts": "power is not reproduced",
    "readBytes": "input and output are not reproduced",
    "writtenBytes": "input and output are not reproduced",
    "priority": "the recorded scheduler's priority has another scale",
    "sizeInBytes": "files stand for edges; their bytes are not made",
}

_READ = {"workflow", "specification", "execution", "tasks", "jobs", "id", "name", "parents", "children", "files", "link",
         "inputFiles", "outputFiles", "runtime", "runtimeInSeconds", "description"}  # fmt: skip
_ABOUT = {"schemaVersion", "createdAt", "executedAt", "author", "wms", "runtimeSystem", "makespan", "makespanInSeconds"}
"""About the trace, or measured of it as a whole."""


def import_wfformat(path: str | Path, how: Literal["sleep", "busy"] = "sleep") -> Imported:
    """The workflow of a trace, plain or gzipped.

    Raises:
        WorkflowError: the file cannot be read, is not a WfFormat trace, or its graph has a cycle.
    """
    path = Path(path)
    text = _read(path)
    try:
        trace = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise WorkflowError.one(str(path), f"this is not JSON: {error}", "give a WfFormat trace") from None
    workflow = trace.get("workflow") if isinstance(trace, dict) else None
    if not isinstance(workflow, dict):
        raise WorkflowError.one(
            str(path), "this is no WfFormat trace: it has no `workflow`", "give one of version 1.0 to 1.5"
        )
    tasks, runtimes = _tasks(workflow, str(path))
    report = Report()
    edges, order = _graph(tasks, str(path), report, text)
    _list_words(trace, text, report)
    names = Names()
    document_tasks: dict[str, Any] = {}
    for identifier in order:
        seconds = runtimes.get(identifier, 0.0)
        entry = _call(seconds, how)
        entry["description"] = str(tasks[identifier].get("name", identifier))[:200]
        if edges[identifier]:
            entry["after"] = [names.of(parent) for parent in sorted(edges[identifier])]
        document_tasks[names.of(identifier)] = entry
    critical, work = _bounds(order, edges, runtimes)
    stem = re.sub(r"\.json(\.gz)?$", "", path.name)
    document = {
        "workflow": workflow_name(stem),
        "version": "1.0.0",
        "description": str(trace.get("description") or f"Imported from {path.name}")[:500],
        "inputs": {"time_scale": {"type": "number", "default": 1.0}},
        "tags": {"source": "wfformat", "critical_path_s": f"{critical:.6f}", "work_s": f"{work:.6f}"},
        "tasks": document_tasks,
    }
    return Imported(document, report.sorted())


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            with gzip.open(path) as stream:
                data = stream.read(TRACE_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise WorkflowError.one(str(path), f"cannot be read: {reason}", "check the path") from None
    if len(data) > TRACE_BYTES_MAX:
        raise WorkflowError.one(str(path), f"the trace has more than {TRACE_BYTES_MAX:,} bytes", "give a smaller one")
    return data.removeprefix(b"\xef\xbb\xbf")


def _tasks(workflow: dict[str, Any], source: str) -> tuple[dict[str, dict[str, Any]], dict[str, float]]:
    """Tasks by identifier, with their runtimes in seconds: `specification` + `execution` from 1.5, flat before."""
    specification = workflow.get("specification")
    listed = (
        specification.get("tasks") if isinstance(specification, dict) else workflow.get("tasks", workflow.get("jobs"))
    )
    if not isinstance(listed, list) or not listed:
        raise WorkflowError.one(source, "the trace lists no tasks", "give a WfFormat trace of version 1.0 to 1.5")
    tasks: dict[str, dict[str, Any]] = {}
    by_name: dict[str, str] = {}
    for entry in listed:
        identifier = _identifier(entry)
        if identifier is None:
            raise WorkflowError.one(source, "a task has neither `id` nor `name`", "mend the trace")
        if identifier in tasks:
            if entry.get("id") is not None:
                raise WorkflowError.one(source, f"two tasks have the id {identifier!r}", "mend the trace")
            identifier = (
                f"{identifier} #{len(tasks)}"  # names need not be unique; whoever refers to one means the first
            )
        tasks[identifier] = dict(entry)
        by_name.setdefault(str(entry.get("name")), identifier)
    for entry in tasks.values():  # before 1.5, parents and children are told by name
        for side in ("parents", "children"):
            said = entry.get(side)
            names = [str(one) for one in said] if isinstance(said, list) else []
            entry[side] = [one if one in tasks else by_name.get(one, one) for one in names]
    runtimes = {i: _runtime(entry) or 0.0 for i, entry in tasks.items()}
    execution = workflow.get("execution")
    records = execution.get("tasks") if isinstance(execution, dict) else None
    for record in records if isinstance(records, list) else []:
        identifier = _identifier(record)
        known = identifier if identifier in tasks else by_name.get(identifier or "")
        seconds = _runtime(record) if known is not None else None
        if known is not None and seconds is not None:
            runtimes[known] = seconds
    return tasks, runtimes


def _identifier(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    said = entry.get("id") if entry.get("id") is not None else entry.get("name")
    return str(said) if said not in (None, "") else None


def _runtime(entry: dict[str, Any]) -> float | None:
    """The recorded seconds; None where there are none."""
    for word in ("runtimeInSeconds", "runtime"):
        try:
            seconds = float(entry[word])
        except (KeyError, TypeError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def _files(entry: dict[str, Any], link: str, listed: str) -> list[str]:
    files = [str(f) for f in entry.get(listed) or []]
    for file in entry.get("files") or []:
        if isinstance(file, dict) and file.get("link") == link:
            files.append(str(file.get("id") or file.get("name")))
    return files


def _stated(tasks: dict[str, dict[str, Any]]) -> dict[str, set[str]]:
    """The parents of each task, as its own entry and those of its parents say."""
    parents: dict[str, set[str]] = {identifier: set() for identifier in tasks}
    for identifier, entry in tasks.items():
        parents[identifier].update(p for p in entry["parents"] if p in tasks)
        for child in entry["children"]:
            if child in tasks:
                parents[child].add(identifier)
    return parents


def _with_files(tasks: dict[str, dict[str, Any]], stated: dict[str, set[str]]) -> dict[str, set[str]]:
    """The same and whoever wrote a file that a task reads. A file written and read by the same task is no edge."""
    writers: dict[str, list[str]] = {}
    for identifier, entry in tasks.items():
        for file in _files(entry, "output", "outputFiles"):
            writers.setdefault(file, []).append(identifier)
    parents = {i: set(p) for i, p in stated.items()}
    for identifier, entry in tasks.items():
        for file in _files(entry, "input", "inputFiles"):
            # A file that is rewritten in place would make a cycle of its readers: where the trace states the
            # opposite edge, the statement wins.
            parents[identifier].update(
                w for w in writers.get(file, []) if w != identifier and identifier not in stated[w]
            )
    return parents


def _graph(
    tasks: dict[str, dict[str, Any]], source: str, report: Report, text: bytes
) -> tuple[dict[str, set[str]], list[str]]:
    """Parents, and an order in which each task comes after its own."""
    for entry in tasks.values():
        for name in dict.fromkeys((*entry["parents"], *entry["children"])):
            if name not in tasks:
                report.add(_line(text, name, key=False), name, "the trace has no such task; the edge is left out")
    stated = _stated(tasks)
    edges = _with_files(tasks, stated)
    try:
        return edges, _ordered(edges, source)
    except WorkflowError:
        if edges == stated or not any(stated.values()):
            raise
        # Files that several tasks rewrite one after the other; the stated edges say in which order.
        order = _ordered(stated, source)
        report.add(_line(text, "files"), "files", "edges by files make a cycle; those that are stated are taken alone")
        return stated, order


def _ordered(parents: dict[str, set[str]], source: str) -> list[str]:
    """The tasks, each after its parents."""
    children: dict[str, list[str]] = {identifier: [] for identifier in parents}
    missing = {identifier: len(above) for identifier, above in parents.items()}
    for identifier, above in parents.items():
        for parent in above:
            children[parent].append(identifier)
    ready = [identifier for identifier in parents if not missing[identifier]]
    order: list[str] = []
    for identifier in ready:
        order.append(identifier)
        for child in children[identifier]:
            missing[child] -= 1
            if not missing[child]:
                ready.append(child)
    if len(order) < len(parents):
        stuck = next(i for i, count in missing.items() if count)
        raise WorkflowError.one(source, f"the trace's graph has a cycle through {stuck!r}", "mend the trace")
    return order


def _bounds(order: list[str], parents: dict[str, set[str]], runtimes: dict[str, float]) -> tuple[float, float]:
    """Critical path and total work, in seconds: no schedule is shorter than the first, nor than work / slots."""
    finish: dict[str, float] = {}
    for identifier in order:
        start = max((finish[p] for p in parents[identifier]), default=0.0)
        finish[identifier] = start + runtimes.get(identifier, 0.0)
    return max(finish.values(), default=0.0), sum(runtimes.values())


def _call(seconds: float, how: str) -> dict[str, Any]:
    if how == "busy":
        return {"call": "test.busy", "with": {"ms": f"${{{seconds * 1000:.6f} * double(inputs.time_scale)}}"}}
    return {"call": "time.sleep", "with": {"seconds": f"${{{seconds:.6f} * double(inputs.time_scale)}}"}}


def _list_words(trace: dict[str, Any], text: bytes, report: Report) -> None:
    """Each word that has no meaning here, once, at the line where it first stands; nothing below it is looked at."""
    found: dict[str, None] = {}
    waiting: list[Any] = [trace]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, dict):
            for word, value in part.items():
                if word in _READ:
                    waiting.append(value)
                elif word not in _ABOUT:
                    found.setdefault(word)
    for word in found:
        report.add(_line(text, word), word, _LEFT_OUT.get(word, "has no meaning here"))


def _line(text: bytes, word: str, key: bool = True) -> int:
    """Where a key, or a text, first stands; 0 where it is written in another way."""
    quoted, at = msgspec.json.encode(word), -1
    while (at := text.find(quoted, at + 1)) >= 0:
        if not key or text[at + len(quoted) :][:20].lstrip().startswith(b":"):
            return text.count(b"\n", 0, at) + 1
    return 0
