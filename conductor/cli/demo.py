"""`symphony demo`: the word atlas of this Python's standard library, on a system that starts and stops with it."""

from __future__ import annotations

import re
import sysconfig
import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
import msgspec

from conductor.cli import connect
from conductor.cli.connect import Place, json_option
from conductor.cli.output import FAILED, Refusal, console, duration, emit, say

DEFAULT_FOLDER = ".symphony/demo"
_WORD = re.compile(r"[^\W\d_]+")


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Another folder of texts")
@click.option("--pattern", help="Which of its files; **/*.py for the standard library, **/* otherwise")
@click.option("--data", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True)
@json_option
@click.pass_context
def demo(ctx: click.Context, folder: Path | None, pattern: str | None, data: Path, as_json: bool) -> None:
    """Count the words of a thousand real files, one task each, and draw the most frequent ones."""
    if folder is not None and not folder.is_dir():
        raise Refusal(f"--folder: there is no folder {folder}")
    root = (folder or Path(sysconfig.get_paths()["stdlib"])).resolve()
    chosen = pattern or ("**/*.py" if folder is None else "**/*")
    code = connect.run(_demo(root, chosen, data, as_json))
    ctx.exit(code)


def atlas() -> dict[str, Any]:
    """The document of `examples/word-atlas`, without installed packages: they differ from machine to machine."""
    from conductor.wire.table import data_file
    from conductor.workflow.reader import read_file

    document = read_file(data_file("cli", "word-atlas.yaml", "examples/word-atlas/workflow.yaml")).value
    document["tasks"]["list"]["with"]["exclude"] = "**/site-packages"
    document["outputs"]["top"] = "${tasks.merge.top}"
    return document


async def _demo(root: Path, pattern: str, data: Path, as_json: bool) -> int:
    from conductor.cli import follow
    from conductor.embedded import System, SystemOptions
    from conductor.workflow.client import SubmitOptions
    from conductor.workflow.reader import read_bytes

    began = time.perf_counter()
    async with System(SystemOptions(data)) as system:
        if not as_json:
            up = duration((time.perf_counter() - began) * 1000)
            say(f"A system is up at {system.url} after {up}: broker, five Pit services, conductor, worker.")
            say(f"The word atlas of {root} ({pattern}), one task a file:\n")
        async with connect.client(Place(data, system.url)) as client:
            source = read_bytes(msgspec.json.encode(atlas()), "word-atlas")
            inputs = {"folder": str(root), "pattern": pattern}
            submit = client.draft("word-atlas", source.packed(), inputs, SubmitOptions(watch=not as_json))
            await client.submit([submit])
            with follow.Progress("word-atlas") as progress:
                async for event in client.events(submit.run):
                    progress.take(event)
                    if event.ended is not None:
                        ended = event.ended
            end = await follow.document(client, ended)
            svg = await _save_chart(client, end, data)
    loop_ms, words = _single_loop(root, pattern)
    end["loop_ms"], end["loop_words"], end["svg"] = round(loop_ms, 1), words, str(svg) if svg else None
    if as_json:
        emit(end)
    else:
        _tell(end, data)
    return 0 if end["status"] == "succeeded" else FAILED


async def _save_chart(client: Any, end: dict[str, Any], data: Path) -> Path | None:
    mark = (end["outputs"] or {}).get("chart")
    if not isinstance(mark, dict):
        return None
    path = data / "word-atlas.svg"
    path.write_bytes(await client.artifacts.get(mark["digest"]))
    return path


def _single_loop(root: Path, pattern: str) -> tuple[float, int]:
    """The same counts by one Python loop: what the run is compared with."""
    began = time.perf_counter()
    counts: Counter[str] = Counter()
    for path in sorted(root.glob(pattern)):
        if "site-packages" in path.relative_to(root).parts or not path.is_file():
            continue
        counts.update(_WORD.findall(path.read_text(encoding="utf-8", errors="replace").lower()))
    return (time.perf_counter() - began) * 1000, counts.total()


def _tell(end: dict[str, Any], data: Path) -> None:
    tasks = end["tasks"]
    if end["status"] == "succeeded":
        _bars(end["outputs"]["top"])
    each = end["overhead_ms"] / max(tasks["total"], 1)
    say(
        f"\n{tasks['succeeded']} tasks {end['status']} in {duration(end['duration_ms'])}: {each:.3f} ms of overhead a task"
    )
    if end["error"]:
        say(f"error: {end['error']['kind']}: {end['error']['message']}")
    else:
        say(
            f"{end['outputs']['words']:,} words; a single-threaded loop over the same files took {duration(end['loop_ms'])}"
        )
    if end["svg"]:
        say(f"chart: {end['svg']}")
    say(f"trace: {end['trace_id']}")
    say("\nnext: symphony up --detach, then symphony run examples/word-atlas/workflow.yaml -i folder=FOLDER")
    say(f"      symphony logs --data {data}   |   README.md, “A first workflow”")


def _bars(top: list[dict[str, Any]]) -> None:
    most = max((entry["count"] for entry in top), default=1)
    for entry in top:
        bar = "█" * max(round(50 * entry["count"] / most), 1)
        console().print(f"{entry['word']:>14} [cyan]{bar}[/] {entry['count']:,}")
