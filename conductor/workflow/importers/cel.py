"""Pieces of our language as an importer makes them: CEL expressions and texts with expressions inside.

Foreign text never becomes an expression by accident: whatever a document says literally is quoted in CEL and has its
`${` doubled in templates.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "number", "boolean", "list", "object", "any"]

_NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
_RESERVED = {"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
             "namespace", "null", "package", "return", "true", "var", "void", "while"}  # fmt: skip
"""Words that CEL keeps for itself: as a field they are picked with brackets."""
EXPRESSION_LENGTH_MAX = 16_384
"""Characters of one expression; substitution could otherwise double its text at every step."""

# How tightly an expression binds: what is looser than its place gets parentheses.
TERNARY, OR, AND, COMPARE, SUM, PRODUCT, UNARY, PRIMARY = range(8)


@dataclass(frozen=True, slots=True)
class Cel:
    """An expression, how tightly it binds, and what is known of its type."""

    text: str
    binds: int = PRIMARY
    kind: Kind = "any"

    def inside(self, binds: int) -> str:
        """Its text where at least this tight a binding is needed."""
        return self.text if self.binds >= binds else f"({self.text})"

    def field(self, name: str) -> Cel:
        """A field of it."""
        plain = _NAME.match(name) and name not in _RESERVED
        return Cel(f"{self.inside(PRIMARY)}.{name}" if plain else f"{self.inside(PRIMARY)}[{quote(name)}]")

    def at(self, index: Cel) -> Cel:
        """An entry of it."""
        return Cel(f"{self.inside(PRIMARY)}[{index.text}]")

    def as_text(self) -> Cel:
        """Itself as a text, as a document would write it."""
        return self if self.kind == "text" else Cel(f"string({self.text})", PRIMARY, "text")

    def template(self) -> str:
        """Itself as a value of a document; the type of what it gives is kept."""
        return f"${{{self.text}}}"


def quote(text: str) -> str:
    """A text as a CEL literal."""
    made = json.dumps(text, ensure_ascii=False)[1:-1].replace("'", "\\'").replace('\\"', '"')
    return f"'{made}'"


def literal(value: Any) -> Cel:
    """A plain value as CEL."""
    if value is None:
        return Cel("null")
    if isinstance(value, bool):
        return Cel("true" if value else "false", PRIMARY, "boolean")
    if isinstance(value, (int, float)):
        return Cel(repr(value), PRIMARY if value >= 0 else UNARY, "number")
    if isinstance(value, str):
        return Cel(quote(value), PRIMARY, "text")
    if isinstance(value, list):
        return Cel(f"[{', '.join(literal(one).text for one in value)}]", PRIMARY, "list")
    body = ", ".join(f"{quote(str(key))}: {literal(one).text}" for key, one in value.items())
    return Cel(f"{{{body}}}", PRIMARY, "object")


def binary(left: Cel, sign: str, right: Cel) -> Cel:
    """Two expressions with an operator of CEL between them."""
    binds, kind = _SIGNS[sign]
    made: Kind = kind
    if sign == "+":
        made = left.kind if left.kind == right.kind else "text" if "text" in (left.kind, right.kind) else "any"
    # `a - (b - c)`: the right side has to bind tighter, since CEL groups from the left.
    return Cel(f"{left.inside(binds)} {sign} {right.inside(binds + 1)}", binds, made)


_SIGNS: dict[str, tuple[int, Kind]] = {
    "||": (OR, "boolean"), "&&": (AND, "boolean"),
    "==": (COMPARE, "boolean"), "!=": (COMPARE, "boolean"), "<": (COMPARE, "boolean"), "<=": (COMPARE, "boolean"),
    ">": (COMPARE, "boolean"), ">=": (COMPARE, "boolean"), "in": (COMPARE, "boolean"),
    "+": (SUM, "any"), "-": (SUM, "number"), "*": (PRODUCT, "number"), "/": (PRODUCT, "number"), "%": (PRODUCT, "number"),
}  # fmt: skip


def both(left: Cel | None, right: Cel | None) -> Cel | None:
    """Two conditions, of which either may be missing."""
    if left is None or right is None:
        return left or right
    return binary(left, "&&", right)


def negated(value: Cel) -> Cel:
    """Its opposite."""
    return Cel(f"!{value.inside(UNARY)}", UNARY, "boolean")


def choice(condition: Cel, then: Cel, otherwise: Cel) -> Cel:
    """`condition ? then : otherwise`."""
    kind = then.kind if then.kind == otherwise.kind else "any"
    return Cel(f"{condition.inside(OR)} ? {then.inside(OR)} : {otherwise.text}", TERNARY, kind)


def call(name: str, *arguments: Cel, kind: Kind = "any") -> Cel:
    """A function of its arguments."""
    return Cel(f"{name}({', '.join(one.text for one in arguments)})", PRIMARY, kind)


@dataclass(frozen=True, slots=True)
class Text:
    """A text with expressions inside. Two of them joined are one, so an argument goes into a text as it is."""

    pieces: tuple[str | Cel, ...] = ()

    @classmethod
    def of(cls, *pieces: str | Cel) -> Text:
        """From pieces, of which neighbours that are plain become one."""
        made: list[str | Cel] = []
        for piece in pieces:
            if isinstance(piece, str) and made and isinstance(made[-1], str):
                made[-1] += piece
            elif piece != "":
                made.append(piece)
        return cls(tuple(made))

    def plain(self) -> str | None:
        """The text, when no expression is in it."""
        if not self.pieces:
            return ""
        only = self.pieces[0]
        return only if len(self.pieces) == 1 and isinstance(only, str) else None

    def sole(self) -> Cel | None:
        """The expression, when it is all of the text."""
        only = self.pieces[0] if len(self.pieces) == 1 else None
        return only if isinstance(only, Cel) else None

    def value(self) -> str:
        """As a value of a document; a sole expression keeps its type."""
        return "".join(escape(p) if isinstance(p, str) else p.template() for p in self.pieces)

    def text_value(self) -> str:
        """As a value of a document that is a text whatever its expression gives."""
        sole = self.sole()
        return self.value() if sole is None else sole.as_text().template()

    def cel(self) -> Cel:
        """As one expression that gives a text; a sole one keeps its type."""
        sole = self.sole()
        if sole is not None:
            return sole
        made: Cel | None = None
        for piece in self.pieces:
            part = literal(piece) if isinstance(piece, str) else piece.as_text()
            made = part if made is None else binary(made, "+", part)
        return made or literal("")


def escape(text: str) -> str:
    """A plain text inside a document's value: no expression begins in it."""
    return text.replace("${", "$${")
