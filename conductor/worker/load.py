"""Finding functions and workflows in Python code: a module's name, or the path of a file."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from conductor.worker.task import TaskFunction
from conductor.workflow.builder import Workflow
from conductor.workflow.errors import WorkflowError


def load(target: str) -> tuple[ModuleType, str | None]:
    """`module`, `module:name`, `folder/file.py` or `folder/file.py:name`.

    A file is imported under its own name with its folder on the path, so that processes find it again.

    Raises:
        WorkflowError: there is no such module, or importing it fails; the message is the exception's last line.
    """
    place, _, name = target.partition(":")
    if place.endswith(".py"):
        path = Path(place).resolve()
        if not path.is_file():
            raise WorkflowError.one(place, "there is no such file", "check the path")
        folder, module = str(path.parent), path.stem
    else:
        folder, module = str(Path.cwd()), place
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return importlib.import_module(module), name or None
    except Exception as error:  # a user's module may raise anything
        if isinstance(error, ModuleNotFoundError) and error.name == module:
            raise WorkflowError.one(target, f"there is no module {module!r}", "name a module or a .py file") from None
        text = f"{type(error).__name__}: {error}"
        raise WorkflowError.one(target, f"importing it fails with {text}", "mend the module") from error


def functions(target: str) -> list[TaskFunction[..., Any]]:
    """The `@task` functions of a module, or the one that is named.

    Raises:
        WorkflowError: as `load`, or there is none.
    """
    module, name = load(target)
    members = vars(module) if name is None else {name: getattr(module, name, None)}
    found = [member for member in members.values() if isinstance(member, TaskFunction)]
    if not found:
        what = f"{name!r} is no @task function" if name else "it has no @task function"
        raise WorkflowError.one(target, what, "put `@task` (from conductor.worker) on a function")
    return found


def workflow(target: str) -> Workflow:
    """The `@workflow` of a module: the named one, or the only one.

    Raises:
        WorkflowError: as `load`, or there is none, or several.
    """
    module, name = load(target)
    members = vars(module) if name is None else {name: getattr(module, name, None)}
    found = {key: member for key, member in members.items() if isinstance(member, Workflow)}
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        raise WorkflowError.one(
            target, f"it has {len(found)} workflows: {', '.join(found)}", f"add :{next(iter(found))}"
        )
    what = f"{name!r} is no @workflow" if name else "it has no @workflow"
    raise WorkflowError.one(target, what, "put `@workflow` (from conductor.workflow) on a function")
