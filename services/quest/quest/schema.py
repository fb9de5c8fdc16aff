"""`python -m quest.schema [--check]`: writes `schemas/quest.schema.json`, or says whether it is what the code makes."""

from __future__ import annotations

import sys
from pathlib import Path

from quest.document import schema

PLACE = Path(__file__).resolve().parents[3] / "schemas" / "quest.schema.json"


def main(arguments: list[str]) -> int:
    """Exit code 1 where `--check` finds a difference."""
    if "--check" in arguments:
        return int(not PLACE.exists() or PLACE.read_text("utf-8") != schema())
    PLACE.write_text(schema(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
