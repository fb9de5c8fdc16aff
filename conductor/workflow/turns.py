"""Why the tasks of a run had their turns, where more wanted slots than there were."""

from __future__ import annotations

from conductor.wire import subjects
from conductor.wire.base import decode, encode
from conductor.wire.stale import ReadRun, RunDecisions
from conductor.workflow.client import Client


async def turns(client: Client, run: str) -> RunDecisions:
    """The logged choices in which a run went first: what else could have started, and whose reason it was.

    Raises:
        BusError: the Stale Manager does not answer.
    """
    subject = subjects.pit("stale", "decisions", client.tenant)
    return decode(await client.bus.request(subject, encode(ReadRun(run=run)), 15), RunDecisions)
