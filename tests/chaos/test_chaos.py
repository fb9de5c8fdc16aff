"""A short chaos inside the ordinary tests: the whole thing, for about three minutes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.chaos.report import summary, text
from tests.chaos.run import Options, chaos

SECONDS = 120.0
SEED = 1


@pytest.mark.xdist_group("chaos")
@pytest.mark.broker
@pytest.mark.serial
@pytest.mark.timeout(900)
async def test_nothing_is_lost_and_nothing_is_wrong_whatever_dies(tmp_path: Path) -> None:
    seed = int(os.environ.get("CHAOS_SEED", SEED))
    verdict = await chaos(Options(tmp_path, seed, SECONDS, rate=6.0, mean_gap_s=4.0))
    told = summary(verdict)
    (tmp_path / "chaos.json").write_text(json.dumps(told, indent=2))
    assert not verdict.violations, text(verdict)
    assert told["runs"]["acknowledged"] == told["runs"]["ended"] > 200
    assert told["faults"]["total"] > 20
