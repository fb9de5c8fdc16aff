"""Who may say and hear what: the permissions of each kind of process, as the broker enforces them.

Each inbox is a user's own (`_INBOX_<name>.>`), so that no process can read another's answers; services may answer whoever
asked them, once.
"""

from __future__ import annotations

from dataclasses import dataclass

from conductor.wire import subjects
from conductor.wire.subjects import token


@dataclass(frozen=True, slots=True)
class Permissions:
    """Subjects that a user may publish to and subscribe to. `answers`: it may reply to requests that it received."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]
    answers: bool = False


LADDER = subjects.policy("conductor")
_STORE = ("sym.pit.store.put", "sym.pit.store.get")
"""Of a client besides: what it puts under its own tenant's key; of a worker: under that of any, as its tasks say."""
_SERVICE = ("$SRV.PING.>", "$SRV.INFO.>", "$SRV.STATS.>", "$SRV.PING", "$SRV.INFO", "$SRV.STATS")


def _consume(stream: str) -> tuple[str, ...]:
    """Following a stream with an ordered consumer of one's own."""
    return (
        f"$JS.API.STREAM.INFO.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}",
        f"$JS.API.CONSUMER.CREATE.{stream}.>",
        f"$JS.API.CONSUMER.INFO.{stream}.>",
        f"$JS.API.CONSUMER.DELETE.{stream}.>",
        f"$JS.API.CONSUMER.MSG.NEXT.{stream}.>",
        f"$JS.ACK.{stream}.>",
        f"$JS.FC.{stream}.>",
    )


def _lease(key: str) -> tuple[str, ...]:
    return (
        f"$KV.sym_owners.{key}.*",
        f"$KV.sym_owners.{key}-member.*",
        "$JS.API.STREAM.MSG.GET.KV_sym_owners",
        "$JS.API.STREAM.INFO.KV_sym_owners",
        f"$JS.API.DIRECT.GET.KV_sym_owners.$KV.sym_owners.{key}.*",
        "$JS.API.DIRECT.GET.KV_sym_owners",
    )


PIT: dict[str, Permissions] = {
    "dag": Permissions(
        (
            "sym.ready.>",
            "sym.pit.dag.alive.*",
            "$JS.API.STREAM.MSG.GET.SYM_LOG",
            *_lease("tracker"),
            *_consume("SYM_LOG"),
            *_consume("SYM_EXTENSIONS"),
        ),
        ("sym.pit.dag.>", *_SERVICE),
        answers=True,
    ),
    "pool": Permissions(
        (
            "sym.grant.*",
            subjects.ROLL_CALL,
            "sym.policy.pool",
            "$JS.API.DIRECT.GET.SYM_POLICIES.sym.policy.pool",
        ),
        ("sym.pit.pool.>", subjects.HEARTBEATS, *_SERVICE),
        answers=True,
    ),
    "store": Permissions((), ("sym.pit.store.>", *_SERVICE), answers=True),
    "arbitration": Permissions(
        (
            "sym.grant.*",
            "sym.grant.*.holds",
            "sym.ledger.*",
            "sym.policy.arbitration",
            "$JS.API.DIRECT.GET.SYM_POLICIES.sym.policy.arbitration",
            "sym.policy.spent",
            "$JS.API.DIRECT.GET.SYM_POLICIES.sym.policy.spent",
            "$JS.API.STREAM.PURGE.SYM_LEDGER",
            *_consume("SYM_LEDGER"),
        ),
        ("sym.pit.arbitration.>", *_SERVICE),
        answers=True,
    ),
    "stale": Permissions(
        (
            "$KV.sym_owners.floor.*",
            "$JS.API.STREAM.PURGE.SYM_LOG",
            "$JS.API.STREAM.INFO.SYM_LOG",
            "$JS.API.STREAM.PURGE.SYM_DECISIONS",
            "sym.policy.stale",
            "$JS.API.DIRECT.GET.SYM_POLICIES.sym.policy.stale",
            subjects.RETENTION,
            "sym.run.*.*.tombstoned",
            *_consume("SYM_DECISIONS"),
        ),
        ("sym.pit.stale.>", *_SERVICE),
        answers=True,
    ),
}


