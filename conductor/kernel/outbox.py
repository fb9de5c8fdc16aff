"""Tasks and cancels on their way to workers: one message for each worker and capability of a beat, with their tokens."""

from __future__ import annotations

from blake3 import blake3

from conductor.kernel.execution import Execution
from conductor.kernel.workers import Slot, Worker
from conductor.wire import subjects
from conductor.wire.base import encode
from conductor.wire.tasks import Attempt, Task, TaskBatch

BATCH_BYTES_MAX = 1024 * 1024
"""Of inputs in one message; the broker takes four times as much."""
BATCH_TASKS_MAX = 2048
TASK_BYTES = 256
"""What a task weighs beside its inputs."""


class Outbox:
    """Collects what a beat sends; `messages` writes it out. One for each partition and ownership epoch."""

    def __init__(self, conductor: str, partition: int, epoch: int, secret: bytes) -> None:
        self._conductor = conductor
        self._partition = partition
        self._epoch = epoch
        self._key = subjects.mesh_key(secret, partition, epoch)
        self._reply = subjects.log_event(partition, "result")
        self._tasks: dict[str, list[Task]] = {}
        self._weights: dict[str, int] = {}
        self._cancels: dict[str, list[Attempt]] = {}
        self._subjects: dict[tuple[str, str, bool], str] = {}
        self._full: list[tuple[str, bytes]] = []

    def task(self, execution: Execution, worker: Worker, trace: bytes | None) -> None:
        """A dispatch, with the token that only this worker's result may carry (rule 2)."""
        task, n = execution.task, execution.n
        identity = f"{task.run}\0{task.task}\0{task.generation}\0{task.try_}\0{self._epoch}\0{n}\0{worker.name}"
        timeout_ms = task.timeout_ms
        if worker.queue:
            timeout_ms = min(timeout_ms or 1 << 62, worker.timeout_ms or 60_000)
        made = Task(
            run=task.run,
            task=task.task,
            generation=task.generation,
            try_=task.try_,
            n=n,
            token=blake3(identity.encode(), key=self._key).digest(length=16),
            capability=task.capability,
            inputs=task.inputs,
            timeout_ms=timeout_ms,
            deadline_at_ms=task.deadline_at_ms
            if execution.expires_at_ms is None
            else _earliest(task.deadline_at_ms, execution.expires_at_ms),
            ready_at_ms=task.ready_at_ms,
            trace=trace,
        )
        subject = self._subject(task.capability, worker.name, worker.queue)
        weight = self._weights.get(subject, 0) + len(task.inputs) + TASK_BYTES
        tasks = self._tasks.setdefault(subject, [])
        if tasks and (weight > BATCH_BYTES_MAX or len(tasks) >= BATCH_TASKS_MAX):
            self._write(subject)
            tasks = self._tasks.setdefault(subject, [])
            weight = len(task.inputs) + TASK_BYTES
        tasks.append(made)
        self._weights[subject] = weight

    def cancel(self, worker: Worker, slot: Slot) -> None:
        """An attempt to be stopped."""
        if worker.queue:
            return  # nobody knows which member of the group has it: its time runs out
        subject = subjects.task("cancel", worker.name)
        attempt = Attempt(partition=self._partition, epoch=self._epoch, n=slot[1])
        self._cancels.setdefault(subject, []).append(attempt)

    def messages(self) -> list[tuple[str, bytes]]:
        """Everything collected, as subjects and bytes; the collection is empty then."""
        for subject in list(self._tasks):
            self._write(subject)
        for subject, cancels in self._cancels.items():
            for at in range(0, len(cancels), BATCH_TASKS_MAX):
                self._full.append((subject, self._encode([], cancels[at : at + BATCH_TASKS_MAX])))
        self._cancels.clear()
        made, self._full = self._full, []
        return made

    def _write(self, subject: str) -> None:
        self._full.append((subject, self._encode(self._tasks.pop(subject), [])))
        self._weights.pop(subject, None)

    def _encode(self, tasks: list[Task], cancels: list[Attempt]) -> bytes:
        return encode(
            TaskBatch(
                partition=self._partition,
                epoch=self._epoch,
                conductor=self._conductor,
                reply=self._reply,
                tasks=tasks,
                cancel=cancels,
            )
        )

    def _subject(self, capability: str, worker: str, queue: bool) -> str:
        key = (capability, worker, queue)
        found = self._subjects.get(key)
        if found is None:
            if len(self._subjects) > 100_000:
                self._subjects.clear()  # workers come and go under new names; the cache must not follow them for ever
            made = subjects.task_queue(capability) if queue else subjects.task(capability, worker)
            found = self._subjects[key] = made
        return found


def _earliest(*moments: int | None) -> int | None:
    given = [moment for moment in moments if moment is not None]
    return min(given) if given else None
