"""Tasks and cancels on their way to workers: one message for each worker and capability of a beat, with their tokens."""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(slots=True)
class _Line:
    """What goes to one worker for one capability in this beat."""

    subject: str
    worker: str
    capability: str
    tasks: list[Task] = field(default_factory=list)
    size_bytes: int = 0


class Outbox:
    """Collects what a beat sends; `messages` writes it out. One for each partition and ownership epoch."""

    def __init__(self, conductor: str, partition: int, epoch: int, secret: bytes) -> None:
        self._conductor = conductor
        self._partition = partition
        self._epoch = epoch
        self._key = subjects.mesh_key(secret, partition, epoch)
        self._reply = subjects.log_event(partition, "result")
        self._lines: dict[str, _Line] = {}
        self._line = _Line("", "", "")
        """The line of the last task: those of one worker and capability come one after another."""
        self._cancels: dict[str, list[Attempt]] = {}
        self._full: list[tuple[str, bytes]] = []

    def task(self, execution: Execution, worker: Worker, trace: bytes | None) -> None:
        """A dispatch, with the token that only this worker's result may carry (rule 2)."""
        task, n, name = execution.task, execution.n, worker.name
        line = self._line
        if line.worker != name or line.capability != task.capability:
            line = self._line = self._line_of(task.capability, worker)
        identity = f"{task.run}\0{task.task}\0{task.generation}\0{task.try_}\0{self._epoch}\0{n}\0{name}"
        timeout_ms, deadline_at_ms = task.timeout_ms, task.deadline_at_ms
        if worker.queue:
            timeout_ms = min(timeout_ms or 1 << 62, worker.timeout_ms or 60_000)
        if execution.expires_at_ms is not None:
            deadline_at_ms = min(deadline_at_ms or 1 << 62, execution.expires_at_ms)
        made = Task(
            run=task.run,
            tenant=task.tenant,
            task=task.task,
            generation=task.generation,
            try_=task.try_,
            n=n,
            token=blake3(identity.encode(), key=self._key).digest(length=16),
            capability=task.capability,
            inputs=task.inputs,
            timeout_ms=timeout_ms,
            deadline_at_ms=deadline_at_ms,
            ready_at_ms=task.ready_at_ms,
            trace=trace,
            fences=execution.fences,
        )
        size_bytes = len(task.inputs) + TASK_BYTES
        if line.tasks and (line.size_bytes + size_bytes > BATCH_BYTES_MAX or len(line.tasks) >= BATCH_TASKS_MAX):
            self._write(line)
        line.tasks.append(made)
        line.size_bytes += size_bytes

    def cancel(self, worker: Worker, slot: Slot) -> None:
        """An attempt to be stopped."""
        if worker.queue:
            return  # nobody knows which member of the group has it: its time runs out
        self.cancel_attempt(worker.name, Attempt(partition=self._partition, epoch=self._epoch, n=slot[1]))

    def cancel_attempt(self, worker: str, attempt: Attempt) -> None:
        """The same of one that an earlier owner may have sent."""
        subject = subjects.task("cancel", worker)
        self._cancels.setdefault(subject, []).append(attempt)

    def messages(self) -> list[tuple[str, bytes]]:
        """Everything collected, as subjects and bytes; the collection is empty then."""
        for line in self._lines.values():
            self._write(line)
        if self._lines:
            # Workers come and go under new names: a line lives as long as a beat.
            self._lines.clear()
            self._line = _Line("", "", "")
        for subject, cancels in self._cancels.items():
            for at in range(0, len(cancels), BATCH_TASKS_MAX):
                self._full.append((subject, self._encode([], cancels[at : at + BATCH_TASKS_MAX])))
        self._cancels.clear()
        made, self._full = self._full, []
        return made

    def _line_of(self, capability: str, worker: Worker) -> _Line:
        subject = subjects.task_queue(capability) if worker.queue else subjects.task(capability, worker.name)
        line = self._lines.get(subject)
        if line is None:
            line = self._lines[subject] = _Line(subject, worker.name, capability)
        return line

    def _write(self, line: _Line) -> None:
        self._full.append((line.subject, self._encode(line.tasks, [])))
        line.tasks, line.size_bytes = [], 0

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
