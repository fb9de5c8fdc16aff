"""The pages: links lead somewhere, named files are there, tables list what is counted."""

from __future__ import annotations

import subprocess
import sys

from tests.shared import ROOT


def test_the_pages_are_true() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "infra" / "checks" / "docs.py"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_tree_names_no_machine_and_no_registry_mirror() -> None:
    lock = (ROOT / "uv.lock").read_text()
    hosts = {line.split("//", 1)[1].split("/", 1)[0] for line in lock.splitlines() if "https://" in line}
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}
    assert "github.com/rust-lang/crates.io-index" in (ROOT / "Cargo.lock").read_text()
