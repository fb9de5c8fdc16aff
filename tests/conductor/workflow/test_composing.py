"""Goals become workflows by contracts alone, or it is said which value nobody makes."""

from __future__ import annotations

from random import Random

import pytest

from conductor.wire.extensions import Function, Parameter
from conductor.workflow.composing import Wish, compose, wish
from conductor.workflow.errors import WorkflowError


def function(name: str, takes: str, gives: str, kind: str = "string") -> Function:
    parameters = {word: Parameter(type=kind) for word in takes.split()}  # type: ignore[arg-type]
    outputs = {word: Parameter(type=kind) for word in gives.split()}  # type: ignore[arg-type]
    return Function(capability=name, inputs=parameters, outputs=outputs)


SERVED = [
    function("prompt.enhance", "wish", "prompt"),
    function("features.extract", "prompt", "features"),
    function("code.generate", "prompt features", "code"),
    function("code.slow", "wish", "code"),
    function("away", "moon", "cheese"),
]


def goal(*want: str, **have: str) -> Wish:
    return Wish("g", have or {"wish": "string"}, want)


def test_a_chain_is_found_and_its_values_are_wired() -> None:
    plan = compose(goal("code"), SERVED, {"code.slow": 60.0}, "g.yaml")
    assert [one.capability for one in plan.calls] == ["prompt.enhance", "features.extract", "code.generate"]
    document = plan.document()
    assert document["tasks"]["code_generate"]["with"] == {
        "prompt": "${tasks.prompt_enhance.prompt}",
        "features": "${tasks.features_extract.features}",
    }
    assert document["tasks"]["prompt_enhance"]["with"] == {"wish": "${inputs.wish}"}
    assert document["outputs"] == {"code": "${tasks.code_generate.code}"}
    assert plan.seconds == 3.0


def test_the_cheapest_way_is_taken_and_the_other_stands_by() -> None:
    cheap = compose(goal("code"), SERVED, {"code.slow": 0.5}, "g.yaml")
    assert [one.capability for one in cheap.calls] == ["code.slow"]
    dear = compose(goal("code"), SERVED, {"code.slow": 60.0}, "g.yaml").document()
    assert dear["tasks"]["code_generate"]["fallback"] == [{"call": "code.slow", "with": {"wish": "${inputs.wish}"}}]


def test_a_type_that_differs_is_another_value() -> None:
    served = [function("a", "wish", "number", "string"), function("b", "number", "code", "integer")]
    with pytest.raises(WorkflowError, match="nobody makes number: integer, which b needs"):
        compose(goal("code"), served, {}, "g.yaml")


def test_what_nobody_makes_is_said_with_who_would_need_it() -> None:
    with pytest.raises(WorkflowError, match="nobody makes moon: string, which away needs"):
        compose(goal("cheese"), SERVED, {}, "g.yaml")
    with pytest.raises(WorkflowError, match="nobody makes unicorn, which is wanted"):
        compose(goal("unicorn"), SERVED, {}, "g.yaml")
    circle = [function("a", "x", "y"), function("b", "y", "x")]
    with pytest.raises(WorkflowError, match="wait for each other"):
        compose(goal("x"), circle, {}, "g.yaml")


def test_what_is_there_is_not_made() -> None:
    plan = compose(goal("code", prompt="string", features="string"), SERVED, {"code.slow": 60.0}, "g.yaml")
    assert [one.capability for one in plan.calls] == ["code.generate"]


@pytest.mark.parametrize("seed", range(30))
def test_every_call_of_a_plan_has_its_inputs_before_it(seed: int) -> None:
    rng = Random(seed)
    names = [f"v{index}" for index in range(14)]
    served = []
    for index in range(30):
        takes = rng.sample(names[:10], rng.randint(0, 3))
        gives = rng.sample(names, rng.randint(1, 2))
        served.append(function(f"f{index}", " ".join(takes), " ".join(gives)))
    seconds = {one.capability: rng.uniform(0.1, 9.0) for one in served}
    try:
        plan = compose(goal("v13", "v12", v0="string"), served, seconds, "g.yaml")
    except WorkflowError:
        return
    there = {"v0"}
    for one in plan.calls:
        assert set(one.inputs) <= there, one.capability
        for other in plan.standby[one.capability]:
            assert set(other.inputs) <= there
        there |= set(one.outputs or {})
    assert {"v13", "v12"} <= there
    assert 0 <= plan.seconds <= plan.work_seconds + 1e-9


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "goal, have and want"),
        ({"goal": "a", "need": 1}, "goal, have and want"),
        ({"want": ["a"]}, "a name is missing"),
        ({"goal": "a", "have": ["b"], "want": ["c"]}, "names with types"),
        ({"goal": "a"}, "a list of names is missing"),
    ],
)
def test_what_is_no_goal_is_refused_with_its_word(value: object, told: str) -> None:
    with pytest.raises(WorkflowError, match=told):
        wish(value, "g.yaml")
