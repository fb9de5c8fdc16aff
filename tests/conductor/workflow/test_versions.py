"""Versions and their ranges, as the Rust crate reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conductor.workflow.versions import holds, newest
from tests.shared import ROOT

TABLE = json.loads((ROOT / "tests/data/version_ranges.json").read_text())
"""What the crate `symphony-workflow` is held to as well."""


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["range"])
def test_a_range_takes_what_it_says(row: dict[str, Any]) -> None:
    assert all(holds(row["range"], version) for version in row["taken"])
    assert not any(holds(row["range"], version) for version in row["refused"])


def test_the_newest_release_is_taken_by_number_and_not_by_text() -> None:
    versions = ["1.9.0", "1.10.0", "2.0.0-rc.1", "0.1.0"]
    assert newest(versions) == "1.10.0"
    assert newest(versions, "^0.1") == "0.1.0"
    assert newest(versions, "^3") is None


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(ValueError, match="no range"):
        newest(["1.0.0"], "=>1")
