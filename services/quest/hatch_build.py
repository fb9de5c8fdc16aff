"""Builds the game's core with cargo and puts it beside the package's modules, as `quest/_core.abi3.so`.

`SYMPHONY_QUEST_PROFILE` chooses the cargo profile. The default is `release`: games are played by the million, and the core
is small, so that this takes seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BUILT = {"linux": "libquest_core.so", "darwin": "libquest_core.dylib", "win32": "quest_core.dll"}


class CargoBuildHook(BuildHookInterface):
    """The build hook that hatchling calls for wheels and editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        here = Path(self.root)
        built = self._build(here.parent.parent)
        name = "_core.pyd" if sys.platform == "win32" else "_core.abi3.so"
        goal = here / "quest" / name
        fresh = goal.with_suffix(".new")
        shutil.copy2(built, fresh)
        fresh.replace(goal)  # in one step: a process that has the old one loaded keeps it
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def _build(self, root: Path) -> Path:
        cargo = shutil.which("cargo")
        if cargo is None:
            raise SystemExit("cargo was not found: install Rust from your distribution or rustup, then try again")
        profile = os.environ.get("SYMPHONY_QUEST_PROFILE", "release")
        command = [cargo, "build", "--locked", "--package", "symphony-quest-binding", "--profile", profile]
        subprocess.run(command, cwd=root, check=True)
        target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
        return target / ("debug" if profile == "dev" else profile) / BUILT.get(sys.platform, BUILT["linux"])
