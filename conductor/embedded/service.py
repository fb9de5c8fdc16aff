"""The supervisor as a process: in the foreground of `symphony up`, or behind it with `--detach`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from conductor.embedded.errors import EmbeddedError
from conductor.embedded.layout import Layout, State
from conductor.embedded.system import System, SystemOptions
from conductor.observe import logs

START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 40.0


async def supervise(options: SystemOptions, started: object = None) -> None:
    """Run a system until SIGTERM or SIGINT. `started` is called with it once it is up.

    Raises:
        EmbeddedError: it does not come up.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    system = System(options)
    starting = asyncio.ensure_future(system.start())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        return
    finally:
        if starting.cancelled():
            stopping.cancel()
    if callable(started):
        started(system)
    try:
        await stopping
    finally:
        await system.stop()


def detach(options: SystemOptions) -> State:
    """Start a system behind this process, and wait until it is up.

    Raises:
        EmbeddedError: it does not come up; the sentence is the supervisor's own.
    """
    layout = Layout(options.data)
    layout.prepare()
    read, write = os.pipe()
    command = [sys.executable, "-m", "conductor.embedded", "--data", str(layout.root), "--ready-fd", str(write)]
    command += ["--pit", options.pit, "--partitions", str(options.partitions)]
    command += ["--conductors", str(options.conductors), "--trackers", str(options.trackers)]
    if options.port is not None:
        command += ["--port", str(options.port)]
    if options.brokers > 1:
        command += ["--brokers", str(options.brokers)]
    if options.without:
        command += ["--without", ",".join(options.without)]
    if options.workers is not None:
        command += ["--workers", options.workers]
    if not options.durable:
        command.append("--interval")
    log = os.open(layout.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(write,), start_new_session=True
        )
    finally:
        os.close(log)
        os.close(write)
    with os.fdopen(read, "rb") as stream:
        said = stream.read()
    if not said:
        raise EmbeddedError("failed", f"the supervisor ended at once: see {layout.logs / 'supervisor.log'}")
    answer = msgspec.json.decode(said)
    if "error" in answer:
        raise EmbeddedError(answer["kind"], answer["error"])
    return msgspec.convert(answer, State)


def stop(data: Path) -> bool:
    """Stop the system of a data folder. False: there was none.

    Raises:
        EmbeddedError: kind `failed`: it does not end.
    """
    layout = Layout(data)
    if not layout.locked():
        layout.forget_state()
        return False
    state = layout.read_state()
    if state is None:
        raise EmbeddedError("failed", f"{layout.root} is in use by a process that left no state: stop that process")
    with contextlib.suppress(ProcessLookupError):
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_PATIENCE_S
    while layout.locked():
        if time.monotonic() > deadline:
            raise EmbeddedError("failed", f"process {state.pid} does not end: see {layout.logs / 'supervisor.log'}")
        time.sleep(0.02)
    return True


def main() -> None:
    """`python -m conductor.embedded`: what `--detach` starts."""
    parser = argparse.ArgumentParser(prog="python -m conductor.embedded")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--pit", choices=("one", "each"), default="one")
    parser.add_argument("--workers")
    parser.add_argument("--without", default="")
    parser.add_argument("--brokers", type=int, default=1)
    parser.add_argument("--partitions", type=int, default=1)
    parser.add_argument("--conductors", type=int, default=1)
    parser.add_argument("--trackers", type=int, default=1)
    parser.add_argument("--interval", action="store_true")
    parser.add_argument("--ready-fd", type=int)
    given = parser.parse_args()
    logs.set_up()
    options = SystemOptions(
        given.data,
        given.port,
        given.pit,
        given.workers,
        given.partitions,
        durable=not given.interval,
        conductors=given.conductors,
        trackers=given.trackers,
        brokers=given.brokers,
        without=tuple(filter(None, given.without.split(","))),
    )

    def tell(message: bytes) -> None:
        if given.ready_fd is not None:
            os.write(given.ready_fd, message)
            os.close(given.ready_fd)

    try:
        asyncio.run(supervise(options, lambda system: tell(msgspec.json.encode(system.state()))))
    except EmbeddedError as error:
        with contextlib.suppress(OSError):
            tell(msgspec.json.encode({"error": str(error), "kind": error.kind}))
        sys.exit(1)
