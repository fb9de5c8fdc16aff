"""A quest as it is written in a file: what `schemas/quest.schema.json` is made from.

Times are milliseconds of the virtual clock, costs are in one currency of the quest's own. Names are for people: a policy
sees functions by their types, contracts and statistics.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Millis = Annotated[int, msgspec.Meta(ge=0)]
Fields = dict[str, str]

SCHEMA_ID = "quest.schema.json"


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A part of a quest file; unknown words are refused."""


class TypeRef(Part, frozen=True, kw_only=True):
    """A declared type, with the values that some of its fields have."""

    type: str
    fields: Fields = {}


class Input(Part, frozen=True, kw_only=True):
    """A value that a call takes: of this type, with at least these fields. `consume`: the call uses it up."""

    type: str
    fields: Fields = {}
    consume: bool = False


class Failures(Part, frozen=True, kw_only=True):
    """Chances of a call: down for a while, never working (drawn once a game), refused by the contract, slow, input gone."""

    transient: Chance = 0.0
    permanent: Chance = 0.0
    garbage: Chance = 0.0
    slow: Chance = 0.0
    lost_input: Chance = 0.0


class Rate(Part, frozen=True, kw_only=True):
    """So many calls in each window of the clock; the next are refused with a `retry after`."""

    calls: Annotated[int, msgspec.Meta(ge=1)]
    window_ms: Annotated[int, msgspec.Meta(ge=1)]


class SideEffect(Part, frozen=True, kw_only=True):
    """What a failed call leaves behind has to be undone first."""

    undo_ms: Millis
    undo_cost: NotNegative = 0.0


class Function(Part, frozen=True, kw_only=True):
    """A model: what it takes, gives, costs, and how it fails.

    `duration_ms` is the mean on a pool of speed 1, `spread` the standard deviation of its logarithm. `pools` empty: all.
    `fresh_ms`: how long its result may be used; `transfer_ms`: to use the result in another pool.
    """

    name: str
    inputs: list[Input] = []
    output: TypeRef
    duration_ms: Positive
    spread: NotNegative = 0.0
    cost: NotNegative = 0.0
    pools: list[str] = []
    needs: dict[str, Count] = {}
    failures: Failures = Failures()
    slow_factor: NotNegative = 4.0
    rate: Rate | None = None
    side_effect: SideEffect | None = None
    fresh_ms: Millis | None = None
    transfer_ms: Millis = 0
    backoff_ms: Millis = 100


class Drift(Part, frozen=True, kw_only=True):
    """From a moment on the speed is multiplied by this."""

    at_ms: Millis
    factor: Positive


class Pool(Part, frozen=True, kw_only=True):
    """Workers of a class: slots, speed, the price of a second of a slot, and the chance that it is broken."""

    name: str
    slots: Annotated[int, msgspec.Meta(ge=1)]
    speed: Positive = 1.0
    price: NotNegative = 0.0
    warm_up_ms: Millis = 0
    warm: bool = False
    broken: Chance = 0.0
    drift: Drift | None = None


class Artifact(Part, frozen=True, kw_only=True):
    """What is there when the game begins."""

    type: str
    fields: Fields = {}
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    fresh_ms: Millis | None = None


class Goal(Part, frozen=True, kw_only=True):
    """A value to have, by its own deadline or the limits'."""

    type: str
    fields: Fields = {}
    deadline_ms: Millis | None = None
    optional: bool = False


class Limits(Part, frozen=True, kw_only=True):
    """What a win has to stay within."""

    deadline_ms: Annotated[int, msgspec.Meta(ge=1)]
    budget: NotNegative
    calls: Count


class Quest(Part, frozen=True, kw_only=True):
    """One quest. `seed` draws what is left to chance; `types` names each type's fields."""

    quest: str
    version: Literal[1] = 1
    level: Count | None = None
    seed: Count = 0
    visible: Literal["hidden", "partly", "full"] = "full"
    types: dict[str, list[str]]
    functions: Annotated[list[Function], msgspec.Meta(min_length=1, max_length=4096)]
    pools: Annotated[list[Pool], msgspec.Meta(min_length=1, max_length=64)]
    resources: dict[str, Count] = {}
    artifacts: list[Artifact] = []
    goals: Annotated[list[Goal], msgspec.Meta(min_length=1)]
    limits: Limits


class QuestError(Exception):
    """A quest file that cannot be played. The message says what, where and what to do."""


_ENCODER = msgspec.json.Encoder()


def encode(quest: Quest) -> bytes:
    """JSON; `version` is always written, the core insists on it."""
    value = msgspec.to_builtins(quest)
    value["version"] = quest.version
    return _ENCODER.encode(value)


def read(path: Path) -> list[Quest]:
    """The quests of a file: one, or a list of them.

    Raises:
        QuestError: the file cannot be read, or holds something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise QuestError(f"{path}: {error.strerror}; name a JSON file of quests") from None
    try:
        if data.lstrip()[:1] == b"[":
            return msgspec.json.decode(data, type=list[Quest])
        return [msgspec.json.decode(data, type=Quest)]
    except msgspec.MsgspecError as error:
        raise QuestError(f"{path}: {error}; the format is schemas/quest.schema.json") from None


def schema() -> str:
    """The JSON Schema of a quest file, as text with a newline at its end."""
    (body,), parts = msgspec.json.schema_components([list[Quest] | Quest], ref_template="#/$defs/{name}")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "A quest, or a list of them",
        **body,
        "$defs": parts,
    }
    return json.dumps(whole, indent=2) + "\n"
