"""Knobs from the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec

from quest.train.knobs import Knobs


def knobs(changes: Sequence[str]) -> Knobs:
    """The defaults with changes of the form KNOB=VALUE, the value in JSON.

    Raises:
        ValueError: there is no such knob, or the value is not one of its kind.
    """
    values = msgspec.to_builtins(Knobs())
    for change in changes:
        name, found, value = change.partition("=")
        if not found or name not in values:
            raise ValueError(f"--set {change}: there is no knob {name!r}; `symphony quest train --knobs` lists them")
        try:
            values[name] = json.loads(value)
        except ValueError:
            raise ValueError(f"--set {change}: {value!r} is no JSON value") from None
    try:
        return msgspec.convert(values, Knobs)
    except msgspec.ValidationError as error:
        raise ValueError(f"--set: {error}") from None


def rows(chosen: Knobs) -> list[tuple[str, str]]:
    """For a table."""
    return [(name, json.dumps(value)) for name, value in msgspec.to_builtins(chosen).items()]
