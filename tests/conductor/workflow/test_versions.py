"""Versions and their ranges, as the Rust crate reads them."""

from __future__ import annotations

import pytest

from conductor.workflow.versions import holds, newest

TAKEN = [
    ("^1.2", "1.2.0 1.9.3 1.2.0+build", "1.1.9 2.0.0 1.3.0-rc.1"),
    ("^0.2.1", "0.2.1 0.2.9", "0.3.0 0.2.0 1.0.0"),
    ("^0.0", "0.0.1 0.0.9", "0.1.0"),
    ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
    ("~1", "1.0.0 1.9.0", "2.0.0"),
    (">=1.0 <2", "1.0.0 1.9.9", "0.9.0 2.0.0"),
    (">1.2,<=1.4", "1.3.0 1.4.9", "1.2.5 1.5.0"),
    ("1.4", "1.4.0 1.4.7", "1.5.0"),
    ("=1.4.0", "1.4.0", "1.4.1 1.4.0-rc.1"),
    ("2.0.0-rc.1", "2.0.0-rc.1", "2.0.0"),
    ("*", "0.0.1 9.9.9", "nonsense 1.0"),
]


@pytest.mark.parametrize(("wanted", "taken", "refused"), TAKEN)
def test_a_range_takes_what_it_says(wanted: str, taken: str, refused: str) -> None:
    assert all(holds(wanted, version) for version in taken.split())
    assert not any(holds(wanted, version) for version in refused.split())


def test_the_newest_release_is_taken_by_number_and_not_by_text() -> None:
    versions = ["1.9.0", "1.10.0", "2.0.0-rc.1", "0.1.0"]
    assert newest(versions) == "1.10.0"
    assert newest(versions, "^0.1") == "0.1.0"
    assert newest(versions, "^3") is None


def test_what_is_no_range_is_refused() -> None:
    with pytest.raises(ValueError, match="no range"):
        newest(["1.0.0"], "=>1")
