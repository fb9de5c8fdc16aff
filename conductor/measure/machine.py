"""What the figures were measured on, and where."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from conductor import __version__


def machine() -> dict[str, Any]:
    """Processors, memory in bytes, system, and versions."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        processor = names[0] if names else processor
    return {
        "cpus": os.cpu_count(),
        "processor": processor,
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": ".".join(map(str, sys.version_info[:3])),
        "version": __version__,
    }


def described(machine: dict[str, Any]) -> str:
    """A machine in a few words."""
    gibibytes = machine["memory_bytes"] / 2**30
    return f"{machine['cpus']} cores ({machine['processor']}), {gibibytes:.0f} GiB, {machine['system']}"


def commit() -> str | None:
    """The commit of the checkout that this is run in; none elsewhere."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        said = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return said.stdout.strip() or None if said.returncode == 0 else None


def disk() -> str | None:
    """A folder on a disk: a sync in memory costs nothing, and would flatter."""
    return os.environ.get("SYMPHONY_BENCH_DIR") or ("/var/tmp" if Path("/var/tmp").is_dir() else None)  # noqa: S108
