"""Subjects are built and parsed here and nowhere else; `schemas/subjects.toml` is the table they are held to."""

from __future__ import annotations

import re
from functools import cache

from blake3 import blake3

from conductor.wire.table import subjects

_TOKEN = re.compile(r"^[A-Za-z0-9_-]{1,128}$")
EVERY_TENANT = "-"
"""The tenant token of an operator who asks about all of them."""


class SubjectError(ValueError):
    """A name that cannot stand in a subject."""


def token(name: str) -> str:
    """A name as one token of a subject: dots become `-`; anything else outside `[A-Za-z0-9_-]` is refused."""
    text = name.replace(".", "-")
    if not _TOKEN.match(text):
        raise SubjectError(f"{name!r} cannot stand in a subject: use letters, digits, '_', '-' and '.'")
    return text


def partition_of(run: str, partitions: int) -> int:
    """The partition of a run: FNV-1a-32 of its identifier, modulo; the broker's `partition()` computes the same.

    Source: http://www.isthe.com/chongo/tech/comp/fnv/, and nats-server's subject transform.
    """
    value = 0x811C9DC5
    for byte in run.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value % partitions


def run_id(tenant: str, workflow: str, key: str) -> str:
    """The identifier of a run with an idempotency key: 16 bytes of BLAKE3 over the three, in hexadecimal."""
    digest = blake3(b"symphony run\0")
    for part in (tenant, workflow, key):
        data = part.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest(length=16).hex()


def submit(tenant: str, run: str) -> str:
    return f"sym.in.submit.{token(tenant)}.{run}"


def cancel(tenant: str, run: str) -> str:
    return f"sym.in.cancel.{token(tenant)}.{run}"


def control(event: str, tenant: str, run: str) -> str:
    """`pause`, `resume`, `retry`, `rollback` or `move` of a run."""
    return f"sym.in.{token(event)}.{token(tenant)}.{run}"


def signal(tenant: str, run: str) -> str:
    return f"sym.in.signal.{token(tenant)}.{run}"


def event(name: str) -> str:
    """Something that happened elsewhere, for runs that wait for it."""
    return f"sym.event.{token(name)}"


EVENTS = "sym.event.*"
RETENTION = "sym.event.retention"
"""Told by the Stale Manager before runs of value go: counts only, since every tenant may wait for it."""


def log_event(partition: int, event: str) -> str:
    """`result`, `decided`, `due`, `owner`, ... of a partition."""
    return f"sym.log.{partition}.{event}"


def ready(partition: int) -> str:
    return f"sym.ready.{partition}"


def frame(partition: int) -> str:
    return f"sym.ready.{partition}.frame"


def grant(conductor: str) -> str:
    return f"sym.grant.{token(conductor)}"


def holds(conductor: str) -> str:
    """What Arbitration grants a conductor of locks, semaphores and rates."""
    return f"sym.grant.{token(conductor)}.holds"


def policy(of: str) -> str:
    """The versions of a policy, `arbitration`'s for one."""
    return f"sym.policy.{token(of)}"


def ledger(event: str) -> str:
    """`changed` or `state`: Arbitration's own stream."""
    return f"sym.ledger.{token(event)}"


def task(capability: str, worker: str) -> str:
    return f"sym.task.{token(capability)}.{token(worker)}"


def tasks_of(worker: str) -> str:
    """Every capability of one worker."""
    return f"sym.task.*.{token(worker)}"


def task_queue(capability: str) -> str:
    return f"sym.task.{token(capability)}"


def heartbeat(worker: str) -> str:
    return f"sym.heartbeat.{token(worker)}"


HEARTBEATS = "sym.heartbeat.*"
ROLL_CALL = "sym.heartbeat"


def run_event(tenant: str, run: str, event: str) -> str:
    return f"sym.run.{token(tenant)}.{run}.{token(event)}"


def run_events(tenant: str, run: str) -> str:
    return f"sym.run.{token(tenant)}.{run}.>"


def decision(partition: int) -> str:
    return f"sym.decision.{partition}"


def extension(event: str) -> str:
    return f"sym.ext.{token(event)}"


def pit(service: str, operation: str, *rest: str | int) -> str:
    """An operation of a Pit extension: `sym.pit.<service>.<operation>[.<partition>][.<tenant>]`."""
    tail = "".join(f".{token(str(part))}" for part in rest)
    return f"sym.pit.{token(service)}.{token(operation)}{tail}"


def parse(subject: str) -> tuple[str, dict[str, str]]:
    """The name and the tokens of a subject of the table.

    Raises:
        SubjectError: no pattern of the table fits.
    """
    parts = subject.split(".")
    for name, pattern in _patterns():
        if len(pattern) == len(parts) and all(
            want.startswith("<") or want == have for want, have in zip(pattern, parts, strict=True)
        ):
            return name, {want[1:-1]: have for want, have in zip(pattern, parts, strict=True) if want[0] == "<"}
    raise SubjectError(f"{subject!r} is no subject of the mesh")


@cache
def _patterns() -> tuple[tuple[str, list[str]], ...]:
    rows = [(row.name, row.pattern.split(".")) for row in subjects()]
    rows.sort(key=lambda row: sum(part.startswith("<") for part in row[1]))
    return tuple(rows)


def mesh_key(secret: bytes, partition: int, epoch: int) -> bytes:
    """The key of the tokens of one partition and epoch: BLAKE3's key derivation over the mesh's secret."""
    material = secret + partition.to_bytes(4, "big") + epoch.to_bytes(8, "big")
    return blake3(material, derive_key_context="symphony 2026 dispatch token").digest()


def token_input(run: str, task: str, generation: int, try_: int, epoch: int, n: int, worker: str) -> bytes:
    """What a token is computed over: the identity of the attempt and its worker, NUL-separated."""
    return f"{run}\0{task}\0{generation}\0{try_}\0{epoch}\0{n}\0{worker}".encode()


def dispatch_token(key: bytes, message: bytes) -> bytes:
    """The first 16 bytes of BLAKE3 keyed with `mesh_key` over `token_input`."""
    return blake3(message, key=key).digest(length=16)
