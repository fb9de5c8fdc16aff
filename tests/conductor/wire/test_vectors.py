"""The golden vectors: Python, the `msgpack` package and Rust agree on every one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest

from conductor.wire import bounds, registry
from conductor.wire.base import WireError, decode
from conductor.wire.vectors import EXTRA, portable
from tests.shared import ROOT

FILES = sorted((ROOT / "schemas" / "vectors").glob("*.json"))
VALID = [(path.stem, case) for path in FILES for case in json.loads(path.read_text())["valid"]]
INVALID = [(path.stem, case) for path in FILES for case in json.loads(path.read_text())["invalid"]]


def named(cases: list[Any]) -> list[Any]:
    return [pytest.param(*case, id=f"{case[0]}: {case[1]['name']}") for case in cases]


def without_extra(value: Any) -> Any:
    return {key: item for key, item in value.items() if key != EXTRA} if isinstance(value, dict) else value


def contains(whole: Any, part: Any) -> bool:
    """Whether all of `part` is in `whole`: defaults may have been added."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def test_there_are_vectors_of_every_message() -> None:
    members = {member.__name__ for union in registry.UNIONS.values() for member in union.__args__}
    assert {path.stem for path in FILES} == set(registry.messages()) - members
    assert len(VALID) > 250
    assert len(INVALID) > 500


@pytest.mark.parametrize(("name", "case"), named(VALID))
def test_a_valid_one_decodes_to_its_value(name: str, case: dict[str, Any]) -> None:
    data = bytes.fromhex(case["hex"])
    message = decode(data, registry.messages()[name])
    again = portable(msgspec.msgpack.decode(msgspec.msgpack.encode(message)))
    assert contains(again, without_extra(case["value"]))
    assert portable(msgpack.unpackb(data)) == case["value"]  # an independent codec reads the same


@pytest.mark.parametrize(("name", "case"), named(INVALID))
def test_an_invalid_one_is_refused_with_its_kind(name: str, case: dict[str, Any]) -> None:
    with pytest.raises(WireError) as refused:
        decode(bytes.fromhex(case["hex"]), registry.messages()[name])
    assert refused.value.kind == case["kind"]


def test_a_message_over_the_bound_is_refused_before_it_is_read() -> None:
    with pytest.raises(WireError) as refused:
        decode(b"\x00" * (bounds.MESSAGE_BYTES_MAX + 1), registry.messages()["Cancel"])
    assert refused.value.kind == "too_large"


@pytest.fixture(scope="module")
def rust() -> list[str]:
    """What the Rust codec answers to every vector, valid ones first."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not here: the Rust codec cannot be asked")
    lines = "".join(f"{name} {case['hex']}\n" for name, case in (*VALID, *INVALID))
    command = ["cargo", "run", "--locked", "--quiet", "-p", "symphony-protocol", "--example", "reencode"]
    done = subprocess.run(command, cwd=ROOT, input=lines, capture_output=True, text=True, timeout=900, check=True)
    return done.stdout.splitlines()


@pytest.mark.serial
@pytest.mark.timeout(900)
def test_what_rust_writes_python_reads_as_the_same_value(rust: list[str]) -> None:
    assert len(rust) == len(VALID) + len(INVALID)
    for (name, case), line in zip(VALID, rust, strict=False):
        verdict, _, data = line.partition(" ")
        assert verdict == "ok", (name, case["name"], line)
        mine = decode(bytes.fromhex(case["hex"]), registry.messages()[name])
        assert decode(bytes.fromhex(data), registry.messages()[name]) == mine, (name, case["name"])


@pytest.mark.serial
@pytest.mark.timeout(900)
def test_rust_refuses_what_python_refuses_and_with_the_same_kind(rust: list[str]) -> None:
    for (name, case), line in zip(INVALID, rust[len(VALID) :], strict=True):
        assert line.partition(" ")[0] == case["kind"], (name, case["name"], line)


def test_the_bounds_are_the_same_in_both_languages() -> None:
    text = (ROOT / "extensions-rs" / "protocol" / "src" / "bounds.rs").read_text()
    found = {}
    for line in text.splitlines():
        if line.startswith("pub const "):
            name, _, value = line.removeprefix("pub const ").rstrip(";").partition(":")
            found[name] = eval(value.partition("=")[2].replace("_", ""))  # a product of numbers of ours
    mine = {name: value for name, value in vars(bounds).items() if name.isupper()}
    assert found == mine


def path_of(tmp_path: Path) -> Path:
    """A copy of the schemas, to be touched."""
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    return tmp_path


def test_the_schemas_of_the_tree_are_what_the_messages_say() -> None:
    from conductor.wire.emit import check
    from conductor.workflow.document import workflow_schema

    assert check(ROOT, workflow_schema()) == []


def test_a_touched_a_missing_and_a_foreign_file_are_found(tmp_path: Path) -> None:
    from conductor.wire.emit import check, emit
    from conductor.workflow.document import workflow_schema

    root = path_of(tmp_path)
    (root / "schemas" / "asyncapi.json").write_text("{}")
    (root / "schemas" / "vectors" / "Cancel.json").unlink()
    (root / "schemas" / "vectors" / "Nothing2.json").write_text("{}")
    assert check(root, workflow_schema()) == [
        "schemas/asyncapi.json differs",
        "schemas/vectors/Cancel.json is missing",
        "schemas/vectors/Nothing2.json belongs to no message",
    ]
    emit_into = tmp_path / "extensions-rs" / "protocol" / "src" / "messages"
    emit_into.mkdir(parents=True)
    emit(root, workflow_schema())
    assert check(root, workflow_schema()) == []
