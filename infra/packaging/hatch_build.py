"""Builds `symphony-pit` with cargo and puts it beside `symphony` in the environment's `bin`.

`SYMPHONY_PIT` may name a binary that was built before; cargo is then not needed. `SYMPHONY_PROFILE` chooses the cargo
profile (default `dev`, which builds in minutes; `release` for a distribution).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CargoBuildHook(BuildHookInterface):
    """The build hook that hatchling calls for wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        binary = os.environ.get("SYMPHONY_PIT")
        pit = Path(binary) if binary else self._build(root)
        build_data["shared_scripts"] = {str(pit): "symphony-pit"}
        build_data["pure_python"] = False
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["tag"] = f"py3-none-{platform}"

    def _build(self, root: Path) -> Path:
        cargo = shutil.which("cargo")
        if cargo is None:
            raise SystemExit("cargo was not found: install Rust from your distribution or rustup, then try again")
        profile = os.environ.get("SYMPHONY_PROFILE", "dev")
        command = [cargo, "build", "--locked", "--package", "symphony-pit", "--profile", profile]
        subprocess.run(command, cwd=root, check=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
        return target / ("debug" if profile == "dev" else profile) / "symphony-pit"
