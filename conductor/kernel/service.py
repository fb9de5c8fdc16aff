"""The conductor as a process: `python -m conductor.kernel`, configured by its environment alone.

`SYMPHONY_URL`, `SYMPHONY_CREDS`, `SYMPHONY_CONDUCTOR` (its name), `SYMPHONY_SECRET_FILE` (the mesh's secret),
`SYMPHONY_PARTITIONS`, `SYMPHONY_RETRY_WINDOW_S` (how long a run that did not succeed stays with its tracker),
`SYMPHONY_POLICY` (`rules`, `shipped`, or a network's file),
`SYMPHONY_LOG`, `SYMPHONY_METRICS_PORT`, and OpenTelemetry's own variables.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import re
import signal
import sys
from pathlib import Path

import msgspec

from conductor import __version__
from conductor.bus import BusError, BusOptions, Endpoint, NatsBus
from conductor.bus.interface import Received
from conductor.kernel.conductor import Conductor, ConductorOptions
from conductor.kernel.housekeeping import RETRY_WINDOW_S
from conductor.observe import logs, metrics
from conductor.policy.choosing import chosen
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.grants import Reply

_log = logging.getLogger("symphony.kernel")
CONFIG, UNREACHED = 2, 3
STOP_TIME_S = 3.0


def options() -> tuple[BusOptions, ConductorOptions]:
    """From the environment.

    Raises:
        BusError: kind `config`: the secret cannot be read, or a number is none.
    """
    name = os.environ.get("SYMPHONY_CONDUCTOR", "conductor-0")
    path = Path(os.environ.get("SYMPHONY_SECRET_FILE", ".symphony/keys/mesh.secret"))
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise BusError("config", f"the mesh's secret {path}: {error.strerror}") from None
    partitions = os.environ.get("SYMPHONY_PARTITIONS", "1")
    if not partitions.isdigit() or int(partitions) < 1:
        raise BusError("config", f"SYMPHONY_PARTITIONS={partitions}: a whole number from 1 on")
    window = os.environ.get("SYMPHONY_RETRY_WINDOW_S", str(RETRY_WINDOW_S))
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", window):
        raise BusError("config", f"SYMPHONY_RETRY_WINDOW_S={window}: seconds from 0 on")
    creds = os.environ.get("SYMPHONY_CREDS")
    url = os.environ.get("SYMPHONY_URL", "nats://127.0.0.1:4222")
    bus = BusOptions(url=url, name=name, credentials=Path(creds) if creds else None, wait_s=10)
    return bus, ConductorOptions(name=name, secret=secret, partitions=int(partitions), retry_window_s=float(window))


async def serve(bus_options: BusOptions, conductor_options: ConductorOptions) -> None:
    """Run a conductor until SIGTERM or SIGINT."""
    bus = await NatsBus.connect(bus_options)
    conductor = Conductor(bus, conductor_options, chosen(os.environ.get("SYMPHONY_POLICY", "rules")))

    async def show(_: Received) -> bytes:
        return msgspec.msgpack.encode(describe(conductor))

    async def functions(_: Received) -> bytes:
        return msgspec.msgpack.encode(list(conductor.core.lifecycle.functions.values()))

    async def ping(_: Received) -> bytes:
        return encode(Reply())

    name = conductor_options.name
    await bus.serve(
        "conductor",
        __version__,
        "The microkernel: dispatch, life cycle of extensions, protocols",
        [
            Endpoint("ping", subjects.pit("conductor", "ping", name), ping, "Nothing", "Reply"),
            Endpoint("functions", subjects.pit("conductor", "functions", name), functions, "Nothing", ""),
            Endpoint("show", subjects.pit("conductor", "show", name), show, "Nothing", ""),
        ],
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, conductor.stop)
    await conductor.run()
    with contextlib.suppress(TimeoutError, BusError):
        async with asyncio.timeout(STOP_TIME_S):
            await bus.close()


def describe(conductor: Conductor) -> dict[str, object]:
    """The conductor's state for people: partitions, policy, slots."""
    leased, busy = conductor.core.workers.total()
    return {
        "conductor": conductor.options.name,
        "policy": conductor.core.policy.name,
        "ladder": conductor.steps.report(),
        "slots": leased,
        "busy": busy,
        "waiting": conductor.core.waiting.counts(),
        "partitions": [
            {
                "partition": p.number,
                "epoch": p.owned.epoch,
                "emitter_epoch": p.emitter_epoch,
                "folded": p.folded,
                "live": p.live,
                "open": len(p.open),
                "ready": p.ready,
            }
            for p in conductor.core.partitions
        ],
    }


def main() -> None:
    """The process. Exit codes: 0 stopped, 2 misconfigured, 3 no broker."""
    logs.set_up()
    metrics.serve()
    try:
        bus_options, conductor_options = options()
        _quiet_collector()
        _run(bus_options, conductor_options)
    except BusError as error:
        _log.error("%s", error)
        sys.exit(CONFIG if error.kind == "config" else UNREACHED)


def _quiet_collector() -> None:
    """Let the garbage collector look seldom: messages have no cycles, and each look walks every open execution."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def _run(bus_options: BusOptions, conductor_options: ConductorOptions) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        asyncio.run(serve(bus_options, conductor_options))
    else:
        uvloop.run(serve(bus_options, conductor_options))
