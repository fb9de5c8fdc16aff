"""Airflow: the DAGs of its scenarios, as its tutorial writes them (TaskFlow). Copied to its DAGs, beside load.py."""

from __future__ import annotations

import load
from airflow.sdk import dag, task


@task
def noop() -> dict[str, object]:
    return {}


@task
def receive(step: str, dag_run=None) -> dict[str, object]:
    return {"step": step, "order": dag_run.conf["order"]}


@task
def echo(step: str, said: dict[str, object]) -> dict[str, object]:
    return {"step": step, "order": said["order"]}


def in_a_row(name: str, steps: int):
    @dag(dag_id=name, schedule=None)
    def made() -> None:
        last = noop()
        for _ in range(steps - 1):
            step = noop()
            last >> step
            last = step

    return made()


@dag(dag_id="flow", schedule=None)
def order_flow() -> None:
    said = receive(load.FLOW[0])
    for step in load.FLOW[1:]:
        said = echo(step, said)


in_a_row("one", 1)
in_a_row("chain", load.CHAIN_STEPS)
order_flow()
