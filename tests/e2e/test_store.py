"""The Artifact Store by the command line: found, explained, encrypted, repaired."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conductor.embedded import System, SystemOptions
from tests.e2e.running import Running, document, outputs

pytestmark = pytest.mark.broker


async def told(running: Running, *words: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads((await running.cli_async(*words, "--json")).stdout)
    return said


async def test_what_was_put_is_found_tagged_explained_and_repaired(own_system: Running, tmp_path: Path) -> None:
    file = tmp_path / "report.md"
    file.write_text("Turnover of the Cologne branch\n")
    digest = (await told(own_system, "artifacts", "put", str(file)))["digest"]
    for words in (("cologne",), ("report", "turn")):
        found = (await told(own_system, "artifacts", "search", *words))["artifacts"]
        assert [artifact["digest"] for artifact in found] == [digest]
    assert (await told(own_system, "artifacts", "tag", digest, "board", "q3"))["tags"] == ["board", "q3"]
    explained = await told(own_system, "pit", "artifacts", "explain", digest)
    assert explained["tags"] == ["board", "q3"]
    assert "it was stored by hand" in explained["why"]
    text = (await own_system.cli_async("pit", "artifacts", "explain", digest)).stdout
    assert "tags: board q3" in text
    event = json.loads((await own_system.cli_async("artifacts", "lineage", digest, "--openlineage")).stdout)
    assert event["outputs"] == [{"namespace": "symphony", "name": f"artifact/{digest}"}]
    packs = (own_system.system.layout.pit / "artifacts" / "packs").iterdir()
    pack = next(pack for pack in packs if file.read_bytes() in pack.read_bytes())
    pack.write_bytes(pack.read_bytes().replace(file.read_bytes(), b"X" + file.read_bytes()[1:]))
    bad = await own_system.cli_async("artifacts", "verify", "--repair", check=None)
    assert bad.returncode == 1
    assert "1 corrupt" in bad.stdout and "1 set aside" in bad.stdout
    assert (await told(own_system, "artifacts", "put", str(file)))["digest"] == digest
    assert (await told(own_system, "artifacts", "verify"))["corrupt"] == []
    shown = await told(own_system, "pit", "artifacts", "show")
    assert shown["artifacts"] >= 1 and not shown["encrypted"] and shown["packs"] == 1
    many = [(f"small {n}".encode(), "text/plain") for n in range(3000)]
    digests = await own_system.client.artifacts.put_many(many)
    assert await own_system.client.artifacts.get(digests[2999]) == b"small 2999"
    after = await told(own_system, "pit", "artifacts", "show")
    assert (after["artifacts"], after["packs"]) == (shown["artifacts"] + 3000, 1)
    trail = await told(own_system, "pit", "artifacts", "trail")
    assert [entry["what"] for entry in trail["entries"]] == ["tagged", "set_aside"]
    assert trail["broken_at"] is None


async def test_a_key_file_encrypts_from_the_next_start_on_and_rewrap_the_rest(tmp_path: Path) -> None:
    data = tmp_path / "data"
    large = "x" * 300_000
    calls = {"say": {"call": "test.echo", "with": {"text": large}}}
    packed = document(calls, outputs={"text": "${tasks.say.text}"})

    def lies_there(running: Running, words: bytes) -> bool:
        folder = running.system.layout.pit / "artifacts"
        return any(words in path.read_bytes() for path in folder.rglob("*") if path.is_file())

    file = tmp_path / "secret.bin"
    file.write_bytes(b"confidential " + bytes(range(256)))
    async with System(SystemOptions(data)) as system, Running(system) as running:
        digest = (await told(running, "artifacts", "put", str(file)))["digest"]
        assert lies_there(running, b"confidential")
        await running.cli_async("pit", "artifacts", "key", str(system.layout.keys / "artifacts.keys"))
    async with System(SystemOptions(data)) as system, Running(system) as running:
        made = await told(running, "pit", "artifacts", "rewrap")
        assert made["sealed"] >= 1 and made["failed"] == 0
        assert not lies_there(running, b"confidential")
        assert (await told(running, "pit", "artifacts", "explain", digest))["encrypted"]
        stored = outputs(await running.run(packed))["text"]
        assert stored["size"] > len(large), "it went through the store, and came back from it to be named"
        assert (await told(running, "pit", "artifacts", "explain", stored["digest"]))["encrypted"]
        out = tmp_path / "out.bin"
        await running.cli_async("artifacts", "get", digest, "--out", str(out))
        assert out.read_bytes() == file.read_bytes()


async def test_a_tenant_is_erased_with_all_that_his_runs_and_clients_stored(tmp_path: Path) -> None:
    data = tmp_path / "data"
    own = {"count": {"call": "process.run", "with": {"command": ["seq", "60000"]}}}
    async with System(SystemOptions(data)) as system, Running(system) as running:
        refused = await running.cli_async("pit", "artifacts", "erase", "default", "--yes", check=None)
        assert refused.returncode == 1 and "nothing was erased" in refused.stderr
        await running.cli_async("pit", "artifacts", "key", str(system.layout.keys / "artifacts.keys"))
    async with System(SystemOptions(data)) as system, Running(system) as running:
        ended = await running.run(document(own, outputs={"text": "${tasks.count.stdout}"}))
        stored = outputs(ended)["text"]["digest"]
        put = await running.client.artifacts.put(b"by a client", "text/plain")
        unsure = await running.cli_async("pit", "artifacts", "erase", "default", check=None)
        assert unsure.returncode == 2 and "--yes" in unsure.stderr
        made = await told(running, "pit", "artifacts", "erase", "default", "--yes")
        assert made["keys"] == 1 and made["artifacts"] >= 2
        for digest in (stored, put):
            gone = await running.cli_async("artifacts", "get", digest, "--out", str(tmp_path / "out"), check=None)
            assert gone.returncode == 1, gone.stdout
        trail = await told(running, "pit", "artifacts", "trail")
        assert trail["entries"][-1]["what"] == "erased" and "default" not in trail["entries"][-1]["detail"]
        again = await running.client.artifacts.put(b"by a client", "text/plain")
        assert again == put and await running.client.artifacts.get(put) == b"by a client"
        everything = await told(running, "pit", "stale", "erase", "default", "--yes")
        assert everything["keys"] == 1, "the erasure of a tenant takes its key along"
        gone = await running.cli_async("artifacts", "get", put, "--out", str(tmp_path / "out"), check=None)
        assert gone.returncode == 1, gone.stdout
