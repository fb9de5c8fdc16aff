"""Workflows: documents, the Python form, and imports of foreign ones."""

from conductor.workflow.builder import Workflow, workflow
from conductor.workflow.document import (
    After,
    Budget,
    Cache,
    Compensate,
    FallbackStep,
    Rate,
    Retry,
    ScopedLock,
    Semaphore,
    Timeout,
)
from conductor.workflow.drafting import building
from conductor.workflow.each import Each, each
from conductor.workflow.errors import Mistake, WorkflowError
from conductor.workflow.forms import (
    approve,
    call,
    event,
    index,
    item,
    meta,
    optional,
    output,
    run,
    soft,
    subworkflow,
    value,
    wait_for,
)
from conductor.workflow.inside import Branch, Loop, Switch, repeat, switch
from conductor.workflow.reader import Source, read_bytes, read_file, read_text
from conductor.workflow.reference import Reference, expr
from conductor.workflow.types import Artifact, Directory, File

__all__ = [
    "After",
    "Artifact",
    "Branch",
    "Budget",
    "Cache",
    "Compensate",
    "Directory",
    "Each",
    "FallbackStep",
    "File",
    "Loop",
    "Mistake",
    "Rate",
    "Reference",
    "Retry",
    "ScopedLock",
    "Semaphore",
    "Source",
    "Switch",
    "Timeout",
    "Workflow",
    "WorkflowError",
    "approve",
    "building",
    "call",
    "each",
    "event",
    "expr",
    "index",
    "item",
    "meta",
    "optional",
    "output",
    "read_bytes",
    "read_file",
    "read_text",
    "repeat",
    "run",
    "soft",
    "subworkflow",
    "switch",
    "value",
    "wait_for",
    "workflow",
]
