"""The streams and buckets of the mesh, from `schemas/streams.toml`: made where they are missing.

One that is there keeps the bounds that its operator gave it; subjects that a newer version added are added.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from conductor.bus.errors import BusError
from conductor.bus.natsbus import NatsBus
from conductor.wire.table import schema_file

REFUSED_FOR = "symphony.refused_for"
"""In the metadata of `SYM_IN`: why it shall take nothing now. Who watches over what the conductor cannot see, as a disk,
writes it; the conductor acts on it."""


def table() -> dict[str, Any]:
    """The rows of `schemas/streams.toml`: `stream` and `bucket`."""
    return tomllib.loads(schema_file("bus", "streams.toml").read_text())


def configurations(partitions: int, replicas: int = 1) -> list[dict[str, Any]]:
    """What the broker's API takes, for every stream and bucket. Durations are in nanoseconds."""
    rows = table()
    made = []
    for row in rows["stream"]:
        config: dict[str, Any] = {
            "name": row["name"],
            "subjects": row["subjects"],
            "retention": "limits",
            "discard": row["discard"],
            "max_bytes": row["max_bytes"],
            "max_age": row.get("max_age_s", 0) * 1_000_000_000,
            "max_msgs_per_subject": row.get("max_msgs_per_subject", -1),
            "storage": "file",
            "num_replicas": replicas,
            "allow_direct": True,
            "description": row["why"],
        }
        if "transform" in row:
            dest = row["transform"]["dest"].replace("{partitions}", str(partitions))
            config["subject_transform"] = {"src": row["transform"]["src"], "dest": dest}
        if "sources" in row:
            config["sources"] = [{"name": name} for name in row["sources"]]
        made.append(config)
    for row in rows["bucket"]:
        config = {
            "name": f"KV_{row['name']}",
            "subjects": [f"$KV.{row['name']}.>"],
            "retention": "limits",
            "discard": "new",
            "max_bytes": row["max_bytes"],
            "max_msgs_per_subject": 1,
            "storage": "file",
            "num_replicas": replicas,
            "allow_rollup_hdrs": True,
            "deny_delete": True,
            "allow_direct": True,
            "description": row["why"],
        }
        if row.get("lease"):
            config |= {"allow_msg_ttl": True, "subject_delete_marker_ttl": 1_000_000_000}
        made.append(config)
    return made


async def ensure_streams(
    bus: NatsBus, partitions: int, bounds: Mapping[str, int] | None = None, replicas: int = 1
) -> None:
    """Make every stream and bucket that is not there, and let older ones take the subjects of today. `bounds` are bytes, by
    the name of a stream, for one that is made; `replicas`: brokers that have each of them, which takes as many brokers.

    Raises:
        BusError: `config` where one is there with another number of partitions; the broker's refusal otherwise.
    """
    for config in configurations(partitions, replicas):
        config["max_bytes"] = (bounds or {}).get(config["name"], config["max_bytes"])
        answer = await api(bus, f"STREAM.CREATE.{config['name']}", config)
        error = answer.get("error")
        if error is None:
            continue
        if error.get("err_code") != 10058:  # the name is in use with another configuration
            raise BusError("unavailable", f"{config['name']}: {error.get('description')}")
        existing = (await api(bus, f"STREAM.INFO.{config['name']}", {})).get("config", {})
        if existing.get("subject_transform") != config.get("subject_transform"):
            raise BusError(
                "config", f"{config['name']} was made for another number of partitions; use a new data folder"
            )
        missing = [subject for subject in config["subjects"] if subject not in existing.get("subjects", [])]
        if missing:
            wider = existing | {"subjects": [*existing.get("subjects", []), *missing]}
            answer = await api(bus, f"STREAM.UPDATE.{config['name']}", wider)
            if (error := answer.get("error")) is not None:
                raise BusError("unavailable", f"{config['name']}: {error.get('description')}")


async def api(bus: NatsBus, call: str, body: dict[str, Any]) -> dict[str, Any]:
    """A call of the broker's API and its answer, which may be a refusal.

    Raises:
        BusError: no answer came.
    """
    reply = await bus.request(f"$JS.API.{call}", json.dumps(body).encode(), timeout_s=10)
    answer: dict[str, Any] = json.loads(reply)
    return answer
