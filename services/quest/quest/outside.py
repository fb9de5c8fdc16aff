"""Foreign problems, none of them ever trained on: how far a policy's schedules are from the best known ones.

A folder with `scheduling/{jobshop,rcpsp}` and their `best-known.tsv`, `wfinstances`, `taskbench/huggingface`. Whatever is
not there is left out. Deadlines are a quarter above HEFT's makespan, so that a policy sees a tight one as in training; a
play that misses it counts as late.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import numpy as np

from conductor.policy.encoder import encode as tables
from conductor.policy.observation import Observation
from quest._core import Game, Play
from quest.convert import scheduling, taskbench, wfformat
from quest.document import Limits, Quest, encode
from quest.players import Policy, player

Tell = Callable[[str], None]
TRIES = 64
"""Plays of each side where the best of many counts: randomised heuristics and samples of the policy alike."""
TEMPERATURE = 0.5
DEADLINE = 1.25
SLOTS = (2, 4, 8, 16, 32, 64)
NOISE = 0.3
TASKS_MAX = 320
"""Larger traces are left out: the observation looks at every pair of candidates, and minutes become hours."""
HEURISTICS = ("longest-path", "heft", "greedy")


def tightened(quest: Quest) -> Quest:
    """The quest with a deadline from what HEFT takes."""
    play = Game(encode(quest)).play(quest.seed)
    play.finish("heft", 1)
    limits = Limits(deadline_ms=int(play.now_ms * DEADLINE) + 1, budget=quest.limits.budget, calls=quest.limits.calls)
    return msgspec.structs.replace(quest, limits=limits)


def makespan_ms(quest: Quest, seed: int, who: str | Policy) -> float:
    """What one play takes; infinite where it does not come to its end."""
    play = Game(encode(quest)).play(seed)
    if isinstance(who, str):
        play.finish(who, 1)
    else:
        who.play(play, seed)
    return float(play.now_ms) if play.won else math.inf


def best_of(quest: Quest, policy: Policy, tries: int) -> float:
    """The best of the first choice and of samples from the policy's own distribution."""
    rng = Random(1)
    best = makespan_ms(quest, quest.seed, policy)
    for _ in range(tries - 1):
        play = Game(encode(quest)).play(quest.seed)
        choices = play.forced()
        while choices:
            choices = play.choose(_sampled(play, policy, rng))
        best = min(best, float(play.now_ms) if play.won else math.inf)
    return best


def _sampled(play: Play, policy: Policy, rng: Random) -> int:
    scores, _ = policy.network.scores(tables(Observation.of(play.observe())))
    weights = np.exp((scores - scores.max()) / TEMPERATURE)
    return rng.choices(range(len(weights)), weights.tolist())[0]


def measure(folder: Path, name: str, tell: Tell) -> dict[str, Any]:
    """All that the folder has: titles, columns and rows, with `policy`.

    Raises:
        FileNotFoundError: the folder has none of it.
        PolicyError: the policy is refused.
    """
    policy = player(name)
    if not isinstance(policy, Policy):
        raise ValueError(f"--outside measures a network beside the heuristics; {name} is none")
    parts = [*_schedules(folder / "scheduling", policy, tell), *_workflows(folder / "wfinstances", policy, tell)]
    parts += _tools(folder / "taskbench" / "huggingface", policy)
    if not parts:
        raise FileNotFoundError(f"{folder} has neither scheduling, wfinstances nor taskbench")
    return {"policy": policy.name, "parts": parts}


def _schedules(folder: Path, policy: Policy, tell: Tell) -> Iterable[dict[str, Any]]:
    rows = []
    for kind, pattern, read in (("jobshop", "*.txt", scheduling.jobshop), ("rcpsp", "*.rcp", scheduling.rcpsp)):
        known = _best_known(folder / kind / "best-known.tsv")
        for path in sorted((folder / kind).glob(pattern)):
            if path.stem not in known:
                continue
            tell(f"{kind} {path.stem}")
            quest = tightened(read(path.stem, path.read_text("utf-8")))
            best = known[path.stem] * scheduling.UNIT_MS
            each = [makespan_ms(quest, quest.seed, who) for who in (*HEURISTICS, policy)]
            many = (Game(encode(quest)).play(quest.seed).oracle(TRIES, 1)[2], best_of(quest, policy, TRIES))
            rows.append((path.stem, *(_gap(ms, best) for ms in (*each, *many))))
    if rows:
        columns = ("instance", *HEURISTICS, "policy", f"heuristics, best of {TRIES}", f"policy, best of {TRIES}")
        yield {"title": "Gap to the best known makespan", "columns": columns, "rows": rows}


def _workflows(folder: Path, policy: Policy, tell: Tell) -> Iterable[dict[str, Any]]:
    rows = []
    for path in sorted(folder.glob("*.json*")):
        if len(wfformat.read(path, 1).functions) > TASKS_MAX:
            tell(f"{path.name} has more than {TASKS_MAX} tasks and is left out")
            continue
        for spread in (0.0, NOISE):
            ratios: dict[str, list[float]] = {who: [] for who in (*HEURISTICS, "policy")}
            for slots in SLOTS:
                quest = tightened(wfformat.read(path, slots, spread))
                bound = max(Game(encode(quest)).least_ms, sum(f.duration_ms for f in quest.functions) / slots)
                for who, found in ratios.items():
                    ms = makespan_ms(quest, quest.seed, policy if who == "policy" else who)
                    found.append(ms / bound)
            tell(f"{path.name}, noise {spread}")
            rows.append((f"{path.name.split('.')[0]}, noise {spread}", *map(_mean, ratios.values())))
    if rows:
        title = f"Recorded workflows: makespan over the lower bound, geometric mean over {SLOTS} slots"
        yield {"title": title, "columns": ("workflow", *HEURISTICS, "policy"), "rows": rows}


def _tools(folder: Path, policy: Policy) -> list[dict[str, Any]]:
    gold = folder / "gold_hand_8.jsonl"
    if not gold.exists():
        return []
    lines = {str(one["id"]): one for one in map(msgspec.json.decode, gold.read_bytes().splitlines())}
    won, shares = 0, []
    quests = taskbench.quests(folder, gold)
    for quest in quests:
        play = Game(encode(quest)).play(quest.seed)
        won += policy.play(play, quest.seed).won
        used = {quest.functions[index].name for index in play.held()}
        shares.append(taskbench.f1(used, {node["task"] for node in lines[quest.quest]["task_nodes"]}))
    mean = sum(shares) / len(shares)
    row = (f"huggingface, {len(quests)} gold graphs", f"{won}/{len(quests)}", f"{mean:.3f}")
    return [{"title": "Tool graphs", "columns": ("set", "goal reached", "node F1"), "rows": [row]}]


def _best_known(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8") as file:
        return {row["instance"]: int(row["upper_bound"]) for row in csv.DictReader(file, delimiter="\t")}


def _gap(ms: float, best_ms: float) -> str:
    return f"{ms / best_ms - 1:.1%}" if math.isfinite(ms) else "late"


def _mean(ratios: list[float]) -> str:
    """The geometric mean of the plays that met the deadline, and how many did not."""
    met = [ratio for ratio in ratios if math.isfinite(ratio)]
    late = len(ratios) - len(met)
    mean = f"{math.exp(sum(map(math.log, met)) / len(met)):.4f}" if met else ""
    return f"{mean} ({late} late)".strip() if late else mean