def pit(role: str) -> Permissions:
    """One of the five, or `all` of them in one process."""
    parts = list(PIT.values()) if role == "all" else [PIT[role]]
    publish = dict.fromkeys(subject for part in parts for subject in part.publish)
    subscribe = dict.fromkeys(subject for part in parts for subject in part.subscribe)
    return Permissions(tuple(publish), tuple(subscribe), answers=True)


def conductor(name: str) -> Permissions:
    """Dispatches, decides, owns partitions; the only hub between the extensions."""
    events = (
        "decided",
        "due",
        "supplied",
        "resolved",
        "served",
        "recalled",
        "happened",
        "quarantined",
        "archived",
        "version",
        "owner",
    )
    log = tuple(f"sym.log.*.{event}" for event in events)
    api = (
        "$JS.API.STREAM.MSG.GET.SYM_LOG",
        "$JS.API.STREAM.INFO.SYM_LOG",
        "$JS.API.STREAM.INFO.SYM_IN",
        "$JS.API.STREAM.PURGE.SYM_IN",
        "$JS.API.STREAM.UPDATE.SYM_IN",
        "$JS.API.STREAM.INFO.SYM_CONTROL",
        "$JS.API.STREAM.PURGE.SYM_CONTROL",
        "$JS.API.STREAM.INFO.KV_sym_workflows",
        "$JS.API.DIRECT.GET.KV_sym_workflows.>",
        f"$JS.API.DIRECT.GET.SYM_POLICIES.{LADDER}",
        *_consume("SYM_EVENTS"),
    )
    said = ("sym.task.>", *log, "sym.pit.>", "sym.run.>", "sym.decision.*", "sym.ext.*", subjects.ROLL_CALL, LADDER)
    heard = (
        "sym.ready.*",
        "sym.ready.*.frame",
        subjects.grant(name),
        subjects.holds(name),
        subjects.HEARTBEATS,
        LADDER,
    )
    own = (f"sym.pit.conductor.*.{token(name)}",)
    return Permissions((*said, *_lease("conductor"), *api), (*heard, *own, *_SERVICE), answers=True)


def worker(name: str) -> Permissions:
    """Hears its own tasks, publishes results and heartbeats, moves the blobs that its tasks carry; nothing more."""
    return Permissions(
        ("sym.log.*.result", subjects.heartbeat(name), *_STORE, "sym.pit.store.put.*"),
        (subjects.tasks_of(name), subjects.ROLL_CALL),
    )


def plain(capabilities: list[str]) -> Permissions:
    """A NATS client of any language in a queue group: it registers its slots and publishes results."""
    return Permissions(
        ("sym.log.*.result", "sym.pit.pool.register"),
        tuple(subjects.task_queue(capability) for capability in capabilities),
    )


def client(tenant: str) -> Permissions:
    """Submits, cancels, follows and asks about the runs of one tenant, and keeps its workflows."""
    name = token(tenant)
    asked = tuple(f"sym.pit.dag.{operation}.*.{name}" for operation in ("show", "list", "history"))
    held = f"sym.pit.arbitration.holds.{name}"
    archive = tuple(f"sym.pit.stale.{operation}.{name}" for operation in ("list", "read", "decisions"))
    workflows = (f"$KV.sym_workflows.{name}.>", f"$JS.API.DIRECT.GET.KV_sym_workflows.$KV.sym_workflows.{name}.>")
    said = (f"sym.in.*.{name}.*", "sym.event.*", f"sym.pit.dag.check.{name}", "sym.pit.pool.offers")
    return Permissions(
        (*said, *asked, held, *archive, *workflows, *_STORE, f"sym.pit.store.put.{name}", "$SRV.INFO.dag"),
        (f"sym.run.{name}.>",),
    )


def operator() -> Permissions:
    """A person who runs the system: asks everything, makes streams; it forges neither tasks nor results."""
    return Permissions(
        (LADDER, "sym.pit.>", "sym.in.>", "sym.event.*", "$SRV.>", "$JS.API.>", "$KV.sym_workflows.>"),
        ("sym.run.>", "sym.heartbeat.*", "sym.ext.*", "sym.decision.*"),
    )


def bench() -> Permissions:
    """The load generator: everything, on a system of its own."""
    return Permissions((">",), (">",), answers=True)
