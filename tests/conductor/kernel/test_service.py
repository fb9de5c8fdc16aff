"""What the operator says to a conductor, by its environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from conductor.bus import BusError
from conductor.kernel.housekeeping import RETRY_WINDOW_S
from conductor.kernel.service import options


@pytest.fixture(autouse=True)
def secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mesh.secret"
    path.write_bytes(b"a secret")
    monkeypatch.setenv("SYMPHONY_SECRET_FILE", str(path))


def test_how_long_a_failed_run_stays_with_its_tracker_is_the_operators_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options()[1].retry_window_s == RETRY_WINDOW_S
    monkeypatch.setenv("SYMPHONY_RETRY_WINDOW_S", "1.5")
    assert options()[1].retry_window_s == 1.5


@pytest.mark.parametrize(("name", "said"), [("SYMPHONY_RETRY_WINDOW_S", "1h"), ("SYMPHONY_PARTITIONS", "0")])
def test_what_is_no_number_is_named(name: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, said)
    with pytest.raises(BusError, match=f"{name}={said}") as refused:
        options()
    assert refused.value.kind == "config"
