"""Contracts from signatures: what a function takes and gives, as the checker and the tracker know it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

import msgspec

from conductor.wire.extensions import Function, Parameter
from conductor.wire.values import Value
from conductor.worker.errors import ContractError
from conductor.workflow.types import Artifact, optional, type_name


class Contract:
    """The types of one function: its manifest entry, and the conversion of inputs and output."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._signature = inspect.signature(function, eval_str=True)
        self._annotations: dict[str, Any] = {}
        self._open = False
        for parameter in self._signature.parameters.values():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                self._open = True
            elif parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL):
                raise TypeError(f"{function.__qualname__}: inputs have names; {parameter.name!r} has none")
            else:
                self._annotations[parameter.name] = parameter.annotation
        self.artifacts = frozenset(n for n, a in self._annotations.items() if a is Artifact)

    def inputs(self) -> dict[str, Parameter]:
        """The parameters as the workflow language sees them."""
        found = {}
        for name, annotation in self._annotations.items():
            default = self._signature.parameters[name].default
            required = default is inspect.Parameter.empty
            found[name] = Parameter(
                type="any" if optional(annotation) else type_name(annotation),
                required=required,
                default=None if required else _plain(default),
            )
        return found

    def outputs(self) -> dict[str, Parameter] | None:
        """The fields of the output, where its type names them."""
        annotation = self._signature.return_annotation
        if isinstance(annotation, type) and (
            hasattr(annotation, "__struct_fields__")
            or hasattr(annotation, "__dataclass_fields__")
            or typing.is_typeddict(annotation)
        ):
            hints = typing.get_type_hints(annotation)
            return {name: Parameter(type=type_name(kind), required=not optional(kind)) for name, kind in hints.items()}
        return None

    def function(self, capability: str, description: str, **said: Any) -> Function:
        """The manifest entry."""
        return Function(
            capability=capability,
            description=description[:4096],
            inputs=self.inputs(),
            open_inputs=self._open,
            outputs=self.outputs(),
            **said,
        )

    def bind(self, value: Value) -> dict[str, Any]:
        """Inputs as the function's arguments, converted to its types.

        Raises:
            ContractError: one is missing, unknown or of another type; the message names it.
        """
        if not isinstance(value, dict):
            raise ContractError(f"inputs are a mapping, not a {type(value).__name__}")
        arguments: dict[str, Any] = {}
        for name, given in value.items():
            annotation = self._annotations.get(name)
            if annotation is None and not self._open:
                known = ", ".join(sorted(self._annotations)) or "none"
                raise ContractError(f"there is no input {name!r}; it takes {known}")
            arguments[name] = given if annotation is None else _convert(name, given, annotation)
        for name, parameter in self._signature.parameters.items():
            if name in self._annotations and name not in arguments and parameter.default is inspect.Parameter.empty:
                raise ContractError(f"the input {name!r} is missing")
        return arguments


def _convert(name: str, value: Value, annotation: Any) -> Any:
    if annotation in (inspect.Parameter.empty, Any) or annotation is Artifact:
        return value
    try:
        return msgspec.convert(value, annotation, strict=True)
    except msgspec.ValidationError as error:
        raise ContractError(f"the input {name!r}: {error}") from None
    except TypeError:
        return value  # a type that msgspec does not know is the function's own affair


def _plain(value: Any) -> Value:
    return msgspec.to_builtins(value)


def output_value(value: Any) -> Value:
    """What a function returned, as a value that can be sent.

    Raises:
        ContractError: it holds something that no payload may.
    """
    try:
        return msgspec.to_builtins(value, builtin_types=(bytes,))
    except (TypeError, RecursionError) as error:
        raise ContractError(f"the output cannot be sent: {error}") from None
