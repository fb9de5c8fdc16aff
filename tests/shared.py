"""Where the shared material lies: `SYMPHONY_SHARED`, or `../shared` beside the checkout. Tests skip where it is absent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def shared(*parts: str) -> Path:
    """A path of the shared material; skips the calling test where it is not there."""
    base = Path(os.environ.get("SYMPHONY_SHARED", ROOT.parent / "shared"))
    path = base.joinpath("data", *parts)
    if not path.exists():
        pytest.skip(f"shared material {'/'.join(parts)} is not here; set SYMPHONY_SHARED to its folder")
    return path
