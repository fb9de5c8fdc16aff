"""What may be asked of a run under way or ended: `sym.in.<event>.<tenant>.<run>`, in the bounded stream `SYM_CONTROL`.

Who asks is the tenant of the subject, which the broker's permissions authenticate; no message has a field for it. The fold
takes them in the order of the log, notes each in the run's history, and passes over what no longer fits.
"""

from __future__ import annotations

import msgspec

from conductor.wire.base import Message, Name, RunId, TaskPath, Text
from conductor.wire.runs import Document


class PauseRun(Message, frozen=True, kw_only=True):
    """Begin nothing new: what runs goes on, timers of the run's waits and deadlines go on, no task is given out."""

    run: RunId
    reason: Text = ""


class ResumeRun(Message, frozen=True, kw_only=True):
    """Go on after a pause."""

    run: RunId
    reason: Text = ""


class RetryRun(Message, frozen=True, kw_only=True):
    """Run again what failed, was cancelled or was skipped for it, and keep what succeeded.

    With `from` that task and all that hangs on it are run again, whatever became of them.
    """

    run: RunId
    from_: TaskPath | None = msgspec.field(default=None, name="from")
    reason: Text = ""


class RollbackRun(Message, frozen=True, kw_only=True):
    """Go back to a named checkpoint: what came after it is compensated where it can be, and run again."""

    run: RunId
    checkpoint: Name
    reason: Text = ""


class MoveRun(Message, frozen=True, kw_only=True):
    """Go on by another version of the document, where the tasks that are done still stand in it, unchanged."""

    run: RunId
    document: Document
    reason: Text = ""
