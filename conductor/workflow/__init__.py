"""Workflows: documents, the Python form, and imports of foreign ones."""

from conductor.workflow.builder import Workflow, building, call, index, item, value, workflow
from conductor.workflow.errors import Mistake, WorkflowError
from conductor.workflow.reader import Source, read_bytes, read_file, read_text
from conductor.workflow.reference import Reference, expr
from conductor.workflow.types import Artifact, Directory, File

__all__ = [
    "Artifact",
    "Directory",
    "File",
    "Mistake",
    "Reference",
    "Source",
    "Workflow",
    "WorkflowError",
    "building",
    "call",
    "expr",
    "index",
    "item",
    "read_bytes",
    "read_file",
    "read_text",
    "value",
    "workflow",
]
