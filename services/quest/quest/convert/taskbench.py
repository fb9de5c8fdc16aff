"""Tool graphs of TaskBench as quests: every tool is a function, a request's gold graph says what is wanted.

A tool takes values by their kinds (text, image, audio, ...) and gives a value of a kind with the field `by`: itself. The
goal is the value of the gold graph's last tool; what the request brings along is given. Which tools make a text good is
said by words that a quest has not, so the graph that is found may be shorter than the gold one: node F1 says how much.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quest.document import Artifact, Function, Goal, Input, Limits, Pool, Quest, TypeRef

STEP_MS = 1000.0
SLACK = 3


def quests(folder: Path, gold: Path) -> list[Quest]:
    """A quest for each line of a file of gold graphs whose tools are all in the folder's `tool_desc.json`.

    Raises:
        ValueError: no line can be used.
    """
    tools = {tool["id"]: tool for tool in json.loads((folder / "tool_desc.json").read_text("utf-8"))["nodes"]}
    lines = [json.loads(line) for line in gold.read_text("utf-8").splitlines() if line.strip()]
    made = [_quest(tools, line) for line in lines if all(node["task"] in tools for node in line["task_nodes"])]
    if not made:
        raise ValueError("no line names only tools of tool_desc.json")
    return made


def _kinds(tools: dict[str, Any]) -> list[str]:
    return sorted({kind for tool in tools.values() for kind in [*tool["input-type"], _made(tool)]})


def _made(tool: dict[str, Any]) -> str:
    """What a tool gives: the first kind of several; a few of the set's tools name none."""
    kinds = tool["output-type"]
    return str(kinds[0]) if kinds else "nothing"


def _quest(tools: dict[str, Any], line: dict[str, Any]) -> Quest:
    functions = [
        Function(
            name=name,
            inputs=[Input(type=kind) for kind in dict.fromkeys(tool["input-type"])],
            output=TypeRef(type=_made(tool), fields={"by": name}),
            duration_ms=STEP_MS,
            cost=1.0,
        )
        for name, tool in tools.items()
    ]
    names = [node["task"] for node in line["task_nodes"]]
    linked = {link["target"] for link in line["task_links"]}
    sources = {link["source"] for link in line["task_links"]}
    last = next((name for name in names if name not in sources), names[-1])
    fed: dict[str, list[str]] = {}
    for link in line["task_links"]:
        fed.setdefault(link["target"], []).append(_made(tools[link["source"]]))
    given: list[str] = []
    for name in names:
        made = fed.get(name, []) if name in linked else []
        given.extend(kind for kind in tools[name]["input-type"] if kind not in made)
    return Quest(
        quest=str(line["id"]),
        types={kind: ["by"] for kind in _kinds(tools)},
        functions=functions,
        pools=[Pool(name="tools", slots=2)],
        artifacts=[Artifact(type=kind) for kind in dict.fromkeys(given)],
        goals=[Goal(type=_made(tools[last]), fields={"by": last})],
        limits=Limits(
            deadline_ms=int(STEP_MS * SLACK * (len(names) + 1)),
            budget=float(SLACK * (len(names) + 1)),
            calls=SLACK * len(names) + 1,
        ),
    )


def f1(found: set[str], gold: set[str]) -> float:
    """Of names, or of pairs of names; 1 where both are empty."""
    if not found and not gold:
        return 1.0
    both = len(found & gold)
    return 2 * both / (len(found) + len(gold)) if both else 0.0
