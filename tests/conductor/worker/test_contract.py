"""Signatures are contracts: what fits is converted, what does not is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import pytest

from conductor.worker.contract import Contract, output_value
from conductor.worker.errors import ContractError
from conductor.worker.task import task
from conductor.workflow import Directory, File


@dataclass
class Point:
    x: int
    y: int = 0


class Found(TypedDict):
    words: dict[str, int]
    total: int


def sample(file: File, count: int = 3, scale: float | None = None, where: Point | None = None) -> Found: ...


def test_parameters_become_typed_inputs():
    inputs = Contract(sample).inputs()
    assert {n: (p.type, p.required, p.default) for n, p in inputs.items()} == {
        "file": ("file", True, None),
        "count": ("integer", False, 3),
        "scale": ("any", False, None),
        "where": ("any", False, None),
    }


def test_the_output_is_described_where_its_type_names_fields():
    outputs = Contract(sample).outputs()
    assert outputs is not None
    assert {n: p.type for n, p in outputs.items()} == {"words": "object", "total": "integer"}
    assert Contract(lambda: None).outputs() is None


def test_inputs_are_converted_to_the_functions_types():
    bound = Contract(sample).bind({"file": "a", "where": {"x": 1}})
    assert bound == {"file": "a", "where": Point(1)}


@pytest.mark.parametrize(
    ("inputs", "names"),
    [
        ({}, "'file' is missing"),
        ({"file": "a", "cuont": 1}, "'cuont'"),
        ({"file": "a", "count": "many"}, "'count'"),
        ({"file": 3}, "'file'"),
        ([], "mapping"),
    ],
)
def test_what_does_not_fit_is_a_contract_error_that_names_it(inputs, names):
    with pytest.raises(ContractError, match=names) as caught:
        Contract(sample).bind(inputs)
    assert caught.value.kind == "contract"
    assert not caught.value.retryable


def test_keyword_arguments_open_the_contract():
    def anything(folder: Directory, **rest): ...

    function = Contract(anything).function("a.b", "")
    assert function.open_inputs
    assert Contract(anything).bind({"folder": "f", "more": 1}) == {"folder": "f", "more": 1}


def test_an_input_without_a_name_cannot_be_offered():
    def bad(a, /): ...

    with pytest.raises(TypeError, match="'a'"):
        Contract(bad)


def test_an_output_that_cannot_be_sent_is_a_contract_error():
    assert output_value(Point(1, 2)) == {"x": 1, "y": 2}
    with pytest.raises(ContractError, match="cannot be sent"):
        output_value(object())


def test_a_task_is_still_a_function():
    @task("sample.double", pure=True)
    def double(n: int) -> int:
        """Twice as much."""
        return 2 * n

    assert double(4) == 8
    assert double.manifest.capability == "sample.double"
    assert double.manifest.pure
    assert double.manifest.description == "Twice as much."
    assert double.how == "thread"


def test_an_async_function_cannot_be_cpu_bound():
    with pytest.raises(TypeError, match="process"):

        @task("sample.bad", cpu=True)
        async def bad() -> None: ...
