"""`python -m tests.chaos`: what `make chaos` runs."""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from conductor.observe import logs
from tests.chaos.report import summary, text
from tests.chaos.run import Options, chaos
from tests.chaos.schedule import WEIGHTS


def main() -> int:
    """Exit codes: 0 nothing was lost or wrong, 1 something was."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, help="any by default; it is printed")
    parser.add_argument("--rate", type=float, default=14.0, help="runs begun each second")
    parser.add_argument("--gap", type=float, default=5.0, help="seconds between faults, on average")
    parser.add_argument("--only", nargs="*", choices=list(WEIGHTS), default=[], help="strike these roles alone")
    parser.add_argument("--keep", action="store_true", help="keep the data folder although nothing was found")
    parser.add_argument("--json", type=Path, help="write the figures there")
    given = parser.parse_args()
    logs.set_up("error")
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 20)
    data = Path(tempfile.mkdtemp(prefix="symphony-chaos-"))
    sys.stderr.write(f"chaos: seed {seed}, {given.minutes:g} minutes, data in {data}\n")
    options = Options(data, seed, given.minutes * 60, given.rate, given.gap, tuple(given.only))
    verdict = asyncio.run(chaos(options))
    sys.stdout.write(text(verdict) + "\n")
    if given.json is not None:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(summary(verdict)), indent=2) + b"\n")
    if verdict.violations:
        return 1
    if not given.keep:
        shutil.rmtree(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
