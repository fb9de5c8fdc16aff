"""A whole system of real processes: broker, Pit, conductor, workers. One for each test process, unless a test breaks it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conductor.embedded import System, SystemOptions
from tests.e2e.running import Running

pytestmark = pytest.mark.broker


@pytest.fixture(scope="session")
async def shared_system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """A system that tests share; they use names of their own."""
    options = SystemOptions(tmp_path_factory.mktemp("system"), workers="stock=1x16")
    async with System(options) as system, Running(system) as running:
        yield running


@pytest.fixture
async def own_system(tmp_path: Path) -> AsyncIterator[Running]:
    """A system that a test may break."""
    async with System(SystemOptions(tmp_path / "data", workers="stock=2x8")) as system, Running(system) as running:
        yield running


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    """Twenty small texts in a folder and one below it, not all of them ASCII or even UTF-8."""
    folder = tmp_path / "texts"
    (folder / "deep").mkdir(parents=True)
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "the",
        "lazy",
        "dog",
        "Die",
        "Straße",
        "ÉTÉ",
        "naïve",
        "don't",
        "x1y",
        "日本",
        "語",
    ]
    for number in range(20):
        body = " ".join(words[(number * i) % len(words)] for i in range(1, 200))
        place = folder / "deep" if number % 3 == 0 else folder
        data = body.encode() if number != 7 else body.encode("utf-16")
        (place / f"{number:02}.txt").write_bytes(data)
    return folder


async def until(condition, timeout_s: float = 20.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(timeout_s):
        while not await condition():
            await asyncio.sleep(0.02)
