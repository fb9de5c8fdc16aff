"""Slots that several want are shared by Arbitration's weights, and a run's history tells why it had its turns."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from conductor.bus import BusError
from conductor.embedded import EmbeddedError, System, SystemOptions
from conductor.embedded.roles import client as client_role
from conductor.workflow.client import Client, SubmitOptions
from conductor.workflow.turns import turns
from tests.e2e.conftest import until
from tests.e2e.running import Running, document

pytestmark = pytest.mark.broker

POLICY = """
[arbitration.workflows.heavy]
weight = 3.0

[arbitration.tenants.acme]
weight = 3.0
"""
ITEMS = 900
ENOUGH = 240
"""Items of the heavier one: at four slots and 50 ms each, about four seconds of sharing."""


@pytest.fixture
async def weighted(tmp_path: Path) -> AsyncIterator[Running]:
    """Four slots, and an operator who gives one workflow and one tenant three times the weight of others."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "arbitration.toml").write_text(POLICY)
    async with System(SystemOptions(data, workers="stock=1x4")) as system, Running(system) as running:
        yield running


def sleeps(name: str) -> bytes:
    item = {"call": "time.sleep", "for_each": f"${{range({ITEMS})}}", "with": {"seconds": 0.05}}
    return document({"sleep": item}, name)


async def share(one: tuple[Client, str], other: tuple[Client, str]) -> tuple[int, int, list[str]]:
    """How many items of each were done once the first has enough of them; and the runs."""
    runs = []
    for client, workflow in (one, other):
        submit = client.draft(workflow, sleeps(workflow), {}, SubmitOptions())
        await client.submit([submit])
        runs.append(submit.run)
    done = [0, 0]

    async def enough() -> bool:
        for place, (client, _) in enumerate((one, other)):
            view = await client.show(runs[place])
            done[place] = view.tasks.succeeded if view is not None else 0
        return done[0] >= ENOUGH

    await until(enough, 60)
    return done[0], done[1], runs


async def why(running: Running, run: str) -> list[dict[str, str]]:
    """The turns of a run that Arbitration ordered, as the command line tells them."""
    found: list[dict[str, str]] = []

    async def told() -> bool:
        shown = json.loads((await running.cli_async("runs", "history", run, "--json")).stdout)
        found[:] = [decision for decision in shown["decisions"] if decision["order"]]
        return bool(found)

    await until(told, 20)
    return found


async def test_two_workflows_share_slots_by_weight_and_history_tells_arbitrations_reason(weighted: Running) -> None:
    heavy, light, runs = await share((weighted.client, "heavy"), (weighted.client, "light"))
    assert 2.3 < heavy / light < 4.0, (heavy, light)
    for run, weight, workflow in zip(runs, (3, 1), ("heavy", "light"), strict=True):
        turn = (await why(weighted, run))[0]
        assert turn["order"].startswith("arbitration-")
        assert turn["rationale"].startswith(f"default/{workflow} gets ")
        assert turn["rationale"].endswith(f"at weight {weight}")
    text = (await weighted.cli_async("runs", "history", runs[0])).stdout
    assert "default/heavy gets " in text
    shown = json.loads((await weighted.cli_async("pit", "arbitration", "show", "--json")).stdout)
    assert {placed["workflow"] for order in shown["decisions"] for placed in order["order"]} == {"heavy", "light"}
    for run in runs:
        await weighted.cli_async("runs", "cancel", run)


async def test_two_tenants_share_slots_by_weight(weighted: Running) -> None:
    clients = []
    for tenant in ("zeta", "acme"):
        weighted.system.mint(f"client-{tenant}", client_role(tenant))
        clients.append(Client(await weighted.connect(f"client-{tenant}"), tenant))
    zeta, acme = clients
    big, small, runs = await share((acme, "nightly"), (zeta, "nightly"))
    assert 2.3 < big / small < 4.0, (big, small)
    for client, run, weight in ((acme, runs[0], 3), (zeta, runs[1], 1)):

        async def told(client: Client = client, run: str = run, weight: int = weight) -> bool:
            logged = (await turns(client, run)).decisions
            return any(d.order and f"slot seconds at weight {weight}, " in d.rationale for d in logged)

        await until(told, 20)
    assert (await turns(zeta, runs[0])).decisions == [], "what another tenant does is not told"
    for client in clients:
        await client.bus.close()


