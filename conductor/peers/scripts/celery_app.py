"""Celery: the tasks of its worker, which acknowledges a message once its task has ended."""

from __future__ import annotations

import os

from celery import Celery

app = Celery("bench", broker=os.environ["CELERY_URL"], backend=os.environ["CELERY_URL"])
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=int(os.environ.get("CELERY_PREFETCH", "4")),
    broker_connection_retry_on_startup=True,
    result_expires=600,
)


@app.task
def noop(*_: object) -> dict[str, object]:
    return {}


@app.task
def echo(said: dict[str, object], step: str) -> dict[str, object]:
    return {"step": step, "order": said["order"]}
