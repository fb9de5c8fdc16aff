"""Registered workflows: documents in the bucket `sym_workflows`, under their tenant, name and version."""

from __future__ import annotations

import json
from typing import Any

from conductor.bus import BusError
from conductor.cli.output import FAILED, Refusal
from conductor.wire.subjects import token
from conductor.workflow.client import Client
from conductor.workflow.reader import Source

BUCKET = "sym_workflows"


class Registry:
    """The workflows of a tenant."""

    def __init__(self, client: Client) -> None:
        self._bus = client.bus
        self._tenant = token(client.tenant)

    def _subject(self, name: str, version: str) -> str:
        return f"$KV.{BUCKET}.{self._tenant}.{token(name)}.{_version_token(version)}"

    async def put(self, source: Source) -> tuple[str, str]:
        """Register a document; its name and version. The same version may be registered again with the same content only.

        Raises:
            BusError: kind `invalid`: the version is there with another content.
        """
        name, version = str(source.value["workflow"]), str(source.value.get("version", "0.0.0"))
        body = source.canonical()
        existing = await self._read(self._subject(name, version))
        if existing is not None and existing != body:
            raise BusError("invalid", f"{name} {version} is registered with another content: give it a new version")
        if existing is None:
            await self._bus.publish_log(self._subject(name, version), body)
        # The latest is what was registered last, and has a key of its own so that it is found without a list.
        await self._bus.publish_log(self._subject(name, "latest"), body)
        return name, version

    async def get(self, name: str, version: str | None = None) -> str | None:
        """The canonical JSON of a workflow: of a version, or of what was registered last."""
        data = await self._read(self._subject(name, version or "latest"))
        return None if data is None else data.decode()

    async def _read(self, subject: str) -> bytes | None:
        reply = await self._bus.client.request(f"$JS.API.DIRECT.GET.KV_{BUCKET}.{subject}", b"", timeout=5)
        if (reply.headers or {}).get("Status") == "404":
            return None
        data: bytes = reply.data
        return data


async def registered(client: Client, name: str) -> str:
    """The canonical JSON of what NAME or NAME@VERSION says.

    Raises:
        Refusal: exit code 1: there is none.
    """
    plain, _, version = name.partition("@")
    text = await Registry(client).get(plain, version or None)
    if text is None:
        raise Refusal(f"no workflow {name} is registered: `symphony workflows list` shows those that are", FAILED)
    return text


async def listed(bus: Any, tenant: str) -> list[tuple[str, str]]:
    """Names and versions of a tenant's workflows; an operator asks.

    Raises:
        BusError: the broker does not answer.
    """
    ask = json.dumps({"subjects_filter": f"$KV.{BUCKET}.{token(tenant)}.>"}).encode()
    answer = json.loads(await bus.request(f"$JS.API.STREAM.INFO.KV_{BUCKET}", ask))
    found = []
    for subject in answer.get("state", {}).get("subjects") or {}:
        *_, name, version = subject.split(".")
        if version != "latest":
            found.append((name, version.replace("_", ".")))
    return sorted(found)


def _version_token(version: str) -> str:
    return version.replace(".", "_").replace("+", "-")