async def test_a_policy_is_tried_applied_and_outlives_its_service(weighted: Running, tmp_path: Path) -> None:
    async def told(*words: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((await weighted.cli_async("pit", "arbitration", *words, "--json")).stdout)
        return said

    _, _, runs = await share((weighted.client, "heavy"), (weighted.client, "light"))
    decision = (await why(weighted, runs[0]))[0]["order"]
    explained = await told("explain", decision)
    assert explained["order"]["by"] == "prioritised"
    assert {p["workflow"]: p["factors"]["workflow_weight"] for p in explained["order"]["order"]} == {
        "heavy": 3,
        "light": 1,
    }
    text = (await weighted.cli_async("pit", "arbitration", "explain", decision)).stdout
    assert "prioritised by the configuration's policy" in text
    even = tmp_path / "even.toml"
    even.write_text("[arbitration.workflows.heavy]\nweight = 1.0\n[arbitration.workflows.light]\nweight = 2.0\n")
    tried = await told("policy", "try", str(even))
    assert tried["version"] == 0
    assert tried["decisions"] > 0
    assert any(c["workflow"] == "light" and c["after"] > c["before"] for c in tried["changed"])
    applied = await told("policy", "apply", str(even), "--reason", "month's end", "--expected", "0")
    assert (applied["version"], applied["reason"]) == (1, "month's end")
    late = await weighted.cli_async("pit", "arbitration", "policy", "apply", str(even), "--expected", "0", check=None)
    assert late.returncode != 0
    assert "version 1 is in force, not 0" in late.stderr

    async def lighter() -> bool:
        orders = (await told("show"))["decisions"]
        return bool(orders) and any(p["factors"]["workflow_weight"] == 2 for p in orders[0]["order"])

    await until(lighter, 20)
    os.kill(weighted.process("pit").pid, signal.SIGKILL)

    async def back() -> bool:
        shown = await weighted.cli_async("pit", "arbitration", "policy", "show", "--json", check=None)
        return shown.returncode == 0 and json.loads(shown.stdout)["version"] == 1

    await until(back, 30)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[arbitration.tenants.a]\nwieght = 2.0\n")
    refused = await weighted.cli_async("pit", "arbitration", "policy", "apply", str(wrong), check=None)
    assert refused.returncode != 0
    assert "the policy, line 2: unknown field `wieght`" in refused.stderr
    assert (await told("policy", "reset"))["version"] == 2
    for run in runs:
        await weighted.cli_async("runs", "cancel", run)


async def test_a_budget_of_calls_holds_over_the_death_of_who_keeps_it(weighted: Running, tmp_path: Path) -> None:
    policy = tmp_path / "budget.toml"
    policy.write_text('[arbitration.workflows.spends]\nbudget = {calls = 30, per = "ever"}\n')
    await weighted.cli_async("pit", "arbitration", "policy", "apply", str(policy))
    run = await weighted.begin(sleeps("spends"))
    await weighted.until(run, lambda view: view.tasks.succeeded >= 10)
    os.kill(weighted.process("pit").pid, signal.SIGKILL)
    most = 0

    async def spent() -> bool:
        nonlocal most
        try:
            view = await weighted.client.show(run)
        except BusError:
            return False  # it is not back yet
        most = max(most, 0 if view is None else view.tasks.succeeded)
        shown = await weighted.cli_async("pit", "arbitration", "show", "--json", check=None)
        told = json.loads(shown.stdout)["allowances"] if shown.returncode == 0 else []
        return any("30 of 30 calls in all" in allowance["reason"] for allowance in told)

    await until(spent, 30)
    for _ in range(3):  # nothing more comes, each time that it is looked at
        assert await spent()
    assert 10 <= most <= 30
    await weighted.cli_async("runs", "cancel", run)


async def test_contention_within_one_workflow_asks_arbitration_nothing(weighted: Running) -> None:
    run = await weighted.begin(sleeps("alone"))
    await weighted.until(run, lambda view: view.tasks.succeeded >= 40)
    shown = json.loads((await weighted.cli_async("pit", "arbitration", "show", "--json")).stdout)
    assert shown["decisions"] == []
    await weighted.cli_async("runs", "cancel", run)


@pytest.mark.parametrize(
    ("text", "said"),
    [("[arbitration", "cannot be read"), ("[pool]\nurl = 'x'\n", "has to hold one section"), ("", "one section")],
)
async def test_a_policy_that_cannot_be_meant_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "arbitration.toml").write_text(text)
    with pytest.raises(EmbeddedError) as refused:
        async with asyncio.timeout(30), System(SystemOptions(tmp_path)):
            pass
    assert refused.value.kind == "wrong"
    assert said in str(refused.value)
    assert str(tmp_path / "arbitration.toml") in str(refused.value)
