"""Quest files: the published schema is the code's, and what is wrong is told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from quest import schema
from quest._core import Game
from quest.document import QuestError, encode, read

from tests.services.quest.drawing import some
from tests.shared import ROOT

EXAMPLES = ROOT / "examples" / "quests"


def test_the_published_schema_is_what_the_code_makes() -> None:
    assert schema.main(["--check"]) == 0


def test_every_level_and_every_example_is_valid_by_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema.PLACE.read_text()))
    for quest in some(1):
        validator.validate(json.loads(encode(quest)))
    for path in EXAMPLES.glob("*.json"):
        validator.validate(json.loads(path.read_text()))


def test_a_file_of_somebody_else_is_played(tmp_path: Path) -> None:
    (quest,) = read(EXAMPLES / "locked-door.json")
    play = Game(encode(quest)).play(quest.seed)
    play.finish("rules", 1)
    assert play.won


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "schema"),
        ('{"quest": "a"}', "schema"),
        ("[]", ""),
    ],
)
def test_a_file_that_is_no_quest_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "quests.json"
    path.write_text(text)
    if not told:
        assert read(path) == []
        return
    with pytest.raises(QuestError, match=told) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_names_that_nobody_declared_are_refused_with_their_place() -> None:
    (quest,) = read(EXAMPLES / "locked-door.json")
    value = json.loads(encode(quest))
    value["functions"][0]["output"]["type"] = "Ghost"
    with pytest.raises(ValueError, match="Ghost is used and not declared"):
        Game(json.dumps(value).encode())
    value = json.loads(encode(quest))
    value["functions"][0]["pools"] = ["moon"]
    with pytest.raises(ValueError, match="there is no pool moon"):
        Game(json.dumps(value).encode())
