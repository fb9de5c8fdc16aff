"""The order of the packages and of the crates: who may import whom, and how long files are."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.shared import ROOT

ORDER = ["wire", "observe", "bus", "workflow", "policy", "kernel", "worker", "embedded", "measure", "peers", "cli"]
"""Each package imports only what is listed before it, and itself."""
CRATES = {
    "symphony-protocol": set(),
    "symphony-expression": {"symphony-protocol"},
    "symphony-workflow": {"symphony-protocol", "symphony-expression"},
    "symphony-sdk": {"symphony-protocol"},
    "symphony-pool-manager": {"symphony-protocol", "symphony-sdk"},
    "symphony-dag-tracker": {"symphony-protocol", "symphony-sdk", "symphony-expression", "symphony-workflow"},
    "symphony-artifact-store": {"symphony-protocol", "symphony-sdk"},
    "symphony-arbitration-manager": {"symphony-protocol", "symphony-sdk"},
    "symphony-stale-manager": {"symphony-protocol", "symphony-sdk"},
    "symphony-players": {"symphony-protocol", "symphony-sdk"},
    "symphony-quest": set(),
    "symphony-bench": {
        "symphony-protocol",
        "symphony-sdk",
        "symphony-workflow",
        "symphony-pool-manager",
        "symphony-dag-tracker",
        "symphony-artifact-store",
        "symphony-arbitration-manager",
        "symphony-players",
    },
}
"""What each crate may depend on; the binary `symphony-pit` depends on all."""
LINES_MAX = 370


def imports(path: Path) -> set[str]:
    """The packages of `conductor` that a file imports anywhere, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "conductor" else [node.module]
            )
        for name in names:
            parts = name.split(".")
            if parts[0] == "conductor" and len(parts) > 1 and parts[1] in ORDER:
                found.add(parts[1])
    return found


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_what_is_listed_before_it(package: str) -> None:
    allowed = set(ORDER[: ORDER.index(package) + 1])
    files = list((ROOT / "conductor" / package).rglob("*.py"))
    assert files
    for path in files:
        assert imports(path) <= allowed, path


def test_the_kernel_knows_no_service() -> None:
    """Only the command line loads a service, and only when a verb needs it."""
    for path in (ROOT / "conductor").rglob("*.py"):
        text = path.read_text()
        assert "import quest" not in text and "from quest" not in text, path


def test_every_package_has_a_place_in_the_order() -> None:
    there = {path.parent.name for path in (ROOT / "conductor").glob("*/__init__.py")}
    assert there == set(ORDER)


@pytest.mark.parametrize("crate", CRATES)
def test_a_crate_depends_only_on_what_is_below_it(crate: str) -> None:
    folder = ROOT / "extensions-rs" / crate.removeprefix("symphony-")
    manifest = tomllib.loads((folder / "Cargo.toml").read_text())
    mine = {name for name in manifest.get("dependencies", {}) if name.startswith("symphony-")}
    assert mine <= CRATES[crate]


def test_pure_cores_know_no_runtime_no_clock_and_no_disk() -> None:
    forbidden = ("tokio", "async_nats", "SystemTime", "Instant::now", "std::fs", "std::net", "rand::")
    files = list((ROOT / "extensions-rs").glob("*/src/core/**/*.rs"))
    assert len(files) > 15
    for path in files:
        text = path.read_text()
        for word in forbidden:
            assert word not in text, f"{path} knows {word}"


def test_files_are_of_a_length_that_can_be_read() -> None:
    long = []
    for pattern in (
        "conductor/**/*.py",
        "extensions-rs/*/src/**/*.rs",
        "services/quest/quest/**/*.py",
        "services/quest/binding/src/*.rs",
    ):
        for path in ROOT.glob(pattern):
            if path.parent.name == "messages":
                continue  # made from conductor/wire
            lines = path.read_text().partition("#[cfg(test)]")[0].count("\n")
            if lines > LINES_MAX:
                long.append(f"{path.relative_to(ROOT)}: {lines}")
    assert long == []
