"""What a worker says that it has: labels and resources, as text of the command line or the environment. Pure."""

from __future__ import annotations

import re

_SIZE = re.compile(r"^(?P<count>\d+(?:\.\d+)?)(?P<unit>B|KiB|MiB|GiB|TiB)?$")
_UNITS = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def labels(text: str) -> dict[str, str]:
    """`zone=a,rack=7` as names with values.

    Raises:
        ValueError: a part is no `name=value`; the text says which.
    """
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = part.partition("=")
        if not (name and equals and value):
            raise ValueError(f"{part!r} is no label: write name=value")
        found[name.strip()] = value.strip()
    return found


def resources(text: str) -> dict[str, float]:
    """`cpu=4,memory=8GiB,gpu=1` as counts; memory in bytes.

    Raises:
        ValueError: a part is no `name=count`; the text says which.
    """
    found = {}
    for name, value in labels(text).items():
        size = _SIZE.match(value)
        if size is None or (name != "memory" and size["unit"] is not None):
            raise ValueError(
                f"{name}={value} is no resource: write cpu=4, memory=8GiB, gpu=1 or another name with a count"
            )
        found[name] = float(size["count"]) * _UNITS[size["unit"]]
    return found
