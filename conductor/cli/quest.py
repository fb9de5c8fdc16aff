"""`symphony quest`: the Function Quest Game. The service is a package of its own, loaded when a verb needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from conductor.cli.connect import json_option
from conductor.cli.output import FAILED, Refusal, emit, say, table

PLAYERS = "shipped, random, greedy, longest-path, heft, rules, planner, oracle, or the path of an ONNX file"
FORMATS = ("taskbench", "jobshop", "rcpsp", "wfformat", "pddl")
BESIDE = ("random", "greedy", "longest-path", "heft", "rules", "oracle")
COLUMNS = ("level", "lesson", "success", "95 %", "score", "of oracle")
LEVELS_MAX = 20


class Numbers(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in some releases of click
    """`3`, `1-5`, or `1,4,7-9`."""

    name = "levels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        found: list[int] = []
        for part in str(value).split(","):
            first, _, last = part.partition("-")
            if not first.isdigit() or not (last or first).isdigit():
                self.fail(f"{part!r} is no level: 3, 1-5 or 1,4,7-9", param, ctx)
            found.extend(range(int(first), int(last or first) + 1))
        if not found or min(found) < 1 or max(found) > LEVELS_MAX:
            self.fail(f"levels are 1 to {LEVELS_MAX}", param, ctx)
        return tuple(dict.fromkeys(found))


@click.group()
def quest() -> None:
    """The Function Quest Game: levels, play, evaluation, and the training of the conductor's policy."""


def _need(module: str, extra: str = "quest") -> Any:
    """A module of the service, or one line that says how to get it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Refusal(f"this needs {error.name or module}: install symphony-conductor[{extra}]") from None


@quest.command()
@json_option
def levels(as_json: bool) -> None:
    """The twenty levels and their lessons."""
    found = _need("quest.levels").LEVELS.values()
    if as_json:
        emit([{"level": x.number, "name": x.name, "lesson": x.lesson, "visible": x.visible} for x in found])
        return
    table("", ("level", "name", "infrastructure", "lesson"), [(x.number, x.name, x.visible, x.lesson) for x in found])


@quest.command()
@click.argument("level", type=click.IntRange(1, LEVELS_MAX), default=1)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another quest of the level")
@click.option("--file", type=click.Path(path_type=Path), help="The first quest of a file instead")
@click.option("--watch", metavar="PLAYER", help=f"Watch one play: {PLAYERS}")
def play(level: int, seed: int, file: Path | None, watch: str | None) -> None:
    """Play a quest in the terminal."""
    terminal = _need("quest.terminal")
    chosen = _quests(file)[0] if file else _need("quest.levels").draw(level, "train", seed)
    with _refusals():
        terminal.play(chosen, say, lambda: click.prompt("choice", prompt_suffix="> "), watch)


@quest.command("eval")
@click.option("--policy", default="shipped", show_default=True, help=f"Who: {PLAYERS}")
@click.option("--beside", default=",".join(BESIDE), help="Others on the same quests, by commas; empty: nobody")
@click.option("--levels", "numbers", type=Numbers(), default=f"1-{LEVELS_MAX}", show_default=True)
@click.option("--episodes", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Of each level")
@click.option("--split", type=click.Choice(["test", "train"]), default="test", show_default=True)
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes; as many as there are processors")
@click.option("--file", type=click.Path(path_type=Path), help="Quests of this file in place of the levels")
@click.option(
    "--outside", type=click.Path(path_type=Path), help="Foreign problems of this folder in place of the levels"
)
@json_option
def evaluate(
    policy: str,
    beside: str,
    numbers: tuple[int, ...],
    episodes: int,
    split: str,
    jobs: int | None,
    file: Path | None,
    outside: Path | None,
    as_json: bool,
) -> None:
    """Measure a policy on quests of structures that nobody trained on."""
    module = _need("quest.evaluate")
    names = [policy, *(name for name in beside.split(",") if name and name != policy)]
    tell = lambda line: say(f"quest: {line}", err=True)  # noqa: E731
    with _refusals():
        if outside is not None:
            _outside(outside, policy, as_json, tell)
            return
        if file is not None:
            table_ = module.Table()
            players = [_need("quest.players").player(name) for name in names]
            for name, row in module.play_all(_quests(file), players):
                table_.add(name, row)
        else:
            table_ = module.evaluate(names, numbers, episodes, split, jobs or module.processors(), tell)
    documents = [table_.document(name) for name in table_.rows]
    documents.sort(key=lambda one: one["policy"] not in (policy, table_.first))
    if as_json:
        emit({**documents[0], "beside": {one["policy"]: one for one in documents[1:]}})
        return
    _show(documents)


def _show(documents: list[dict[str, Any]]) -> None:
    lessons = {level.number: level.lesson for level in _need("quest.levels").LEVELS.values()}
    first = documents[0]
    rows = [
        (
            row["level"] or "",
            lessons.get(row["level"], ""),
            f"{row['success']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}",
            f"{row['score']:.3f}",
            f"{row['score'] / row['oracle_score']:.3f}" if row["oracle_score"] else "",
        )
        for row in first["levels"]
    ]
    table(first["policy"], COLUMNS, rows, ("level", "success", "score", "of oracle"))
    whole = [
        (
            one["policy"],
            f"{one['success']:.2%}",
            f"{one['low']:.2%} to {one['high']:.2%}",
            f"{min(row['success'] for row in one['levels']):.1%}",
            f"{one['score']:.3f}",
            f"{one['of_oracle']:.3f}",
        )
        for one in documents
    ]
    table("all levels", ("player", "success", "95 %", "worst level", "score", "of oracle"), whole, ("success", "score"))


def _outside(folder: Path, policy: str, as_json: bool, tell: Any) -> None:
    """Job shops, RCPSP, recorded workflows and tool graphs of a folder."""
    found = _need("quest.outside").measure(folder, policy, tell)
    if as_json:
        emit(found)
        return
    for part in found["parts"]:
        table(part["title"], part["columns"], part["rows"], part["columns"][1:])


def _quests(file: Path) -> list[Any]:
    with _refusals():
        found: list[Any] = _need("quest.document").read(file)
    if not found:
        raise Refusal(f"{file} holds no quest")
    return found


class _refusals:
    """The service's errors as one line each."""

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        from conductor.policy.errors import PolicyError

        document = _need("quest.document")
        if isinstance(error, PolicyError | document.QuestError | ValueError | FileNotFoundError):
            raise Refusal(str(error)) from None


