"""The configuration of `symphony-pit`, and the pools of workers that the Pool Manager runs."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conductor.embedded import binaries, roles
from conductor.embedded.errors import EmbeddedError
from conductor.embedded.keys import Authority
from conductor.embedded.layout import Layout, toml, write_whole

PROCESSES_MAX = 256
"""Of one pool on one machine."""
ARTIFACT_KEYS = "artifacts.keys"
"""Among the keys of a data folder: master keys. Where it is there, artifacts are encrypted from the next start on."""
_SPEC = re.compile(r"^(?P<what>[\w./:-]+)=(?P<min>\d+)(?:-(?P<max>\d+))?x(?P<slots>\d+)$")


@dataclass(frozen=True, slots=True)
class Pool:
    """Worker processes. `what` is `stock`, or a Python module whose functions are served."""

    name: str
    what: str
    min: int
    max: int
    slots: int


@dataclass(frozen=True, slots=True)
class Site:
    """Where the Pit runs: the broker's address, those that some processes have of their own, and its numbers. `dag` has
    those of the section `[dag]` that are to be other than the tracker's own."""

    url: str
    addresses: Mapping[str, str]
    partitions: int
    dag: Mapping[str, int]


def default_workers() -> str:
    """One stock worker, with slots for tasks that wait as well as for those that compute."""
    return f"stock=1x{max(8, 4 * (os.cpu_count() or 1))}"


def parse_workers(spec: str) -> list[Pool]:
    """`stock=1x8,app.tasks=1-4x2`: for each pool the processes (or from-to) and the slots of each; `none`: no pool.

    Raises:
        EmbeddedError: kind `wrong`, with the part that cannot be read.
    """
    if spec == "none":
        return []
    pools = []
    for part in spec.split(","):
        found = _SPEC.match(part.strip())
        if found is None:
            text = f"--workers: {part!r} is not NAME=PROCESSESxSLOTS (for example stock=1x8, or mymodule=1-4x2)"
            raise EmbeddedError("wrong", text)
        low = int(found["min"])
        high = int(found["max"] or low)
        if high < max(low, 1) or high > PROCESSES_MAX or not 1 <= int(found["slots"]) <= 65_536:
            raise EmbeddedError("wrong", f"--workers: {part!r} asks for no or too many processes or slots")
        name = re.sub(r"\W+", "-", found["what"]).strip("-").lower()
        pools.append(Pool(name, found["what"], low, high, int(found["slots"])))
    if len({pool.name for pool in pools}) < len(pools):
        raise EmbeddedError("wrong", f"--workers: a pool is named twice in {spec!r}")
    return pools


def write_config(path: Path, layout: Layout, site: Site, pools: list[Pool], authority: Authority) -> None:
    """Write `pit.toml`, and the credentials of every worker process that may run."""
    lines = [
        "# Made by `symphony up`; changes are lost.",
        "[dag]",
        f"partitions = {site.partitions}",
        f"data = {toml(str(layout.pit))}",
        f"secret_file = {toml(str(layout.keys / 'mesh.secret'))}",
        *(f"{name} = {value}" for name, value in site.dag.items()),
        "[pool]",
        f"url = {toml(site.url)}",
        f"logs = {toml(str(layout.logs))}",
    ]
    for pool in pools:
        lines += _pool(pool, layout, site, authority)
    lines += ["[store]", f"data = {toml(str(layout.pit))}"]
    if (keys := layout.keys / ARTIFACT_KEYS).exists():
        lines.append(f"keys_file = {toml(str(keys))}")
    lines += ["[stale]", f"data = {toml(str(layout.pit))}"]
    lines += _arbitration(layout.arbitration)
    write_whole(path, "\n".join(lines).encode() + b"\n", 0o600)


def _arbitration(path: Path) -> list[str]:
    """The operator's weights, limits and budgets, where the data folder has them: a section `[arbitration]`, as it stands.

    Raises:
        EmbeddedError: kind `wrong`: it cannot be read, or says something else. What it says, the Pit checks.
    """
    try:
        text = path.read_text()
        said = tomllib.loads(text)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise EmbeddedError("wrong", f"{path} cannot be read ({error}): mend it or take it away") from None
    if list(said) != ["arbitration"]:
        raise EmbeddedError("wrong", f"{path} has to hold one section, [arbitration], and what lies below it")
    return [text]


def _pool(pool: Pool, layout: Layout, site: Site, authority: Authority) -> list[str]:
    if pool.what == "stock":
        command = [str(binaries.pit()), "players"]
    else:
        command = [sys.executable, "-m", "conductor.cli", "worker", pool.what]
    lines = [
        "[[pool.pools]]",
        f"name = {toml(pool.name)}",
        f"command = {toml(command)}",
        f"min = {pool.min}",
        f"max = {pool.max}",
        f'env = {{ SYMPHONY_SLOTS = "{pool.slots}" }}',
        "credentials = [",
    ]
    for number in range(pool.max):
        name = f"{pool.name}-{number}"
        authority.mint(name, roles.worker(name), layout.cred(name))
        own = f", url = {toml(site.addresses[name])}" if name in site.addresses else ""
        lines.append(f"  {{ worker = {toml(name)}, creds = {toml(str(layout.cred(name)))}{own} }},")
    return [*lines, "]"]
