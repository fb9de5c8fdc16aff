"""How a function says that it failed: `TaskError`, with a kind that documents can name in `retry: {on: [...]}`.

Exception
└── TaskError            any kind; `BusError` becomes kind `unavailable`, other exceptions `user`
    ├── ContractError    inputs or output that the function's contract refuses
    └── Cancelled        raised inside a synchronous function by `context().check()`
"""

from __future__ import annotations

from conductor.bus.errors import BusError
from conductor.wire import bounds
from conductor.wire.errors import ErrorValue


class TaskError(Exception):
    """A failure with a kind. `retryable=False` ends the retries; `retry_after_ms` wins over the backoff."""

    def __init__(
        self, kind: str, message: str = "", *, retryable: bool = True, retry_after_ms: int | None = None
    ) -> None:
        super().__init__(message or kind)
        self.kind = kind
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms


class ContractError(TaskError):
    """Values that do not fit the function's declared types."""

    def __init__(self, message: str) -> None:
        super().__init__("contract", message, retryable=False)


class Cancelled(TaskError):
    """The attempt was told to stop."""

    def __init__(self) -> None:
        super().__init__("cancelled", "the attempt was cancelled", retryable=False)


def error_value(error: BaseException) -> ErrorValue:
    """The value that a result carries for an exception; no trace of the stack leaves the worker."""
    if isinstance(error, TaskError):
        return ErrorValue(
            kind=error.kind[: bounds.NAME_LENGTH_MAX],
            message=str(error)[: bounds.TEXT_LENGTH_MAX],
            retryable=error.retryable,
            retry_after_ms=error.retry_after_ms,
        )
    if isinstance(error, BusError):
        # The function did its part: what it needed, or what it made, could not be moved.
        return ErrorValue(kind="unavailable", message=str(error)[: bounds.TEXT_LENGTH_MAX])
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ErrorValue(kind="user", message=text[: bounds.TEXT_LENGTH_MAX])
