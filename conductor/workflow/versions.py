"""Semantic versions and the ranges that stand behind `@`: `extensions-rs/workflow/src/versions.rs` reads them alike.

A range is one or more comparisons that must all hold, with commas or spaces between them: `^1.2`, `~1.2.3`, `>=1.0 <2`,
`1.4.0`, `1.4` (any 1.4.x), `*`. A pre-release is taken only by a range that is exactly it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_PART = re.compile(r"^(>=|<=|>|<|\^|~|=)?(\d{1,9}(?:\.\d{1,9}){0,2})$")
_VERSION = re.compile(r"^(\d{1,9})\.(\d{1,9})\.(\d{1,9})(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$")


def newest(versions: Iterable[str], wanted: str = "") -> str | None:
    """The newest of some versions that is in a range; an empty one takes every release. None where there is none.

    Raises:
        ValueError: the range is none.
    """
    fitting = [version for version in versions if holds(wanted, version)]
    return max(fitting, key=_numbers, default=None)


def holds(wanted: str, version: str) -> bool:
    """Whether a version is in a range.

    Raises:
        ValueError: the range is none.
    """
    found = _VERSION.match(version)
    if "-" in wanted:
        return wanted == version
    if found is None or found[4]:
        return False
    have = _numbers(version)
    return all(_compare(part, have) for part in re.split(r"[ ,]+", wanted) if part not in ("", "*"))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[-+]", version)[0].split("."))


def _compare(part: str, have: tuple[int, ...]) -> bool:
    found = _PART.match(part)
    if found is None:
        raise ValueError(f"{part!r} is no range of versions: write ^1.2, ~1.2.3, >=1.0 <2, 1.4.0 or *")
    wanted = _numbers(found[2])
    # Parts that are not written count as 0 below and as "any" above.
    written = have[: len(wanted)]
    match found[1]:
        case ">=":
            return written >= wanted
        case ">":
            return written > wanted
        case "<=":
            return written <= wanted
        case "<":
            return written < wanted
        case "^":
            leading = next((at for at, number in enumerate(wanted) if number > 0), len(wanted) - 1)
            return written >= wanted and have[: leading + 1] == wanted[: leading + 1]
        case "~":
            same = min(len(wanted), 2)
            return written >= wanted and have[:same] == wanted[:same]
        case _:
            return written == wanted
