"""`symphony worker`: serve Python functions."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click

from conductor.cli.connect import Place, place_options, run
from conductor.cli.output import Refusal, say


@click.command()
@click.argument("module")
@click.option("--slots", type=click.IntRange(1, 65_536), envvar="SYMPHONY_SLOTS", default=4, show_default=True)
@click.option("--name", envvar="SYMPHONY_WORKER", help="The worker's name; its credentials have the same")
@click.option("--pool", envvar="SYMPHONY_POOL", help="The pool that it belongs to")
@click.option("--labels", envvar="SYMPHONY_LABELS", default="", help="zone=a,rack=7: for tasks that ask for them")
@click.option(
    "--resources", envvar="SYMPHONY_RESOURCES", default="", help="cpu=4,memory=8GiB,gpu=1: what it has in all"
)
@place_options
def worker(
    module: str,
    slots: int,
    name: str | None,
    pool: str | None,
    labels: str,
    resources: str,
    data: Path,
    url: str | None,
) -> None:
    """Serve the @task functions of MODULE (a module, a .py file, or either with :NAME)."""
    run(_serve(module, slots, name, pool, labels, resources, Place(data, url)))


async def _serve(
    module: str, slots: int, name: str | None, pool: str | None, labels: str, resources: str, place: Place
) -> None:
    from conductor.bus import BusOptions, NatsBus
    from conductor.observe import logs, metrics
    from conductor.worker import offers
    from conductor.worker.load import functions
    from conductor.worker.runtime import Worker, WorkerOptions

    logs.set_up()
    metrics.serve()
    try:
        has = (offers.labels(labels), offers.resources(resources))
    except ValueError as error:
        raise Refusal(str(error)) from None
    found = functions(module)
    address = place.find()
    user, credentials = _identity(place, name)
    bus = await NatsBus.connect(BusOptions(address, user, credentials, wait_s=10))
    extension = Path(module.partition(":")[0]).stem
    serving = Worker(bus, WorkerOptions(user, slots, pool, extension, labels=has[0], resources=has[1]), found)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.stop)
    names = ", ".join(function.capability for function in found)
    say(f"{user} serves {names} with {slots} slots", err=True)
    await serving.run()
    await bus.close()
    if serving.lingers:
        os._exit(0)  # Python would wait for the thread, which goes on with what others are given


def _identity(place: Place, name: str | None) -> tuple[str, Path | None]:
    """The worker's name and credentials: given by a pool or the environment, or made with the data folder's keys."""
    given = os.environ.get("SYMPHONY_CREDS")
    if given:
        return name or Path(given).stem, Path(given)
    from conductor.embedded import roles
    from conductor.embedded.keys import Authority
    from conductor.embedded.layout import Layout

    layout = Layout(place.data)
    user = name or f"worker-{os.getpid()}"
    if not (layout.keys / "signing.nk").exists():
        return user, None
    Authority(layout.keys).mint(user, roles.worker(user), layout.cred(user))
    return user, layout.cred(user)
