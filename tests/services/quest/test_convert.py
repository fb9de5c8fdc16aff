"""Foreign problems: the converted quest has the foreign problem's best known answer as its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from quest._core import Game
from quest.convert import convert, pddl, scheduling, taskbench, wfformat
from quest.document import QuestError, encode
from quest.players import Oracle

from tests.services.quest.drawing import begun

# Two jobs on two machines: each order of the machines is forced, so that 8 is the least makespan.
SHOP = "2 2\n0 3 1 2\n1 4 0 2\n"
PROJECT = "5 1\n2\n0 0 2 2 3\n3 1 1 4\n2 2 1 4\n1 1 1 5\n0 0 0\n"
HANOI = """
(define (domain lift) (:predicates (at ?f) (next ?a ?b) (lit ?f))
  (:action move :parameters (?a ?b) :precondition (and (at ?a) (next ?a ?b)) :effect (and (at ?b) (not (at ?a))))
  (:action light :parameters (?a) :precondition (at ?a) :effect (lit ?a)))
(define (problem one) (:domain lift) (:objects g h i)
  (:init (at g) (next g h) (next h i) (next i h)) (:goal (and (lit h) (at i))))
"""


def test_a_job_shop_keeps_its_machines_and_its_order() -> None:
    quest = scheduling.jobshop("two", SHOP)
    assert [len(function.pools) for function in quest.functions] == [1, 1, 1, 1]
    assert Oracle(64).play(begun(quest), 1).end_ms == 6_000


def test_a_project_keeps_its_resources_and_passes_over_what_takes_no_time() -> None:
    quest = scheduling.rcpsp("five", PROJECT)
    assert len(quest.functions) == 3
    assert Oracle(64).play(begun(quest), 1).end_ms == 6_000  # 2 units wide: first 3 x 1, then 2 x 2, then 1


def test_a_recorded_workflow_on_one_slot_takes_its_whole_work(tmp_path: Path) -> None:
    trace = """{"name": "t", "workflow": {"specification": {"tasks": [
        {"id": "a", "children": ["b", "c"]}, {"id": "b", "parents": ["a"]}, {"id": "c"}]},
        "execution": {"tasks": [{"id": "a", "runtimeInSeconds": 1}, {"id": "b", "runtimeInSeconds": 2},
        {"id": "c", "runtimeInSeconds": 4}]}}}"""
    path = tmp_path / "t.json"
    path.write_text(trace)
    ends = {slots: Oracle(8).play(begun(wfformat.read(path, slots)), 1).end_ms for slots in (1, 2)}
    assert ends == {1: 7_000, 2: 5_000}


def test_tools_become_functions_and_the_gold_graph_a_goal(tmp_path: Path) -> None:
    (tmp_path / "tool_desc.json").write_text(
        """{"nodes": [{"id": "See", "input-type": ["image"], "output-type": ["text"]},
        {"id": "Say", "input-type": ["text"], "output-type": ["audio"]}]}"""
    )
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        '{"id": 1, "task_nodes": [{"task": "See"}, {"task": "Say"}], "task_links": [{"source": "See", "target": "Say"}]}'
    )
    (quest,) = taskbench.quests(tmp_path, gold)
    assert [one.type for one in quest.artifacts] == ["image"]
    play = begun(quest)
    play.finish("rules", 1)
    assert play.won
    assert {quest.functions[index].name for index in play.held()} == {"See", "Say"}
    assert taskbench.f1({"See"}, {"See", "Say"}) == pytest.approx(2 / 3)


def test_strips_actions_use_up_what_they_delete(tmp_path: Path) -> None:
    path = tmp_path / "lift.pddl"
    path.write_text(HANOI)
    quest = pddl.read(path, HANOI)
    assert Oracle(200).play(begun(quest), 1).won
    twice = HANOI.replace(":effect (lit ?a)", ":effect (and (lit ?a) (at ?a))")
    with pytest.raises(ValueError, match="light adds 2 facts"):
        pddl.read(path, twice)


@pytest.mark.parametrize("form", ["jobshop", "rcpsp", "wfformat", "pddl", "taskbench"])
def test_a_file_of_another_form_is_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / "what.txt"
    path.write_text("3 words (")
    with pytest.raises(QuestError, match=r"what\.txt"):
        convert(path, form, 2)


def test_what_is_converted_is_a_quest_file(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    path.write_text(SHOP)
    Game(convert(path, "jobshop", 1).encode())
    assert encode(scheduling.jobshop("two", SHOP))
