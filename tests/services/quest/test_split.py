"""Nothing that is tested on was trained on: structures differ, and so do names."""

from __future__ import annotations

import json

import msgspec
from quest.document import Quest, encode
from quest.levels import LEVELS, draw
from quest.levels.draft import SYLLABLES
from quest.split import split_of, structure

from tests.services.quest.drawing import some


def test_no_structure_is_in_both_splits() -> None:
    found: dict[str, set[str]] = {"train": set(), "test": set()}
    for split, seen in found.items():
        for level in LEVELS:
            for seed in range(12):
                quest = draw(level, split, seed)  # type: ignore[arg-type]
                assert split_of(quest) == split
                seen.add(structure(quest))
    assert found["train"].isdisjoint(found["test"])
    assert len(found["test"]) > 150  # not the same few graphs again and again


def test_a_structure_does_not_change_with_names_numbers_and_order() -> None:
    for quest in some(1):
        text = encode(quest).decode()
        for index, name in enumerate(sorted(quest.types, key=len, reverse=True)):
            text = text.replace(f'"{name}"', f'"Kind{index}"')
        value = json.loads(text)
        value["functions"].reverse()
        for function in value["functions"]:
            function["duration_ms"] *= 3
            function["name"] = "f" + function["name"]
        assert structure(msgspec.convert(value, Quest)) == structure(quest)


def test_the_splits_share_no_syllable() -> None:
    assert set(SYLLABLES["train"]).isdisjoint(SYLLABLES["test"])


def test_the_same_seed_gives_the_same_quest_and_another_seed_another() -> None:
    for level in LEVELS:
        assert encode(draw(level, "train", 5)) == encode(draw(level, "train", 5))
        assert encode(draw(level, "train", 5)) != encode(draw(level, "train", 6))
