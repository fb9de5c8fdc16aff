"""How a verb finds a running system, and how errors below become one line and an exit code."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from conductor.cli.output import FAILED, UNREACHED, WRONG, Refusal
from conductor.wire.base import WireError

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_DATA = ".symphony"
PATIENCE_S = 10.0
"""With a busy system: longer, a person would rather be told."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a system is: an address, and the data folder whose credentials open it."""

    data: Path
    url: str | None = None

    def find(self) -> str:
        """The broker's address.

        Raises:
            Refusal: exit code 3: neither an address was given nor does the data folder have a running system.
        """
        if self.url:
            return self.url
        from conductor.embedded.layout import Layout

        layout = Layout(self.data)
        state = layout.read_state()
        if state is None or not layout.locked():
            raise Refusal(
                f"no system runs on {layout.root}: start one with `symphony up`, or name one with --url or --data",
                UNREACHED,
            )
        return state.url

    def credentials(self, user: str) -> tuple[str, Path | None]:
        """The user to be and its credentials: those of `SYMPHONY_CREDS`, else the data folder's."""
        given = os.environ.get("SYMPHONY_CREDS")
        if given:
            return Path(given).stem, Path(given)
        path = self.data.absolute() / "creds" / f"{user}.creds"
        return user, path if path.exists() else None


def place_options(function: F) -> F:
    """`--data` and `--url`, which verbs that talk to a running system take."""
    wrapped = click.option("--url", envvar="SYMPHONY_URL", help="The broker's address (nats://HOST:PORT)")(function)
    return click.option(
        "--data",
        envvar="SYMPHONY_DATA",
        type=click.Path(path_type=Path),
        default=DEFAULT_DATA,
        show_default=True,
        help="The data folder of a system on this machine",
    )(wrapped)


def json_option(function: F) -> F:
    """`--json`: one document on stdout, nothing else there."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout")(function)


@asynccontextmanager
async def connected(place: Place, user: str) -> AsyncIterator[Any]:
    """A connection to the system as one of its users, closed at the end."""
    from conductor.bus import BusOptions, NatsBus

    name, path = place.credentials(user)
    bus = await NatsBus.connect(BusOptions(place.find(), name, path))
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def client(place: Place) -> AsyncIterator[Any]:
    """A client of the tenant: `SYMPHONY_TENANT`, else `default`."""
    from conductor.workflow.client import Client

    tenant = os.environ.get("SYMPHONY_TENANT", "default")
    async with connected(place, f"client-{tenant}") as bus:
        made = Client(bus, tenant, PATIENCE_S)
        try:
            yield made
        finally:
            await made.close_tracer()


def operator(place: Place) -> Any:
    """A connection as the system's operator."""
    return connected(place, "operator")


def ask(
    place: Place, service: str, operation: str, message: Any, kind: type[R], *rest: Any, patience_s: float = 5.0
) -> R:
    """An operator's question to one of the five, and its answer, a message of `kind`.

    Raises:
        Refusal: as with `run`; the refusals of the service are told in its words.
    """
    from conductor.wire import subjects
    from conductor.wire.base import decode, encode

    async def work() -> R:
        async with operator(place) as bus:
            data = await bus.request(subjects.pit(service, operation, *rest), encode(message), patience_s)
            answer: R = decode(data, kind)
            return answer

    return run(work())


def run(work: Coroutine[Any, Any, R]) -> R:
    """Run a verb's coroutine; errors become refusals.

    Raises:
        Refusal: 2 for what the person did, 3 where the system cannot be reached, 1 where something failed.
    """
    from conductor.bus.errors import BusError
    from conductor.embedded.errors import EmbeddedError
    from conductor.workflow.errors import WorkflowError

    try:
        return asyncio.run(work)
    except WorkflowError as error:
        raise Refusal(str(error), WRONG) from None
    except EmbeddedError as error:
        codes = {"wrong": WRONG, "failed": FAILED, "absent": UNREACHED}
        raise Refusal(str(error), codes[error.kind]) from None
    except WireError as error:
        raise Refusal(f"an answer of the system cannot be read: {error}; is it of this version?", FAILED) from None
    except BusError as error:
        wrong = ("invalid", "config", "not_found", "fenced")
        if error.kind in wrong:
            raise Refusal(str(error), WRONG if error.kind in wrong[:2] else FAILED) from None
        if error.kind == "busy":
            told = {"kind": error.kind, "message": str(error), "retry_after_s": error.retry_after_s}
            line = f"the system is busy ({error}): try again after {error.retry_after_s:g} s"
            raise Refusal(line, UNREACHED, {"error": told}) from None
        raise Refusal(f"{error}; is the system up? `symphony status` tells", UNREACHED) from None