@quest.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/quest"), show_default=True)
@click.option(
    "--set", "changes", multiple=True, metavar="KNOB=VALUE", help="Another value of a knob; `--knobs` lists them"
)
@click.option("--knobs", is_flag=True, help="List the knobs and their values")
def train(out: Path, changes: tuple[str, ...], knobs: bool) -> None:
    """Train a policy; a training that was broken off goes on."""
    setting = _need("quest.train.setting")
    with _refusals():
        chosen = setting.knobs(changes)
        if knobs:
            table("", ("knob", "value"), setting.rows(chosen))
            return
        command = _need("quest.train.command", "train")
        path = command.run(out, chosen, lambda line: say(f"quest: {line}", err=True))
    say(f"{path}: `symphony quest eval --policy {path}` measures it")


@quest.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("build/quest"), show_default=True, help="A training's folder"
)
@click.option("--ship", is_flag=True, help="Put it into the package, in place of the policy that is there")
def export(out: Path, ship: bool) -> None:
    """Write the newest checkpoint of a training as an ONNX file, with its card."""
    command = _need("quest.train.command", "train")
    with _refusals():
        path = command.write(out)
        if ship:
            path = command.ship(path)
    say(str(path))


@quest.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--from", "form", type=click.Choice(FORMATS), required=True)
@click.option(
    "--slots", type=click.IntRange(1, 4096), default=4, show_default=True, help="Of the pool of a recorded workflow"
)
@click.option("--out", type=click.Path(path_type=Path), help="Where to; stdout otherwise")
def convert(file: Path, form: str, slots: int, out: Path | None) -> None:
    """Turn a foreign problem into a quest file."""
    with _refusals():
        text = _need("quest.convert").convert(file, form, slots)
    if out is None:
        say(text)
        return
    try:
        out.write_text(text + "\n", "utf-8")
    except OSError as error:
        raise Refusal(f"--out {out}: {error.strerror}", FAILED) from None
