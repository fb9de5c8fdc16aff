"""What can be wrong with a workflow, before it runs: `WorkflowError`, with one line for each problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """One problem: where (file, line and column from 1, 0 when unknown), what, and what to do."""

    source: str
    line: int
    column: int
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        place = f"{self.source}:{self.line}:{self.column}" if self.line else self.source
        return f"{place}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


class WorkflowError(Exception):
    """A document that cannot run. `mistakes` has at least one entry."""

    kind = "invalid_workflow"

    def __init__(self, mistakes: list[Mistake]) -> None:
        more = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        super().__init__(f"{mistakes[0]}{more}")
        self.mistakes = mistakes

    @classmethod
    def one(cls, source: str, message: str, remedy: str = "", line: int = 0, column: int = 0) -> WorkflowError:
        """The error with a single mistake."""
        return cls([Mistake(source, line, column, message, remedy)])
