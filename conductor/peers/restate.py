"""Restate: durable execution by a server that pushes to services."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from conductor.peers import tools
from conductor.peers.peer import Load, Measured, PeerError

PACKAGES = ("@restatedev/restate-server", "@restatedev/restate-sdk", "node@24")
"""Its SDK needs a newer node than many systems have: one of its own, so that the figures are not an old node's either."""
SCRIPTS = ("restate_service.mjs", "restate_load.mjs")
REGISTER = """
fetch(process.argv[1] + "/deployments", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ uri: process.argv[2] }),
}).then(async (answer) => { if (!answer.ok) { console.log(await answer.text()); process.exit(1); } });
"""
TRIES = 50


class Restate:
    """One server, one service in node."""

    name = "restate"
    durable = True
    settings = (
        "one node with its defaults: its log is synced before it answers (traced: 1.3 `fdatasync` a step of a chain)"
    )
    caveats = (
        "steps are `ctx.run` of one handler, in the process of the service: they do not go to a worker each",
        "the service and the load generator are node, one process each",
    )

    async def set_up(self, folder: Path) -> dict[str, str]:
        npm = tools.tool("npm", "it comes with node (nodejs.org, or the system's package nodejs)")
        if _prepared(folder):
            await tools.done([npm, "install", "--silent", "--no-audit", "--no-fund", *PACKAGES], folder)
        for script in SCRIPTS:
            shutil.copy(tools.SCRIPTS / script, folder / script)
        names = [package.removesuffix("@24") for package in PACKAGES]
        return {name.rpartition("/")[2]: _version(folder, name) for name in names}

    @asynccontextmanager
    async def running(self, folder: Path, data: Path) -> AsyncIterator[_Running]:
        ingress, admin, node, service = (tools.port() for _ in range(4))
        env = {
            "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress}",
            "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin}",
            "RESTATE_BIND_ADDRESS": f"127.0.0.1:{node}",
            "RESTATE_ADVERTISED_ADDRESS": f"http://127.0.0.1:{node}",
            "RESTATE_LOG_FILTER": "warn",
            "DO_NOT_TRACK": "1",
            "PORT": str(service),
            "INGRESS_PORT": str(ingress),
        }
        server: list[str | Path] = [folder / "node_modules" / ".bin" / "restate-server", "--base-dir", data / "restate"]
        async with (
            tools.started(server, data / "server.log", env),
            tools.started([_node(folder), folder / "restate_service.mjs"], data / "service.log", env),
        ):
            for number, what in ((admin, "Restate's admin"), (ingress, "Restate's ingress"), (service, "the service")):
                await tools.listens(number, what)
            await _register(_node(folder), f"http://127.0.0.1:{admin}", f"http://127.0.0.1:{service}")
            yield _Running(folder, env)


def _prepared(folder: Path) -> bool:
    """Make the folder. True: its packages are to be fetched."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    return not (folder / "node_modules" / ".bin" / "restate-server").exists()


class _Running:
    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self._command = [_node(folder), folder / "restate_load.mjs"]
        self._env = env

    async def measure(self, scenarios: Sequence[str], load: Load) -> Measured:
        return await tools.measured(self._command, scenarios, load, self._env)


async def _register(node: Path, admin: str, service: str) -> None:
    """Tell the server of the service; it takes a moment until it can be told."""
    for attempt in range(TRIES):
        try:
            await tools.done([node, "-e", REGISTER, admin, service])
        except PeerError:
            if attempt == TRIES - 1:
                raise
            await asyncio.sleep(0.2)
        else:
            return


def _node(folder: Path) -> Path:
    return folder / "node_modules" / ".bin" / "node"


def _version(folder: Path, package: str) -> str:
    told = msgspec.json.decode((folder / "node_modules" / package / "package.json").read_bytes())
    return str(told["version"])
