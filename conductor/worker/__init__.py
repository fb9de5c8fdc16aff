"""Workers and extensions in Python: `@task` offers a function, `symphony worker MODULE` serves it."""

from conductor.worker.context import TaskContext, context
from conductor.worker.errors import Cancelled, ContractError, TaskError
from conductor.worker.task import TaskFunction, task

__all__ = ["Cancelled", "ContractError", "TaskContext", "TaskError", "TaskFunction", "context", "task"]
